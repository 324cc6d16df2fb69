//! Tests of `ipv4_options`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::ip;

/// Header of a golden packet.
fn header(name: &str) -> Vec<u8> {
    let packet = golden(name);
    let len = ip::parse(&packet).unwrap().header_len;
    packet[..len].to_vec()
}

fn known(kind: u8, data: &[u8]) -> Option<Known<'_>> {
    Ipv4Option { kind, data }.known()
}

/// Reads the one option of a golden header, writes it again, and compares.
fn both_ways(name: &str, check: impl FnOnce(Known<'_>)) {
    let header = header(name);
    let option = options(&header).next().unwrap().unwrap();
    let known = option.known().unwrap();
    check(known);
    let mut writer = OptionWriter::default();
    assert!(writer.put(&known), "{name}");
    assert_eq!(writer.finish(), &header[HEADER_LEN..], "{name}");
}

/// IP4-08: padding of one byte each; the area is whole words of at most 40 bytes, its end last.
#[test]
fn ip4_08_end_and_nop() {
    let mut writer = OptionWriter::new();
    assert!(writer.finish().is_empty());
    assert!(writer.nop() && writer.put(&Known::RouterAlert(0)));
    assert_eq!(writer.finish(), [1, 148, 4, 0, 0, 0, 0, 0]);
    assert!(!writer.raw(OPTION_END, &[]) && !writer.raw(OPTION_NOP, &[]));
    for _ in 0..35 {
        assert!(writer.nop());
    }
    assert!(!writer.nop() && !writer.raw(0x9e, &[]));
    assert_eq!(writer.finish().len(), OPTIONS_MAX);
    let area = [&[0x47; 20][..], &[OPTION_NOP, OPTION_NOP, OPTION_END, 148, 4, 0, 0, 0]].concat();
    assert_eq!(options(&area).count(), 0, "nothing counts behind the end");
}

#[test]
fn ip4_09_record_route() {
    both_ways("ip4_rr", |known| {
        let Known::RecordRoute(route) = known else { panic!("{known:?}") };
        assert_eq!((route.pointer, route.slots), (8, &[[10, 0, 0, 254], [0; 4]][..]));
    });
    let route = |data: &[u8]| known(OPTION_RECORD_ROUTE, data).is_some();
    assert!(route(&[4, 0, 0, 0, 0]) && route(&[8, 0, 0, 0, 0]));
    assert!(!route(&[]) && !route(&[4]) && !route(&[4, 0, 0, 0]) && !route(&[4, 0, 0, 0, 0, 0]));
    assert!(!route(&[3, 0, 0, 0, 0]) && !route(&[5, 0, 0, 0, 0]) && !route(&[0, 0, 0, 0, 0]));
}

#[test]
fn ip4_10_timestamps() {
    both_ways("ip4_ts", |known| {
        let Known::Timestamp(stamp) = known else { panic!("{known:?}") };
        assert_eq!((stamp.stamps, stamp.pointer, stamp.overflow), (Stamps::Recorded, 13, 2));
        assert_eq!(stamp.entries, [10, 0, 0, 254, 0, 0, 0, 99]);
    });
    let stamp = |data: &[u8]| known(OPTION_TIMESTAMP, data).is_some();
    assert!(stamp(&[5, 0, 0, 0, 0, 0]) && stamp(&[9, 0xf0, 0, 0, 0, 0]));
    assert!(stamp(&[5, 3, 0, 0, 0, 0, 0, 0, 0, 0]) && stamp(&[5, 0]));
    assert!(!stamp(&[4, 0, 0, 0, 0, 0]), "pointer into the head");
    assert!(!stamp(&[6, 0, 0, 0, 0, 0]) && !stamp(&[9, 1, 0, 0, 0, 0, 0, 0, 0, 0]), "not aligned");
    assert!(!stamp(&[5, 1, 0, 0, 0, 0]), "half an entry");
    for flag in [2, 4, 15] {
        assert!(!stamp(&[5, flag, 0, 0, 0, 0, 0, 0, 0, 0]), "flag {flag}");
    }
    assert!(!stamp(&[5]) && !stamp(&[]));
}

#[test]
fn ip4_11_source_routes() {
    both_ways("ip4_lsrr", |known| {
        let Known::LooseSourceRoute(route) = known else { panic!("{known:?}") };
        assert_eq!((route.pointer, route.slots), (4, &[[10, 0, 0, 254], [10, 0, 0, 253]][..]));
    });
    both_ways("ip4_ssrr", |known| {
        assert!(matches!(known, Known::StrictSourceRoute(route) if route.slots.len() == 1));
    });
    for kind in [OPTION_LOOSE_SOURCE_ROUTE, OPTION_STRICT_SOURCE_ROUTE] {
        assert!(known(kind, &[4]).is_none() && known(kind, &[7, 0, 0, 0, 0]).is_none());
    }
}

#[test]
fn ip4_12_cipso() {
    both_ways("ip4_cipso", |known| {
        let Known::Cipso(label) = known else { panic!("{known:?}") };
        assert_eq!(label.doi, 3);
        let tags: Vec<_> = label.iter().collect();
        assert_eq!(tags, [(1, &[0, 5][..]), (2, &[0, 1, 0, 7])]);
    });
    let label = |tags: &[u8]| known(OPTION_CIPSO, &[&[0, 0, 0, 1], tags].concat()).is_some();
    assert!(label(&[]) && label(&[1, 2]) && label(&[1, 2, 5, 3, 9]));
    assert!(!label(&[1]) && !label(&[1, 1]) && !label(&[1, 3]) && !label(&[1, 2, 5]));
    assert!(known(OPTION_CIPSO, &[0; 3]).is_none());
}

/// IP4-13, IP4-14: an alert has two bytes; options nobody knows can be echoed.
#[test]
fn router_alert_and_unknown_options() {
    assert_eq!(known(OPTION_ROUTER_ALERT, &[0, 0]), Some(Known::RouterAlert(0)));
    assert!(known(OPTION_ROUTER_ALERT, &[0]).is_none());
    assert_eq!(known(0x5e, &[1, 2, 3]), Some(Known::Unknown));
    let mut writer = OptionWriter::new();
    assert!(writer.raw(0x5e, &[1, 2, 3]) && !writer.put(&Known::Unknown));
    assert_eq!(writer.finish(), [0x5e, 5, 1, 2, 3, 0, 0, 0]);
}

/// IP4-15: later fragments carry the options whose type says so.
#[test]
fn ip4_15_copied_options() {
    let header = [
        &[0x4c; 20][..],
        &[1, 7, 7, 4, 0, 0, 0, 0],
        &[131, 7, 4, 10, 0, 0, 1, 1],
        &ROUTER_ALERT,
        &[68, 4, 5, 0, 0x9e, 2, 0, 0],
    ]
    .concat();
    let kept: Vec<_> = options(&header).map(Result::unwrap).map(|option| option.kind).collect();
    assert_eq!(kept, [7, 131, 148, 68, 0x9e]);
    let area = copied(&header);
    assert_eq!(area.finish(), [131, 7, 4, 10, 0, 0, 1, 148, 4, 0, 0, 0x9e, 2, 0, 0, 0]);
}

/// IP4-17: is there an option of this type, and what does it say?
#[test]
fn ip4_17_options_by_type() {
    let header = header("ip4_rr");
    let found = find(&header, OPTION_RECORD_ROUTE).unwrap();
    assert!(matches!(found.known(), Some(Known::RecordRoute(_))));
    for absent in [OPTION_LOOSE_SOURCE_ROUTE, OPTION_ROUTER_ALERT, OPTION_TIMESTAMP] {
        assert_eq!(find(&header, absent), None);
    }
    assert!(find(&golden("ip4_options")[..24], OPTION_ROUTER_ALERT).is_some());
    let there =
        |name, kind| find(&self::header(name), kind).is_some_and(|option| option.kind == kind);
    assert!(there("ip4_ts", OPTION_TIMESTAMP));
    assert!(there("ip4_lsrr", OPTION_LOOSE_SOURCE_ROUTE));
    assert!(there("ip4_ssrr", OPTION_STRICT_SOURCE_ROUTE));
}

/// An option that contradicts itself is blamed by its place, padding before it counted.
#[test]
fn contradictions_point_at_the_option() {
    let header = |options: &[u8]| [&[0x48; 20][..], options].concat();
    let sound = header(&[1, 1, 1, 148, 4, 0, 0, 0]);
    assert_eq!(check(&sound), Ok(()));
    let short = header(&[1, 1, 1, 148, 3, 0, 0, 0]);
    assert_eq!(check(&short), Err(Malformed::OptionValue { pointer: 23 }));
    assert_eq!(check(&header(&[1, 1, 1, 148, 9, 0, 0, 0])), Err(Malformed::Option));
}

#[test]
fn the_writer_refuses_contradictions() {
    let mut writer = OptionWriter::new();
    assert!(!writer.put(&Known::RecordRoute(Route { pointer: 5, slots: &[[0; 4]] })));
    assert!(!writer.put(&Known::RecordRoute(Route { pointer: 4, slots: &[] })));
    assert!(!writer.put(&Known::RecordRoute(Route { pointer: 4, slots: &[[0; 4]; 10] })));
    let stamp = Timestamp { stamps: Stamps::Times, pointer: 5, overflow: 16, entries: &[0; 4] };
    assert!(!writer.put(&Known::Timestamp(stamp)));
    assert!(!writer.put(&Known::Cipso(Cipso { doi: 1, tags: &[1, 9] })));
    assert!(writer.finish().is_empty());
    assert!(!writer.raw(0x9e, &[0; 39]) && writer.raw(0x9e, &[0; 38]));
}

proptest! {
    #[test]
    fn any_area(kinds in vec((prop::sample::select(vec![0u8, 1, 7, 68, 131, 134, 137, 148, 0x9e]),
                              vec(any::<u8>(), 0..12)), 0..6)) {
        let mut header = vec![0x4f; HEADER_LEN];
        for (kind, data) in kinds {
            header.push(kind);
            if kind > 1 {
                header.push(2 + data.len() as u8);
                header.extend(data);
            }
        }
        header.truncate(60);
        let judged = check(&header);
        if let Err(Malformed::OptionValue { pointer }) = judged {
            prop_assert!(find(&header, header[usize::from(pointer)]).is_some());
        }
        let mut writer = OptionWriter::new();
        for option in options(&header).map_while(Result::ok) {
            match option.known() {
                Some(Known::Unknown) => prop_assert!(writer.raw(option.kind, option.data)),
                Some(known) => prop_assert!(writer.put(&known)),
                None => prop_assert!(judged.is_err()),
            }
        }
        prop_assert!(copied(&header).finish().len() <= 40);
    }
}
