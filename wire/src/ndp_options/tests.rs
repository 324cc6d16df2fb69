//! Tests of `ndp_options`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;

fn one(bytes: &[u8]) -> NdpOption<'_> {
    let options = Options::parse(bytes).unwrap();
    assert_eq!(options.iter().count(), 1);
    options.iter().next().unwrap()
}

fn is_unknown(bytes: &[u8]) -> bool {
    matches!(one(bytes), NdpOption::Unknown { kind, .. } if kind == bytes[0])
}

/// An option of `units` times eight bytes with zeros for data.
fn zeros(kind: u8, units: u8) -> Vec<u8> {
    let mut bytes = vec![0; usize::from(units) * 8];
    (bytes[0], bytes[1]) = (kind, units);
    bytes
}

/// ND-07, ND-08, ND-10, ND-12, ND-13 as another implementation writes them.
#[test]
fn options_of_a_router_advertisement() {
    let packet = golden("ra");
    let bytes = &packet[56..];
    let options: Vec<_> = Options::parse(bytes).unwrap().iter().collect();
    let prefix = Prefix {
        prefix: "2001:db8:1::/64".parse().unwrap(),
        on_link: true,
        autonomous: true,
        router_address: false,
        valid_s: 86400,
        preferred_s: 14400,
    };
    let route = Route {
        prefix: "2001:db8:2::/48".parse().unwrap(),
        preference: Preference::Low,
        lifetime_s: 600,
    };
    let server: Ip = "2001:db8::53".parse().unwrap();
    let expected = [
        NdpOption::SourceMac(Mac([2, 0, 0, 0, 0, 0xfe])),
        NdpOption::Mtu(1400),
        NdpOption::Prefix(prefix),
        NdpOption::Route(route),
        NdpOption::NameServers { lifetime_s: 300, servers: &[*server.octets()] },
    ];
    assert_eq!(options, expected);
    let mut writer = OptionWriter::<200>::new();
    assert!(expected.iter().all(|option| writer.put(option)));
    assert_eq!(writer.options().bytes(), bytes);
}

#[test]
fn nd_07_link_layer_addresses_have_one_length() {
    assert!(matches!(one(&zeros(TARGET_MAC, 1)), NdpOption::TargetMac(_)));
    assert!(is_unknown(&zeros(SOURCE_MAC, 2)) && is_unknown(&zeros(TARGET_MAC, 2)));
}

#[test]
fn nd_08_prefixes_longer_than_an_address_are_not_believed() {
    let mut bytes = zeros(PREFIX, 4);
    bytes[2] = 128;
    let NdpOption::Prefix(prefix) = one(&bytes) else { panic!("a prefix") };
    assert!(!prefix.on_link && !prefix.autonomous && !prefix.router_address);
    for (flag, expected) in
        [(0x80, [true, false, false]), (0x40, [false, true, false]), (0x20, [false, false, true])]
    {
        bytes[3] = flag;
        let NdpOption::Prefix(prefix) = one(&bytes) else { panic!("a prefix") };
        assert_eq!([prefix.on_link, prefix.autonomous, prefix.router_address], expected);
    }
    bytes[2] = 129;
    assert!(is_unknown(&bytes) && is_unknown(&zeros(PREFIX, 3)));
}

#[test]
fn nd_09_redirected_header() {
    let mut writer = OptionWriter::<48>::new();
    assert!(writer.put(&NdpOption::Redirected(&[0x60; 40])));
    assert_eq!(one(writer.options().bytes()), NdpOption::Redirected(&[0x60; 40]));
    assert_eq!(one(&zeros(REDIRECTED, 1)), NdpOption::Redirected(&[]));
    let mut large = OptionWriter::<1300>::new();
    assert!(large.put(&NdpOption::Redirected(&[0x60; 1200])), "more than 255 bytes");
}

#[test]
fn nd_10_mtu_has_one_length() {
    assert_eq!(one(&[5, 1, 0, 0, 0, 0, 5, 0xdc]), NdpOption::Mtu(1500));
    assert!(is_unknown(&zeros(MTU, 2)));
}

#[test]
fn nd_11_nonces_of_any_length() {
    assert_eq!(one(&[14, 1, 1, 2, 3, 4, 5, 6]), NdpOption::Nonce(&[1, 2, 3, 4, 5, 6]));
    assert_eq!(one(&zeros(NONCE, 2)), NdpOption::Nonce(&[0; 14]));
}

