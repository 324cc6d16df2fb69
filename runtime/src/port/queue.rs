//! One queue of a device as an engine sees it: its four rings, and the port itself where this
//! thread steps both.

use std::sync::Arc;
use std::time::Duration;

use addr::IfIndex;
use datapath::{Backend, Frame, Port, PortLink, RxFrame, TxFrame};

use super::handle::{BATCH, PortThreadHandle, Report};
use super::steer::Steer;
use crate::mailbox::{Engines, Remote};
use crate::sockets::Core;
use crate::sockets::poller::{Poller, Token};

/// Frames that one turn gives a device, at most: the kernel wakes the receiving process once a call
/// where it takes them from an AF_XDP ring, so more of them in one call cost it less.
pub(crate) const SEND_BATCH: usize = 256;

/// One queue.
pub(crate) struct Queue {
    link: PortLink,
    driver: PortDriver,
    batch: Vec<RxFrame>,
    /// How many frames the next step takes from the device, at most.
    budget: usize,
    /// Whether asking the device for more frames costs a system call.
    asks_by_system_call: bool,
    /// A frame to send from that nothing was written into yet.
    spare: Option<Frame>,
    watched: Watched,
    engines: Engines,
    steer: Steer,
}

/// Who steps the port.
pub(crate) enum PortDriver {
    /// This thread.
    Here(Box<Port>),
    /// The engine of another shard.
    Engine(Remote),
    /// A thread of its own.
    Thread(Arc<PortThreadHandle>),
}

/// What a step did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) done: usize,
    /// There may be more if so much was done.
    pub(crate) bound: usize,
}

/// What epoll waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Watched {
    input: bool,
    output: bool,
    groups: bool,
}

impl Queue {
    pub(crate) fn new(
        link: PortLink,
        driver: PortDriver,
        backend: Backend,
        engines: Engines,
        steer: Steer,
    ) -> Self {
        Self {
            link,
            driver,
            batch: Vec::with_capacity(BATCH),
            budget: BATCH,
            asks_by_system_call: matches!(backend, Backend::Tap | Backend::Tun),
            spare: None,
            watched: Watched::default(),
            engines,
            steer,
        }
    }

    pub(super) fn driver(&self) -> &PortDriver {
        &self.driver
    }

    /// Steps the port if it is ours, and takes a batch of the frames that came.
    pub(super) fn take(&mut self, core: &Core) -> Step {
        let step = self.step_port(core.shard);
        // While another shard has fallen behind, frames wait in the ring and then in the device.
        let room = core.worker.receive_room().min(BATCH);
        let taken = self.link.rx.pop_batch(&mut self.batch, room);
        Step { done: step.done.max(taken), ..step }
    }

    /// Hands the frames that were taken to the stack. The port chose them for this shard.
    pub(super) fn deliver(&mut self, ifindex: IfIndex, core: &mut Core) {
        if self.batch.is_empty() {
            return;
        }
        for arrived in &mut self.batch {
            let frame = arrived.frame.bytes_mut();
            // The stack counts why it refused a frame.
            core.worker.receive_steered(core.now, ifindex, arrived.meta, frame);
        }
        self.link.rx_done.push_batch(&mut self.batch.drain(..).map(|arrived| arrived.frame));
        self.wake_driver();
    }

    fn step_port(&mut self, shard: usize) -> Step {
        let bound = if let PortDriver::Here(_) = self.driver { self.budget } else { BATCH };
        let PortDriver::Here(port) = &mut self.driver else { return Step { done: 0, bound } };
        // What other engines sent does not wait until the device has brought as much.
        port.transmit(SEND_BATCH);
        let received = port.receive(bound, self.steer.by_frame());
        self.engines.wake(port.shards_waiting(), shard);
        // To learn that a TAP has no more frames costs a system call while the one it gave waits,
        // so a lone frame is answered first; a busy device is soon read in full batches. A ring
        // tells at once.
        if self.asks_by_system_call {
            let full = received >= bound;
            self.budget = if full { 2 * received } else { received }.clamp(1, BATCH);
        }
        Step { done: received, bound }
    }

