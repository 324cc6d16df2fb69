//! What our ACKs report of text out of order and text that came twice (RFC 2018, RFC 2883; TCPI-06,
//! TCPI-07, TCPI-08).

use wire::tcp::SeqNum;
use wire::tcp_options::{self, OptionWriter, Timestamps};

use super::harness::*;
use super::transfer::pattern;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::socket::SocketRings;

/// MSS 1000, SACK permitted, window shift 7.
const SACK_OPTIONS: [u8; 12] = [2, 4, 3, 232, 1, 1, 4, 2, 1, 3, 3, 7];

fn with_sack() -> (Lab, SocketRings, SeqNum) {
    let (lab, ends) = Lab::new().open(&SACK_OPTIONS);
    let base = lab.seq;
    (lab, ends, base)
}

/// The blocks of a segment, relative to `base`.
fn blocks(seg: &Seg, base: SeqNum) -> Vec<(i32, i32)> {
    let options = tcp_options::parse(&seg.options).unwrap();
    options.sack.iter().map(|b| (b.left - base, b.right - base)).collect()
}

/// Hands in the text `at..end` of the stream that starts at `base`, and returns the answer.
fn text(lab: &mut Lab, base: SeqNum, at: usize, end: usize) -> Vec<Seg> {
    let seg = Seg { seq: base + at as u32, ..lab.seg(PSH).data(&pattern(at, end - at)) };
    // All of it may be too old to be taken.
    let _ = lab.send(&seg);
    lab.host.drain()
}

fn answer(lab: &mut Lab, base: SeqNum, at: usize, end: usize) -> Vec<(i32, i32)> {
    let acks = text(lab, base, at, end);
    assert_eq!(acks.len(), 1, "{acks:?}");
    blocks(&acks[0], base)
}

#[test]
fn blocks_are_whole_ranges_the_latest_first_tcpi_08() {
    let (mut lab, ends, base) = with_sack();
    let base_ack = |seg: &Seg| seg.ack == base;
    assert_eq!(answer(&mut lab, base, 1000, 2000), [(1000, 2000)]);
    assert_eq!(answer(&mut lab, base, 2000, 3000), [(1000, 3000)], "one block, not one a segment");
    assert_eq!(answer(&mut lab, base, 5000, 6000), [(5000, 6000), (1000, 3000)]);
    assert_eq!(answer(&mut lab, base, 8000, 9000), [(8000, 9000), (5000, 6000), (1000, 3000)]);
    let all = [(3000, 3500), (8000, 9000), (5000, 6000), (1000, 3000)];
    assert_eq!(answer(&mut lab, base, 3000, 3500), [(1000, 3500), all[1], all[2]]);
    let acks = text(&mut lab, base, 20_000, 20_100);
    assert!(acks.iter().all(base_ack));
    assert_eq!(blocks(&acks[0], base).len(), 4);
    // The fifth range pushes the one that was told longest ago out.
    let told = answer(&mut lab, base, 30_000, 30_100);
    assert_eq!(told, [(30_000, 30_100), (20_000, 20_100), (1000, 3500), (8000, 9000)]);
    // A gap closes: what is contiguous now is no block.
    let acks = text(&mut lab, base, 0, 1000);
    assert_eq!(acks[0].ack, base + 3500);
    let left = [(30_000, 30_100), (20_000, 20_100), (8000, 9000)];
    assert_eq!(blocks(&acks[0], base), left);
    assert_eq!(ends.rx.len(), 3500);
}

#[test]
fn three_blocks_fit_beside_timestamps_tcpi_08() {
    let mut writer = OptionWriter::new();
    writer.mss(1000);
    writer.sack_permitted();
    writer.timestamps(Timestamps { value: 1, echo: 0 });
    let (mut lab, _ends) = Lab::new().open(writer.finish());
    let base = lab.seq;
    let mut acks = Vec::new();
    for at in [1000, 3000, 5000, 7000] {
        let mut stamps = OptionWriter::new();
        stamps.timestamps(Timestamps { value: 2, echo: 0 });
        let seg = Seg { seq: base + at, ..lab.seg(PSH).data(&[0; 100]) };
        lab.send(&seg.options(stamps.finish())).unwrap();
        acks = lab.host.drain();
    }
    assert_eq!(blocks(&acks[0], base), [(7000, 7100), (5000, 5100), (3000, 3100)]);
    assert!(tcp_options::parse(&acks[0].options).unwrap().timestamps.is_some());
    assert_eq!(acks[0].options.len(), 40);
}

#[test]
fn a_peer_that_did_not_ask_gets_no_blocks() {
    let (mut lab, _ends) = Lab::established();
    let base = lab.seq;
    assert_eq!(answer(&mut lab, base, 1000, 2000), []);
    assert_eq!(answer(&mut lab, base, 1000, 2000), []);
}

/// TCPR-03, RFC 2883 §4.1: what lies below RCV.NXT.
#[test]
fn old_text_is_reported_as_a_duplicate_once_tcpi_07() {
    let (mut lab, _ends, base) = with_sack();
    text(&mut lab, base, 0, 1000);
    assert_eq!(answer(&mut lab, base, 0, 1000), [(0, 1000)]);
    assert_eq!(answer(&mut lab, base, 300, 500), [(300, 500)]);
    // Partly old (§4.1.3).
    assert_eq!(answer(&mut lab, base, 800, 1500), [(800, 1000)]);
    // Far below what was acknowledged.
    text(&mut lab, base, 1500, 2500);
    assert_eq!(lab.send(&lab.seg(PSH).data(&[0; 500])), Err(DropReason::TcpOutOfWindow));
    let ack = lab.one();
    assert_eq!((ack.ack, blocks(&ack, base)), (base + 2500, vec![(0, 500)]));
    // With text out of order as the second block.
    text(&mut lab, base, 4000, 5000);
    assert_eq!(answer(&mut lab, base, 0, 2500), [(0, 2500), (4000, 5000)]);
}

