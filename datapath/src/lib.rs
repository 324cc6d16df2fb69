//! Ports: where frames enter and leave the stack.
//!
//! A [`Port`] is one queue of one device: a TAP or TUN descriptor, an AF_XDP socket, or one end of
//! a [`pair`](mod@pair) in memory. A [`PortLink`] is the shard's side of it: four single-producer
//! single-consumer rings of frame handles. Whoever owns the port calls [`Port::turn`], whoever owns
//! the shard works the link; both may be one thread (fused) or two (split), and both halves are
//! `Send`.
//!
//! Frames are owned ([`Frame`]): each buffer of a port is in exactly one place, and
//! [`FrameAccount`] says in which, at any time. What a device cannot do itself, finishing checksums
//! and cutting large frames, is done in software at the edge, as the frame leaves.
//!
//! This crate knows devices and nothing of protocols above the headers it must touch at the edge.

mod config;
mod edge;
mod error;
mod frame;
mod interface;
mod link;
pub mod pair;
mod port;
mod steering;
mod tap;
mod vnet;
mod xdp;
mod xsk;

pub use config::{Backend, PortConfig, PortInfo, Sharing, ZeroCopy};
pub use error::PortError;
pub use frame::{Frame, FrameAccount, RxFrame, TxFrame};
pub use interface::{DeviceState, OsDevice};
pub use link::PortLink;
pub use pair::{PairConfig, pair};
pub use port::{Bell, Port, PortStats, Turn, open, open_queues};
pub use steering::Steering;
