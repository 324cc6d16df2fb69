//! What a device or a ring lost before the stack saw it is a number with a name.

use std::net::{Ipv4Addr, UdpSocket};

use rustix::process::Signal;
use serde_json::Value;
use tests::{Backend, HOST_V4, Lab, STACK_V4, eventually};

/// Datagrams that the kernel sends while the daemon stands still.
const SENT: u64 = 6000;

fn loss(link: &Value, name: &str) -> u64 {
    link["losses"][name].as_u64().unwrap_or_else(|| panic!("no counter {name}: {link}"))
}

/// The daemon stands still while datagrams are sent to `to`; returns how its link stands before and
/// after.
fn flood(lab: &Lab, to: Ipv4Addr) -> (Value, Value) {
    let ping = || lab.space.shell(&format!("ping -n -c 1 -W 1 {STACK_V4}")).status.success();
    assert!(eventually(10, ping), "before");
    let before = lab.link();
    let sender = lab.space.inside(|| UdpSocket::bind((HOST_V4, 0)).expect("bind"));
    sender.set_broadcast(true).expect("broadcasts");
    lab.daemon.signal(Signal::STOP);
    for _ in 0..SENT {
        sender.send_to(&[b'x'; 100], (to, 4444)).expect("sent");
    }
    lab.daemon.signal(Signal::CONT);
    assert!(eventually(10, ping), "after");
    (before, lab.link())
}

/// RUN-03, STAT-01.
#[test]
fn a_full_queue_of_a_tap_is_counted() {
    let lab = Lab::start("losstap", Backend::Tap);
    let (before, after) = flood(&lab, Ipv4Addr::new(10, 0, 1, 7));
    let full = loss(&after, "queue_full") - loss(&before, "queue_full");
    assert!(full > SENT / 4 && full < SENT, "{after}");
    let dropped = |link: &Value| link["stats"]["rx_dropped"].as_u64().expect("a number");
    assert!(dropped(&after) - dropped(&before) >= full, "{after}");
}

/// RUN-03, STAT-01.
#[test]
fn full_and_empty_rings_of_af_xdp_are_counted() {
    for more in [&[][..], &["--layout", "split"]] {
        let lab = Lab::with("lossxdp", Backend::Xdp, more);
        let (before, after) = flood(&lab, Ipv4Addr::new(10, 0, 1, 7));
        let of = |name: &str| loss(&after, name) - loss(&before, name);
        let lost = of("rx_ring_full") + of("rx_dropped");
        assert!(lost > SENT / 4 && lost < SENT, "{after}");
        assert!(of("rx_ring_full") > 0 || of("rx_fill_ring_empty") > 0, "{after}");
        assert_eq!(of("rx_invalid_descs") + of("tx_invalid_descs"), 0, "{after}");
        let dropped = |link: &Value| link["stats"]["rx_dropped"].as_u64().expect("a number");
        assert!(dropped(&after) - dropped(&before) >= lost, "{after}");
    }
}

#[test]
fn group_frames_that_found_no_room_are_counted() {
    let lab = Lab::with("lossgrp", Backend::Xdp, &["--steering", "shared"]);
    let (before, after) = flood(&lab, Ipv4Addr::BROADCAST);
    let full = loss(&after, "group_ring_full") - loss(&before, "group_ring_full");
    assert!(full > SENT / 2 && full < SENT, "{after}");
}
