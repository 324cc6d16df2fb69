//! The send half: what is acknowledged, what was sent, what the peer allows.
//!
//! The application's bytes stay in the send ring until they are acknowledged, so the ring is the
//! retransmission buffer: its head is always SND.UNA (or the first data byte while our SYN is
//! out), and a sequence number's place in it is a subtraction. `nxt` is the highest number sent and
//! never moves back; what is to be sent again is recovery's business.

pub(super) mod nagle;
pub(super) mod pacing;
pub(super) mod plan;
pub(super) mod snd_space;

use ring::bytes::Reader;
use wire::tcp::SeqNum;

use crate::tcp::send::snd_space::SndSpace;
use crate::time::Instant;

/// The send half.
#[derive(Debug)]
pub(crate) struct SendHalf {
    /// SND.UNA.
    pub(crate) una: SeqNum,
    /// SND.NXT: one past the highest number sent.
    pub(crate) nxt: SeqNum,
    /// SND.WND, bytes.
    pub(crate) wnd: u32,
    /// SND.WL1: the sequence number of the segment that last set the window.
    pub(crate) wl1: SeqNum,
    /// SND.WL2: its acknowledgment.
    pub(crate) wl2: SeqNum,
    /// Largest window the peer ever offered.
    pub(crate) max_wnd: u32,
    /// Shift of the peer's window field (RFC 7323).
    pub(crate) scale: u8,
    /// Bytes of data in a full segment.
    pub(crate) mss: u32,
    /// End of the last segment sent that was not full (Minshall's rule needs it).
    pub(crate) snd_sml: SeqNum,
    /// One past the urgent byte, or SND.UNA if there is none (SND.UP).
    pub(crate) up: SeqNum,
    /// The congestion window, not the application or the peer, held data back.
    pub(crate) cwnd_limited: bool,
    /// When anything with a sequence number last left.
    pub(crate) last_sent_at: Instant,
    /// Bytes of data sent, first time only.
    pub(crate) bytes_sent: u64,
    pub(crate) space: SndSpace,
    pub(crate) ring: Reader,
}

impl SendHalf {
    /// A half whose SYN has the number `iss`.
    pub(crate) fn new(iss: SeqNum, mss: u32, space: SndSpace, ring: Reader) -> Self {
        Self {
            una: iss,
            nxt: iss,
            wnd: 0,
            wl1: SeqNum(0),
            wl2: SeqNum(0),
            max_wnd: 0,
            scale: 0,
            mss,
            snd_sml: iss,
            up: iss,
            cwnd_limited: false,
            last_sent_at: Instant::ZERO,
            bytes_sent: 0,
            space,
            ring,
        }
    }

    /// Sequence numbers sent and not acknowledged.
    #[inline]
    pub(crate) fn outstanding(&self) -> u32 {
        (self.nxt - self.una) as u32
    }

    /// Bytes in the ring that were never sent. `outstanding` must be data only.
    #[inline]
    pub(crate) fn unsent(&self) -> u32 {
        (self.ring.len() as u32).saturating_sub(self.outstanding())
    }

    /// Whether urgent data is not acknowledged.
    #[inline]
    pub(crate) fn is_urgent(&self) -> bool {
        self.up.gt(self.una)
    }

    /// How much more the peer's window allows.
    #[inline]
    pub(crate) fn usable(&self) -> u32 {
        self.wnd.saturating_sub(self.outstanding())
    }

    /// Takes the window from a segment unless a newer one set it (RFC 9293 §3.10.7.4).
    /// Says whether it changed.
    #[inline]
    pub(crate) fn update_window(&mut self, seq: SeqNum, ack: SeqNum, window: u32) -> bool {
        let newer = self.wl2.lt(ack) || self.wl1.lt(seq) || self.wl1 == seq && self.wl2 == ack;
        if !newer {
            return false;
        }
        let changed = self.wnd != window;
        self.wnd = window;
        self.wl1 = seq;
        self.wl2 = ack;
        self.max_wnd = self.max_wnd.max(window);
        changed
    }

    /// Whether a segment that was not full is still unacknowledged.
    #[inline]
    pub(crate) fn has_small_segment_outstanding(&self) -> bool {
        self.snd_sml.gt(self.una) && self.snd_sml.le(self.nxt)
    }
}
