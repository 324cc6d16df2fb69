//! The daemon and the kernel's stack with a middlebox between them.
//!
//! The peer's kernel has a namespace to itself; the daemon and the middlebox share another, in
//! which no device has an address. A TAP device stands in a bridge there, because the segments of
//! up to 64 KiB that the daemon writes are cut to wire frames where the bridge's other leg sends
//! them.

use middlebox::{Path, Paths, Running};

use crate::{Backend, Daemon, Namespace};

const PEER: &str = "host7";
const TO_PEER: &str = "to-host";
const TO_STACK: &str = "to-stack";
const LEG: &str = "leg7";

/// A laboratory whose path loses, delays, reorders and duplicates.
#[derive(Debug)]
pub struct Through {
    /// The daemon.
    pub daemon: Daemon,
    /// Where the kernel's stack is the peer, with the addresses of [`crate::FAMILIES`].
    pub peer: Namespace,
    middle: Namespace,
}

impl Through {
    /// The device that carries the peer's addresses.
    pub const DEVICE: &str = PEER;

    /// A laboratory over `backend` with the demo services. Nothing gets through before
    /// [`Through::path`].
    ///
    /// # Panics
    /// Where a device cannot be made, or for [`Backend::Tun`], which has no Ethernet frames.
    #[must_use]
    pub fn start(label: &str, backend: Backend) -> Self {
        let (peer, middle) =
            (Namespace::new(&format!("{label}-peer")), Namespace::new(&format!("{label}-middle")));
        sh(&middle, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
        middle.ip(&format!("link add {TO_PEER} type veth peer name {PEER} netns {}", peer.name()));
        match backend {
            Backend::Xdp => {
                middle.ip(&format!("link add {TO_STACK} type veth peer name {}", backend.device()));
            }
            Backend::Tap => {
                middle.ip(&format!("link add {TO_STACK} type veth peer name {LEG}"));
                middle.ip("tuntap add tap7 mode tap");
                middle.ip("link add br0 type bridge forward_delay 0 mcast_snooping 0");
                middle.ip("link set tap7 master br0");
                middle.ip(&format!("link set {LEG} master br0"));
                middle.ip(&format!("link set {LEG} up"));
                middle.ip("link set br0 up");
                finish_frames(&middle, LEG);
            }
            Backend::Tun => panic!("a middlebox joins Ethernet devices"),
        }
        for device in [TO_PEER, TO_STACK, backend.device()] {
            middle.ip(&format!("link set {device} up"));
        }
        finish_frames(&peer, PEER);
        peer.ip(&format!("address add 10.0.1.1/24 dev {PEER}"));
        peer.ip(&format!("address add 2001:db8:0:1::1/64 dev {PEER} nodad"));
        peer.ip(&format!("link set {PEER} up"));
        let mut args = vec!["--iface", backend.device()];
        if backend == Backend::Xdp {
            args.extend(["--backend", "xdp"]);
        }
        args.extend(["--address", "10.0.1.7/24", "--address", "2001:db8:0:1::7/64", "--demo"]);
        let daemon = Daemon::start(&middle, &args);
        Self { daemon, peer, middle }
    }

    /// Joins both sides by `path`, the same in both directions, until the value goes.
    ///
    /// # Panics
    /// Where `path` cannot be read or the devices cannot be joined.
    #[must_use]
    pub fn path(&self, path: &str, seed: u64) -> Running {
        let path: Path = path.parse().expect("a path");
        let paths = Paths::both(path, seed);
        Running::start(self.middle.name(), [TO_STACK, TO_PEER], &paths).expect("a middlebox")
    }
}

/// Has the kernel cut segments and finish checksums before `device` sends them.
fn finish_frames(space: &Namespace, device: &str) {
    sh(space, &format!("ethtool -K {device} tx off tso off gso off"));
}

fn sh(space: &Namespace, line: &str) {
    let out = space.shell(line);
    assert!(out.status.success(), "{line}: {}", String::from_utf8_lossy(&out.stderr));
}
