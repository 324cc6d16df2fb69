//! Several queues and several shards, joined in memory: each frame arrives once, at the shard that
//! the steering function names, and no buffer is lost sight of. Needs no privileges.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use datapath::{OpenPort, PairConfig, Port, PortLink, TxFrame, pair_queues, single_shard};
use wire::offload::{RxMeta, TxMeta};

/// Frames of these tests begin with the number of their shard.
fn by_first_byte(frame: &[u8], _: &RxMeta) -> usize {
    usize::from(frame[0])
}

fn queues(config: &PairConfig, queues: u32, shards: [usize; 2]) -> [Vec<OpenPort>; 2] {
    pair_queues(config, queues, shards).expect("there is memory")
}

/// One queue whose first end sends for one shard, and whose second end serves so many.
fn one_queue(config: &PairConfig, shards: usize) -> [OpenPort; 2] {
    queues(config, 1, [1, shards]).map(|mut ports| ports.remove(0))
}

fn try_send(link: &mut PortLink, bytes: &[u8]) -> bool {
    let Some(mut frame) = link.tx_free.pop() else { return false };
    frame.buffer_mut()[..bytes.len()].copy_from_slice(bytes);
    frame.set_len(bytes.len());
    link.tx.push(TxFrame { frame, meta: TxMeta::default() }).expect("the ring has room");
    true
}

fn send(link: &mut PortLink, bytes: &[u8]) {
    assert!(try_send(link, bytes), "there is a frame to send from");
}

/// Takes one frame, gives its buffer back, and says what was in it.
fn take(link: &mut PortLink) -> Option<Vec<u8>> {
    let arrived = link.rx.pop()?;
    let bytes = arrived.frame.bytes().to_vec();
    link.rx_done.push(arrived.frame).expect("the ring has room");
    Some(bytes)
}

fn check(port: &Port) {
    let account = port.frames();
    assert!(account.is_conserved(), "{account:?}");
}

#[test]
fn every_frame_arrives_once_and_in_order_at_the_shard_that_is_named() {
    const ROUNDS: u32 = 500;
    for (queue_count, shards) in [(1, 2), (2, 2), (3, 4)] {
        let [mut left, mut right] = queues(&PairConfig::default(), queue_count, [2, shards]);
        let mut sent = vec![0u32; shards];
        let mut received = vec![vec![0u32; queue_count as usize]; shards];
        for round in 0..ROUNDS {
            for (queue, (port, links, info)) in left.iter_mut().enumerate() {
                assert_eq!(info.queue, queue as u32);
                let shard = (round as usize * 7 + queue) % shards;
                let [a, b, c, d] = round.to_be_bytes();
                let sender = &mut links[round as usize % 2];
                send(sender, &[shard as u8, queue as u8, a, b, c, d]);
                sent[shard] += 1;
                port.turn(64, by_first_byte);
                check(port);
            }
            for (queue, (port, links, _)) in right.iter_mut().enumerate() {
                port.turn(64, by_first_byte);
                check(port);
                for (shard, link) in links.iter_mut().enumerate() {
                    assert_eq!(link.shard(), shard);
                    while let Some(bytes) = take(link) {
                        assert_eq!(bytes[..2], [shard as u8, queue as u8]);
                        let number = u32::from_be_bytes(bytes[2..].try_into().unwrap());
                        let next = &mut received[shard][queue];
                        assert!(number + 1 > *next, "a flow stays in order");
                        *next = number + 1;
                        sent[shard] -= 1;
                    }
                }
            }
        }
        assert_eq!(sent, vec![0; shards], "each arrived once");
        for (port, _, _) in left.iter_mut().chain(&mut right) {
            port.turn(64, by_first_byte);
            let account = port.frames();
            assert_eq!((account.free, account.stack), (account.total, 0), "{account:?}");
        }
        for (port, links, _) in &right {
            let per_shard = (0..links.len()).map(|k| port.shard_stats(k).unwrap().rx_packets);
            assert_eq!(per_shard.sum::<u64>(), port.stats().rx_packets);
            assert!(port.shard_stats(links.len()).is_none());
        }
    }
}

