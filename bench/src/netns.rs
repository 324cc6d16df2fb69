//! Network namespaces to measure in: made by iproute2, named `pyx-bench-*`, always taken away.
//!
//! A lab is either two namespaces joined by a veth pair, or one with a TAP device that the subject
//! attaches to and the kernel's address on it. Each is removed when its value goes, which an
//! interrupt and a panic bring about too; what a killed run left behind is removed by the next.
//! Congestion control is cubic whatever the host prefers, so that figures of hosts compare.
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::os::failed;

/// What every name begins with.
pub const PREFIX: &str = "pyx-bench-";
/// The client's end of the pair.
pub const VETH_CLIENT: &str = "pb-va";
/// The subject's end of the pair.
pub const VETH_SUBJECT: &str = "pb-vb";
/// The TAP device.
pub const TAP: &str = "pbtap0";
/// Hardware address of the subject's end of the pair.
pub const VETH_SUBJECT_MAC: &str = "02:77:00:00:00:02";
/// Hardware address of a stack behind the TAP device.
pub const TAP_SUBJECT_MAC: &str = "02:78:00:00:00:02";
const VETH_CLIENT_MAC: &str = "02:77:00:00:00:01";
const TAP_CLIENT_MAC: &str = "02:78:00:00:00:01";
const ALLOWED: &str = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";

/// What a lab is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A veth pair on which the kernel is the subject, offloads on.
    VethKernel,
    /// A veth pair whose subject's end has no kernel address. The client finishes its checksums,
    /// as not every stack in user space takes unfinished ones.
    VethBare,
    /// A TAP device.
    Tap,
}

/// Namespaces and devices for one subject.
pub struct Lab {
    /// Where the client runs.
    pub client: String,
    /// Where the subject runs; the same as the client's for TAP.
    pub subject: String,
    /// What it is made of.
    pub layout: Layout,
}

impl Lab {
    /// Makes the lab called `name`.
    pub fn new(name: &str, layout: Layout, ipv6: bool) -> io::Result<Self> {
        let base = format!("{PREFIX}{}-{name}", std::process::id());
        let lab = match layout {
            Layout::Tap => Self { client: base.clone(), subject: base, layout },
            _ => Self { client: format!("{base}-a"), subject: format!("{base}-b"), layout },
        };
        // From here on dropping the value removes whatever exists.
        add_namespace(&lab.client, ipv6)?;
        if layout == Layout::Tap {
            lab.make_tap(ipv6)?;
        } else {
            add_namespace(&lab.subject, ipv6)?;
            lab.make_veth(ipv6)?;
        }
        Ok(lab)
    }

    fn make_tap(&self, ipv6: bool) -> io::Result<()> {
        let ns = &self.client;
        ip(&format!("-n {ns} tuntap add {TAP} mode tap"))?;
        ip(&format!("-n {ns} link set {TAP} address {TAP_CLIENT_MAC} txqueuelen 10000"))?;
        ip(&format!("-n {ns} addr add 10.78.0.1/24 dev {TAP}"))?;
        if ipv6 {
            ip(&format!("-n {ns} addr add fd00:78::1/64 dev {TAP} nodad"))?;
        }
        ip(&format!("-n {ns} link set {TAP} up"))
    }

    fn make_veth(&self, ipv6: bool) -> io::Result<()> {
        let (a, b) = (&self.client, &self.subject);
        ip(&format!(
            "-n {a} link add {VETH_CLIENT} address {VETH_CLIENT_MAC} type veth \
             peer name {VETH_SUBJECT} address {VETH_SUBJECT_MAC} netns {b}"
        ))?;
        ip(&format!("-n {a} addr add 10.77.0.1/24 dev {VETH_CLIENT}"))?;
        if ipv6 {
            ip(&format!("-n {a} addr add fd00:77::1/64 dev {VETH_CLIENT} nodad"))?;
        }
        if self.layout == Layout::VethKernel {
            ip(&format!("-n {b} addr add 10.77.0.2/24 dev {VETH_SUBJECT}"))?;
            if ipv6 {
                ip(&format!("-n {b} addr add fd00:77::2/64 dev {VETH_SUBJECT} nodad"))?;
            }
        } else {
            // The kernel on the subject's end shall not answer for itself.
            in_namespace(b, &format!("sysctl -qw net.ipv6.conf.{VETH_SUBJECT}.disable_ipv6=1"))?;
            in_namespace(a, &format!("ethtool -K {VETH_CLIENT} tx off"))?;
        }
        ip(&format!("-n {a} link set {VETH_CLIENT} up"))?;
        ip(&format!("-n {b} link set {VETH_SUBJECT} up"))
    }

