//! Socketpairs between the daemon and a client.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// Makes a socketpair; ours is the first, and it never blocks.
pub(super) fn pair(kind: SocketType) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    // Only our end: the client chooses for its own.
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}
