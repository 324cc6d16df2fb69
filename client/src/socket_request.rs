//! Requests about sockets: the typed form of a [`SocketCall`], and the one place that reads or
//! writes the names of its verbs and arguments.

use std::net::{IpAddr, Shutdown, SocketAddr};

use addr::IpVersion;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::argument::{Argument, Arguments, near, shown};
use crate::call::{Name, OptionValue, SocketCall, verb};
use crate::error_body::ErrorBody;
use crate::socket_option::SocketOption;

/// What can be asked of the daemon about sockets. In JSON it is a [`SocketCall`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "SocketCall", try_from = "SocketCall")]
pub enum SocketRequest {
    /// Opens a socket. Answered by [`Opened`](crate::call::Opened) with one end of a socketpair of
    /// that type.
    Socket {
        /// AF_INET or AF_INET6.
        family: IpVersion,
        /// SOCK_STREAM or SOCK_DGRAM.
        kind: SocketType,
    },
    /// A verb about a socket that is open.
    On {
        /// The socket, as the answer to `socket` or `accept` named it.
        handle: u32,
        /// What to do with it.
        verb: SocketVerb,
    },
}

/// The type of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// SOCK_STREAM: TCP.
    Stream,
    /// SOCK_DGRAM: UDP.
    Dgram,
}

/// A verb about a socket that is open; each is named and answered as in [`verb`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketVerb {
    /// Binds to a local address.
    Bind(SocketAddr),
    /// Connects, and is answered when the attempt has ended.
    Connect(SocketAddr),
    /// Starts to connect, and is answered at once.
    ConnectStart {
        /// The peer.
        remote: SocketAddr,
        /// How many bytes the client has put into the socketpair so that it is not writable.
        /// Exactly these are to be dropped: behind them the client's data may follow as soon as
        /// there is room.
        fill: u64,
    },
    /// Starts to listen.
    Listen {
        /// Most connections that may wait to be accepted.
        backlog: u32,
    },
    /// Takes a connection.
    Accept {
        /// Whether the answer waits for a connection; if not, the refusal is EAGAIN without one.
        blocking: bool,
    },
    /// Ends one direction or both.
    Shutdown(Shutdown),
    /// Closes the socket once what lies in the socketpair is sent.
    Close,
    /// Asks for the local address.
    GetSockName,
    /// Asks for the peer's address.
    GetPeerName,
    /// Sends a byte as urgent data.
    SendUrgent {
        /// The byte.
        byte: u8,
    },
    /// Sets an option.
    SetSockOpt {
        /// The option.
        option: SocketOption,
        /// Its value.
        value: OptionValue,
    },
    /// Reads an option.
    GetSockOpt {
        /// The option.
        option: SocketOption,
    },
}

impl SocketVerb {
    /// The name in JSON, one of [`verb`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bind(_) => verb::BIND,
            Self::Connect(_) => verb::CONNECT,
            Self::ConnectStart { .. } => verb::CONNECT_START,
            Self::Listen { .. } => verb::LISTEN,
            Self::Accept { .. } => verb::ACCEPT,
            Self::Shutdown(_) => verb::SHUTDOWN,
            Self::Close => verb::CLOSE,
            Self::GetSockName => verb::GETSOCKNAME,
            Self::GetPeerName => verb::GETPEERNAME,
            Self::SendUrgent { .. } => verb::SEND_URGENT,
            Self::SetSockOpt { .. } => verb::SETSOCKOPT,
            Self::GetSockOpt { .. } => verb::GETSOCKOPT,
        }
    }
}

const ADDRESS: &str = "address";
const BACKLOG: &str = "backlog";
const BLOCKING: &str = "blocking";
const BYTE: &str = "byte";
const FAMILY: &str = "family";
const FILL: &str = "fill";
const HOW: &str = "how";
const LEVEL: &str = "level";
const NAME: &str = "name";
const PORT: &str = "port";
const TYPE: &str = "type";
const VALUE: &str = "value";

