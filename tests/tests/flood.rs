//! A flood of SYNs from peers that never answer: the listener keeps a bounded number of them, and
//! the kernel still gets in, by a cookie (TCPF-04, GAP-02).

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
use tests::{Backend, HOST_V4, Lab, Pattern, STACK_V4};

const SYNS: u32 = 4000;
/// More than the daemon's `tcp_embryos`.
const EMBRYOS_MAX: usize = 1024;
const ECHO: u16 = 7;

/// The ones' complement sum of RFC 1071 over 16-bit words.
fn checksum(words: impl Iterator<Item = u16>) -> u16 {
    let sum: u32 = words.map(u32::from).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

/// A SYN from `source`, as an IP packet; the kernel completes the IP header.
fn syn(source: Ipv4Addr, target: Ipv4Addr) -> [u8; 40] {
    let mut packet = [0; 40];
    packet[0] = 0x45;
    packet[8..10].copy_from_slice(&[64, 6]);
    packet[12..16].copy_from_slice(&source.octets());
    packet[16..20].copy_from_slice(&target.octets());
    packet[20..22].copy_from_slice(&4000u16.to_be_bytes());
    packet[22..24].copy_from_slice(&ECHO.to_be_bytes());
    // Five words, SYN, any window.
    packet[32..36].copy_from_slice(&[0x50, 2, 0x20, 0]);
    let words = packet[12..].chunks(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let sum = checksum(words.chain([6, 20]));
    packet[36..38].copy_from_slice(&sum.to_be_bytes());
    packet
}

fn counter(lab: &Lab, name: &str) -> u64 {
    let stats = lab.daemon.records("stats");
    let found = stats.iter().find(|s| s["name"] == name);
    found.map_or(0, |s| s["value"].as_u64().expect("a number"))
}

/// Sends what the echo service sends back.
fn talk(mut stream: &TcpStream) {
    let pattern = Pattern::default();
    let text = pattern.at(0, 500_000);
    thread::scope(|scope| {
        scope.spawn(|| (&mut &*stream).write_all(text).expect("write"));
        let mut back = vec![0; text.len()];
        stream.read_exact(&mut back).expect("read");
        assert!(back == text, "the bytes come back");
    });
}

#[test]
fn the_kernel_gets_in_during_a_flood_by_a_cookie_gap_02() {
    let lab = Lab::with("flood", Backend::Tap, &["--gateway", "10.0.1.1"]);
    let (IpAddr::V4(host), IpAddr::V4(stack)) = (HOST_V4, STACK_V4) else { unreachable!() };
    let target = SocketAddrV4::new(stack, 0);
    lab.space.inside(|| {
        let raw = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)).expect("raw");
        for peer in 0..SYNS {
            // The range of RFC 2544: behind the gateway, where nobody is.
            let source = Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 1).to_bits() + peer);
            sendto(&raw, &syn(source, stack), SendFlags::empty(), &target).expect("send");
            if peer % 64 == 63 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    assert!(tests::eventually(10, || counter(&lab, "tcp_syncookies_sent") > 0));
    let half_open =
        lab.daemon.records("socket").iter().filter(|s| s["state"] == "SYN-RECV").count();
    assert!(half_open > 0 && half_open <= EMBRYOS_MAX, "{half_open} half open");

    let address = (stack, ECHO).into();
    let stream = lab.space.inside(|| TcpStream::connect_timeout(&address, Duration::from_secs(9)));
    let stream = stream.expect("the kernel connects");
    assert_eq!(stream.local_addr().expect("address").ip(), IpAddr::V4(host));
    talk(&stream);
    assert_eq!(counter(&lab, "tcp_syncookies_received"), 1);
    assert_eq!(counter(&lab, "tcp_syncookies_failed"), 0);
}
