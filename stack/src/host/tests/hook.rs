//! The hook sees every frame of both directions, with its verdict.

use addr::Mac;
use wire::icmp::{Echo, Message};

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
    core::iter::from_fn(|| lab.host.tap().unwrap().pop()).collect()
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
    assert_eq!(lab.host.tap().unwrap().missed(), 0);
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
    assert_eq!(lab.host.tap().unwrap().missed(), 1);
    let seen = tapped(&mut lab);
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|frame| frame.bytes == ping()[..14] && frame.len == ping().len()));
    lab.host.set_tap(None);
    lab.receive(&ping()).unwrap();
    assert!(lab.host.tap().is_none());
}