#[test]
fn one_shard_is_not_asked_about() {
    let [mut left, mut right] = one_queue(&PairConfig::default(), 1);
    send(&mut left.1[0], &[9; 60]);
    left.0.turn(64, single_shard);
    let steer = |_: &[u8], _: &RxMeta| panic!("there is only one");
    assert_eq!(right.0.turn(64, steer).received, 1);
    assert_eq!(take(&mut right.1[0]), Some(vec![9; 60]));
}

/// The ports, and the links of each of two shards.
fn by_shard(ports: Vec<OpenPort>) -> (Vec<Port>, [Vec<PortLink>; 2]) {
    let (mut drivers, mut shards) = (Vec::new(), [Vec::new(), Vec::new()]);
    for (port, links, _) in ports {
        drivers.push(port);
        for (shard, link) in shards.iter_mut().zip(links) {
            shard.push(link);
        }
    }
    (drivers, shards)
}

#[test]
fn two_queues_and_two_shards_on_four_threads_lose_and_duplicate_nothing() {
    const EACH: u32 = 4_000;
    let [left, right] = queues(&PairConfig::default(), 2, [2, 2]);
    let deadline = Instant::now() + Duration::from_secs(60);
    // A thread for each port, and one for each shard of each end, which sends to every shard of the
    // other end through every queue and counts what arrives from each.
    /// Ends the ports' threads, also when a shard's fails.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stopping = Stop(&stop);
        let (mut ports, mut workers) = (Vec::new(), Vec::new());
        for end in [left, right] {
            let (drivers, shards) = by_shard(end);
            for mut port in drivers {
                let stop = &stop;
                ports.push(scope.spawn(move || {
                    while !stop.load(Ordering::Acquire) {
                        let turn = port.turn(64, by_first_byte);
                        if turn.sent + turn.received == 0 {
                            thread::yield_now();
                        }
                        check(&port);
                    }
                    port
                }));
            }
            for (shard, mut links) in shards.into_iter().enumerate() {
                workers.push(scope.spawn(move || {
                    // By destination shard; and by queue and sending shard.
                    let (mut sent, mut got) = ([0; 2], [[0; 2]; 2]);
                    while sent != [EACH; 2] || got.iter().flatten().sum::<u32>() < 2 * EACH {
                        assert!(Instant::now() < deadline, "shard {shard}: {sent:?} {got:?}");
                        for (to, sent) in sent.iter_mut().enumerate() {
                            let queue = (*sent % 2) as usize;
                            let [a, b, c, d] = (*sent / 2).to_be_bytes();
                            let frame = [to as u8, shard as u8, a, b, c, d];
                            if *sent < EACH && try_send(&mut links[queue], &frame) {
                                *sent += 1;
                            }
                        }
                        for (queue, link) in links.iter_mut().enumerate() {
                            while let Some(bytes) = take(link) {
                                assert_eq!(usize::from(bytes[0]), shard);
                                let next = &mut got[queue][usize::from(bytes[1])];
                                let number = u32::from_be_bytes(bytes[2..].try_into().unwrap());
                                assert_eq!(number, *next, "in order, and once");
                                *next += 1;
                            }
                        }
                    }
                    links
                }));
            }
        }
        let links: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        drop(stopping);
        for port in ports {
            let mut port = port.join().unwrap();
            port.turn(64, by_first_byte);
            let (stats, account) = (port.stats(), port.frames());
            assert_eq!((stats.rx_dropped, stats.rx_errors, stats.tx_errors), (0, 0, 0));
            assert!(account.is_conserved() && account.stack == 0, "{account:?}");
        }
        drop(links);
    });
}

