//! Golden JSON: every verb in both directions, and what is said of wrong ones.

use serde_json::json;

use super::*;

fn golden() -> Vec<(SocketRequest, Value)> {
    let peer: SocketAddr = "10.0.1.1:80".parse().unwrap();
    let name = json!({"address": "10.0.1.1", "port": 80});
    let nodelay = json!({"level": 6, "name": 1});
    let socket = |family, kind| SocketRequest::Socket { family, kind };
    let on = |verb| SocketRequest::On { handle: 3, verb };
    let call = |method: &str, args: Value| json!({"method": method, "handle": 3, "args": args});
    vec![
        (
            socket(IpVersion::V4, SocketType::Stream),
            json!({"method": "socket", "handle": null, "args": {"family": 4, "type": "stream"}}),
        ),
        (
            socket(IpVersion::V6, SocketType::Dgram),
            json!({"method": "socket", "handle": null, "args": {"family": 6, "type": "dgram"}}),
        ),
        (on(SocketVerb::Bind(peer)), call("bind", name.clone())),
        (on(SocketVerb::Connect(peer)), call("connect", name)),
        (
            on(SocketVerb::ConnectStart { remote: peer, fill: 9 }),
            call("connect_start", json!({"address": "10.0.1.1", "port": 80, "fill": 9})),
        ),
        (on(SocketVerb::Listen { backlog: 5 }), call("listen", json!({"backlog": 5}))),
        (on(SocketVerb::Accept { blocking: false }), call("accept", json!({"blocking": false}))),
        (on(SocketVerb::Shutdown(Shutdown::Read)), call("shutdown", json!({"how": "rd"}))),
        (on(SocketVerb::Shutdown(Shutdown::Write)), call("shutdown", json!({"how": "wr"}))),
        (on(SocketVerb::Shutdown(Shutdown::Both)), call("shutdown", json!({"how": "rdwr"}))),
        (on(SocketVerb::Close), call("close", json!({}))),
        (on(SocketVerb::GetSockName), call("getsockname", json!({}))),
        (on(SocketVerb::GetPeerName), call("getpeername", json!({}))),
        (on(SocketVerb::SendUrgent { byte: 7 }), call("send_urgent", json!({"byte": 7}))),
        (
            on(SocketVerb::SetSockOpt {
                option: SocketOption::Congestion,
                value: OptionValue::Name("reno".into()),
            }),
            call("setsockopt", json!({"level": 6, "name": 13, "value": "reno"})),
        ),
        (
            on(SocketVerb::SetSockOpt {
                option: SocketOption::NoDelay,
                value: OptionValue::Number(1),
            }),
            call("setsockopt", json!({"level": 6, "name": 1, "value": 1})),
        ),
        (
            on(SocketVerb::GetSockOpt { option: SocketOption::Error }),
            call("getsockopt", json!({"level": 1, "name": 4})),
        ),
        (on(SocketVerb::GetSockOpt { option: SocketOption::NoDelay }), call("getsockopt", nodelay)),
    ]
}

/// IPC-04: the JSON of each request, and the request of each JSON.
#[test]
fn every_request_has_its_json_and_back() {
    for (request, json) in golden() {
        assert_eq!(serde_json::to_value(&request).unwrap(), json);
        assert_eq!(serde_json::from_value::<SocketRequest>(json).unwrap(), request);
    }
}

#[test]
fn every_verb_is_in_the_golden_list() {
    let golden = golden();
    for (verb, _) in VERBS {
        assert!(golden.iter().any(|(_, json)| json["method"] == *verb), "{verb}");
    }
}

fn read(json: Value) -> Result<SocketRequest, ErrorBody> {
    SocketRequest::try_from(serde_json::from_value::<SocketCall>(json).unwrap())
}

#[test]
fn members_that_may_be_absent_have_defaults() {
    let accept = read(json!({"method": "accept", "handle": 1, "later": true})).unwrap();
    let verb = SocketVerb::Accept { blocking: true };
    assert_eq!(accept, SocketRequest::On { handle: 1, verb });
    let args = json!({"address": "::1", "port": 7, "new": null});
    let start = read(json!({"method": "connect_start", "handle": 1, "args": args})).unwrap();
    let verb = SocketVerb::ConnectStart { remote: "[::1]:7".parse().unwrap(), fill: 0 };
    assert_eq!(start, SocketRequest::On { handle: 1, verb });
}

/// IPC-11: a refusal has the errno that Linux gives.
/// SOCK-02, SOCK-04, SOCK-05, SOCK-07, SOPT-41.
#[test]
fn a_wrong_request_is_told_what_would_be_valid() {
    for (method, args, errno, message) in [
        (
            "socket",
            json!({"family": 5, "type": "stream"}),
            Some(97),
            "socket: \"family\": 5 is no address family: 4 or 6",
        ),
        (
            "socket",
            json!({"family": 4, "type": "raw"}),
            Some(93),
            "socket: \"type\": raw is neither stream nor dgram",
        ),
        ("socket", json!({"family": 4}), None, "socket: \"type\" is missing"),
        (
            "bind",
            json!({"address": "tap7", "port": 1}),
            None,
            "bind: \"address\": tap7 is no IPv4 or IPv6 address",
        ),
        (
            "bind",
            json!({"address": "::", "port": 65536}),
            None,
            "bind: \"port\": 65536 is no number from 0 to 65535",
        ),
        (
            "setsockopt",
            json!({"level": 1, "name": 9999, "value": 1}),
            Some(92),
            "there is no socket option 9999 of level 1",
        ),
        ("setsockopt", json!({"level": 1, "name": 9}), None, "setsockopt: \"value\" is missing"),
        ("acept", json!({}), None, "unknown socket verb \"acept\"; is accept meant?"),
    ] {
        let error = read(json!({"method": method, "handle": 1, "args": args})).unwrap_err();
        assert_eq!((error.errno, error.message.as_str()), (errno, message));
    }
    assert_eq!(read(json!({"method": "close"})).unwrap_err().errno, Some(9), "EBADF");
}
