//! Golden JSON: every verb in both directions.

use serde_json::{Value, json};

use super::*;

fn call(api: &str, method: &str, args: Value) -> Value {
    json!({"api": api, "method": method, "ifindex": null, "args": args})
}

fn tap7() -> InterfaceRef {
    InterfaceRef::Name("tap7".into())
}

/// Every verb with all its arguments and with as few as it takes.
fn golden() -> Vec<(Request, Value)> {
    let gateway = "10.0.1.1".parse().ok();
    let network = Destination::Network("10.9.0.0/16".parse().unwrap());
    let address = "10.0.1.8/24".parse().unwrap();
    let mut requests = vec![
        (Request::LinkShow, call("link", "show", json!({}))),
        (Request::AddressShow, call("address", "show", json!({}))),
        (
            Request::AddressAdd(AddressAdd { address, interface: tap7() }),
            call("address", "add", json!({"address": "10.0.1.8/24", "ifname": "tap7"})),
        ),
        (
            Request::AddressDel(AddressDel { address, interface: Some(InterfaceRef::Index(2)) }),
            call("address", "del", json!({"address": "10.0.1.8/24", "ifindex": 2})),
        ),
        (
            Request::AddressDel(AddressDel { address, interface: None }),
            call("address", "del", json!({"address": "10.0.1.8/24"})),
        ),
        (Request::RouteShow, call("route", "show", json!({}))),
        (
            Request::RouteAdd(RouteAdd {
                destination: network,
                gateway,
                interface: Some(tap7()),
                metric: Some(5),
                source: "10.0.1.7".parse().ok(),
                family: Some(addr::IpVersion::V4),
            }),
            call(
                "route",
                "add",
                json!({"destination": "10.9.0.0/16", "gateway": "10.0.1.1", "ifname": "tap7",
                       "metric": 5, "source": "10.0.1.7", "family": 4}),
            ),
        ),
        (
            Request::RouteAdd(RouteAdd::to(Destination::Default)),
            call("route", "add", json!({"destination": "default"})),
        ),
        (
            Request::RouteDel(RouteDel {
                destination: Destination::Default,
                gateway,
                metric: Some(9),
                family: Some(addr::IpVersion::V6),
            }),
            call(
                "route",
                "del",
                json!({"destination": "default", "gateway": "10.0.1.1", "metric": 9, "family": 6}),
            ),
        ),
    ];
    requests.extend(golden_of_neighbors());
    requests.extend([
        (Request::SocketShow(SocketShow::ALL), call("socket", "show", json!({}))),
        (
            Request::SocketShow(SocketShow::page(None)),
            call("socket", "show", json!({"limit": 1000})),
        ),
        (
            Request::SocketShow(SocketShow {
                after: Some(SocketCursor { shard: 1, position: 2000 }),
                limit: Some(10),
            }),
            call("socket", "show", json!({"after": "1.2000", "limit": 10})),
        ),
        (Request::StatsShow, call("stats", "show", json!({}))),
        (Request::DaemonInfo, call("daemon", "info", json!({}))),
    ]);
    requests
}

fn golden_of_neighbors() -> Vec<(Request, Value)> {
    let neighbor = "fe80::9".parse().unwrap();
    vec![
        (Request::NeighborShow, call("neighbor", "show", json!({}))),
        (
            Request::NeighborAdd(NeighborAdd {
                address: neighbor,
                lladdr: "02:00:00:00:00:09".parse().unwrap(),
                interface: tap7(),
            }),
            call(
                "neighbor",
                "add",
                json!({"address": "fe80::9", "lladdr": "02:00:00:00:00:09", "ifname": "tap7"}),
            ),
        ),
        (
            Request::NeighborDel(NeighborDel { address: neighbor, interface: tap7() }),
            call("neighbor", "del", json!({"address": "fe80::9", "ifname": "tap7"})),
        ),
        (Request::NeighborFlush(NeighborFlush::default()), call("neighbor", "flush", json!({}))),
        (
            Request::NeighborFlush(NeighborFlush { interface: Some(tap7()) }),
            call("neighbor", "flush", json!({"ifname": "tap7"})),
        ),
    ]
}

/// IPC-04: the JSON of each request, and the request of each JSON.
#[test]
fn every_request_has_its_json_and_back() {
    for (request, json) in golden() {
        assert_eq!(serde_json::to_value(&request).unwrap(), json);
        assert_eq!(serde_json::from_value::<Request>(json).unwrap(), request);
    }
}

#[test]
fn every_verb_is_in_the_golden_list() {
    let golden = golden();
    for verb in VERBS {
        let name = (verb.api, verb.method);
        assert!(golden.iter().any(|(request, _)| request.name() == name), "{name:?}");
    }
}

