//! Hears that something about some link of a network namespace changed (rtnetlink `RTNLGRP_LINK`).
//!
//! What changed is not read out of the messages: whoever is told asks the kernel again. So a
//! message that was lost because the socket's buffer was full costs nothing, and an old one cannot
//! mislead.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// A subscription to the changes of links.
#[derive(Debug)]
pub(crate) struct LinkMonitor(OwnedFd);

/// rtnetlink's mask of `RTNLGRP_LINK`.
const RTMGRP_LINK: u32 = 1;

impl LinkMonitor {
    /// Subscribes to the links of the network namespace that the caller is in.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // The default protocol, 0, is NETLINK_ROUTE.
        let fd = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        bind(&fd, &SocketAddrNetlink::new(0, RTMGRP_LINK))?;
        Ok(Self(fd))
    }

    /// Whether anything changed since the last call.
    pub(crate) fn take_changed(&self) -> bool {
        let mut changed = false;
        loop {
            // A message is as long as it wants; what does not fit here is thrown away with it.
            match recv(&self.0, &mut [0u8; 16][..], RecvFlags::TRUNC) {
                Ok(_) => changed = true,
                // Messages were lost: something changed.
                Err(Errno::NOBUFS) => changed = true,
                Err(Errno::INTR) => {}
                Err(_) => return changed,
            }
        }
    }
}

impl AsFd for LinkMonitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
