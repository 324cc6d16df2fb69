//! What the users of sockets on an engine thread work with.
//!
//! [`Core`] holds the engine's part of the stack, the present turn's time, the owner of each socket
//! and the engine's epoll instance. Bridges, local sockets, control calls and the engine itself
//! borrow it; it knows none of them. Its methods are the socket verbs of the stack with the time
//! filled in.
//!
//! A socket lives on one shard. [`Core::home_of_bind`] and [`Core::home_of_connect`] say on which
//! one it has to be opened; whoever is asked on another engine hands the request over.

pub(crate) mod owner;
pub(crate) mod poller;
pub(crate) mod record;

use std::io;

use addr::Endpoint;
use stack::socket::SocketRings;
use stack::tcp::TcpOption;
use stack::udp::UdpOptions;
use stack::{Instant, ShardIndex, SocketError, SocketId, Worker};

use self::owner::Owners;
use self::poller::Poller;

/// What a user of sockets on the engine thread works with.
pub(crate) struct Core {
    pub(crate) worker: Worker,
    /// The present turn's time.
    pub(crate) now: Instant,
    pub(crate) owners: Owners,
    pub(crate) poller: Poller,
    /// The number of this engine's shard.
    pub(crate) shard: usize,
}

impl Core {
    /// The part of shard `shard`, without sockets, at [`Instant::ZERO`].
    ///
    /// # Errors
    /// If there is no descriptor left for the epoll instance.
    pub(crate) fn new(worker: Worker) -> io::Result<Self> {
        Ok(Self {
            shard: worker.shard().get(),
            worker,
            now: Instant::ZERO,
            owners: Owners::default(),
            poller: Poller::new()?,
        })
    }

    /// The shard where a UDP socket with this local port is opened: its home, or here for port 0.
    pub(crate) fn home_of_bind(&self, port: u16) -> usize {
        if port == 0 { self.shard } else { self.worker.home_of_port(port).get() }
    }

    /// The shard where a listener with this port is opened, the same way.
    pub(crate) fn home_of_listen(&self, port: u16) -> usize {
        self.home_of_bind(port)
    }

    /// The shard where a connection from `local` to `remote` is opened: here, unless the local port
    /// is given.
    pub(crate) fn home_of_connect(&self, local: Option<Endpoint>, remote: Endpoint) -> usize {
        // Without a path the attempt is refused wherever it is made.
        let home = self.worker.home_of_connect(local, remote).ok().flatten();
        home.map_or(self.shard, ShardIndex::get)
    }

    /// Whether a socket lives on this engine's shard.
    pub(crate) fn is_home_of(&self, id: SocketId) -> bool {
        shard_of(id) == self.shard
    }

    pub(crate) fn listen(
        &mut self,
        local: Endpoint,
        backlog: u32,
        only_v6: bool,
    ) -> Result<SocketId, SocketError> {
        let options = stack::tcp::ListenOptions { backlog, only_v6 };
        self.worker.tcp_listen(self.now, local, options)
    }

    pub(crate) fn accept(
        &mut self,
        listener: SocketId,
    ) -> Result<Option<SocketRings>, SocketError> {
        self.worker.tcp_accept(self.now, listener)
    }

    /// A connection that was accepted on another shard has its user here. The owner is to be known
    /// already, because what became of the connection meanwhile is reported next.
    pub(crate) fn adopt(&mut self, id: SocketId) {
        self.worker.tcp_adopt(self.now, id);
    }

    pub(crate) fn connect(
        &mut self,
        local: Option<Endpoint>,
        remote: Endpoint,
    ) -> Result<SocketRings, SocketError> {
        self.worker.tcp_connect(self.now, local, remote)
    }

    pub(crate) fn bind_udp(&mut self, local: Endpoint) -> Result<SocketRings, SocketError> {
        self.worker.udp_bind(self.now, local, UdpOptions::default())
    }

    pub(crate) fn connect_udp(
        &mut self,
        id: SocketId,
        remote: Endpoint,
    ) -> Result<(), SocketError> {
        self.worker.udp_connect(self.now, id, Some(remote))
    }

    /// Bytes, records or an end were put into the socket's send ring.
    pub(crate) fn app_wrote(&mut self, id: SocketId) {
        self.worker.app_wrote(self.now, id);
    }

    /// Bytes were put into the send ring of a connection, and the last one is urgent.
    pub(crate) fn send_urgent(&mut self, id: SocketId) {
        self.worker.tcp_send_urgent(self.now, id);
    }

    /// Bytes were taken out of the socket's receive ring.
    pub(crate) fn app_read(&mut self, id: SocketId) {
        self.worker.app_read(self.now, id);
    }

    /// Nobody uses the socket any more.
    pub(crate) fn close(&mut self, id: SocketId) {
        self.owners.remove(id);
        self.worker.close(self.now, id);
    }

    /// Nobody uses the socket any more, and data was lost: RST.
    pub(crate) fn abort(&mut self, id: SocketId) {
        self.owners.remove(id);
        self.worker.abort(self.now, id);
    }

    /// Sets options of a connection. One that is over has none.
    pub(crate) fn set_options(&mut self, id: SocketId, wanted: impl Iterator<Item = TcpOption>) {
        for option in wanted {
            let _ = self.worker.set_tcp_option(self.now, id, option);
        }
    }

    pub(crate) fn shutdown_read(&mut self, id: SocketId) {
        self.worker.shutdown_read(self.now, id);
    }
}

/// The number of the shard that a socket lives on.
pub(crate) fn shard_of(id: SocketId) -> usize {
    id.shard.get()
}

/// As the error of a socket call.
pub(crate) fn os_error(error: SocketError) -> io::Error {
    io::Error::from_raw_os_error(i32::from(error.code()))
}
