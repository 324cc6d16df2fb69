//! Requests of the control plane, one variant a verb.

use std::fmt;
use std::str::FromStr;

use addr::{AddrError, Cidr, Ip, IpVersion, Mac};
use serde::{Deserialize, Serialize};

use crate::call::ControlCall;

/// What can be asked of the control plane.
///
/// In JSON a request is a [`ControlCall`]; names and arguments are in `docs/control-protocol.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "ControlCall", try_from = "ControlCall")]
pub enum Request {
    /// `link show`: the interfaces. Answered by [`Response::Links`](super::Response::Links).
    LinkShow,
    /// `address show`: the addresses of all interfaces.
    AddressShow,
    /// `address add`: gives an interface an address.
    AddressAdd(AddressAdd),
    /// `address del`: takes an address from an interface.
    AddressDel(AddressDel),
    /// `route show`: the routing table.
    RouteShow,
    /// `route add`: adds a route.
    RouteAdd(RouteAdd),
    /// `route del`: removes a route.
    RouteDel(RouteDel),
    /// `neighbor show`: the neighbor cache.
    NeighborShow,
    /// `neighbor add`: adds a permanent entry.
    NeighborAdd(NeighborAdd),
    /// `neighbor del`: removes an entry.
    NeighborDel(NeighborDel),
    /// `neighbor flush`: removes all entries, or those of one interface. Answered by
    /// [`Response::Flushed`](super::Response::Flushed).
    NeighborFlush(NeighborFlush),
    /// `socket show`: the sockets, all or a page of them. Answered by
    /// [`Response::Sockets`](super::Response::Sockets) or, if a page was asked for, by
    /// [`Response::SocketPage`](super::Response::SocketPage).
    SocketShow(SocketShow),
    /// `stats show`: the counters of the stack.
    StatsShow,
    /// `daemon info`: the daemon itself.
    DaemonInfo,
}

/// An interface as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceRef {
    /// By name; the argument `ifname`.
    Name(String),
    /// By the stack's number; the argument `ifindex`, or that member of the call itself.
    Index(u32),
}

/// Arguments of `address add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressAdd {
    /// The address with the prefix length of its network.
    pub address: Cidr,
    /// The interface that gets it.
    pub interface: InterfaceRef,
}

/// Arguments of `address del`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressDel {
    /// The address; the prefix length does not matter.
    pub address: Cidr,
    /// The interface that has it. It may be absent because an address is on one interface only.
    pub interface: Option<InterfaceRef>,
}

/// The destination of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `default`: every address of a family that the other arguments tell.
    Default,
    /// The addresses of one network.
    Network(Cidr),
}

impl Destination {
    /// The prefix. The family of `Default` is that of the gateway, else `family`, else IPv4.
    pub fn prefix(self, gateway: Option<Ip>, family: Option<IpVersion>) -> Cidr {
        match self {
            Self::Default => {
                let is_v4 = gateway.map_or(family != Some(IpVersion::V6), |ip| ip.is_v4());
                Cidr::default_route(is_v4)
            }
            Self::Network(cidr) => cidr,
        }
    }
}

/// Reads `default`, or a network such as `10.0.1.0/24`.
impl FromStr for Destination {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        if text == "default" { Ok(Self::Default) } else { text.parse().map(Self::Network) }
    }
}

/// Arguments of `route add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteAdd {
    /// Where packets go that take the route.
    pub destination: Destination,
    /// The next hop; absent when the destination is on the link.
    pub gateway: Option<Ip>,
    /// The interface; absent when the gateway tells it.
    pub interface: Option<InterfaceRef>,
    /// The lowest wins among routes to the same destination.
    pub metric: Option<u32>,
    /// The source address to prefer.
    pub source: Option<Ip>,
    /// The family of a `default` destination without a gateway.
    pub family: Option<IpVersion>,
}

