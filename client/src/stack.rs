//! A stack to open sockets on: the daemon's, or one that runs in this process.
//!
//! [`Stack`] is what applications hold. Behind it is either a session with the daemon or a
//! [`LocalStack`], which the embedding runtime implements. A local socket is a [`LocalSocket`]:
//! the application's halves of two byte rings, the doorbell, and a [`SocketHandle`] by which the
//! application tells the stack what it did. The rules for ringing are in [`crate::doorbell`].

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use crate::admin::{
    Address, AddressAdd, AddressDel, InterfaceRef, Link, Neighbor, Request, Response, Route,
    RouteAdd, RouteDel, Socket, SocketPage, SocketShow, Stats,
};
use crate::argument::Argument;
use crate::doorbell::Doorbell;
use crate::session::{CallError, Session};
use crate::socket_option::SocketOption;

/// A stack in this process, as the runtime offers it.
///
/// Calls may come from any thread. None of them waits for the network.
pub trait LocalStack: Send + Sync {
    /// Carries out a request to the control plane.
    ///
    /// # Errors
    /// A refusal, best made with [`ErrorBody::into_io`](crate::call::ErrorBody::into_io), which
    /// keeps the message.
    fn control(&self, request: &Request) -> io::Result<Response>;

    /// Starts to connect and returns at once; [`SocketHandle::connect_result`] tells the outcome.
    ///
    /// # Errors
    /// As connect(2), as far as the failure is known at once.
    fn tcp_connect(&self, local: Option<SocketAddr>, remote: SocketAddr)
    -> io::Result<LocalSocket>;

    /// Starts to listen.
    ///
    /// # Errors
    /// As bind(2): `AddrInUse` if the port is taken, `AddrNotAvailable` if the address is none
    /// of the stack.
    fn tcp_listen(&self, local: SocketAddr, backlog: u32) -> io::Result<LocalSocket>;

    /// Opens a UDP socket.
    ///
    /// # Errors
    /// As [`LocalStack::tcp_listen`].
    fn udp_bind(&self, local: SocketAddr) -> io::Result<LocalSocket>;
}

/// A socket of a [`LocalStack`] as it is handed to the application.
pub struct LocalSocket {
    /// Local address, as far as it is known.
    pub local: SocketAddr,
    /// Remote address, for a TCP connection and a connected UDP socket.
    pub remote: Option<SocketAddr>,
    /// Towards the network. Present for TCP connections, from the first moment, and UDP; absent
    /// for listeners. UDP datagrams are records (see [`crate::datagram`]).
    pub tx: Option<ring::bytes::Writer>,
    /// From the network; present when `tx` is.
    pub rx: Option<ring::bytes::Reader>,
    /// The application's end; the stack keeps the [`Bell`](crate::doorbell::Bell).
    pub doorbell: Doorbell,
    /// How the application speaks to the stack.
    pub handle: Arc<dyn SocketHandle>,
}

impl fmt::Debug for LocalSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSocket")
            .field("local", &self.local)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// The stack's side of one local socket, as the application sees it.
///
/// Each call is a cheap message and may come from any thread. When the stack rings:
///
/// - data, end of stream ([`finish`](ring::bytes::Writer::finish)), an error
///   ([`fail`](ring::bytes::Writer::fail), the code is an errno) or a UDP error was put into the
///   application's `rx`, and `take_reader_waiting()` then says true:
///   [`Bell::ring`](crate::Bell::ring);
/// - space was released in the application's `tx`, or its reader is about to be dropped because the
///   connection is over, and `take_writer_waiting()` then says true:
///   [`Bell::open`](crate::Bell::open) (at the end of a connection both, without asking);
/// - a connect attempt ended, either way: `open`, and after a failure `ring` as well;
/// - a connection joined a listener's queue: `ring`.
pub trait SocketHandle: Send + Sync {
    /// Outcome of the connect attempt; `None` while it goes on.
    fn connect_result(&self) -> Option<io::Result<()>>;

