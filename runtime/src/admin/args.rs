//! Arguments of control calls, read with words about what is wrong with them.

use std::fmt::Display;
use std::str::FromStr;

use addr::{Cidr, IfIndex, Ip};
use client::call::{ControlCall, ErrorBody};
use serde_json::Value;
use stack::ControlError;

use crate::sockets::Core;

/// A refusal for a bad argument.
pub(super) fn bad(what: impl Into<String>) -> ErrorBody {
    ErrorBody::new("ValueError", what)
}

/// A refusal by the stack.
pub(super) fn refused(error: &ControlError) -> ErrorBody {
    ErrorBody::from_errno(error.code(), error.to_string())
}

/// An argument that may be absent.
pub(super) fn optional<T>(call: &ControlCall, name: &str) -> Result<Option<T>, ErrorBody>
where
    T: FromStr,
    T::Err: Display,
{
    let text = match call.args.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err(bad(format!("{name}: neither text nor a number"))),
    };
    text.parse().map(Some).map_err(|error| bad(format!("{name} {text:?}: {error}")))
}

/// An argument that must be there.
pub(super) fn required<T>(call: &ControlCall, name: &str) -> Result<T, ErrorBody>
where
    T: FromStr,
    T::Err: Display,
{
    optional(call, name)?
        .ok_or_else(|| bad(format!("{} {}: {name} is missing", call.api, call.method)))
}

/// A destination prefix; `default` takes its family from `gateway`, IPv4 without one.
pub(super) fn destination(call: &ControlCall, gateway: Option<Ip>) -> Result<Cidr, ErrorBody> {
    let text: String = required(call, "destination")?;
    if text == "default" {
        let wanted: Option<u8> = optional(call, "family")?;
        let v4 = gateway.map_or(wanted != Some(6), |gateway| gateway.is_v4());
        return Ok(Cidr::default_route(v4));
    }
    required(call, "destination")
}

/// The interface that the call names, by name or number. None if it names none.
pub(super) fn interface(call: &ControlCall, core: &Core) -> Result<Option<IfIndex>, ErrorBody> {
    if let Some(name) = optional::<String>(call, "ifname")? {
        let found = core.host.interfaces().into_iter().find(|i| i.name == name);
        let found = found.ok_or_else(|| {
            ErrorBody::from_errno(NO_DEVICE, format!("Cannot find device {name:?}"))
        })?;
        return Ok(Some(found.ifindex));
    }
    let Some(number) = optional::<u32>(call, "ifindex")?.or(call.ifindex) else { return Ok(None) };
    let known = core.host.interfaces().into_iter().map(|i| i.ifindex);
    let found = known.into_iter().find(|ifindex| ifindex.get() == number);
    found.map(Some).ok_or_else(|| {
        ErrorBody::from_errno(NO_DEVICE, format!("Cannot find device with index {number}"))
    })
}

/// The interface that the call must name.
pub(super) fn required_interface(call: &ControlCall, core: &Core) -> Result<IfIndex, ErrorBody> {
    interface(call, core)?
        .ok_or_else(|| bad(format!("{} {}: ifname is missing", call.api, call.method)))
}

/// ENODEV.
const NO_DEVICE: i32 = 19;
