//! Timestamps (RFC 7323): our clock as a peer sees it, and what to echo.
//!
//! Our clock ticks once a millisecond, as Linux's does, and starts at a keyed offset for each pair of
//! hosts, so that it tells nobody how long we have been up. TS.Recent is taken from segments that span what
//! we last acknowledged (§4.3), and echoed in everything we send.

use wire::tcp::SeqNum;
use wire::tcp_options::Timestamps;

use crate::time::Instant;

/// Bytes that timestamps take in every segment, padding included.
pub(crate) const TIMESTAMPS_LEN: u32 = 12;

/// Both clocks of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamps {
    /// Both sides offered timestamps: every segment carries them.
    pub(crate) on: bool,
    /// What our clock shows beyond the host's.
    pub(crate) offset: u32,
    /// TS.Recent: the peer's clock, to be echoed.
    pub(crate) recent: u32,
    /// When TS.Recent was taken.
    pub(crate) recent_at: Instant,
}

impl Stamps {
    /// Clocks before the peer was heard.
    pub(crate) fn new(offset: u32) -> Self {
        Self { on: false, offset, recent: 0, recent_at: Instant::ZERO }
    }

    /// Our clock.
    #[inline]
    pub(crate) fn clock(&self, now: Instant) -> u32 {
        (now.millis() as u32).wrapping_add(self.offset)
    }

    /// What a segment that leaves now carries.
    #[inline]
    pub(crate) fn option(&self, now: Instant) -> Timestamps {
        Timestamps { value: self.clock(now), echo: self.recent }
    }

    /// The peer's SYN offered timestamps, or did not.
    pub(crate) fn agree(&mut self, offered: Option<Timestamps>, now: Instant) {
        self.on = offered.is_some();
        if let Some(stamps) = offered {
            self.recent = stamps.value;
            self.recent_at = now;
        }
    }

    /// A segment passed the checks; `acked` is what our last ACK said (RFC 7323 §4.3).
    #[inline]
    pub(crate) fn update(&mut self, stamps: Timestamps, seq: SeqNum, acked: SeqNum, now: Instant) {
        if seq.le(acked) && SeqNum(stamps.value).ge(SeqNum(self.recent)) {
            self.recent = stamps.value;
            self.recent_at = now;
        }
    }
}
