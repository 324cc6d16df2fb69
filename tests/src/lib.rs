//! A laboratory for end-to-end tests: network namespaces, the daemon in one of them, and the Linux
//! kernel's own stack as the peer.
//!
//! [`Lab::start`] makes a namespace, a device for the chosen [`Backend`], gives the kernel's side
//! 10.0.1.1/24 and 2001:db8:0:1::1/64, and starts `pytcp-xdp` as 10.0.1.7 and 2001:db8:0:1::7 with
//! the demo services. Dropping it ends the daemon and removes the namespace. Needs root.

#![forbid(unsafe_code)]

mod capture;
mod daemon;
mod lab;
mod netns;
mod pattern;
mod tcpdump;
mod through;

pub use capture::{Capture, Header};
pub use daemon::{Daemon, binary, eventually};
pub use lab::{Backend, FAMILIES, Family, HOST_V4, HOST_V6, Lab, STACK_V4, STACK_V6};
pub use netns::Namespace;
pub use pattern::Pattern;
pub use tcpdump::Tcpdump;
pub use through::Through;
