//! Tests of `tracker`.

use super::*;

/// WIRE-08: serials per direction, around after 16 bits, with cause and latency.
#[test]
fn wire_08_serials_and_latency() {
    let (mut rx, mut tx) = (Counter::new(Direction::Rx), Counter::new(Direction::Tx));
    let request = rx.track(5_000);
    assert_eq!(request.to_string(), "RX0000");
    assert_eq!(request.latency_us(), None);
    let alone = tx.track(5_500);
    assert_eq!(alone.to_string(), "TX0000");
    let reply = tx.track(17_004).caused_by(&request);
    assert_eq!(reply.latency_us(), Some(12_004));
    assert_eq!(reply.to_string(), "TX0001 for RX0000, 12.004 ms");
    let early = tx.track(1).caused_by(&request);
    assert_eq!(early.latency_us(), Some(0), "a clock that went back");
    for _ in 1..0xffff {
        rx.track(0);
    }
    assert_eq!(rx.track(0).to_string(), "RXFFFF");
    assert_eq!(rx.track(0).to_string(), "RX0000");
}