#[test]
fn a_shard_that_stalls_costs_the_others_one_pause() {
    let config = PairConfig { rx_frames: 64, tx_frames: 256, ..PairConfig::default() };
    let [mut left, mut right] = one_queue(&config, 2);
    // Shard 0 takes nothing; it may have its 16 and the 32 of both.
    let mut sent = 0;
    let deadline = Instant::now() + Duration::from_secs(60);
    while right.0.shard_stats(0).unwrap().rx_packets < 48 {
        assert!(Instant::now() < deadline, "{:?}", right.0.shard_stats(0));
        if try_send(&mut left.1[0], &[0; 60]) {
            sent += 1;
        }
        left.0.turn(64, single_shard);
        right.0.turn(64, by_first_byte);
    }
    while sent < 60 {
        send(&mut left.1[0], &[0; 60]);
        sent += 1;
    }
    send(&mut left.1[0], &[1; 60]);
    left.0.turn(64, single_shard);
    let started = Instant::now();
    let mut arrived = None;
    while arrived.is_none() {
        assert!(started.elapsed() < Duration::from_secs(5), "shard 1 waits for ever");
        right.0.turn(64, by_first_byte);
        check(&right.0);
        left.0.turn(64, single_shard);
        arrived = take(&mut right.1[1]);
    }
    let stats = right.0.stats();
    let dropped = right.0.shard_stats(0).unwrap().rx_dropped;
    assert_eq!((stats.rx_dropped, dropped), (12, 12), "60 less 48");
    // From now on the others do not wait at all, and always find buffers.
    for round in 0..200u8 {
        send(&mut left.1[0], &[0; 60]);
        send(&mut left.1[0], &[1, round]);
        left.0.turn(64, single_shard);
        right.0.turn(64, by_first_byte);
        assert_eq!(take(&mut right.1[1]), Some(vec![1, round]));
    }
    // It runs again: nothing that it was handed is lost, and it gets frames as before.
    for _ in 0..48 {
        assert!(take(&mut right.1[0]).is_some());
    }
    send(&mut left.1[0], &[0, 7]);
    left.0.turn(64, single_shard);
    right.0.turn(64, by_first_byte);
    assert_eq!(take(&mut right.1[0]), Some(vec![0, 7]));
    check(&right.0);
}

#[test]
fn a_slow_shard_holds_the_sender_back_and_loses_nothing() {
    const FRAMES: u16 = 2000;
    let config = PairConfig { rx_frames: 8, tx_frames: 64, ..PairConfig::default() };
    let [mut left, mut right] = one_queue(&config, 2);
    let (mut sent, mut received) = (0u16, 0);
    let deadline = Instant::now() + Duration::from_secs(60);
    while received < FRAMES {
        assert!(Instant::now() < deadline, "{received} of {sent}: {:?}", right.0.stats());
        let [high, low] = sent.to_be_bytes();
        if sent < FRAMES && try_send(&mut left.1[0], &[0, high, low]) {
            sent += 1;
        }
        left.0.turn(64, single_shard);
        right.0.turn(64, by_first_byte);
        check(&right.0);
        // One frame a turn, and the port always has more.
        if let Some(bytes) = take(&mut right.1[0]) {
            assert_eq!(bytes[1..], received.to_be_bytes());
            received += 1;
        }
    }
    assert_eq!(right.0.stats().rx_dropped, 0);
}

#[test]
fn a_port_that_waits_for_a_shard_does_not_sleep() {
    let config = PairConfig { rx_frames: 4, ..PairConfig::default() };
    let [mut left, mut right] = one_queue(&config, 2);
    for _ in 0..4 {
        send(&mut left.1[0], &[0; 60]);
    }
    left.0.turn(64, single_shard);
    assert_eq!(right.0.turn(64, by_first_byte).received, 4, "three delivered and one kept");
    assert!(right.0.set_waiting(true), "there is work");
    assert!(!right.0.wants_read());
    right.0.set_waiting(false);
    let started = Instant::now();
    right.0.sleep(None).unwrap();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(take(&mut right.1[0]), Some(vec![0; 60]));
    assert_eq!(right.0.turn(64, by_first_byte).received, 1, "the kept one");
    assert!(right.0.wants_read());
    check(&right.0);
}

