//! A host: one control and one shard in step.
//!
//! This is the whole public surface of the stack. Whoever drives it calls, in any order, with instants
//! that never go back:
//!
//! - [`Host::receive`] for each frame that came in;
//! - [`Host::transmit`] for each slot that is free, until it says that there is nothing to send;
//! - [`Host::expire`] at [`Host::next_deadline`], or whenever;
//! - [`Host::next_event`] until there is none, to learn what changed for the sockets;
//! - the verbs of sockets and of the administrator.
//!
//! What the host sends to its own addresses never leaves it: it is taken in again during `transmit` and
//! `expire`, a bounded number of packets each time; while some is left, [`Host::next_deadline`] lies in the past.
//!
//! ```
//! use stack::{Host, Instant, InterfaceConfig, Limits};
//! use wire::offload::{DeviceCaps, Medium};
//!
//! let now = Instant::ZERO;
//! let mut host = Host::new(Limits::default(), 1);
//! let config = InterfaceConfig {
//!     name: "tap7".into(),
//!     medium: Medium::Ethernet,
//!     mac: addr::Mac([2, 0, 0, 0, 0, 7]),
//!     mtu: 1500,
//!     caps: DeviceCaps::default(),
//!     link_local: false,
//! };
//! let tap = host.add_interface(now, config).unwrap();
//! host.address_add(now, tap, "10.0.0.1/24".parse().unwrap()).unwrap();
//! let mut slot = [0; 1514];
//! let announcement = host.transmit(now, tap, &mut slot).unwrap();
//! assert_eq!(announcement.len, 42);
//! ```

use addr::{Cidr, Endpoint, IfIndex, Ip, Mac};
use wire::offload::{RxChecksum, RxMeta, TxMeta};

use crate::control::{
    AddressInfo, Control, ControlError, InterfaceConfig, InterfaceInfo, NeighborInfo, RouteConfig,
    RouteInfo,
};
use crate::cx::Cx;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::Fib;
use crate::limits::Limits;
use crate::rng::Rng;
use crate::shard::{Punt, Shard};
use crate::socket::{Ends, SocketError, SocketId, SocketInfo, SocketKind, TcpDetail};
use crate::stats::Stats;
use crate::tcp::{ListenOptions, State, Tcp, TcpOption};
use crate::time::Instant;
use crate::udp::{Udp, UdpOptions};

/// A host.
#[derive(Debug)]
pub struct Host {
    control: Control,
    shard: Shard,
    /// Version of the snapshot that the shard was last told of.
    told: u64,
    /// Where packets to ourselves are built.
    loop_slot: Vec<u8>,
}

/// Packets to ourselves taken in at a time.
const LOOPBACK_BATCH: usize = 64;
/// Rounds of requests and changes between control and shard per call; what is left waits for the next.
const SETTLE_ROUNDS: usize = 4;
/// A packet of 64 KiB with the largest IPv6 header in front.
const LOOP_SLOT_LEN: usize = 65_535 + 64;

