//! Why connections ended that are gone (`SO_ERROR` of a socket whose connection was reset or timed out).
//!
//! A connection's slot is free for the next one at once, but its application may ask only later what
//! became of it. So the reason stays beside the slot, eight bytes for each that was ever used, until it is
//! asked for, once, or until the slot's next tenant has died too.

use crate::socket::{SocketError, SocketId};

/// The reasons, by slot.
#[derive(Debug, Default)]
pub(crate) struct PendingErrors(Vec<Reason>);

#[derive(Clone, Copy, Debug, Default)]
struct Reason {
    generation: u32,
    error: Option<SocketError>,
}

const _: () = assert!(size_of::<Reason>() == 8);

impl PendingErrors {
    /// The connection ended with an error.
    pub(crate) fn note(&mut self, id: SocketId, error: SocketError) {
        let slot = id.index as usize;
        if slot >= self.0.len() {
            self.0.resize(slot + 1, Reason::default());
        }
        self.0[slot] = Reason { generation: id.generation, error: Some(error) };
    }

    /// Why it ended, if nobody asked before.
    pub(crate) fn take(&mut self, id: SocketId) -> Option<SocketError> {
        let reason = self.0.get_mut(id.index as usize)?;
        if reason.generation == id.generation { reason.error.take() } else { None }
    }
}
