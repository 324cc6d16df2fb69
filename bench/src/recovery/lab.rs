//! A contender's way to its peer: a namespace with the peer's kernel, one with the middlebox, and
//! the contender on the other side of that.
//!
//! ```text
//! kernel:  [ pb-sub ]----[ pb-ms  middlebox  pb-mp ]----[ pb-peer ]
//! AF_XDP:  [ pb-sub        pb-ms  middlebox  pb-mp ]----[ pb-peer ]
//! TAP:     [ TAP bridge pb-leg  pb-ms  middlebox  pb-mp ]----[ pb-peer ]
//! ```
//!
//! No kernel address is beside the middlebox. Devices that a kernel sends from finish checksums and
//! cut segments themselves, so that the middlebox sees what a wire would; for TAP that is the
//! bridge's leg, which is given the 64 KiB segments that our stack writes.
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use middlebox::{Paths, Running};
use serde_json::Value;

use super::cell::{Cell, Peer};
use crate::child::{Child, Scratch};
use crate::netns::{PREFIX, add_namespace, in_namespace, ip, remove_namespace};
use crate::os::failed;

const PEER: &str = "pb-peer";
const TO_PEER: &str = "pb-mp";
const SUBJECT: &str = "pb-sub";
const TO_SUBJECT: &str = "pb-ms";
const LEG: &str = "pb-leg";
const TAP: &str = "pbtap0";
/// Seconds beyond a transfer that a client may take: the handshake is on the bad path too.
const SLACK: f64 = 15.0;
/// Seconds a contender may live.
const LIFE: f64 = 14_400.0;
/// How long the path stays after a transfer, so that the sender learns of its end.
const AFTERWARDS: Duration = Duration::from_millis(300);

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The kernel.
    Kernel,
    /// Ours over a TAP device.
    Tap,
    /// Ours over AF_XDP.
    Xdp,
}

/// All of them; the first is what the others are compared with.
pub const CONTENDERS: [Contender; 3] = [Contender::Kernel, Contender::Tap, Contender::Xdp];

impl Contender {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Tap => "ours, TAP",
            Self::Xdp => "ours, AF_XDP",
        }
    }

    const fn slug(self) -> &'static str {
        match self {
            Self::Kernel => "k",
            Self::Tap => "t",
            Self::Xdp => "x",
        }
    }
}

/// The namespaces of one contender, and the contender in them.
pub struct Lab {
    /// Who sends here.
    pub contender: Contender,
    peer: String,
    middle: String,
    /// Where the contender runs: beside the middlebox unless it is the kernel.
    subject: String,
    log: std::path::PathBuf,
    process: Option<Child>,
}

impl Lab {
    /// Makes the lab number `lane` of `contender` and starts it.
    pub fn new(
        contender: Contender,
        lane: usize,
        daemon: &Path,
        scratch: &Scratch,
    ) -> io::Result<Self> {
        let slug = format!("{lane}{}", contender.slug());
        let base = format!("{PREFIX}{}-{slug}", std::process::id());
        let middle = format!("{base}-m");
        let subject =
            if contender == Contender::Kernel { format!("{base}-s") } else { middle.clone() };
        let mut lab = Self {
            contender,
            peer: format!("{base}-p"),
            middle,
            subject,
            log: scratch.path(&format!("{slug}.log")),
            process: None,
        };
        // From here on dropping the value removes whatever exists.
        lab.make_devices()?;
        let socket = scratch.path(&format!("{slug}.sock"));
        let arguments = lab.arguments(daemon, &socket);
        lab.process =
            Some(Child::start(&arguments, &scratch.path(&format!("{slug}-subject.log")))?);
        let running = lab.middlebox(&Paths::default())?;
        let ready = lab.client("probe", false, 1.0);
        running.stop()?;
        if let Err(error) = ready {
            return Err(failed(contender.name(), format!("{error}; {}", lab.subject_state())));
        }
        Ok(lab)
    }

    fn make_devices(&self) -> io::Result<()> {
        let (peer, middle) = (&self.peer, &self.middle);
        add_namespace(peer, true)?;
        add_namespace(middle, false)?;
        pair(middle, TO_PEER, peer, PEER)?;
        wire_frames(peer, PEER)?;
        address(peer, PEER, 1)?;
        match self.contender {
            Contender::Kernel => {
                add_namespace(&self.subject, true)?;
                pair(middle, TO_SUBJECT, &self.subject, SUBJECT)?;
                wire_frames(&self.subject, SUBJECT)?;
                address(&self.subject, SUBJECT, 2)?;
            }
            Contender::Xdp => pair(middle, TO_SUBJECT, middle, SUBJECT)?,
            Contender::Tap => {
                pair(middle, TO_SUBJECT, middle, LEG)?;
                wire_frames(middle, LEG)?;
                ip(&format!("-n {middle} tuntap add {TAP} mode tap"))?;
                ip(&format!(
                    "-n {middle} link add pb-br type bridge forward_delay 0 mcast_snooping 0"
                ))?;
                for device in [TAP, LEG] {
                    ip(&format!("-n {middle} link set {device} master pb-br"))?;
                }
                for device in [TAP, "pb-br"] {
                    ip(&format!("-n {middle} link set {device} up"))?;
                }
            }
        }
        for namespace in [peer, &self.subject] {
            in_namespace(
                namespace,
                "sysctl -qw net.ipv4.tcp_rmem=4096\\ 131072\\ 6291456 \
                 net.ipv4.tcp_wmem=4096\\ 16384\\ 6291456",
            )?;
        }
        Ok(())
    }

