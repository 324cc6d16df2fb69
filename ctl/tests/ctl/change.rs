//! What a change asks of the daemon, word for word.

use client::call::ControlCall;
use serde_json::{Value, json};

use crate::fake::Daemon;

fn call(api: &str, method: &str, args: Value) -> ControlCall {
    ControlCall { args, ..ControlCall::new(api, method) }
}

/// CLI-06, CLI-07, CLI-08, CLI-11: each command line and its one call.
/// CLI-03.
#[test]
fn every_change_is_one_call() {
    let daemon = Daemon::new();
    let v4 = json!({"address": "10.0.1.8/24", "ifname": "tap7"});
    let v6 = json!({"address": "2001:db8::8/64", "ifname": "tap7"});
    let lladdr = "02:00:00:00:00:09";
    for (line, expected) in [
        ("address add 10.0.1.8/24 dev tap7", call("address", "add", v4.clone())),
        ("a a dev tap7 10.0.1.8/24", call("address", "add", v4.clone())),
        ("-6 addr add local 2001:db8::8/64 dev tap7", call("address", "add", v6)),
        ("address del 10.0.1.8/24 dev tap7", call("address", "del", v4)),
        (
            "route add default via 10.0.1.1",
            call(
                "route",
                "add",
                json!({"destination": "default", "gateway": "10.0.1.1", "family": 4}),
            ),
        ),
        (
            "r a 10.9.0.0/16 via 10.0.1.1 dev tap7 metric 5 src 10.0.1.7",
            call(
                "route",
                "add",
                json!({"destination": "10.9.0.0/16", "gateway": "10.0.1.1", "ifname": "tap7",
                       "metric": 5, "source": "10.0.1.7", "family": 4}),
            ),
        ),
        (
            "-6 route add default dev tun0",
            call("route", "add", json!({"destination": "default", "ifname": "tun0", "family": 6})),
        ),
        (
            "route add default dev tun0",
            call("route", "add", json!({"destination": "default", "ifname": "tun0"})),
        ),
        (
            "route del 2001:db8::/32",
            call("route", "del", json!({"destination": "2001:db8::/32", "family": 6})),
        ),
        (
            "route delete default via 10.0.1.1 metric 9",
            call(
                "route",
                "del",
                json!({"destination": "default", "gateway": "10.0.1.1", "metric": 9, "family": 4}),
            ),
        ),
        (
            "neighbor add 10.0.1.9 lladdr 02:00:00:00:00:09 dev tap7",
            call(
                "neighbor",
                "add",
                json!({"address": "10.0.1.9", "lladdr": lladdr, "ifname": "tap7"}),
            ),
        ),
        (
            "n d 10.0.1.9 dev tap7",
            call("neighbor", "del", json!({"address": "10.0.1.9", "ifname": "tap7"})),
        ),
        ("neighbor flush", call("neighbor", "flush", json!({}))),
        ("neighbor flush dev tap7", call("neighbor", "flush", json!({"ifname": "tap7"}))),
    ] {
        assert_eq!(daemon.text(line), "", "{line}");
        assert_eq!(daemon.calls(), [expected], "{line}");
        assert_eq!(daemon.text(&format!("-j {line}")), "", "{line}");
        daemon.calls();
    }
}

/// As ip-neighbour(8): a permanent entry goes by `neighbor del` only.
#[test]
fn a_flush_spares_permanent_entries() {
    let daemon = Daemon::answering(|call| match call.method.as_str() {
        "show" => {
            let mut neighbors = crate::fake::neighbors();
            neighbors[0].state = "PERMANENT".into();
            Ok(serde_json::to_value(neighbors).unwrap())
        }
        _ => Ok(json!(null)),
    });
    assert_eq!(daemon.text("-4 neighbor flush"), "");
    let deleted = json!({"address": "10.0.1.99", "ifname": "tap7"});
    let calls = [ControlCall::new("neighbor", "show"), call("neighbor", "del", deleted)];
    assert_eq!(daemon.calls(), calls);
}

/// Without a prefix length as ip-address(8): a network of its own, or the first address that fits.
/// What was taken for granted is said.
#[test]
fn an_address_without_a_prefix_length_is_said_to_have_none() {
    let daemon = Daemon::new();
    for (line, asked, method, sent, said) in [
        ("10.0.1.8", false, "add", "10.0.1.8/32", "10.0.1.8 has no prefix length: taken as "),
        ("2001:db8::8", false, "add", "2001:db8::8/128", "2001:db8::8 has no prefix length: taken"),
        ("10.0.1.7", true, "del", "10.0.1.7/24", "10.0.1.7 has no prefix length: 10.0.1.7/24 was"),
        ("10.0.1.99", true, "del", "10.0.1.99/32", ""),
        ("fe80::7", false, "del", "fe80::7/128", ""),
    ] {
        let ran = daemon.ctl(&format!("address {method} {line} dev tap7"));
        assert_eq!((ran.status, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(said) && ran.stderr.is_empty() == said.is_empty(), "{ran:?}");
        let change = call("address", method, json!({"address": sent, "ifname": "tap7"}));
        let show = asked.then(|| ControlCall::new("address", "show"));
        assert_eq!(daemon.calls(), show.into_iter().chain([change]).collect::<Vec<_>>(), "{line}");
    }
}

/// CLI-08: with a family only the entries of that family go.
/// CTL-42.
#[test]
fn a_flush_may_spare_one_family() {
    let daemon = Daemon::new();
    assert_eq!(daemon.text("-4 neighbor flush"), "");
    let entry = |address: &str| json!({"address": address, "ifname": "tap7"});
    assert_eq!(
        daemon.calls(),
        [
            ControlCall::new("neighbor", "show"),
            call("neighbor", "del", entry("10.0.1.1")),
            call("neighbor", "del", entry("10.0.1.99")),
        ]
    );
    daemon.text("-4 neighbor flush dev eth1");
    let methods: Vec<_> = daemon.calls().into_iter().map(|call| call.method).collect();
    assert_eq!(methods, ["show", "show"]);
}
