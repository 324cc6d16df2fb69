//! AF_XDP: frames in memory that the kernel fills and empties, with four rings between it and us.
//!
//! The device keeps the handle of a frame that the kernel has, in a slot under the frame's number,
//! until the kernel names that number again, in the receive ring or in the completion ring. So a
//! number that the kernel should not have is noticed (there is no handle in the slot) instead of
//! believed, and the account of frames is a count of slots.
//!
//! Always with NEED_WAKEUP: the kernel says when it wants a system call. In copy mode that is after
//! every batch to send, one call for up to 256 frames; receiving needs none, so the flag is not
//! looked at.
//!
//! Where the kernel has multi-buffer AF_XDP (Linux 6.6), a packet larger than a buffer comes in
//! several, and is put together in a large frame.
//!
//! Frames are cut and finished at the edge: AF_XDP has no offloads. A piece needs a buffer of its
//! own, so one large frame may wait half cut for more of them.
//!
//! `unsafe` here is the rings' contracts: a frame is with the kernel only while its handle lies in
//! its slot, so nobody else touches it.

mod device;
mod gather;
mod kick;
mod open;
mod tx_state;

pub(crate) use device::XskDevice;
pub(crate) use open::open;