#[test]
fn a_shard_that_dies_gives_back_what_lies_in_its_rings_and_the_other_goes_on() {
    let [mut left, mut right] = one_queue(&PairConfig::default(), 2);
    for _ in 0..10 {
        send(&mut left.1[0], &[0; 60]);
    }
    left.0.turn(64, single_shard);
    right.0.turn(64, by_first_byte);
    let mut dying = right.1.remove(0);
    let in_hand = dying.rx.pop().expect("it arrived");
    send(&mut dying, &[0xee; 60]);
    drop((dying, in_hand));
    for round in 0..1000u16 {
        let [high, low] = round.to_be_bytes();
        send(&mut left.1[0], &[0; 60]);
        send(&mut left.1[0], &[1, high, low]);
        left.0.turn(64, single_shard);
        right.0.turn(64, by_first_byte);
        check(&right.0);
        assert_eq!(take(&mut right.1[0]), Some(vec![1, high, low]));
    }
    assert_eq!(right.0.stats().rx_dropped, 1000, "counted");
    assert_eq!(take(&mut left.1[0]), Some(vec![0xee; 60]), "its last words are sent");
    left.0.turn(64, single_shard);
    right.0.turn(64, by_first_byte);
    let account = right.0.frames();
    assert_eq!((account.stack, account.rx), (1, 0), "only what it held in its hands: {account:?}");
    assert!(account.is_conserved());
}

#[test]
fn an_idle_shard_leaves_the_others_their_buffers_to_send_from() {
    let config = PairConfig { rx_frames: 64, tx_frames: 64, ..PairConfig::default() };
    let [(mut port, mut links, _), _peer] =
        queues(&config, 1, [4, 1]).map(|mut ports| ports.remove(0));
    // Shard 0 takes all it can get and then does nothing any more.
    let mut hoard = Vec::new();
    for _ in 0..20 {
        hoard.extend(std::iter::from_fn(|| links[0].tx_free.pop()));
        port.turn(64, single_shard);
    }
    assert_eq!(hoard.len(), 40, "its own eight and the common half");
    // The others find theirs, and can send for ever.
    for (shard, link) in links.iter_mut().enumerate().skip(1) {
        let given = std::iter::from_fn(|| link.tx_free.pop()).count();
        assert_eq!(given, 8, "shard {shard}");
    }
    check(&port);
}

#[test]
fn a_sleeping_shard_gives_back_what_it_does_not_need() {
    let config = PairConfig { tx_frames: 256, ..PairConfig::default() };
    let [(mut port, mut links, _), (mut peer, mut peer_links, _)] =
        queues(&config, 1, [2, 1]).map(|mut ports| ports.remove(0));
    // A busy time: what it is given in advance grows.
    for _ in 0..50 {
        while try_send(&mut links[0], &[1; 60]) {}
        port.turn(256, single_shard);
        peer.turn(256, single_shard);
        while take(&mut peer_links[0]).is_some() {}
    }
    port.turn(256, single_shard);
    let given = links[0].tx_free.len();
    assert!(given > 64, "{given}");
    assert!(!links[0].set_waiting(true));
    assert_eq!(links[0].tx_free.len(), 16);
    assert!(!links[0].port_waiting(), "the port does not sleep, and needs no bell");
    port.turn(256, single_shard);
    check(&port);
    assert!(links[0].tx_free.len() < given, "and they are not handed back at once");
}

#[test]
fn shards_send_in_turn() {
    let [(mut port, mut links, _), (mut peer, mut peer_links, _)] =
        queues(&PairConfig::default(), 1, [2, 1]).map(|mut ports| ports.remove(0));
    for shard in [0u8, 0, 1] {
        for _ in 0..8 {
            send(&mut links[usize::from(shard)], &[shard]);
        }
    }
    // The first has twice as much to send, and neither waits for all of the other.
    port.transmit(16);
    peer.receive(64, single_shard);
    let order: Vec<u8> =
        std::iter::from_fn(|| take(&mut peer_links[0])).map(|bytes| bytes[0]).collect();
    assert_eq!(order.iter().filter(|&&shard| shard == 1).count(), 8, "{order:?}");
    assert_eq!(port.shard_stats(0).unwrap().tx_packets, 8);
    assert!(port.has_tx_waiting());
}

