//! Control calls that change something.

use addr::{Cidr, Ip, Mac};
use client::call::{ControlCall, ErrorBody};
use serde_json::Value;
use stack::control::RouteConfig;

use super::args::{destination, interface, optional, refused, required, required_interface};
use crate::sockets::Core;

type Verdict = Result<Value, ErrorBody>;

pub(super) fn address_add(core: &mut Core, call: &ControlCall) -> Verdict {
    let address: Cidr = required(call, "address")?;
    let ifindex = required_interface(call, core)?;
    core.host.address_add(core.now, ifindex, address).map_err(|e| refused(&e))?;
    Ok(Value::Null)
}

/// Without an interface the address names it, as one address is on one interface only.
pub(super) fn address_del(core: &mut Core, call: &ControlCall) -> Verdict {
    let address: Cidr = required(call, "address")?;
    let ifindex = match interface(call, core)? {
        Some(ifindex) => ifindex,
        None => match core.host.fib().owner(address.ip) {
            Some(owner) => owner.ifindex,
            None => required_interface(call, core)?,
        },
    };
    core.host.address_del(core.now, ifindex, address.ip).map_err(|e| refused(&e))?;
    Ok(Value::Null)
}

pub(super) fn route_add(core: &mut Core, call: &ControlCall) -> Verdict {
    let gateway: Option<Ip> = optional(call, "gateway")?;
    let route = RouteConfig {
        gateway,
        ifindex: interface(call, core)?,
        metric: optional(call, "metric")?,
        source: optional(call, "source")?,
        ..RouteConfig::new(destination(call, gateway)?)
    };
    core.host.route_add(core.now, &route).map_err(|e| refused(&e))?;
    Ok(Value::Null)
}

pub(super) fn route_del(core: &mut Core, call: &ControlCall) -> Verdict {
    let gateway: Option<Ip> = optional(call, "gateway")?;
    let destination = destination(call, gateway)?;
    let metric = optional(call, "metric")?;
    core.host.route_del(core.now, destination, gateway, metric).map_err(|e| refused(&e))?;
    Ok(Value::Null)
}

pub(super) fn neighbor_add(core: &mut Core, call: &ControlCall) -> Verdict {
    let address: Ip = required(call, "address")?;
    let mac: Mac = required(call, "lladdr")?;
    let ifindex = required_interface(call, core)?;
    core.host.neighbor_add(core.now, ifindex, address, mac).map_err(|e| refused(&e))?;
    Ok(Value::Null)
}

pub(super) fn neighbor_del(core: &mut Core, call: &ControlCall) -> Verdict {
    let address: Ip = required(call, "address")?;
    let ifindex = required_interface(call, core)?;
    core.host.neighbor_del(core.now, ifindex, address).map_err(|e| refused(&e))?;
    Ok(Value::Null)
}

/// Answers how many entries went.
pub(super) fn neighbor_flush(core: &mut Core, call: &ControlCall) -> Verdict {
    let ifindex = interface(call, core)?;
    Ok(Value::from(core.host.neighbor_flush(core.now, ifindex)))
}
