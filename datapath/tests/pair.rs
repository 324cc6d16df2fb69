//! Ports joined in memory: frames, rings, the edge, sleeping. Needs no privileges.

use std::thread;
use std::time::{Duration, Instant};

use datapath::{Frame, PairConfig, Port, PortInfo, PortLink, RxFrame, TxFrame, pair, single_shard};
use wire::offload::{DeviceCaps, Gso, GsoKind, Medium, RxChecksum, RxMeta, TxChecksum, TxMeta};

type End = (Port, PortLink, PortInfo);

fn ends(config: &PairConfig) -> (End, End) {
    let [left, right] = pair(config).expect("there is memory");
    (left, right)
}

fn send(end: &mut End, bytes: &[u8], meta: TxMeta) {
    let mut frame = end.1.tx_free.pop().expect("there is a frame to send from");
    assert!(frame.capacity() >= bytes.len());
    frame.buffer_mut()[..bytes.len()].copy_from_slice(bytes);
    frame.set_len(bytes.len());
    end.1.tx.push(TxFrame { frame, meta }).expect("the ring has room");
}

fn check(end: &End) {
    let account = end.0.frames();
    assert!(account.is_conserved(), "{account:?}");
}

fn is_send<T: Send>() {}

#[test]
fn both_halves_can_move_to_another_thread() {
    is_send::<Port>();
    is_send::<PortLink>();
    is_send::<Frame>();
}

#[test]
fn what_one_sends_the_other_receives_and_buffers_go_home() {
    let (mut left, mut right) = ends(&PairConfig::default());
    for round in 0..1000u32 {
        send(&mut left, &round.to_be_bytes(), TxMeta::default());
        left.0.turn(64, single_shard);
        right.0.turn(64, single_shard);
        let received = right.1.rx.pop().expect("it arrived");
        assert_eq!(received.frame.bytes(), round.to_be_bytes());
        assert_eq!(received.meta, RxMeta::default());
        check(&left);
        check(&right);
        assert_eq!(right.0.frames().stack, 1);
        right.1.rx_done.push(received.frame).expect("the ring has room");
    }
    left.0.turn(64, single_shard);
    right.0.turn(64, single_shard);
    for end in [&left, &right] {
        let account = end.0.frames();
        assert_eq!((account.free, account.total), (128, 128), "{account:?}");
    }
}

#[test]
fn a_receiver_without_buffers_holds_the_sender_back() {
    let config = PairConfig { rx_frames: 2, tx_frames: 8, ..PairConfig::default() };
    let (mut left, mut right) = ends(&config);
    for byte in 0..5 {
        send(&mut left, &[byte; 60], TxMeta::default());
    }
    left.0.turn(64, single_shard);
    assert_eq!(right.0.turn(64, single_shard).received, 2);
    assert_eq!(right.0.turn(64, single_shard).received, 0, "nobody gave a buffer back");
    assert!(!right.0.wants_read());
    assert_eq!(left.0.frames().completion, 5, "the wire has them all");
    for byte in 0..5 {
        let received = right.1.rx.pop().expect("it arrives in the end, and in order");
        assert_eq!(received.frame.bytes(), [byte; 60]);
        right.1.rx_done.push(received.frame).expect("the ring has room");
        right.0.turn(64, single_shard);
        check(&right);
    }
    left.0.turn(64, single_shard);
    assert_eq!(left.0.frames().completion, 0);
}

#[test]
fn a_frame_that_the_shard_drops_shows_in_the_account() {
    let (mut left, mut right) = ends(&PairConfig::default());
    send(&mut left, &[1; 60], TxMeta::default());
    left.0.turn(64, single_shard);
    right.0.turn(64, single_shard);
    drop(right.1.rx.pop().expect("it arrived"));
    right.0.turn(64, single_shard);
    check(&right);
    assert_eq!(right.0.frames().stack, 1, "lost, and seen to be");
}

#[test]
fn a_shard_that_uses_all_it_was_given_is_given_more() {
    let config = PairConfig { tx_frames: 64, rx_frames: 128, ..PairConfig::default() };
    let (mut left, _right) = ends(&config);
    let mut held = Vec::new();
    let mut grown = Vec::new();
    for _ in 0..4 {
        let before = held.len();
        while let Some(frame) = left.1.tx_free.pop() {
            held.push(frame);
        }
        grown.push(held.len() - before);
        left.0.turn(64, single_shard);
    }
    assert_eq!(grown, [32, 32, 0, 0], "all 64, and never one too many");
    check(&left);
}

#[test]
fn another_port_s_frame_is_not_taken_for_an_own_one() {
    let (mut left, _right) = ends(&PairConfig::default());
    let (mut other, _) = ends(&PairConfig::default());
    let foreign = other.1.tx_free.pop().expect("there is one");
    left.1.rx_done.push(foreign).expect("the ring has room");
    let foreign = other.1.tx_free.pop().expect("there is one");
    left.1.tx.push(TxFrame { frame: foreign, meta: TxMeta::default() }).expect("room");
    left.0.turn(64, single_shard);
    check(&left);
    assert_eq!(left.0.frames().free, 128);
    assert_eq!(left.0.stats().tx_errors, 1);
}

