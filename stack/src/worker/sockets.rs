//! The verbs of sockets: each lends the sockets of the shard their context, then passes on the
//! messages that the call gave rise to.
//!
//! A verb about a socket is for the worker that [`SocketId::shard`] names; to any other the socket
//! does not exist.

use addr::{Endpoint, FlowKey};

use crate::cx::Cx;
use crate::shard::Shard;
use crate::shard::index::ShardIndex;
use crate::socket::{SocketError, SocketId, SocketRings, Sockets, TcpDetail};
use crate::tcp::{self, ListenOptions, State, TcpOption};
use crate::time::Instant;
use crate::udp::UdpOptions;
use crate::worker::Worker;

impl Worker {
    /// Listens for TCP connections at `local`; port 0 picks one whose home is this shard.
    ///
    /// # Errors
    /// If the address is taken, is none of ours, or no listener is left;
    /// [`SocketError::NoBuffers`] also while another shard is far behind with messages of
    /// listeners; [`SocketError::InvalidArgument`] if the port's home is another shard
    /// ([`Worker::home_of_port`]).
    pub fn tcp_listen(
        &mut self,
        now: Instant,
        local: Endpoint,
        options: ListenOptions,
    ) -> Result<SocketId, SocketError> {
        if self.is_crowded() {
            return Err(SocketError::NoBuffers);
        }
        self.with_sockets(now, |sockets, cx| sockets.tcp.listen(cx, local, options))
    }

    /// Takes the next connection of a listener, if there is one. It may live on another shard
    /// ([`SocketId::shard`]): then its worker is to be notified by [`Worker::tcp_adopt`], after
    /// which events of the connection come there.
    ///
    /// # Errors
    /// If `listener` is no listener.
    pub fn tcp_accept(
        &mut self,
        now: Instant,
        listener: SocketId,
    ) -> Result<Option<SocketRings>, SocketError> {
        self.with_sockets(now, |sockets, cx| sockets.tcp.accept(cx, listener))
    }

    /// A connection of this shard that another shard's listener gave out has a user now
    /// ([`Worker::tcp_accept`]). What became of it meanwhile is reported by the next event.
    pub fn tcp_adopt(&mut self, now: Instant, id: SocketId) {
        self.with_sockets(now, |sockets, cx| sockets.tcp.adopt(cx, id));
    }

    /// Begins a TCP connection to `remote`, from `local` if given (port 0 picks one). Its ends can
    /// be used at once; [`crate::Readiness::CONNECTED`] tells that it stands,
    /// [`crate::Readiness::GONE`] that it failed, with the error in the receive ring.
    ///
    /// # Errors
    /// If there is no route, no address to use, or no port left;
    /// [`SocketError::InvalidArgument`] if a port was given and the flow's home is another shard
    /// ([`Worker::home_of_connect`]).
    pub fn tcp_connect(
        &mut self,
        now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
    ) -> Result<SocketRings, SocketError> {
        self.with_sockets(now, |sockets, cx| sockets.tcp.connect(cx, local, remote))
    }

    /// Makes a UDP socket at `local`; port 0 picks one whose home is this shard.
    ///
    /// # Errors
    /// If the address is taken, is none of ours, or no socket is left;
    /// [`SocketError::InvalidArgument`] if the port's home is another shard
    /// ([`Worker::home_of_port`]).
    pub fn udp_bind(
        &mut self,
        now: Instant,
        local: Endpoint,
        options: UdpOptions,
    ) -> Result<SocketRings, SocketError> {
        self.with_sockets(now, |sockets, cx| sockets.udp.bind(cx, local, options))
    }

    /// The shard on which a UDP socket or a listener of this port must be made; for port 0 any will
    /// do.
    #[must_use]
    pub fn home_of_port(&self, port: u16) -> ShardIndex {
        self.steering.home_of_port(port)
    }

    /// The shard on which a connection from `local` to `remote` must be made; none if any will do,
    /// because the port is still to be picked.
    ///
    /// # Errors
    /// As [`Worker::tcp_connect`], if there is no route or no address to use.
    pub fn home_of_connect(
        &self,
        local: Option<Endpoint>,
        remote: Endpoint,
    ) -> Result<Option<ShardIndex>, SocketError> {
        let Some(port) = local.map(|local| local.port).filter(|port| *port != 0) else {
            return Ok(None);
        };
        let path = tcp::find_path(&self.fib, local, &remote)?;
        let flow = FlowKey::new(Endpoint::new(path.source, port), remote);
        Ok(Some(self.steering.home_of_flow(&flow)))
    }

    /// Sets the peer of a UDP socket, or with none forgets it.
    ///
    /// # Errors
    /// If there is no route, or the socket's address does not fit the peer's family.
    pub fn udp_connect(
        &mut self,
        now: Instant,
        id: SocketId,
        remote: Option<Endpoint>,
    ) -> Result<(), SocketError> {
        self.with_sockets(now, |sockets, cx| sockets.udp.connect(cx, id, remote))
    }

