//! Bodies of requests and refusals, as JSON.
//!
//! A [`ControlCall`] names an object of the control plane and a verb (`route`, `add`) with its
//! arguments; a [`SocketCall`] names a socket verb and the handle that an earlier `socket` or
//! `accept` answered. The value of a successful answer is the whole body; a refusal is an
//! [`ErrorBody`], with an errno wherever a socket call of the kernel would have one.
//!
//! These are the envelopes; [`crate::admin`] and [`crate::socket_request`] have the typed requests
//! inside them. Unknown members are ignored and members that may be absent have defaults, so that
//! either side can be newer.

use std::io;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use crate::error_body::ErrorBody;

/// Names of the socket verbs.
pub mod verb {
    #[cfg(doc)]
    use super::{Accepted, Name, Opened};

    /// `family` 4 or 6, `type` `stream` or `dgram` → [`Opened`], with one end of a socketpair
    /// (SOCK_STREAM for TCP, SOCK_DGRAM for UDP).
    pub const SOCKET: &str = "socket";
    /// [`Name`] → null.
    pub const BIND: &str = "bind";
    /// [`Name`] → null once the connection stands, or the refusal.
    pub const CONNECT: &str = "connect";
    /// The members of [`Name`], `fill` → null at once. The client has filled its end
    /// of the socketpair so that it is not writable; the daemon takes those bytes out when the
    /// attempt has ended, either way, and the result is `getsockopt` SO_ERROR.
    pub const CONNECT_START: &str = "connect_start";
    /// `backlog` → null, with an eventfd that is readable while a
    /// connection waits to be accepted.
    pub const LISTEN: &str = "listen";
    /// `blocking` → [`Accepted`], with one end of a stream
    /// socketpair.
    pub const ACCEPT: &str = "accept";
    /// `how`: `rd`, `wr` or `rdwr` → null.
    pub const SHUTDOWN: &str = "shutdown";
    /// No arguments → null. What still lies in the socketpair is sent before the FIN: the daemon
    /// reads its end empty first.
    pub const CLOSE: &str = "close";
    /// No arguments → [`Name`].
    pub const GETSOCKNAME: &str = "getsockname";
    /// No arguments → [`Name`].
    pub const GETPEERNAME: &str = "getpeername";
    /// `byte` → null: what lies in the socketpair is sent, and behind it a byte that is urgent;
    /// EAGAIN if there is no room.
    pub const SEND_URGENT: &str = "send_urgent";
    /// `level`, `name` (Linux's numbers), `value` → null.
    pub const SETSOCKOPT: &str = "setsockopt";
    /// `level`, `name` → the value, a number or a name.
    pub const GETSOCKOPT: &str = "getsockopt";
}

/// A request to the control plane, as it stands in JSON. Programs use the typed
/// [`Request`](crate::admin::Request), which is read from and written to this.
///
/// ```
/// use client::call::ControlCall;
///
/// let call = ControlCall::new("route", "add").arg("destination", "default").arg("metric", 100);
/// let text = serde_json::to_string(&call)?;
/// assert_eq!(serde_json::from_str::<ControlCall>(&text)?, call);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlCall {
    /// The object: `link`, `address`, `route`, `neighbor`, `socket`, `stats`, `daemon`.
    pub api: String,
    /// The verb: `show`, `add`, `del`, `flush`, `info`.
    pub method: String,
    /// The interface it is about, where it is about one and `args` does not name it.
    #[serde(default)]
    pub ifindex: Option<u32>,
    /// An object of named arguments.
    #[serde(default = "no_args")]
    pub args: Value,
}

impl ControlCall {
    /// A call without arguments.
    pub fn new(api: &str, method: &str) -> Self {
        Self { api: api.into(), method: method.into(), ifindex: None, args: no_args() }
    }

    /// The same call with one more argument.
    pub fn arg(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Value::Object(map) = &mut self.args {
            map.insert(name.into(), value.into());
        }
        self
    }
}

/// A request about a socket, as it stands in JSON. Programs use the typed
/// [`SocketRequest`](crate::socket_request::SocketRequest), which is read from and written to this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketCall {
    /// One of [`verb`].
    pub method: String,
    /// The socket; absent for `socket` only.
    #[serde(default)]
    pub handle: Option<u32>,
    /// An object of named arguments.
    #[serde(default = "no_args")]
    pub args: Value,
}

impl SocketCall {
    /// A call with the members of `args`.
    pub fn new<T: Serialize>(method: &str, handle: Option<u32>, args: &T) -> Self {
        let args = match serde_json::to_value(args) {
            Ok(value @ Value::Object(_)) => value,
            _ => no_args(),
        };
        Self { method: method.into(), handle, args }
    }
}

impl SocketCall {
    /// A call with the given arguments.
    pub(crate) fn with<const N: usize>(
        method: &str,
        handle: Option<u32>,
        args: [(&str, Value); N],
    ) -> Self {
        Self { method: method.into(), handle, args: object(args) }
    }
}

fn no_args() -> Value {
    Value::Object(Map::new())
}

/// Answer of `socket`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Names the socket in later calls of the same connection.
    pub handle: u32,
}

/// An address and port: arguments of `bind` and `connect`, answer of `getsockname` and
/// `getpeername`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The address as text, without brackets or port.
    pub address: String,
    /// The port.
    pub port: u16,
}

impl From<SocketAddr> for Name {
    fn from(addr: SocketAddr) -> Self {
        Self { address: addr.ip().to_string(), port: addr.port() }
    }
}

impl TryFrom<&Name> for SocketAddr {
    type Error = io::Error;

    fn try_from(name: &Name) -> io::Result<Self> {
        let ip: IpAddr = name.address.parse().map_err(|_| {
            let text = format!("{:?} is not an IP address", name.address);
            io::Error::new(io::ErrorKind::InvalidData, text)
        })?;
        Ok(Self::new(ip, name.port))
    }
}

/// Answer of `accept`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The new connection's socket.
    pub handle: u32,
    /// The peer's address as text.
    pub address: String,
    /// The peer's port.
    pub port: u16,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// Of most: flags, sizes, spans of time.
    Number(i32),
    /// Of TCP_CONGESTION.
    Name(String),
}

/// `{}` with the given members; for a server's ad hoc answers.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut value = json!({});
    for (name, member) in members {
        value[name] = member;
    }
    value
}

#[cfg(test)]
mod tests;