/// A TCP over IPv4 frame of `payload` bytes with its sum left to the device.
fn large(payload: usize, size: u16) -> (Vec<u8>, TxMeta) {
    let mut frame = vec![0; 14 + 20 + 20];
    frame[12..14].copy_from_slice(&[8, 0]);
    frame[14] = 0x45;
    frame[16..18].copy_from_slice(&((40 + payload) as u16).to_be_bytes());
    frame[22..24].copy_from_slice(&[64, 6]);
    frame[46] = 0x50;
    // Both addresses are zero: the pseudo header is protocol and length.
    frame[50..52].copy_from_slice(&((6 + 20 + payload) as u16).to_be_bytes());
    frame.extend((0..payload).map(|i| i as u8));
    let gso = Gso { kind: GsoKind::Tcp4, size, header_len: 54 };
    let checksum = TxChecksum::Partial { start: 34, offset: 16 };
    (frame.clone(), TxMeta { len: frame.len() as u32, checksum, gso: Some(gso) })
}

#[test]
fn a_large_frame_passes_whole_where_the_device_can() {
    let caps = DeviceCaps { tx_checksum: true, gso_max: 65_549, gso4: true, gso6: true };
    let (mut left, mut right) = ends(&PairConfig { caps, ..PairConfig::default() });
    let (frame, meta) = large(30_000, 1460);
    send(&mut left, &frame, meta);
    left.0.turn(64, single_shard);
    right.0.turn(64, single_shard);
    let RxFrame { frame: received, meta } = right.1.rx.pop().expect("it arrived");
    assert_eq!(received.bytes(), frame);
    assert_eq!(meta, RxMeta { checksum: RxChecksum::Partial, gso_size: 1460 });
}

#[test]
fn a_large_frame_is_cut_where_the_device_cannot() {
    let config = PairConfig { mtu: 9000, rx_frames: 2, ..PairConfig::default() };
    let (mut left, mut right) = ends(&config);
    let (frame, meta) = large(8000, 1460);
    send(&mut left, &frame, meta);
    left.0.turn(64, single_shard);
    let mut data = Vec::new();
    for _ in 0..6 {
        right.0.turn(1, single_shard);
        let received = right.1.rx.pop().expect("a piece a turn");
        assert_eq!(received.meta, RxMeta::default());
        assert_eq!(wire::checksum::checksum(&received.frame.bytes()[14..34]), 0);
        data.extend_from_slice(&received.frame.bytes()[54..]);
        right.1.rx_done.push(received.frame).expect("the ring has room");
        check(&right);
    }
    assert_eq!(data, &frame[54..]);
}

#[test]
fn a_description_that_does_not_fit_is_counted_and_forgotten() {
    let (mut left, mut right) = ends(&PairConfig::default());
    let checksum = TxChecksum::Partial { start: 2000, offset: 16 };
    send(&mut left, &[0; 60], TxMeta { len: 60, checksum, gso: None });
    left.0.turn(64, single_shard);
    right.0.turn(64, single_shard);
    assert!(right.1.rx.pop().is_none());
    assert_eq!(right.0.stats().rx_errors, 1);
    check(&right);
}

#[test]
fn a_bare_ip_pair_has_no_mac() {
    let config = PairConfig { medium: Medium::Ip, ..PairConfig::default() };
    let (left, _) = ends(&config);
    assert_eq!(left.2.mac, None);
}

#[test]
fn a_sleeping_port_wakes_for_frames_of_the_device_and_of_the_shard() {
    let (mut left, mut right) = ends(&PairConfig::default());
    let patience = Some(Duration::from_secs(20));
    let started = Instant::now();
    // Something to send already: it does not sleep at all.
    send(&mut left, &[1; 60], TxMeta::default());
    left.0.sleep(patience).unwrap();
    left.0.turn(64, single_shard);
    // Something to receive.
    right.0.sleep(patience).unwrap();
    assert_eq!(right.0.turn(64, single_shard).received, 1);
    // Nothing: the time passes.
    right.0.sleep(Some(Duration::from_millis(10))).unwrap();
    // The shard sends while the port sleeps, on two threads, many times.
    let (mut port, mut link, _) = left;
    let bell = port.bell();
    thread::scope(|scope| {
        let asleep = scope.spawn(move || {
            let mut sent = 0;
            while sent < 1000 {
                sent += port.turn(64, single_shard).sent;
                if sent < 1000 && !port.has_tx_waiting() {
                    port.sleep(patience).unwrap();
                }
            }
            port
        });
        for _ in 0..1000 {
            let frame = loop {
                match link.tx_free.pop() {
                    Some(frame) => break frame,
                    None => {
                        right.0.turn(64, single_shard);
                        while let Some(received) = right.1.rx.pop() {
                            right.1.rx_done.push(received.frame).expect("the ring has room");
                        }
                        // The port has to run once more to hand out what came home.
                        bell.ring();
                        thread::yield_now();
                    }
                }
            };
            link.tx.push(TxFrame { frame, meta: TxMeta::default() }).expect("the ring has room");
            if link.port_waiting() {
                bell.ring();
            }
        }
        let port = asleep.join().expect("it ends");
        assert_eq!(port.stats().tx_packets, 1001);
    });
    assert!(started.elapsed() < Duration::from_secs(15), "somebody overslept");
}

#[test]
fn a_sleeping_shard_is_heard() {
    let (mut left, mut right) = ends(&PairConfig::default());
    assert_eq!(right.0.shards_waiting(), 0);
    right.1.rx.set_waiting(true);
    assert_eq!(right.0.shards_waiting(), 0, "nothing came yet");
    send(&mut left, &[1; 60], TxMeta::default());
    left.0.turn(64, single_shard);
    right.0.turn(64, single_shard);
    assert_eq!(right.0.shards_waiting(), 1);
    assert_eq!(right.0.shards_waiting(), 0, "one sleep, one bell");
}
