//! What a path would give to a perfect sender of standard TCP, computed from the path alone.
//!
//! **Window.** At loss rate `p` the average window is the larger of two response functions, in
//! segments: that of CUBIC, RFC 9438 §5.1 with its constants (β 0.7, C 0.4),
//!
//! ```text
//! AVG_W_cubic = 1.054 * RTT^0.75 / p^0.75        RTT in seconds
//! ```
//!
//! and that of standard congestion control (RFC 5681), to which CUBIC's Reno-friendly region keeps
//! up (RFC 9438 §4.3),
//!
//! ```text
//! AVG_W_reno = sqrt(3/2) / sqrt(p)
//! ```
//!
//! Here `p` is how often losses *begin*: a burst is one congestion event. The buffers bound the
//! window too. Neither function knows timeouts, so at a tenth lost they promise more than can be
//! had.
//!
//! **Rate.** A window a round trip, and no more than the link's rate after headers and losses.
//!
//! **Time.** Slow start from ten segments (RFC 6928), doubling each round trip, until the window is
//! reached or all is sent; then at that rate. The clock starts when the client is connected and
//! stops when the last byte arrives.

use stack::time::Duration;

use super::{BUFFER, Cell, MTU, NARROW_MTU, Twist};

/// RFC 6928.
const INITIAL_WINDOW: u64 = 10;
const MILLION: u128 = 1_000_000;

/// Average window of RFC 9438 §5.1 in thousandths of a segment, at `rtt` microseconds and a loss of
/// `ppm` in a million.
pub fn cubic_window(rtt: u64, ppm: u32) -> u64 {
    // RTT / p is the same whether both are in millionths or not. (x^3)^(1/4) times 1000.
    let (rtt, ppm) = (u128::from(rtt), u128::from(ppm));
    let cube = rtt * rtt * rtt * MILLION * MILLION / (ppm * ppm * ppm);
    (1_054 * cube.isqrt().isqrt() / 1_000) as u64
}

/// Average window of RFC 5681 in thousandths of a segment.
pub fn reno_window(ppm: u32) -> u64 {
    (3 * MILLION * MILLION / (2 * u128::from(ppm))).isqrt() as u64
}

/// Average window in bytes as the response functions and the buffers allow.
pub fn window(cell: &Cell) -> u64 {
    let ppm = cell.loss_events();
    if ppm == 0 {
        return BUFFER as u64;
    }
    let segments = cubic_window(cell.rtt, ppm).max(reno_window(ppm));
    (segments * cell.mss() / 1_000).min(BUFFER as u64)
}

/// Bytes of data a second that the link carries: no headers, no lost frames.
fn link_rate(cell: &Cell) -> u64 {
    let mtu = if cell.twist == Twist::Narrow { NARROW_MTU } else { MTU };
    let headers = u64::from(MTU) - cell.mss();
    let bytes = cell.rate / 8 * (u64::from(mtu) - headers) / (u64::from(mtu) + 14);
    (u128::from(bytes) * u128::from(1_000_000 - cell.loss) / MILLION) as u64
}

/// Bytes of data a second after slow start.
pub fn rate(cell: &Cell) -> u64 {
    let per_trip = u128::from(window(cell)) * MILLION / u128::from(cell.rtt);
    link_rate(cell).min(per_trip as u64)
}

/// How long `bytes` take.
pub fn time(cell: &Cell, bytes: u64) -> Duration {
    let nanos =
        |bytes: u64, rate: u64| (u128::from(bytes) * 1_000_000_000 / u128::from(rate)) as u64;
    let (link, rtt) = (link_rate(cell), cell.rtt * 1_000);
    let full = (u128::from(rate(cell)) * u128::from(cell.rtt) / MILLION) as u64;
    let mut window = INITIAL_WINDOW * cell.mss();
    let (mut left, mut elapsed) = (bytes, 0);
    while window < full && left > window {
        elapsed += nanos(window, link).max(rtt);
        left -= window;
        window *= 2;
    }
    if window >= full && rate(cell) < link {
        // Window after window, each with the round trip it takes to be acknowledged.
        let trips = (left - 1) / full;
        elapsed += trips * rtt;
        left -= trips * full;
    }
    elapsed += nanos(left, link) + rtt / 2;
    Duration::from_nanos(elapsed) + pause(cell)
}

/// How long nothing can be done.
fn pause(cell: &Cell) -> Duration {
    match cell.twist {
        Twist::StalledReader(span)
        | Twist::SenderSleeps(span)
        | Twist::ReceiverSleeps(span)
        | Twist::LongerPath(span)
        | Twist::Outage(span) => span,
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of RFC 9438 §5.1 and §5.2: the average window of CUBIC in segments, at the
    /// round trip in microseconds.
    #[test]
    fn the_response_function_is_that_of_the_standard() {
        let table = [
            (100_000, 10_000, 5_933),
            (100_000, 1_000, 33_360),
            (100_000, 100, 187_600),
            (10_000, 100, 33_360),
            (300_000, 10, 2_404_000),
        ];
        for (rtt, ppm, thousandths) in table {
            let window = cubic_window(rtt, ppm);
            assert!(window.abs_diff(thousandths) <= thousandths / 500, "{rtt} {ppm}: {window}");
        }
        for (ppm, thousandths) in [(10_000, 12_247), (1_000, 38_729), (100, 122_474)] {
            assert_eq!(reno_window(ppm), thousandths);
        }
    }

    #[test]
    fn a_clean_path_gives_its_rate_and_a_long_one_its_window() {
        let path = Cell::new(10_000_000, 10_000, true);
        assert_eq!(rate(&path), 10_000_000 / 8 * 1_448 / 1_514);
        let path = Cell::new(10_000_000_000, 300_000, true);
        assert_eq!(rate(&path), BUFFER as u64 * 10 / 3);
        let path = Cell { loss: 10_000, ..Cell::new(1_000_000_000, 100_000, true) };
        assert_eq!(rate(&path), 177_330);
    }

    #[test]
    fn slow_start_takes_its_round_trips() {
        let path = Cell::new(1_000_000_000, 100_000, true);
        assert_eq!(time(&path, 14_480).as_millis(), 50, "one window");
        assert_eq!(time(&path, 14_481).as_millis(), 150, "two");
        assert_eq!(time(&path, 3 * 14_480 + 1).as_millis(), 250, "three");
        let slow = Cell::new(1_000_000, 100, true);
        assert_eq!(time(&slow, 1_000_000).as_millis(), 8_364);
    }
}
