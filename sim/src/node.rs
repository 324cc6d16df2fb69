//! One host in the world: its ports on links, its applications, and the turn that steps them.
//!
//! A turn is what a runtime does with a host: tell the applications what changed, let the host fill
//! frames, serve its deadline, until it rests. What comes out of it is a `Turn`; the world does
//! the rest (links, time).
//!
//! A host has a clock of its own, which may be ahead of the world's: it jumps when the machine was
//! suspended, or when somebody sets it. Instants inside the host and its applications are of that
//! clock; [`Node::clock`] and [`Node::world_time`] translate.

use std::collections::BTreeMap;

use addr::{Cidr, IfIndex, Mac};
use stack::rng::Rng;
use stack::time::Duration;
use stack::{AddrGenMode, Host, Instant, InterfaceConfig, Limits, Readiness, SocketId};
use wire::offload::{DeviceCaps, Medium, TxMeta};

use crate::app::{App, AppCx};
use crate::capture::Capture;

/// A port of a host on a link.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// The host's name for it.
    pub ifindex: IfIndex,
    /// Which link.
    pub link: usize,
    /// Which station on that link.
    pub station: usize,
    /// Our link address.
    pub mac: Mac,
    /// Largest IP packet.
    pub mtu: u32,
}

/// What a port is made from.
#[derive(Clone, Debug)]
pub struct PortConfig {
    /// Our link address.
    pub mac: Mac,
    /// Largest IP packet.
    pub mtu: u32,
    /// What the device does for the host.
    pub caps: DeviceCaps,
    /// Addresses.
    pub addresses: Vec<Cidr>,
}

/// A host with its applications.
pub struct Node {
    /// Its name in the trace.
    pub name: String,
    /// The stack.
    pub host: Host,
    /// Its ports.
    pub ports: Vec<Port>,
    /// Its applications; finished ones stay, for their outcome.
    pub apps: Vec<App>,
    /// What passed it, since a capture was begun.
    pub capture: Option<Capture>,
    /// Frames that arrived here and frames the host filled, as the world counts them.
    pub(crate) frames: (u64, u64),
    /// When its next wake-up is scheduled, in the world's time.
    pub(crate) wake_at: Instant,
    /// How far its clock is ahead of the world's.
    skew: Duration,
    /// When its clock last jumped, in the world's time.
    jumped_at: Option<Instant>,
    /// Until when it does nothing, in the world's time.
    asleep_until: Instant,
    /// Things that wait for it to go on.
    waiting: u64,
    owners: BTreeMap<SocketId, usize>,
    rng: Rng,
    slot: Vec<u8>,
}

/// What a turn brought about.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// What applications noticed.
    pub(crate) notes: Vec<String>,
    /// What must not be.
    pub(crate) violations: Vec<String>,
    /// Applications that want to act by themselves.
    pub(crate) alarms: Vec<(Instant, usize)>,
}

/// No host needs so many rounds in one instant; one that does runs in a circle.
const ROUNDS_MAX: u32 = 10_000;
/// Frames that a device keeps for a host that does not take them.
const DEVICE_RING: u64 = 1_024;
/// Room for the largest frame a device with segmentation takes.
const SLOT_LEN: usize = 65_550;

impl Node {
    pub(crate) fn new(name: &str, limits: Limits, shards: usize, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self {
            name: name.into(),
            host: Host::with_shards(limits, rng.next_u64(), shards),
            ports: Vec::new(),
            apps: Vec::new(),
            capture: None,
            frames: (0, 0),
            wake_at: Instant::FAR,
            skew: Duration::ZERO,
            jumped_at: None,
            asleep_until: Instant::ZERO,
            waiting: 0,
            owners: BTreeMap::new(),
            rng,
            slot: vec![0; SLOT_LEN],
        }
    }

    /// Begins to keep every frame that passes it, with its verdict.
    pub fn begin_capture(&mut self) {
        self.capture = Some(Capture::begin(&mut self.host));
    }

    /// What its clock shows at `now` of the world.
    pub fn clock(&self, now: Instant) -> Instant {
        now + self.skew
    }

    /// When in the world its clock shows `at`.
    pub fn world_time(&self, at: Instant) -> Instant {
        if at == Instant::FAR { at } else { Instant::ZERO + at.since(Instant::ZERO + self.skew) }
    }

    /// For how long an application has got nowhere. A jump of the clock is no time to get anywhere.
    pub(crate) fn idle_for(&self, now: Instant, app: &App) -> Duration {
        let shown = self.clock(now).since(app.progress_at());
        self.jumped_at.map_or(shown, |at| shown.min(now.since(at)))
    }

    /// Its clock jumps ahead.
    pub(crate) fn jump(&mut self, now: Instant, by: Duration) {
        self.skew += by;
        self.jumped_at = Some(now);
    }

