//! An interface's device as an engine sees it: its end of each queue.
//!
//! A device has one or more queues, and every engine has four rings with each of them, because a
//! frame of its shard may arrive on any. In the *fused* layout each [`Port`] is stepped by one of
//! the engines, once a turn. In the *split* layout a port lives on a thread of its own ([`thread`])
//! and engines have a [`handle::PortThreadHandle`]: a bell to wake that thread, and a place to find
//! its reports. An engine sends by the queue with its own number, modulo their number.
//!
//! [`Port`]: datapath::Port

pub(crate) mod handle;
pub(crate) mod queue;
pub(crate) mod steer;
pub(crate) mod thread;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use addr::{IfIndex, Ip, Mac};
use datapath::{PortInfo, Steering};
use stack::fib::FibTables;

use self::handle::{PortThreadHandle, Report};
use self::queue::{PortDriver, Queue, Step};
use crate::sockets::Core;
use crate::sockets::poller::{Poller, Token};

/// One device as the engine sees it.
pub(crate) struct PortEnd {
    pub(crate) ifindex: IfIndex,
    pub(crate) info: PortInfo,
    queues: Vec<Queue>,
    /// The queue that this engine sends by.
    send_by: usize,
    /// Handles of the threads whose reports this engine passes on.
    threads: Vec<Arc<PortThreadHandle>>,
    /// What decides which frames an XDP device takes, and what it was last given.
    /// Only the first engine has it.
    steering: Option<Steering>,
    steered: Steered,
    steered_mac: Mac,
}

/// Addresses of the stack, and groups and broadcast addresses that are the kernel's as well.
#[derive(Debug, Default, PartialEq, Eq)]
struct Steered {
    own: Vec<Ip>,
    heard: Vec<Ip>,
}

impl PortEnd {
    /// The end of the engine of shard `shard`.
    pub(crate) fn new(ifindex: IfIndex, info: PortInfo, queues: Vec<Queue>, shard: usize) -> Self {
        let send_by = shard % queues.len().max(1);
        Self {
            ifindex,
            queues,
            send_by,
            threads: Vec::new(),
            steering: None,
            steered: Steered::default(),
            // What the program was loaded with.
            steered_mac: info.mac.unwrap_or_default(),
            info,
        }
    }

    /// The same with what decides which frames an XDP device takes.
    pub(crate) fn with_steering(self, steering: Option<Steering>) -> Self {
        Self { steering, ..self }
    }

    /// The same with the port threads whose reports it passes on.
    pub(crate) fn with_threads(self, threads: Vec<Arc<PortThreadHandle>>) -> Self {
        Self { threads, ..self }
    }

    /// Steps the ports that are ours, and takes a batch of the frames that came by each queue.
    pub(crate) fn take(&mut self, core: &Core, mut each: impl FnMut(Step)) {
        for queue in &mut self.queues {
            each(queue.take(core));
        }
    }

    /// Hands the frames that were taken to the stack.
    pub(crate) fn deliver(&mut self, core: &mut Core) {
        for queue in &mut self.queues {
            queue.deliver(self.ifindex, core);
        }
    }

    /// Lets the stack fill frames while it wants to and there are any, and returns how many.
    pub(crate) fn transmit(&mut self, core: &mut Core) -> usize {
        let queue = self.queues.get_mut(self.send_by);
        queue.map_or(0, |queue| queue.transmit(self.ifindex, core))
    }

    /// Whether there is something to send, and no frame to send it in until the port gives one
    /// back.
    pub(crate) fn awaits_frames(&self, core: &Core) -> bool {
        let queue = self.queues.get(self.send_by);
        queue.is_some_and(|queue| queue.awaits_frames(self.ifindex, core))
    }

    /// Announces that the engine is about to sleep. Returns whether it must not, because there is
    /// something to do.
    pub(crate) fn prepare_sleep(&mut self, core: &Core) -> bool {
        let mut busy = false;
        for queue in &mut self.queues {
            busy |= queue.prepare_sleep();
        }
        // Frames of the other queues are of no use for that.
        let queue = self.queues.get(self.send_by);
        busy || queue.is_some_and(|queue| queue.can_fill(self.ifindex, core))
    }

    /// How long the engine may sleep at most, for what nothing would wake it.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.queues.iter().filter_map(Queue::patience).min()
    }

    /// The engine is awake again.
    pub(crate) fn end_sleep(&mut self) {
        for queue in &mut self.queues {
            queue.end_sleep();
        }
    }

    /// Makes epoll wait for what the ports now want. `index` is the place in the engine's list.
    pub(crate) fn watch(&mut self, poller: &Poller, index: u32) {
        for (number, queue) in (0u32..).zip(&mut self.queues) {
            queue.watch(poller, Token::Port { index, queue: number });
        }
    }

    /// Makes epoll forget the ports.
    pub(crate) fn unwatch(&mut self, poller: &Poller) {
        self.queues.iter_mut().for_each(|queue| queue.unwatch(poller));
    }

    /// Asks the threads of the ports to end, once the engine's last frames are in the rings.
    pub(crate) fn stop_threads(&self) {
        for queue in &self.queues {
            if let PortDriver::Thread(thread) = queue.driver() {
                thread.stop();
            }
        }
    }

    /// Counters and frame accounts of the ports that this engine steps, up to the moment, and of
    /// those whose threads report to it, up to their last report.
    pub(crate) fn report(&self) -> Report {
        let own = self.queues.iter().filter_map(Queue::report);
        let threads = self.threads.iter().map(|thread| thread.report());
        own.chain(threads).fold(Report::default(), Report::plus)
    }

    /// Verdicts of the XDP program by name, where there is one.
    pub(crate) fn verdicts(&self) -> Option<BTreeMap<String, u64>> {
        let verdicts = self.steering.as_ref()?.verdicts().ok()?;
        Some(verdicts.into_iter().map(|(name, count)| (name.to_string(), count)).collect())
    }

    /// Tells an XDP device for which addresses it is to take frames: those that the interface
    /// answers for, its groups, its broadcast addresses, and its link address.
    pub(crate) fn steer(&mut self, tables: &FibTables) {
        let Some(steering) = &mut self.steering else { return };
        let Some(interface) = tables.interface(self.ifindex) else { return };
        if self.steered_mac != interface.mac {
            match steering.set_mac(interface.mac) {
                Ok(()) => self.steered_mac = interface.mac,
                Err(error) => tracing::warn!("{error}"),
            }
        }
        let own = tables.answered_on(self.ifindex);
        let addresses = interface.addresses.iter().filter(|a| a.is_assigned());
        let broadcast = addresses.filter_map(|address| address.cidr.broadcast());
        let heard = broadcast.chain([LIMITED_BROADCAST]).chain(interface.groups.iter().copied());
        let wanted = Steered { own: own.collect(), heard: heard.collect() };
        if wanted == self.steered {
            return;
        }
        match steering.set_addresses(&wanted.own, &wanted.heard) {
            Ok(()) => self.steered = wanted,
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

const LIMITED_BROADCAST: Ip = Ip::v4([255; 4]);
