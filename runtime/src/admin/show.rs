//! Records of what there is, in the words of `ip(8)` and `ss(8)`.

use std::collections::BTreeMap;

use addr::{IfIndex, Ip};
use client::admin::{
    Address, DaemonInfo, Frames, LIFETIME_FOREVER, Link, LinkStats, Neighbor, Route, Socket,
    SocketCursor, SocketPage, SocketShow, Stats, TcpDetail, Timer,
};
use datapath::{Backend, DeviceState, Losses, OsDevice};
use stack::control::{AddressState, InterfaceAddress, InterfaceInfo, LinkState};
use stack::socket::{SocketInfo, TcpDetail as Detail};
use stack::stats::LinkCounters;
use stack::{ControlError, Instant};
use wire::offload::{DeviceCaps, Medium};

use crate::port::PortEnd;
use crate::port::handle::Report;
use crate::sockets::Core;

pub(super) fn info(core: &Core) -> DaemonInfo {
    DaemonInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        // The clock starts with the engine.
        uptime: core.now.millis() / 1000,
    }
}

/// Ports first, the loopback interface last. A shard without the control plane shows only the
/// numbers of the interfaces and the traffic that it has seen.
pub(super) fn links(core: &Core, ports: &[PortEnd]) -> Vec<Link> {
    let Ok(mut interfaces) = core.worker.interfaces() else {
        let known = core.worker.fib().interfaces.iter();
        return known.map(|interface| traffic_of_shard(interface.ifindex, core, ports)).collect();
    };
    interfaces.sort_by_key(|i| i.ifindex);
    interfaces
        .into_iter()
        .map(|interface| {
            let port = ports.iter().find(|port| port.ifindex == interface.ifindex);
            link(interface, port)
        })
        .collect()
}

fn link(interface: InterfaceInfo, port: Option<&PortEnd>) -> Link {
    let report = port.map(PortEnd::report);
    let device = port.and_then(|port| port.info.os.as_ref());
    let gone = device.is_some_and(|device| device.state() == DeviceState::Gone);
    let mut stats = traffic(&interface.counters, report.as_ref());
    let mut losses = report.as_ref().map(losses).unwrap_or_default();
    let queue = port.filter(|port| matches!(port.info.backend, Backend::Tap | Backend::Tun));
    if let Some(dropped) = queue.and(device).and_then(OsDevice::queue_drops) {
        stats.rx_dropped += dropped;
        losses.insert("queue_full".into(), dropped);
    }
    Link {
        ifindex: interface.ifindex.get(),
        kind: port.map_or("loopback", kind).into(),
        mode: port.map(|port| port.info.mode.clone()).unwrap_or_default(),
        mac: interface.mac.map(|mac| mac.to_string()),
        mtu: interface.mtu,
        flags: flags(&interface),
        state: match () {
            () if interface.is_loopback => "UNKNOWN",
            () if gone => "NOTPRESENT",
            () => interface.state.operstate(),
        }
        .into(),
        offload: offload(&interface.caps),
        stats,
        frames: report.as_ref().map(frames),
        losses,
        xdp: port.and_then(PortEnd::verdicts),
        name: interface.name,
        shards: Vec::new(),
    }
}

fn traffic_of_shard(ifindex: IfIndex, core: &Core, ports: &[PortEnd]) -> Link {
    let report = ports.iter().find(|port| port.ifindex == ifindex).map(PortEnd::report);
    Link {
        ifindex: ifindex.get(),
        stats: traffic(&core.worker.link_counters(ifindex), report.as_ref()),
        frames: report.as_ref().map(frames),
        losses: report.as_ref().map(losses).unwrap_or_default(),
        ..Link::default()
    }
}

/// What the stack has counted of an interface, and what the ports lost before it came there.
fn traffic(counted: &LinkCounters, report: Option<&Report>) -> LinkStats {
    let lost = report.map(|report| report.stats).unwrap_or_default();
    LinkStats {
        rx_packets: counted.rx_packets,
        rx_bytes: counted.rx_bytes,
        rx_errors: counted.rx_errors + lost.rx_errors,
        rx_dropped: counted.rx_dropped + lost.rx_dropped,
        tx_packets: counted.tx_packets,
        tx_bytes: counted.tx_bytes,
        tx_errors: lost.tx_errors,
        tx_dropped: lost.tx_dropped,
    }
}

