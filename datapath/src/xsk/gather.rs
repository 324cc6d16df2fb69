//! Packets that lie in several buffers: larger than a page, from a sender with a larger MTU, or one
//! on this machine that leaves it to the device to cut them.
//!
//! The stack wants a packet in one piece, so its parts are copied into one large frame. There are a
//! few of those, in the same region; without a free one the packet is lost, and counted.

use std::ptr::NonNull;
use std::sync::Arc;

use wire::offload::RxMeta;

use crate::frame::{Frame, Memory, RxFrame};
use crate::side::PortSide;

/// Bytes of a frame of the region: a page.
pub(super) const FRAME_SIZE: u32 = 4096;
/// Large frames of a port.
const LARGE_FRAMES: u32 = 16;
/// Buffers that make up one: for the largest IP packet, with link header and tags.
const LARGE_BUFFERS: u32 = 17;
/// Buffers of the region that they take.
pub(super) const BUFFERS: u32 = LARGE_FRAMES * LARGE_BUFFERS;

/// What became of the parts so far.
#[derive(Debug, Default)]
pub(super) enum Gather {
    /// No part of an unfinished packet has come.
    #[default]
    Idle,
    /// They are in this frame.
    Filling(Frame),
    /// They were dropped, and so are the others.
    Skipping,
}

impl Gather {
    /// Whether a large frame is being filled.
    pub(super) fn holds_frame(&self) -> bool {
        matches!(self, Self::Filling(_))
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// Takes the next part, of which there are `more`, and returns the packet once it is whole.
    #[cold]
    pub(super) fn add(
        &mut self,
        part: Frame,
        more: bool,
        meta: RxMeta,
        side: &mut PortSide,
    ) -> Option<RxFrame> {
        let mut state = match std::mem::take(self) {
            Self::Idle => side.large_pool.pop().map_or(Self::Skipping, |mut large| {
                large.set_len(0);
                Self::Filling(large)
            }),
            begun => begun,
        };
        if let Self::Filling(large) = &mut state {
            let (at, end) = (large.len(), large.len() + part.len());
            if let Some(room) = large.buffer_mut().get_mut(at..end) {
                room.copy_from_slice(part.bytes());
                large.set_len(end);
            } else if let Self::Filling(large) = std::mem::replace(&mut state, Self::Skipping) {
                side.recycle(large);
            }
        }
        side.recycle(part);
        if more {
            *self = state;
            return None;
        }
        match state {
            Self::Filling(frame) => Some(RxFrame { frame, meta }),
            Self::Idle | Self::Skipping => {
                side.stats.rx_dropped += 1;
                None
            }
        }
    }
}

/// Makes the large frames of [`BUFFERS`] buffers, the first of which is number `first` and begins
/// at `base`.
///
/// # Safety
/// The buffers lie behind each other in `memory`, are initialised, and belong to nobody else.
pub(super) unsafe fn large_frames(
    base: NonNull<u8>,
    first: u32,
    memory: &Arc<Memory>,
) -> Vec<Frame> {
    let frame = |number: u32| {
        let size = LARGE_BUFFERS * FRAME_SIZE;
        // SAFETY: the caller says that the buffers are there and nobody else's; each of them is in
        // one of the frames.
        unsafe {
            let start = base.add((number * size) as usize);
            Frame::new(start, size, 0, first + number * LARGE_BUFFERS, memory.clone())
        }
    };
    (0..LARGE_FRAMES).map(frame).collect()
}
