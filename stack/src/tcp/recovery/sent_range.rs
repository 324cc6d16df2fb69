//! One entry of the queue of sent data: sequence numbers that left together and have had one fate
//! since.

use wire::tcp::SeqNum;

use crate::time::Instant;

/// Sequence numbers that left at one instant, and what is known of them (Linux: the control block
/// of a packet in the retransmission queue, `tcp_skb_cb`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SentRange {
    /// Linux `seq`: the first number.
    pub(crate) seq: SeqNum,
    /// RFC 8985 `Segment.end_seq`: one past the last number.
    pub(crate) end_seq: SeqNum,
    /// RFC 8985 `Segment.xmit_ts`: when the range was last sent.
    pub(crate) xmit_ts: Instant,
    /// Bytes of data in each of its segments.
    pub(super) mss: u16,
    /// Any of [`SACKED`], [`LOST`], [`RETRANS`] and [`EVER_RETRANS`].
    pub(super) state: u8,
}

/// Linux `TCPCB_SACKED_ACKED`: the peer has it, out of order.
pub(super) const SACKED: u8 = 1;
/// Linux `TCPCB_LOST`: it counts as lost. The flag stays while a retransmission is outstanding.
pub(super) const LOST: u8 = 2;
/// Linux `TCPCB_SACKED_RETRANS`: a retransmission of it is outstanding.
pub(super) const RETRANS: u8 = 4;
/// Linux `TCPCB_EVER_RETRANS`: it was retransmitted, so an acknowledgment of it is ambiguous
/// (Karn's algorithm, RFC 6298 §3).
pub(super) const EVER_RETRANS: u8 = 8;

impl SentRange {
    /// How many sequence numbers it takes.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        (self.end_seq - self.seq) as u32
    }

    /// Whether it was ever retransmitted.
    #[inline]
    pub(crate) fn is_ever_retransmitted(&self) -> bool {
        self.state & EVER_RETRANS != 0
    }

    /// Whether any flag of `state` is set.
    #[inline]
    pub(super) fn is(&self, state: u8) -> bool {
        self.state & state != 0
    }

    /// Whether it is lost and no retransmission is outstanding.
    #[inline]
    pub(super) fn needs_retransmit(&self) -> bool {
        self.state & (SACKED | LOST | RETRANS) == LOST
    }

    /// Where its last segment starts, and how many bytes of data that holds. `ends_with_fin` says
    /// that the range ends with our FIN, which leaves with the data before it even if the segment
    /// is full.
    pub(crate) fn last_segment(&self, ends_with_fin: bool) -> (SeqNum, u32) {
        let mss = u32::from(self.mss).max(1);
        let data = self.len() - u32::from(ends_with_fin);
        let before = data.saturating_sub(1) / mss * mss;
        (self.seq + before, data - before)
    }
}
