//! The engine's end of a port: four rings, and the port itself where one thread steps both.
//!
//! In the *fused* layout the engine owns the [`Port`] and steps it once a turn. In the *split*
//! layout the port lives on a thread of its own ([`thread`]) and the engine has a
//! [`PortThreadHandle`]: a bell to wake that thread, and a place to find its reports.

pub(crate) mod handle;
pub(crate) mod thread;

use std::collections::BTreeMap;
use std::sync::Arc;

use addr::{Cidr, IfIndex, Ip};
use datapath::{Backend, Frame, Port, PortInfo, PortLink, RxFrame, Steering, TxFrame};
use stack::fib::FibInterface;

use self::handle::{BATCH, PortThreadHandle, Report};
use crate::sockets::Core;
use crate::sockets::poller::{Poller, Token};

/// Frames that one turn gives a device, at most: the kernel wakes the receiving process once a call
/// where it takes them from an AF_XDP ring, so more of them in one call cost it less.
pub(crate) const SEND_BATCH: usize = 256;

/// One port as the engine sees it.
pub(crate) struct PortEnd {
    pub(crate) ifindex: IfIndex,
    pub(crate) info: PortInfo,
    link: PortLink,
    batch: Vec<RxFrame>,
    /// How many frames the next step takes from the device, at most.
    budget: usize,
    /// A frame to send from that nothing was written into yet.
    spare: Option<Frame>,
    driver: PortDriver,
    watched: Watched,
    /// What decides which frames an XDP port takes, and the addresses it was last told of.
    steering: Option<Steering>,
    steered: Vec<Ip>,
}

/// Who steps the port.
pub(crate) enum PortDriver {
    /// This thread.
    Fused(Box<Port>),
    /// Another one, which is reached through this handle.
    Split(Arc<PortThreadHandle>),
}

/// What epoll was told to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Watched {
    input: bool,
    output: bool,
}

impl PortEnd {
    pub(crate) fn new(
        ifindex: IfIndex,
        info: PortInfo,
        link: PortLink,
        steering: Option<Steering>,
        driver: PortDriver,
    ) -> Self {
        Self {
            ifindex,
            info,
            link,
            batch: Vec::with_capacity(BATCH),
            budget: BATCH,
            spare: None,
            driver,
            watched: Watched::default(),
            steering,
            steered: Vec::new(),
        }
    }

    pub(crate) fn driver(&self) -> &PortDriver {
        &self.driver
    }

    /// Steps the port if it is ours, and hands a batch of frames to the stack. Says how many, and
    /// how many it would have taken.
    pub(crate) fn receive(&mut self, core: &mut Core) -> (usize, usize) {
        let budget = self.budget;
        if let PortDriver::Fused(port) = &mut self.driver {
            port.turn(budget, datapath::single_shard);
        }
        let received = self.link.rx.pop_batch(&mut self.batch, BATCH);
        self.adapt(received);
        if received == 0 {
            return (0, budget);
        }
        for arrived in &mut self.batch {
            let frame = arrived.frame.bytes_mut();
            // The stack counts why it refused a frame.
            let _ = core.host.receive(core.now, self.ifindex, arrived.meta, frame);
        }
        self.link.rx_done.push_batch(&mut self.batch.drain(..).map(|arrived| arrived.frame));
        self.ring_port();
        (received, budget)
    }

    /// Sets the next batch by this one. To learn that a TAP has no more frames costs a system call
    /// while the one it gave waits, so a lone frame is answered first; a busy device is soon read in
    /// full batches. A ring tells at once, and a split port has a thread for it.
    fn adapt(&mut self, received: usize) {
        let asks_by_system_call = matches!(self.info.backend, Backend::Tap | Backend::Tun);
        if asks_by_system_call && matches!(self.driver, PortDriver::Fused(_)) {
            let full = received >= self.budget;
            self.budget = if full { 2 * received } else { received }.clamp(1, BATCH);
        }
    }