#[test]
fn only_the_shards_that_got_something_are_woken() {
    let [mut left, mut right] = one_queue(&PairConfig::default(), 3);
    for link in &mut right.1 {
        assert!(!link.set_waiting(true));
    }
    for shard in [0, 2] {
        send(&mut left.1[0], &[shard; 60]);
    }
    left.0.turn(64, single_shard);
    right.0.turn(64, by_first_byte);
    assert_eq!(right.0.shards_waiting(), 0b101);
    assert_eq!(right.0.shards_waiting(), 0, "one sleep, one bell");
    // Whoever announces sleep with something there is told so.
    assert!(right.1[2].set_waiting(true));
    send(&mut left.1[0], &[1; 60]);
    left.0.turn(64, single_shard);
    right.0.turn(64, by_first_byte);
    assert_eq!(right.0.shards_waiting(), 0b010);
}

/// Two shards, of which the first has sent all that it can get and sleeps until it gets more.
fn starving() -> [OpenPort; 2] {
    let mut ends = queues(&PairConfig::default(), 1, [2, 1]).map(|mut ports| ports.remove(0));
    let (port, links, _) = &mut ends[0];
    while try_send(&mut links[0], &[1; 60]) {
        while try_send(&mut links[0], &[1; 60]) {}
        port.turn(256, single_shard);
    }
    assert!(!links[0].set_waiting(true), "there is nothing to send from");
    assert!(!port.set_waiting(true), "nor to give");
    port.set_waiting(false);
    assert_eq!(port.shards_waiting(), 0);
    ends
}

/// A port that sleeps on frames that a sleeping shard waits for would never be woken.
#[test]
fn a_port_does_not_sleep_on_what_a_starving_shard_needs() {
    let [(mut port, mut links, _), _peer] = starving();
    let frame = links[1].tx_free.pop().expect("the other shard has its part");
    links[1].rx_done.push(frame).expect("the ring has room");
    assert!(port.set_waiting(true), "a frame came home");
    port.set_waiting(false);
    assert_eq!(port.turn(256, single_shard).sent, 0);
    assert_eq!(port.shards_waiting(), 0b01);
    assert_eq!(links[0].tx_free.len(), 1);
    assert!(!port.set_waiting(true), "and that was all");
    check(&port);
}

#[test]
fn a_port_hears_of_frames_that_come_home_from_the_wire() {
    let [(mut port, links, _), (mut peer, _peer_links, _)] = starving();
    thread::scope(|scope| {
        let asleep = scope.spawn(move || {
            while port.shards_waiting() == 0 {
                port.sleep(Some(Duration::from_secs(20))).expect("it can wait");
                port.turn(256, single_shard);
            }
        });
        // Most likely it sleeps by now.
        thread::sleep(Duration::from_millis(50));
        let before = Instant::now();
        peer.turn(256, single_shard);
        asleep.join().expect("it ends");
        assert!(before.elapsed() < Duration::from_secs(15), "it overslept");
    });
    assert!(!links[0].tx_free.is_empty());
}

#[test]
fn a_driver_that_polls_by_itself_is_woken_by_any_shard() {
    let [(mut port, mut links, _), _peer] =
        queues(&PairConfig::default(), 1, [2, 1]).map(|mut ports| ports.remove(0));
    assert!(!port.set_waiting(true));
    port.set_waiting(false);
    assert!(!port.set_waiting(true));
    send(&mut links[1], &[1; 60]);
    assert!(links[1].port_waiting());
    assert!(port.set_waiting(true), "there is something to send");
    port.set_waiting(false);
    port.transmit(64);
    assert!(!port.set_waiting(true));
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for (count, shards) in [(0, [1, 1]), (65, [1, 1]), (1, [0, 1]), (1, [1, 65])] {
        let refused = pair_queues(&PairConfig::default(), count, shards);
        let kind = refused.err().map(|error| error.kind());
        assert_eq!(kind, Some(std::io::ErrorKind::InvalidInput), "{count} {shards:?}");
    }
    // However few frames are asked for, each shard has one of each kind.
    let config = PairConfig { rx_frames: 1, tx_frames: 1, ..PairConfig::default() };
    let [(port, mut links, _), _] = queues(&config, 1, [4, 1]).map(|mut ports| ports.remove(0));
    assert_eq!(port.frames().total, 8);
    for link in &mut links {
        assert_eq!(std::iter::from_fn(|| link.tx_free.pop()).count(), 1);
    }
}
