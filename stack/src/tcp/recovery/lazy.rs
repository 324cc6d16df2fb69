//! Where a connection keeps its [`Recovery`]: nowhere while it has been idle.
//!
//! All of that state concerns data that is outstanding, or was a moment ago, and most connections
//! of a busy host are idle. So it is allocated when the first data leaves, stays while data comes
//! and goes, and is freed once nothing has been outstanding for a retransmission timeout, which is
//! also when RFC 5681 §4.1 restarts the window. What was learned of the path outlives it. What does
//! not is the chance to undo a window reduction because of a DSACK that arrives that late.

use core::ops::{Deref, DerefMut};

use wire::tcp::SeqNum;

use crate::tcp::recovery::Recovery;
use crate::tcp::recovery::path_metrics::PathMetrics;
use crate::time::{Duration, Instant};

/// The recovery state of a connection, if it needs any.
#[derive(Debug)]
pub(crate) struct LazyRecovery {
    active: Option<Box<Recovery>>,
    metrics: PathMetrics,
}

impl LazyRecovery {
    /// Nothing is outstanding and nothing is known of the path.
    pub(crate) const fn new() -> Self {
        Self { active: None, metrics: PathMetrics::INITIAL }
    }

    /// Whether the state is allocated. If it is not, nothing is outstanding.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Whether a retransmission or a tail loss probe is to be sent.
    #[inline]
    pub(crate) fn has_output(&self) -> bool {
        self.active.as_ref().is_some_and(|recovery| recovery.has_output())
    }

    /// Data leaves from `seq` on, where nothing was outstanding. `srtt` is the smoothed round trip,
    /// zero before the first sample.
    pub(crate) fn activate(&mut self, seq: SeqNum, srtt: Duration) {
        self.active = Some(Box::new(Recovery::new(seq, srtt, self.metrics)));
    }

    /// Nothing has been outstanding for a retransmission timeout: frees the state, keeps the
    /// metrics.
    pub(crate) fn release(&mut self) {
        self.metrics = self.path_metrics();
        self.active = None;
    }

    /// `seq..end` left for the first time, in segments of `mss` bytes. Says whether the state was
    /// there to take note of it; if not, [`activate`](Self::activate) comes first.
    #[inline]
    pub(crate) fn on_new_data_sent(
        &mut self,
        seq: SeqNum,
        end: SeqNum,
        mss: u32,
        now: Instant,
    ) -> bool {
        match &mut self.active {
            Some(recovery) => {
                recovery.on_new_data_sent(seq, end, mss, now);
                true
            }
            None => false,
        }
    }

    /// Segments that a delivery may be early by without showing a loss.
    pub(crate) fn reordering(&self) -> u32 {
        self.path_metrics().reordering.into()
    }

    /// What the path has shown so far.
    pub(crate) fn path_metrics(&self) -> PathMetrics {
        self.active.as_ref().map_or(self.metrics, |recovery| recovery.path_metrics())
    }
}

impl Deref for LazyRecovery {
    type Target = Recovery;

    #[inline]
    fn deref(&self) -> &Recovery {
        static IDLE: Recovery = Recovery::new(SeqNum(0), Duration::ZERO, PathMetrics::INITIAL);
        self.active.as_deref().unwrap_or(&IDLE)
    }
}

impl DerefMut for LazyRecovery {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Recovery {
        match self.active {
            Some(ref mut recovery) => recovery,
            ref mut none => allocate(none, self.metrics),
        }
    }
}

/// If nothing is outstanding there is nothing to change, so no caller should come here.
#[cold]
#[inline(never)]
fn allocate(active: &mut Option<Box<Recovery>>, metrics: PathMetrics) -> &mut Recovery {
    debug_assert!(false, "recovery state is changed while nothing is outstanding");
    active.insert(Box::new(Recovery::new(SeqNum(0), Duration::ZERO, metrics)))
}
