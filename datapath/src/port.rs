//! A port: one queue of one device, driven by one thread.
//!
//! [`Port::turn`] does a bounded batch of everything: sends what the shards queued, receives what
//! the device has, takes back used buffers. It never blocks and does not allocate. A thread with
//! nothing else to do then announces sleep ([`Port::set_waiting`]) and polls the port's descriptor
//! ([`Port::wants_read`], [`Port::wants_write`] say for what); a thread that does nothing but turn
//! the port calls [`Port::sleep`], which also wakes when a shard rings the [`Bell`].
//!
//! The devices are an enum and not a trait: which one it is, is asked once a turn, not once a
//! frame.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wire::offload::RxMeta;

use crate::bell::Bell;
use crate::frame::FrameAccount;
use crate::packet_ring::PacketRing;
use crate::pair::PairDevice;
use crate::side::PortSide;
use crate::stats::{Losses, PortStats, ShardStats, Turn};
use crate::steering::Steering;
use crate::tap::TapDevice;
use crate::xsk::XskDevice;

/// One queue of one device.
pub struct Port {
    device: Device,
    side: PortSide,
    bell: Bell,
}

/// The device of a port.
pub(crate) enum Device {
    Tap(TapDevice),
    Xsk(Box<XskDevice>),
    Pair(PairDevice),
}

impl Port {
    /// Makes a port of a device and the port's side of its rings.
    pub(crate) fn new(device: Device, side: PortSide) -> io::Result<Self> {
        Ok(Self { device, side, bell: Bell::new()? })
    }

    /// Sends, then receives, up to `budget` frames each. Sending comes first: it frees buffers, and
    /// answers are older than questions. `steer` is that of [`Port::receive`].
    #[inline]
    pub fn turn(&mut self, budget: usize, steer: impl FnMut(&[u8], &RxMeta) -> usize) -> Turn {
        let sent = self.transmit(budget);
        let received = self.receive(budget, steer);
        Turn { received, sent }
    }

    /// The receiving half of a turn: takes up to `budget` frames from the device and returns how
    /// many frames went to shards or were refused.
    ///
    /// `steer` names the shard that owns a frame, by the number of its link; a number without a
    /// shard counts as 0. It is called once for each frame, and not at all where there is one
    /// shard. Nothing is received while frames wait for a shard that has all its share of buffers.
    pub fn receive(
        &mut self,
        budget: usize,
        mut steer: impl FnMut(&[u8], &RxMeta) -> usize,
    ) -> usize {
        let Self { device, side, .. } = self;
        side.reclaim();
        let held = side.deliver_held();
        if side.is_holding() {
            return held;
        }
        held + match device {
            Device::Tap(tap) => tap.receive(side, budget, &mut steer),
            Device::Xsk(xsk) => xsk.receive(side, budget, &mut steer),
            Device::Pair(pair) => pair.receive(side, budget, &mut steer),
        }
    }

    /// The sending half of a turn: up to `budget` frames, of all shards in turn. Worth a call of
    /// its own after a shard has run, where one thread does both and is about to sleep.
    pub fn transmit(&mut self, budget: usize) -> usize {
        let Self { device, side, .. } = self;
        let sent = match device {
            Device::Tap(tap) => tap.transmit(side, budget),
            Device::Xsk(xsk) => xsk.transmit(side, budget),
            Device::Pair(pair) => pair.transmit(side, budget),
        };
        side.top_up();
        sent
    }

    /// Whether to poll the descriptor for input: there are buffers to receive into.
    pub fn wants_read(&self) -> bool {
        match &self.device {
            // Without buffers what arrives stays in the device, which would go on saying so.
            Device::Tap(_) | Device::Pair(_) => {
                !self.side.rx_pool.is_empty() && !self.side.is_holding()
            }
            Device::Xsk(_) => true,
        }
    }

