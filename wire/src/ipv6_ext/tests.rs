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
    ip::emit(&mut bytes, &header).unwrap();
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
    assert_eq!(emit_router_alert(&mut emitted, 60), Ok(8));
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
    // In destination options behind another header, with padding in front of the option.
    let behind = |kind| parse(60, &[60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 0, kind, 2, 0, 0, 1]);
    assert_eq!(behind(0x1e).map(|header| header.header_len), Ok(56));
    assert_eq!(behind(0x5e), Err(Malformed::DiscardOption));
    for (kind, even_multicast) in [(0x9e, true), (0xde, false)] {
        let problem = behind(kind).unwrap_err().problem().unwrap();
        assert_eq!((problem.code, problem.pointer), (2, 52));
        assert_eq!(problem.even_multicast, even_multicast);
    }
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
    for skipped in [3, 4, 77] {
        assert_eq!(kind(skipped, 0).map(|header| header.header_len), Ok(48), "{skipped}");
    }
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
    assert_eq!(emit_fragment(&mut emitted, 17, fragment, 0xdead_beef), Ok(8));
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
}

/// EXT-11: options, padding and unknown options of a header have limits; zero lifts one.
/// SYSCTL-102.
/// SYSCTL-103.
/// SYSCTL-104.
#[test]
fn ext_11_limits_on_options() {
    let limited = |rest: &[u8], limits: Limits| {
        ip::parse_limited(&packet(60, rest), false, &limits).map(|header| header.header_len)
    };
    let header = |units: u8, options: &[u8]| {
        let mut bytes = vec![17, units];
        bytes.extend(options);
        bytes.resize((usize::from(units) + 1) * 8, 0);
        bytes
    };
    let tunnels = |count| header(9, &[OPTION_TUNNEL_LIMIT, 1, 9].repeat(count));
    let no_pads = Limits { pad_bytes: 0, ..Limits::DEFAULT };
    assert_eq!(limited(&tunnels(16), no_pads), Ok(120));
    assert_eq!(limited(&tunnels(17), no_pads), Err(Malformed::ExtensionHeaders));
    assert_eq!(limited(&tunnels(17), Limits::NONE), Ok(120));
    let unknown = |count| header(2, &[0x1e, 5, 0, 0, 0, 0, 0].repeat(count));
    assert_eq!(limited(&unknown(2), Limits::DEFAULT), Ok(64));
    assert_eq!(limited(&unknown(3), Limits::DEFAULT), Err(Malformed::ExtensionHeaders));
    assert_eq!(limited(&unknown(3), Limits { unknown_options: 3, ..Limits::DEFAULT }), Ok(64));
    // Sixteen bytes of padding pass, in either form; seventeen do not.
    let seven = [OPTION_PADN, 5, 0, 0, 0, 0, 0];
    let limit = [OPTION_TUNNEL_LIMIT, 1, 9];
    let sixteen = [&seven[..], &seven, &limit, &[0, 0], &limit].concat();
    let pads = |pad_bytes| limited(&header(2, &sixteen), Limits { pad_bytes, ..Limits::DEFAULT });
    assert_eq!((pads(16), pads(15)), (Ok(64), Err(Malformed::ExtensionHeaders)));
    assert_eq!(limited(&header(2, &[]), Limits::DEFAULT), Err(Malformed::ExtensionHeaders));
    assert_eq!(Limits::default(), Limits::DEFAULT);
}

/// EXT-05, EXT-06, EXT-08: a known option of a wrong length is no option; one in the other kind of
/// header is unknown there.
#[test]
fn known_options_have_their_place_and_length() {
    let hbh =
        |option: &[u8]| parse(0, &[&[17, 0], option].concat()).map(|header| header.header_len);
    let dest =
        |option: &[u8]| parse(60, &[&[17, 0], option].concat()).map(|header| header.header_len);
    assert_eq!(hbh(&[OPTION_ROUTER_ALERT, 2, 0, 0, 1, 0]), Ok(48));
    assert_eq!(hbh(&[OPTION_ROUTER_ALERT, 1, 0, 1, 1, 0]), Err(Malformed::Option));
    assert_eq!(dest(&[OPTION_TUNNEL_LIMIT, 1, 4, 1, 1, 0]), Ok(48));
    assert_eq!(dest(&[OPTION_TUNNEL_LIMIT, 2, 4, 1, 1, 0]), Err(Malformed::Option));
    // Types 4, 5 and 7 say "skip" where they are not known.
    assert_eq!(hbh(&[OPTION_TUNNEL_LIMIT, 1, 4, 1, 1, 0]), Ok(48));
    assert_eq!(dest(&[OPTION_ROUTER_ALERT, 2, 0, 0, 1, 0]), Ok(48));
    let label = [OPTION_CALIPSO, 12, 0, 0, 0, 1, 1, 7, 0xab, 0xcd, 1, 2, 3, 4];
    let wrap = |label: &[u8]| parse(0, &[&[17, 1], label].concat()).map(|header| header.header_len);
    assert_eq!(wrap(&label), Ok(56));
    let mut wrong = label;
    wrong[6] = 2;
    assert_eq!(wrap(&wrong), Err(Malformed::Option), "two words announced, one there");
}

