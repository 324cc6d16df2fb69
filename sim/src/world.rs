//! The world: hosts, links, and virtual time.
//!
//! [`World::step`] takes the next event off the heap (a frame arrives, a host's deadline, an
//! application's alarm), gives it to its host, and lets that host work until it rests. Events of
//! one instant come in an order drawn from the seed, because nothing real orders them. Then the
//! invariants are checked; what is violated is kept in [`World::violations`], and a run stops at
//! the first.
//!
//! The same calls on a world of the same seed give the same trace hash.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use addr::IfIndex;
use stack::rng::Rng;
use stack::time::Duration;
use stack::{Instant, Limits};
use wire::display;
use wire::offload::TxMeta;

use crate::app::App;
use crate::check::Wiretap;
use crate::link::{Frame, Link, LinkConfig};
use crate::node::{Node, Port, PortConfig, Turn};
use crate::pcap::Pcap;
use crate::trace::{Kind, Trace};

/// What happens to whom.
#[derive(Debug)]
enum What {
    /// A frame arrives at a host's port.
    Arrive { node: usize, ifindex: IfIndex, frame: Frame },
    /// A host wants to be woken.
    Wake { node: usize },
    /// An application acts by itself.
    Act { node: usize, app: usize },
}

/// An entry of the event heap; what happens lies beside it, so that entries compare cheaply.
type Entry = Reverse<(Instant, u32, usize)>;

/// Hosts on links in virtual time.
pub struct World {
    /// The present.
    pub now: Instant,
    /// The hosts.
    pub nodes: Vec<Node>,
    /// The links.
    pub links: Vec<Link>,
    /// What happened.
    pub trace: Trace,
    /// The frames sent, if a capture was asked for.
    pub pcap: Option<Pcap>,
    /// What must not be and was.
    pub violations: Vec<String>,
    heap: BinaryHeap<Entry>,
    pending: Vec<Option<What>>,
    vacant: Vec<usize>,
    rng: Rng,
    wiretap: Wiretap,
    in_flight: u64,
}

