//! A port: one queue of one device, stepped by one thread.
//!
//! [`Port::turn`] does a bounded batch of everything: sends what the shard queued, receives what
//! the device has, takes back used buffers. It never blocks and does not allocate. A thread with
//! nothing else to do then polls the port's descriptor ([`Port::wants_read`], [`Port::wants_write`]
//! say for what); a thread that does nothing but turn the port calls [`Port::sleep`], which also
//! wakes when the shard rings the [`Bell`].
//!
//! The devices are an enum and not a trait: which one it is, is asked once a turn, not once a
//! frame.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use crate::config::{Backend, PortConfig, PortInfo, Sharing};
use crate::error::PortError;
use crate::frame::FrameAccount;
use crate::link::{PortLink, Side};
use crate::pair::PairDevice;
use crate::steering::Steering;
use crate::tap::TapDevice;
use crate::xsk::XskDevice;
use crate::{interface, tap, xsk};

/// What one turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Frames received.
    pub received: usize,
    /// Frames sent.
    pub sent: usize,
}

/// What passed through a port since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Frames handed to the shard.
    pub rx_packets: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Frames the device handed over in a form nobody can use.
    pub rx_errors: u64,
    /// Frames lost because no buffer or no ring slot was free.
    pub rx_dropped: u64,
    /// Frames the device took.
    pub tx_packets: u64,
    /// Their bytes.
    pub tx_bytes: u64,
    /// Frames the device refused, or that could not be finished at the edge.
    pub tx_errors: u64,
    /// Frames dropped because the device was down or gone.
    pub tx_dropped: u64,
    /// System calls made to move frames.
    pub syscalls: u64,
}

/// One queue of one device.
pub struct Port {
    device: Device,
    side: Side,
    stats: PortStats,
    bell: Bell,
}

enum Device {
    Tap(TapDevice),
    Xsk(Box<XskDevice>),
    Pair(PairDevice),
}

/// Opens the port that `config` describes.
pub fn open(config: &PortConfig) -> Result<(Port, PortLink, PortInfo), PortError> {
    let mut ports = open_queues(config, 1)?;
    ports.pop().ok_or_else(|| PortError::NotFound { interface: config.name.clone() })
}

