//! Control calls: what `ctl` and programs ask of the stack or want changed.
//!
//! Runs on the engine thread. [`show`] fills the records of [`client::admin`], [`change`] carries
//! out the rest. A refusal has the errno and the words that `ip(8)` would use.

mod args;
mod change;
mod show;
mod sum;

use client::call::{ControlCall, ErrorBody};
use serde::Serialize;
use serde_json::Value;

use crate::port::PortEnd;
use crate::sockets::Core;

/// Carries out a control call.
pub(crate) fn call(
    core: &mut Core,
    ports: &[PortEnd],
    call: &ControlCall,
) -> Result<Value, ErrorBody> {
    match (call.api.as_str(), call.method.as_str()) {
        ("link", "show") => Ok(json(&show::links(core, ports))),
        ("address", "show") => Ok(json(&show::addresses(core))),
        ("address", "add") => change::address_add(core, call),
        ("address", "del") => change::address_del(core, call),
        ("route", "show") => Ok(json(&show::routes(core))),
        ("route", "add") => change::route_add(core, call),
        ("route", "del") => change::route_del(core, call),
        ("neighbor", "show") => Ok(json(&show::neighbors(core))),
        ("neighbor", "add") => change::neighbor_add(core, call),
        ("neighbor", "del") => change::neighbor_del(core, call),
        ("neighbor", "flush") => change::neighbor_flush(core, call),
        ("socket", "show") => Ok(json(&show::sockets(core))),
        ("stats", "show") => Ok(json(&show::stats(core))),
        ("daemon", "info") => Ok(json(&show::info(core))),
        (api, method) => {
            Err(ErrorBody::new("KeyError", format!("unknown control call {api:?} {method:?}")))
        }
    }
}

/// Whether every shard knows a part of the answer.
pub(crate) fn is_per_shard(call: &ControlCall) -> bool {
    matches!((call.api.as_str(), call.method.as_str()), ("link" | "socket" | "stats", "show"))
}

/// The answers of all shards as one, in the order of their shards.
pub(crate) fn add_up(call: &ControlCall, parts: Vec<Value>) -> Value {
    match call.api.as_str() {
        "link" => sum::links(parts),
        "socket" => sum::sockets(parts),
        "stats" => sum::stats(parts),
        // One shard has the whole answer.
        _ => parts.into_iter().next().unwrap_or_default(),
    }
}

fn json<T: Serialize>(value: &T) -> Value {
    // The records have string keys and finite numbers, so this does not fail.
    serde_json::to_value(value).unwrap_or_default()
}