    /// Lets the stack fill frames while it wants to and there are any, and says how many. The port
    /// sends them at once if it is ours.
    pub(crate) fn transmit(&mut self, core: &mut Core) -> usize {
        let mut filled = 0;
        while filled < SEND_BATCH && core.host.has_output(self.ifindex) {
            let Some(mut frame) = self.spare.take().or_else(|| self.link.tx_free.pop()) else {
                break;
            };
            let Some(meta) = core.host.transmit(core.now, self.ifindex, frame.bytes_mut()) else {
                self.spare = Some(frame);
                break;
            };
            frame.set_len(meta.len as usize);
            // The ring has room for every frame of the pool.
            if self.link.tx.push(TxFrame { frame, meta }).is_err() {
                break;
            }
            filled += 1;
        }
        if filled > 0 {
            match &mut self.driver {
                PortDriver::Fused(port) => drop(port.transmit(SEND_BATCH)),
                PortDriver::Split(_) => self.ring_port(),
            }
        }
        filled
    }

    /// Wakes the port's thread if there is one and it sleeps.
    fn ring_port(&self) {
        if let PortDriver::Split(thread) = &self.driver
            && self.link.port_waiting()
        {
            thread.ring();
        }
    }

    /// Announces that the engine sleeps, or does not any more.
    pub(crate) fn set_waiting(&mut self, waiting: bool) {
        if waiting && let Some(frame) = self.spare.take() {
            // It goes home; the ring has room for every frame of the pool.
            let _ = self.link.rx_done.push(frame);
        }
        if let PortDriver::Split(_) = self.driver {
            self.link.rx.set_waiting(waiting);
            self.link.tx_free.set_waiting(waiting);
        }
    }

    /// Whether there is something to do for the engine.
    pub(crate) fn has_work(&self, core: &Core) -> bool {
        let can_fill = self.spare.is_some() || !self.link.tx_free.is_empty();
        let unsent = match &self.driver {
            PortDriver::Fused(port) => port.has_tx_waiting() && !port.wants_write(),
            PortDriver::Split(_) => false,
        };
        unsent || !self.link.rx.is_empty() || (can_fill && core.host.has_output(self.ifindex))
    }

    /// Makes epoll wait for what the port now wants. `index` is its place in the engine's list.
    pub(crate) fn watch(&mut self, poller: &Poller, index: u32) {
        let PortDriver::Fused(port) = &self.driver else { return };
        let lost = port.is_lost();
        let wanted =
            Watched { input: port.wants_read() && !lost, output: port.wants_write() && !lost };
        if wanted == self.watched {
            return;
        }
        let token = Token::Port(index);
        if poller.watch_level(port.as_ref(), token, wanted.input, wanted.output).is_ok() {
            self.watched = wanted;
        }
    }

    /// Counters and frame account, up to the moment or to the port thread's last report.
    pub(crate) fn report(&self) -> Report {
        match &self.driver {
            PortDriver::Fused(port) => Report::of(port),
            PortDriver::Split(thread) => thread.report(),
        }
    }

    /// Verdicts of the XDP program by name, where there is one.
    pub(crate) fn verdicts(&self) -> Option<BTreeMap<String, u64>> {
        let verdicts = self.steering.as_ref()?.verdicts().ok()?;
        Some(verdicts.into_iter().map(|(name, count)| (name.to_string(), count)).collect())
    }

    /// Tells an XDP port for which addresses it is to take frames: those of the interface, its
    /// groups, and its broadcast addresses.
    pub(crate) fn steer(&mut self, interface: &FibInterface) {
        let Some(steering) = &mut self.steering else { return };
        let addresses = interface.addresses.iter();
        let own = addresses.clone().map(|address| address.ip);
        let broadcast = addresses.filter_map(Cidr::broadcast).chain([LIMITED_BROADCAST]);
        let wanted: Vec<Ip> =
            own.chain(broadcast).chain(interface.groups.iter().copied()).collect();
        if wanted == self.steered {
            return;
        }
        match steering.set_addresses(&wanted) {
            Ok(()) => self.steered = wanted,
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

const LIMITED_BROADCAST: Ip = Ip::v4([255; 4]);