fn read(json: Value) -> Result<Request, ErrorBody> {
    Request::try_from(serde_json::from_value::<ControlCall>(json).unwrap())
}

/// Members that older clients leave out, that newer ones add, and that stand elsewhere.
#[test]
fn other_writings_of_the_same_request_are_understood() {
    let expected = Request::AddressDel(AddressDel {
        address: "10.0.1.8/32".parse().unwrap(),
        interface: Some(InterfaceRef::Index(2)),
    });
    for json in [
        json!({"api": "address", "method": "del", "ifindex": 2, "args": {"address": "10.0.1.8"}}),
        json!({"api": "address", "method": "del", "later": true,
               "args": {"address": "10.0.1.8/32", "ifindex": "2", "ifname": null, "new": null}}),
    ] {
        assert_eq!(read(json).unwrap(), expected);
    }
    for json in [
        json!({"api": "link", "method": "show"}),
        json!({"api": "link", "method": "show", "args": null}),
    ] {
        assert_eq!(read(json).unwrap(), Request::LinkShow);
    }
}

#[test]
fn a_wrong_argument_is_named_with_what_would_be_valid() {
    for (json, message) in [
        (
            call("route", "add", json!({"destination": "default", "gatway": "10.0.0.1"})),
            "route add: no argument is called gatway; is gateway meant?",
        ),
        (
            call("address", "add", json!({"address": "10.0.0.1/33", "ifname": "tap7"})),
            "address add: \"address\": 10.0.0.1/33 is no address with prefix length: \
             the prefix length is 0 to 32",
        ),
        (
            call("address", "add", json!({"address": "10.0.0.1/24"})),
            "address add: \"ifname\" is missing",
        ),
        (call("address", "add", json!([1, 2])), "address add: \"args\": [1,2] is no object"),
        (
            call("route", "add", json!({"destination": "somewhere"})),
            "route add: \"destination\": somewhere is neither default nor a network such as \
             10.0.1.0/24",
        ),
        (
            call("route", "add", json!({"destination": "10.0.0.0/40"})),
            "route add: \"destination\": 10.0.0.0/40 is no address with prefix length: \
             the prefix length is 0 to 32",
        ),
        (
            call("socket", "show", json!({"after": "x"})),
            "socket show: \"after\": x is not a place in a list of sockets",
        ),
        (call("route", "del", json!({})), "route del: \"destination\" is missing"),
    ] {
        let error = read(json).unwrap_err();
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("ValueError", message));
    }
}

#[test]
fn an_unknown_verb_is_told_the_near_ones() {
    for (api, method, message) in [
        ("lnk", "show", "unknown control call \"lnk\" \"show\"; is link show meant?"),
        ("route", "ad", "unknown control call \"route\" \"ad\"; is route add meant?"),
        ("link", "explode", "unknown control call \"link\" \"explode\"; there is link show"),
        (
            "frobnicate",
            "show",
            "unknown control call \"frobnicate\" \"show\"; \
             the objects are link, address, route, neighbor, socket, stats, daemon",
        ),
    ] {
        let error = read(call(api, method, json!({}))).unwrap_err();
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("KeyError", message));
    }
}

#[test]
fn a_default_destination_takes_its_family_from_the_gateway() {
    let default = Destination::Default;
    let v6 = Some(addr::IpVersion::V6);
    assert_eq!(default.prefix("fe80::1".parse().ok(), None).to_string(), "::/0");
    assert_eq!(default.prefix("10.0.1.1".parse().ok(), v6).to_string(), "0.0.0.0/0");
    assert_eq!(default.prefix(None, v6).to_string(), "::/0");
    assert_eq!(default.prefix(None, None).to_string(), "0.0.0.0/0");
}

/// A page says where the next one begins; a daemon without pages answers with all there is.
#[test]
fn pages_of_sockets_have_their_json() {
    use crate::admin::{Response, Socket, SocketPage};

    let request = Request::SocketShow(SocketShow::page(None));
    let socket = Socket { kind: "tcp".into(), ..Socket::default() };
    for next in [None, Some(SocketCursor { shard: 0, position: 1000 })] {
        let page = Response::SocketPage(SocketPage { sockets: vec![socket.clone()], next });
        let json = serde_json::to_value(&page).unwrap();
        assert_eq!(json.get("next").cloned(), next.map(|_| json!("0.1000")));
        assert_eq!(Response::read(&request, json).unwrap(), page);
    }
    let whole = Response::Sockets(vec![socket.clone()]);
    let json = serde_json::to_value(&whole).unwrap();
    let page = SocketPage { sockets: vec![socket], next: None };
    assert_eq!(Response::read(&request, json.clone()).unwrap(), Response::SocketPage(page));
    assert_eq!(Response::read(&Request::SocketShow(SocketShow::ALL), json).unwrap(), whole);
}
