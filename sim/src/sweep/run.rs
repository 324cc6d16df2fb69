//! One run of one cell: what is sent, what is measured, what must not be.
//!
//! Faults begin when the client is connected, so that the measure is of the transfer and not of a
//! lost SYN. What a [`Twist`] changes under way it changes when half of the bytes have arrived.
//! Judged beyond the invariants of every world: the receiver never waits longer than its path
//! explains ([`stall_timeout`]), and no timeout happens where none is needed
//! ([`needs_no_timeout`]).

use addr::{Cidr, Endpoint, Ip, Mac};
use stack::tcp::{CongestionAlgorithm, Pacing};
use stack::time::Duration;
use stack::{Instant, Limits, SocketError};
use wire::offload::DeviceCaps;

use crate::app::{App, Listener, Outcome, Stream, StreamPlan};
use crate::link::{Faults, Gilbert, LinkConfig};
use crate::node::PortConfig;
use crate::scenario::small_limits;
use crate::world::World;

use super::{BUFFER, BURST, Cell, MTU, NARROW_MTU, Twist, ideal};

const SENDER: usize = 0;
const RECEIVER: usize = 1;
const LINK: usize = 0;
const PORT: u16 = 80;
/// Longer than any run.
const SPAN: Duration = Duration::from_secs(100_000);
/// Longer than TIME-WAIT and an orphan's last retransmissions.
const SILENCE: Duration = Duration::from_secs(1_000);
/// Losses that a run should see, so that one more or less says little.
const LOSSES_WANTED: u64 = 30;
/// Bytes of the shortest and the longest run.
const BYTES: std::ops::RangeInclusive<u64> = 600_000..=30_000_000;
/// Round trips of a run at the ideal rate, if that fits.
const TRIPS: u64 = 40;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Bytes sent.
    pub bytes: u64,
    /// From connected to the last byte's arrival.
    pub elapsed: Duration,
    /// What that would be on this path ideally.
    pub ideal: Duration,
    /// Segments sent, and how many of them again.
    pub segments: u64,
    /// Segments sent again.
    pub resent: u64,
    /// Retransmission timeouts.
    pub timeouts: u64,
    /// The longest time nothing arrived in order.
    pub gap: Duration,
    /// What must not be and was.
    pub violations: Vec<String>,
}

/// How much a run sends.
pub fn bytes(cell: &Cell) -> u64 {
    let trips = u128::from(ideal::rate(cell)) * u128::from(cell.rtt * TRIPS) / 1_000_000;
    let losses = match cell.loss_events() {
        0 => 0,
        ppm => LOSSES_WANTED * 1_000_000 / u64::from(ppm) * cell.mss(),
    };
    (trips as u64).max(losses).clamp(*BYTES.start(), *BYTES.end())
}

/// How long the receiver may wait for the next byte in order.
pub fn stall_timeout(cell: &Cell) -> Duration {
    // Until the last byte of a full queue is there, and four round trips for what repair takes.
    let queue = cell.queue().min(BUFFER as u64) * 8_000_000 / cell.rate;
    let path = Duration::from_micros(4 * (cell.rtt + queue));
    let loss = match cell.loss {
        0 => Duration::from_secs(1),
        // A timeout, or three with back-off: ten lost of a hundred lose a retransmission again.
        1..=10_000 => Duration::from_secs(3),
        _ => Duration::from_secs(20),
    };
    let twist = match cell.twist {
        // The window update is lost with the dead link: the next probe finds it.
        Twist::Outage(span) | Twist::ReceiverSleeps(span) | Twist::SenderSleeps(span) => 3 * span,
        Twist::LongerPath(span) => 4 * span,
        Twist::StalledReader(span) => span + Duration::from_secs(1),
        // The acknowledgments of several timeouts in a row may be lost.
        Twist::AckLoss(_) => Duration::from_secs(20),
        _ => Duration::ZERO,
    };
    path + loss + twist
}

/// Whether every retransmission timeout would be a mistake: nothing is lost but what a full queue
/// drops, and the path does not go dead.
pub fn needs_no_timeout(cell: &Cell) -> bool {
    let is_calm = match cell.twist {
        Twist::Plain
        | Twist::Paced
        | Twist::Reno
        | Twist::Reorder(_)
        | Twist::Duplicate(_)
        | Twist::ThinReturn(_)
        | Twist::Narrow
        | Twist::StalledReader(_)
        | Twist::ReceiverClock(_) => true,
        Twist::AckLoss(ppm) => ppm <= 100_000,
        _ => false,
    };
    is_calm && cell.loss == 0
}