    /// Has the client take `10.78.0.2` for a neighbour without asking.
    pub fn assume_tap_neighbor(&self) -> io::Result<()> {
        let ns = &self.client;
        ip(&format!("-n {ns} neigh replace 10.78.0.2 lladdr {TAP_SUBJECT_MAC} dev {TAP}"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in [&self.client, &self.subject] {
            remove_namespace(name);
        }
    }
}

/// Removes a namespace if it is there.
pub fn remove_namespace(name: &str) {
    if Path::new("/var/run/netns").join(name).exists() {
        let _ = ip(&format!("netns del {name}"));
    }
}

/// Removes namespaces of runs whose process is gone.
pub fn remove_stale() {
    let Ok(entries) = fs::read_dir("/var/run/netns") else { return };
    for name in entries.flatten().filter_map(|e| e.file_name().into_string().ok()) {
        if is_stale(&name) {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// Whether something of this name belongs to a run whose process is gone.
pub fn is_stale(name: &str) -> bool {
    let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
    let pid = pid.filter(|pid| pid.parse::<u32>().is_ok());
    pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
}

/// While this lives, namespaces may choose cubic; then the host's list is as it was.
pub struct CubicAllowed(Option<String>);

impl CubicAllowed {
    /// Adds cubic to the list if it is missing.
    pub fn new() -> io::Result<Self> {
        let list = fs::read_to_string(ALLOWED)?;
        if list.split_whitespace().any(|name| name == "cubic") {
            return Ok(Self(None));
        }
        fs::write(ALLOWED, format!("{} cubic", list.trim())).map_err(|e| failed(ALLOWED, e))?;
        Ok(Self(Some(list)))
    }
}

impl Drop for CubicAllowed {
    fn drop(&mut self) {
        if let Some(list) = &self.0 {
            let _ = fs::write(ALLOWED, list.trim());
        }
    }
}

/// Adds a namespace with the settings that every measurement has.
pub fn add_namespace(name: &str, ipv6: bool) -> io::Result<()> {
    ip(&format!("netns add {name}"))?;
    let no_v6 = i32::from(!ipv6);
    in_namespace(
        name,
        &format!(
            "sysctl -qw net.ipv6.conf.all.disable_ipv6={no_v6} \
             net.ipv6.conf.default.disable_ipv6={no_v6} net.ipv6.conf.default.accept_dad=0 \
             net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0 \
             net.ipv4.ip_local_port_range=1024\\ 65535 net.ipv4.tcp_tw_reuse=1 \
             net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535 \
             net.ipv4.tcp_no_metrics_save=1 net.ipv4.icmp_ratelimit=0 \
             net.ipv4.tcp_congestion_control=cubic"
        ),
    )?;
    ip(&format!("-n {name} link set lo up"))
}

/// Runs a command in a namespace.
pub fn in_namespace(name: &str, command: &str) -> io::Result<()> {
    ip(&format!("netns exec {name} {command}"))
}

/// Runs ip(8). Arguments part at spaces; a space that belongs to one is escaped.
pub fn ip(command: &str) -> io::Result<()> {
    let spaced = command.replace("\\ ", "\0");
    let arguments = spaced.split_whitespace().map(|word| word.replace('\0', " "));
    let output = Command::new("ip").args(arguments).output().map_err(|e| failed("ip", e))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(failed(&format!("ip {command}"), message.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_left_behind_is_stale() {
        assert!(!is_stale(&format!("pyx-bench-{}-x-a", std::process::id())));
        assert!(is_stale("pyx-bench-4194999"), "beyond the largest process id");
        for foreign in ["pyx-bench-notes", "pyx-other-4194999", "eth"] {
            assert!(!is_stale(foreign), "{foreign}");
        }
    }
}
