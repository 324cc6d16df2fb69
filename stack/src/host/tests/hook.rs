//! The hook sees every frame of both directions, with its verdict.

use addr::Mac;
use wire::icmp::{Echo, Message};
use wire::offload::RxMeta;

use crate::drop::DropReason;
use crate::fib::Fib;
use crate::hook::{Direction, TapConfig, TapFrame};
use crate::host::fixture::*;
use crate::time::Duration;
use crate::verdict::Verdict;

const CONFIG: TapConfig = TapConfig { snap_len: 65_535, capacity: 16 };

fn ping() -> Vec<u8> {
    let message = Message::EchoRequest(Echo { id: 7, seq: 3, data: b"abc" });
    icmp_frame(PEER, US, &message)
}

fn tapped(lab: &mut Lab) -> Vec<TapFrame> {
    core::iter::from_fn(|| lab.host.next_tapped()).collect()
}

#[test]
fn frames_of_both_directions_are_seen_with_verdict_and_time() {
    let mut lab = Lab::acquainted();
    lab.host.set_tap(Some(CONFIG));
    lab.receive(&ping()).unwrap();
    lab.now += Duration::from_millis(5);
    let reply = lab.sent_one();
    let strange = eth(Mac([2, 0, 0, 0, 0, 9]), 0x0800, &ping()[14..]);
    lab.receive(&strange).unwrap_err();
    let mut broken = ping();
    broken[24] ^= 1;
    lab.receive(&broken).unwrap_err();
    let arp = arp_frame(MAC, &arp_from_peer(wire::arp::REQUEST, PEER, US));
    lab.receive(&arp).unwrap();
    let answer = lab.sent_one();

    let dropped = Verdict::Dropped;
    let expected = [
        (5, Direction::Received, Verdict::Consumed, ping()),
        (0, Direction::Transmitted, Verdict::Consumed, reply),
        (0, Direction::Received, dropped(DropReason::LinkNotOurs), strange),
        (0, Direction::Received, dropped(DropReason::IpMalformed), broken),
        (0, Direction::Received, Verdict::Consumed, arp),
        (0, Direction::Transmitted, Verdict::Consumed, answer),
    ];
    let seen = tapped(&mut lab);
    assert_eq!(seen.len(), expected.len());
    for (seen, (ago, direction, verdict, bytes)) in seen.into_iter().zip(expected) {
        let at = lab.now - Duration::from_millis(ago);
        let (ifindex, len) = (lab.ifindex, bytes.len());
        assert_eq!(seen, TapFrame { at, ifindex, direction, verdict, len, bytes });
    }
    assert_eq!(lab.host.tap_missed(), 0);
}

/// LO-02: a tap sees a packet of ours to ourselves.
#[test]
fn what_the_host_sends_to_itself_passes_the_loopback_interface_twice() {
    let mut lab = Lab::new();
    lab.host.set_tap(Some(CONFIG));
    let mut ends = lab.udp("10.0.0.1:5");
    lab.send_to(&mut ends, "10.0.0.1:5", b"hello");
    lab.host.expire(lab.now);
    let seen = tapped(&mut lab);
    let [out, back] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((out.direction, back.direction), (Direction::Transmitted, Direction::Received));
    assert_eq!((out.ifindex, back.ifindex), (Fib::LOOPBACK, Fib::LOOPBACK));
    assert_eq!((out.verdict, back.verdict), (Verdict::Consumed, Verdict::Consumed));
    assert_eq!(out.bytes, back.bytes);
    assert!(out.bytes.ends_with(b"hello"));
}

/// NUD-15: what waited for its neighbour is seen when it leaves, with the address filled in.
#[test]
fn nud_15_a_frame_that_waited_is_seen_as_it_leaves() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("10.0.0.1:5");
    lab.send_to(&mut ends, "10.0.0.2:5", b"hello");
    lab.sent();
    lab.host.set_tap(Some(CONFIG));
    lab.receive(&arp_frame(MAC, &arp_from_peer(wire::arp::REPLY, PEER, US))).unwrap();
    let sent = lab.sent_one();
    assert_eq!(sent[..6], PEER_MAC.0);
    let seen = tapped(&mut lab);
    assert_eq!(seen.len(), 2, "the answer and the datagram");
    assert_eq!((seen[1].direction, &seen[1].bytes), (Direction::Transmitted, &sent));
}

#[test]
fn a_tap_is_bounded_in_frames_and_in_bytes_of_each() {
    let mut lab = Lab::acquainted();
    lab.host.set_tap(Some(TapConfig { snap_len: 14, capacity: 2 }));
    for _ in 0..3 {
        lab.receive(&ping()).unwrap();
    }
    assert_eq!(lab.host.tap_missed(), 1);
    let seen = tapped(&mut lab);
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|frame| frame.bytes == ping()[..14] && frame.len == ping().len()));
    lab.host.set_tap(None);
    lab.receive(&ping()).unwrap();
    assert_eq!(lab.host.next_tapped(), None);
}

/// The owner's worker sees a frame that was handed over; the one it came in by, one that the owner
/// has no room for.
#[test]
fn a_frame_of_a_busy_shard_is_seen_once() {
    let Pair { hosts, ifindex, now } = Pair::with_shards(2);
    let [mut host, _] = hosts;
    host.set_tap(Some(TapConfig { snap_len: 0, capacity: 65_536 }));
    let mut workers = host.into_workers();
    let mut sent = 0;
    let mut ports = 1024..=u16::MAX;
    loop {
        let port = ports.next().expect("a worker that does not read is full before that");
        let mut frame = udp_frame("10.0.0.2:5", &format!("10.0.0.1:{port}"), b"hello");
        sent += 1;
        let verdict = workers[0].receive(now, ifindex[0], RxMeta::default(), &mut frame);
        if verdict == Verdict::Dropped(DropReason::ShardBusy) {
            break;
        }
    }
    while workers[1].exchange_messages(now) > 0 {
        workers[0].exchange_messages(now);
    }
    let mut seen: Vec<_> = Vec::new();
    for worker in &mut workers {
        let tap = worker.tap_mut().unwrap();
        seen.extend(core::iter::from_fn(|| tap.pop()));
    }
    seen.retain(|frame| frame.direction == Direction::Received);
    assert_eq!(seen.len(), sent);
    let busy = |frame: &&TapFrame| frame.verdict == Verdict::Dropped(DropReason::ShardBusy);
    assert_eq!(seen.iter().filter(busy).count(), 1);
}

#[test]
fn frames_of_all_shards_come_in_the_order_in_which_they_passed() {
    let mut pair = Pair::with_shards(4);
    pair.hosts[0].set_tap(Some(TapConfig { snap_len: 0, capacity: 65_536 }));
    for _ in 0..32 {
        pair.hosts[0].tcp_connect(pair.now, None, "10.0.0.2:80".parse().unwrap()).unwrap();
        pair.exchange();
        pair.now += Duration::from_millis(1);
    }
    let seen: Vec<_> = core::iter::from_fn(|| pair.hosts[0].next_tapped()).collect();
    assert!(seen.len() >= 64, "{}", seen.len());
    assert!(seen.is_sorted_by_key(|frame| frame.at));
    assert_eq!(pair.hosts[0].tap_missed(), 0);
}
