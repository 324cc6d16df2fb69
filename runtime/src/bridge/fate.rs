//! How a bridge goes on after it moved bytes.

/// How a bridge goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Lives,
    /// Nobody will ask for it again.
    Gone,
    /// Its connection ended, with an error or not; the client may ask which.
    Over(Option<i32>),
}
