//! What is counted of a listener over all shards: its bounds hold for the sum.

use std::sync::atomic::AtomicU32;

/// Counts of one listener over all shards.
#[derive(Debug, Default)]
pub(crate) struct ListenerTotals {
    /// Connections that wait or are on their way to the home's queue.
    pub(super) waiting: AtomicU32,
    /// Embryos.
    pub(super) embryos: AtomicU32,
}
