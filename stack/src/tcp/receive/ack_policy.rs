//! When text that came is acknowledged (RFC 9293 §3.8.6.3, RFC 5681 §4.2; TCPI-09), as Linux decides it.
//!
//! At once: more than one full segment, text out of order or what closes a gap, and, in *quick* mode,
//! everything. A connection starts quick, because the peer's window opens with our ACKs, and is
//! quick again after a duplicate or a long silence. A connection whose application answers what it
//! gets is *interactive*: its data carries the ACKs, so quick mode does not count.
//!
//! Otherwise the ACK waits for `ato_us`, which follows the spacing of the text between 40 and 200 ms:
//! an ACK that was put off in vain doubles it, or ends interactive mode. A reader that takes the last byte
//! of a small segment does not answer it right away, so the ACK is then sent.

use crate::tcp::segment::Segment;
use crate::time::{Duration, Instant};
use wire::tcp::Flags;

/// What decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckPolicy {
    /// Size of the peer's full segments, as far as seen.
    pub(crate) rcv_mss: u32,
    /// Size of the last segment, if it was smaller.
    last_seg_size: u32,
    /// When text last came in order.
    last_received_at: Instant,
    /// How long an ACK waits, microseconds; zero before the first text.
    ato_us: u32,
    /// ACKs still to be sent at once.
    quick: u8,
    /// The application answers what it gets: its data will carry the ACK.
    pingpong: bool,
    /// Small segments since the last ACK: none, one, more.
    pushed: u8,
    /// Something came since the last ACK.
    ack_scheduled: bool,
}

/// What a segment with text was like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Bytes of text in each segment of what may be a merged run.
    pub(crate) size: u32,
    /// Bytes of options, which vary with SACK blocks.
    pub(crate) options: u32,
    /// PSH or FIN is set: it may be smaller than a full one.
    pub(crate) last: bool,
}

impl Arrival {
    pub(crate) fn of(seg: &Segment<'_>) -> Self {
        Self {
            size: seg.size,
            options: seg.options.len() as u32,
            last: seg.flags.intersects(Flags::PSH | Flags::FIN | Flags::URG),
        }
    }
}

impl AckPolicy {
    /// A policy for a peer to which we advertised `mss`.
    pub(crate) fn new(mss: u32) -> Self {
        Self {
            rcv_mss: mss.min(TCP_MSS_DEFAULT),
            last_seg_size: 0,
            last_received_at: Instant::ZERO,
            ato_us: 0,
            quick: 0,
            pingpong: false,
            pushed: 0,
            ack_scheduled: false,
        }
    }

    /// Text came in order. `window` is what we offered last, `rto` our timeout, `mss` what we
    /// advertised.
    #[inline]
    pub(crate) fn on_data(
        &mut self,
        arrival: Arrival,
        mss: u32,
        window: u32,
        rto: Duration,
        now: Instant,
    ) {
        self.ack_scheduled = true;
        self.measure(arrival, mss);
        let gap = now.since(self.last_received_at);
        if self.ato_us == 0 {
            self.incr_quickack(window);
            self.ato_us = ATO_MIN_US;
        } else if gap <= Duration::from_micros(ATO_MIN_US as u64 / 2) {
            self.ato_us = self.ato_us / 2 + ATO_MIN_US / 2;
        } else {
            self.on_pause(micros(gap), micros(rto), window);
        }
        self.last_received_at = now;
    }

    /// Text came that was not close behind other text.
    fn on_pause(&mut self, gap: u32, rto: u32, window: u32) {
        if gap < self.ato_us {
            self.ato_us = (self.ato_us / 2 + gap).min(rto);
        } else if gap > rto {
            // The peer starts afresh after such a silence.
            self.incr_quickack(window);
        }
    }

    /// Text came out of order, or a FIN.
    #[inline]
    pub(crate) fn on_out_of_order(&mut self) {
        self.ack_scheduled = true;
    }

    /// Follows the size of the peer's full segments. A smaller one counts as full if it is what the
    /// one before was, and as the end of a write otherwise.
    #[inline]
    fn measure(&mut self, arrival: Arrival, mss: u32) {
        let last_seg_size = core::mem::take(&mut self.last_seg_size);
        if arrival.size >= self.rcv_mss {
            self.rcv_mss = arrival.size.min(mss).max(1);
            return;
        }
        let whole = arrival.size + arrival.options;
        if whole >= TCP_MSS_DEFAULT || whole >= TCP_MIN_MSS && !arrival.last {
            self.last_seg_size = arrival.size;
            if arrival.size == last_seg_size {
                self.rcv_mss = arrival.size.max(1);
                return;
            }
        }
        self.pushed = (self.pushed + 1).min(2);
    }

