//! Which thread does what. In the *fused* layout the engine steps its ports itself; [`split`] has
//! the thread that steps a port in the other one. Either way the same rings lie in between.

pub(crate) mod split;

use core_affinity::CoreId;

/// Pins this thread, if a core was named for it. A core that does not exist is a warning.
pub(crate) fn pin(core: Option<usize>) {
    let Some(id) = core else { return };
    if !core_affinity::set_for_current(CoreId { id }) {
        tracing::warn!("cannot pin a thread to core {id}");
    }
}
