//! The budget over what all connections buffer (Linux `tcp_mem`; the "global budgets" of GAP-03).

use addr::{Endpoint, Ip};
use ring::bytes::{SMALLEST, WHOLE};
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

/// Bytes of memory of the smallest chunk, of those of a stream that needs more, and of a list of
/// a few ranges.
const SMALL: u64 = SMALLEST as u64;
const LARGE: u64 = WHOLE as u64;
const LIST: u64 = 64;
/// Where a stream has more than one chunk, it has a table of them.
const TABLE: u64 = SMALL;

/// GAP-03: what is counted is the memory that is held, not the bytes that made us hold it.
#[test]
fn memory_is_charged_for_what_it_holds_gap_03() {
    let (mut lab, mut ends) = Lab::established();
    assert_eq!(used(&lab), 0);
    text(&mut lab, 0, 1).unwrap();
    assert_eq!(used(&lab), SMALL, "a byte holds a chunk");
    text(&mut lab, 1, 999).unwrap();
    assert_eq!(used(&lab), SMALL, "which has room for more");
    text(&mut lab, 2000, 1).unwrap();
    assert_eq!(used(&lab), SMALL + LIST);
    text(&mut lab, 20_000, 1).unwrap();
    let held = SMALL + LARGE + TABLE + LIST;
    assert_eq!(used(&lab), held, "a byte far ahead has a chunk of its own");
    text(&mut lab, 20_000, 1).unwrap();
    assert_eq!(used(&lab), held);
    text(&mut lab, 1000, 1000).unwrap();
    assert_eq!(used(&lab), held);
    consume(&mut lab, &mut ends, 2001);
    assert_eq!(used(&lab), held, "nothing goes while something lies beyond a gap");
    lab.seq += 2001;
    lab.write(&mut ends, &pattern(0, 5000));
    assert_eq!(used(&lab), held + LARGE);
    lab.ack(lab.ack + 5000);
    ends.tx.rest();
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.shutdown_read(cx, id));
    lab.host.pass(Duration::from_millis(100));
    assert_eq!(used(&lab), 0, "nothing is buffered, and a moment later nothing is held");
    text(&mut lab, 0, 1000).unwrap();
    assert_eq!(used(&lab), 0, "nothing is kept for a reader who wants no more");
    lab.write(&mut ends, &pattern(0, 100));
    assert!(used(&lab) >= SMALL);
    lab.host.act(|tcp, cx| tcp.abort(cx, id));
    assert_eq!(used(&lab), 0);
}

/// From the second threshold until the first, nothing grows.
#[test]
fn under_pressure_windows_and_buffers_do_not_grow() {
    let mem = [2 * LARGE as usize, 3 * LARGE as usize, 1 << 30];
    let (mut lab, mut ends) = Lab::with(host(mem)).open(&SYN_OPTIONS);
    let grows = |lab: &mut Lab, ends: &SocketRings| {
        let before = lab.host.conn(ends.id).rcv.space.ssthresh;
        text(lab, 0, 1000).unwrap();
        lab.seq += 1000;
        lab.host.conn(ends.id).rcv.space.ssthresh > before
    };
    assert!(grows(&mut lab, &ends));
    // Somebody else takes all there is.
    lab.host.memory.set_others(3 * LARGE, &lab.host.limits);
    assert!(!grows(&mut lab, &ends));
    let limit = lab.host.conn(ends.id).rcv.space.limit;
    consume(&mut lab, &mut ends, 1000);
    lab.host.memory.set_others(2 * LARGE + LARGE / 2, &lab.host.limits);
    assert!(!grows(&mut lab, &ends), "above the first threshold it goes on");
    assert_eq!(lab.host.conn(ends.id).rcv.space.limit, limit);
    lab.host.memory.set_others(LARGE, &lab.host.limits);
    assert!(grows(&mut lab, &ends), "below it, it is over");
}

