//! The budget over what all connections buffer (Linux `tcp_mem`; the "global budgets" of GAP-03).

use addr::Endpoint;
use wire::tcp::SeqNum;

use super::harness::*;
use super::transfer::pattern;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::socket::SocketRings;
use crate::time::Duration;

fn host(tcp_mem: [usize; 3]) -> Host {
    let limits = Limits { tcp_mem, tcp_connections: 16, ..Limits::default() };
    Host::with("10.0.0.1", limits, Default::default())
}

fn text(lab: &mut Lab, at: u32, len: usize) -> Result<(), DropReason> {
    lab.send(&Seg { seq: lab.seq + at, ..lab.seg(PSH).data(&vec![7; len]) })
}

fn used(lab: &Lab) -> u64 {
    lab.host.memory.used()
}

fn consume(lab: &mut Lab, ends: &mut SocketRings, n: usize) {
    assert_eq!(ends.rx.release(n), n);
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.app_read(cx, id));
}

#[test]
fn every_byte_is_counted_once_gap_03() {
    let (mut lab, mut ends) = Lab::established();
    assert_eq!(used(&lab), 0);
    text(&mut lab, 0, 1000).unwrap();
    assert_eq!(used(&lab), 1000);
    // Out of order, twice, overlapping, and at last in order.
    for (at, len, sum) in
        [(2000, 500, 1500), (2000, 500, 1500), (2200, 500, 1700), (1500, 1500, 2500)]
    {
        text(&mut lab, at, len).unwrap();
        assert_eq!(used(&lab), sum, "{at}+{len}");
    }
    text(&mut lab, 0, 1500).unwrap();
    assert_eq!(used(&lab), 3000);
    consume(&mut lab, &mut ends, 2900);
    assert_eq!(used(&lab), 100);
    lab.seq += 3000;
    lab.write(&mut ends, &pattern(0, 5000));
    assert_eq!(used(&lab), 5100);
    lab.ack(lab.ack + 2000);
    assert_eq!(used(&lab), 3100);
    // Nothing is kept for a reader who wants no more.
    consume(&mut lab, &mut ends, 100);
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.shutdown_read(cx, id));
    text(&mut lab, 0, 1000).unwrap();
    assert_eq!(used(&lab), 3000);
    lab.host.act(|tcp, cx| tcp.abort(cx, id));
    assert_eq!(used(&lab), 0);
}

/// From the second threshold until the first, nothing grows.
#[test]
fn under_pressure_windows_and_buffers_do_not_grow() {
    let (mut lab, mut ends) = Lab::with(host([20_000, 40_000, 1 << 20])).open(&SYN_OPTIONS);
    let grows = |lab: &mut Lab, ends: &SocketRings| {
        let before = lab.host.conn(ends.id).rcv.space.ssthresh;
        text(lab, 0, 1000).unwrap();
        lab.seq += 1000;
        lab.host.conn(ends.id).rcv.space.ssthresh > before
    };
    assert!(grows(&mut lab, &ends));
    while used(&lab) <= 40_000 {
        text(&mut lab, 0, 1000).unwrap();
        lab.seq += 1000;
    }
    assert!(!grows(&mut lab, &ends));
    let limit = lab.host.conn(ends.id).rcv.space.limit;
    consume(&mut lab, &mut ends, 20_000);
    assert!(!grows(&mut lab, &ends), "above the first threshold it goes on");
    assert_eq!(lab.host.conn(ends.id).rcv.space.limit, limit);
    consume(&mut lab, &mut ends, 20_000);
    assert!(grows(&mut lab, &ends), "below it, it is over");
}

/// Linux `tcp_prune_ofo_queue`, and then `TCPRcvQDrop`.
#[test]
fn beyond_the_last_threshold_text_is_thrown_away_and_refused() {
    let limits = Limits {
        tcp_mem: [10_000, 20_000, 30_000],
        tcp_rmem: [16_384, 131_072, 1 << 20],
        tcp_connections: 16,
        ..Limits::default()
    };
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    let listener = lab.host.listen(80, 8);
    let mut ends = Vec::new();
    for port in 0..4 {
        lab.theirs.port = port + 1;
        lab.send(&Seg::new(SYN, IRS, SeqNum(0)).options(&[2, 4, 3, 232, 1, 1, 4, 2])).unwrap();
        lab.ack = lab.one().seq + 1;
        lab.send(&Seg::new(ACK, IRS + 1, lab.ack)).unwrap();
        ends.push((lab.host.accept(listener).unwrap(), lab.ack));
    }
    let send = |lab: &mut Lab, port: u16, at: u32| {
        lab.theirs.port = port;
        let ack = ends[usize::from(port) - 1].1;
        let outcome = lab.send(&Seg::new(PSH, IRS + 1 + at, ack).data(&[7; 1000]));
        lab.host.tcp.check();
        (outcome, lab.host.drain())
    };
    // The first has ten segments beyond a gap, the second fifteen that nobody reads.
    for n in 0..10 {
        send(&mut lab, 1, 2000 + 1000 * n).0.unwrap();
    }
    for n in 0..15 {
        send(&mut lab, 2, 1000 * n).0.unwrap();
    }
    for n in 0..6 {
        send(&mut lab, 3, 1000 * n).0.unwrap();
    }
    assert_eq!(used(&lab), 31_000);
    // Text for a reader who has something to read comes again later.
    let (outcome, answer) = send(&mut lab, 3, 6000);
    assert_eq!(outcome, Err(DropReason::TcpMemory));
    assert_eq!(answer.last().unwrap().ack, IRS + 1 + 6000);
    // Text for one who waits for it is taken.
    send(&mut lab, 4, 0).0.unwrap();
    assert_eq!(send(&mut lab, 4, 2000).0, Err(DropReason::TcpMemory), "but not beyond a gap");
    assert_eq!((used(&lab), lab.host.stats.tcp_pruned), (32_000, 0));
    // What waits beyond a gap goes first.
    send(&mut lab, 1, 0).0.unwrap();
    assert_eq!((used(&lab), lab.host.stats.tcp_pruned), (23_000, 1));
    let (outcome, answer) = send(&mut lab, 1, 1000);
    outcome.unwrap();
    assert!(answer.iter().all(|ack| ack.ack.le(IRS + 1 + 2000)), "it has to come again");
    send(&mut lab, 1, 2000).0.unwrap();
    let nxt = lab.host.conn(ends[0].0.id).rcv.nxt;
    assert_eq!(nxt, IRS + 1 + 3000);
}

