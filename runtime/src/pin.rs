//! Pins threads to cores.

use core_affinity::CoreId;

/// Pins this thread, if a core was named for it. A core that does not exist is a warning.
pub(crate) fn pin(core: Option<usize>) {
    let Some(id) = core else { return };
    if !core_affinity::set_for_current(CoreId { id }) {
        tracing::warn!("cannot pin a thread to core {id}");
    }
}
