//! Tests of `ipv6_options`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn written(option: &Known<'_>) -> Vec<u8> {
    let mut writer = OptionsWriter::<2048>::new();
    assert!(writer.put(option), "{option:?}");
    writer.finish(59).unwrap().to_vec()
}

fn read(header: &[u8]) -> Vec<Known<'_>> {
    let all = options(header).map(|option| option.unwrap().1.known().unwrap());
    all.filter(|option| !matches!(option, Known::PadN(_))).collect()
}

/// EXT-05: hop-by-hop options, both ways.
#[test]
fn ext_05_router_alerts_and_jumbo_payloads() {
    for value in [ALERT_MLD, ALERT_RSVP, ALERT_ACTIVE_NETWORKS] {
        let header = written(&Known::RouterAlert(value));
        assert_eq!(header, [59, 0, 5, 2, 0, value as u8, 1, 0]);
        assert_eq!(read(&header), [Known::RouterAlert(value)]);
    }
    let header = written(&Known::Jumbo(70_000));
    assert_eq!(header, [59, 0, 0xc2, 4, 0, 1, 0x11, 0x70]);
    assert_eq!(read(&header), [Known::Jumbo(70_000)]);
    let mut writer = OptionsWriter::<64>::new();
    assert!(!writer.put(&Known::Jumbo(65535)), "EXT-07: smaller packets need none");
    assert!(!writer.put(&Known::PadN(2)) && !writer.put(&Known::Unknown));
}

/// EXT-06: the label's data is eight bytes and the words it announces.
#[test]
fn ext_06_calipso_both_ways() {
    let label = Calipso { doi: 0x01020304, level: 9, checksum: 0xbeef, bitmap: &[1, 2, 3, 4] };
    let header = written(&Known::Calipso(label));
    assert_eq!(header[2..16], [7, 12, 1, 2, 3, 4, 1, 9, 0xbe, 0xef, 1, 2, 3, 4]);
    assert_eq!(read(&header), [Known::Calipso(label)]);
    let bare = Calipso { bitmap: &[], ..label };
    assert_eq!(read(&written(&Known::Calipso(bare))), [Known::Calipso(bare)]);
    let mut writer = OptionsWriter::<64>::new();
    assert!(!writer.put(&Known::Calipso(Calipso { bitmap: &[1, 2, 3], ..label })));
    for data in [&[0; 7][..], &[0; 9], &[0, 0, 0, 1, 1, 0, 0, 0]] {
        let option = ExtOption { kind: OPTION_CALIPSO, data };
        assert_eq!(option.known(), Err(Malformed::Option), "{data:?}");
    }
}

/// EXT-08: destination options, both ways.
#[test]
fn ext_08_tunnel_encapsulation_limit() {
    let header = written(&Known::TunnelLimit(4));
    assert_eq!(header, [59, 0, 4, 1, 4, 1, 1, 0]);
    assert_eq!(read(&header), [Known::TunnelLimit(4)]);
}

/// EXT-01, EXT-02: the options area is at most 2046 bytes.
#[test]
fn headers_have_a_longest_form() {
    let mut writer = OptionsWriter::<4096>::new();
    while writer.raw(0x1e, &[7; 255]) {}
    while writer.raw(0x1e, &[]) {}
    let header = writer.finish(59).unwrap();
    assert_eq!((header.len(), header[1]), (HEADER_MAX, 255));
    assert!(options(header).all(|option| option.is_ok()));
    assert_eq!(AREA_MAX, 2046);
    assert!(!OptionsWriter::<16>::new().raw(0x1e, &[0; 256]));
    assert!(!OptionsWriter::<16>::default().raw(0x1e, &[0; 13]));
    let mut cramped = OptionsWriter::<12>::new();
    assert!(cramped.raw(0x1e, &[0; 7]) && cramped.finish(59).is_none(), "no room for padding");
}

proptest! {
    /// EXT-03: any header either yields options inside it or an error, and ends.
    #[test]
    fn ext_03_any_header(header in vec(any::<u8>(), 0..300)) {
        let mut last = 1;
        for option in options(&header) {
            let Ok((at, option)) = option else { break };
            prop_assert!(at > last && at + 2 + option.data.len() <= header.len());
            last = at;
            let _ = option.known();
        }
    }

    #[test]
    fn parse_after_write(
        values in vec((any::<u16>(), any::<u8>(), 65536u32.., vec(any::<u8>(), 0..6)), 1..4),
    ) {
        let mut writer = OptionsWriter::<1024>::new();
        let bitmaps: Vec<_> = values.iter().map(|(.., words)| words.repeat(4)).collect();
        let mut expected = Vec::new();
        for ((alert, limit, jumbo, _), bitmap) in values.iter().zip(&bitmaps) {
            let label = Calipso { doi: *jumbo, level: *limit, checksum: *alert, bitmap };
            expected.extend([
                Known::RouterAlert(*alert),
                Known::TunnelLimit(*limit),
                Known::Calipso(label),
                Known::Jumbo(*jumbo),
            ]);
        }
        prop_assert!(expected.iter().all(|option| writer.put(option)));
        let header = writer.finish(17).unwrap();
        prop_assert_eq!(header.len() % 8, 0);
        prop_assert_eq!(header.len() / 8, usize::from(header[1]) + 1);
        prop_assert_eq!(read(header), expected);
    }
}
