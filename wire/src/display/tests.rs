//! Tests of `display`: every golden frame has its line, and nothing makes it fail.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture;

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
