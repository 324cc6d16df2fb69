//! What the users of sockets ask: connect, written, read, close and the rest.
//!
//! Calls for an id that is dead do nothing; its end was reported as `GONE`.

mod info;
pub(super) mod socket_options;

use addr::{Endpoint, FlowKey, Ip};

use crate::cx::Cx;
use crate::fib::{Fib, Path};
use crate::socket::{SocketError, SocketId, SocketKind, SocketRings};
use crate::tcp::Tcp;
use crate::tcp::conn::{Conn, ConnInit};
use crate::tcp::flow_table::Owner;
use crate::tcp::open::isn::Secrets;
use crate::tcp::open::message::ListenerChange;
use crate::tcp::segment::scope;
use crate::tcp::state::State;
use crate::tcp::user::socket_options::TcpOption;

impl Tcp {
    /// Opens a connection. The call returns at once; that it is open, or failed, is reported later.
    /// With a port of the caller's choice the flow may belong to another shard: an invalid argument
    /// here.
    pub(crate) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        local: Option<Endpoint>,
        remote: Endpoint,
    ) -> Result<SocketRings, SocketError> {
        // No connection leads to many (Linux `tcp_v4_connect`).
        if cx.fib.is_to_many(remote.ip) {
            return Err(SocketError::NetworkUnreachable);
        }
        if remote.port == 0 || !remote.ip.is_unicast() {
            return Err(SocketError::InvalidArgument);
        }
        let path = find_path(cx.fib, local, &remote)?;
        let ip = path.source;
        let port = match local.map_or(0, |l| l.port) {
            0 => self.ephemeral_port(cx, ip, &remote)?,
            port => port,
        };
        let key = FlowKey::new(Endpoint::new(ip, port), remote);
        let home = self.home;
        if !home.owns_flow(&key) {
            return Err(SocketError::InvalidArgument);
        }
        let successor = match self.flows.find(self.flow_owners(), &key) {
            None => None,
            Some(Owner::TimeWait(index)) => {
                let successor =
                    self.time_waits.successor(index, cx).ok_or(SocketError::AddressInUse)?;
                self.remove_time_wait(index);
                Some(successor)
            }
            Some(_) => return Err(SocketError::AddressInUse),
        };
        let iss = self.secrets.isn(&key, cx.now);
        let iss = successor.map_or(iss, |successor| iss.max(successor.floor));
        let flow_label = self.secrets.flow_label(&key);
        let clock_offset = self.secrets.clock_offset(&key);
        let identification = cx.rng.next_u32() as u16;
        let scope = scope(remote.ip, path.ifindex);
        let mut halves = None;
        let slot = self.conns.insert_with(|slot| {
            let id = home.conn_id(slot);
            let birth =
                ConnInit { id, key, scope, path, iss, identification, flow_label, clock_offset };
            let (mut conn, user) = Conn::active(birth, cx.limits, cx.now);
            if let Some(successor) = successor {
                conn.timestamps.inherit_ts_recent(successor.timestamps);
            }
            halves = Some(user);
            conn
        });
        let (Some(slot), Some(halves)) = (slot, halves) else {
            return Err(SocketError::NoBuffers);
        };
        self.flows.insert(&key, Owner::Conn(slot.index));
        cx.memory.begin();
        cx.stats.tcp_active_opens += 1;
        self.reschedule(cx, slot.index);
        Ok(halves.into_rings(home.conn_id(slot), key.local, remote))
    }

    fn ephemeral_port(
        &mut self,
        cx: &mut Cx<'_>,
        ip: Ip,
        remote: &Endpoint,
    ) -> Result<u16, SocketError> {
        let skipped = Secrets::draw_skipped(cx.rng);
        let Self { home, flows, conns, embryos, time_waits, listeners, secrets, .. } = self;
        let flow_owners = crate::tcp::FlowOwners { conns, embryos, time_waits };
        let free = |port| {
            let local = Endpoint::new(ip, port);
            let key = FlowKey::new(local, *remote);
            if !home.owns_flow(&key) {
                return false;
            }
            let flow = flows.find(flow_owners, &key);
            listeners.find(&local).is_none()
                && match flow {
                    None => true,
                    Some(Owner::TimeWait(index)) => time_waits.successor(index, cx).is_some(),
                    Some(_) => false,
                }
        };
        secrets.port(cx.limits, skipped, (ip, remote), free).ok_or(SocketError::AddressInUse)
    }

    /// The application wrote to its ring, or finished it.
    pub(crate) fn app_wrote(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        self.with(cx, id, Conn::app_wrote);
    }

    /// The application released bytes from its ring.
    #[inline]
    pub(crate) fn app_read(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        let conn = self.home.conn_key(id).and_then(|key| self.conns.lookup_mut(key));
        let Some(conn) = conn.filter(|conn| !conn.orphan) else { return };
        conn.app_read(cx);
        // Nothing else can have come of it.
        if conn.rcv.pending_acks.is_due() {
            self.ready.push(conn, id.index);
        }
        self.drained.note(&mut conn.drain, id.index, cx.now);
    }

    /// The application lets go of the socket.
    pub(crate) fn close(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        match id.kind {
            SocketKind::TcpListener => self.close_listener(cx, id),
            _ => self.close_conn(cx, id),
        }
    }

    /// What is left to send is sent by an orphan, unless there are too many already, or it holds
    /// memory that others need.
    fn close_conn(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        let too_many = self.orphans >= cx.limits.tcp_max_orphans;
        let Some(conn) = self.conn_mut(id).filter(|conn| !conn.orphan) else { return };
        conn.close(cx);
        if (too_many || conn.is_orphan_out_of_memory(cx)) && conn.end.is_none() {
            conn.abort(cx);
            cx.stats.tcp_orphans_aborted += 1;
        }
        self.orphans += 1;
        self.reschedule(cx, id.index);
    }

    /// The application wants the connection reset. A listener closes, which resets the
    /// connections that nobody accepted.
    pub(crate) fn abort(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        match id.kind {
            SocketKind::TcpListener => self.close_listener(cx, id),
            _ => self.with(cx, id, Conn::abort),
        }
    }

    /// The application wants no more data.
    pub(crate) fn shutdown_read(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        self.with(cx, id, Conn::shutdown_read);
    }

    /// The application wrote, and the last byte is urgent (`MSG_OOB`).
    pub(crate) fn send_urgent(&mut self, cx: &mut Cx<'_>, id: SocketId) {
        self.with(cx, id, Conn::send_urgent);
    }

    /// The peer's urgent byte.
    pub(crate) fn urgent_byte(
        &mut self,
        id: SocketId,
        peek: bool,
    ) -> Result<Option<u8>, SocketError> {
        self.conn_mut(id).ok_or(SocketError::BadSocket)?.urgent_byte(peek)
    }

    /// Whether the reader stands where the urgent byte was.
    pub(crate) fn at_mark(&self, id: SocketId) -> bool {
        self.conn(id).is_some_and(Conn::at_mark)
    }

    /// Sets an option. Those of a listener are what its connections start with.
    pub(crate) fn set_option(
        &mut self,
        cx: &mut Cx<'_>,
        id: SocketId,
        option: TcpOption,
    ) -> Result<(), SocketError> {
        if let Some(listener) = self.listener_mut(id) {
            listener.options.set(option);
            let options = listener.options.clone();
            self.send_to_others(ListenerChange::Options(id, options));
            return Ok(());
        }
        let conn = self.conn_mut(id).filter(|conn| !conn.orphan);
        conn.ok_or(SocketError::BadSocket)?.set_option(cx, option);
        self.reschedule(cx, id.index);
        Ok(())
    }

    /// Why a connection ended that is gone; reported once.
    pub(crate) fn take_error(&mut self, id: SocketId) -> Option<SocketError> {
        self.pending_errors.take(id).filter(|_| id.kind == SocketKind::TcpConnection)
    }

    /// The socket's own address and port.
    pub(crate) fn local(&self, id: SocketId) -> Option<Endpoint> {
        match id.kind {
            SocketKind::TcpListener => self.listener(id).map(|l| l.local),
            _ => self.conn(id).map(|c| c.key.local),
        }
    }

    /// The peer's address and port.
    pub(crate) fn remote(&self, id: SocketId) -> Option<Endpoint> {
        self.conn(id).map(|c| c.key.remote)
    }

    /// The state of a connection or listener.
    pub(crate) fn state(&self, id: SocketId) -> Option<State> {
        match id.kind {
            SocketKind::TcpListener => self.listener(id).map(|_| State::Listen),
            _ => self.conn(id).map(Conn::state),
        }
    }

    /// Lets `act` work on a connection, then acts on its marks.
    fn with(&mut self, cx: &mut Cx<'_>, id: SocketId, act: impl FnOnce(&mut Conn, &mut Cx<'_>)) {
        let Some(conn) = self.conn_mut(id) else { return };
        if conn.orphan {
            return;
        }
        act(conn, cx);
        self.reschedule(cx, id.index);
    }
}

/// The path of a new connection, whose source address is the local one asked for, or the one that
/// fits.
pub(crate) fn find_path(
    fib: &Fib,
    local: Option<Endpoint>,
    remote: &Endpoint,
) -> Result<Path, SocketError> {
    let wanted = local.map(|l| l.ip).filter(|ip| !ip.is_unspecified());
    let mut oif = None;
    if let Some(ip) = wanted {
        if !ip.same_family(&remote.ip) {
            return Err(SocketError::InvalidArgument);
        }
        let owner = fib.owner(ip).ok_or(SocketError::AddressNotAvailable)?;
        oif = scope(ip, owner.ifindex).filter(|_| remote.ip.is_link_local());
    }
    fib.path(remote.ip, wanted, oif)
}
