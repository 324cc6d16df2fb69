//! Tests of `ndp`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::icmp::Message as Icmp;
use crate::ndp_options::{NdpOption, OptionWriter};
use crate::{icmpv6, ip};

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

/// Parses the message of a golden packet, emits it again, and compares.
fn both_ways(name: &str, check: impl FnOnce(Message<'_>)) {
    let frame = golden(name);
    let packet = &frame[if frame[0] >> 4 == 6 { 0 } else { 14 }..];
    let header = ip::parse(packet).unwrap();
    let bytes = header.payload(packet);
    let Ok(Icmp::Other { kind, code, body }) = icmpv6::parse(header.src, header.dst, bytes) else {
        panic!("{name}");
    };
    let message = parse(&header, kind, code, body).unwrap();
    check(message);
    let mut emitted = vec![0; bytes.len()];
    assert_eq!(emit(&mut emitted, header.src, header.dst, &message), Ok(bytes.len()), "{name}");
    assert_eq!(emitted, bytes, "{name}");
    assert_eq!(
        emit(&mut emitted[1..], header.src, header.dst, &message),
        Err(EmitError::NoRoom),
        "{name}: no room"
    );
}

/// A message as its receiver sees it: emitted, then parsed with this hop limit.
fn seen(src: &str, dst: &str, message: &Message<'_>) -> Result<(), Malformed> {
    seen_with(src, dst, message, HOP_LIMIT, 0)
}

fn seen_with(
    src: &str,
    dst: &str,
    message: &Message<'_>,
    hop_limit: u8,
    code: u8,
) -> Result<(), Malformed> {
    let (src, dst) = (ip(src), ip(dst));
    let mut bytes = [0; 200];
    let len = emit(&mut bytes, src, dst, message).unwrap();
    let header = IpHeader {
        src,
        dst,
        protocol: PROTO_ICMPV6,
        protocol_at: 6,
        hop_limit,
        traffic_class: 0,
        flow_label: 0,
        identification: 0,
        fragment: None,
        dont_fragment: true,
        header_len: 40,
        payload_len: len,
    };
    parse(&header, bytes[0], code, &bytes[4..len]).map(drop)
}

fn source_mac() -> OptionWriter<8> {
    let mut writer = OptionWriter::new();
    assert!(writer.put(&NdpOption::SourceMac(MAC)));
    writer
}

#[test]
fn nd_01_hop_limit_code_and_option_chain() {
    let rs = Message::RouterSolicitation { options: Options::default() };
    assert_eq!(seen("fe80::1", "ff02::2", &rs), Ok(()));
    assert_eq!(seen_with("fe80::1", "ff02::2", &rs, 254, 0), Err(Malformed::HopLimit));
    assert_eq!(seen_with("fe80::1", "ff02::2", &rs, 255, 1), Err(Malformed::Field));
    let options = Options::default();
    let (target, destination) = (ip("fe80::1"), ip("fe80::1"));
    let na = NeighborAdvertisement {
        target,
        router: false,
        solicited: true,
        override_flag: false,
        options,
    };
    for message in [
        Message::RouterAdvertisement(RouterAdvertisement::default()),
        Message::NeighborSolicitation { target: ip("fe80::2"), options },
        Message::NeighborAdvertisement(na),
        Message::Redirect { target, destination, options },
    ] {
        let seen = |hop_limit, code| seen_with("fe80::1", "fe80::2", &message, hop_limit, code);
        assert_eq!(seen(HOP_LIMIT, 0), Ok(()), "{message:?}");
        assert_eq!(seen(254, 0), Err(Malformed::HopLimit), "{message:?}");
        assert_eq!(seen(HOP_LIMIT, 1), Err(Malformed::Field), "{message:?}");
    }
    for chain in [&[1, 0, 0, 0, 0, 0, 0, 0][..], &[1, 2, 0, 0, 0, 0, 0, 0], &[1], &[1, 1, 0]] {
        assert_eq!(Options::parse(chain), Err(Malformed::Option), "{chain:?}");
    }
}

#[test]
fn nd_02_router_solicitation() {
    both_ways("rs", |message| {
        let Message::RouterSolicitation { options } = message else { panic!("{message:?}") };
        assert_eq!(options.source_mac(), Some(MAC));
    });
    let with_mac = source_mac();
    let bare = Message::RouterSolicitation { options: Options::default() };
    let with = Message::RouterSolicitation { options: with_mac.options() };
    assert_eq!(seen("::", "ff02::2", &bare), Ok(()));
    assert_eq!(seen("::", "ff02::2", &with), Err(Malformed::Option));
    assert_eq!(seen("ff02::1", "ff02::2", &bare), Err(Malformed::Source));
    assert_eq!(seen("fe80::1", "ff02::1", &bare), Err(Malformed::Destination));
}

#[test]
fn nd_03_router_advertisement() {
    both_ways("ra", |message| {
        let Message::RouterAdvertisement(ra) = message else { panic!("{message:?}") };
        assert_eq!((ra.hop_limit, ra.managed, ra.other), (64, false, true));
        assert_eq!((ra.preference, ra.lifetime_s), (Preference::High, 1800));
        assert_eq!((ra.reachable_ms, ra.retransmit_ms), (30000, 1000));
        assert_eq!(ra.options.iter().count(), 5);
    });
    let ra = Message::RouterAdvertisement(RouterAdvertisement::default());
    assert_eq!(seen("fe80::1", "fe80::2", &ra), Ok(()));
    assert_eq!(seen("2001:db8::1", "ff02::1", &ra), Err(Malformed::Source));
    assert_eq!(seen("fe80::1", "ff02::2", &ra), Err(Malformed::Destination));
}

#[test]
fn nd_04_neighbor_solicitation() {
    both_ways("ns", |message| {
        let Message::NeighborSolicitation { target, options } = message else { panic!() };
        assert_eq!((target, options.source_mac()), (ip("fe80::2"), Some(MAC)));
    });
    let mac = source_mac();
    let ns = |target, options| Message::NeighborSolicitation { target: ip(target), options };
    let bare = ns("fe80::2", Options::default());
    let group = "ff02::1:ff00:2";
    assert_eq!(seen("fe80::1", "fe80::2", &bare), Ok(()));
    assert_eq!(seen("::", group, &bare), Ok(()));
    assert_eq!(seen("::", "fe80::2", &bare), Err(Malformed::Destination));
    assert_eq!(seen("::", group, &ns("fe80::2", mac.options())), Err(Malformed::Option));
    assert_eq!(seen("fe80::1", "ff02::1", &bare), Err(Malformed::Destination));
    assert_eq!(seen("ff02::1", group, &bare), Err(Malformed::Source));
    let to_group = ns("ff02::2", Options::default());
    assert_eq!(seen("fe80::1", "ff02::2", &to_group), Err(Malformed::Field));
    assert_eq!(
        seen("::", group, &ns("::ffff:1.2.3.4", Options::default())),
        Err(Malformed::MappedAddress)
    );
}

#[test]
fn nd_05_neighbor_advertisement() {
    both_ways("na", |message| {
        let Message::NeighborAdvertisement(na) = message else { panic!("{message:?}") };
        assert_eq!((na.router, na.solicited, na.override_flag), (false, true, true));
        assert_eq!(na.options.target_mac(), Some(Mac([2, 0, 0, 0, 0, 2])));
    });
    let na = |solicited| {
        Message::NeighborAdvertisement(NeighborAdvertisement {
            target: ip("fe80::2"),
            router: true,
            solicited,
            override_flag: false,
            options: Options::default(),
        })
    };
    assert_eq!(seen("fe80::2", "fe80::1", &na(true)), Ok(()));
    assert_eq!(seen("fe80::2", "ff02::1", &na(false)), Ok(()));
    // RFC 4861 §7.1.2 does not forbid an unsolicited one to one host, and Linux takes it.
    assert_eq!(seen("fe80::2", "fe80::1", &na(false)), Ok(()));
    // RFC 4861 §7.1.2: a solicited one never goes to a group.
    assert_eq!(seen("fe80::2", "ff02::1", &na(true)), Err(Malformed::Destination));
    assert_eq!(seen("fe80::2", "ff02::2", &na(false)), Err(Malformed::Destination));
    assert_eq!(seen("::", "ff02::1", &na(false)), Err(Malformed::Source));
}

#[test]
fn nd_06_redirect() {
    both_ways("redirect", |message| {
        let Message::Redirect { target, destination, options } = message else { panic!() };
        assert_eq!((target, destination), (ip("fe80::fd"), ip("2001:db8:9::1")));
        assert_eq!(options.target_mac(), Some(Mac([2, 0, 0, 0, 0, 0xfd])));
    });
    let redirect = |target, destination| {
        let options = Options::default();
        Message::Redirect { target: ip(target), destination: ip(destination), options }
    };
    let (us, router) = ("2001:db8::1", "fe80::fe");
    assert_eq!(seen(router, us, &redirect("2001:db8::9", "2001:db8::9")), Ok(()));
    assert_eq!(seen(router, us, &redirect("2001:db8::8", "2001:db8::9")), Err(Malformed::Field));
    assert_eq!(seen(router, us, &redirect("fe80::fd", "ff02::1")), Err(Malformed::Field));
    assert_eq!(seen(us, us, &redirect("fe80::fd", "2001:db8::9")), Err(Malformed::Source));
}

#[test]
fn short_verbs_write_what_the_long_one_does() {
    let frame = golden("ns");
    let (src, dst, target) = (ip("fe80::1"), ip("ff02::1:ff00:2"), ip("fe80::2"));
    let mut bytes = [0; 40];
    assert_eq!(emit_ns(&mut bytes, src, dst, target, Some(MAC), None), Ok(32));
    assert_eq!(bytes[..32], frame[54..]);
    assert_eq!(emit_ns(&mut bytes, src, dst, target, Some(MAC), Some(&[7; 6])), Ok(40));
    assert_eq!(bytes[32..], [14, 1, 7, 7, 7, 7, 7, 7]);
    let na = NeighborAdvertisement {
        target,
        router: false,
        solicited: true,
        override_flag: true,
        options: Options::default(),
    };
    assert_eq!(emit_na(&mut bytes, target, src, &na, Some(Mac([2, 0, 0, 0, 0, 2]))), Ok(32));
    assert_eq!(bytes[..32], golden("na")[40..]);
    assert_eq!(emit_rs(&mut bytes, src, Ip::ALL_ROUTERS, None), Ok(8));
}

proptest! {
    #[test]
    fn any_body(kind in 133u8..=137, body in vec(any::<u8>(), 0..120)) {
        let packet = golden("rs");
        let header = ip::parse(&packet).unwrap();
        if let Ok(message) = parse(&header, kind, 0, &body) {
            let mut emitted = [0; 200];
            let len = emit(&mut emitted, header.src, header.dst, &message);
            prop_assert!(len.is_ok_and(|len| len <= body.len() + 4));
        }
    }
}
