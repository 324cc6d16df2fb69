//! SYN cookies: handshakes without state (RFC 4987 §3.6), laid out as Linux lays them out.
//!
//! When a listener has no room for another embryo, its SYN-ACK carries all that would have been
//! remembered. The ISN is
//!
//! ```text
//! hash(flow) + IRS + (minute << 24) + ((hash'(flow, minute, IRS) + index) mod 2^24)
//! ```
//!
//! so that the last ACK, which repeats it, tells the minute and which of four MSS values the peer
//! came closest to. A cookie counts for two minutes; one number in 2^29 is a cookie. The other
//! options of the peer's SYN go into the low six bits of our timestamp, which the peer echoes;
//! without timestamps the connection has neither window scaling nor SACK. The hashes' keys are
//! drawn at start.

use addr::{FlowKey, HashKey};
use wire::tcp::SeqNum;

use crate::keys::Keys;
use crate::time::Instant;

/// The keys.
#[derive(Debug)]
pub(crate) struct Cookies {
    flow: HashKey,
    minute: HashKey,
}

/// What the peer's SYN offered, as far as a timestamp can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CookieOptions {
    pub(crate) scale: Option<u8>,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
}

impl Cookies {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self { flow: keys.cookie, minute: keys.cookie_minute }
    }

    /// The ISN that answers a SYN numbered `irs`, whose sender takes segments of `mss` bytes.
    pub(crate) fn make(&self, key: &FlowKey, irs: SeqNum, mss: u16, now: Instant) -> SeqNum {
        let table = mss_table(key);
        let index = table.iter().rposition(|&known| known <= mss).unwrap_or(0) as u32;
        let minute = minute(now);
        let low = self.low(key, minute, irs).wrapping_add(index) & LOW;
        irs + self.high(key).wrapping_add(minute << LOW_BITS).wrapping_add(low)
    }

    /// The MSS that a cookie stands for, if it is one of ours and not too old.
    pub(crate) fn check(
        &self,
        key: &FlowKey,
        irs: SeqNum,
        iss: SeqNum,
        now: Instant,
    ) -> Option<u16> {
        let rest = iss.0.wrapping_sub(irs.0).wrapping_sub(self.high(key));
        let age = minute(now).wrapping_sub(rest >> LOW_BITS) & 0xff;
        if age >= AGE_MAX {
            return None;
        }
        let made = minute(now).wrapping_sub(age);
        let index = rest.wrapping_sub(self.low(key, made, irs)) & LOW;
        mss_table(key).get(index as usize).copied()
    }

    fn high(&self, key: &FlowKey) -> u32 {
        self.flow.prf_flow(key) as u32
    }

    fn low(&self, key: &FlowKey, minute: u32, irs: SeqNum) -> u32 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.minute.prf_flow(key).to_le_bytes());
        bytes[8..12].copy_from_slice(&minute.to_le_bytes());
        bytes[12..].copy_from_slice(&irs.0.to_le_bytes());
        self.minute.prf_bytes(&bytes) as u32
    }
}

impl CookieOptions {
    /// The clock with the options in its low bits: the latest such value that is not ahead of
    /// `clock`, so that it stays a timestamp.
    pub(crate) fn into_ts_val(self, clock: u32) -> u32 {
        let scale = u32::from(self.scale.unwrap_or(NO_SCALE));
        let bits = scale | u32::from(self.sack) << SACK_BIT | u32::from(self.ecn) << ECN_BIT;
        let stamped = clock & !STAMP | bits;
        if stamped > clock { stamped.wrapping_sub(STAMP + 1) } else { stamped }
    }

    /// The options in an echoed clock.
    pub(crate) fn from_ts_val(clock: u32) -> Self {
        let scale = clock as u8 & NO_SCALE;
        Self {
            scale: (scale != NO_SCALE).then_some(scale),
            sack: clock & 1 << SACK_BIT != 0,
            ecn: clock & 1 << ECN_BIT != 0,
        }
    }
}

fn minute(now: Instant) -> u32 {
    (now.millis() / PERIOD_MS) as u32
}

/// Values that most peers have, as Linux picked them; the one at or below the peer's is used.
fn mss_table(key: &FlowKey) -> &'static [u16; 4] {
    if key.remote.ip.is_v4() { &[536, 1300, 1440, 1460] } else { &[1220, 1420, 1440, 8940] }
}

