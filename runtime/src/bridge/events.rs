//! What bridges do when the stack reports something of their sockets, and when their descriptors
//! become ready.

use stack::Readiness;

use super::state::State;
use super::status::Status;
use super::table::Bridges;
use crate::slab::Key;
use crate::sockets::Core;
use crate::sockets::poller::Ready;

impl Bridges {
    /// The stack reported something of a bridge's socket.
    pub(crate) fn on_event(&mut self, key: Key, what: Readiness, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let status = match &mut bridge.state {
            State::Connecting(connecting) => match connecting.outcome(what) {
                None => Status::Open,
                Some(outcome) => return self.connected(key, outcome, core),
            },
            State::Stream(stream) => stream.on_event(what, core),
            State::Listener(listener) => {
                listener.look(core);
                return self.serve_accepts(key, core);
            }
            State::Datagram(datagram) => {
                if what.has(Readiness::ERROR)
                    && let Some(id) = datagram.rings().map(|rings| rings.id)
                    && let Some(error) = core.worker.take_error(id)
                {
                    bridge.error = Some(i32::from(error.code()));
                }
                datagram.on_event(core, &mut self.scratch)
            }
            State::Fresh(_) | State::Over { .. } => Status::Open,
        };
        self.apply(key, status);
    }

    /// A bridge's descriptor became ready.
    pub(crate) fn on_ready(&mut self, key: Key, ready: Ready, core: &mut Core) {
        let Some(bridge) = self.sockets.find_mut(key) else { return };
        let status = match &mut bridge.state {
            State::Stream(stream) => stream.on_ready(ready, core),
            State::Datagram(datagram) => {
                datagram.on_ready(ready, core, bridge.v6, &mut self.scratch)
            }
            State::Fresh(_) | State::Connecting(_) | State::Listener(_) | State::Over { .. } => {
                Status::Open
            }
        };
        self.apply(key, status);
        self.adopt_datagram(key, core);
    }
}