#[test]
fn nd_12_routes_need_room_for_their_prefix() {
    let route = |units, bits| {
        let mut bytes = zeros(ROUTE, units);
        bytes[2] = bits;
        !is_unknown(&bytes)
    };
    assert!(route(1, 0) && route(2, 0) && route(2, 64) && route(3, 65) && route(3, 128));
    assert!(!route(1, 1) && !route(2, 65) && !route(3, 129) && !route(4, 0));
    let bits = [Preference::Medium, Preference::High, Preference::Reserved, Preference::Low];
    for (value, preference) in (0..).zip(bits) {
        assert_eq!((Preference::from_bits(value), preference.bits()), (preference, value));
    }
}

#[test]
fn nd_13_name_servers_come_whole() {
    for (units, known) in [(1, false), (2, false), (3, true), (4, false), (5, true)] {
        assert_eq!(!is_unknown(&zeros(NAME_SERVERS, units)), known, "{units}");
    }
}

/// ND-14, ND-16.
#[test]
fn flags_and_unknown_options_are_kept() {
    assert_eq!(one(&[26, 1, 1, 2, 3, 4, 5, 6]), NdpOption::Flags(&[1, 2, 3, 4, 5, 6]));
    assert!(matches!(one(&zeros(FLAGS, 2)), NdpOption::Flags(bits) if bits[..6] == [0; 6]));
    assert_eq!(
        one(&[200, 1, 1, 2, 3, 4, 5, 6]),
        NdpOption::Unknown { kind: 200, data: &[1, 2, 3, 4, 5, 6] }
    );
}

#[test]
fn search_lists_are_handed_over_as_sent() {
    let bytes = [&[31, 2, 0, 0, 0, 0, 1, 44][..], b"\x03lan\0\0\0\0"].concat();
    let expected = NdpOption::SearchList { lifetime_s: 300, names: b"\x03lan\0\0\0\0" };
    assert_eq!(one(&bytes), expected);
    let mut writer = OptionWriter::<16>::new();
    assert!(writer.put(&NdpOption::SearchList { lifetime_s: 300, names: b"\x03lan\0" }));
    assert_eq!(writer.options().bytes(), bytes);
    assert!(is_unknown(&zeros(SEARCH_LIST, 1)));
}

#[test]
fn captive_portals_both_ways() {
    let uri = b"https://portal.example/api";
    let mut writer = OptionWriter::<64>::new();
    assert!(writer.put(&NdpOption::CaptivePortal(uri)));
    assert_eq!(one(writer.options().bytes()), NdpOption::CaptivePortal(uri));
    assert!(is_unknown(&zeros(CAPTIVE_PORTAL, 2)), "nothing but padding");
}

#[test]
fn the_writer_stays_inside() {
    let mut writer = OptionWriter::<12>::new();
    assert!(writer.put(&NdpOption::Mtu(1500)));
    assert!(!writer.put(&NdpOption::Mtu(1500)));
    assert_eq!(writer.options().iter().count(), 1);
    assert!(!OptionWriter::<3000>::new().put(&NdpOption::Redirected(&[0; 2100])));
}

proptest! {
    #[test]
    fn any_chain(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(options) = Options::parse(&bytes) {
            prop_assert!(options.iter().count() <= 25);
        }
    }

    /// Units of plausible types, so that every reader is reached.
    #[test]
    fn plausible_chains(
        parts in vec((prop::sample::select(vec![1u8, 2, 3, 4, 5, 14, 24, 25, 26, 31, 37, 99]),
                      1u8..6, any::<[u8; 46]>()), 1..5),
    ) {
        let mut bytes = Vec::new();
        for (kind, units, fill) in &parts {
            bytes.extend([*kind, *units]);
            bytes.extend(&fill[..usize::from(*units) * 8 - 2]);
        }
        let options = Options::parse(&bytes).unwrap();
        prop_assert_eq!(options.iter().count(), parts.len());
        let mut writer = OptionWriter::<256>::new();
        prop_assert!(options.iter().all(|option| writer.put(&option)));
        let again = writer.options();
        for pair in options.iter().zip(again.iter()) {
            match pair {
                // The shortest form of a route may differ from the one received.
                (NdpOption::Route(a), NdpOption::Route(b)) => {
                    prop_assert_eq!(a.prefix.network(), b.prefix.network());
                }
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }
}
