//! The names of verbs and arguments in JSON: requests from calls, and calls from requests.

use addr::Cidr;
use serde_json::Value;

use crate::argument::{Argument, Arguments, near, shown};
use crate::call::ControlCall;
use crate::error_body::ErrorBody;

use super::request::{
    AddressAdd, AddressDel, Destination, InterfaceRef, NeighborAdd, NeighborDel, NeighborFlush,
    Request, RouteAdd, RouteDel, SocketCursor, SocketShow,
};

const AFTER: &str = "after";
const ADDRESS: &str = "address";
const DESTINATION: &str = "destination";
const FAMILY: &str = "family";
const GATEWAY: &str = "gateway";
const IFINDEX: &str = "ifindex";
const IFNAME: &str = "ifname";
const LIMIT: &str = "limit";
const LLADDR: &str = "lladdr";
const METRIC: &str = "metric";
const SOURCE: &str = "source";

/// One verb: its object, its name, and how its arguments are read.
struct Verb {
    api: &'static str,
    method: &'static str,
    read: fn(&Call<'_>) -> Result<Request, ErrorBody>,
}

/// A call under reading.
struct Call<'a> {
    args: Arguments<'a>,
    /// The interface that the call itself names.
    ifindex: Option<u32>,
}

const fn verb(
    api: &'static str,
    method: &'static str,
    read: fn(&Call<'_>) -> Result<Request, ErrorBody>,
) -> Verb {
    Verb { api, method, read }
}

static VERBS: &[Verb] = &[
    verb("link", "show", |_| Ok(Request::LinkShow)),
    verb("address", "show", |_| Ok(Request::AddressShow)),
    verb("address", "add", |call| {
        let address = call.args.required(ADDRESS)?;
        Ok(Request::AddressAdd(AddressAdd { address, interface: call.required_interface()? }))
    }),
    verb("address", "del", |call| {
        let address = call.args.required(ADDRESS)?;
        Ok(Request::AddressDel(AddressDel { address, interface: call.interface()? }))
    }),
    verb("route", "show", |_| Ok(Request::RouteShow)),
    verb("route", "add", |call| {
        Ok(Request::RouteAdd(RouteAdd {
            destination: call.args.required(DESTINATION)?,
            gateway: call.args.optional(GATEWAY)?,
            interface: call.interface()?,
            metric: call.args.optional(METRIC)?,
            source: call.args.optional(SOURCE)?,
            family: call.args.optional(FAMILY)?,
        }))
    }),
    verb("route", "del", |call| {
        Ok(Request::RouteDel(RouteDel {
            destination: call.args.required(DESTINATION)?,
            gateway: call.args.optional(GATEWAY)?,
            metric: call.args.optional(METRIC)?,
            family: call.args.optional(FAMILY)?,
        }))
    }),
    verb("neighbor", "show", |_| Ok(Request::NeighborShow)),
    verb("neighbor", "add", |call| {
        Ok(Request::NeighborAdd(NeighborAdd {
            address: call.args.required(ADDRESS)?,
            lladdr: call.args.required(LLADDR)?,
            interface: call.required_interface()?,
        }))
    }),
    verb("neighbor", "del", |call| {
        let address = call.args.required(ADDRESS)?;
        Ok(Request::NeighborDel(NeighborDel { address, interface: call.required_interface()? }))
    }),
    verb("neighbor", "flush", |call| {
        Ok(Request::NeighborFlush(NeighborFlush { interface: call.interface()? }))
    }),
    verb("socket", "show", |call| {
        let (after, limit) = (call.args.optional(AFTER)?, call.args.optional(LIMIT)?);
        Ok(Request::SocketShow(SocketShow { after, limit }))
    }),
    verb("stats", "show", |_| Ok(Request::StatsShow)),
    verb("daemon", "info", |_| Ok(Request::DaemonInfo)),
];

impl Call<'_> {
    fn interface(&self) -> Result<Option<InterfaceRef>, ErrorBody> {
        let name = self.args.optional(IFNAME)?;
        let index = self.args.optional(IFINDEX)?.or(self.ifindex);
        Ok(name.map(InterfaceRef::Name).or(index.map(InterfaceRef::Index)))
    }

    fn required_interface(&self) -> Result<InterfaceRef, ErrorBody> {
        self.interface()?.ok_or_else(|| self.args.missing(IFNAME))
    }
}

impl TryFrom<&ControlCall> for Request {
    type Error = ErrorBody;

    /// Reads the verb and its arguments. An argument that the verb does not know is refused.
    fn try_from(call: &ControlCall) -> Result<Self, ErrorBody> {
        let named = |verb: &&Verb| verb.api == call.api && verb.method == call.method;
        let verb = VERBS.iter().find(named).ok_or_else(|| unknown(call))?;
        let name = format!("{} {}", call.api, call.method);
        let args = Arguments::new(&name, &call.args)?;
        let call = Call { args, ifindex: call.ifindex };
        let request = (verb.read)(&call)?;
        call.args.refuse_unknown()?;
        Ok(request)
    }
}

