//! Bounds of the outbox, and what becomes of unresolved frames.

use addr::{Ip, Mac};

use super::*;
use crate::fib::FibUpdate;
use crate::host::fixture::ip;

const IFINDEX: IfIndex = match IfIndex::new(2) {
    Some(index) => index,
    None => unreachable!(),
};

/// What three frames of 20 bytes cost.
const THREE: usize = 3 * (20 + FRAME_OVERHEAD);

fn push_unresolved(outbox: &mut Outbox, to: &str, at: u64, byte: u8) -> u64 {
    let now = Instant::from_millis(at);
    outbox.push_unresolved((IFINDEX, ip(to)), THREE, now, 20, |frame| frame[19] = byte)
}

/// Whether what is charged is what the frames cost.
fn assert_charged(outbox: &Outbox) {
    let cost = |u: &Unresolved| u.frames.iter().map(|f| f.len() + FRAME_OVERHEAD).sum::<usize>();
    assert!(outbox.unresolved.iter().all(|u| u.bytes == cost(u) && !u.frames.is_empty()));
    assert_eq!(outbox.unresolved_bytes, outbox.unresolved.iter().map(|u| u.bytes).sum::<usize>());
}

/// The last byte of each frame that is ready.
fn ready(outbox: &mut Outbox) -> Vec<u8> {
    let mut slot = [0; 64];
    let mut stats = Stats::default();
    core::iter::from_fn(|| outbox.pop(IFINDEX, &mut slot, &mut stats).map(|len| slot[len - 1]))
        .collect()
}

/// RUN-04.
#[test]
fn a_full_queue_refuses_and_a_long_frame_is_skipped() {
    let mut outbox = Outbox::new(2);
    let push = |outbox: &mut Outbox, len, byte| {
        outbox.push(IFINDEX, len, |frame| *frame.last_mut().unwrap() = byte)
    };
    push(&mut outbox, 100, 1).unwrap();
    push(&mut outbox, 10, 2).unwrap();
    assert_eq!(push(&mut outbox, 10, 3), Err(DropReason::OutboxFull));
    assert!(outbox.has(IFINDEX));
    assert_eq!(ready(&mut outbox), [2]);
    assert!(!outbox.has(IFINDEX));
    push(&mut outbox, 10, 4).unwrap();
    outbox.remove(IFINDEX);
    assert!(!outbox.has(IFINDEX));
}

/// The resets of our own connections do not give way to what strangers make us send.
#[test]
fn room_that_was_made_is_for_one_frame_each() {
    let mut outbox = Outbox::new(2);
    let push = |outbox: &mut Outbox| outbox.push(IFINDEX, 10, |_| {});
    for _ in 0..2 {
        push(&mut outbox).unwrap();
    }
    for _ in 0..100 {
        outbox.make_room_for_one();
        push(&mut outbox).unwrap();
        assert_eq!(push(&mut outbox), Err(DropReason::OutboxFull));
    }
    assert_eq!(ready(&mut outbox).len(), 102);
    for _ in 0..2 {
        push(&mut outbox).unwrap();
    }
    assert_eq!(push(&mut outbox), Err(DropReason::OutboxFull), "the bound is what it was");
}

#[test]
fn nud_11_15_parked_frames_leave_in_order_with_the_address_filled_in() {
    let mut outbox = Outbox::new(16);
    let mut stats = Stats::default();
    let mut fib = Fib::default();
    for byte in 1..=5 {
        assert_eq!(push_unresolved(&mut outbox, "10.0.0.2", 0, byte), u64::from(byte > 3));
    }
    push_unresolved(&mut outbox, "10.0.0.3", 0, 9);
    push_unresolved(&mut outbox, "10.0.0.4", 0, 10);
    outbox.retry_unresolved(&fib, Instant::ZERO, &mut stats);
    assert!(ready(&mut outbox).is_empty());
    let mac = Mac([2, 0, 0, 0, 0, 7]);
    for (to, link) in [("10.0.0.2", Link::Known(mac)), ("10.0.0.3", Link::Failed)] {
        let ip = ip(to);
        fib.apply(&FibUpdate::Neighbor { ifindex: IFINDEX, ip, link: Some(link) });
    }
    outbox.retry_unresolved(&fib, Instant::ZERO, &mut stats);
    let mut slot = [0; 64];
    assert_eq!(outbox.pop(IFINDEX, &mut slot, &mut stats), Some(20));
    assert_eq!((slot[..6].to_vec(), slot[19]), (mac.0.to_vec(), 3));
    assert_eq!(ready(&mut outbox), [4, 5]);
    assert_eq!(stats.dropped(DropReason::NeighborFailed), 1);
    // What nobody resolves is forgotten.
    outbox.retry_unresolved(&fib, Instant::from_millis(10_000), &mut stats);
    assert_eq!(stats.dropped(DropReason::NeighborFailed), 2);
    assert!(outbox.unresolved.is_empty());
    assert_charged(&outbox);
}

#[test]
fn parked_frames_are_bounded_over_all_neighbours() {
    let mut outbox = Outbox::new(16);
    let stranger = |n: u32| {
        let [_, _, a, b] = n.to_be_bytes();
        (IFINDEX, Ip::v4([10, 1, a, b]))
    };
    let mut push = |n, most, len| {
        let gone = outbox.push_unresolved(stranger(n), most, Instant::ZERO, len, |_| {});
        assert_charged(&outbox);
        (gone, outbox.unresolved.len(), outbox.unresolved_bytes)
    };
    let gone: u64 = (0..400).map(|n| push(n, THREE, 20).0).sum();
    assert_eq!(gone, 400 - UNRESOLVED_NEIGHBORS_MAX as u64);
    assert_eq!(push(1000, 0, 20).0, 1, "none are wanted");
    assert_eq!(push(1000, THREE, THREE).0, 1, "it fits nowhere");
    // A large one takes the place of all that waited for the same neighbour.
    let large = THREE - FRAME_OVERHEAD;
    assert_eq!((0..3).map(|_| push(1000, THREE, 20).0).sum::<u64>(), 1, "a neighbour too many");
    assert_eq!(push(1000, THREE, large).0, 3);
    // Bytes are bounded over all of them, and the oldest neighbours pay.
    let mut gone = 0;
    for n in 0..200 {
        let (more, neighbors, bytes) = push(2000 + n, 212_992, 60_000);
        gone += more;
        assert!(bytes <= UNRESOLVED_BYTES_MAX && neighbors <= UNRESOLVED_NEIGHBORS_MAX);
    }
    assert!(gone > 200, "{gone}");
}

/// RUN-04.
#[test]
fn a_frame_that_no_slot_holds_is_dropped_and_counted() {
    let (mut outbox, mut stats) = (Outbox::new(4), Stats::default());
    outbox.push(IFINDEX, 65, |_| {}).unwrap();
    outbox.push(IFINDEX, 20, |_| {}).unwrap();
    assert_eq!(outbox.pop(IFINDEX, &mut [0; 64], &mut stats), Some(20));
    assert_eq!(stats.dropped(DropReason::PacketTooBig), 1);
    assert!(!outbox.has(IFINDEX));
}