/// Opens `queues` ports on one interface: the queues of a TAP or TUN device, or those of an
/// interface from [`PortConfig::queue`] on, which then share its XDP program and the steering of
/// it.
pub fn open_queues(
    config: &PortConfig,
    queues: u32,
) -> Result<Vec<(Port, PortLink, PortInfo)>, PortError> {
    interface::check_name(&config.name)?;
    let bad = |what| PortError::BadConfig { interface: config.name.clone(), what };
    if queues == 0 || queues > bpf::QUEUES_MAX {
        return Err(bad("the number of queues must be 1 to 64"));
    }
    let mut ports = Vec::new();
    let backend = resolve(config)?;
    if backend != Backend::Xdp && config.sharing != Sharing::Auto {
        return Err(bad("only an XDP port can be told what to take from the kernel"));
    }
    match backend {
        backend @ (Backend::Tap | Backend::Tun) => {
            for (device, side, link, info) in tap::open(config, backend, queues)? {
                ports.push((Port::new(Device::Tap(device), side, &config.name)?, link, info));
            }
        }
        Backend::Xdp => {
            for (device, side, link, info) in xsk::open(config, queues)? {
                let device = Device::Xsk(Box::new(device));
                ports.push((Port::new(device, side, &config.name)?, link, info));
            }
        }
        Backend::Pair | Backend::Auto => return Err(bad("a pair is not opened by name")),
    }
    Ok(ports)
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

impl Port {
    fn new(device: Device, side: Side, name: &str) -> Result<Self, PortError> {
        let bell = Bell::new().map_err(|e| PortError::from_os(name, "making its bell", e))?;
        Ok(Self { device, side, stats: PortStats::default(), bell })
    }

    pub(crate) fn from_pair(device: PairDevice, side: Side) -> io::Result<Self> {
        let device = Device::Pair(device);
        Ok(Self { device, side, stats: PortStats::default(), bell: Bell::new()? })
    }

    /// Sends, then receives, up to `budget` frames each. Sending comes first: it frees buffers, and
    /// answers are older than questions.
    #[inline]
    pub fn turn(&mut self, budget: usize) -> Turn {
        let sent = self.transmit(budget);
        let received = self.receive(budget);
        Turn { received, sent }
    }

    /// The receiving half of a turn.
    pub fn receive(&mut self, budget: usize) -> usize {
        let Self { device, side, stats, .. } = self;
        side.reclaim();
        match device {
            Device::Tap(tap) => tap.receive(side, stats, budget),
            Device::Xsk(xsk) => xsk.receive(side, stats, budget),
            Device::Pair(pair) => pair.receive(side, stats, budget),
        }
    }

    /// The sending half of a turn. Worth a call of its own after the shard has run, where one
    /// thread does both and is about to sleep.
    pub fn transmit(&mut self, budget: usize) -> usize {
        let Self { device, side, stats, .. } = self;
        let sent = match device {
            Device::Tap(tap) => tap.transmit(side, stats, budget),
            Device::Xsk(xsk) => xsk.transmit(side, stats, budget),
            Device::Pair(pair) => pair.transmit(side, stats, budget),
        };
        side.top_up();
        sent
    }

    /// Whether to poll the descriptor for input: there are buffers to receive into.
    pub fn wants_read(&self) -> bool {
        match &self.device {
            // Without buffers what arrives stays in the device, which would go on saying so.
            Device::Tap(_) | Device::Pair(_) => !self.side.rx_pool.is_empty(),
            Device::Xsk(_) => true,
        }
    }

    /// Whether to poll the descriptor for output: a frame waits for the device to have room.
    pub fn wants_write(&self) -> bool {
        match &self.device {
            Device::Tap(tap) => tap.wants_write(),
            Device::Xsk(xsk) => xsk.wants_write(),
            Device::Pair(pair) => pair.wants_write(),
        }
    }

    /// Whether the shard has queued frames that were not sent yet.
    pub fn has_tx_waiting(&self) -> bool {
        !self.side.tx.is_empty()
    }

    /// Whether the shard announced sleep and now has something to wake up for. Ask after a turn
    /// that did something, and ring the shard's bell then; the announcement is taken back.
    pub fn shard_waiting(&self) -> bool {
        self.side.shard_waiting()
    }

    /// Whether the device has gone and will never move a frame again.
    pub fn is_lost(&self) -> bool {
        match &self.device {
            Device::Tap(tap) => tap.is_lost(),
            Device::Xsk(_) | Device::Pair(_) => false,
        }
    }

    /// What wakes a thread in [`Port::sleep`].
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits until the device has frames or room, the shard has frames and rings the bell
    /// ([`PortLink::port_waiting`]), or the time is over (`None`: never).
    pub fn sleep(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.side.reclaim();
        if self.side.set_waiting(true) {
            self.side.set_waiting(false);
            return Ok(());
        }
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.wants_read());
        events.set(PollFlags::OUT, self.wants_write());
        let mut fds = [
            PollFd::from_borrowed_fd(self.as_fd(), events),
            PollFd::from_borrowed_fd(self.bell.0.as_fd(), PollFlags::IN),
        ];
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // A device that has gone would only say so, again and again.
        let watched = if self.is_lost() { &mut fds[1..] } else { &mut fds[..] };
        let woken = poll(watched, timeout.as_ref());
        let rung = fds[1].revents().contains(PollFlags::IN);
        self.side.set_waiting(false);
        if rung {
            self.bell.silence();
        }
        match woken {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// What passed through. Costs a system call on an XDP port: the kernel counts what it dropped.
    pub fn stats(&self) -> PortStats {
        let mut stats = self.stats;
        if let Device::Xsk(xsk) = &self.device {
            stats.rx_dropped += xsk.dropped();
        }
        stats
    }

    /// What decides which frames of an XDP port's interface come here. It can be cloned and used on
    /// another thread.
    pub fn control(&mut self) -> Option<&mut Steering> {
        match &mut self.device {
            Device::Xsk(xsk) => Some(xsk.steering()),
            Device::Tap(_) | Device::Pair(_) => None,
        }
    }

    /// Where the buffers are.
    pub fn frames(&self) -> FrameAccount {
        match &self.device {
            Device::Tap(tap) => self.side.account(0, tap.held()),
            Device::Xsk(xsk) => self.side.account(xsk.filling(), xsk.sending()),
            Device::Pair(pair) => self.side.account(0, pair.held()),
        }
    }
}

impl AsFd for Port {
    /// The descriptor to poll. Nothing else should be done with it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.device {
            Device::Tap(tap) => tap.as_fd(),
            Device::Xsk(xsk) => xsk.as_fd(),
            Device::Pair(pair) => pair.as_fd(),
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port").field("stats", &self.stats).finish_non_exhaustive()
    }
}

/// Wakes a thread in [`Port::sleep`], from any thread.
#[derive(Clone, Debug)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Rings. A bell that is not heard yet stays rung.
    pub fn ring(&self) {
        // Fails only when rung 2^64 times without being heard: then it is rung.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    fn silence(&self) {
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }
}