    /// Bytes were written to `tx`.
    fn written(&self);

    /// Bytes were taken from `rx`.
    fn consumed(&self);

    /// The application reads or writes no more. Before `Write`, `tx` was finished; what it still
    /// holds is to be sent.
    fn shutdown(&self, how: Shutdown);

    /// The application is done with the socket; the last call. What `tx` still holds is sent.
    fn close(&self);

    /// The next connection of a listener; `WouldBlock` when there is none.
    ///
    /// # Errors
    /// `WouldBlock` without a connection, EINVAL if the socket does not listen.
    fn accept(&self) -> io::Result<LocalSocket>;

    /// Local address.
    ///
    /// # Errors
    /// If the stack has stopped.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Remote address; `NotConnected` without one.
    ///
    /// # Errors
    /// `NotConnected` without one.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// Sets an option.
    ///
    /// # Errors
    /// ENOPROTOOPT if sockets of this kind do not have it, EINVAL if the value is out of range.
    fn set_option(&self, option: SocketOption, value: i32) -> io::Result<()>;

    /// Reads an option.
    ///
    /// # Errors
    /// ENOPROTOOPT if it cannot be read.
    fn option(&self, option: SocketOption) -> io::Result<i32>;

    /// Sets an option whose value is a name.
    ///
    /// # Errors
    /// EINVAL if its value is none, ENOENT if there is no such name.
    fn set_option_name(&self, option: SocketOption, value: &str) -> io::Result<()>;

    /// Reads an option whose value is a name.
    ///
    /// # Errors
    /// ENOPROTOOPT if its value is none.
    fn option_name(&self, option: SocketOption) -> io::Result<String>;

    /// What was written so far ends in an urgent byte. Takes the place of
    /// [`SocketHandle::written`].
    fn urged(&self);

    /// The peer's urgent byte, which with `peek` stays: `InvalidInput` if there is none,
    /// `WouldBlock` while it was announced and is not here.
    ///
    /// # Errors
    /// See above; also if the stack has stopped.
    fn urgent_byte(&self, peek: bool) -> io::Result<u8>;

    /// Takes the pending error, as SO_ERROR does.
    fn take_error(&self) -> Option<io::Error>;

    /// Fixes the peer of a UDP socket.
    ///
    /// # Errors
    /// As connect(2): EAFNOSUPPORT for the other family, ENETUNREACH without a route.
    fn udp_connect(&self, remote: SocketAddr) -> io::Result<()>;
}

/// A stack to open sockets on and to ask and change. Clones share the connection to the daemon,
/// and sockets opened on it keep it alive.
///
/// ```no_run
/// let stack = client::Stack::connect(None)?;
/// for link in stack.links()? {
///     println!("{} mtu {}", link.name, link.mtu);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Stack(Backend);

#[derive(Clone)]
pub(crate) enum Backend {
    Daemon(Session),
    Local(Arc<dyn LocalStack>),
}

impl Stack {
    /// The daemon's stack, at the given control socket or where it is by default.
    ///
    /// # Errors
    /// If nobody listens there; the message says where it was sought.
    pub fn connect(path: Option<&Path>) -> io::Result<Self> {
        Ok(Self(Backend::Daemon(Session::connect(path)?)))
    }

    /// The stack behind a session.
    pub fn over(session: Session) -> Self {
        Self(Backend::Daemon(session))
    }

    /// A stack in this process.
    pub fn local(stack: Arc<dyn LocalStack>) -> Self {
        Self(Backend::Local(stack))
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.0
    }

    /// Carries out a request to the control plane.
    ///
    /// # Errors
    /// A refusal has an [`ErrorBody`](crate::call::ErrorBody) inside.
    pub fn control(&self, request: &Request) -> io::Result<Response> {
        match &self.0 {
            Backend::Daemon(session) => session.control(request).map_err(|error| match error {
                CallError::Refused(body) => body.into_io(),
                other => other.into(),
            }),
            Backend::Local(stack) => stack.control(request),
        }
    }