    /// The application wrote to the socket's send ring, or finished it.
    #[inline]
    pub fn app_wrote(&mut self, now: Instant, id: SocketId) {
        self.with_sockets(now, |sockets, cx| sockets.app_wrote(cx, id));
    }

    /// The application released bytes of the socket's receive ring.
    #[inline]
    pub fn app_read(&mut self, now: Instant, id: SocketId) {
        self.with_sockets(now, |sockets, cx| sockets.app_read(cx, id));
    }

    /// The application lets go of the socket. What it wrote is still sent;
    /// [`crate::Readiness::GONE`] tells when nothing is left.
    pub fn close(&mut self, now: Instant, id: SocketId) {
        self.with_sockets(now, |sockets, cx| sockets.close(cx, id));
    }

    /// Ends the socket at once, with what is unsent (TCP: by RST).
    pub fn abort(&mut self, now: Instant, id: SocketId) {
        self.with_sockets(now, |sockets, cx| sockets.abort(cx, id));
    }

    /// Whether a TCP connection of this shard has something left to send, or a FIN that was not
    /// acknowledged: while this is so, a host that ends would leave a peer without the end.
    #[must_use]
    pub fn tcp_has_unfinished(&self) -> bool {
        self.shard.sockets.tcp.has_unfinished()
    }

    /// Resets the TCP connections for which [`Worker::tcp_has_unfinished`] says true. Their RSTs
    /// are sent by [`Worker::transmit`].
    pub fn tcp_abort_unfinished(&mut self, now: Instant) {
        self.with_sockets(now, |sockets, cx| sockets.tcp.abort_unfinished(cx));
    }

    /// The application will read no more.
    pub fn shutdown_read(&mut self, now: Instant, id: SocketId) {
        self.with_sockets(now, |sockets, cx| sockets.shutdown_read(cx, id));
    }

    /// Sets an option of a TCP connection, or what a listener's connections start with.
    ///
    /// # Errors
    /// If the socket is gone, or no TCP socket.
    pub fn set_tcp_option(
        &mut self,
        now: Instant,
        id: SocketId,
        option: TcpOption,
    ) -> Result<(), SocketError> {
        self.with_sockets(now, |sockets, cx| sockets.tcp.set_option(cx, id, option))
    }

    /// The application wrote to its ring, and the last byte is urgent (`MSG_OOB`). Takes the place
    /// of [`Worker::app_wrote`].
    pub fn tcp_send_urgent(&mut self, now: Instant, id: SocketId) {
        self.with_sockets(now, |sockets, cx| sockets.tcp.send_urgent(cx, id));
    }

    /// The peer's urgent byte, reported by [`Readiness::URGENT`](crate::Readiness::URGENT); with
    /// `peek` it stays. Nothing if it was announced and has not come.
    ///
    /// # Errors
    /// If there is none, it was taken, or it is in line.
    pub fn tcp_urgent(&mut self, id: SocketId, peek: bool) -> Result<Option<u8>, SocketError> {
        self.shard.sockets.tcp.urgent_byte(id, peek)
    }

    /// Whether the next byte to read is the one after the urgent byte's place (`sockatmark`).
    #[must_use]
    pub fn tcp_at_mark(&self, id: SocketId) -> bool {
        self.shard.sockets.tcp.at_mark(id)
    }

    /// The state of a TCP socket.
    #[must_use]
    pub fn tcp_state(&self, id: SocketId) -> Option<State> {
        self.shard.sockets.tcp.state(id)
    }

    /// What a listing shows of a TCP connection.
    #[must_use]
    pub fn tcp_detail(&self, id: SocketId) -> Option<TcpDetail> {
        self.shard.sockets.tcp.detail(id)
    }

    /// The socket's own address and port.
    #[must_use]
    pub fn local(&self, id: SocketId) -> Option<Endpoint> {
        self.shard.sockets.local(id)
    }

    /// The peer's address and port, if the socket has one.
    #[must_use]
    pub fn remote(&self, id: SocketId) -> Option<Endpoint> {
        self.shard.sockets.remote(id)
    }

    /// The error that waits for the application of a socket, which is then forgotten (`SO_ERROR`).
    /// A TCP connection has one once it is gone; it is in its receive ring too, behind what came
    /// before.
    pub fn take_error(&mut self, id: SocketId) -> Option<SocketError> {
        self.shard.sockets.take_error(id)
    }

    #[inline(always)]
    pub(super) fn with_sockets<R>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut Sockets, &mut Cx<'_>) -> R,
    ) -> R {
        let Shard { sockets, parts, .. } = &mut self.shard;
        let result = call(sockets, &mut parts.cx(now, &self.fib));
        self.pass_messages(now);
        result
    }
}