    /// A second descriptor to poll for input, of a port that shares its interface: group frames
    /// come by it. Level-triggered polling would go on telling that the interface was down.
    pub fn group_socket(&self) -> Option<BorrowedFd<'_>> {
        match &self.device {
            Device::Xsk(xsk) => xsk.heard().map(AsFd::as_fd),
            Device::Tap(_) | Device::Pair(_) => None,
        }
    }

    /// Whether to poll the descriptor for output: a frame waits for the device to have room.
    pub fn wants_write(&self) -> bool {
        match &self.device {
            Device::Tap(tap) => tap.wants_write(),
            Device::Xsk(xsk) => xsk.wants_write(&self.side),
            Device::Pair(pair) => pair.wants_write(),
        }
    }

    /// How long the driver may sleep at most, because nothing would wake it for what the port waits
    /// for: a device that is down to be up again, or frames that the kernel is still sending.
    pub fn patience(&self) -> Option<Duration> {
        match &self.device {
            Device::Xsk(xsk) => xsk.patience(&self.side),
            Device::Tap(_) | Device::Pair(_) => None,
        }
    }

    /// Whether a shard has queued frames that were not sent yet.
    pub fn has_tx_waiting(&self) -> bool {
        self.side.has_tx_waiting()
    }

    /// Which shards announced sleep and were given something to wake up for: bit `n` for shard `n`.
    /// Ask after each turn, for one without traffic may have given out frames to send from, and
    /// ring the bells of those shards then; their announcements are taken back.
    pub fn shards_waiting(&mut self) -> u64 {
        self.side.take_shards_waiting()
    }

    /// Announces that the port's driver is about to sleep (or no longer is), for a driver that
    /// polls by itself. Returns whether there is something to do already, in which case it must
    /// not sleep but turn the port again. A shard that then gives the port frames finds
    /// [`crate::PortLink::port_waiting`] true and has to wake the driver.
    pub fn set_waiting(&mut self, waiting: bool) -> bool {
        let Self { device, side, .. } = self;
        if waiting {
            side.reclaim();
        }
        let mut work = side.set_waiting(waiting);
        match device {
            Device::Pair(pair) => work |= pair.await_home(waiting && side.is_starving()),
            Device::Xsk(xsk) => {
                let ready = xsk.heard().is_some_and(PacketRing::is_ready);
                work |= ready && !side.rx_pool.is_empty();
            }
            Device::Tap(_) => {}
        }
        work
    }

    /// Whether the device has gone and will never move a frame again.
    pub fn is_lost(&self) -> bool {
        match &self.device {
            Device::Tap(tap) => tap.is_lost(),
            Device::Xsk(xsk) => xsk.is_lost(),
            Device::Pair(_) => false,
        }
    }

    /// What wakes a thread in [`Port::sleep`].
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Waits until the device has frames or room, a shard has frames and rings the bell
    /// ([`crate::PortLink::port_waiting`]), or the time is over (`None`: never).
    ///
    /// # Errors
    /// The operating system's, where it cannot wait on the descriptors.
    pub fn sleep(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if self.set_waiting(true) {
            self.set_waiting(false);
            if self.side.is_holding() {
                // The shard that is waited for may need this core.
                thread::yield_now();
            }
            return Ok(());
        }
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, self.wants_read());
        events.set(PollFlags::OUT, self.wants_write());
        let bell = self.bell.as_fd();
        let mut fds = [
            PollFd::from_borrowed_fd(self.as_fd(), events),
            PollFd::from_borrowed_fd(bell, PollFlags::IN),
            // Where there is none, the bell once more.
            PollFd::from_borrowed_fd(self.group_socket().unwrap_or(bell), PollFlags::IN),
        ];
        let timeout = timeout.into_iter().chain(self.patience()).min();
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // A device that has gone would only say so, again and again.
        let watched = if self.is_lost() { &mut fds[1..] } else { &mut fds[..] };
        let woken = poll(watched, timeout.as_ref());
        let rung = fds[1].revents().contains(PollFlags::IN);
        let failed = fds[2].revents().contains(PollFlags::ERR);
        if let (true, Device::Xsk(xsk)) = (failed, &self.device) {
            xsk.heard().inspect(|heard| heard.clear_error());
        }
        self.set_waiting(false);
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
        self.stats_and_losses().0
    }

    /// The same, with what the kernel says of an XDP port's losses.
    pub fn stats_and_losses(&self) -> (PortStats, Option<Losses>) {
        let mut stats = self.side.stats;
        let losses = match &self.device {
            Device::Xsk(xsk) => Some(xsk.losses()),
            Device::Tap(_) | Device::Pair(_) => None,
        };
        stats.rx_dropped += losses.map_or(0, |losses| losses.received());
        (stats, losses)
    }

    /// What passed between the port and one shard, or `None` if the port has no such shard.
    pub fn shard_stats(&self, shard: usize) -> Option<ShardStats> {
        self.side.shard(shard).map(|rings| rings.stats)
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
        f.debug_struct("Port").field("stats", &self.side.stats).finish_non_exhaustive()
    }
}
