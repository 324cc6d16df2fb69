//! How many queues a device has, and what else rtnetlink knows of it.
//!
//! Receive queues of a network card are its ethtool channels. Whether a TAP or TUN device was made
//! for several queues is known to rtnetlink alone, as an attribute of the link.

use std::io;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{recv, sendto, socket_with};

use crate::error::PortError;
use crate::interface::{self, Asker, Facts, SIOCETHTOOL, request};

const ETHTOOL_GCHANNELS: u32 = 0x3c;

/// The kernel's `struct ethtool_channels`.
#[repr(C)]
#[derive(Default)]
struct Channels {
    cmd: u32,
    max_rx: u32,
    max_tx: u32,
    max_other: u32,
    max_combined: u32,
    rx_count: u32,
    tx_count: u32,
    other_count: u32,
    combined_count: u32,
}

/// How many receive queues the interface has: by its channels, or, where its driver does not say, by
/// what rtnetlink knows of it.
pub(crate) fn rx_queues(name: &str, facts: &Facts) -> Result<Option<u32>, PortError> {
    if let Some(channels) = channels(name)? {
        return Ok(Some(channels));
    }
    let answer = link(name, facts.ifindex)?;
    let attributes = answer.get(NLMSGHDR_LEN + IFINFOMSG_LEN..);
    let count = attributes.and_then(|attributes| attribute(attributes, IFLA_NUM_RX_QUEUES));
    Ok(count.and_then(|value| value.first_chunk()).map(|value| u32::from_ne_bytes(*value)))
}

/// How many channels with a receive queue the interface has, or `None` if its driver does not say.
fn channels(name: &str) -> Result<Option<u32>, PortError> {
    let asker = Asker::new().map_err(|e| PortError::from_os(name, "opening a socket", e))?;
    let mut channels = Channels { cmd: ETHTOOL_GCHANNELS, ..Channels::default() };
    let mut question = request(name);
    question.ifr_ifru.ifru_data = (&raw mut channels).cast();
    match asker.ask(SIOCETHTOOL, &mut question) {
        Ok(()) => Ok(Some((channels.rx_count + channels.combined_count).max(1))),
        Err(e) if e.raw_os_error() == Some(libc::ENODEV) => {
            Err(PortError::NotFound { interface: name.to_owned() })
        }
        Err(_) => Ok(None),
    }
}

/// Bytes of `struct nlmsghdr` and of `struct ifinfomsg`.
const NLMSGHDR_LEN: usize = 16;
const IFINFOMSG_LEN: usize = 16;
/// Bytes of `struct rtattr`, before its value.
const RTATTR_LEN: usize = 4;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NUM_RX_QUEUES: u16 = 32;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_TUN_MULTI_QUEUE: u16 = 7;
const IFLA_TUN_NUM_QUEUES: u16 = 8;
const IFLA_TUN_NUM_DISABLED_QUEUES: u16 = 9;

/// Whether a TAP or TUN device was made for several queues. A kernel that does not say (before
/// Linux 4.18) counts as one that has them: attaching the second queue then tells.
pub(crate) fn is_multi_queue(name: &str, facts: &Facts) -> Result<bool, PortError> {
    let answer = link(name, facts.ifindex)?;
    let told = tun_data(&answer).and_then(|data| attribute(data, IFLA_TUN_MULTI_QUEUE));
    Ok(told.is_none_or(|value| value.first() != Some(&0)))
}

/// Whether rtnetlink knows of a kind of the link, as for every device that it can make: veth,
/// bridge, macvlan, VLAN, bond. Hardware has none, nor has a hypervisor's device.
pub(crate) fn is_made_of_software(name: &str, facts: &Facts) -> Result<bool, PortError> {
    let answer = link(name, facts.ifindex)?;
    let info = answer.get(NLMSGHDR_LEN + IFINFOMSG_LEN..).and_then(|a| attribute(a, IFLA_LINKINFO));
    Ok(info.and_then(|info| attribute(info, IFLA_INFO_KIND)).is_some())
}

/// How many queues of a TAP or TUN device are attached to a descriptor, whoever has it. None for a
/// device of one queue, and from a kernel that does not say (before Linux 4.18).
pub(crate) fn attached_queues(name: &str) -> Result<Option<u32>, PortError> {
    let facts = interface::existing(name)?;
    let answer = link(name, facts.ifindex)?;
    let Some(data) = tun_data(&answer) else { return Ok(None) };
    let count = |wanted| {
        let value = attribute(data, wanted)?.first_chunk::<4>()?;
        Some(u32::from_ne_bytes(*value))
    };
    let disabled = count(IFLA_TUN_NUM_DISABLED_QUEUES).unwrap_or(0);
    Ok(count(IFLA_TUN_NUM_QUEUES).map(|enabled| enabled + disabled))
}

/// What the `tun` driver says of a link.
fn tun_data(answer: &[u8]) -> Option<&[u8]> {
    let info = attribute(answer.get(NLMSGHDR_LEN + IFINFOMSG_LEN..)?, IFLA_LINKINFO)?;
    attribute(info, IFLA_INFO_DATA)
}

/// What rtnetlink says about one link: the whole message.
fn link(name: &str, ifindex: u32) -> Result<Vec<u8>, PortError> {
    ask(ifindex).map_err(|e| PortError::from_os(name, "asking rtnetlink about it", e))
}

fn ask(ifindex: u32) -> io::Result<Vec<u8>> {
    // Protocol 0 of the family is rtnetlink.
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    let len = NLMSGHDR_LEN + IFINFOMSG_LEN;
    let mut question = vec![0; len];
    question[..4].copy_from_slice(&(len as u32).to_ne_bytes());
    question[4..6].copy_from_slice(&RTM_GETLINK.to_ne_bytes());
    question[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    question[20..24].copy_from_slice(&ifindex.to_ne_bytes());
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&socket, &question, SendFlags::empty(), &kernel)?;
    // More than the kernel says about any link that is no virtual function's parent.
    let mut answer = vec![0; 32 << 10];
    let (len, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    answer.truncate(len);
    match answer.get(4..6) {
        Some(kind) if kind == RTM_NEWLINK.to_ne_bytes() => Ok(answer),
        _ => Err(Errno::NODEV.into()),
    }
}

/// The value of the first attribute of this type in a run of netlink attributes.
fn attribute(mut attributes: &[u8], wanted: u16) -> Option<&[u8]> {
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

    #[test]
    fn the_loopback_has_no_channels_but_is_known_to_rtnetlink() {
        assert_eq!(channels("lo").expect("asking is allowed"), None);
        let lo = interface::existing("lo").expect("every namespace has a loopback");
        assert_eq!(rx_queues("lo", &lo).expect("rtnetlink answers"), Some(1));
        assert!(is_multi_queue("lo", &lo).expect("rtnetlink answers"), "nobody says otherwise");
        assert!(matches!(channels("pyx-nosuch"), Err(PortError::NotFound { .. })));
    }
}
