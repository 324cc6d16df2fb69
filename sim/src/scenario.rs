//! A scenario from a seed: two hosts, a link with faults, and a few workloads over it.
//!
//! Everything about a scenario follows from its seed and can be changed before it is built, so that
//! a test may fix the family or the loss and leave the rest to chance. [`Scenario::run`] plays it
//! to the end: all streams done, then silence, then no socket left but the listeners.

use std::fmt;

use addr::{Cidr, Endpoint, Ip, Mac};
use stack::rng::Rng;
use stack::tcp::{CongestionAlgorithm, Pacing};
use stack::time::Duration;
use stack::{Instant, Limits};
use wire::offload::DeviceCaps;

use crate::app::{DatagramPlan, Datagrams, Gate, Listener, Outcome, Stream, StreamPlan};
use crate::link::{Faults, LinkConfig};
use crate::node::PortConfig;
use crate::world::World;

/// What the two ends of a connection do.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Which host connects: 0 or 1.
    pub client: usize,
    /// What the connecting side does.
    pub plan: StreamPlan,
    /// What the listening side does.
    pub peer: StreamPlan,
    /// Both sides connect at once; nobody listens.
    pub simultaneous: bool,
}

/// Datagrams both ways between the two hosts.
#[derive(Clone, Copy, Debug)]
pub struct Chatter {
    /// Datagrams each side sends.
    pub count: u32,
    /// Their length, at most.
    pub size: u32,
}

/// A scenario, ready to be built.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where it comes from.
    pub seed: u64,
    /// Which family.
    pub v4: bool,
    /// The link between the hosts.
    pub link: LinkConfig,
    /// MTU of both ports.
    pub mtu: u32,
    /// What each port's device does.
    pub caps: [DeviceCaps; 2],
    /// Bounds of each host.
    pub limits: [Limits; 2],
    /// Shards of each host.
    pub shards: [usize; 2],
    /// The connections.
    pub flows: Vec<Flow>,
    /// Datagrams, if any.
    pub chatter: Option<Chatter>,
}

/// What came out of a run.
#[derive(Debug)]
pub struct Report {
    /// The hash of everything that happened.
    pub hash: u64,
    /// How many events there were.
    pub events: u64,
    /// What must not be and was; empty is success.
    pub violations: Vec<String>,
    /// The virtual time at the end.
    pub end: Instant,
}

const PORT_FIRST: u16 = 7_000;
const DATAGRAM_PORT: u16 = 9_000;
/// Backoff may reach two minutes a retransmission; nothing else keeps a stream this long.
const PATIENCE: Duration = Duration::from_secs(400);
const SPAN: Duration = Duration::from_secs(7_200);
/// Longer than TIME-WAIT and the last retransmissions of an orphan.
const SILENCE: Duration = Duration::from_secs(1_000);

