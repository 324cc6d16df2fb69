//! Tests of `ip`: what holds for both families.

use addr::Ip;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture;

fn emit_v4(change: impl FnOnce(&mut IpEmit)) -> IpEmit {
    let mut header = IpEmit {
        src: Ip::v4([10, 0, 0, 1]),
        dst: Ip::v4([10, 0, 0, 2]),
        protocol: PROTO_UDP,
        ..IpEmit::default()
    };
    change(&mut header);
    header
}

fn parsed(header: &IpEmit) -> IpHeader {
    let mut packet = vec![0; 60 + header.payload_len];
    assert!(emit(&mut packet, header).is_ok());
    parse(&packet).expect("a sound packet")
}

#[test]
fn golden_packets_parse_up_to_the_last_byte() {
    for golden in fixture::all().iter().filter(|golden| golden.medium == 'i') {
        match parse(&golden.bytes) {
            Ok(header) => assert_eq!(header.total_len(), golden.bytes.len(), "{}", golden.name),
            Err(why) => assert!(matches!(golden.name, "hbh_unknown" | "rh0"), "{why}"),
        }
    }
}

#[test]
fn neither_version_is_malformed() {
    assert_eq!(parse(&[]), Err(Malformed::Truncated));
    for version in [0, 1, 2, 3, 5, 7, 8, 15] {
        assert_eq!(parse(&[version << 4; 60]), Err(Malformed::Version));
    }
}

#[test]
fn ip4_03_hop_limit_zero_points_at_the_ttl() {
    let refused = parsed(&emit_v4(|header| header.hop_limit = 0)).check_sender(false);
    assert_eq!(refused, Err(Malformed::ZeroHopLimit { pointer: 8 }));
    assert_eq!(refused.unwrap_err().problem().unwrap().pointer, 8);
}

/// IP4-04, without a Parameter Problem: RFC 1122 §3.2.2 forbids errors about packets from such
/// sources.
#[test]
fn senders_that_cannot_be_one_host() {
    let refused = ["0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"];
    for text in refused {
        let header = parsed(&emit_v4(|header| header.src = text.parse().unwrap()));
        assert_eq!(header.check_sender(false), Err(Malformed::Source), "{text}");
        assert_eq!(header.check_sender(true).is_ok(), text == "127.0.0.1", "{text}");
    }
    for text in ["0.0.0.0", "1.2.3.4", "169.254.1.1", "223.255.255.255"] {
        let header = parsed(&emit_v4(|header| header.src = text.parse().unwrap()));
        assert_eq!(header.check_sender(false), Ok(()), "{text}");
    }
}

#[test]
fn ip6_03_sanity() {
    let v6 = |src: &str, hop_limit| {
        let (src, dst) = (src.parse().unwrap(), "2001:db8::2".parse().unwrap());
        parsed(&IpEmit { src, dst, hop_limit, ..IpEmit::default() })
    };
    let zero = v6("2001:db8::1", 0).check_sender(false);
    assert_eq!(zero, Err(Malformed::ZeroHopLimit { pointer: 7 }));
    assert_eq!(v6("::1", 64).check_sender(false), Err(Malformed::Source));
    assert_eq!(v6("::1", 64).check_sender(true), Ok(()));
    assert_eq!(v6("ff02::1", 64).check_sender(true), Err(Malformed::Source));
    assert_eq!(v6("::", 64).check_sender(false), Ok(()));
}

#[test]
fn families_do_not_mix() {
    let header = emit_v4(|header| header.dst = Ip::ALL_NODES);
    assert_eq!(emit(&mut [0; 60], &header), Err(EmitError::Value));
}

/// IP6-04: of a device that cuts them; on the wire they would be jumbograms, and none is written.
#[test]
fn merged_frames_beyond_64_kib_have_no_length() {
    for (src, dst) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")] {
        let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
        let payload_len = 100_000;
        let header = IpEmit { src, dst, payload_len, protocol: PROTO_TCP, ..IpEmit::default() };
        let mut packet = vec![0; header_len(src.is_v4()) + payload_len];
        emit(&mut packet, &header).unwrap();
        assert_eq!(parse_merged(&packet).map(|header| header.payload_len), Ok(payload_len));
        assert_ne!(parse(&packet).map(|header| header.payload_len), Ok(payload_len));
    }
}

fn any_ip(v4: bool) -> impl Strategy<Value = Ip> {
    any::<[u8; 16]>().prop_map(move |octets| {
        let [a, b, c, d, ..] = octets;
        if v4 { Ip::v4([a, b, c, d]) } else { Ip::v6(octets) }
    })
}

fn any_header() -> impl Strategy<Value = IpEmit> {
    any::<bool>().prop_flat_map(|v4| {
        let ends = (any_ip(v4), any_ip(v4));
        (ends, any::<[u8; 3]>(), any::<(u16, bool)>(), 0usize..1500, 0u32..1 << 20).prop_map(
            |((src, dst), [protocol, hop_limit, traffic_class], (id, df), len, label)| IpEmit {
                src,
                dst,
                protocol: protocol | 0x80,
                hop_limit,
                traffic_class,
                identification: id,
                dont_fragment: df,
                payload_len: len,
                flow_label: label,
            },
        )
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        for header in [parse(&bytes), parse_merged(&bytes)].into_iter().flatten() {
            prop_assert!(header.total_len() <= bytes.len());
            prop_assert_eq!(header.payload(&bytes).len(), header.payload_len);
        }
    }

    #[test]
    fn parse_after_emit(emitted in any_header(), padding in 0usize..50) {
        prop_assume!(emitted.src.is_v4() == emitted.dst.is_v4());
        let v4 = emitted.src.is_v4();
        let len = header_len(v4) + emitted.payload_len;
        let mut packet = vec![0; len + padding];
        prop_assert_eq!(emit(&mut packet, &emitted), Ok(header_len(v4)));
        let header = parse(&packet).unwrap();
        prop_assert_eq!((header.src, header.dst), (emitted.src, emitted.dst));
        prop_assert_eq!(header.protocol, emitted.protocol);
        prop_assert_eq!(header.hop_limit, emitted.hop_limit);
        prop_assert_eq!(header.traffic_class, emitted.traffic_class);
        prop_assert_eq!(header.total_len(), len);
        prop_assert_eq!(header.fragment, None);
        let identification = if v4 { u32::from(emitted.identification) } else { 0 };
        prop_assert_eq!(header.identification, identification);
        prop_assert_eq!(header.flow_label, if v4 { 0 } else { emitted.flow_label });
        prop_assert_eq!(header.dont_fragment, !v4 || emitted.dont_fragment);
    }
}
