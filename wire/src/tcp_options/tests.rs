//! Tests of `tcp_options`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::fixture::golden;
use crate::{ip, tcp};

fn golden_options(name: &str) -> Vec<u8> {
    let packet = match name {
        "tfo" => golden(name),
        name => {
            let frame = golden(name);
            let packet = frame.get(if frame[0] >> 4 == 6 { 0 } else { 18 }..).unwrap();
            ip::parse(packet).unwrap().payload(packet).to_vec()
        }
    };
    tcp::parse(&packet).unwrap().options.to_vec()
}

fn one(area: &[u8]) -> TcpOption<'_> {
    let mut found = options(area);
    let option = found.next().unwrap().unwrap();
    assert_eq!(found.next(), None);
    option
}

/// TCP-05, TCP-06, TCP-07, TCP-09 as another implementation writes them, and written again.
#[test]
fn options_of_a_syn_both_ways() {
    let area = golden_options("vlan_tcp_syn");
    let stamps = Timestamps { value: 100, echo: 0 };
    let expected = TcpOptions {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(stamps),
        ..TcpOptions::default()
    };
    assert_eq!(parse(&area), Ok(expected));
    let mut writer = OptionWriter::new();
    assert!(writer.mss(1460) && writer.sack_permitted());
    assert!(writer.timestamps(stamps) && writer.window_scale(7));
    assert_eq!(*writer.finish(), area);
}

/// TCP-05, TCP-06, TCP-07, TCP-09: of another length they are options nobody knows.
#[test]
fn options_of_a_syn_have_one_length() {
    let table = [(MSS, 4), (WINDOW_SCALE, 3), (SACK_PERMITTED, 2), (TIMESTAMPS, 10)];
    for (kind, right) in table {
        for len in 2..=12u8 {
            let option = [&[kind, len][..], &vec![1; usize::from(len) - 2]].concat();
            let is_known = !matches!(one(&option), TcpOption::Unknown { .. });
            assert_eq!(is_known, len == right, "{kind} of {len} octets");
        }
    }
    assert_eq!(parse(&[]).map(|parsed| parsed.mss), Ok(None), "what is absent, TCP decides");
}

#[test]
fn tcp_04_end_and_nop() {
    assert_eq!(options(&[NOP, NOP, END, 2, 0]).count(), 0);
    assert_eq!(options(&[]).count(), 0);
    let mut writer = OptionWriter::new();
    writer.window_scale(2);
    assert_eq!(writer.finish(), [NOP, WINDOW_SCALE, 3, 2]);
    writer.sack_permitted();
    assert_eq!(writer.finish(), [NOP, WINDOW_SCALE, 3, 2, SACK_PERMITTED, 2, NOP, NOP]);
    assert!(OptionWriter::new().finish().is_empty());
}

#[test]
fn tcp_06_large_window_scales_count_as_fourteen() {
    assert_eq!(one(&[3, 3, 14]), TcpOption::WindowScale(14));
    assert_eq!(one(&[3, 3, 255]), TcpOption::WindowScale(14));
}

#[test]
fn tcp_08_sack_blocks_both_ways() {
    let area = golden_options("tcp6_sack");
    let blocks = [(100, 200), (300, 400)]
        .map(|(left, right)| SackBlock { left: SeqNum(left), right: SeqNum(right) });
    let parsed = parse(&area).unwrap();
    assert_eq!(parsed.sack.iter().collect::<Vec<_>>(), blocks);
    assert_eq!((parsed.sack.len(), parsed.sack.is_empty()), (2, false));
    let mut writer = OptionWriter::new();
    assert_eq!(writer.sack(&blocks), 2);
    assert_eq!(*writer.finish(), area);
    // Four alone, three beside timestamps; a fifth never.
    let five = [SackBlock::default(); 5];
    let mut writer = OptionWriter::new();
    assert_eq!(writer.sack(&five), 4);
    assert_eq!(parse(writer.finish()).map(|parsed| parsed.sack.len()), Ok(4));
    let mut writer = OptionWriter::new();
    writer.timestamps(Timestamps::default());
    assert_eq!((writer.sack(&five), writer.finish().len()), (3, 40));
    assert_eq!(writer.sack(&five), 0);
    let wrong = [5, 9, 0, 0, 0, 0, 0, 0, 0];
    assert!(matches!(one(&wrong), TcpOption::Unknown { kind: SACK, .. }));
    let too_many = [&[5, 42][..], &[0; 40]].concat();
    assert!(matches!(one(&too_many), TcpOption::Unknown { kind: SACK, .. }));
}

