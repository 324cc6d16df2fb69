//! The one place that sees every frame of both directions.
//!
//! `Hook::observe` is called once for each frame that was received, when its verdict is known,
//! and once for each frame that leaves, loopback included. A frame that another shard owns is seen
//! there, or here if that shard has no room for it. Without a [`Tap`] all this is one branch on a
//! field of the worker. A tap is a bounded queue of copies: the caller takes them out at leisure,
//! and frames that did not fit are counted.

use std::collections::VecDeque;

use addr::IfIndex;

use crate::time::Instant;
use crate::verdict::Verdict;

/// Which way a frame passed an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came in.
    Received,
    /// It left.
    Transmitted,
}

/// How much a [`Tap`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapConfig {
    /// Bytes kept of each frame, from its beginning (tcpdump's snapshot length); 0 for none.
    pub snap_len: usize,
    /// Frames kept until somebody takes them.
    pub capacity: usize,
}

/// One frame as the hook saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapFrame {
    /// The host's clock.
    pub at: Instant,
    /// The interface that the frame passed.
    pub ifindex: IfIndex,
    /// Which way.
    pub direction: Direction,
    /// What became of it.
    pub verdict: Verdict,
    /// Bytes of the frame, with its link header.
    pub len: usize,
    /// Its first bytes, at most [`TapConfig::snap_len`]. A checksum that the device finishes, and
    /// segmentation that it does, are not done in them.
    pub bytes: Vec<u8>,
}

/// Copies of the frames that passed, oldest first.
#[derive(Debug)]
pub struct Tap {
    config: TapConfig,
    frames: VecDeque<TapFrame>,
    missed: u64,
}

impl Tap {
    fn new(config: TapConfig) -> Self {
        Self { config, frames: VecDeque::new(), missed: 0 }
    }

    /// Takes the oldest frame out.
    pub fn pop(&mut self) -> Option<TapFrame> {
        self.frames.pop_front()
    }

    /// When the oldest frame passed, if there is one.
    #[must_use]
    pub fn oldest_at(&self) -> Option<Instant> {
        self.frames.front().map(|frame| frame.at)
    }

    /// Frames that were not kept because the tap was full, since it was set.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    fn keep(&mut self, seen: &Seen<'_>) {
        if self.frames.len() >= self.config.capacity {
            self.missed += 1;
            return;
        }
        let Seen { at, ifindex, direction, verdict, frame } = *seen;
        let bytes = frame[..frame.len().min(self.config.snap_len)].to_vec();
        self.frames.push_back(TapFrame {
            at,
            ifindex,
            direction,
            verdict,
            len: frame.len(),
            bytes,
        });
    }
}

/// What the hook is shown of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) at: Instant,
    pub(crate) ifindex: IfIndex,
    pub(crate) direction: Direction,
    pub(crate) verdict: Verdict,
    pub(crate) frame: &'a [u8],
}

/// The observer of a worker's frames: a tap, or none.
#[derive(Debug, Default)]
pub(crate) struct Hook {
    tap: Option<Box<Tap>>,
}

impl Hook {
    /// Shows a frame to the tap, if one is set.
    #[inline]
    pub(crate) fn observe(&mut self, seen: &Seen<'_>) {
        if let Some(tap) = &mut self.tap {
            tap.keep(seen);
        }
    }

    /// Sets an empty tap; `None` removes the present one with the frames in it.
    pub(crate) fn set_tap(&mut self, config: Option<TapConfig>) {
        self.tap = config.map(|config| Box::new(Tap::new(config)));
    }

    pub(crate) fn tap(&self) -> Option<&Tap> {
        self.tap.as_deref()
    }

    pub(crate) fn tap_mut(&mut self) -> Option<&mut Tap> {
        self.tap.as_deref_mut()
    }
}
