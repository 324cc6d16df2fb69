//! What loss recovery learns of a path, which outlives the recovery state itself.

/// Metrics of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathMetrics {
    /// Linux `tp->reordering`: segments that a delivery may be early by without showing a loss.
    pub(super) reordering: u16,
    /// RFC 8985 `RACK.reo_wnd_mult`.
    pub(super) reo_wnd_mult: u8,
    /// RFC 8985 `RACK.reo_wnd_persist`.
    pub(super) reo_wnd_persist: u8,
    /// RFC 8985 `RACK.reordering_seen`.
    pub(super) reordering_seen: bool,
}

impl PathMetrics {
    /// A path of which nothing is known.
    pub(super) const INITIAL: Self = Self {
        reordering: DUP_ACK_THRESHOLD,
        reo_wnd_mult: 1,
        reo_wnd_persist: 0,
        reordering_seen: false,
    };
}

/// RFC 5681 §3.2: the third duplicate ACK shows a loss.
pub(crate) const DUP_ACK_THRESHOLD: u16 = 3;
/// Linux `tcp_max_reordering`.
pub(super) const REORDERING_MAX: u16 = 300;