/// What was lost between the device and the stack, by name: as the kernel counts it, and by the
/// ports themselves.
fn losses(report: &Report) -> BTreeMap<String, u64> {
    let kernel = report.losses.iter().flat_map(Losses::by_name);
    let received = report.losses.map_or(0, |losses| losses.received());
    let own = [
        ("shard_stalled", report.stats.rx_dropped - received),
        ("tx_link_down", report.stats.tx_dropped),
    ];
    kernel.chain(own).map(|(name, count)| (name.to_string(), count)).collect()
}

fn frames(report: &Report) -> Frames {
    Frames {
        total: report.frames.total.into(),
        fill: report.frames.fill.into(),
        rx: report.frames.rx.into(),
        stack: report.frames.stack.into(),
        tx: report.frames.tx.into(),
        completion: report.frames.completion.into(),
        free: report.frames.free.into(),
    }
}

fn kind(port: &PortEnd) -> &'static str {
    match port.info.backend {
        Backend::Tap => "tap",
        Backend::Tun => "tun",
        Backend::Xdp => "xdp",
        Backend::Pair | Backend::Auto => "pair",
    }
}

fn flags(interface: &InterfaceInfo) -> Vec<String> {
    let medium: &[&str] = match interface.medium {
        _ if interface.is_loopback => &["LOOPBACK"],
        Medium::Ethernet => &["BROADCAST", "MULTICAST"],
        Medium::Ip => &["POINTOPOINT", "MULTICAST", "NOARP"],
    };
    let LinkState { up, carrier } = interface.state;
    let (before, after): (&[&str], &[&str]) = match (up, carrier) {
        (true, true) => (&[], &["UP", "LOWER_UP"]),
        (true, false) => (&["NO-CARRIER"], &["UP"]),
        (false, _) => (&[], &[]),
    };
    [before, medium, after].concat().into_iter().map(String::from).collect()
}

fn offload(caps: &DeviceCaps) -> Vec<String> {
    let segments = caps.gso_max > 0;
    [
        ("tx-checksum", caps.tx_checksum),
        ("tso4", segments && caps.gso4),
        ("tso6", segments && caps.gso6),
    ]
    .into_iter()
    .filter(|(_, on)| *on)
    .map(|(name, _)| name.to_string())
    .collect()
}

pub(super) fn addresses(core: &Core) -> Result<Vec<Address>, ControlError> {
    let mut all = core.worker.addresses()?;
    all.sort_by_key(|a| a.ifindex == LOOPBACK);
    let records = all.into_iter().map(|a| Address {
        ifindex: a.ifindex.get(),
        ifname: a.interface,
        family: family(a.address.ip()),
        address: a.address.ip().to_string(),
        prefix: a.address.cidr.prefix,
        scope: a.scope.name().into(),
        flags: address_flags(&a.address),
        protocol: Some(a.address.origin.name().into()),
        valid_life_time: Some(seconds_left(core.now, a.address.valid_until)),
        preferred_life_time: Some(match a.address.state {
            AddressState::Deprecated => 0,
            _ => seconds_left(core.now, a.address.preferred_until),
        }),
    });
    Ok(records.collect())
}

/// The flags of an address as ip-address(8) prints them.
fn address_flags(address: &InterfaceAddress) -> Vec<String> {
    let lasting = if address.valid_until.is_none() { "permanent" } else { "dynamic" };
    let names = [lasting].into_iter().chain(address.state.name()).chain(address.flags.names());
    names.map(String::from).collect()
}

/// Whole seconds until `end`; [`LIFETIME_FOREVER`] if there is none.
fn seconds_left(now: Instant, end: Option<Instant>) -> u32 {
    let left = |at: Instant| u32::try_from(at.since(now).as_secs()).unwrap_or(LIFETIME_FOREVER);
    end.map_or(LIFETIME_FOREVER, left)
}

pub(super) fn routes(core: &Core) -> Result<Vec<Route>, ControlError> {
    let known = core.worker.routes()?;
    let records = known.into_iter().map(|r| Route {
        destination: match r.destination.prefix {
            0 => "default".into(),
            _ => r.destination.to_string(),
        },
        family: family(r.destination.ip),
        gateway: r.gateway.map(|ip| ip.to_string()),
        ifindex: r.ifindex.get(),
        ifname: r.interface,
        metric: r.metric,
        protocol: r.protocol.name().into(),
        scope: r.scope.name().into(),
        source: r.source.map(|ip| ip.to_string()),
    });
    Ok(records.collect())
}