#[test]
fn tcp_10_fast_open_cookies() {
    let area = golden_options("tfo");
    let cookie = [1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(parse(&area).unwrap().fast_open, Some(&cookie[..]));
    assert_eq!(one(&[34, 2]), TcpOption::FastOpen(&[]));
    for len in 0..=18u8 {
        let option = [&[34, len + 2][..], &vec![7; usize::from(len)]].concat();
        let is_cookie = matches!(one(&option), TcpOption::FastOpen(_));
        assert_eq!(is_cookie, len == 0 || (4..=16).contains(&len), "{len}");
    }
    let mut writer = OptionWriter::new();
    assert!(writer.fast_open(&cookie));
    assert_eq!(parse(writer.finish()).unwrap().fast_open, Some(&cookie[..]));
}

#[test]
fn tcp_11_accurate_ecn_both_orders() {
    let counters = AccEcn { ect0: Some(0x010203), ce: Some(4), ect1: Some(0xffffff) };
    let order0 = [172, 11, 1, 2, 3, 0, 0, 4, 0xff, 0xff, 0xff];
    let order1 = [174, 11, 0xff, 0xff, 0xff, 0, 0, 4, 1, 2, 3];
    assert_eq!(one(&order0), TcpOption::AccEcn(counters));
    assert_eq!(one(&order1), TcpOption::AccEcn(counters));
    let first = AccEcn { ect1: None, ce: None, ..counters };
    assert_eq!(
        one(&order0[..5]
            .iter()
            .enumerate()
            .map(|(at, byte)| if at == 1 { 5 } else { *byte })
            .collect::<Vec<_>>()),
        TcpOption::AccEcn(first)
    );
    assert_eq!(one(&[172, 2]), TcpOption::AccEcn(AccEcn::default()));
    let two = AccEcn { ect1: None, ..counters };
    assert_eq!(one(&[172, 8, 1, 2, 3, 0, 0, 4]), TcpOption::AccEcn(two));
    let last = AccEcn { ect0: None, ce: None, ..counters };
    assert_eq!(one(&[174, 5, 0xff, 0xff, 0xff]), TcpOption::AccEcn(last));
    let both = AccEcn { ect0: None, ..counters };
    assert_eq!(one(&[174, 8, 0xff, 0xff, 0xff, 0, 0, 4]), TcpOption::AccEcn(both));
    for (kind, len) in [172, 174].into_iter().flat_map(|kind| (2..=14).map(move |len| (kind, len)))
    {
        let option = [&[kind, len][..], &vec![0; usize::from(len) - 2]].concat();
        let is_known = matches!(one(&option), TcpOption::AccEcn(_));
        assert_eq!(is_known, [2, 5, 8, 11].contains(&len), "{kind} of {len} octets");
    }
    for (kind, written) in [(ACC_ECN_0, order0), (ACC_ECN_1, order1)] {
        let mut writer = OptionWriter::new();
        assert!(writer.acc_ecn(kind, counters));
        assert_eq!(writer.finish()[1..], written);
    }
}

#[test]
fn tcp_12_unknown_options_are_kept() {
    assert_eq!(one(&[254, 4, 0xf9, 0x89]), TcpOption::Unknown { kind: 254, data: &[0xf9, 0x89] });
    assert_eq!(one(&[MSS, 3, 1]), TcpOption::Unknown { kind: MSS, data: &[1] });
    assert!(matches!(
        one(&[MD5, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        TcpOption::Md5(_)
    ));
    assert_eq!(one(&[AO, 4, 1, 2]), TcpOption::Ao(&[1, 2]));
    let mut writer = OptionWriter::new();
    assert!(writer.raw(254, &[0xf9, 0x89]));
    assert_eq!(writer.finish(), [254, 4, 0xf9, 0x89]);
    assert!(parse(writer.finish()).is_ok_and(|parsed| parsed == TcpOptions::default()));
}

#[test]
fn chains_that_do_not_fit() {
    for area in [&[2][..], &[2, 0], &[2, 1], &[2, 4, 5], &[1, 1, 8, 10, 0]] {
        assert_eq!(parse(area), Err(Malformed::Option), "{area:?}");
        assert_eq!(options(area).last(), Some(Err(Malformed::Option)), "{area:?}");
    }
}

#[test]
fn the_first_of_repeated_options_counts() {
    let parsed = parse(&[2, 4, 0, 1, 2, 4, 0, 2]).unwrap();
    assert_eq!(parsed.mss, Some(1));
}

#[test]
fn the_writer_stays_inside() {
    let mut writer = OptionWriter::new();
    assert!(!writer.raw(254, &[0; 39]) && writer.is_empty());
    assert!(writer.raw(254, &[0; 38]) && writer.len() == 40);
    assert!(!writer.sack_permitted() && !writer.mss(1));
    assert_eq!(writer.finish().len(), 40);
    assert!(!OptionWriter::new().raw(254, &[0; 400]));
}

proptest! {
    #[test]
    fn any_area(area in vec(any::<u8>(), 0..=40)) {
        let found: Vec<_> = options(&area).collect();
        prop_assert!(found.len() <= 20);
        prop_assert_eq!(parse(&area).is_ok(), found.iter().all(Result::is_ok));
    }

    #[test]
    fn timestamps_take_the_short_cut_or_the_walk(value: u32, echo: u32) {
        let mut writer = OptionWriter::new();
        writer.timestamps(Timestamps { value, echo });
        let area = writer.finish();
        prop_assert_eq!(parse(area), collect(area));
        prop_assert_eq!(parse(area).unwrap().timestamps, Some(Timestamps { value, echo }));
    }

    #[test]
    fn parse_after_write(mss: u16, shift in 0u8..=14, stamps: Option<(u32, u32)>, sack: bool,
                         blocks in vec(any::<(u32, u32)>(), 0..4)) {
        let mut writer = OptionWriter::new();
        writer.mss(mss);
        if sack {
            writer.sack_permitted();
        }
        let stamps = stamps.map(|(value, echo)| Timestamps { value, echo });
        if let Some(stamps) = stamps {
            writer.timestamps(stamps);
        }
        writer.window_scale(shift);
        let blocks: Vec<_> = blocks.into_iter()
            .map(|(left, right)| SackBlock { left: SeqNum(left), right: SeqNum(right) })
            .collect();
        let written = writer.sack(&blocks);
        prop_assert_eq!(writer.finish().len() % 4, 0);
        let parsed = parse(writer.finish()).unwrap();
        prop_assert_eq!((parsed.mss, parsed.window_scale), (Some(mss), Some(shift)));
        prop_assert_eq!((parsed.sack_permitted, parsed.timestamps), (sack, stamps));
        prop_assert_eq!(parsed.sack.iter().collect::<Vec<_>>(), &blocks[..written]);
    }
}
