//! The model in a time of the test's own.
use super::*;

const MS: u64 = 1_000_000;

fn link(path: &str, seed: u64) -> Link {
    Link::new(path.parse().expect("a path"), seed)
}

/// Numbers of the frames that come out by `until`, with their instants.
fn out(link: &mut Link, until: u64) -> Vec<(u64, u16)> {
    let mut seen = Vec::new();
    while let Some(at) = link.next_at().filter(|at| *at <= until) {
        let frame = link.due(at).expect("it is due");
        seen.push((at, u16::from_be_bytes([frame[0], frame[1]])));
        link.recycle(frame);
    }
    seen
}

fn frame(number: u16, len: usize) -> Vec<u8> {
    let mut frame = vec![0; len];
    frame[..2].copy_from_slice(&number.to_be_bytes());
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame
}

#[test]
fn delay_alone_keeps_order_and_time() {
    let mut link = link("delay=10ms", 1);
    for number in 0..5 {
        link.offer(u64::from(number) * MS, &frame(number, 100));
    }
    let seen = out(&mut link, u64::MAX);
    assert_eq!(seen, (0..5).map(|n| ((u64::from(n) + 10) * MS, n)).collect::<Vec<_>>());
    assert!(link.due(u64::MAX).is_none());
}

#[test]
fn frames_come_out_at_the_rate_and_the_queue_has_an_end() {
    // 1 Mbyte/s: a frame of 1000 bytes takes one millisecond.
    let mut link = link("rate=8mbit,queue=3000", 1);
    for number in 0..10 {
        link.offer(0, &frame(number, 1000));
    }
    let seen = out(&mut link, u64::MAX);
    // The one that is being sent counts too: 3000 bytes are three.
    assert_eq!(seen, vec![(MS, 0), (2 * MS, 1), (3 * MS, 2)]);
    assert_eq!(link.counters().no_room, 7);
    link.offer(3 * MS, &frame(10, 1000));
    assert_eq!(out(&mut link, u64::MAX), vec![(4 * MS, 10)], "room again once it has drained");
}

#[test]
fn an_idle_path_takes_a_frame_larger_than_its_queue() {
    let mut link = link("rate=8mbit,queue=500", 1);
    link.offer(0, &frame(0, 1000));
    link.offer(0, &frame(1, 1000));
    assert_eq!(out(&mut link, u64::MAX), vec![(MS, 0)]);
}

#[test]
fn losses_have_their_share_and_repeat_with_the_seed() {
    let fates = |seed| {
        let mut link = link("loss=10%", seed);
        let fates = (0..10_000).map(|number| {
            link.offer(0, &frame(number, 60));
            let arrives = link.due(0).is_some();
            u8::from(arrives)
        });
        let fates: Vec<u8> = fates.collect();
        (fates, link.counters().lost)
    };
    let (one, lost) = fates(3);
    assert!((850..1150).contains(&lost), "{lost}");
    assert_eq!(one, fates(3).0);
    assert_ne!(one, fates(4).0);
}

#[test]
fn what_else_a_path_does_leaves_the_losses_alone() {
    let lost = |path: &str| {
        let mut link = link(path, 9);
        let numbers = (0..2000_u16).filter(|number| {
            let before = link.counters().lost;
            link.offer(u64::from(*number) * MS, &frame(*number, 60));
            link.counters().lost > before
        });
        numbers.collect::<Vec<u16>>()
    };
    let alone = lost("loss=5%");
    assert!(!alone.is_empty());
    assert_eq!(alone, lost("loss=5%,delay=5ms,reorder=20%/3ms,duplicate=10%"));
}

#[test]
fn bursts_lose_in_a_row() {
    let mut link = link("burst=1%/0.125", 5);
    let (mut bursts, mut last) = (0, false);
    for number in 0..50_000 {
        let before = link.counters().lost_in_bursts;
        link.offer(0, &frame(number, 60));
        let lost = link.counters().lost_in_bursts > before;
        bursts += u64::from(lost && !last);
        last = lost;
    }
    let lost = link.counters().lost_in_bursts;
    let mean = lost as f64 / bursts as f64;
    assert!((6.0..10.0).contains(&mean), "{lost} lost in {bursts} bursts");
}

#[test]
fn held_up_frames_are_overtaken() {
    let mut link = link("delay=1ms,reorder=20%/5ms", 2);
    for number in 0..100 {
        link.offer(u64::from(number) * MS, &frame(number, 60));
    }
    let seen: Vec<u16> = out(&mut link, u64::MAX).into_iter().map(|(_, n)| n).collect();
    assert!(!seen.is_sorted());
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..100).collect::<Vec<_>>(), "nothing is lost or doubled");
    assert!(link.counters().held_up > 5);
}

#[test]
fn duplicates_come_behind_their_originals() {
    let mut link = link("duplicate=100%", 2);
    link.offer(0, &frame(1, 60));
    link.offer(0, &frame(2, 60));
    let numbers: Vec<u16> = out(&mut link, 0).into_iter().map(|(_, n)| n).collect();
    assert_eq!(numbers, [1, 1, 2, 2]);
    assert_eq!((link.counters().duplicated, link.counters().delivered), (2, 4));
}

#[test]
fn address_resolution_always_arrives() {
    let mut link = link("loss=100%", 1);
    let mut arp = frame(1, 60);
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    let mut solicitation = frame(2, 90);
    solicitation[12..14].copy_from_slice(&[0x86, 0xdd]);
    (solicitation[20], solicitation[54]) = (58, 135);
    for bytes in [&arp, &solicitation, &frame(3, 60)] {
        link.offer(0, bytes);
    }
    assert_eq!(out(&mut link, 0).len(), 2);
}

#[test]
fn a_frame_that_no_wire_carries_is_dropped_and_counted() {
    let mut link = link("", 1);
    link.offer(0, &frame(0, FRAME_MAX + 1));
    link.offer(0, &frame(1, FRAME_MAX));
    assert_eq!(out(&mut link, 0), vec![(0, 1)]);
    assert_eq!(link.counters().too_long, 1);
}