    /// Lets the stack fill frames while it wants to and there are any, and returns how many. The
    /// port sends them at once if it is ours.
    pub(super) fn transmit(&mut self, ifindex: IfIndex, core: &mut Core) -> usize {
        let mut filled = 0;
        while filled < SEND_BATCH && core.worker.has_output(ifindex) {
            let Some(mut frame) = self.spare.take().or_else(|| self.link.tx_free.pop()) else {
                break;
            };
            let Some(meta) = core.worker.transmit(core.now, ifindex, frame.bytes_mut()) else {
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
                PortDriver::Here(port) => {
                    port.transmit(SEND_BATCH);
                    self.engines.wake(port.shards_waiting(), core.shard);
                }
                PortDriver::Engine(_) | PortDriver::Thread(_) => self.wake_driver(),
            }
        }
        filled
    }

    /// Whether there is something to send, and no frame to send it in.
    pub(super) fn awaits_frames(&self, ifindex: IfIndex, core: &Core) -> bool {
        self.spare.is_none() && self.link.tx_free.is_empty() && core.worker.has_output(ifindex)
    }

    /// Wakes the port's driver if it is another thread, and sleeps.
    fn wake_driver(&self) {
        match &self.driver {
            PortDriver::Here(_) => {}
            PortDriver::Engine(engine) if self.link.port_waiting() => engine.wake(),
            PortDriver::Thread(thread) if self.link.port_waiting() => thread.ring(),
            PortDriver::Engine(_) | PortDriver::Thread(_) => {}
        }
    }

    /// Whether there is something to send, and a frame to send it in.
    pub(super) fn can_fill(&self, ifindex: IfIndex, core: &Core) -> bool {
        !self.link.tx_free.is_empty() && core.worker.has_output(ifindex)
    }

    /// Announces that the engine is about to sleep. Returns whether it must not, because frames
    /// wait for it.
    pub(super) fn prepare_sleep(&mut self) -> bool {
        let spare = self.spare.take();
        let mut given = spare.is_some();
        if let Some(frame) = spare {
            // It goes home; the ring has room for every frame of the pool.
            let _ = self.link.rx_done.push(frame);
        }
        let mut busy = false;
        if self.is_shared() {
            busy |= self.link.set_waiting(true);
            given |= self.link.take_given_back();
            // Only then: engines that wake each other on their way to sleep never sleep.
            if given {
                self.wake_driver();
            }
        }
        if let PortDriver::Here(port) = &mut self.driver {
            // With one engine nobody else touches the rings.
            busy |= self.engines.len() > 1 && port.set_waiting(true);
            busy |= port.has_tx_waiting() && !port.wants_write() && port.patience().is_none();
        }
        busy || !self.link.rx.is_empty()
    }

    /// How long the engine may sleep at most, for what nothing would wake it.
    pub(super) fn patience(&self) -> Option<Duration> {
        match &self.driver {
            PortDriver::Here(port) => port.patience(),
            PortDriver::Engine(_) | PortDriver::Thread(_) => None,
        }
    }

    /// The engine is awake again.
    pub(super) fn end_sleep(&mut self) {
        if self.is_shared() {
            self.link.set_waiting(false);
        }
        if self.engines.len() > 1
            && let PortDriver::Here(port) = &mut self.driver
        {
            port.set_waiting(false);
        }
    }

    /// Whether another thread works on the port or on its other links.
    fn is_shared(&self) -> bool {
        self.engines.len() > 1 || !matches!(self.driver, PortDriver::Here(_))
    }

    /// Makes epoll wait for what the port now wants.
    pub(super) fn watch(&mut self, poller: &Poller, token: Token) {
        let PortDriver::Here(port) = &self.driver else { return };
        let lost = port.is_lost();
        if let (false, Some(socket)) = (self.watched.groups, port.group_socket()) {
            self.watched.groups = poller.add_edges(socket, token).is_ok();
        }
        let wanted = Watched {
            input: port.wants_read() && !lost,
            output: port.wants_write() && !lost,
            ..self.watched
        };
        if wanted == self.watched {
            return;
        }
        if poller.watch_level(port.as_ref(), token, wanted.input, wanted.output).is_ok() {
            self.watched = wanted;
        }
    }

    /// Makes epoll forget the port.
    pub(super) fn unwatch(&mut self, poller: &Poller) {
        if let PortDriver::Here(port) = &self.driver {
            poller.remove(port.as_ref());
            self.watched = Watched::default();
        }
    }

    /// Counters and frame account of the port, where this thread steps it.
    pub(super) fn report(&self) -> Option<Report> {
        match &self.driver {
            PortDriver::Here(port) => Some(Report::of(port)),
            PortDriver::Engine(_) | PortDriver::Thread(_) => None,
        }
    }
}
