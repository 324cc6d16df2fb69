//! The device changes under the daemon: down and up, carrier, MTU.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tests::{Backend, Lab, STACK_V4, STACK_V6, eventually};

/// Whether ping gets an answer from our address within a second.
fn answers(lab: &Lab) -> bool {
    [STACK_V4, STACK_V6]
        .iter()
        .all(|stack| lab.space.shell(&format!("ping -n -c 1 -W 1 {stack}")).status.success())
}

fn has_flag(link: &Value, flag: &str) -> bool {
    link["flags"].as_array().is_some_and(|flags| flags.iter().any(|f| f == flag))
}

/// Sets the device down and up again. Its kernel side keeps its IPv6 address meanwhile.
fn flap(lab: &Lab, device: &str, shows_down: impl Fn(&Value) -> bool) {
    let keep =
        format!("sysctl -q -w net.ipv6.conf.{}.keep_addr_on_down=1", lab.backend.host_device());
    assert!(lab.space.shell(&keep).status.success());
    assert!(eventually(10, || answers(lab)), "before");
    let link = lab.link();
    assert!(
        link["state"] == "UP" && has_flag(&link, "UP") && has_flag(&link, "LOWER_UP"),
        "{link}"
    );
    lab.space.ip(&format!("link set {device} down"));
    assert!(eventually(5, || shows_down(&lab.link())), "{}", lab.link());
    assert!(!answers(lab));
    lab.space.ip(&format!("link set {device} up"));
    assert!(eventually(5, || lab.link()["state"] == "UP"), "{}", lab.link());
    assert!(eventually(15, || answers(lab)), "after: without a restart");
}

fn is_down(link: &Value) -> bool {
    link["state"] == "DOWN" && !has_flag(link, "UP")
}

fn has_no_carrier(link: &Value) -> bool {
    link["state"] == "DOWN" && has_flag(link, "UP") && has_flag(link, "NO-CARRIER")
}

/// CTL-07.
#[test]
fn a_tap_goes_down_and_comes_back() {
    let lab = Lab::with("linktap", Backend::Tap, &["--gateway", "10.0.1.1"]);
    let default =
        || lab.daemon.records("route").iter().filter(|r| r["destination"] == "default").count();
    assert_eq!(default(), 1);
    flap(&lab, "tap7", is_down);
    assert!(eventually(5, || default() == 1), "the configured route is back");
}

#[test]
fn an_af_xdp_device_goes_down_and_comes_back() {
    let lab = Lab::start("linkxdp", Backend::Xdp);
    flap(&lab, "veth7", is_down);
}

#[test]
fn the_peer_of_an_af_xdp_device_goes_down_and_comes_back() {
    let lab = Lab::start("linkpeer", Backend::Xdp);
    flap(&lab, "host7", has_no_carrier);
}

/// A connection lives through a flap and a smaller MTU.
/// CTL-10, GAP-71.
#[test]
fn the_mtu_follows_the_device() {
    let lab = Lab::start("linkmtu", Backend::Tap);
    let mut echo = lab.space.inside(|| {
        TcpStream::connect_timeout(&(STACK_V4, 7).into(), Duration::from_secs(5)).expect("connect")
    });
    echo.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    let mut exchange = |bytes: &[u8]| {
        echo.write_all(bytes).expect("write");
        let mut back = vec![0; bytes.len()];
        echo.read_exact(&mut back).expect("read");
        assert_eq!(back, bytes);
    };
    exchange(&[1; 30_000]);
    lab.space.ip("link set tap7 mtu 1300");
    assert!(eventually(5, || lab.link()["mtu"] == 1300), "{}", lab.link());
    exchange(&[2; 30_000]);
    assert!(answers(&lab));
    // Larger than before: the frames of a TAP with offload carry it.
    lab.space.ip("link set tap7 mtu 4000");
    assert!(eventually(5, || lab.link()["mtu"] == 4000), "{}", lab.link());
    assert!(lab.space.shell("ping -n -c 1 -W 2 -M do -s 3900 10.0.1.7").status.success());
    exchange(&[3; 30_000]);
}
