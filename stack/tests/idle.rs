//! What an idle connection holds, counted by the allocator.

use std::time::Duration;

use pair::Pair;
use stack::Limits;
use stack::socket::SocketRings;

mod pair;

const CONNECTIONS: usize = 10_000;
/// Of them, those who fill queues and pools.
const FIRST: usize = 500;
/// Most that an idle established connection may hold, all in all.
const MOST: i64 = 1024;
/// Between two flights that belong to one conversation.
const PAUSE: Duration = Duration::from_millis(1);

fn limits(connections: usize) -> Limits {
    Limits { tcp_connections: connections as u32, ..Limits::default() }
}

/// Bytes that stay allocated after some work, and what the work made.
fn held<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let (mut work, mut made) = (Some(work), None);
    let info = allocation_counter::measure(|| made = work.take().map(|work| work()));
    (info.bytes_current, made.expect("the work was done"))
}

/// A message each way, which is read.
fn converse(pair: &mut Pair, ends: &mut [SocketRings; 2], out: &mut [u8]) {
    pair.send(ends, 0, &[7; 300], out);
    pair.send(ends, 1, &[8; 1000], out);
    pair.pass(PAUSE);
}

/// A flight of five segments without the second, which comes again after the others were reported;
/// and then one in which the second overtakes the first, and comes twice.
fn struggle(pair: &mut Pair, ends: &mut [SocketRings; 2], from: usize, out: &mut [u8]) {
    for trouble in [Trouble::Loss, Trouble::Disorder] {
        let data = [9; 5 * 1448];
        assert_eq!(ends[from].tx.write(&data), data.len());
        pair.hosts[from].app_wrote(pair.now, ends[from].id);
        pair.pass(PAUSE);
        let mut flight = pair.take(from);
        assert!(flight.len() >= 5, "an ACK may be among them");
        match trouble {
            Trouble::Loss => drop(flight.remove(1)),
            Trouble::Disorder => {
                flight.swap(0, 1);
                flight.push(flight[0].clone());
            }
        }
        for mut frame in flight {
            pair.give(1 - from, &mut frame);
        }
        let rx = &mut ends[1 - from].rx;
        for _ in 0..100 {
            pair.exchange();
            if rx.len() == data.len() {
                break;
            }
            pair.pass(10 * PAUSE);
        }
        assert_eq!(rx.read(out), data.len());
        pair.hosts[1 - from].app_read(pair.now, ends[1 - from].id);
        ends[from].tx.rest();
        pair.exchange();
    }
}

enum Trouble {
    Loss,
    Disorder,
}

/// What each end of a connection holds, bytes.
struct Held {
    /// In tables that a host makes at once.
    tables: i64,
    /// Besides.
    rest: i64,
    /// Segments that were sent again, in all.
    retransmits: u64,
}

/// What ends of so many connections hold that `use_it` was done with, a good while after.
fn measure(use_it: impl Fn(&mut Pair, &mut [SocketRings; 2], &mut [u8])) -> Held {
    // What hosts hold without room for connections.
    let (bare, small) = held(|| Pair::new(&limits(1)));
    drop(small);
    let (with_tables, mut pair) = held(|| Pair::new(&limits(CONNECTIONS)));
    let listener = pair.listen(80, 4);
    let mut out = [0; 20_000];
    let mut all: Vec<[SocketRings; 2]> = Vec::with_capacity(CONNECTIONS);
    let mut open = |pair: &mut Pair, number: usize| {
        for _ in 0..number {
            let mut ends = pair.connect(80, listener);
            use_it(pair, &mut ends, &mut out);
            all.push(ends);
        }
    };
    // Whatever queues and pools keep for those who are busy, they have after the first.
    open(&mut pair, FIRST);
    let (of_connections, ()) = held(|| {
        open(&mut pair, CONNECTIONS - FIRST);
        // Beyond every timeout that what was sent last may have set.
        for _ in 0..4 {
            pair.pass(Duration::from_secs(1));
            pair.exchange();
        }
    });
    let retransmits = pair.hosts.iter().map(|host| host.stats().tcp_retransmits).sum();
    // They still work.
    for ends in &mut all {
        pair.send(ends, 0, b"still there", &mut out);
        assert_eq!(&out[..11], b"still there");
    }
    // Both hosts have an end of every connection.
    let ends = |connections| 2 * connections as i64;
    Held {
        tables: (with_tables - bare) / ends(CONNECTIONS),
        rest: of_connections / ends(CONNECTIONS - FIRST),
        retransmits,
    }
}

impl Held {
    #[track_caller]
    fn check(&self) {
        let Self { tables, rest, .. } = self;
        println!("a connection: {tables} bytes in tables, {rest} in ring headers and besides");
        assert!(tables + rest <= MOST, "{tables} in tables and {rest} besides");
        // All that is left besides its place in the tables is two ring headers, and a share of a
        // few chunks that the pool of all keeps.
        assert!(*rest <= 2 * 128 + 8, "{rest}");
    }
}

#[test]
fn an_idle_connection_holds_a_kibibyte() {
    measure(converse).check();
}

/// No more than that after losses and reordering either way.
#[test]
fn what_recovery_needed_is_given_back() {
    let held = measure(|pair, ends, out| {
        struggle(pair, ends, 0, out);
        struggle(pair, ends, 1, out);
        converse(pair, ends, out);
    });
    held.check();
    assert!(held.retransmits >= 2 * CONNECTIONS as u64);
}
