//! Whether a bridge goes on after it moved bytes.

/// Whether a bridge goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It goes on.
    Open,
    /// Nobody will ask for it again.
    Closed,
    /// Its connection ended, with an error or not; the client may ask which.
    Disconnected(Option<i32>),
}
