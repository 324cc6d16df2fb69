//! `setsockopt` and `getsockopt` on a bridge.

use client::call::{ErrorBody, OptionArgs, OptionValue};
use client::socket_option::{SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_TYPE, SOL_SOCKET};
use rustix::io::Errno;
use serde_json::{Value, json};

use super::request::errno;
use super::state::{Bridge, State};
use crate::option::Options;
use crate::sockets::Core;

/// `setsockopt`.
pub(super) fn set(
    bridge: &mut Bridge,
    args: &OptionArgs,
    core: &mut Core,
) -> Result<Value, ErrorBody> {
    let value = args.value.as_ref();
    let value = value.ok_or_else(|| ErrorBody::new("ValueError", "value is missing"))?;
    let before = bridge.options;
    let datagrams = matches!(bridge.state, State::Datagram(_));
    if datagrams && Options::is_of_streams(args.level, args.name) {
        return Err(errno(Errno::NOPROTOOPT));
    }
    let set = match value {
        OptionValue::Number(value) => bridge.options.set(args.level, args.name, *value),
        OptionValue::Name(value) => bridge.options.set_name(args.level, args.name, value),
    };
    set.map_err(errno)?;
    let id = match &bridge.state {
        // Those that it takes from now on start with it.
        State::Listener(listener) => listener.id(),
        State::Stream(stream) => stream.ends().id,
        State::Connecting(connecting) => connecting.id(),
        // For the connection to come.
        State::Fresh(_) | State::Datagram(_) | State::Over { .. } => return Ok(Value::Null),
    };
    core.set_options(id, bridge.options.changes(before));
    Ok(Value::Null)
}

/// `getsockopt`.
pub(super) fn value(bridge: &mut Bridge, args: &OptionArgs) -> Result<Value, ErrorBody> {
    let stream = !matches!(bridge.state, State::Datagram(_));
    if let Some(name) = bridge.options.name(args.level, args.name).filter(|_| stream) {
        return Ok(json!(name));
    }
    let value = match (args.level, args.name) {
        (SOL_SOCKET, SO_ERROR) => bridge.error.take().unwrap_or(0),
        (SOL_SOCKET, SO_TYPE) => 2 - i32::from(stream),
        (SOL_SOCKET, SO_ACCEPTCONN) => i32::from(matches!(bridge.state, State::Listener(_))),
        (SOL_SOCKET, SO_DOMAIN) if bridge.v6 => 10,
        (SOL_SOCKET, SO_DOMAIN) => 2,
        (SOL_SOCKET, SO_PROTOCOL) if stream => 6,
        (SOL_SOCKET, SO_PROTOCOL) => 17,
        (level, name) => {
            bridge.options.value(level, name).ok_or_else(|| errno(Errno::NOPROTOOPT))?
        }
    };
    Ok(json!(value))
}