    /// The interfaces of the stack.
    ///
    /// # Errors
    /// As [`Stack::control`]; this holds for all methods that show or change something.
    pub fn links(&self) -> io::Result<Vec<Link>> {
        self.show(&Request::LinkShow)
    }

    /// The addresses of the stack.
    ///
    /// # Errors
    /// As [`Stack::control`].
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        self.show(&Request::AddressShow)
    }

    /// The routes.
    ///
    /// # Errors
    /// As [`Stack::control`].
    pub fn routes(&self) -> io::Result<Vec<Route>> {
        self.show(&Request::RouteShow)
    }

    /// The neighbor cache.
    ///
    /// # Errors
    /// As [`Stack::control`].
    pub fn neighbors(&self) -> io::Result<Vec<Neighbor>> {
        self.show(&Request::NeighborShow)
    }

    /// The sockets.
    ///
    /// # Errors
    /// As [`Stack::control`].
    pub fn sockets(&self) -> io::Result<Vec<Socket>> {
        let mut sockets = Vec::new();
        let mut after = None;
        loop {
            let page: SocketPage = self.show(&Request::SocketShow(SocketShow::page(after)))?;
            sockets.extend(page.sockets);
            after = page.next;
            if after.is_none() {
                return Ok(sockets);
            }
        }
    }

    /// The counters.
    ///
    /// # Errors
    /// As [`Stack::control`].
    pub fn stats(&self) -> io::Result<Stats> {
        self.show(&Request::StatsShow)
    }

    /// Adds an address such as `10.0.1.7/24` to an interface.
    ///
    /// # Errors
    /// `InvalidInput` if the text is no address, else as [`Stack::control`].
    pub fn address_add(&self, ifname: &str, address: &str) -> io::Result<()> {
        let address = parse("address", address)?;
        let interface = InterfaceRef::Name(ifname.to_owned());
        self.control(&Request::AddressAdd(AddressAdd { address, interface })).map(drop)
    }

    /// Removes an address from an interface.
    ///
    /// # Errors
    /// `InvalidInput` if the text is no address, else as [`Stack::control`].
    pub fn address_del(&self, ifname: &str, address: &str) -> io::Result<()> {
        let address = parse("address", address)?;
        let interface = Some(InterfaceRef::Name(ifname.to_owned()));
        self.control(&Request::AddressDel(AddressDel { address, interface })).map(drop)
    }

    /// Adds a route by way of a gateway; `destination` is a network or `default`.
    ///
    /// # Errors
    /// `InvalidInput` if a text is no network or address, else as [`Stack::control`].
    pub fn route_add(&self, destination: &str, gateway: &str) -> io::Result<()> {
        let destination = parse("destination", destination)?;
        let gateway = Some(parse("gateway", gateway)?);
        self.control(&Request::RouteAdd(RouteAdd { gateway, ..RouteAdd::to(destination) }))
            .map(drop)
    }

    /// Removes a route.
    ///
    /// # Errors
    /// `InvalidInput` if the text is no network, else as [`Stack::control`].
    pub fn route_del(&self, destination: &str) -> io::Result<()> {
        let destination = parse("destination", destination)?;
        self.control(&Request::RouteDel(RouteDel::to(destination))).map(drop)
    }

    fn show<T: TryFrom<Response>>(&self, request: &Request) -> io::Result<T> {
        self.control(request)?.try_into().map_err(|_| {
            let (api, method) = request.name();
            let text = format!("{api} {method}: an answer to another request");
            io::Error::new(io::ErrorKind::InvalidData, text)
        })
    }
}

/// An argument given as text.
fn parse<T: Argument>(name: &str, text: &str) -> io::Result<T> {
    T::read(&text.into())
        .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, format!("{name}: {why}")))
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Backend::Daemon(_) => "Stack(daemon)",
            Backend::Local(_) => "Stack(local)",
        })
    }
}

#[cfg(test)]
mod tests;
