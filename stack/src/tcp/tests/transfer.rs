//! Whole connections between two hosts.

use wire::offload::DeviceCaps;

use super::harness::*;
use crate::limits::Limits;
use crate::rng::Rng;
use crate::socket::SocketRings;
use crate::tcp::state::State;
use crate::time::Duration;

/// Bytes that show where they belong.
pub(super) fn pattern(at: usize, len: usize) -> Vec<u8> {
    (at..at + len).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect()
}

/// Writes what fits and tells the host.
fn feed(host: &mut Host, ends: &mut SocketRings, sent: &mut usize, total: usize) {
    let room = ends.tx.free().min(total - *sent);
    if room > 0 {
        let id = ends.id;
        assert_eq!(ends.tx.write(&pattern(*sent, room)), room);
        *sent += room;
        if *sent == total {
            ends.tx.finish();
        }
        host.act(|tcp, cx| tcp.app_wrote(cx, id));
    }
}

/// Reads what is there and compares.
fn drink(host: &mut Host, ends: &mut SocketRings, got: &mut usize) {
    let mut buffer = vec![0; ends.rx.len()];
    if buffer.is_empty() {
        return;
    }
    let n = ends.rx.read(&mut buffer);
    assert_eq!(buffer[..n], pattern(*got, n), "at {got}");
    *got += n;
    let id = ends.id;
    host.act(|tcp, cx| tcp.app_read(cx, id));
}

/// Both sides send `total` bytes and close; returns how long it took.
pub(super) fn exchange(pair: &mut Pair, total: usize, limit: Duration) -> Duration {
    let (mut a, mut b) = pair.open();
    let start = pair.now;
    let [mut sent, mut got] = [[0, 0], [0, 0]];
    loop {
        let [x, y] = &mut pair.hosts;
        feed(x, &mut a, &mut sent[0], total);
        feed(y, &mut b, &mut sent[1], total);
        drink(x, &mut a, &mut got[0]);
        drink(y, &mut b, &mut got[1]);
        if got == [total, total] && a.rx.is_finished() && b.rx.is_finished() {
            break;
        }
        assert!(pair.step(start + limit), "stuck at {got:?} of {total}");
    }
    assert_eq!((a.rx.error(), b.rx.error()), (None, None));
    let took = pair.now.since(start);
    pair.run(Duration::from_secs(200));
    for (host, ends) in pair.hosts.iter().zip([&a, &b]) {
        assert_eq!(host.state(ends.id), State::Closed);
        assert_eq!(host.tcp.sockets().filter(|s| s.state != "LISTEN").count(), 0);
    }
    took
}

#[test]
fn a_stream_each_way_over_a_clean_link() {
    let mut pair = Pair::v4();
    exchange(&mut pair, 3_000_000, Duration::from_secs(60));
    assert_eq!(pair.hosts[0].stats.tcp_retransmits, 0);
    assert_eq!(pair.hosts[1].stats.tcp_retransmits, 0);
}

#[test]
fn a_stream_each_way_over_ipv6() {
    let mut pair = Pair::new(Host::new("2001:db8::1"), Host::new("2001:db8::2"));
    exchange(&mut pair, 300_000, Duration::from_secs(60));
}

/// Every seed has its own buffers, device, loss, reordering and duplication. `check` runs after
/// each step of the pair.
#[test]
fn streams_survive_loss_reordering_and_duplication() {
    for seed in 0..100 {
        let mut luck = Rng::new(seed);
        let mut host = |ip: &str| {
            let mut buffer = || 1 << (11 + luck.below(10));
            let limits = Limits {
                tcp_connections: 4,
                tcp_receive_buffer: buffer(),
                tcp_send_buffer: buffer(),
                ..Limits::default()
            };
            let cuts = luck.below(2) == 0;
            let gso_max = if cuts { 65_536 } else { 0 };
            let caps = DeviceCaps { tx_checksum: cuts, gso_max, gso4: true, gso6: true };
            Host::with(ip, limits, caps)
        };
        let mut pair = Pair::new(host("10.0.0.1"), host("10.0.0.2"));
        let (loss, late, twice) = (luck.below(120), luck.below(200), luck.below(100));
        pair.fate = Box::new(move |_| {
            let mut hits = |per_mille: u32| luck.below(1000) < per_mille;
            let copies = if hits(loss) { 0 } else { 1 + u8::from(hits(twice)) };
            let late = if hits(late) { luck.below(30_000) } else { 0 };
            Fate { copies, late: Duration::from_micros(late.into()) }
        });
        exchange(&mut pair, 100_000, Duration::from_secs(36_000));
    }
}