/// RFC 2883 §4.2 and §4.3: what lies within text out of order. The block that holds it comes
/// second.
#[test]
fn text_that_waits_already_is_reported_as_a_duplicate_tcpi_07() {
    let (mut lab, ends, base) = with_sack();
    text(&mut lab, base, 1000, 2000);
    text(&mut lab, base, 4000, 5000);
    assert_eq!(answer(&mut lab, base, 1200, 1400), [(1200, 1400), (1000, 2000), (4000, 5000)]);
    assert_eq!(answer(&mut lab, base, 1500, 2500), [(1500, 2000), (1000, 2500), (4000, 5000)]);
    // It bridges the gap: the lowest part is told.
    assert_eq!(answer(&mut lab, base, 2400, 4500), [(2400, 2500), (1000, 5000)]);
    // In order, over text that waits.
    let acks = text(&mut lab, base, 0, 1500);
    assert_eq!((acks[0].ack, blocks(&acks[0], base)), (base + 5000, vec![(1000, 1500)]));
    assert_eq!(ends.rx.len(), 5000);
}

#[test]
fn duplicates_of_one_batch_are_told_in_one_ack_each() {
    let (mut lab, _ends, base) = with_sack();
    text(&mut lab, base, 0, 5000);
    for at in [0, 1000, 3000] {
        lab.send(&Seg { seq: base + at, ..lab.seg(PSH).data(&[0; 1000]) }).ok();
    }
    let acks = lab.host.drain();
    let told: Vec<_> = acks.iter().flat_map(|ack| blocks(ack, base)).collect();
    assert_eq!(told, [(0, 2000), (3000, 4000)]);
}

/// RFC 5681 §4.2 wants three; a peer that reads blocks needs no more of them.
#[test]
fn duplicate_acks_beyond_the_third_are_compressed() {
    let (mut lab, _ends, base) = with_sack();
    for at in 1..=20 {
        lab.send(&Seg { seq: base + at * 1000, ..lab.seg(PSH).data(&[0; 1000]) }).unwrap();
    }
    let acks = lab.host.drain();
    assert_eq!(acks.len(), 3);
    assert!(acks.iter().all(|ack| blocks(ack, base) == [(1000, 21_000)]));
    for at in 22..=25 {
        lab.send(&Seg { seq: base + at * 1000, ..lab.seg(PSH).data(&[0; 1000]) }).unwrap();
    }
    assert_eq!(blocks(&lab.one(), base), [(22_000, 26_000), (1000, 21_000)]);
    // The next hole starts anew.
    assert_eq!(text(&mut lab, base, 0, 1000)[0].ack, base + 21_000);
    for at in 27..=28 {
        lab.send(&Seg { seq: base + at * 1000, ..lab.seg(PSH).data(&[0; 1000]) }).unwrap();
    }
    assert_eq!(lab.host.drain().len(), 2);
}

/// As Linux prunes its queue; the reference keeps everything.
#[test]
fn the_furthest_range_gives_way_to_a_nearer_one_gap_03() {
    let limits = Limits { tcp_out_of_order_ranges: 3, tcp_connections: 4, ..Limits::default() };
    let host = Host::with("10.0.0.1", limits, Default::default());
    let (mut lab, ends) = Lab::with(host).open(&SACK_OPTIONS);
    let base = lab.seq;
    for at in [2000, 4000, 6000] {
        text(&mut lab, base, at, at + 100);
    }
    let far = Seg { seq: base + 8000, ..lab.seg(PSH).data(&[0; 100]) };
    assert_eq!(lab.send(&far), Err(DropReason::TcpOutOfOrderFull));
    let told = [(6000, 6100), (4000, 4100), (2000, 2100)];
    assert_eq!(blocks(&lab.one(), base), told);
    assert_eq!(answer(&mut lab, base, 1000, 1100), [(1000, 1100), (4000, 4100), (2000, 2100)]);
    // What gave way is received again like anything else.
    for (at, end) in [(0, 2000), (2100, 4000), (4100, 6100)] {
        text(&mut lab, base, at, end);
    }
    assert_eq!(ends.rx.len(), 6100);
    let (first, second) = ends.rx.peek();
    assert_eq!([first, second].concat(), pattern(0, 6100));
}

/// Data carries blocks too, and is shorter by as much.
#[test]
fn data_carries_blocks_and_makes_room_for_them_tcpo_04() {
    let (mut lab, mut ends, base) = with_sack();
    lab.send(&Seg { seq: base + 1000, ..lab.seg(PSH).data(&[0; 1000]) }).unwrap();
    let sent = lab.write(&mut ends, &pattern(0, 2000));
    assert_eq!(blocks(&sent[0], base), [(1000, 2000)]);
    assert!(sent.iter().all(|s| s.options.len() + s.data.len() <= 1000), "{sent:?}");
    assert_eq!(sent.iter().map(|s| s.data.len()).sum::<usize>(), 2000);
}
