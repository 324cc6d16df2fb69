//! Why connections failed whose slots are free again (`SO_ERROR`, Linux `sk_err`).
//!
//! The slot of a connection is free for the next one at once, but its application may ask only
//! later what became of it. So the error stays beside the slot, eight bytes for each slot that was
//! ever used, until it is asked for, once, or until the next connection of the slot has failed too.

use crate::socket::{SocketError, SocketId};

/// The errors, by slot.
#[derive(Debug, Default)]
pub(crate) struct PendingErrors(Vec<Reason>);

#[derive(Clone, Copy, Debug, Default)]
struct Reason {
    generation: u32,
    error: Option<SocketError>,
}

const _: () = assert!(size_of::<Reason>() == 8);

impl PendingErrors {
    /// The connection failed with an error.
    pub(crate) fn note(&mut self, id: SocketId, error: SocketError) {
        let slot = id.index as usize;
        if slot >= self.0.len() {
            self.0.resize(slot + 1, Reason::default());
        }
        self.0[slot] = Reason { generation: id.generation, error: Some(error) };
    }

    /// The error of a connection, if it was not asked for before.
    pub(crate) fn take(&mut self, id: SocketId) -> Option<SocketError> {
        let reason = self.0.get_mut(id.index as usize)?;
        if reason.generation == id.generation { reason.error.take() } else { None }
    }
}
