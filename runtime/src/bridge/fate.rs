//! What becomes of a bridge after it moved.

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