    /// The next ACKs leave at once: enough for the peer to fill the window.
    fn incr_quickack(&mut self, window: u32) {
        let segments = (window / (2 * self.rcv_mss)).clamp(2, MAX_QUICKACKS);
        self.quick = self.quick.max(segments as u8);
    }

    /// The peer sends again what we have, so it has missed an ACK.
    pub(crate) fn on_duplicate(&mut self, window: u32) {
        self.incr_quickack(window);
        self.pingpong = false;
        self.ato_us = ATO_MIN_US;
    }

    /// The window opens: the peer should know soon.
    #[inline]
    pub(crate) fn on_window_growth(&mut self) {
        self.quick |= 1;
    }

    /// The window is nearly closed: no more hurry.
    #[inline]
    pub(crate) fn exit_quick(&mut self) {
        self.quick = 0;
    }

    /// Whether every ACK leaves at once.
    #[inline]
    pub(crate) fn is_in_quickack_mode(&self) -> bool {
        self.quick > 0 && !self.pingpong
    }

    /// How long an ACK is put off.
    #[inline]
    pub(crate) fn delay(&self, srtt: Duration) -> Duration {
        let mut wait = self.ato_us.min(DELACK_MAX_US);
        if wait > ATO_MIN_US && !srtt.is_zero() {
            wait = wait.min(micros(srtt).max(ATO_MIN_US));
        }
        Duration::from_micros(wait.into())
    }

    /// An ACK was put off and nothing took it along. Says whether one is owed at all.
    pub(crate) fn on_timer(&mut self, rto: Duration) -> bool {
        if !self.ack_scheduled {
            return false;
        }
        if self.pingpong {
            self.pingpong = false;
            self.ato_us = ATO_MIN_US;
        } else {
            self.ato_us = self.ato_us.saturating_mul(2).min(micros(rto));
        }
        true
    }

    /// A segment left that acknowledged everything.
    #[inline]
    pub(crate) fn on_ack_sent(&mut self) {
        if self.ack_scheduled && self.quick > 0 {
            self.quick -= 1;
            if self.quick == 0 {
                self.ato_us = ATO_MIN_US;
            }
        }
        self.ack_scheduled = false;
        self.pushed = 0;
    }

    /// Data left. If it follows text closely, it is taken for the answer.
    #[inline]
    pub(crate) fn on_data_sent(&mut self, now: Instant) {
        if micros(now.since(self.last_received_at)) < self.ato_us {
            self.pingpong = true;
        }
    }

    /// The reader took text; `waiting` bytes are not acknowledged, `left` not read. Says whether the
    /// ACK that was put off is to leave now.
    pub(crate) fn on_app_read(&self, waiting: u32, left: usize) -> bool {
        let small = self.pushed == 2 || self.pushed == 1 && !self.pingpong;
        self.ack_scheduled && (waiting > self.rcv_mss || small && left == 0)
    }

    /// `TCP_QUICKACK`: an interactive mode that the user sets. Says whether an ACK that was put off is to
    /// leave now.
    pub(crate) fn set_quickack(&mut self, on: bool) -> bool {
        self.pingpong = !on;
        on && self.ack_scheduled
    }
}

fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}

/// Linux `TCP_ATO_MIN`, and its `TCP_DELACK_MIN`, microseconds.
const ATO_MIN_US: u32 = 40_000;
/// Linux `TCP_DELACK_MAX`; RFC 9293 §3.8.6.3, MUST-59 allows half a second.
const DELACK_MAX_US: u32 = 200_000;
/// ACKs of quick mode (Linux `TCP_MAX_QUICKACKS`).
const MAX_QUICKACKS: u32 = 16;
/// First guess at the size of the peer's segments (Linux `TCP_MSS_DEFAULT`).
const TCP_MSS_DEFAULT: u32 = 536;
/// No full segment is smaller (Linux `TCP_MIN_MSS`).
const TCP_MIN_MSS: u32 = 88;

#[cfg(test)]
mod tests;
