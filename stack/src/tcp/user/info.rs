//! Sockets as a listing shows them.

use crate::socket::{ListPlace, SocketId, SocketInfo, SocketKind, TcpDetail};
use crate::tcp::Tcp;
use crate::tcp::conn::Conn;
use crate::tcp::open::listen::Listener;
use crate::tcp::state::State;

impl Tcp {
    /// Every listener, connection, half-open connection and TIME-WAIT record that does not stand
    /// before `from`, with its place.
    pub(crate) fn sockets_from(
        &self,
        from: ListPlace,
    ) -> impl Iterator<Item = (ListPlace, SocketInfo)> + '_ {
        let first = from.first_slot(ListPlace::LISTENERS);
        let listeners = self.listeners.slab.iter_from(first).filter_map(|(slot, l)| {
            let generation = self.listeners.slab.generation(slot);
            let info = || l.info(self.home.listener_id(slot, generation));
            let is_home = l.home.shard == self.home.shard;
            is_home.then(|| (ListPlace::new(ListPlace::LISTENERS, slot), info()))
        });
        let first = from.first_slot(ListPlace::CONNECTIONS);
        let conns = self.conns.iter_from(first);
        let conns = conns.map(|(slot, c)| (ListPlace::new(ListPlace::CONNECTIONS, slot), c.info()));
        let first = from.first_slot(ListPlace::EMBRYOS);
        let embryos = self.embryos.iter_from(first).map(|(slot, key, _)| {
            (ListPlace::new(ListPlace::EMBRYOS, slot), bare(State::SynReceived, key))
        });
        let first = from.first_slot(ListPlace::TIME_WAITS);
        let records = self
            .time_waits
            .iter_from(first)
            .map(|(slot, t)| (ListPlace::new(ListPlace::TIME_WAITS, slot), bare(t.state(), t.key)));
        listeners.chain(conns).chain(embryos).chain(records)
    }

    /// All of them.
    #[cfg(test)]
    pub(crate) fn sockets(&self) -> impl Iterator<Item = SocketInfo> + '_ {
        self.sockets_from(ListPlace::default()).map(|(_, info)| info)
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