impl Host {
    /// A host with a loopback interface and nothing else. The seed decides everything that is random; it must
    /// be unpredictable where strangers can send to the host.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let control = Control::new(&limits, Rng::new(rng.next_u64()));
        let shard = Shard::new(&limits, rng);
        let told = control.fib().version;
        Self { control, shard, told, loop_slot: Vec::new() }
    }

    // Frames and time.

    /// Takes a frame that came in by `ifindex`. Every frame is either delivered or counted under the one
    /// reason that is returned.
    ///
    /// # Errors
    /// Why the frame went no further.
    pub fn receive(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &mut [u8],
    ) -> Result<(), DropReason> {
        let result = self.take_in(now, ifindex, meta, frame);
        self.settle(now);
        result
    }

    /// Fills `slot` with the next frame for `ifindex`, or returns none. Order: neighbour resolution,
    /// replies, then TCP and UDP in turn.
    pub fn transmit(&mut self, now: Instant, ifindex: IfIndex, slot: &mut [u8]) -> Option<TxMeta> {
        self.pump(now);
        let meta = self.fill(now, ifindex, slot);
        self.settle(now);
        meta
    }

    /// Whether [`Host::transmit`] would fill a slot (it may find that it cannot after all).
    #[must_use]
    pub fn has_output(&self, ifindex: IfIndex) -> bool {
        self.control.outbox.has(ifindex) || self.shard.has_output(ifindex)
    }

    /// Serves every deadline up to `now`.
    pub fn expire(&mut self, now: Instant) {
        self.control.expire(now);
        self.shard.expire(now, self.control.fib());
        self.settle(now);
        self.pump(now);
    }

    /// When [`Host::expire`] is to be called at the latest; [`Instant::ZERO`] for at once.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.has_output(Fib::LOOPBACK) || !self.shard.parts.requests.is_empty() {
            return Some(Instant::ZERO);
        }
        let deadlines = [self.control.next_deadline(), self.shard.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Whether [`Host::next_event`] may have something to tell.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.shard.parts.events.is_empty()
    }

    /// The next socket for which something changed, and what.
    pub fn next_event(&mut self) -> Option<(SocketId, Readiness)> {
        loop {
            let id = self.shard.parts.events.pop()?;
            let untold = match id.kind {
                SocketKind::Udp => self.shard.udp.take_untold(id),
                SocketKind::TcpListener | SocketKind::TcpConnection => {
                    self.shard.tcp.take_untold(id)
                }
            };
            match untold {
                None => return Some((id, Readiness::GONE)),
                Some(what) if what.is_empty() => {}
                Some(what) => return Some((id, what)),
            }
        }
    }

    // Sockets.

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
        self.with_tcp(now, |tcp, cx| tcp.listen(cx, local, options))
    }

    /// Takes the next connection of a listener, if there is one.
    ///
    /// # Errors
    /// If `listener` is no listener.
    pub fn tcp_accept(
        &mut self,
        now: Instant,
        listener: SocketId,
    ) -> Result<Option<Ends>, SocketError> {
        self.with_tcp(now, |tcp, cx| tcp.accept(cx, listener))
    }

    /// Begins a TCP connection to `remote`, from `local` if given (port 0 picks one). Its ends can be used at
    /// once; [`Readiness::CONNECTED`] or [`Readiness::ERROR`] tells how it went.
    ///
    /// # Errors
    /// If there is no route, no address to use, or no port left.
    pub fn tcp_connect(
        &mut self,
        now: Instant,
        local: Option<Endpoint>,
        remote: Endpoint,
    ) -> Result<Ends, SocketError> {
        self.with_tcp(now, |tcp, cx| tcp.connect(cx, local, remote))
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
    ) -> Result<Ends, SocketError> {
        self.with_udp(now, |udp, cx| udp.bind(cx, local, options))
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
        self.with_udp(now, |udp, cx| udp.connect(cx, id, remote))
    }

    /// The application wrote to the socket's send ring, or finished it.
    pub fn sent(&mut self, now: Instant, id: SocketId) {
        match id.kind {
            SocketKind::Udp => self.with_udp(now, |udp, cx| udp.sent(cx, id)),
            SocketKind::TcpListener | SocketKind::TcpConnection => {
                self.with_tcp(now, |tcp, cx| tcp.sent(cx, id));
            }
        }
    }

    /// The application released bytes of the socket's receive ring.
    pub fn consumed(&mut self, now: Instant, id: SocketId) {
        match id.kind {
            SocketKind::Udp => {}
            SocketKind::TcpListener | SocketKind::TcpConnection => {
                self.with_tcp(now, |tcp, cx| tcp.consumed(cx, id));
            }
        }
    }

    /// The application lets go of the socket. What it wrote is still sent;
    /// [`Readiness::GONE`] tells when nothing is left.
    pub fn close(&mut self, now: Instant, id: SocketId) {
        match id.kind {
            SocketKind::Udp => self.with_udp(now, |udp, cx| udp.close(cx, id)),
            SocketKind::TcpListener | SocketKind::TcpConnection => {
                self.with_tcp(now, |tcp, cx| tcp.close(cx, id));
            }
        }
    }

    /// Ends the socket at once, with what is unsent (TCP: by RST).
    pub fn abort(&mut self, now: Instant, id: SocketId) {
        match id.kind {
            SocketKind::Udp => self.with_udp(now, |udp, cx| udp.abort(cx, id)),
            SocketKind::TcpListener | SocketKind::TcpConnection => {
                self.with_tcp(now, |tcp, cx| tcp.abort(cx, id));
            }
        }
    }

    /// The application will read no more.
    pub fn shutdown_read(&mut self, now: Instant, id: SocketId) {
        match id.kind {
            SocketKind::Udp => {}
            SocketKind::TcpListener | SocketKind::TcpConnection => {
                self.with_tcp(now, |tcp, cx| tcp.shutdown_read(cx, id));
            }
        }
    }

    /// Sets an option of a TCP connection.
    ///
    /// # Errors
    /// If the socket is no connection.
    pub fn set_tcp_option(
        &mut self,
        now: Instant,
        id: SocketId,
        option: TcpOption,
    ) -> Result<(), SocketError> {
        self.with_tcp(now, |tcp, cx| tcp.set_option(cx, id, option))
    }

    /// The state of a TCP socket.
    #[must_use]
    pub fn tcp_state(&self, id: SocketId) -> Option<State> {
        self.shard.tcp.state(id)
    }

    /// What a listing shows of a TCP connection.
    #[must_use]
    pub fn tcp_detail(&self, id: SocketId) -> Option<TcpDetail> {
        self.shard.tcp.detail(id)
    }

    /// The socket's own address and port.
    #[must_use]
    pub fn local(&self, id: SocketId) -> Option<Endpoint> {
        match id.kind {
            SocketKind::Udp => self.shard.udp.local(id),
            SocketKind::TcpListener | SocketKind::TcpConnection => self.shard.tcp.local(id),
        }
    }

    /// The peer's address and port, if the socket has one.
    #[must_use]
    pub fn remote(&self, id: SocketId) -> Option<Endpoint> {
        match id.kind {
            SocketKind::Udp => self.shard.udp.remote(id),
            SocketKind::TcpListener | SocketKind::TcpConnection => self.shard.tcp.remote(id),
        }
    }

    /// The error that waits for the application of a UDP socket, which is then forgotten. A TCP
    /// connection's error is in its receive ring.
    pub fn take_error(&mut self, id: SocketId) -> Option<SocketError> {
        match id.kind {
            SocketKind::Udp => self.shard.udp.take_error(id),
            SocketKind::TcpListener | SocketKind::TcpConnection => None,
        }
    }

    // Administration.

    /// Adds an interface; its number is the next unused one. The loopback interface is there already.
    ///
    /// # Errors
    /// If the name is taken or the configuration makes no sense.
    pub fn add_interface(
        &mut self,
        now: Instant,
        config: InterfaceConfig,
    ) -> Result<IfIndex, ControlError> {
        let result = self.control.interface_add(now, config);
        self.settle(now);
        result
    }

    /// Removes an interface with its addresses, routes and neighbours; connections from its addresses are
    /// aborted.
    ///
    /// # Errors
    /// If there is no such interface.
    pub fn remove_interface(&mut self, now: Instant, ifindex: IfIndex) -> Result<(), ControlError> {
        let gone = self.control.interface_remove(ifindex)?;
        self.shard.remove_interface(ifindex);
        gone.into_iter().for_each(|ip| self.address_gone(now, ip));
        self.settle(now);
        Ok(())
    }

    /// Assigns an address and announces it on the link.
    ///
    /// # Errors
    /// If it is assigned already, is no host's address, or there is no such interface.
    pub fn address_add(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        cidr: Cidr,
    ) -> Result<(), ControlError> {
        let result = self.control.address_add(now, ifindex, cidr);
        self.settle(now);
        result
    }

    /// Takes an address away; connections from it are aborted.
    ///
    /// # Errors
    /// If it is not assigned there.
    pub fn address_del(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
    ) -> Result<(), ControlError> {
        self.control.address_remove(ifindex, ip)?;
        self.address_gone(now, ip);
        self.settle(now);
        Ok(())
    }

    /// Adds a route.
    ///
    /// # Errors
    /// If one with this destination and metric exists, or the gateway is not a neighbour.
    pub fn route_add(&mut self, now: Instant, route: &RouteConfig) -> Result<(), ControlError> {
        let result = self.control.route_add(route);
        self.settle(now);
        result
    }

    /// Removes the first route to `destination`, by that gateway and with that metric if given.
    ///
    /// # Errors
    /// If there is none.
    pub fn route_del(
        &mut self,
        now: Instant,
        destination: Cidr,
        gateway: Option<Ip>,
        metric: Option<u32>,
    ) -> Result<(), ControlError> {
        let result = self.control.route_remove(destination, gateway, metric);
        self.settle(now);
        result
    }

    /// Sets the link address of a neighbour for good.
    ///
    /// # Errors
    /// If it has a permanent entry, or the medium has no link addresses.
    pub fn neighbor_add(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
        mac: Mac,
    ) -> Result<(), ControlError> {
        let result = self.control.neighbor_add(now, ifindex, ip, mac);
        self.settle(now);
        result
    }

    /// Forgets a neighbour.
    ///
    /// # Errors
    /// If it has no entry.
    pub fn neighbor_del(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        ip: Ip,
    ) -> Result<(), ControlError> {
        let result = self.control.neighbor_remove(ifindex, ip);
        self.settle(now);
        result
    }

    /// Forgets every neighbour, of one interface if given; returns how many.
    pub fn neighbor_flush(&mut self, now: Instant, ifindex: Option<IfIndex>) -> usize {
        let count = self.control.neighbor_flush(ifindex);
        self.settle(now);
        count
    }

    /// Every interface with its traffic, in index order.
    #[must_use]
    pub fn interfaces(&self) -> Vec<InterfaceInfo> {
        let mut all = self.control.list_interfaces();
        all.iter_mut().for_each(|info| info.counters = self.shard.counted(info.ifindex));
        all
    }

    /// Every address, by interface.
    #[must_use]
    pub fn addresses(&self) -> Vec<AddressInfo> {
        self.control.list_addresses()
    }

    /// Every route, in the order of lookup, IPv4 first.
    #[must_use]
    pub fn routes(&self) -> Vec<RouteInfo> {
        self.control.list_routes()
    }

    /// Every neighbour, by interface.
    #[must_use]
    pub fn neighbors(&self, now: Instant) -> Vec<NeighborInfo> {
        self.control.list_neighbors(now)
    }

    /// Every socket.
    #[must_use]
    pub fn sockets(&self) -> Vec<SocketInfo> {
        self.shard.tcp.sockets().chain(self.shard.udp.sockets()).collect()
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.shard.parts.stats.clone();
        stats.merge(&self.control.stats);
        stats
    }

    /// The present snapshot of interfaces, routes and neighbours.
    #[must_use]
    pub fn fib(&self) -> &Fib {
        self.control.fib()
    }

    // Private steps.

    /// Takes a frame and counts it; what follows from it is left to [`Host::settle`].
    fn take_in(
        &mut self,
        now: Instant,
        ifindex: IfIndex,
        meta: RxMeta,
        frame: &[u8],
    ) -> Result<(), DropReason> {
        let result = match self.shard.receive(now, self.control.fib(), ifindex, meta, frame) {
            Ok(None) => Ok(()),
            Ok(Some(Punt::Arp { to_us, packet })) => {
                self.control.receive_arp(now, ifindex, to_us, packet)
            }
            Ok(Some(Punt::Nd { header, message })) => {
                self.control.receive_nd(now, ifindex, &header, message)
            }
            Err(reason) => Err(reason),
        };
        let stats = &mut self.shard.parts.stats;
        stats.frames_in += 1;
        match result {
            Ok(()) => stats.frames_delivered += 1,
            Err(reason) => stats.drop_received(reason),
        }
        if result != Err(DropReason::LinkUnknownInterface) {
            let counters = self.shard.counters(ifindex);
            counters.rx_packets += 1;
            counters.rx_bytes += frame.len() as u64;
            match result {
                Ok(()) => {}
                Err(reason) if reason.is_malformed() => counters.rx_errors += 1,
                Err(_) => counters.rx_dropped += 1,
            }
        }
        result
    }

    fn fill(&mut self, now: Instant, ifindex: IfIndex, slot: &mut [u8]) -> Option<TxMeta> {
        let meta = match self.control.outbox.pop(ifindex, slot) {
            Some(len) => Some(TxMeta { len: len as u32, ..TxMeta::default() }),
            None => self.shard.transmit(now, self.control.fib(), ifindex, slot),
        };
        if let Some(meta) = &meta {
            self.shard.parts.stats.frames_out += 1;
            let counters = self.shard.counters(ifindex);
            counters.tx_packets += 1;
            counters.tx_bytes += u64::from(meta.len);
        }
        meta
    }

    /// Takes in what was sent to ourselves.
    fn pump(&mut self, now: Instant) {
        if !self.has_output(Fib::LOOPBACK) {
            return;
        }
        let mut slot = core::mem::take(&mut self.loop_slot);
        slot.resize(LOOP_SLOT_LEN, 0);
        for _ in 0..LOOPBACK_BATCH {
            let Some(meta) = self.fill(now, Fib::LOOPBACK, &mut slot) else { break };
            // Nothing can have damaged it, so no checksum need be finished or looked at.
            let gso_size = meta.gso.map_or(0, |gso| gso.size);
            let rx = RxMeta { checksum: RxChecksum::Valid, gso_size };
            let len = (meta.len as usize).min(slot.len());
            // A drop is counted like any other.
            self.take_in(now, Fib::LOOPBACK, rx, &slot[..len]).ok();
        }
        self.loop_slot = slot;
        self.settle(now);
    }

    /// Passes requests to control and changes to the shard until both are quiet, or for some rounds.
    fn settle(&mut self, now: Instant) {
        for _ in 0..SETTLE_ROUNDS {
            while let Some(request) = self.shard.parts.requests.pop() {
                self.control.apply(now, request);
            }
            let version = self.control.fib().version;
            if version == self.told {
                return;
            }
            self.told = version;
            self.shard.fib_changed(now, self.control.fib());
        }
    }

    fn address_gone(&mut self, now: Instant, ip: Ip) {
        if !self.control.fib().is_local(ip) {
            self.with_tcp(now, |tcp, cx| tcp.address_removed(cx, ip));
        }
    }

    fn with_tcp<R>(&mut self, now: Instant, call: impl FnOnce(&mut Tcp, &mut Cx<'_>) -> R) -> R {
        let Shard { tcp, parts, .. } = &mut self.shard;
        let result = call(tcp, &mut parts.cx(now, self.control.fib()));
        self.settle(now);
        result
    }

    fn with_udp<R>(&mut self, now: Instant, call: impl FnOnce(&mut Udp, &mut Cx<'_>) -> R) -> R {
        let Shard { udp, parts, .. } = &mut self.shard;
        let result = call(udp, &mut parts.cx(now, self.control.fib()));
        self.settle(now);
        result
    }
}

#[cfg(test)]
mod tests;
