//! The subjects: which stack on which device, where it is found, and how it is started.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use crate::figure::Figure;
use crate::netns::{Lab, Layout, TAP, TAP_SUBJECT_MAC, VETH_SUBJECT, VETH_SUBJECT_MAC};

/// The core that clients and loads run on.
pub const CLIENT_CORE: usize = 0;
/// The core that subjects run on.
pub const SUBJECT_CORE: usize = 1;

/// Whose stack it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// The kernel's, with everything it offers.
    Kernel,
    /// The kernel's with a program on the interface that passes every frame.
    KernelPass,
    /// smoltcp.
    Smoltcp,
    /// The bare responder.
    Bare,
    /// Ours.
    Ours,
}

/// A stack on a device: a row of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Whose stack.
    pub stack: Stack,
    /// What it runs on.
    pub layout: Layout,
}

const fn subject(stack: Stack, layout: Layout) -> Subject {
    Subject { stack, layout }
}

/// All subjects, neighbours being those that are compared.
pub const SUBJECTS: &[Subject] = &[
    subject(Stack::Kernel, Layout::VethKernel),
    subject(Stack::KernelPass, Layout::VethKernel),
    subject(Stack::Smoltcp, Layout::Tap),
    subject(Stack::Bare, Layout::Tap),
    subject(Stack::Ours, Layout::Tap),
    subject(Stack::Smoltcp, Layout::VethBare),
    subject(Stack::Bare, Layout::VethBare),
    subject(Stack::Ours, Layout::VethBare),
];

/// What starting a subject needs besides its lab.
pub struct Start<'a> {
    /// Where it runs.
    pub lab: &'a Lab,
    /// Whether it spins.
    pub busy: bool,
    /// Seconds it may live.
    pub life: f64,
    /// Our daemon.
    pub daemon: Option<&'a Path>,
    /// Where our daemon listens for its control clients.
    pub socket: PathBuf,
    /// Whether addresses of IPv6 are wanted.
    pub ipv6: bool,
}

impl Subject {
    /// Its row's name.
    pub fn name(&self) -> String {
        let stack = match self.stack {
            Stack::Kernel => return "kernel, veth, offloads on".into(),
            Stack::KernelPass => return "kernel, veth, XDP_PASS".into(),
            Stack::Smoltcp => "smoltcp",
            Stack::Bare => "bare responder",
            Stack::Ours => "ours",
        };
        match self.layout {
            Layout::Tap => format!("{stack}, TAP"),
            Layout::VethKernel | Layout::VethBare => format!("{stack}, AF_XDP"),
        }
    }

    /// Its name in file and namespace names.
    pub fn slug(&self) -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        self.name().replace(", ", "-").chars().map(keep).collect()
    }

    /// Where clients find it.
    pub fn address(&self, ipv6: bool) -> IpAddr {
        let net = if self.layout == Layout::Tap { 78 } else { 77 };
        if ipv6 {
            let segment = if net == 78 { 0x78 } else { 0x77 };
            return Ipv6Addr::new(0xfd00, segment, 0, 0, 0, 0, 0, 2).into();
        }
        Ipv4Addr::new(10, net, 0, 2).into()
    }

    /// Whether it can be measured by `figure`.
    pub fn serves(&self, figure: &Figure) -> bool {
        // The bare responder speaks IPv4 only.
        !(figure.ipv6 && self.stack == Stack::Bare)
    }

    /// What its figures are compared with: what shows the ceiling of its device, and the peer.
    pub fn compared_with(&self) -> Vec<Self> {
        let same_device = |stack| Self { stack, layout: self.layout };
        match self.stack {
            Stack::Ours => vec![same_device(Stack::Bare), same_device(Stack::Smoltcp)],
            _ => Vec::new(),
        }
    }

    /// The arguments of this executable that start it.
    pub fn arguments(&self, start: &Start<'_>) -> Vec<String> {
        let role = match self.stack {
            Stack::Kernel | Stack::KernelPass => "kernel",
            Stack::Smoltcp => "smoltcp",
            Stack::Bare => "bare",
            Stack::Ours => "exec",
        };
        let mut arguments = place(role, &start.lab.subject, SUBJECT_CORE, start.life);
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(|w| (*w).to_owned()));
        match self.stack {
            Stack::Ours => {
                let daemon = start.daemon.unwrap_or(Path::new("pytcp-xdp"));
                add(&["--", &daemon.to_string_lossy()]);
                arguments.extend(self.daemon_arguments(start));
                return arguments;
            }
            Stack::Kernel => {}
            Stack::KernelPass => add(&["--pass", VETH_SUBJECT]),
            Stack::Smoltcp | Stack::Bare => {
                let (device, interface, mac) = match self.layout {
                    Layout::Tap => ("tap", TAP, TAP_SUBJECT_MAC),
                    _ => ("xdp", VETH_SUBJECT, VETH_SUBJECT_MAC),
                };
                let address = self.address(false).to_string();
                add(&["--device", device, "--interface", interface, "--mac", mac]);
                add(&["--address", &address]);
                if start.ipv6 {
                    add(&["--address6", &self.address(true).to_string()]);
                }
            }
        }
        if start.busy {
            add(&["--busy"]);
        }
        arguments
    }

    fn daemon_arguments(&self, start: &Start<'_>) -> Vec<String> {
        let mut words: Vec<String> = match self.layout {
            Layout::Tap => vec!["--iface".into(), TAP.into()],
            _ => ["--iface", VETH_SUBJECT, "--backend", "xdp"].map(String::from).to_vec(),
        };
        words.extend(["--address".into(), format!("{}/24", self.address(false))]);
        if start.ipv6 {
            words.extend(["--address".into(), format!("{}/64", self.address(true))]);
        }
        words.extend(["--bench-services", "--cores", "1", "--ipc-socket"].map(String::from));
        words.push(start.socket.to_string_lossy().into_owned());
        if start.busy {
            words.push("--busy-poll".into());
        }
        words
    }
}

/// The arguments that every role begins with.
pub fn place(role: &str, ns: &str, core: usize, life: f64) -> Vec<String> {
    let (core, life) = (core.to_string(), life.to_string());
    [role, "--ns", ns, "--pin", &core, "--life", &life].map(String::from).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_make_short_slugs() {
        let mut slugs: Vec<String> = SUBJECTS.iter().map(Subject::slug).collect();
        assert!(slugs.iter().all(|s| s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')));
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), SUBJECTS.len());
    }

    #[test]
    fn ours_is_compared_on_its_own_device() {
        let ours = subject(Stack::Ours, Layout::Tap);
        assert!(ours.compared_with().iter().all(|s| s.layout == Layout::Tap));
    }
}