    /// It does nothing until `until`.
    pub(crate) fn sleep(&mut self, until: Instant) {
        self.asleep_until = until;
        self.jumped_at = Some(until);
        self.waiting = 0;
    }

    /// If it sleeps: when it will see to what happens now. What waits keeps its order. `frame` says
    /// that it is a frame, of which the device keeps only so many: nothing if it is lost.
    pub(crate) fn postpone(&mut self, now: Instant, frame: bool) -> Option<Option<Instant>> {
        if now >= self.asleep_until {
            return None;
        }
        if frame && self.waiting >= DEVICE_RING {
            return Some(None);
        }
        self.waiting += 1;
        Some(Some(self.asleep_until + Duration::from_nanos(self.waiting)))
    }

    /// Makes an interface of the host and puts it on a link.
    pub(crate) fn plug(&mut self, now: Instant, config: &PortConfig, link: usize, station: usize) {
        let interface = InterfaceConfig {
            name: format!("sim{}", self.ports.len()),
            medium: Medium::Ethernet,
            mac: config.mac,
            mtu: config.mtu,
            caps: config.caps,
            link_local: AddrGenMode::Eui64,
        };
        let ifindex = self.host.interface_add(now, interface).expect("the scenario names ports");
        for cidr in &config.addresses {
            self.host.address_add(now, ifindex, *cidr).expect("the scenario names addresses");
        }
        self.ports.push(Port { ifindex, link, station, mac: config.mac, mtu: config.mtu });
    }

    /// Starts an application.
    pub(crate) fn start(&mut self, now: Instant, app: App, turn: &mut Turn) {
        self.apps.push(app);
        let index = self.apps.len() - 1;
        self.with_app(index, now, turn, App::start);
    }

    /// The application's own clock struck.
    pub(crate) fn act(&mut self, now: Instant, app: usize, turn: &mut Turn) {
        self.with_app(app, now, turn, App::act);
    }

    fn with_app(
        &mut self,
        index: usize,
        now: Instant,
        turn: &mut Turn,
        act: impl FnOnce(&mut App, &mut AppCx<'_>),
    ) {
        let mut cx = AppCx {
            now,
            host: &mut self.host,
            rng: &mut self.rng,
            notes: Vec::new(),
            violations: Vec::new(),
            spawned: Vec::new(),
        };
        let app = &mut self.apps[index];
        let before = app.socket();
        act(app, &mut cx);
        let AppCx { notes, violations, spawned, .. } = cx;
        turn.notes.extend(notes.into_iter().map(|note| format!("{index} {note}")));
        turn.violations.extend(violations.into_iter().map(|v| format!("app {index}: {v}")));
        if let Some(at) = app.take_alarm() {
            turn.alarms.push((at.max(now), index));
        }
        let after = app.socket();
        if before != after {
            before.map(|id| self.owners.remove(&id));
            after.map(|id| self.owners.insert(id, index));
        }
        for app in spawned {
            let index = self.apps.len();
            app.socket().map(|id| self.owners.insert(id, index));
            self.apps.push(app);
            turn.alarms.push((now, index));
        }
    }

    /// Steps the host and its applications until they rest. Each frame it fills goes to `send`.
    pub(crate) fn turn(
        &mut self,
        now: Instant,
        turn: &mut Turn,
        mut send: impl FnMut(&Port, &[u8], &TxMeta),
    ) {
        for _ in 0..ROUNDS_MAX {
            let mut worked = self.dispatch_events(now, turn);
            for port in &self.ports {
                while self.host.has_output(port.ifindex) {
                    let meta = self.host.transmit(now, port.ifindex, &mut self.slot);
                    let Some(meta) = meta else { break };
                    send(port, &self.slot[..meta.len as usize], &meta);
                    self.frames.1 += 1;
                    worked = true;
                }
            }
            if self.host.next_deadline().is_some_and(|at| at <= now) {
                self.host.expire(now);
                worked = true;
            }
            if !worked {
                let capture = self.capture.as_mut();
                let collected = capture.map_or(Ok(()), |capture| capture.collect(&mut self.host));
                turn.violations.extend(collected.err());
                return;
            }
        }
        turn.violations.push("does not come to rest".into());
    }

    /// Tells the applications what changed for their sockets.
    fn dispatch_events(&mut self, now: Instant, turn: &mut Turn) -> bool {
        let mut told = false;
        while let Some((id, what)) = self.host.next_event() {
            told = true;
            if let Some(index) = self.owners.get(&id).copied() {
                self.with_app(index, now, turn, |app, cx| app.on_event(what, cx));
            } else if what.is_empty() {
                turn.violations.push(format!("an event of {id:?} says nothing"));
            }
            if what.has(Readiness::GONE) {
                self.owners.remove(&id);
            }
        }
        told
    }
}
