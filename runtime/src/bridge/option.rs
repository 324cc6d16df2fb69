//! `setsockopt` and `getsockopt` on a bridge.

use client::call::{ErrorBody, OptionArgs};
use rustix::io::Errno;
use serde_json::{Value, json};

use super::verbs::errno;
use super::{Bridge, State};
use crate::engine::Core;
use crate::option::{SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_TYPE, SOL_SOCKET};

pub(super) fn set(
    bridge: &mut Bridge,
    args: &OptionArgs,
    core: &mut Core,
) -> Result<Value, ErrorBody> {
    let value = args.value.ok_or_else(|| ErrorBody::new("ValueError", "value is missing"))?;
    let before = bridge.options;
    bridge.options.set(args.level, args.name, value).map_err(errno)?;
    let id = match &bridge.state {
        State::Stream(stream) => stream.ends().id,
        State::Connecting(connecting) => connecting.id(),
        // For the connection to come, or for those that will be accepted.
        State::Fresh(_) | State::Listener(_) | State::Datagram(_) | State::Over { .. } => {
            return Ok(Value::Null);
        }
    };
    core.set_options(id, bridge.options.changes(before));
    Ok(Value::Null)
}

pub(super) fn value(bridge: &mut Bridge, args: &OptionArgs) -> Result<Value, ErrorBody> {
    let stream = !matches!(bridge.state, State::Datagram(_));
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