    fn arguments(&self, daemon: &Path, socket: &Path) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut add = |more: &[&str]| words.extend(more.iter().map(|w| (*w).to_owned()));
        let role = if self.contender == Contender::Kernel { "kernel" } else { "exec" };
        add(&[role, "--ns", &self.subject, "--life", &LIFE.to_string()]);
        let interface: &[&str] = match self.contender {
            Contender::Kernel => return words,
            Contender::Tap => &["--iface", TAP],
            Contender::Xdp => &["--iface", SUBJECT, "--backend", "xdp"],
        };
        add(&["--", &daemon.to_string_lossy()]);
        add(interface);
        add(&["--address", &format!("{}/24", host(false, 2))]);
        add(&["--address", &format!("{}/64", host(true, 2))]);
        add(&["--bench-services", "--ipc-socket", &socket.to_string_lossy()]);
        words
    }

    /// One transfer: what the client saw, with what the middlebox did beside it.
    pub fn transfer(&mut self, cell: &Cell, paths: &Paths, secs: f64) -> io::Result<Value> {
        self.set_peer(cell.peer)?;
        let running = self.middlebox(paths)?;
        let result = self.client("goodput", cell.ipv6, secs);
        std::thread::sleep(AFTERWARDS);
        let [forth, back] = running.stop()?;
        let mut result = match result {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                return Err(failed(&e.to_string(), self.subject_state()));
            }
            result => result?,
        };
        if forth.too_long + back.too_long > 0 {
            return Err(io::Error::other("frames that no wire carries: an offload is on"));
        }
        result["middlebox"] = serde_json::json!({ "data": forth, "acks": back });
        Ok(result)
    }

    fn set_peer(&self, peer: Peer) -> io::Result<()> {
        in_namespace(&self.peer, &format!("sysctl -qw {}", peer.settings()))
    }

    fn middlebox(&self, paths: &Paths) -> io::Result<Running> {
        Running::start(&self.middle, [TO_SUBJECT, TO_PEER], paths)
    }

    fn client(&self, action: &str, ipv6: bool, secs: f64) -> io::Result<Value> {
        let life = secs + SLACK;
        let (to, secs, ends) = (host(ipv6, 2).to_string(), secs.to_string(), life.to_string());
        let words = ["client", "--ns", &self.peer, "--life", &ends, action, "--to", &to, "--secs"];
        let mut arguments: Vec<String> = words.map(String::from).to_vec();
        arguments.push(secs);
        Child::start(&arguments, &self.log)?.result(Duration::from_secs_f64(life))
    }

    fn subject_state(&mut self) -> String {
        let Some(process) = &mut self.process else { return "the subject never ran".into() };
        let state = if process.alive() { "runs" } else { "ended" };
        format!("the subject {state}: {}", process.last_words())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.process = None;
        for name in [&self.peer, &self.middle, &self.subject] {
            remove_namespace(name);
        }
    }
}

/// The peer is host 1, the contender host 2.
fn host(ipv6: bool, number: u8) -> IpAddr {
    if ipv6 {
        return Ipv6Addr::new(0xfd00, 0x79, 0, 0, 0, 0, 0, number.into()).into();
    }
    Ipv4Addr::new(10, 79, 0, number).into()
}

fn address(namespace: &str, device: &str, number: u8) -> io::Result<()> {
    ip(&format!("-n {namespace} addr add {}/24 dev {device}", host(false, number)))?;
    ip(&format!("-n {namespace} addr add {}/64 dev {device} nodad", host(true, number)))
}

/// A veth pair, both ends up.
fn pair(ns: &str, device: &str, other_ns: &str, other: &str) -> io::Result<()> {
    ip(&format!("-n {ns} link add {device} type veth peer name {other} netns {other_ns}"))?;
    ip(&format!("-n {ns} link set {device} up"))?;
    ip(&format!("-n {other_ns} link set {other} up"))
}

/// Has the kernel finish what it sends from `device`.
fn wire_frames(namespace: &str, device: &str) -> io::Result<()> {
    in_namespace(namespace, &format!("ethtool -K {device} tx off tso off gso off"))
}
