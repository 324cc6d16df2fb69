//! One planned segment: what `conn::output` decides and `conn::output::emit` writes.

use wire::tcp::{Flags, SeqNum};

/// One segment to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) seq: SeqNum,
    /// Where in the send ring the data starts.
    pub(crate) offset: u32,
    /// Bytes of data.
    pub(crate) len: u32,
    pub(crate) flags: Flags,
}

/// What sort of segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Our SYN or SYN-ACK.
    Syn,
    /// Data or a FIN that were never sent.
    New,
    /// Data or a FIN once more.
    Again,
    /// A probe without data.
    Probe,
    /// A bare ACK.
    Ack,
}

impl Plan {
    /// A bare ACK.
    #[inline]
    pub(crate) fn ack(seq: SeqNum) -> Self {
        Self { kind: Kind::Ack, seq, offset: 0, len: 0, flags: Flags::ACK }
    }
}
