//! Whether a connection paces what it sends (`SO_MAX_PACING_RATE`).

/// Whether what a connection sends is spread out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// It leaves at once.
    #[default]
    Off,
    /// At the rate that the window and the round trip make.
    On,
    /// So, but at this many bytes a second at most (`SO_MAX_PACING_RATE`). 0 counts as 1.
    AtMost(u64),
}
