//! Timestamps (RFC 7323): our clock as a peer sees it, and what to echo.
//!
//! Our clock ticks once a millisecond, as Linux's does, and starts at a keyed offset for each pair
//! of hosts, so that it tells nobody how long we have been up. TS.Recent is taken from segments
//! that span what we last acknowledged (§4.3), and echoed in everything we send.

use wire::tcp::SeqNum;
use wire::tcp_options::Timestamps;

use crate::time::{Duration, Instant};

/// RFC 7323 §5.5: when TS.Recent is too old to judge by.
pub(crate) const TS_RECENT_MAX_AGE: Duration = Duration::from_secs(24 * 24 * 3600);

/// Bytes that timestamps take in every segment, padding included.
pub(crate) const TIMESTAMPS_LEN: u32 = 12;

/// Both clocks of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimestampState {
    /// Both sides offered timestamps: every segment carries them.
    pub(crate) enabled: bool,
    /// What our clock shows beyond the host's.
    pub(crate) ts_offset: u32,
    /// TS.Recent: the peer's clock, to be echoed.
    pub(crate) ts_recent: u32,
    /// When TS.Recent was taken.
    pub(crate) ts_recent_at: Instant,
}

impl TimestampState {
    /// Clocks before the peer was heard.
    pub(crate) fn new(ts_offset: u32) -> Self {
        Self { enabled: false, ts_offset, ts_recent: 0, ts_recent_at: Instant::ZERO }
    }

    /// Our clock.
    #[inline]
    pub(crate) fn clock(&self, now: Instant) -> u32 {
        (now.millis() as u32).wrapping_add(self.ts_offset)
    }

    /// What a segment that leaves now carries.
    #[inline]
    pub(crate) fn option(&self, now: Instant) -> Timestamps {
        Timestamps { value: self.clock(now), echo: self.ts_recent }
    }

    /// What an earlier connection of the flow knew of the peer's clock.
    pub(crate) fn inherit_ts_recent(&mut self, old: Self) {
        (self.ts_recent, self.ts_recent_at) = (old.ts_recent, old.ts_recent_at);
    }

    /// The peer's SYN offered timestamps, or did not.
    pub(crate) fn negotiate(&mut self, offered: Option<Timestamps>, now: Instant) {
        self.enabled = offered.is_some();
        if let Some(stamps) = offered {
            self.ts_recent = stamps.value;
            self.ts_recent_at = now;
        }
    }

    /// A segment passed the checks; `acked` is what our last ACK said (RFC 7323 §4.3).
    #[inline]
    pub(crate) fn update(&mut self, stamps: Timestamps, seq: SeqNum, acked: SeqNum, now: Instant) {
        if seq.le(acked) && !self.paws_rejects(stamps.value, 0, now) {
            self.ts_recent = stamps.value;
            self.ts_recent_at = now;
        }
    }

    /// PAWS (RFC 7323 §5.3 R1): whether a segment's clock is more than `slack` behind TS.Recent.
    /// After 24 days TS.Recent says nothing, since the clock may have wrapped (§5.5); nor does
    /// zero, which some hosts send in their SYN only.
    #[inline]
    pub(crate) fn paws_rejects(&self, value: u32, slack: i32, now: Instant) -> bool {
        SeqNum(self.ts_recent) - SeqNum(value) > slack
            && now.since(self.ts_recent_at) < TS_RECENT_MAX_AGE
            && self.ts_recent != 0
    }

    /// Whether an echo can be one of ours: a clock between `first` and now. Zero is none at all.
    pub(crate) fn is_own_echo(&self, echo: u32, first: Instant, now: Instant) -> bool {
        let (first, last) = (self.clock(first), self.clock(now));
        echo == 0 || echo.wrapping_sub(first) <= last.wrapping_sub(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_000_000);

    fn at(ms: u64) -> Instant {
        START + Duration::from_millis(ms)
    }

    fn stamps(ts_recent: u32) -> TimestampState {
        let mut stamps = TimestampState::new(0xffff_ff00);
        stamps.negotiate(Some(Timestamps { value: ts_recent, echo: 0 }), START);
        stamps
    }

    /// RFC 7323 §5.3, §5.5.
    #[test]
    fn older_clocks_are_old_until_ts_recent_is_outdated_tcpi_05() {
        for ts_recent in [1000, 3, 0x8000_0002] {
            let stamps = stamps(ts_recent);
            let behind =
                |by: u32, slack| stamps.paws_rejects(ts_recent.wrapping_sub(by), slack, at(5));
            assert!(!behind(0, 0) && behind(1, 0) && !behind(1, 1) && behind(2, 1));
            assert!(behind(0x7fff_ffff, 1) && !behind(0x8000_0001, 1), "half the circle");
            let late = START + TS_RECENT_MAX_AGE;
            assert!(!stamps.paws_rejects(ts_recent.wrapping_sub(9), 1, late));
        }
        assert!(!stamps(0).paws_rejects(0xffff_0000, 1, START), "zero says nothing");
    }

    /// RFC 7323 §4.3.
    #[test]
    fn ts_recent_is_taken_from_what_the_last_ack_left_open() {
        let mut stamps = stamps(1000);
        let mut take = |value, seq: u32| {
            stamps.update(Timestamps { value, echo: 0 }, SeqNum(seq), SeqNum(50), at(1));
            stamps.ts_recent
        };
        assert_eq!(take(1001, 51), 1000, "beyond it");
        assert_eq!(take(1002, 50), 1002);
        assert_eq!(take(1001, 40), 1002, "never back");
    }

    #[test]
    fn an_echo_is_ours_if_our_clock_showed_it() {
        let stamps = stamps(0);
        let echo = |ms| stamps.is_own_echo(stamps.clock(at(ms)), at(10), at(300));
        assert!(!echo(9) && echo(10) && echo(300) && !echo(301));
        assert!(stamps.is_own_echo(0, at(10), at(300)));
    }
}
