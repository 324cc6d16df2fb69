//! The kernel pings us, small, large and fragmented, over every backend and family.
//! Rows: ICMPS-01, ARPS-01, NDS-01.

use tests::{Backend, FAMILIES, Lab};

fn pings(backend: Backend) {
    let lab = Lab::start("ping", backend);
    for family in FAMILIES {
        for size in [0, 56, 1400, 4000, 20_000] {
            let line = format!("ping -n -c 4 -i 0.05 -W 2 -s {size} {}", family.stack);
            let out = lab.space.shell(&line);
            let said = String::from_utf8_lossy(&out.stdout);
            assert!(out.status.success() && said.contains(" 0% packet loss"), "{line}: {said}");
        }
    }
    let neighbors = lab.daemon.records("neighbor");
    match backend {
        Backend::Tun => assert!(neighbors.is_empty(), "a TUN device has no neighbours"),
        Backend::Tap | Backend::Xdp => {
            assert!(neighbors.iter().any(|n| n["address"] == "10.0.1.1"), "{neighbors:?}");
        }
    }
}

#[test]
fn ping_over_tap() {
    pings(Backend::Tap);
}

#[test]
fn ping_over_tun() {
    pings(Backend::Tun);
}

#[test]
fn ping_over_af_xdp() {
    pings(Backend::Xdp);
}

/// The kernel learns nothing of an address that nobody has.
#[test]
fn no_answer_for_an_address_that_is_not_ours() {
    let lab = Lab::start("ping-none", Backend::Tap);
    let out = lab.space.shell("ping -n -c 1 -W 1 10.0.1.8");
    assert!(!out.status.success());
    let drops = lab.daemon.records("stats");
    assert!(!drops.is_empty());
}