/// Plays a cell.
pub fn run(cell: &Cell) -> Measured {
    play(cell, &mut build(cell, false))
}

/// Plays a cell in a world that was built from it.
pub fn play(cell: &Cell, world: &mut World) -> Measured {
    let bytes = bytes(cell);
    let stall_timeout = stall_timeout(cell);
    let has = |world: &World, n: u64| receiver(world).is_some_and(|s| s.received() >= n);
    let is_stuck = |world: &World| {
        let node = &world.nodes[RECEIVER];
        let mut apps = node.apps.iter();
        apps.any(|a| matches!(a, App::Stream(_)) && node.idle_for(world.now, a) > stall_timeout)
    };
    world.run(SPAN, |world| sender(world).is_some_and(Stream::is_connected));
    let start = world.now;
    begin(cell, world);
    world.run(SPAN, |world| has(world, bytes / 2) || is_stuck(world));
    halfway(cell, world);
    if cell.twist == Twist::Vanish {
        return vanished(cell, world, start, bytes);
    }
    world.run(SPAN, |world| has(world, bytes) || is_stuck(world));
    let elapsed = world.now.since(start);
    let received = receiver(world).map_or(0, Stream::received);
    if received < bytes && world.violations.is_empty() {
        world.violations.push(format!("stalled at {received} of {bytes} bytes"));
    }
    conclude(world);
    measure(cell, world, elapsed, bytes)
}

fn sender(world: &World) -> Option<&Stream> {
    stream(world, SENDER)
}

fn receiver(world: &World) -> Option<&Stream> {
    stream(world, RECEIVER)
}

fn stream(world: &World, node: usize) -> Option<&Stream> {
    world.nodes[node].apps.iter().find_map(|app| match app {
        App::Stream(stream) => Some(&**stream),
        _ => None,
    })
}

fn address(v4: bool, host: usize) -> Ip {
    let last = host as u8 + 1;
    if v4 {
        return Ip::v4([10, 0, 0, last]);
    }
    Ip::v6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
}

fn mac(host: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, host as u8 + 1])
}

/// Two hosts that know each other on the cell's path, the sender about to connect. The world keeps
/// the lines of its trace if `verbose`.
pub fn build(cell: &Cell, verbose: bool) -> World {
    let bytes = bytes(cell);
    let mut world = World::new(cell.seed(), verbose);
    let link = world.add_link(LinkConfig {
        rate: cell.rate,
        delay: Duration::from_micros(cell.rtt / 2),
        queue: cell.queue(),
        ..LinkConfig::default()
    });
    let prefix = if cell.v4 { 24 } else { 64 };
    for (host, name) in ["a", "b"].into_iter().enumerate() {
        let limits = Limits {
            tcp_receive_buffer: BUFFER,
            tcp_send_buffer: BUFFER,
            tcp_rmem: [4_096, 131_072, BUFFER],
            tcp_wmem: [4_096, 16_384, BUFFER],
            tcp_pacing: if cell.twist == Twist::Paced { Pacing::On } else { Pacing::Off },
            tcp_congestion: match cell.twist {
                Twist::Reno => CongestionAlgorithm::Reno,
                _ => CongestionAlgorithm::Cubic,
            },
            ..small_limits()
        };
        let node = world.add_host(name, limits);
        let cidr = Cidr::new(address(cell.v4, host), prefix).expect("a prefix of the family");
        let port = PortConfig {
            mac: mac(host),
            mtu: MTU,
            caps: DeviceCaps::default(),
            addresses: vec![cidr],
        };
        world.plug(node, link, &port);
    }
    for host in [SENDER, RECEIVER] {
        let (ip, mac) = (address(cell.v4, 1 - host), mac(1 - host));
        world.with_host(host, |node, now| {
            let ifindex = node.ports[0].ifindex;
            node.host.neighbor_add(now, ifindex, ip, mac).expect("a neighbour's address");
        });
    }
    let at = Endpoint::new(address(cell.v4, RECEIVER), PORT);
    let mut plan = StreamPlan {
        remote: Some(at),
        send: (bytes, cell.seed()),
        chunk: 1 << 16,
        retries: 0,
        ..StreamPlan::default()
    };
    let mut peer = StreamPlan { finish_last: true, ..plan.mirrored() };
    match cell.twist {
        Twist::StalledReader(span) => peer.stall = Some((bytes / 2, span)),
        Twist::Vanish => {
            plan.ending = Some(Outcome::Failed(SocketError::TimedOut));
            peer.ending = None;
        }
        _ => {}
    }
    world.start(RECEIVER, Listener::app(at, vec![peer]));
    world.start(SENDER, Stream::connecting(plan));
    world
}

