//! What control connections are called by the engines.

use std::sync::atomic::{AtomicU64, Ordering};

/// Names a control connection on all engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientId(u64);

impl ClientId {
    /// A name that no other connection of this process has, whichever server it belongs to.
    pub(crate) fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
