//! Tests of `display`: every golden frame has its line, and nothing makes it fail.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ip::IpEmit;
use crate::{dhcpv4, dhcpv6, dns, fixture, fixture_apps};

#[test]
fn golden_frames_print_as_noted() {
    for golden in fixture::all() {
        let line = match golden.medium {
            'e' => frame(&golden.bytes).to_string(),
            'i' => packet(&golden.bytes).to_string(),
            _ => continue,
        };
        assert_eq!(Some(line.as_str()), golden.line, "{}", golden.name);
    }
}

#[test]
fn arp_prints_like_tcpdump() {
    let header = fixture::hex("ffffffffffff0200000000010806");
    let mut bytes = [header, fixture::golden("arp_request")].concat();
    let ends = "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ";
    let line = format!("{ends}ARP, Request who-has 10.0.0.2 tell 10.0.0.1");
    assert_eq!(frame(&bytes).to_string(), line);
    bytes[21] = 2;
    let line = format!("{ends}ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01");
    assert_eq!(frame(&bytes).to_string(), line);
    bytes[21] = 9;
    assert_eq!(frame(&bytes).to_string(), format!("{ends}ARP [bad field value], length 28"));
}

/// `payload` between two ports, as a packet.
fn datagram(v4: bool, src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let (src, dst) = match v4 {
        true => ("10.0.0.1", "10.0.0.2"),
        false => ("2001:db8::1", "2001:db8::2"),
    };
    let header = IpEmit {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        protocol: ip::PROTO_UDP,
        payload_len: udp::HEADER_LEN + payload.len(),
        ..IpEmit::default()
    };
    let mut bytes = vec![0; ip::header_len(v4) + udp::HEADER_LEN];
    let at = ip::emit(&mut bytes, &header).unwrap();
    udp::emit(&mut bytes[at..], src_port, dst_port, payload.len()).unwrap();
    bytes.extend(payload);
    bytes
}

/// A message of DHCP or DNS prints behind its packet, by the port of either side.
#[test]
fn messages_print_by_their_port() {
    let kinds = [
        ('4', true, dhcpv4::CLIENT_PORT, dhcpv4::SERVER_PORT),
        ('6', false, dhcpv6::CLIENT_PORT, dhcpv6::SERVER_PORT),
        ('d', true, 4000, dns::PORT),
        ('d', false, dns::PORT, 4000),
    ];
    for (kind, v4, src, dst) in kinds {
        let mut printed = 0;
        for (name, bytes, line) in fixture_apps::all(kind) {
            let Some(line) = line else { continue };
            let ends = match v4 {
                true => format!("IP 10.0.0.1.{src} > 10.0.0.2.{dst}: "),
                false => format!("IP6 2001:db8::1.{src} > 2001:db8::2.{dst}: "),
            };
            let whole = datagram(v4, src, dst, &bytes);
            assert_eq!(packet(&whole).to_string(), ends + line, "{name}");
            printed += 1;
        }
        assert!(printed > 3, "{kind}: {printed}");
    }
}

#[test]
fn a_port_is_only_a_hint() {
    for (v4, port) in [(true, 67), (true, 547), (false, 68), (false, 546), (true, 53), (false, 53)]
    {
        let line = packet(&datagram(v4, 4000, port, b"abc")).to_string();
        assert!(line.ends_with(": UDP, length 3"), "{line}");
    }
    let (_, discover, _) = fixture_apps::all('4').swap_remove(0);
    let line = packet(&datagram(true, 4000, 4001, &discover)).to_string();
    assert!(line.ends_with(": UDP, length 300"), "{line}");
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(frame(&[]).to_string(), "Ethernet [shorter than its header], length 0");
    assert_eq!(packet(&[0x50; 20]).to_string(), "IP [wrong version], length 20");
    let mut corrupt = fixture::golden("icmp4_echo");
    corrupt[30] ^= 1;
    let line = "IP 10.0.0.1 > 10.0.0.2: ICMP message [bad checksum], length 13";
    assert_eq!(packet(&corrupt).to_string(), line);
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        let _ = (frame(&bytes).to_string(), packet(&bytes).to_string());
    }

    /// Sound packets with a few bytes changed reach deeper than noise.
    #[test]
    fn damaged_packets(which: prop::sample::Index, at: prop::sample::Index, byte: u8, cut: bool) {
        let all = fixture::all();
        let golden = which.get(&all);
        let mut bytes = golden.bytes.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let _ = (frame(&bytes).to_string(), packet(&bytes).to_string());
    }
}
