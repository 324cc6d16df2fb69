//! The owner of each socket: the stack reports events by [`SocketId`], and this table says which
//! user of sockets an event is for.

use stack::SocketId;
use stack::socket::SocketKind;

use crate::slab::Key;

/// Who uses a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A socketpair to another process.
    Bridge(Key),
    /// A user in this process, through [`crate::local`].
    Local(Key),
}

/// Owners by socket; one table a kind, indexed by the socket's slot.
#[derive(Default)]
pub(crate) struct Owners([Vec<Option<(u32, Owner)>>; SocketKind::ALL.len()]);

impl Owners {
    pub(crate) fn insert(&mut self, id: SocketId, owner: Owner) {
        let table = &mut self.0[id.kind.table()];
        let index = id.index as usize;
        if table.len() <= index {
            table.resize(index + 1, None);
        }
        table[index] = Some((id.generation, owner));
    }

    pub(crate) fn find(&self, id: SocketId) -> Option<Owner> {
        let (generation, owner) = (*self.0[id.kind.table()].get(id.index as usize)?)?;
        (generation == id.generation).then_some(owner)
    }

    pub(crate) fn remove(&mut self, id: SocketId) {
        if self.find(id).is_some() {
            self.0[id.kind.table()][id.index as usize] = None;
        }
    }
}