/// EXT-07: a jumbogram is refused as an option nobody knows here, and a length that needs no
/// jumbogram is blamed itself.
#[test]
fn ext_07_jumbograms_are_refused_cleanly() {
    let jumbo = |len: u32| {
        let option = [&[6, 0, OPTION_JUMBO, 4][..], &len.to_be_bytes()].concat();
        parse(0, &option).unwrap_err()
    };
    assert_eq!(jumbo(65535), Malformed::OptionValue { pointer: 44 });
    assert_eq!(jumbo(65535).problem().map(|problem| problem.code), Some(0));
    assert_eq!(jumbo(65536), Malformed::UnknownOption { pointer: 42, even_multicast: false });
    assert_eq!(parse(0, &[6, 0, OPTION_JUMBO, 3, 0, 1, 0, 0]), Err(Malformed::Option));
}

/// RFC 7112: the first fragment holds the whole chain.
#[test]
fn first_fragments_hold_the_whole_chain() {
    let first = |next: u8, rest: &[u8]| {
        let header = [&[next, 0, 0, 1, 0, 0, 0, 7][..], rest].concat();
        parse(44, &header).map(|header| header.header_len)
    };
    assert_eq!(first(17, &[0; 8]), Ok(48));
    assert_eq!(first(58, &[0; 8]), Ok(48));
    assert_eq!(first(6, &[0; 24]), Ok(48));
    assert_eq!(first(6, &[0; 16]), Err(Malformed::IncompleteChain));
    assert_eq!(first(253, &[0; 8]), Ok(48));
    assert_eq!(first(59, &[0; 8]), Ok(48));
    let dest = [17, 0, 1, 4, 0, 0, 0, 0];
    assert_eq!(first(60, &[&dest[..], &[0; 8]].concat()), Ok(48));
    assert_eq!(first(60, &dest), Err(Malformed::IncompleteChain));
    assert_eq!(first(60, &[17, 1, 1, 4, 0, 0, 0, 0]), Err(Malformed::IncompleteChain));
    assert_eq!(first(60, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(40)), Err(Malformed::ExtensionHeaders));
    let problem = Malformed::IncompleteChain.problem().unwrap();
    assert_eq!((problem.code, problem.pointer), (3, 0));
    // A later fragment has no chain to hold.
    assert_eq!(
        parse(44, &[6, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8]).map(|h| h.header_len),
        Ok(48)
    );
}

/// EXT-12: what the emitters write is what the walk reads.
#[test]
fn ext_12_every_header_can_be_written() {
    let mut hbh = OptionsWriter::<64>::new();
    assert!(hbh.put(&Known::RouterAlert(0)));
    let mut dest = OptionsWriter::<64>::new();
    assert!(dest.put(&Known::TunnelLimit(3)));
    let routing = Routing { next_header: 44, kind: 2, segments_left: 0, data: &[0; 20] };
    let mut bytes = [0; 40];
    assert_eq!(emit_routing(&mut bytes, &routing), Ok(24));
    assert_eq!(parse_routing(&bytes), Ok(routing));
    let atomic = Fragment { offset: 0, more: false };
    assert_eq!(emit_fragment(&mut bytes[24..], 17, atomic, 7), Ok(8));
    let chain = [hbh.finish(60).unwrap(), dest.finish(43).unwrap(), &bytes[..32], &[0; 8]].concat();
    let packet = packet(0, &chain);
    let header = ip::parse(&packet).unwrap();
    assert_eq!((header.protocol, header.header_len, header.payload_len), (17, 88, 8));
    let found: Vec<_> = headers(&packet, header.header_len).collect();
    let numbers: Vec<_> = found.iter().map(|header| header.protocol).collect();
    assert_eq!(numbers, [0, 60, 43, 44]);
    assert_eq!(found.iter().map(|header| header.bytes.len()).sum::<usize>(), 48);

    let refused = Routing { data: &[0; 21], ..routing };
    assert_eq!(
        emit_routing(&mut [0; 64], &refused),
        Err(EmitError::Value),
        "no whole number of units"
    );
    assert_eq!(emit_routing(&mut [0; 20], &routing), Err(EmitError::NoRoom), "no room");
    assert_eq!(
        emit_routing(&mut [0; 4000], &Routing { data: &[0; 2052], ..routing }),
        Err(EmitError::Value)
    );
    assert_eq!(
        emit_fragment(&mut [0; 8], 17, Fragment { offset: 12, more: true }, 7),
        Err(EmitError::Value)
    );
    assert_eq!(
        emit_fragment(&mut [0; 8], 17, Fragment { offset: 65536, more: true }, 7),
        Err(EmitError::Value)
    );
    assert_eq!(parse_routing(&[17, 1, 0, 0, 0, 0, 0, 0]), Err(Malformed::HeaderLength));
    assert_eq!(parse_routing(&[17, 1]), Err(Malformed::Truncated));
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
    fn any_chain(
        first in prop::sample::select(vec![0u8, 43, 44, 60]),
        rest in vec(any::<u8>(), 0..120),
    ) {
        let bytes = packet(first, &rest);
        if let Ok(header) = ip::parse(&bytes) {
            prop_assert_eq!(header.total_len(), bytes.len());
        }
        prop_assert!(headers(&bytes, bytes.len()).count() <= bytes.len() / 8);
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
