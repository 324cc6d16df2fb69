//! What rtnetlink says of a link.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{recv, sendto, socket_with};

/// Bytes of `struct nlmsghdr` and of `struct ifinfomsg`.
const NLMSGHDR_LEN: usize = 16;
const IFINFOMSG_LEN: usize = 16;
/// Bytes of `struct rtattr`, before its value.
const RTATTR_LEN: usize = 4;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const IFLA_STATS64: u16 = 23;
/// Which of the numbers in `struct rtnl_link_stats64` are frames given to the device that it
/// dropped (`tx_dropped`).
const TX_DROPPED: usize = 7;

/// A socket to ask about links of the network namespace where it was made. One question at a time.
#[derive(Debug)]
pub(crate) struct LinkAsker(OwnedFd);

impl LinkAsker {
    pub(crate) fn new() -> io::Result<Self> {
        // Protocol 0 of the family is rtnetlink.
        let flags = SocketFlags::CLOEXEC;
        Ok(Self(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?))
    }

    /// What is said about one link: the whole message.
    pub(crate) fn ask(&self, ifindex: u32) -> io::Result<Vec<u8>> {
        let len = NLMSGHDR_LEN + IFINFOMSG_LEN;
        let mut question = vec![0; len];
        question[..4].copy_from_slice(&(len as u32).to_ne_bytes());
        question[4..6].copy_from_slice(&RTM_GETLINK.to_ne_bytes());
        question[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
        question[20..24].copy_from_slice(&ifindex.to_ne_bytes());
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.0, &question, SendFlags::empty(), &kernel)?;
        // More than the kernel says about any link that is no virtual function's parent.
        let mut answer = vec![0; 32 << 10];
        let (len, _) = recv(&self.0, &mut answer[..], RecvFlags::empty())?;
        answer.truncate(len);
        match answer.get(4..6) {
            Some(kind) if kind == RTM_NEWLINK.to_ne_bytes() => Ok(answer),
            _ => Err(Errno::NODEV.into()),
        }
    }
}

/// The attributes in what was said about a link.
pub(crate) fn attributes(answer: &[u8]) -> Option<&[u8]> {
    answer.get(NLMSGHDR_LEN + IFINFOMSG_LEN..)
}

/// Frames that were given to the link's device and that it dropped.
pub(crate) fn tx_dropped(answer: &[u8]) -> Option<u64> {
    let statistics = attribute(attributes(answer)?, IFLA_STATS64)?;
    let number = statistics.get(TX_DROPPED * size_of::<u64>()..)?.first_chunk()?;
    Some(u64::from_ne_bytes(*number))
}

/// The value of the first attribute of this type in a run of netlink attributes.
pub(crate) fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
    /// The two bits of a type that are flags: nested, and in network byte order.
    const FLAGS: u16 = 0xc000;
    loop {
        let header = attributes.first_chunk::<RTATTR_LEN>()?;
        let len = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & !FLAGS;
        let value = attributes.get(RTATTR_LEN..len)?;
        if kind == wanted {
            return Some(value);
        }
        attributes = attributes.get(len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_and_nonsense_is_not_followed() {
        let run = [5, 0, 1, 0, 9, 0, 0, 0, 8, 0, 2, 0x80, 1, 2, 3, 4].map(|byte: u8| byte);
        assert_eq!(attribute(&run, 1), Some(&[9][..]));
        assert_eq!(attribute(&run, 2), Some(&[1, 2, 3, 4][..]));
        assert_eq!(attribute(&run, 3), None);
        for len in [0, 1, 3, 200] {
            assert_eq!(attribute(&[len, 0, 7, 0, 1], 9), None, "length {len}");
        }
    }
}