/// Reads the arguments of a verb.
type Read = fn(&Arguments<'_>) -> Result<SocketVerb, ErrorBody>;

static VERBS: &[(&str, Read)] = &[
    (verb::BIND, |args| socket_addr(args).map(SocketVerb::Bind)),
    (verb::CONNECT, |args| socket_addr(args).map(SocketVerb::Connect)),
    (verb::CONNECT_START, |args| {
        let fill = args.optional(FILL)?.unwrap_or_default();
        Ok(SocketVerb::ConnectStart { remote: socket_addr(args)?, fill })
    }),
    (verb::LISTEN, |args| Ok(SocketVerb::Listen { backlog: args.required(BACKLOG)? })),
    (verb::ACCEPT, |args| {
        Ok(SocketVerb::Accept { blocking: args.optional(BLOCKING)?.unwrap_or(true) })
    }),
    (verb::SHUTDOWN, |args| args.required(HOW).map(SocketVerb::Shutdown)),
    (verb::CLOSE, |_| Ok(SocketVerb::Close)),
    (verb::GETSOCKNAME, |_| Ok(SocketVerb::GetSockName)),
    (verb::GETPEERNAME, |_| Ok(SocketVerb::GetPeerName)),
    (verb::SEND_URGENT, |args| Ok(SocketVerb::SendUrgent { byte: args.required(BYTE)? })),
    (verb::SETSOCKOPT, |args| {
        let value = args.required(VALUE)?;
        Ok(SocketVerb::SetSockOpt { option: option(args)?, value })
    }),
    (verb::GETSOCKOPT, |args| Ok(SocketVerb::GetSockOpt { option: option(args)? })),
];

fn socket_addr(args: &Arguments<'_>) -> Result<SocketAddr, ErrorBody> {
    let ip: IpAddr = args.required(ADDRESS)?;
    Ok(SocketAddr::new(ip, args.required(PORT)?))
}

fn option(args: &Arguments<'_>) -> Result<SocketOption, ErrorBody> {
    let (level, name) = (args.required(LEVEL)?, args.required(NAME)?);
    SocketOption::from_linux(level, name).ok_or_else(|| {
        let text = format!("there is no socket option {name} of level {level}");
        ErrorBody::from_errno(Errno::NOPROTOOPT.raw_os_error(), text)
    })
}

/// An argument whose wrong value has an errno of its own.
fn required_or<T: Argument>(
    args: &Arguments<'_>,
    name: &'static str,
    errno: Errno,
) -> Result<T, ErrorBody> {
    if args.optional::<Value>(name)?.is_none() {
        return Err(args.missing(name));
    }
    args.required(name).map_err(|error| ErrorBody::from_errno(errno.raw_os_error(), error.message))
}

impl TryFrom<&SocketCall> for SocketRequest {
    type Error = ErrorBody;

    /// Reads the verb and its arguments. An argument that the verb does not know is refused.
    fn try_from(call: &SocketCall) -> Result<Self, ErrorBody> {
        let args = Arguments::new(&call.method, &call.args)?;
        if call.method == verb::SOCKET {
            let family = required_or(&args, FAMILY, Errno::AFNOSUPPORT)?;
            let kind = required_or(&args, TYPE, Errno::PROTONOSUPPORT)?;
            args.refuse_unknown()?;
            return Ok(Self::Socket { family, kind });
        }
        let named = VERBS.iter().find(|(name, _)| *name == call.method);
        let (_, read) = named.ok_or_else(|| unknown(&call.method))?;
        let no_socket = || ErrorBody::from_io(&Errno::BADF.into());
        let handle = call.handle.ok_or_else(no_socket)?;
        let verb = read(&args)?;
        args.refuse_unknown()?;
        Ok(Self::On { handle, verb })
    }
}

impl TryFrom<SocketCall> for SocketRequest {
    type Error = ErrorBody;

    fn try_from(call: SocketCall) -> Result<Self, ErrorBody> {
        Self::try_from(&call)
    }
}

/// The refusal of a verb that there is not, with those that may have been meant.
fn unknown(method: &str) -> ErrorBody {
    let all: Vec<_> = VERBS.iter().map(|(name, _)| *name).chain([verb::SOCKET]).collect();
    let meant = near(method, &all);
    let hint = match meant.is_empty() {
        true => format!("there are {}", all.join(", ")),
        false => format!("is {} meant?", meant.join(" | ")),
    };
    ErrorBody::new("KeyError", format!("unknown socket verb {method:?}; {hint}"))
}

impl From<&SocketRequest> for SocketCall {
    fn from(request: &SocketRequest) -> Self {
        match request {
            SocketRequest::Socket { family, kind } => {
                let members = [(FAMILY, family.write()), (TYPE, kind.write())];
                Self::with(verb::SOCKET, None, members)
            }
            SocketRequest::On { handle, verb } => on(Some(*handle), verb),
        }
    }
}

impl From<SocketRequest> for SocketCall {
    fn from(request: SocketRequest) -> Self {
        Self::from(&request)
    }
}

fn on(handle: Option<u32>, verb: &SocketVerb) -> SocketCall {
    let name = verb.name();
    match verb {
        SocketVerb::Bind(addr) | SocketVerb::Connect(addr) => {
            SocketCall::new(name, handle, &Name::from(*addr))
        }
        SocketVerb::ConnectStart { remote, fill } => {
            let (ip, port) = (remote.ip().write(), remote.port().write());
            SocketCall::with(name, handle, [(ADDRESS, ip), (PORT, port), (FILL, fill.write())])
        }
        SocketVerb::Listen { backlog } => {
            SocketCall::with(name, handle, [(BACKLOG, backlog.write())])
        }
        SocketVerb::Accept { blocking } => {
            SocketCall::with(name, handle, [(BLOCKING, blocking.write())])
        }
        SocketVerb::Shutdown(how) => SocketCall::with(name, handle, [(HOW, how.write())]),
        SocketVerb::Close | SocketVerb::GetSockName | SocketVerb::GetPeerName => {
            SocketCall::with(name, handle, [])
        }
        SocketVerb::SendUrgent { byte } => SocketCall::with(name, handle, [(BYTE, byte.write())]),
        SocketVerb::SetSockOpt { option, value } => {
            let (level, number) = option.to_linux();
            let members = [(LEVEL, level.write()), (NAME, number.write()), (VALUE, value.write())];
            SocketCall::with(name, handle, members)
        }
        SocketVerb::GetSockOpt { option } => {
            let (level, number) = option.to_linux();
            SocketCall::with(name, handle, [(LEVEL, level.write()), (NAME, number.write())])
        }
    }
}

impl Argument for SocketType {
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("stream") => Ok(Self::Stream),
            Some("dgram") => Ok(Self::Dgram),
            _ => Err(format!("{} is neither stream nor dgram", shown(value))),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Stream => "stream",
            Self::Dgram => "dgram",
        }
        .into()
    }
}

/// A number, or a name. Text stays text here even if it looks like a number.
impl Argument for OptionValue {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(name) => Ok(Self::Name(name.clone())),
            _ => i32::read(value).map(Self::Number),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Name(name) => name.as_str().into(),
        }
    }
}

/// Anything.
impl Argument for Value {
    fn read(value: &Value) -> Result<Self, String> {
        Ok(value.clone())
    }

    fn write(&self) -> Value {
        self.clone()
    }
}

#[cfg(test)]
mod tests;
