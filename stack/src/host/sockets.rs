//! The verbs of sockets: each goes to the worker of the shard that the socket lives on, or that
//! it is made on.

use addr::Endpoint;

use crate::host::Host;
use crate::shard::index::ShardIndex;
use crate::socket::{SocketError, SocketId, SocketRings, TcpDetail};
use crate::tcp::{ListenOptions, State, TcpOption};
use crate::time::Instant;
use crate::udp::UdpOptions;
use crate::worker::Worker;

impl Host {
    /// Listens for TCP connections at `local`; port 0 picks one.
    ///
    /// # Errors
    /// If the address is taken, is none of ours, or no listener is left.
    pub fn tcp_listen(
        &mut self,
        now: Instant,
        local: Endpoint,
        options: ListenOptions,
    ) -> Result<SocketId, SocketError> {
        let home = self.home_of_port(local.port);
        self.open(now, home, |worker| worker.tcp_listen(now, local, options))
    }

    /// Takes the next connection of a listener, if there is one.
    ///
    /// # Errors
    /// If `listener` is no listener.
    pub fn tcp_accept(
        &mut self,
        now: Instant,
        listener: SocketId,
    ) -> Result<Option<SocketRings>, SocketError> {
        let accepted = self.on(now, listener.shard, |worker| worker.tcp_accept(now, listener))?;
        if let Some(rings) = accepted.as_ref().filter(|rings| rings.id.shard != listener.shard) {
            self.on(now, rings.id.shard, |worker| worker.tcp_adopt(now, rings.id));
        }
        Ok(accepted)
    }

    /// Begins a TCP connection to `remote`, from `local` if given (port 0 picks one). Its ends can
    /// be used at once; [`crate::Readiness::CONNECTED`] tells that it stands,
    /// [`crate::Readiness::GONE`] that it failed, with the error in the receive ring.
    ///
    /// # Errors
    /// If there is no route, no address to use, or no port left.
    pub fn tcp_connect(
        &mut self,
        now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
    ) -> Result<SocketRings, SocketError> {
        let home = self.workers[0].home_of_connect(local, remote)?;
        self.open(now, home, |worker| worker.tcp_connect(now, local, remote))
    }

    /// Makes a UDP socket at `local`; port 0 picks one.
    ///
    /// # Errors
    /// If the address is taken, is none of ours, or no socket is left.
    pub fn udp_bind(
        &mut self,
        now: Instant,
        local: Endpoint,
        options: UdpOptions,
    ) -> Result<SocketRings, SocketError> {
        let home = self.home_of_port(local.port);
        self.open(now, home, |worker| worker.udp_bind(now, local, options))
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
        self.on(now, id.shard, |worker| worker.udp_connect(now, id, remote))
    }

    /// The application wrote to the socket's send ring, or finished it.
    #[inline]
    pub fn app_wrote(&mut self, now: Instant, id: SocketId) {
        self.on(now, id.shard, |worker| worker.app_wrote(now, id));
    }

    /// The application released bytes of the socket's receive ring.
    #[inline]
    pub fn app_read(&mut self, now: Instant, id: SocketId) {
        self.on(now, id.shard, |worker| worker.app_read(now, id));
    }

    /// The application lets go of the socket. What it wrote is still sent;
    /// [`crate::Readiness::GONE`] tells when nothing is left.
    pub fn close(&mut self, now: Instant, id: SocketId) {
        self.on(now, id.shard, |worker| worker.close(now, id));
    }

    /// Ends the socket at once, with what is unsent (TCP: by RST).
    pub fn abort(&mut self, now: Instant, id: SocketId) {
        self.on(now, id.shard, |worker| worker.abort(now, id));
    }

    /// The application will read no more.
    pub fn shutdown_read(&mut self, now: Instant, id: SocketId) {
        self.on(now, id.shard, |worker| worker.shutdown_read(now, id));
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
        self.on(now, id.shard, |worker| worker.set_tcp_option(now, id, option))
    }

    /// The application wrote to its ring, and the last byte is urgent (`MSG_OOB`). Takes the place
    /// of [`Host::app_wrote`].
    pub fn tcp_send_urgent(&mut self, now: Instant, id: SocketId) {
        self.on(now, id.shard, |worker| worker.tcp_send_urgent(now, id));
    }

    /// The peer's urgent byte, announced by [`Readiness::URGENT`](crate::Readiness::URGENT); with
    /// `peek` it stays. Nothing if it was announced and has not come.
    ///
    /// # Errors
    /// If there is none, it was taken, or it is in line.
    pub fn tcp_urgent(&mut self, id: SocketId, peek: bool) -> Result<Option<u8>, SocketError> {
        self.worker_mut(id.shard).tcp_urgent(id, peek)
    }

    /// Whether the next byte to read is the one after the urgent byte's place (`sockatmark`).
    #[must_use]
    pub fn tcp_at_mark(&self, id: SocketId) -> bool {
        self.worker(id.shard).is_some_and(|worker| worker.tcp_at_mark(id))
    }

    /// The state of a TCP socket.
    #[must_use]
    pub fn tcp_state(&self, id: SocketId) -> Option<State> {
        self.worker(id.shard)?.tcp_state(id)
    }

    /// What a listing shows of a TCP connection.
    #[must_use]
    pub fn tcp_detail(&self, id: SocketId) -> Option<TcpDetail> {
        self.worker(id.shard)?.tcp_detail(id)
    }

    /// The socket's own address and port.
    #[must_use]
    pub fn local(&self, id: SocketId) -> Option<Endpoint> {
        self.worker(id.shard)?.local(id)
    }

    /// The peer's address and port, if the socket has one.
    #[must_use]
    pub fn remote(&self, id: SocketId) -> Option<Endpoint> {
        self.worker(id.shard)?.remote(id)
    }

    /// The error that waits for the application of a socket, which is then forgotten (`SO_ERROR`).
    /// A TCP connection has one once it is gone; it is in its receive ring too, behind what came
    /// before.
    pub fn take_error(&mut self, id: SocketId) -> Option<SocketError> {
        self.worker_mut(id.shard).take_error(id)
    }

    /// Lets the home of `port` open a socket; for port 0 the shards in turn, the next one where one
    /// has no port left.
    fn open<R>(
        &mut self,
        now: Instant,
        home: Option<ShardIndex>,
        open: impl Fn(&mut Worker) -> Result<R, SocketError>,
    ) -> Result<R, SocketError> {
        if let Some(home) = home {
            return self.on(now, home, open);
        }
        let mut result = Err(SocketError::AddressInUse);
        for _ in 0..self.workers.len() {
            self.turns.open = self.next_turn(self.turns.open);
            let shard = ShardIndex::new(self.turns.open).unwrap_or(ShardIndex::ZERO);
            result = self.on(now, shard, &open);
            if !matches!(result, Err(SocketError::AddressInUse | SocketError::NoBuffers)) {
                break;
            }
        }
        result
    }

    fn home_of_port(&self, port: u16) -> Option<ShardIndex> {
        (port != 0).then(|| self.workers[0].home_of_port(port))
    }
}