/// Linux `tcp_prune_ofo_queue`, and then `TCPRcvQDrop`.
#[test]
fn beyond_the_last_threshold_text_is_thrown_away_and_refused() {
    let limits = Limits {
        tcp_mem: [LARGE as usize, 2 * LARGE as usize, 3 * LARGE as usize],
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
    let send = |lab: &mut Lab, port: u16, at: u32, len: usize| {
        lab.theirs.port = port;
        let ack = ends[usize::from(port) - 1].1;
        let outcome = lab.send(&Seg::new(PSH, IRS + 1 + at, ack).data(&vec![7; len]));
        lab.host.tcp.check();
        (outcome, lab.host.drain())
    };
    // The first has two bytes beyond gaps, which hold a large chunk; the second a byte that nobody
    // reads; the third two such chunks by two bytes.
    send(&mut lab, 1, 5000, 1).0.unwrap();
    send(&mut lab, 1, 20_000, 1).0.unwrap();
    assert_eq!(used(&lab), LARGE + LIST);
    send(&mut lab, 2, 0, 1).0.unwrap();
    send(&mut lab, 3, 0, 5000).0.unwrap();
    assert_eq!(used(&lab), 2 * LARGE + SMALL + LIST);
    lab.host.memory.set_others(LARGE, &lab.host.limits);
    // Text for a reader who has something to read comes again later, if it needs memory.
    let (outcome, answer) = send(&mut lab, 2, 1, 4096);
    assert_eq!(outcome, Err(DropReason::TcpMemory));
    assert_eq!(answer.last().unwrap().ack, IRS + 1 + 1);
    send(&mut lab, 2, 1, 1000).0.unwrap();
    // Text for one who waits for it is taken, but no more of it than the smallest chunk has room
    // for.
    let (outcome, answer) = send(&mut lab, 4, 0, 5000);
    outcome.unwrap();
    assert_eq!(answer.last().unwrap().ack, IRS + 1 + SMALLEST as u32);
    assert_eq!(send(&mut lab, 4, 6000, 1).0, Err(DropReason::TcpMemory), "not beyond a gap");
    let before = used(&lab);
    assert_eq!((before, lab.host.stats.tcp_pruned), (2 * LARGE + 2 * SMALL + LIST, 0));
    // What waits beyond a gap goes first.
    send(&mut lab, 1, 0, 1000).0.unwrap();
    assert_eq!(lab.host.stats.tcp_pruned, 1);
    assert_eq!(used(&lab), before - LARGE - LIST + SMALL);
    let (outcome, answer) = send(&mut lab, 1, 1000, 3000);
    outcome.unwrap();
    assert!(answer.iter().all(|ack| ack.ack.le(IRS + 1 + 4000)), "it has to come again");
    assert_eq!(lab.host.conn(ends[0].0.id).rcv.nxt, IRS + 1 + 4000);
}

/// A peer for each slot of the table, each with 14 bytes out of order, and then one that nobody
/// reads: what they hold is what is counted, and that stays within the budget.
#[test]
fn many_peers_with_a_byte_here_and_there_stay_within_the_budget() {
    let peers = 65_536u32;
    // The memory of this test is a part of the default's.
    let mem = [48 << 20, 64 << 20, 96 << 20];
    let limits = Limits { tcp_mem: mem, tcp_time_wait: 1, ..Limits::default() };
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    let listener = lab.host.listen(80, 8);
    let mut ends = Vec::new();
    let them = |lab: &mut Lab, n: u32| {
        lab.theirs = Endpoint::new(Ip::v4([10, 1, 0, (n >> 15) as u8]), 1 + (n % 32_768) as u16);
    };
    for n in 0..peers {
        them(&mut lab, n);
        lab.send(&Seg::new(SYN, IRS, SeqNum(0)).options(&[2, 4, 3, 232, 1, 1, 4, 2])).unwrap();
        let ack = lab.one().seq + 1;
        lab.send(&Seg::new(ACK, IRS + 1, ack)).unwrap();
        ends.push((lab.host.accept(listener).unwrap(), ack));
    }
    let idle = used(&lab);
    for round in 0..15 {
        for n in 0..peers {
            them(&mut lab, n);
            let at = if round < 14 { 4200 + 4096 * round } else { 0 };
            let ack = ends[n as usize].1;
            let _ = lab.send(&Seg::new(PSH, IRS + 1 + at, ack).data(&[7]));
            lab.host.drain();
        }
        let held: u64 = ends.iter().map(|(rings, _)| held_by(&lab, rings)).sum();
        assert_eq!(used(&lab) - idle, held);
        // Each may have one smallest chunk for text that its reader waits for.
        let forced = if round < 14 { LARGE } else { u64::from(peers) * SMALL };
        let most = mem[2] as u64 + forced;
        assert!(held <= most, "{held} of {most} after {round}");
    }
}

/// What a connection holds, by its rings.
fn held_by(lab: &Lab, rings: &SocketRings) -> u64 {
    let conn = lab.host.conn(rings.id);
    u64::from(conn.rcv.memory()) + conn.snd.ring.memory() as u64
}

/// Linux `tcp_out_of_memory`, `sk_stream_moderate_sndbuf`.
#[test]
fn beyond_the_last_threshold_orphans_go_and_writers_get_less_room() {
    let (mut lab, mut ends) = Lab::with(host([1000, 2000, 30_000])).open(&SYN_OPTIONS);
    let room = ends.tx.limit();
    lab.write(&mut ends, &pattern(0, 2000));
    assert_eq!(ends.tx.limit(), room, "alone it has all of it");
    lab.write(&mut ends, &pattern(0, 38_000));
    assert_eq!(ends.tx.limit(), 20_000);
    assert_eq!(ends.tx.free(), 0);
    lab.close(&ends);
    assert_eq!(lab.host.drain().last().unwrap().flags, RST | ACK);
    assert_eq!((used(&lab), lab.host.stats.tcp_orphans_aborted), (0, 1));
    // One that became a burden later goes at its next timeout.
    let (mut lab, mut ends) = Lab::with(host([1000, 2000, 80_000])).open(&SYN_OPTIONS);
    lab.write(&mut ends, &pattern(0, 20_000));
    lab.close(&ends);
    lab.host.drain();
    lab.host.limits.tcp_mem[2] = 10_000;
    let sent = lab.host.pass(Duration::from_secs(1));
    assert_eq!(sent.last().unwrap().1.flags, RST | ACK);
    assert_eq!(used(&lab), 0);
    // A connection that begins while memory is short has room for a small chunk.
    let mut lab = Lab::with(host([1000, 2000, 30_000]));
    lab.host.memory.set_others(5000, &lab.host.limits);
    let (_, ends) = lab.open(&SYN_OPTIONS);
    assert_eq!(ends.tx.limit(), SMALLEST);
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
    // A chunk is taken as long as there is room for a byte of it, by either ring.
    let most = mem[2] as u64 + LARGE + TABLE + 6 * SMALL;
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
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.hosts[1].memory.used(), 0);
}
