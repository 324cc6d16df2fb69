//! What an idle connection holds.

use std::time::Duration;

use pair::Pair;
use stack::Limits;
use stack::socket::Ends;

mod pair;

const CONNECTIONS: usize = 10_000;
/// Most that an idle established connection may hold, all in all: 1 KiB is what is wanted.
const MOST: usize = 1536;

fn limits(connections: usize) -> Limits {
    Limits { tcp_connections: connections as u32, ..Limits::default() }
}

/// Bytes that stay allocated after some work, and what the work made.
fn held<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let (mut work, mut made) = (Some(work), None);
    let info = allocation_counter::measure(|| made = work.take().map(|work| work()));
    (info.bytes_current, made.expect("the work was done"))
}

/// Every connection carries a message each way, which is read; then its rings hold no memory, and
/// all that is left is a slot in the tables, two ring headers, and the application's ends.
#[test]
fn an_idle_connection_holds_little() {
    // What hosts hold without room for connections.
    let (bare, small) = held(|| Pair::new(&limits(1)));
    drop(small);
    let (with_tables, mut pair) = held(|| Pair::new(&limits(CONNECTIONS)));
    let listener = pair.listen(80, 4);
    let mut out = [0; 1000];
    let mut all: Vec<[Ends; 2]> = Vec::with_capacity(CONNECTIONS);
    // Whatever queues and pools keep, they have after the first.
    let mut first = pair.connect(80, listener);
    pair.send(&mut first, 0, &[7; 300], &mut out);
    pair.send(&mut first, 1, &[8; 1000], &mut out);
    let (of_connections, ()) = held(|| {
        for _ in 1..CONNECTIONS {
            let mut ends = pair.connect(80, listener);
            pair.send(&mut ends, 0, &[7; 300], &mut out);
            pair.send(&mut ends, 1, &[8; 1000], &mut out);
            pair.pass(Duration::from_millis(1));
            all.push(ends);
        }
        pair.pass(Duration::from_secs(1));
        pair.exchange();
    });
    // Both hosts have an end of every connection.
    let ends = 2 * CONNECTIONS as i64;
    let (tables, rings) = ((with_tables - bare) / ends, of_connections / ends);
    println!("a connection: {tables} bytes in tables, {rings} in ring headers and lists");
    assert!(tables + rings <= MOST as i64, "{tables} in tables and {rings} besides");
    // They still work.
    for ends in &mut all {
        pair.send(ends, 0, b"still there", &mut out);
        assert_eq!(&out[..11], b"still there");
    }
}
