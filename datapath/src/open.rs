//! Opening ports: by a device's name, or two that are joined in memory.

use std::io;

use crate::config::{Backend, PortConfig, PortInfo, Sharing};
use crate::error::PortError;
use crate::interface::Facts;
use crate::link::PortLink;
use crate::pair::{self, PairConfig};
use crate::port::{Device, Port};
use crate::side::PortSide;
use crate::{interface, queues, tap, xsk};

/// Most shards that a port can serve.
pub const SHARDS_MAX: usize = 64;

/// A port of one queue, its link to each shard in the order of their numbers, and what it is.
pub type OpenPort = (Port, Vec<PortLink>, PortInfo);

/// Opens the port that `config` describes, for one shard.
///
/// # Errors
/// Those of [`open_queues`].
pub fn open(config: &PortConfig) -> Result<(Port, PortLink, PortInfo), PortError> {
    let ports = open_queues(config, 1, 1)?;
    let first = ports.into_iter().next().and_then(single);
    first.ok_or_else(|| PortError::NotFound { interface: config.name.clone() })
}

/// A port that has one link.
fn single((port, links, info): OpenPort) -> Option<(Port, PortLink, PortInfo)> {
    Some((port, links.into_iter().next()?, info))
}

/// Opens `queues` ports on one interface, each joined to each of `shards` shards: the queues of a
/// TAP or TUN device, or those of an interface from [`PortConfig::queue`] on, which then share its
/// XDP program and the steering of it. [`default_queues`] says how many suit the device.
///
/// # Errors
/// Where a number or the name makes no sense, where the interface is not there, is of another kind,
/// has too few queues or is held by somebody else, and where a permission is missing.
pub fn open_queues(
    config: &PortConfig,
    queues: u32,
    shards: usize,
) -> Result<Vec<OpenPort>, PortError> {
    interface::check_name(&config.name)?;
    let bad = |what| PortError::BadConfig { interface: config.name.clone(), what };
    if queues == 0 || queues > bpf::QUEUES_MAX {
        return Err(bad("the number of queues must be 1 to 64"));
    }
    if shards == 0 || shards > SHARDS_MAX {
        return Err(bad("the number of shards must be 1 to 64"));
    }
    let backend = resolve(config)?;
    if backend != Backend::Xdp && config.sharing != Sharing::Auto {
        return Err(bad("only an XDP port can be told what to take from the kernel"));
    }
    let port = |device, side: PortSide| {
        let port = Port::new(device, side);
        port.map_err(|e| PortError::from_os(&config.name, "making its bell", e))
    };
    let mut ports = Vec::new();
    match backend {
        backend @ (Backend::Tap | Backend::Tun) => {
            for (device, side, links, info) in tap::open(config, backend, queues, shards)? {
                ports.push((port(Device::Tap(device), side)?, links, info));
            }
        }
        Backend::Xdp => {
            for (device, side, links, info) in xsk::open(config, queues, shards)? {
                ports.push((port(Device::Xsk(Box::new(device)), side)?, links, info));
            }
        }
        Backend::Pair | Backend::Auto => return Err(bad("a pair is not opened by name")),
    }
    Ok(ports)
}

/// How many queues to open for `shards` shards, where nobody said. For XDP all that the device has
/// from [`PortConfig::queue`] on: it puts flows on each of them. A TAP or TUN device that can have
/// several queues, or that is not there yet, has one for each shard.
///
/// # Errors
/// Where the name makes no sense, the interface is neither there nor to be created, or has more
/// queues than can be served.
pub fn default_queues(config: &PortConfig, shards: usize) -> Result<u32, PortError> {
    interface::check_name(&config.name)?;
    let most = shards.clamp(1, bpf::QUEUES_MAX as usize) as u32;
    let Some(facts) = interface::facts(&config.name)? else {
        resolve(config)?;
        return Ok(most);
    };
    let has = match resolve(config)? {
        Backend::Tap | Backend::Tun if queues::is_multi_queue(&config.name, &facts)? => most,
        Backend::Tap | Backend::Tun => 1,
        _ => return xdp_queues(config, &facts),
    };
    Ok(has.clamp(1, most))
}

/// All queues of a device from the first one that is to be served.
fn xdp_queues(config: &PortConfig, facts: &Facts) -> Result<u32, PortError> {
    let has = queues::rx_queues(&config.name, facts)?.unwrap_or(1);
    if has > bpf::QUEUES_MAX {
        let (interface, most) = (config.name.clone(), bpf::QUEUES_MAX);
        return Err(PortError::ManyQueues { interface, has, most });
    }
    Ok(has.saturating_sub(config.queue).max(1))
}

/// Which backend serves an interface.
fn resolve(config: &PortConfig) -> Result<Backend, PortError> {
    if config.backend != Backend::Auto {
        return Ok(config.backend);
    }
    Ok(match interface::facts(&config.name)? {
        Some(facts) if facts.driver == "tun" && facts.bus == "tun" => Backend::Tun,
        Some(facts) if facts.driver == "tun" => Backend::Tap,
        Some(_) => Backend::Xdp,
        None if config.create && config.name.starts_with("tun") => Backend::Tun,
        None if config.create => Backend::Tap,
        None => return Err(PortError::NotFound { interface: config.name.clone() }),
    })
}

/// Makes two ports of which each receives what the other sends, for one shard each.
///
/// # Errors
/// The operating system's, where it has no descriptor left.
pub fn pair(config: &PairConfig) -> io::Result<[(Port, PortLink, PortInfo); 2]> {
    let [left, right] = pair_queues(config, 1, [1, 1])?;
    let end = |ports: Vec<OpenPort>| ports.into_iter().next().and_then(single);
    match (end(left), end(right)) {
        (Some(left), Some(right)) => Ok([left, right]),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Makes two devices of `queues` ports each, of which queue `n` of one receives what queue `n` of
/// the other sends. Each port of the first is joined to `shards[0]` shards, each of the second to
/// `shards[1]`.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] unless there are 1 to 64 queues, and 1 to 64 shards; otherwise
/// the operating system's, where it has no descriptor left.
pub fn pair_queues(
    config: &PairConfig,
    queues: u32,
    shards: [usize; 2],
) -> io::Result<[Vec<OpenPort>; 2]> {
    if queues == 0 || queues > bpf::QUEUES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a pair has 1 to 64 queues"));
    }
    if shards.iter().any(|&shards| shards == 0 || shards > SHARDS_MAX) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a port serves 1 to 64 shards"));
    }
    let mut ends = [Vec::new(), Vec::new()];
    for queue in 0..queues {
        let devices = pair::join(config, queue, shards)?;
        for (end, (device, side, links, info)) in ends.iter_mut().zip(devices) {
            end.push((Port::new(Device::Pair(device), side)?, links, info));
        }
    }
    Ok(ends)
}