impl Scenario {
    /// The scenario of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let rng = &mut Rng::new(seed);
        let v4 = rng.below(2) == 0;
        let mut faults = faults(rng);
        let plain = rng.below(2) == 0;
        if !plain {
            // Nobody checks an unfinished checksum, so damage would get through.
            faults.corrupt = 0;
            faults.truncate = 0;
        }
        // Drawn from numbers of their own, so that an option more changes nothing else of a seed.
        let options = &mut Rng::new(!seed);
        let limits = [limits(rng), limits(rng)].map(|limits| with_options(limits, options));
        let caps = [caps(plain, rng), caps(plain, rng)];
        let mtu = match rng.below(4) {
            0 => 1_280 + rng.below(220),
            1 => 9_000,
            _ => 1_500,
        };
        let delay = [20, 1_000, 10_000, 100_000][rng.below(4) as usize];
        let link = LinkConfig {
            rate: [0, 10_000_000, 100_000_000, 1_000_000_000][rng.below(4) as usize],
            delay: Duration::from_micros(delay + u64::from(rng.below(delay as u32))),
            queue: [100_000, 200_000, 1 << 20][rng.below(3) as usize],
            faults,
            ..LinkConfig::default()
        };
        let flows = 1 + rng.below(3);
        let flows = (0..flows).map(|_| flow(rng)).collect();
        let chatter = (rng.below(3) == 0)
            .then(|| Chatter { count: 1 + rng.below(20), size: 4 + rng.below(3_000) });
        Self { seed, v4, link, mtu, caps, limits, shards: [1, 1], flows, chatter }
    }

    /// The address of a host.
    pub fn address(&self, host: usize) -> Ip {
        let last = host as u8 + 1;
        if self.v4 {
            Ip::v4([10, 0, 0, last])
        } else {
            let mut octets = [0; 16];
            octets[0] = 0xfd;
            octets[15] = last;
            Ip::v6(octets)
        }
    }

    /// The world of this scenario, with its applications started.
    pub fn build(&self, verbose: bool) -> World {
        let mut world = World::new(self.seed, verbose);
        let link = world.add_link(self.link);
        for (host, name) in ["a", "b"].into_iter().enumerate() {
            let limits = self.limits[host].clone();
            let node = world.add_host_with_shards(name, limits, self.shards[host]);
            let prefix = if self.v4 { 24 } else { 64 };
            let cidr = Cidr::new(self.address(host), prefix).expect("a prefix of the family");
            let port = PortConfig {
                mac: mac(host),
                mtu: self.mtu,
                caps: self.caps[host],
                addresses: vec![cidr],
            };
            world.plug(node, link, &port);
        }
        if self.flows.iter().any(|flow| flow.simultaneous) {
            introduce(&mut world, self);
        }
        for (i, flow) in self.flows.iter().enumerate() {
            self.start_flow(&mut world, PORT_FIRST + 2 * i as u16, flow);
        }
        if let Some(chatter) = self.chatter {
            self.start_chatter(&mut world, chatter);
        }
        world
    }

    fn start_flow(&self, world: &mut World, port: u16, flow: &Flow) {
        let (client, server) = (flow.client, 1 - flow.client);
        let at = Endpoint::new(self.address(server), port);
        let mut plan = flow.plan.clone();
        plan.remote = Some(at);
        if flow.simultaneous {
            let from = Endpoint::new(self.address(client), port + 1);
            plan.local = Some(from);
            let peer = StreamPlan { local: Some(at), remote: Some(from), ..flow.peer.clone() };
            world.start(server, Stream::connecting(peer));
        } else {
            world.start(server, Listener::app(at, vec![flow.peer.clone()]));
        }
        world.start(client, Stream::connecting(plan));
    }

    fn start_chatter(&self, world: &mut World, chatter: Chatter) {
        let faults = self.link.faults;
        let harmless = faults == Faults::default() && self.link.queue >= 1 << 20;
        for host in 0..2 {
            let key = self.seed ^ host as u64;
            let plan = DatagramPlan {
                local: Endpoint::new(self.address(host), DATAGRAM_PORT),
                peer: Endpoint::new(self.address(1 - host), DATAGRAM_PORT),
                count: chatter.count,
                size: chatter.size,
                key,
                expect: (key ^ 1, chatter.count, chatter.size),
                pause: Duration::from_millis(100),
                enough: if harmless { chatter.count } else { 0 },
                stall_timeout: Duration::from_secs(10),
            };
            world.start(host, Datagrams::app(plan));
        }
    }

    /// Plays the scenario in a world that was built from it.
    pub fn play(&self, world: &mut World) -> Report {
        if world.finish(SPAN, PATIENCE) {
            world.run(SILENCE, |_| false);
            world.check_rest();
        }
        Report {
            hash: world.trace.hash(),
            events: world.trace.events(),
            violations: world.violations.clone(),
            end: world.now,
        }
    }

    /// Builds and plays it.
    pub fn run(&self) -> Report {
        self.play(&mut self.build(false))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LinkConfig { rate, delay, queue, faults, .. } = self.link;
        writeln!(
            f,
            "seed {}: IPv{}, mtu {}, {}, delay {delay:?}, queue {queue}",
            self.seed,
            if self.v4 { 4 } else { 6 },
            self.mtu,
            match rate {
                0 => "any rate".to_owned(),
                1..1_000_000 => format!("{} kbit/s", rate / 1000),
                _ => format!("{} Mbit/s", rate / 1_000_000),
            }
        )?;
        writeln!(f, "  {faults:?}")?;
        for (host, name) in ["a", "b"].into_iter().enumerate() {
            let (limits, caps) = (&self.limits[host], &self.caps[host]);
            let Limits { tcp_receive_buffer, tcp_send_buffer, .. } = limits;
            write!(f, "  {name}: ")?;
            if self.shards[host] > 1 {
                write!(f, "{} shards, ", self.shards[host])?;
            }
            write!(f, "receive buffer {tcp_receive_buffer}")?;
            write!(f, ", send buffer {tcp_send_buffer}, gso {}", caps.gso_max)?;
            write!(f, ", checksum offload {}", caps.tx_checksum)?;
            let Limits { tcp_sack, tcp_timestamps, tcp_window_scaling, .. } = limits;
            write!(f, ", sack {tcp_sack}, timestamps {tcp_timestamps}")?;
            write!(f, ", window scaling {tcp_window_scaling}")?;
            let Limits { tcp_congestion, tcp_pacing, .. } = limits;
            writeln!(f, ", {} with pacing {tcp_pacing:?}", tcp_congestion.name())?;
        }
        for flow in &self.flows {
            let StreamPlan { send, expect, gate, chunk, pause, abort_at, .. } = &flow.plan;
            write!(f, "  {} > {}: {gate:?}", flow.client, 1 - flow.client)?;
            write!(f, ", sends {}, expects {}, chunk {chunk}", send.0, expect.0)?;
            write!(f, ", pauses {pause:?} and {:?}", flow.peer.pause)?;
            let how = if flow.simultaneous { ", both connect" } else { "" };
            writeln!(f, ", aborts {:?} and {:?}{how}", abort_at, flow.peer.abort_at)?;
        }
        match self.chatter {
            Some(chatter) => writeln!(f, "  {chatter:?}"),
            None => Ok(()),
        }
    }
}