/// Linux `TCP_SYNCOOKIE_PERIOD`.
const PERIOD_MS: u64 = 60_000;
/// Periods a cookie counts for (Linux `MAX_SYNCOOKIE_AGE`).
const AGE_MAX: u32 = 2;
/// How long after the last cookie an ACK may still bring one, in milliseconds.
pub(crate) const VALID_MS: u64 = PERIOD_MS * AGE_MAX as u64;
const LOW_BITS: u32 = 24;
const LOW: u32 = (1 << LOW_BITS) - 1;
/// The bits of a timestamp that carry options: four of scale, SACK, ECN.
const STAMP: u32 = 0x3f;
const NO_SCALE: u8 = 0xf;
const SACK_BIT: u32 = 4;
const ECN_BIT: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    const IRS: SeqNum = SeqNum(0xffff_fff0);

    fn flow(local: &str, remote: &str) -> FlowKey {
        FlowKey::new(local.parse().unwrap(), remote.parse().unwrap())
    }

    fn v4() -> FlowKey {
        flow("10.0.0.1:80", "10.0.0.2:4000")
    }

    #[test]
    fn a_cookie_tells_the_nearest_mss_below_gap_02() {
        let cookies = Cookies::new(&Keys::from_seed(1));
        let now = Instant::from_millis(123_456_789);
        let v6 = flow("[2001:db8::1]:80", "[2001:db8::2]:4000");
        for (key, mss, decoded) in [
            (v4(), 48, 536),
            (v4(), 536, 536),
            (v4(), 1299, 536),
            (v4(), 1300, 1300),
            (v4(), 1459, 1440),
            (v4(), 9000, 1460),
            (v6, 1220, 1220),
            (v6, 1440, 1440),
            (v6, 65_535, 8940),
        ] {
            let cookie = cookies.make(&key, IRS, mss, now);
            assert_eq!(cookies.check(&key, IRS, cookie, now), Some(decoded));
        }
    }

    #[test]
    fn a_cookie_counts_for_two_periods_gap_02() {
        let cookies = Cookies::new(&Keys::from_seed(2));
        // The counter's low byte is about to wrap.
        let made = Instant::from_millis(255 * PERIOD_MS + 10);
        let cookie = cookies.make(&v4(), IRS, 1460, made);
        let at = |later: u64| {
            let now = Instant::from_millis(made.millis() + later);
            cookies.check(&v4(), IRS, cookie, now)
        };
        assert_eq!(at(PERIOD_MS), Some(1460));
        assert_eq!(at(2 * PERIOD_MS - 11), Some(1460));
        assert_eq!(at(2 * PERIOD_MS), None);
        assert_eq!(at(100 * PERIOD_MS), None);
    }

    #[test]
    fn a_cookie_is_bound_to_flow_number_and_key() {
        let cookies = Cookies::new(&Keys::from_seed(3));
        let now = Instant::from_millis(1_000_000);
        let cookie = cookies.make(&v4(), IRS, 1460, now);
        assert_eq!(cookies.check(&v4(), IRS + 1, cookie, now), None);
        assert_eq!(cookies.check(&flow("10.0.0.1:80", "10.0.0.2:4001"), IRS, cookie, now), None);
        assert_eq!(cookies.check(&v4().reversed(), IRS, cookie, now), None);
        let others = Cookies::new(&Keys::from_seed(4));
        assert_eq!(others.check(&v4(), IRS, cookie, now), None);
        // Guessing: 4 values of 2^24 for each of 2 ages of 2^8, which is one in 2^29 numbers.
        let hits = (0..100_000).filter(|&step: &u32| {
            let guess = SeqNum(step.wrapping_mul(0x9e37_79b9));
            cookies.check(&v4(), IRS, guess, now).is_some()
        });
        assert_eq!(hits.count(), 0);
    }

    #[test]
    fn options_ride_in_the_low_bits_of_a_timestamp_that_is_not_ahead() {
        for clock in [0x1234_5678, 0x1234_5640, 0x1234_567f, 5, 0] {
            for scale in [None, Some(0), Some(7), Some(14)] {
                for bits in 0..4 {
                    let carried = CookieOptions { scale, sack: bits & 1 != 0, ecn: bits & 2 != 0 };
                    let stamped = carried.into_ts_val(clock);
                    assert_eq!(CookieOptions::from_ts_val(stamped), carried);
                    assert!(clock.wrapping_sub(stamped) < 64, "{clock:#x} {stamped:#x}");
                }
            }
        }
    }
}
