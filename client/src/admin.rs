//! The control API: what can be asked of a stack, and what it answers.
//!
//! A [`Request`] is a verb about an object with its arguments, a [`Response`] the answer; the
//! records that `show` answers are [`Link`], [`Address`], [`Route`], [`Neighbor`], [`Socket`],
//! [`Stats`] and [`DaemonInfo`]. On the control connection a request has the JSON of a
//! [`ControlCall`](crate::call::ControlCall). This module is the only place that reads or writes
//! the names of verbs and arguments; `ctl`, the daemon and the HTTP page use the types.
//!
//! ```
//! use client::admin::{Destination, Request, RouteAdd};
//!
//! let route = RouteAdd { gateway: "10.0.1.1".parse().ok(), ..RouteAdd::to(Destination::Default) };
//! let text = serde_json::to_string(&Request::RouteAdd(route))?;
//! assert_eq!(
//!     text,
//!     r#"{"api":"route","method":"add","ifindex":null,"#.to_owned()
//!         + r#""args":{"destination":"default","gateway":"10.0.1.1"}}"#
//! );
//! # Ok::<(), serde_json::Error>(())
//! ```

mod record;
mod request;
mod response;
mod verb;

pub use addr::{Cidr, Ip, IpVersion, Mac};
pub use record::{
    Address, DaemonInfo, Frames, LIFETIME_FOREVER, Link, LinkStats, Neighbor, Route, ShardStats,
    Socket, Stats, TcpDetail, Timer,
};
pub use request::{
    AddressAdd, AddressDel, CursorError, Destination, InterfaceRef, NeighborAdd, NeighborDel,
    NeighborFlush, Request, RouteAdd, RouteDel, SocketCursor, SocketShow,
};
pub use response::{Response, SocketPage};
