//! What becomes of an emitter's result where the room was made for what is written.

use wire::EmitError;

/// The length of what was written into a frame that was sized for it.
///
/// Only a fault of ours fails here: tests stop at it, and a release build must not take the stack
/// down for one bad packet.
#[inline]
pub(crate) fn written(result: Result<usize, EmitError>) -> usize {
    debug_assert!(result.is_ok(), "{result:?}");
    result.unwrap_or_default()
}
