//! Why a port could not be opened or steered: one clear line each.
//!
//! Every variant names the interface and what was being done to it; the ones that come from the
//! kernel carry its answer. Nothing here is for the packet path: a frame that cannot be sent or
//! received is a counter in [`crate::PortStats`], never an error.

use std::io;

/// Why a port could not be opened or steered.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Not a name the kernel accepts for an interface.
    #[error("{name:?} is not an interface name: 1 to 15 bytes without '/', ':' and spaces")]
    BadName {
        /// What was given.
        name: String,
    },
    /// There is no such interface, and it was not asked to be created (or cannot be).
    #[error("{interface}: no such interface")]
    NotFound {
        /// The interface.
        interface: String,
    },
    /// The process lacks a capability.
    #[error("{interface}: {what}: not permitted ({needs} is needed)")]
    NotPermitted {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// The capability or permission that would allow it.
        needs: &'static str,
    },
    /// Somebody else holds the device, the queue, or the interface's XDP hook.
    #[error("{interface}: {what}: busy ({holder})")]
    Busy {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// Who holds it, as far as that is known.
        holder: &'static str,
    },
    /// The interface exists but is of another kind.
    #[error("{interface}: is {found}, not {wanted}")]
    WrongKind {
        /// The interface.
        interface: String,
        /// What it is.
        found: String,
        /// What was asked for.
        wanted: &'static str,
    },
    /// A TAP or TUN device that was made for one queue cannot have more.
    #[error(
        "{interface}: was made for one queue, {queues} are asked for; make it with \
         `ip tuntap add {interface} mode {kind} multi_queue`, or ask for one"
    )]
    SingleQueue {
        /// The interface.
        interface: String,
        /// How many queues were asked for.
        queues: u32,
        /// `tap` or `tun`.
        kind: &'static str,
    },
    /// An XDP port is asked for more queues than the device has.
    #[error(
        "{interface}: has {has} receive queue(s), {asked} are asked for; `ethtool -L {interface}` \
         may give it more"
    )]
    FewQueues {
        /// The interface.
        interface: String,
        /// How many it has.
        has: u32,
        /// How many it would need for what was asked for.
        asked: u32,
    },
    /// Flows arrive on more queues than an XDP port can serve.
    #[error(
        "{interface}: has {has} receive queues, of which {most} can be served: give it fewer by \
         `ethtool -L {interface} combined {most}`"
    )]
    ManyQueues {
        /// The interface.
        interface: String,
        /// How many it has.
        has: u32,
        /// How many can be served.
        most: u32,
    },
    /// XDP works on frames that lie in one buffer.
    #[error("{interface}: MTU {mtu} is too large for XDP frames of one buffer (at most {max})")]
    MtuTooLarge {
        /// The interface.
        interface: String,
        /// Its MTU.
        mtu: u32,
        /// The largest one that works.
        max: u32,
    },
    /// A number in the configuration makes no sense.
    #[error("{interface}: {what}")]
    BadConfig {
        /// The interface.
        interface: String,
        /// Which, and why.
        what: &'static str,
    },
    /// The kernel refused, with its reason.
    #[error("{interface}: {what}: {source}")]
    Os {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The XDP program or one of its maps was refused.
    #[error("{interface}: {what}: {message}")]
    Program {
        /// The interface.
        interface: String,
        /// What was tried.
        what: &'static str,
        /// The loader's or verifier's words, on one line.
        message: String,
    },
}

impl PortError {
    /// Sorts the kernel's answer into the variant that tells a person most.
    pub(crate) fn from_os(interface: &str, what: &'static str, source: io::Error) -> Self {
        let interface = interface.to_owned();
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => {
                Self::NotPermitted { interface, what, needs: "root or CAP_NET_ADMIN" }
            }
            Some(libc::EBUSY) => Self::Busy { interface, what, holder: "another user of it" },
            Some(libc::ENODEV | libc::ENXIO) => Self::NotFound { interface },
            _ => Self::Os { interface, what, source },
        }
    }
}
