//! Ports: where frames enter and leave the stack.
//!
//! A [`Port`] is one queue of one device: a TAP or TUN descriptor, an AF_XDP socket, or one end of
//! a [`pair`] in memory. A [`PortLink`] is one shard's side of it: four single-producer
//! single-consumer rings of frame handles. A port has such rings with each shard ([`open_queues`]);
//! whoever receives says for each frame which shard owns it. The driver of the port calls
//! [`Port::turn`], each shard works its link; both may be one thread (fused) or two (split), and
//! both halves are `Send`.
//!
//! Frames are owned ([`Frame`]): each buffer of a port is in exactly one place, and
//! [`FrameAccount`] says in which, at any time. What a device cannot do itself, finishing checksums
//! and cutting large frames, is done in software at the edge, as the frame leaves.
//!
//! This crate knows devices and nothing of protocols above the headers it must touch at the edge.

mod bell;
mod config;
mod edge;
mod error;
mod frame;
mod interface;
mod link;
mod open;
mod packet_ring;
mod pair;
mod port;
mod queues;
mod rtnetlink;
mod shard_rings;
mod side;
mod stats;
mod steering;
mod tap;
mod vnet;
mod xdp;
mod xsk;

pub use bell::Bell;
pub use config::{Backend, PortConfig, PortInfo, Sharing, ZeroCopy};
pub use error::PortError;
pub use frame::{Frame, FrameAccount, RxFrame, TxFrame};
pub use interface::{DeviceFacts, DeviceState, OsDevice};
pub use link::PortLink;
pub use open::{OpenPort, SHARDS_MAX, default_queues, open, open_queues, pair, pair_queues};
pub use pair::PairConfig;
pub use port::Port;
pub use stats::{Losses, PortStats, ShardStats, Turn};
pub use steering::Steering;

/// Steers every frame to shard 0: for the driver of a port with one shard.
#[inline]
pub fn single_shard(_frame: &[u8], _meta: &wire::offload::RxMeta) -> usize {
    0
}
