//! Tests of `ipv6_ext`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::ip::{IpEmit, IpHeader, PROTO_UDP};

/// A packet with these extension headers and payload, `first` naming the first of them.
fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN];
    let header = IpEmit {
        src: "2001:db8::1".parse().unwrap(),
        dst: "2001:db8::2".parse().unwrap(),
        protocol: first,
        payload_len: rest.len(),
        ..IpEmit::default()
    };
    ip::emit(&mut bytes, &header);
    bytes.extend(rest);
    bytes
}

fn parse(first: u8, rest: &[u8]) -> Result<IpHeader, Malformed> {
    ip::parse(&packet(first, rest))
}

/// Hop-by-hop options, with this option type, in front of UDP.
fn unknown(kind: u8) -> Result<IpHeader, Malformed> {
    parse(ip::PROTO_HOP_BY_HOP, &[17, 0, kind, 4, 0, 0, 0, 0, 1])
}

/// EXT-01, EXT-02, EXT-03: both headers are walked, their options skipped.
#[test]
fn options_headers_are_walked() {
    let bytes = golden("hbh_dest_udp6");
    let header = ip::parse(&bytes).unwrap();
    assert_eq!((header.protocol, header.protocol_at), (PROTO_UDP, 48));
    assert_eq!((header.header_len, header.payload_len), (56, 9));
    let area: Vec<_> = options(&bytes[40..48]).map(Result::unwrap).collect();
    let alert = ExtOption { kind: OPTION_ROUTER_ALERT, data: &[0, 0] };
    assert_eq!(area, [(2, alert), (6, ExtOption { kind: OPTION_PADN, data: &[] })]);
    let mut emitted = [0; 8];
    assert_eq!(emit_router_alert(&mut emitted, 60), 8);
    assert_eq!(emitted[..], bytes[40..48]);
    assert_eq!(parse(0, &[17, 1, 1, 0, 0, 0, 0, 0]), Err(Malformed::HeaderLength));
    assert_eq!(parse(60, &[17]), Err(Malformed::Truncated));
    assert_eq!(parse(60, &[17, 0, 1, 5, 0, 0, 0, 0]), Err(Malformed::Option));
    assert_eq!(parse(60, &[17, 0, 0, 0, 0, 0, 0, 3]), Err(Malformed::Option));
}

#[test]
fn ext_04_top_bits_of_unknown_options_decide() {
    assert_eq!(unknown(0x1e).map(|header| header.header_len), Ok(48));
    assert_eq!(unknown(0x5e), Err(Malformed::DiscardOption));
    assert_eq!(unknown(0x5e).unwrap_err().problem(), None);
    let always = ip::parse(&golden("hbh_unknown")).unwrap_err();
    assert_eq!(always, Malformed::UnknownOption { pointer: 42, even_multicast: true });
    let unicast = unknown(0xde).unwrap_err().problem().unwrap();
    assert_eq!((unicast.code, unicast.pointer, unicast.even_multicast), (2, 42, false));
}

#[test]
fn hop_by_hop_counts_only_in_front() {
    let later = parse(60, &[0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0]).unwrap();
    assert_eq!((later.protocol, later.protocol_at, later.header_len), (0, 40, 48));
}

#[test]
fn ext_09_routing_headers() {
    let refused = ip::parse(&golden("rh0")).unwrap_err();
    assert_eq!(refused, Malformed::Routing { pointer: 42 });
    assert_eq!(refused.problem().unwrap().code, 0);
    let kind = |kind, left| parse(43, &[17, 0, kind, left, 0, 0, 0, 0, 9]);
    assert_eq!(kind(2, 0).map(|header| (header.protocol, header.header_len)), Ok((17, 48)));
    assert_eq!(kind(77, 0).map(|header| header.header_len), Ok(48));
    // RFC 8200 §4.4: segments left and a type we do not serve.
    assert_eq!(kind(77, 1), Err(Malformed::Routing { pointer: 42 }));
}

#[test]
fn ext_10_fragments_both_ways() {
    let bytes = golden("frag6");
    let header = ip::parse(&bytes).unwrap();
    let fragment = Fragment { offset: 1480, more: true };
    assert_eq!((header.fragment, header.identification), (Some(fragment), 0xdead_beef));
    assert_eq!((header.protocol, header.header_len, header.payload_len), (17, 48, 16));
    let mut emitted = [0; 8];
    assert_eq!(emit_fragment(&mut emitted, 17, fragment, 0xdead_beef), 8);
    assert_eq!(emitted[..], bytes[40..48]);
    let ragged = parse(44, &[17, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9]);
    assert_eq!(ragged, Err(Malformed::Fragment { pointer: 4 }));
    let beyond = parse(44, &[17, 0, 0xff, 0xf8, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    assert_eq!(beyond, Err(Malformed::Fragment { pointer: 42 }));
}

/// RFC 6946: a fragment header of a whole packet is skipped.
#[test]
fn atomic_fragments_are_whole() {
    let header = parse(44, &[17, 0, 0, 0, 0, 0, 0, 7, 1, 2]).unwrap();
    assert_eq!((header.fragment, header.identification), (None, 7));
    assert_eq!((header.protocol, header.header_len, header.payload_len), (17, 48, 2));
}

#[test]
fn walks_are_bounded() {
    let header = [60, 0, 1, 4, 0, 0, 0, 0];
    let longest = [&header.repeat(HEADERS_MAX - 1)[..], &[17, 0, 1, 4, 0, 0, 0, 0]].concat();
    assert!(parse(60, &longest).is_ok());
    assert_eq!(parse(60, &header.repeat(40)), Err(Malformed::ExtensionHeaders));
    let crowded = [&[17, 2][..], &[0x1e, 0].repeat(OPTIONS_MAX + 1), &[1, 2, 0, 0]].concat();
    assert_eq!(parse(60, &crowded), Err(Malformed::ExtensionHeaders));
}

#[test]
fn jumbo_payload_only_in_merged_frames() {
    let mut bytes = packet(0, &[6, 0, OPTION_JUMBO, 4, 0, 1, 0, 0, 1, 2, 3]);
    assert!(matches!(ip::parse(&bytes), Err(Malformed::UnknownOption { .. })));
    bytes[4..6].fill(0);
    let merged = ip::parse_merged(&bytes).map(|header| (header.protocol, header.payload_len));
    assert_eq!(merged, Ok((6, 3)));
}

proptest! {
    #[test]
    fn any_chain(first in prop::sample::select(vec![0u8, 43, 44, 60]), rest in vec(any::<u8>(), 0..120)) {
        let bytes = packet(first, &rest);
        if let Ok(header) = ip::parse(&bytes) {
            prop_assert_eq!(header.total_len(), bytes.len());
        }
        if let Ok(chain) = skip(&bytes, first) {
            prop_assert!(chain.header_len >= HEADER_LEN);
        }
    }

    /// Chains made of plausible headers, so that the walk goes deep.
    #[test]
    fn plausible_chains(kinds in vec(prop::sample::select(vec![0u8, 43, 44, 60, 17]), 1..12),
                        fill in any::<[u8; 6]>()) {
        let mut rest = Vec::new();
        for next in &kinds[1..] {
            rest.extend([*next, fill[0] & 1]);
            rest.extend(&fill[1..]);
            rest.push(0);
        }
        let bytes = packet(kinds[0], &rest);
        if let Ok(header) = ip::parse(&bytes) {
            prop_assert_eq!(header.total_len(), bytes.len());
        }
    }
}
