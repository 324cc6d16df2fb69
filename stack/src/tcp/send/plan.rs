//! One planned segment: what `conn::output` decides and `conn::output::emit` writes.

use wire::tcp::{Flags, SeqNum};

/// One segment to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentPlan {
    pub(crate) kind: SegmentKind,
    pub(crate) seq: SeqNum,
    /// Where in the send ring the data starts.
    pub(crate) offset: u32,
    /// Bytes of data.
    pub(crate) len: u32,
    pub(crate) flags: Flags,
}

/// What sort of segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentKind {
    /// Our SYN or SYN-ACK.
    Syn,
    /// Data or a FIN that were never sent.
    New,
    /// Data or a FIN once more.
    Retransmit,
    /// A probe without data.
    Probe,
    /// A bare ACK.
    Ack,
}

impl SegmentPlan {
    /// A bare ACK.
    #[inline]
    pub(crate) fn ack(seq: SeqNum) -> Self {
        Self { kind: SegmentKind::Ack, seq, offset: 0, len: 0, flags: Flags::ACK }
    }
}
