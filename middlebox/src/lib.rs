//! A path of our own between two network devices: it forwards Ethernet frames, each direction with
//! a rate, a delay and a queue, and loses, reorders and duplicates by a seed.
//!
//! [`Path`] says what a direction does, [`Link`] does it in a time that its caller tells it,
//! [`Middlebox`] joins two devices of a network namespace by packet sockets, and [`Running`] is one
//! on a thread of its own. The devices must carry wire frames: whoever sends into them has to cut
//! segments and finish checksums itself (`ethtool -K DEVICE tx off`); a longer frame is counted and
//! dropped.
//!
//! Two contenders that meet the same path with the same seed meet the same accidents: what happens
//! to the n-th frame of a direction depends on nothing but the seed, the direction and n.

mod forward;
mod link;
mod path;
mod random;
mod running;
mod socket;

pub use forward::Middlebox;
pub use link::{Counters, FRAME_MAX, Link};
pub use path::{Burst, Path, Paths, Reorder};
pub use running::Running;
pub use socket::Socket;