impl RouteAdd {
    /// A route to `destination` with nothing else said.
    pub fn to(destination: Destination) -> Self {
        Self {
            destination,
            gateway: None,
            interface: None,
            metric: None,
            source: None,
            family: None,
        }
    }
}

/// Arguments of `route del`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteDel {
    /// The destination of the route.
    pub destination: Destination,
    /// Its next hop, where the destination alone does not tell the route.
    pub gateway: Option<Ip>,
    /// Its metric, where the destination alone does not tell the route.
    pub metric: Option<u32>,
    /// The family of a `default` destination without a gateway.
    pub family: Option<IpVersion>,
}

impl RouteDel {
    /// The route to `destination`, by whatever gateway and with whatever metric.
    pub fn to(destination: Destination) -> Self {
        Self { destination, gateway: None, metric: None, family: None }
    }
}

/// Arguments of `neighbor add`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighborAdd {
    /// The neighbor's IP address.
    pub address: Ip,
    /// Its link-layer address.
    pub lladdr: Mac,
    /// The interface behind which it is.
    pub interface: InterfaceRef,
}

/// Arguments of `neighbor del`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighborDel {
    /// The neighbor's IP address.
    pub address: Ip,
    /// The interface behind which it is.
    pub interface: InterfaceRef,
}

/// Arguments of `neighbor flush`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeighborFlush {
    /// Only the entries of this interface.
    pub interface: Option<InterfaceRef>,
}

/// Arguments of `socket show`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketShow {
    /// Where the page begins: what the page before called `next`. Absent for the first one.
    pub after: Option<SocketCursor>,
    /// Most sockets that the answer has. Without it, and without `after`, the answer is the whole
    /// list.
    pub limit: Option<u32>,
}

impl SocketShow {
    /// Most sockets that one page has, whatever `limit` asks for.
    pub const LIMIT_MAX: u32 = 1000;

    /// The whole list.
    pub const ALL: Self = Self { after: None, limit: None };

    /// The page that begins at `after`, or the first one, as long as pages get.
    pub const fn page(after: Option<SocketCursor>) -> Self {
        Self { after, limit: Some(Self::LIMIT_MAX) }
    }

    /// Whether a page is asked for, not the whole list.
    pub const fn is_page(&self) -> bool {
        self.after.is_some() || self.limit.is_some()
    }
}

/// A place in the list of sockets. For clients it is text without a meaning: `SHARD.POSITION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketCursor {
    /// The shard whose list is shown.
    pub shard: u32,
    /// The place in it, which only the shard understands.
    pub position: u64,
}

impl fmt::Display for SocketCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.shard, self.position)
    }
}

impl FromStr for SocketCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (shard, position) = text.split_once('.').ok_or(CursorError)?;
        let shard = shard.parse().map_err(|_| CursorError)?;
        Ok(Self { shard, position: position.parse().map_err(|_| CursorError)? })
    }
}

/// A text is no [`SocketCursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorError;

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a place in a list of sockets")
    }
}

impl std::error::Error for CursorError {}

impl Request {
    /// The object and the verb, as they stand in JSON and on the command line of `ctl`.
    pub fn name(&self) -> (&'static str, &'static str) {
        match self {
            Self::LinkShow => ("link", "show"),
            Self::AddressShow => ("address", "show"),
            Self::AddressAdd(_) => ("address", "add"),
            Self::AddressDel(_) => ("address", "del"),
            Self::RouteShow => ("route", "show"),
            Self::RouteAdd(_) => ("route", "add"),
            Self::RouteDel(_) => ("route", "del"),
            Self::NeighborShow => ("neighbor", "show"),
            Self::NeighborAdd(_) => ("neighbor", "add"),
            Self::NeighborDel(_) => ("neighbor", "del"),
            Self::NeighborFlush(_) => ("neighbor", "flush"),
            Self::SocketShow(_) => ("socket", "show"),
            Self::StatsShow => ("stats", "show"),
            Self::DaemonInfo => ("daemon", "info"),
        }
    }
}