/// The faults begin.
fn begin(cell: &Cell, world: &mut World) {
    let link = &mut world.links[LINK];
    let mut faults = Faults::default();
    if cell.bursts {
        let frames = 10 * cell.frame() * 8_000_000 / cell.rate;
        let span = Duration::from_micros(cell.rtt.max(frames));
        faults.gilbert = Gilbert::bursts(cell.loss, BURST, span);
    } else {
        faults.loss = cell.loss;
    }
    match cell.twist {
        Twist::Reorder(ppm) => {
            faults.reorder = ppm;
            faults.reorder_span = Duration::from_micros(cell.rtt / 4);
        }
        Twist::Duplicate(ppm) => faults.duplicate = ppm,
        Twist::Corrupt(ppm) => faults.corrupt = ppm,
        Twist::AckLoss(ppm) => link.lane(RECEIVER).faults.loss = ppm,
        Twist::ThinReturn(fraction) => link.lane(RECEIVER).rate = cell.rate / fraction,
        _ => {}
    }
    link.lane(SENDER).faults = faults;
}

/// What happens under way.
fn halfway(cell: &Cell, world: &mut World) {
    match cell.twist {
        Twist::Narrow => world.links[LINK].lane(SENDER).mtu = NARROW_MTU,
        Twist::SenderClock(span) => world.jump_clock(SENDER, span),
        Twist::ReceiverClock(span) => world.jump_clock(RECEIVER, span),
        Twist::SenderSleeps(span) => world.suspend(SENDER, span),
        Twist::ReceiverSleeps(span) => world.suspend(RECEIVER, span),
        Twist::LongerPath(span) => world.links[LINK].lane(SENDER).delay += span,
        Twist::Outage(span) => {
            world.links[LINK].up = false;
            world.run(span, |_| false);
            world.links[LINK].up = true;
        }
        Twist::Vanish => world.links[LINK].up = false,
        _ => {}
    }
}

/// Both sides end in order, and nothing is left.
fn conclude(world: &mut World) {
    if world.violations.is_empty() && world.finish(SPAN, SILENCE) {
        world.run(SILENCE, |_| false);
        world.check_rest();
    }
}

/// The peer is gone: the sender must notice, as late as Linux does and not much later.
fn vanished(cell: &Cell, world: &mut World, start: Instant, bytes: u64) -> Measured {
    let gone_at = world.now;
    let is_over = |world: &World| world.nodes[SENDER].apps[0].outcome().is_some();
    world.run(SPAN, is_over);
    let took = world.now.since(gone_at).as_secs();
    // RFC 9293 §3.8.3 wants at least 100 s; Linux takes about a quarter of an hour.
    if world.violations.is_empty() && !(600..=1_800).contains(&took) {
        world.violations.push(format!("noticed after {took} s that the peer is gone"));
    }
    let elapsed = world.now.since(start);
    conclude(world);
    measure(cell, world, elapsed, bytes)
}

fn measure(cell: &Cell, world: &mut World, elapsed: Duration, bytes: u64) -> Measured {
    let stats = world.nodes[SENDER].host.stats();
    let gap = receiver(world).map_or(Duration::ZERO, Stream::longest_gap);
    if needs_no_timeout(cell) && stats.tcp_timeouts > 0 && world.violations.is_empty() {
        let why = format!("{} timeouts where none was needed", stats.tcp_timeouts);
        world.violations.push(why);
    }
    Measured {
        bytes,
        elapsed,
        ideal: ideal::time(cell, bytes),
        segments: stats.tcp_segments_out,
        resent: stats.tcp_retransmits,
        timeouts: stats.tcp_timeouts,
        gap,
        violations: world.violations.clone(),
    }
}
