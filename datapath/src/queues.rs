//! How many queues a device has, and what else rtnetlink knows of it.
//!
//! Receive queues of a network card are its ethtool channels. Whether a TAP or TUN device was made
//! for several queues is known to rtnetlink alone, as an attribute of the link.

use crate::error::PortError;
use crate::interface::{self, Asker, Facts, SIOCETHTOOL, request};
use crate::rtnetlink::{LinkAsker, attribute, attributes};

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

/// How many receive queues the interface has: by its channels, or, where its driver does not say,
/// by what rtnetlink knows of it.
pub(crate) fn rx_queues(name: &str, facts: &Facts) -> Result<Option<u32>, PortError> {
    if let Some(channels) = channels(name)? {
        return Ok(Some(channels));
    }
    let answer = link(name, facts.ifindex)?;
    let count = attributes(&answer).and_then(|all| attribute(all, IFLA_NUM_RX_QUEUES));
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
    let info = attributes(&answer).and_then(|all| attribute(all, IFLA_LINKINFO));
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
    let info = attribute(attributes(answer)?, IFLA_LINKINFO)?;
    attribute(info, IFLA_INFO_DATA)
}

/// What rtnetlink says about one link: the whole message.
fn link(name: &str, ifindex: u32) -> Result<Vec<u8>, PortError> {
    let answer = LinkAsker::new().and_then(|asker| asker.ask(ifindex));
    answer.map_err(|e| PortError::from_os(name, "asking rtnetlink about it", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_has_no_channels_but_is_known_to_rtnetlink() {
        assert_eq!(channels("lo").expect("asking is allowed"), None);
        let lo = interface::existing("lo").expect("every namespace has a loopback");
        assert_eq!(rx_queues("lo", &lo).expect("rtnetlink answers"), Some(1));
        assert!(is_multi_queue("lo", &lo).expect("rtnetlink answers"), "nobody says otherwise");
        assert!(matches!(channels("pyx-nosuch"), Err(PortError::NotFound { .. })));
    }
}
