//! `setsockopt` and `getsockopt` on a bridge.

use client::call::{ErrorBody, OptionValue};
use client::socket_option::SocketOption;
use rustix::io::Errno;
use serde_json::{Value, json};

use super::request::errno;
use super::state::{Bridge, State};
use crate::option::Options;
use crate::sockets::Core;

/// `setsockopt`.
pub(super) fn set(
    bridge: &mut Bridge,
    option: SocketOption,
    value: &OptionValue,
    core: &mut Core,
) -> Result<Value, ErrorBody> {
    let before = bridge.options;
    let datagrams = matches!(bridge.state, State::Datagram(_));
    if datagrams && Options::is_of_streams(option) {
        return Err(errno(Errno::NOPROTOOPT));
    }
    let set = match value {
        OptionValue::Number(value) => bridge.options.set(option, *value),
        OptionValue::Name(value) => bridge.options.set_name(option, value),
    };
    set.map_err(errno)?;
    let id = match &bridge.state {
        // Those that it takes from now on start with it.
        State::Listener(listener) => listener.id(),
        State::Stream(stream) => stream.rings().id,
        State::Connecting(connecting) => connecting.id(),
        // For the connection to come.
        State::Fresh(_) | State::Datagram(_) | State::Over { .. } => return Ok(Value::Null),
    };
    core.set_options(id, bridge.options.changes(before));
    Ok(Value::Null)
}

/// `getsockopt`.
pub(super) fn value(bridge: &mut Bridge, option: SocketOption) -> Result<Value, ErrorBody> {
    let stream = !matches!(bridge.state, State::Datagram(_));
    if let Some(name) = bridge.options.name(option).filter(|_| stream) {
        return Ok(json!(name));
    }
    let value = match option {
        SocketOption::Error => bridge.error.take().unwrap_or(0),
        SocketOption::Type => 2 - i32::from(stream),
        SocketOption::AcceptConn => i32::from(matches!(bridge.state, State::Listener(_))),
        SocketOption::Domain if bridge.v6 => 10,
        SocketOption::Domain => 2,
        SocketOption::Protocol if stream => 6,
        SocketOption::Protocol => 17,
        option => bridge.options.value(option).ok_or_else(|| errno(Errno::NOPROTOOPT))?,
    };
    Ok(json!(value))
}