impl TryFrom<ControlCall> for Request {
    type Error = ErrorBody;

    fn try_from(call: ControlCall) -> Result<Self, ErrorBody> {
        Self::try_from(&call)
    }
}

/// The refusal of a verb that there is not, with those that may have been meant.
fn unknown(call: &ControlCall) -> ErrorBody {
    let ControlCall { api, method, .. } = call;
    let mut objects: Vec<_> = VERBS.iter().map(|verb| verb.api).collect();
    objects.dedup();
    let all = |verb: &&Verb| verb.api == api;
    let of_object: Vec<_> = VERBS.iter().filter(all).map(|verb| verb.method).collect();
    let hint = if of_object.is_empty() {
        let meant = near(api, &objects);
        match meant.is_empty() {
            true => format!("the objects are {}", objects.join(", ")),
            false => format!("is {} {method} meant?", meant.join(" | ")),
        }
    } else {
        let meant = near(method, &of_object);
        match meant.is_empty() {
            true => format!("there is {api} {}", of_object.join(" | ")),
            false => format!("is {api} {} meant?", meant.join(" | ")),
        }
    };
    ErrorBody::new("KeyError", format!("unknown control call {api:?} {method:?}; {hint}"))
}

impl From<&Request> for ControlCall {
    fn from(request: &Request) -> Self {
        let (api, method) = request.name();
        let call = Self::new(api, method);
        match request {
            Request::LinkShow
            | Request::AddressShow
            | Request::RouteShow
            | Request::NeighborShow
            | Request::StatsShow
            | Request::DaemonInfo => call,
            Request::AddressAdd(AddressAdd { address, interface }) => {
                with_interface(with(call, ADDRESS, Some(address)), Some(interface))
            }
            Request::AddressDel(AddressDel { address, interface }) => {
                with_interface(with(call, ADDRESS, Some(address)), interface.as_ref())
            }
            Request::RouteAdd(RouteAdd {
                destination,
                gateway,
                interface,
                metric,
                source,
                family,
            }) => {
                let call = with(call, DESTINATION, Some(destination));
                let call = with(call, GATEWAY, gateway.as_ref());
                let call = with_interface(call, interface.as_ref());
                let call = with(call, METRIC, metric.as_ref());
                let call = with(call, SOURCE, source.as_ref());
                with(call, FAMILY, family.as_ref())
            }
            Request::RouteDel(RouteDel { destination, gateway, metric, family }) => {
                let call = with(call, DESTINATION, Some(destination));
                let call = with(call, GATEWAY, gateway.as_ref());
                let call = with(call, METRIC, metric.as_ref());
                with(call, FAMILY, family.as_ref())
            }
            Request::NeighborAdd(NeighborAdd { address, lladdr, interface }) => {
                let call = with(call, ADDRESS, Some(address));
                with_interface(with(call, LLADDR, Some(lladdr)), Some(interface))
            }
            Request::NeighborDel(NeighborDel { address, interface }) => {
                with_interface(with(call, ADDRESS, Some(address)), Some(interface))
            }
            Request::SocketShow(SocketShow { after, limit }) => {
                with(with(call, AFTER, after.as_ref()), LIMIT, limit.as_ref())
            }
            Request::NeighborFlush(NeighborFlush { interface }) => {
                with_interface(call, interface.as_ref())
            }
        }
    }
}

impl From<Request> for ControlCall {
    fn from(request: Request) -> Self {
        Self::from(&request)
    }
}

/// The call with one more argument, if there is one.
fn with(call: ControlCall, name: &str, value: Option<&impl Argument>) -> ControlCall {
    match value {
        Some(value) => call.arg(name, value.write()),
        None => call,
    }
}

fn with_interface(call: ControlCall, interface: Option<&InterfaceRef>) -> ControlCall {
    match interface {
        Some(InterfaceRef::Name(name)) => call.arg(IFNAME, name.as_str()),
        Some(InterfaceRef::Index(index)) => call.arg(IFINDEX, *index),
        None => call,
    }
}

impl Argument for SocketCursor {
    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().unwrap_or_default();
        text.parse().map_err(|error| format!("{} is {error}", shown(value)))
    }

    fn write(&self) -> Value {
        self.to_string().into()
    }
}

impl Argument for Destination {
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("default") => Ok(Self::Default),
            Some(text) if text.contains('/') => Cidr::read(value).map(Self::Network),
            _ => Cidr::read(value).map(Self::Network).map_err(|_| {
                let shown = shown(value);
                format!("{shown} is neither default nor a network such as 10.0.1.0/24")
            }),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Default => "default".into(),
            Self::Network(cidr) => cidr.write(),
        }
    }
}

#[cfg(test)]
mod tests;
