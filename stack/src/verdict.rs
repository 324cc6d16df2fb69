//! The verdict on a frame: consumed, handed to another shard, dropped, or to be forwarded.

use addr::{IfIndex, Ip};

use crate::drop::DropReason;
use crate::shard::index::ShardIndex;

/// Where the way of a frame through the host ends, in either direction. Whoever owns the frame's
/// memory still owns it when this is known, and does with it what the verdict says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The frame reached what it was for: a protocol of this host, or the device it leaves by.
    Consumed,
    /// The frame came in on another shard than the one that owns its flow, and a copy of it is on
    /// its way there. What that shard makes of it is counted there.
    HandedOver(ShardIndex),
    /// The frame goes no further, and is counted under this reason.
    Dropped(DropReason),
    /// The packet in the frame is for another host (RFC 1812 §5.2.1). No host forwards yet, so this
    /// is not seen outside of tests.
    Forward {
        /// Interface that the route leads out of.
        ifindex: IfIndex,
        /// The neighbour that takes the packet: the route's gateway, or the destination itself.
        next_hop: Ip,
    },
}

impl Verdict {
    /// The reason, if the frame was dropped.
    #[must_use]
    pub const fn drop_reason(self) -> Option<DropReason> {
        match self {
            Self::Dropped(reason) => Some(reason),
            Self::Consumed | Self::HandedOver(_) | Self::Forward { .. } => None,
        }
    }
}