impl World {
    /// An empty world. It keeps the trace's lines if `verbose`.
    pub fn new(seed: u64, verbose: bool) -> Self {
        Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            links: Vec::new(),
            trace: Trace::new(verbose),
            pcap: None,
            violations: Vec::new(),
            heap: BinaryHeap::new(),
            pending: Vec::new(),
            vacant: Vec::new(),
            rng: Rng::new(seed),
            wiretap: Wiretap::default(),
            in_flight: 0,
        }
    }

    /// Adds a link.
    pub fn add_link(&mut self, config: LinkConfig) -> usize {
        let seed = self.rng.next_u64();
        self.links.push(Link::new(config, seed));
        self.links.len() - 1
    }

    /// Adds a host with one shard.
    pub fn add_host(&mut self, name: &str, limits: Limits) -> usize {
        self.add_host_with_shards(name, limits, 1)
    }

    /// Adds a host with so many shards, whose workers take turns in taking frames.
    pub fn add_host_with_shards(&mut self, name: &str, limits: Limits, shards: usize) -> usize {
        let seed = self.rng.next_u64();
        self.nodes.push(Node::new(name, limits, shards, seed));
        self.nodes.len() - 1
    }

    /// Gives a host a port on a link.
    pub fn plug(&mut self, node: usize, link: usize, config: &PortConfig) {
        let station = self.links[link].attach();
        let now = self.nodes[node].clock(self.now);
        self.nodes[node].plug(now, config, link, station);
        self.settle(node, Turn::default());
    }

    /// Starts an application on a host and returns its number there.
    pub fn start(&mut self, node: usize, app: App) -> usize {
        let mut turn = Turn::default();
        let index = self.nodes[node].apps.len();
        let now = self.nodes[node].clock(self.now);
        self.nodes[node].start(now, app, &mut turn);
        self.settle(node, turn);
        index
    }

    /// Calls `f` with a host and its time, and then lets the host work: for verbs that no
    /// application uses.
    pub fn with_host<R>(&mut self, node: usize, f: impl FnOnce(&mut Node, Instant) -> R) -> R {
        let now = self.nodes[node].clock(self.now);
        let result = f(&mut self.nodes[node], now);
        self.settle(node, Turn::default());
        result
    }

    /// Puts a frame on a link as `station` of it, which may be no host of ours ([`Link::attach`]).
    pub fn inject(&mut self, link: usize, station: usize, bytes: &[u8]) {
        let meta = TxMeta { len: bytes.len() as u32, ..TxMeta::default() };
        self.carry("stranger", link, station, bytes.to_vec(), &meta);
    }

    /// The clock of a host jumps ahead.
    pub fn jump_clock(&mut self, node: usize, by: Duration) {
        self.nodes[node].jump(self.now, by);
        self.settle(node, Turn::default());
    }

    /// A host does nothing for `span`, as a virtual machine that is suspended. What arrives waits
    /// in its device, as far as that has room; its clock goes on.
    pub fn suspend(&mut self, node: usize, span: Duration) {
        self.nodes[node].sleep(self.now + span);
    }

    /// Lets the next event happen. False if there is none.
    pub fn step(&mut self) -> bool {
        let Some(Reverse((at, _, slot))) = self.heap.pop() else { return false };
        self.now = at;
        let what = self.pending[slot].take().expect("an entry of the heap has its event");
        self.vacant.push(slot);
        let Some(what) = self.unless_asleep(what) else { return true };
        let mut turn = Turn::default();
        let node = match what {
            What::Arrive { node, ifindex, frame } => {
                self.arrive(node, ifindex, frame);
                node
            }
            What::Wake { node } => {
                if self.nodes[node].wake_at != at {
                    return true;
                }
                self.nodes[node].wake_at = Instant::FAR;
                node
            }
            What::Act { node, app } => {
                let now = self.nodes[node].clock(at);
                self.nodes[node].act(now, app, &mut turn);
                node
            }
        };
        self.settle(node, turn);
        self.check(node);
        true
    }

    /// Steps until `done` says so, nothing is left to happen, `span` has passed or something was
    /// violated. Says whether `done` did.
    pub fn run(&mut self, span: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + span;
        loop {
            if !self.violations.is_empty() {
                return false;
            }
            if done(self) {
                return true;
            }
            match self.heap.peek() {
                Some(Reverse((at, ..))) if *at <= end => self.step(),
                Some(_) => {
                    self.now = end;
                    return done(self);
                }
                None => return false,
            };
        }
    }

    /// Steps until every application is at its end, for `span` at most. One that gets nowhere for
    /// `stall_timeout` is a violation.
    pub fn finish(&mut self, span: Duration, stall_timeout: Duration) -> bool {
        let is_over = |world: &Self| world.apps().all(|(_, app)| app.outcome().is_some());
        self.run(span, |world| is_over(world) || world.is_stuck(stall_timeout));
        if is_over(self) || !self.violations.is_empty() {
            return self.violations.is_empty();
        }
        let left = self.apps().filter(|(_, app)| app.outcome().is_none());
        let left = left.map(|(node, app)| format!("{node}: no end of {}", app.describe()));
        self.violations = left.collect();
        false
    }

    /// After everything ended and silence followed: nothing is left over.
    pub fn check_rest(&mut self) {
        for node in &self.nodes {
            for socket in node.host.sockets() {
                if socket.state != "LISTEN" {
                    let why = format!("{} {} is left over", socket.local, socket.state);
                    self.violations.push(format!("{} {}: {why}", self.now, node.name));
                }
            }
        }
        if self.in_flight != 0 {
            self.violations.push(format!("{} frames are still in flight", self.in_flight));
        }
    }

    /// Every application with its host's name.
    pub fn apps(&self) -> impl Iterator<Item = (&str, &App)> {
        self.nodes.iter().flat_map(|node| node.apps.iter().map(|app| (node.name.as_str(), app)))
    }

    /// Whether an application has got nowhere for `stall_timeout`.
    pub fn is_stuck(&self, stall_timeout: Duration) -> bool {
        let stuck = |node: &Node, app: &App| {
            app.outcome().is_none() && node.idle_for(self.now, app) > stall_timeout
        };
        self.nodes.iter().any(|node| node.apps.iter().any(|app| stuck(node, app)))
    }

    // Private steps.

    /// What happens, unless its host sleeps: then it waits, or is lost.
    fn unless_asleep(&mut self, what: What) -> Option<What> {
        let (node, is_frame) = match what {
            What::Arrive { node, .. } => (node, true),
            What::Wake { node } if self.nodes[node].wake_at != self.now => return None,
            What::Wake { node } | What::Act { node, .. } => (node, false),
        };
        let Some(until) = self.nodes[node].postpone(self.now, is_frame) else { return Some(what) };
        match (until, &what) {
            (Some(at), What::Wake { .. }) => {
                self.nodes[node].wake_at = at;
                self.schedule(at, what);
            }
            (Some(at), _) => self.schedule(at, what),
            (None, What::Arrive { frame, .. }) => {
                self.in_flight -= 1;
                let name = &self.nodes[node].name;
                self.trace.note(self.now, Kind::Lost, name, &[], || {
                    display::frame(&frame.bytes).to_string()
                });
            }
            (None, _) => {}
        }
        None
    }

    fn schedule(&mut self, at: Instant, what: What) {
        let slot = self.vacant.pop().unwrap_or(self.pending.len());
        if slot == self.pending.len() {
            self.pending.push(None);
        }
        self.pending[slot] = Some(what);
        self.heap.push(Reverse((at.max(self.now), self.rng.next_u32(), slot)));
    }

    fn arrive(&mut self, node: usize, ifindex: IfIndex, mut frame: Frame) {
        self.in_flight -= 1;
        self.wiretap.arrived(&frame.bytes, frame.meta);
        let node = &mut self.nodes[node];
        node.frames.0 += 1;
        self.trace.note(self.now, Kind::Arrived, &node.name, &frame.bytes, || {
            display::frame(&frame.bytes).to_string()
        });
        let now = node.clock(self.now);
        let verdict = node.host.receive(now, ifindex, frame.meta, &mut frame.bytes);
        if let Some(reason) = verdict.drop_reason() {
            let name = reason.name();
            self.trace.note(self.now, Kind::App, &node.name, name.as_bytes(), || name.into());
        }
    }

    /// Lets a host work until it rests, and takes care of what comes out.
    fn settle(&mut self, index: usize, mut turn: Turn) {
        let mut sent = Vec::new();
        let mut ended = Vec::new();
        let node = &mut self.nodes[index];
        let wiretap = &mut self.wiretap;
        let now = node.clock(self.now);
        node.turn(now, &mut turn, |port, frame, meta| {
            if let Err(why) = wiretap.sent(frame, meta, port.mtu) {
                ended.push(format!("{why}: {}", display::frame(frame)));
            }
            sent.push((*port, frame.to_vec(), *meta));
        });
        let name = node.name.clone();
        for note in turn.notes {
            self.trace.note(self.now, Kind::App, &name, note.as_bytes(), || note.clone());
        }
        for (Port { link, station, .. }, frame, meta) in sent {
            self.carry(&name, link, station, frame, &meta);
        }
        for why in turn.violations.into_iter().chain(ended) {
            self.violations.push(format!("{} {name}: {why}", self.now));
        }
        for (at, app) in turn.alarms {
            let at = self.nodes[index].world_time(at);
            self.schedule(at, What::Act { node: index, app });
        }
        let node = &mut self.nodes[index];
        let deadline = node.host.next_deadline().unwrap_or(Instant::FAR);
        let wake_at = node.world_time(deadline).max(self.now);
        if deadline < Instant::FAR && wake_at != node.wake_at {
            node.wake_at = wake_at;
            self.schedule(wake_at, What::Wake { node: index });
        }
    }

    /// Sends a frame over a link.
    fn carry(&mut self, from: &str, link: usize, station: usize, bytes: Vec<u8>, meta: &TxMeta) {
        if let Some(pcap) = &mut self.pcap {
            pcap.write(self.now, &bytes);
        }
        let text = |bytes: &[u8]| display::frame(bytes).to_string();
        self.trace.note(self.now, Kind::Sent, from, &bytes, || text(&bytes));
        let lost = self.trace.is_verbose().then(|| text(&bytes));
        let carried = self.links[link].send(self.now, station, Frame::from_sent(bytes, meta));
        if carried.arrivals.is_empty() {
            self.trace.note(self.now, Kind::Lost, from, &[], || lost.unwrap_or_default());
        }
        for (at, frame) in carried.arrivals {
            self.deliver(at, link, |other| other != station, frame);
        }
        if let Some((at, frame)) = carried.answer {
            self.deliver(at, link, |other| other == station, frame);
        }
    }

    /// A frame arrives at some stations of a link.
    fn deliver(&mut self, at: Instant, link: usize, to: impl Fn(usize) -> bool, frame: Frame) {
        let ports = |node: &Node| {
            node.ports.iter().find(|p| p.link == link && to(p.station)).map(|p| p.ifindex)
        };
        let mut last = None;
        for node in 0..self.nodes.len() {
            let Some(ifindex) = ports(&self.nodes[node]) else { continue };
            if let Some((node, ifindex)) = last.replace((node, ifindex)) {
                self.in_flight += 1;
                self.schedule(at, What::Arrive { node, ifindex, frame: frame.clone() });
            }
        }
        if let Some((node, ifindex)) = last {
            self.in_flight += 1;
            self.schedule(at, What::Arrive { node, ifindex, frame });
        }
    }

    /// The counters of everyone add up. The hosts here never talk to themselves, so what a host
    /// counts is what passed its ports.
    fn check(&mut self, node: usize) {
        let node = &self.nodes[node];
        let stats = node.host.stats();
        if !stats.is_balanced() || (stats.frames_in, stats.frames_out) != node.frames {
            let counted = (stats.frames_in, stats.frames_out);
            let why = format!("counts {counted:?} frames of {:?}", node.frames);
            self.violations.push(format!("{} {}: {why}", self.now, node.name));
        }
        if let Some(link) = self.links.iter().position(|link| !link.counters.is_balanced()) {
            self.violations.push(format!("link {link} has lost count"));
        }
    }
}
