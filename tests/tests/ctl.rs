//! `ctl` against the running daemon: lists, changes at run time, wrong input.
//! Rows: CLI-02, CLI-03, CLI-04, CLI-05, CLI-06, CLI-07, CLI-09, CLI-10, CLI-11, CLI-12, CTL-01,
//! CTL-03, CTL-04, CTL-08, CTL-20, CTL-21, CTL-30, CTL-31, CTL-32, CTL-40, CTL-43.

use std::net::TcpStream;

use serde_json::Value;
use tests::{Backend, Lab, STACK_V4, eventually};

fn ok(lab: &Lab, args: &str) -> String {
    let out = lab.daemon.ctl(args);
    assert!(out.status.success(), "ctl {args}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn has(records: &[Value], key: &str, value: &str) -> bool {
    records.iter().any(|r| r[key] == value)
}

/// CTL-82.
/// DIFF-26.
#[test]
fn lists_show_what_the_daemon_has() {
    let lab = Lab::with("ctl", Backend::Tap, &["--gateway", "10.0.1.1"]);
    assert!(lab.space.shell("ping -n -c 1 -W 2 10.0.1.7").status.success());
    let link = ok(&lab, "link");
    assert!(link.contains("tap7") && link.contains("1500"), "{link}");
    assert!(ok(&lab, "address").contains("10.0.1.7/24"));
    assert!(ok(&lab, "-6 address").contains("2001:db8:0:1::7/64"));
    assert!(!ok(&lab, "-6 address").contains("10.0.1.7"));
    assert!(ok(&lab, "route").contains("default via 10.0.1.1"));
    assert!(ok(&lab, "neighbor").contains("10.0.1.1"));
    assert!(ok(&lab, "socket").contains("LISTEN"));
    assert!(ok(&lab, "stats").contains("icmp_echo_replies"));
    assert!(has(&lab.daemon.records("address"), "address", "10.0.1.7"));
    assert!(has(&lab.daemon.records("route"), "destination", "default"));
    assert!(has(&lab.daemon.records("socket"), "state", "LISTEN"));
    for abbreviation in ["l", "addr", "a", "r", "neigh", "n", "so", "st"] {
        ok(&lab, abbreviation);
    }
}

#[test]
fn a_connection_shows_what_was_agreed_on() {
    let lab = Lab::start("ctl-tcp", Backend::Tap);
    let _stream = lab.space.inside(|| TcpStream::connect((STACK_V4, 7)).expect("connect"));
    let shown = lab.daemon.records("socket tcp state established");
    let options: Vec<&str> = shown[0]["info"]["options"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(Value::as_str)
        .collect();
    assert_eq!(options[..2], ["ts", "sack"], "{options:?}");
    assert!(options[2].starts_with("wscale:"), "{options:?}");
    assert!(ok(&lab, "-s socket tcp").contains(" ts sack wscale:"));
}

/// ARCH-06.
#[test]
fn addresses_come_and_go_at_run_time() {
    let lab = Lab::start("ctl-addr", Backend::Tap);
    let answers = || lab.space.shell("ping -n -c 1 -W 1 10.0.1.8").status.success();
    assert!(!answers());
    ok(&lab, "address add 10.0.1.8/24 dev tap7");
    assert!(eventually(5, answers));
    let twice = lab.daemon.ctl("address add 10.0.1.8/24 dev tap7");
    assert_eq!(twice.status.code(), Some(2), "the same address twice");
    ok(&lab, "address del 10.0.1.8/24 dev tap7");
    assert!(!answers());
    assert!(!has(&lab.daemon.records("address"), "address", "10.0.1.8"));
}

#[test]
fn over_af_xdp_a_new_address_is_steered_to_us() {
    let lab = Lab::start("ctl-xdp", Backend::Xdp);
    ok(&lab, "address add 10.0.1.8/24 dev veth7");
    ok(&lab, "address add 2001:db8:0:1::8/64 dev veth7");
    for address in ["10.0.1.8", "2001:db8:0:1::8"] {
        let line = format!("ping -n -c 1 -W 1 {address}");
        assert!(eventually(5, || lab.space.shell(&line).status.success()), "{address}");
    }
}

#[test]
fn routes_and_neighbors_can_be_changed() {
    let lab = Lab::start("ctl-route", Backend::Tap);
    ok(&lab, "route add 192.0.2.0/24 via 10.0.1.1");
    ok(&lab, "route add default via 10.0.1.1 dev tap7 metric 50");
    let routes = lab.daemon.records("route");
    assert!(has(&routes, "destination", "192.0.2.0/24") && has(&routes, "destination", "default"));
    assert!(routes.iter().all(|r| r["gateway"].is_null() || r["protocol"] == "static"), "CLI-03");
    ok(&lab, "route del 192.0.2.0/24");
    assert!(!has(&lab.daemon.records("route"), "destination", "192.0.2.0/24"));
    ok(&lab, "neighbor add 10.0.1.99 lladdr 02:00:00:00:00:99 dev tap7");
    let neighbors = lab.daemon.records("neighbor");
    let added = neighbors.iter().find(|n| n["address"] == "10.0.1.99").expect("listed");
    assert_eq!(
        (&added["state"], &added["lladdr"]),
        (&"PERMANENT".into(), &"02:00:00:00:00:99".into())
    );
    ok(&lab, "neighbor del 10.0.1.99 dev tap7");
    assert!(!has(&lab.daemon.records("neighbor"), "address", "10.0.1.99"));
}

#[test]
fn wrong_input_is_one_clear_line_and_exit_status_2() {
    let lab = Lab::start("ctl-wrong", Backend::Tap);
    for args in [
        "lnk",
        "address add 10.0.1.300/24 dev tap7",
        "address add 10.0.1.9/24 dev nosuch",
        "address add 10.0.1.9/24",
        "address del 10.9.9.9/24 dev tap7",
        "route add 192.0.2.0/24",
        "route add default via 203.0.113.1",
        "route del 198.51.100.0/24",
        "neighbor add 10.0.1.9 dev tap7",
        "neighbor add 10.0.1.9 lladdr zz dev tap7",
        "neighbor del 10.0.1.9 dev tap7",
        "link frobnicate",
        "--nonsense",
        "",
    ] {
        let out = lab.daemon.ctl(args);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "ctl {args}: {said}");
        assert_eq!(said.lines().count(), 1, "ctl {args}: {said}");
        assert!(out.stdout.is_empty(), "ctl {args}");
    }
}