/// Makes the hosts known to each other for good. A simultaneous open that one side gives up (its
/// neighbour is lost) would meet a closed port for ever.
fn introduce(world: &mut World, scenario: &Scenario) {
    for host in 0..2 {
        let (ip, mac) = (scenario.address(1 - host), mac(1 - host));
        world.with_host(host, |node, now| {
            let ifindex = node.ports[0].ifindex;
            node.host.neighbor_add(now, ifindex, ip, mac).expect("a neighbour's address");
        });
    }
}

fn mac(host: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, host as u8 + 1])
}

fn faults(rng: &mut Rng) -> Faults {
    let mut upto = |ppm: u32| if rng.below(2) == 0 { 0 } else { rng.below(ppm) };
    Faults {
        loss: upto(100_000),
        burst: upto(5_000),
        burst_span: Duration::from_millis(20),
        reorder: upto(100_000),
        reorder_span: Duration::from_micros(u64::from(upto(50_000)) + 500),
        duplicate: upto(50_000),
        corrupt: upto(30_000),
        truncate: upto(10_000),
        ..Faults::default()
    }
}

fn limits(rng: &mut Rng) -> Limits {
    let mut buffer = || [4_096, 16_384, 65_536, 262_144][rng.below(4) as usize];
    Limits { tcp_receive_buffer: buffer(), tcp_send_buffer: buffer(), ..small_limits() }
}

/// Each option of TCP is off on a host in a quarter of the seeds; half of the hosts pace, half keep
/// to NewReno.
fn with_options(limits: Limits, rng: &mut Rng) -> Limits {
    let mut is_on = || rng.below(4) > 0;
    let (tcp_sack, tcp_timestamps, tcp_window_scaling) = (is_on(), is_on(), is_on());
    let tcp_pacing = if rng.below(2) == 0 { Pacing::On } else { Pacing::Off };
    let tcp_congestion = CongestionAlgorithm::ALL[rng.below(2) as usize];
    let options = Limits { tcp_sack, tcp_timestamps, tcp_window_scaling, ..limits };
    Limits { tcp_pacing, tcp_congestion, ..options }
}

/// The default bounds with tables for a handful of sockets, so that a host is made quickly. A SYN
/// is sent more often than usual: at a tenth lost, seven in a row happen in a thousand seeds.
pub fn small_limits() -> Limits {
    Limits {
        tcp_connections: 64,
        tcp_listeners: 16,
        tcp_embryos: 16,
        tcp_time_wait: 64,
        tcp_syn_retries: 10,
        tcp_synack_retries: 10,
        udp_sockets: 16,
        neighbors: 16,
        routes: 16,
        addresses: 16,
        ..Limits::default()
    }
}

fn caps(plain: bool, rng: &mut Rng) -> DeviceCaps {
    if plain {
        return DeviceCaps::default();
    }
    let gso = rng.below(2) == 0;
    let gso_max = if gso { 65_535 } else { 0 };
    DeviceCaps { tx_checksum: true, gso_max, gso4: gso, gso6: gso }
}

fn flow(rng: &mut Rng) -> Flow {
    let mut bytes = |least: u32, most: u32| u64::from(least + rng.below(most - least));
    let kind = bytes(0, 6);
    let (a, b) = (bytes(0, u32::MAX), bytes(0, u32::MAX));
    let (send, expect, gate) = match kind {
        0 => (bytes(20_000, 200_000), 0, Gate::Free),
        1 => (0, bytes(20_000, 200_000), Gate::Free),
        2 => (bytes(0, 100_000), bytes(0, 100_000), Gate::Free),
        3 => {
            let total = bytes(1, 60_000);
            (total, total, Gate::Free)
        }
        _ => {
            let (request, response) = (bytes(1, 3_000), bytes(1, 10_000));
            let rounds = bytes(1, 20);
            (request * rounds, response * rounds, Gate::Ask { request, response })
        }
    };
    let mut plan = StreamPlan {
        send: (send, a),
        expect: (expect, b),
        gate,
        start: Instant::from_millis(u64::from(rng.below(2_000))),
        ..StreamPlan::default()
    };
    let mut peer = plan.mirrored();
    if kind == 3 {
        peer.gate = Gate::Echo;
        peer.send.1 = a;
        plan.expect.1 = a;
    }
    for side in [&mut plan, &mut peer] {
        let most = [100, 5_000, 60_000][rng.below(3) as usize];
        side.chunk = 1 + rng.below(most) as usize;
        let pause = Duration::from_millis(1 + u64::from(rng.below(50)));
        side.pause = (side.chunk > 500 && rng.below(4) == 0).then_some(pause);
        side.finish_last = rng.below(2) == 0;
        side.eager = rng.below(2) == 0;
    }
    if rng.below(10) == 0 {
        plan.ending = None;
        peer.ending = None;
        let side = if rng.below(2) == 0 { &mut plan } else { &mut peer };
        side.abort_at = Some(u64::from(rng.below(side.expect.0 as u32 + 1)));
        side.ending = Some(Outcome::Aborted);
    }
    let simultaneous = rng.below(8) == 0;
    if simultaneous {
        peer.start = plan.start;
    }
    Flow { client: rng.below(2) as usize, plan, peer, simultaneous }
}