pub(super) fn neighbors(core: &Core) -> Result<Vec<Neighbor>, ControlError> {
    let known = core.worker.neighbors(core.now)?;
    let records = known.into_iter().map(|n| Neighbor {
        address: n.ip.to_string(),
        family: family(n.ip),
        ifindex: n.ifindex.get(),
        ifname: n.interface,
        lladdr: n.mac.map(|mac| mac.to_string()),
        state: n.state.name().into(),
    });
    Ok(records.collect())
}

/// A page of this shard's sockets. Its `next` is absent on the shard's last page.
pub(super) fn socket_page(core: &Core, show: &SocketShow) -> SocketPage {
    let limit = show.limit.unwrap_or(SocketShow::LIMIT_MAX).clamp(1, SocketShow::LIMIT_MAX);
    let begin = show.after.unwrap_or(SocketCursor { shard: 0, position: 0 });
    let (infos, next) = core.worker.sockets_page(begin.position, limit as usize);
    let sockets = infos.into_iter().map(|info| socket(info, core.now)).collect();
    SocketPage { sockets, next: next.map(|position| SocketCursor { position, ..begin }) }
}

fn socket(info: SocketInfo, now: Instant) -> Socket {
    let any = if info.local.ip.is_v4() { "0.0.0.0:*" } else { "[::]:*" };
    Socket {
        kind: info.kind.netid().into(),
        family: family(info.local.ip),
        state: info.state.into(),
        local: info.local.to_string(),
        remote: info.remote.map_or_else(|| any.into(), |remote| remote.to_string()),
        recv_queue: info.recv_queue as u64,
        send_queue: info.send_queue as u64,
        ifname: None,
        shard: None,
        info: info.detail.map(|detail| inside(&detail, now)),
    }
}

fn inside(d: &Detail, now: Instant) -> TcpDetail {
    let timer = d.timer.map(|(timer, at)| Timer {
        name: timer.name().into(),
        left_us: u64::try_from(at.since(now).as_micros()).unwrap_or(u64::MAX),
    });
    TcpDetail {
        rtt_us: d.rtt_us.into(),
        rttvar_us: d.rttvar_us.into(),
        rto_us: d.rto_us.into(),
        congestion: d.congestion.into(),
        cwnd: d.cwnd.into(),
        // Unset is the largest value.
        ssthresh: (d.ssthresh < 0x7fff_ffff).then_some(d.ssthresh.into()),
        mss: d.mss,
        retransmits: d.retransmits,
        retries: d.retries.into(),
        backoff: d.backoff.into(),
        sacked: d.sacked.into(),
        lost: d.lost.into(),
        reordering: d.reordering,
        pacing_rate: (d.pacing_rate > 0).then_some(d.pacing_rate),
        min_rtt_us: d.min_rtt_us.into(),
        rcv_rtt_us: d.receive_rtt_us.into(),
        rcv_mss: d.receive_mss,
        rcv_space: d.receive_space.into(),
        rcv_buffer: d.receive_buffer.into(),
        snd_buffer: d.send_buffer.into(),
        not_sent: d.not_sent.into(),
        timer,
        in_flight: d.in_flight.into(),
        bytes_sent: d.bytes_sent,
        bytes_received: d.bytes_received,
        send_window: d.send_window.into(),
        recv_window: d.receive_window.into(),
        options: options(d),
    }
}

/// What was agreed on in the handshake, as `ss -i` writes it.
fn options(detail: &Detail) -> Vec<String> {
    let scaling = detail.scaling.map(|(theirs, ours)| format!("wscale:{theirs},{ours}"));
    let flags = [("ts", detail.timestamps), ("sack", detail.sack)];
    let flags = flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_string());
    flags.chain(scaling).collect()
}

pub(super) fn stats(core: &Core) -> Stats {
    let stats = core.worker.stats();
    let counters = stats.counters().map(|(name, value)| (name.to_string(), value));
    let drops = stats.drops().map(|(reason, count)| (reason.name().to_string(), count));
    Stats {
        counters: counters.collect(),
        drops: drops.collect::<BTreeMap<_, _>>(),
        shards: Vec::new(),
    }
}

fn family(ip: Ip) -> u8 {
    if ip.is_v4() { 4 } else { 6 }
}

const LOOPBACK: IfIndex = stack::fib::Fib::LOOPBACK;
