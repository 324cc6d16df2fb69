//! What application and engine both look at for one local socket.

use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use addr::Endpoint;

use crate::option::Options;

/// The application wrote.
pub(super) const WROTE: u8 = 1;
/// The application read.
pub(super) const READ: u8 = 2;

/// [`Shared::connect`] while the attempt goes on.
pub(super) const CONNECTING: i32 = -1;

/// The state that both sides share.
pub(super) struct Shared {
    /// [`WROTE`] and [`READ`]: what the application did since the engine last looked.
    progress: AtomicU8,
    /// [`CONNECTING`], 0 once connected, or the errno of the failure.
    pub(super) connect: AtomicI32,
    /// The error that SO_ERROR takes, or 0.
    pub(super) error: AtomicI32,
    /// Our address and the peer's.
    pub(super) names: Mutex<(Endpoint, Option<Endpoint>)>,
    pub(super) options: Mutex<Options>,
}

impl Shared {
    pub(super) fn new(local: Endpoint, remote: Option<Endpoint>, connect: i32) -> Arc<Self> {
        Arc::new(Self {
            progress: AtomicU8::new(0),
            connect: AtomicI32::new(connect),
            error: AtomicI32::new(0),
            names: Mutex::new((local, remote)),
            options: Mutex::new(Options::default()),
        })
    }

    /// Notes what the application did, and returns whether the engine needs a message: it does if
    /// nothing was noted since it last looked.
    pub(super) fn note_progress(&self, what: u8) -> bool {
        self.progress.fetch_or(what, Ordering::AcqRel) == 0
    }

    /// Takes what the application did.
    pub(super) fn take_progress(&self) -> u8 {
        self.progress.swap(0, Ordering::AcqRel)
    }
}
