//! Sockets as a listing shows them.

use crate::socket::{SocketId, SocketInfo, SocketKind, TcpDetail};
use crate::tcp::Tcp;
use crate::tcp::conn::Conn;
use crate::tcp::open::listen::Listener;
use crate::tcp::state::State;

impl Tcp {
    /// Every listener, connection, half-open connection and TIME-WAIT record.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = SocketInfo> + '_ {
        let listeners = self.listeners.slab.iter().map(|(index, l)| {
            let generation = self.listeners.slab.generation(index);
            (l.home.shard == self.home.shard)
                .then(|| l.info(self.home.listener_id(index, generation)))
        });
        let conns = self.conns.iter().map(|(_, c)| c.info());
        let embryos = self.embryos.iter().map(|(_, key, _)| bare(State::SynReceived, key));
        let records = self.time_waits.iter().map(|(_, t)| bare(t.state(), t.key));
        listeners.flatten().chain(conns).chain(embryos).chain(records)
    }

    /// More about one connection.
    pub(crate) fn detail(&self, id: SocketId) -> Option<TcpDetail> {
        self.conn(id).map(Conn::detail)
    }

    pub(crate) fn conn(&self, id: SocketId) -> Option<&Conn> {
        self.conns.lookup(self.home.conn_key(id)?)
    }

    pub(crate) fn listener(&self, id: SocketId) -> Option<&Listener> {
        self.listeners.slab.lookup(self.home.listener_key(id)?)
    }
}

fn bare(state: State, key: addr::FlowKey) -> SocketInfo {
    SocketInfo {
        id: None,
        kind: SocketKind::TcpConnection,
        state: state.name(),
        local: key.local,
        remote: Some(key.remote),
        recv_queue: 0,
        send_queue: 0,
        detail: None,
    }
}

impl Listener {
    fn info(&self, id: SocketId) -> SocketInfo {
        SocketInfo {
            id: Some(id),
            kind: SocketKind::TcpListener,
            state: State::Listen.name(),
            local: self.local,
            remote: None,
            recv_queue: self.queue.len(),
            send_queue: self.backlog as usize,
            detail: None,
        }
    }
}