/// Linux `tcp_out_of_memory`, `sk_stream_moderate_sndbuf`.
#[test]
fn beyond_the_last_threshold_orphans_go_and_writers_get_less_room() {
    let (mut lab, mut ends) = Lab::with(host([1000, 2000, 30_000])).open(&SYN_OPTIONS);
    let room = ends.tx.limit();
    lab.write(&mut ends, &pattern(0, 20_000));
    assert_eq!(ends.tx.limit(), room, "alone it has all of it");
    lab.write(&mut ends, &pattern(0, 20_000));
    assert_eq!(ends.tx.limit(), 20_000);
    assert_eq!(ends.tx.free(), 0);
    lab.close(&ends);
    assert_eq!(lab.host.drain().last().unwrap().flags, RST | ACK);
    assert_eq!((used(&lab), lab.host.stats.tcp_orphans_aborted), (0, 1));
    // One that became a burden later goes at its next timeout.
    let (mut lab, mut ends) = Lab::with(host([1000, 2000, 30_000])).open(&SYN_OPTIONS);
    lab.write(&mut ends, &pattern(0, 20_000));
    lab.close(&ends);
    lab.host.drain();
    lab.host.limits.tcp_mem[2] = 10_000;
    let sent = lab.host.pass(Duration::from_secs(1));
    assert_eq!(sent.last().unwrap().1.flags, RST | ACK);
    assert_eq!(used(&lab), 0);
    // A FIN is no burden.
    let (mut lab, ends) = Lab::with(host([0, 0, 0])).open(&SYN_OPTIONS);
    lab.close(&ends);
    assert_eq!(lab.one().flags, FIN);
}

/// A reader that has read everything gets at least a segment, however bad it is.
#[test]
fn a_stalled_reader_holds_up_nobody_for_ever() {
    let mem = [64 << 10, 96 << 10, 128 << 10];
    let mut pair = Pair::new(Host::new("10.0.0.2"), host(mem));
    let listener = pair.hosts[1].listen(80, 8);
    let remote = Endpoint::new(pair.hosts[1].ip, 80);
    let mut ends = Vec::new();
    while ends.len() < 6 {
        let client = pair.hosts[0].connect(remote).unwrap();
        pair.run(Duration::from_millis(20));
        ends.push((client, pair.hosts[1].accept(listener).unwrap()));
    }
    let sent = pattern(0, 200_000);
    for (client, _) in &mut ends {
        assert_eq!(client.tx.write(&sent), sent.len());
        let id = client.id;
        pair.hosts[0].act(|tcp, cx| tcp.app_wrote(cx, id));
    }
    // Nobody reads.
    pair.run(Duration::from_secs(3));
    let most = mem[2] as u64 + 6 * 1460;
    let used = pair.hosts[1].memory.used();
    assert!(used > mem[1] as u64 && used <= most, "{used}");
    assert!(pair.hosts[0].stats.tcp_retransmits > 0, "what was refused comes again");
    let mut received = vec![Vec::new(); ends.len()];
    for _ in 0..20_000 {
        let end = pair.now + Duration::from_millis(20);
        while pair.step(end) {}
        pair.now = end;
        for ((_, server), got) in ends.iter_mut().zip(&mut received) {
            let mut buffer = [0; 4096];
            let n = server.rx.read(&mut buffer);
            got.extend_from_slice(&buffer[..n]);
            let id = server.id;
            pair.hosts[1].act(|tcp, cx| tcp.app_read(cx, id));
        }
        assert!(pair.hosts[1].memory.used() <= most);
        if received.iter().all(|got| got.len() == sent.len()) {
            break;
        }
    }
    assert!(received.iter().all(|got| *got == sent), "{:?}", received[0].len());
    assert_eq!(pair.hosts[1].memory.used(), 0);
}
