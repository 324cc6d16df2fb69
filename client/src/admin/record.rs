//! Records of the control plane: what `show` answers, one type an object.
//!
//! Both directions go through serde, and the member names here are the names in JSON. Addresses
//! and networks are text in their usual notation. Members that are new or may be missing have
//! defaults, so that either side can be older.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A port of the stack with its counters; `link show`.
///
/// ```
/// use client::admin::Link;
///
/// let link: Link = serde_json::from_str(r#"{"ifindex": 1, "name": "tap7", "kind": "tap"}"#)?;
/// assert_eq!((link.name.as_str(), link.mtu), ("tap7", 0));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The stack's number of the interface, from 1.
    pub ifindex: u32,
    /// Name of the interface.
    pub name: String,
    /// `tap`, `tun`, `xdp` or `loopback`.
    pub kind: String,
    /// How the device is driven, such as `tap vnet_hdr tso4 tso6` or `xdp driver copy`.
    #[serde(default)]
    pub mode: String,
    /// The stack's hardware address; absent without Ethernet.
    #[serde(default)]
    pub mac: Option<String>,
    /// Largest IP packet.
    #[serde(default)]
    pub mtu: u32,
    /// As ip(8) prints them: `BROADCAST`, `MULTICAST`, `POINTOPOINT`, `UP`, ...
    #[serde(default)]
    pub flags: Vec<String>,
    /// `UP` or `DOWN`.
    #[serde(default)]
    pub state: String,
    /// Offloads in use, such as `tx-checksum`, `tso4`.
    #[serde(default)]
    pub offload: Vec<String>,
    /// Traffic since the port was opened.
    #[serde(default)]
    pub stats: LinkStats,
    /// Where the frames of the port's pool are.
    #[serde(default)]
    pub frames: Option<Frames>,
    /// Frames lost between the device and the stack, by name: for AF_XDP the kernel's
    /// (`XDP_STATISTICS`), for TAP and TUN `queue_full`, and the port's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub losses: BTreeMap<String, u64>,
    /// Verdicts of the XDP program, counted by name.
    #[serde(default)]
    pub xdp: Option<BTreeMap<String, u64>>,
    /// What of the traffic each shard has seen, in the order of their numbers; empty with one
    /// shard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<LinkStats>,
}

/// The eight classic counters of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkStats {
    /// Frames received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Frames received that no protocol could parse.
    pub rx_errors: u64,
    /// Frames received and dropped for another reason.
    pub rx_dropped: u64,
    /// Frames sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Frames that the device refused.
    pub tx_errors: u64,
    /// Frames dropped before they reached the device.
    pub tx_dropped: u64,
}

/// Where the frames of a port's pool are; the parts add up to `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frames {
    /// All of them.
    pub total: u64,
    /// Handed to the device to receive into.
    pub fill: u64,
    /// Received, on the way to the stack.
    pub rx: u64,
    /// Held by the stack.
    pub stack: u64,
    /// On the way to the device.
    pub tx: u64,
    /// Sent, not yet taken back.
    pub completion: u64,
    /// Idle.
    pub free: u64,
}

/// An address of the stack; `address show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Interface it is on.
    pub ifindex: u32,
    /// Name of that interface.
    pub ifname: String,
    /// 4 or 6.
    pub family: u8,
    /// The address, without prefix length.
    pub address: String,
    /// Prefix length.
    pub prefix: u8,
    /// `global`, `link` or `host`.
    #[serde(default)]
    pub scope: String,
    /// `tentative`, `optimistic`, `dynamic`, `deprecated`, `permanent`, ...
    #[serde(default)]
    pub flags: Vec<String>,
    /// Who assigned it: `static`, `dhcp`, `kernel_ra`, `kernel_ll`, `kernel_lo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Seconds until it is removed; [`LIFETIME_FOREVER`] for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_life_time: Option<u32>,
    /// Seconds until it is deprecated; [`LIFETIME_FOREVER`] for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_life_time: Option<u32>,
}

/// A lifetime without end, as RFC 4861 §4.6.2 and `ip -j address` have it.
pub const LIFETIME_FOREVER: u32 = u32::MAX;

/// A route; `route show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// `default` or a network such as `10.0.1.0/24`.
    pub destination: String,
    /// 4 or 6.
    pub family: u8,
    /// The next hop; absent when the destination is on the link.
    #[serde(default)]
    pub gateway: Option<String>,
    /// Interface it goes out of.
    #[serde(default)]
    pub ifindex: u32,
    /// Name of that interface.
    #[serde(default)]
    pub ifname: String,
    /// The lowest wins among routes to the same destination.
    #[serde(default)]
    pub metric: u32,
    /// Who made it: `kernel` (by an address), `static`, `boot`, `ra`, `dhcp`.
    #[serde(default)]
    pub protocol: String,
    /// `global`, `link` or `host`.
    #[serde(default)]
    pub scope: String,
    /// Preferred source address.
    #[serde(default)]
    pub source: Option<String>,
}

/// A neighbor cache entry; `neighbor show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbor {
    /// The neighbor's IP address.
    pub address: String,
    /// 4 or 6.
    pub family: u8,
    /// Interface it is behind.
    pub ifindex: u32,
    /// Name of that interface.
    pub ifname: String,
    /// Its hardware address, when known.
    #[serde(default)]
    pub lladdr: Option<String>,
    /// `INCOMPLETE`, `REACHABLE`, `STALE`, `DELAY`, `PROBE`, `FAILED`, `PERMANENT`.
    pub state: String,
}

/// A socket; `socket show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// `tcp` or `udp`.
    pub kind: String,
    /// 4 or 6.
    pub family: u8,
    /// The state as ss(8) names it: `LISTEN`, `ESTAB`, `TIME-WAIT`, `UNCONN`, ...
    pub state: String,
    /// Local address and port.
    pub local: String,
    /// Remote address and port; `0.0.0.0:*` or `[::]:*` without one.
    pub remote: String,
    /// Bytes that the application has not read; for a listener, connections not yet accepted.
    #[serde(default)]
    pub recv_queue: u64,
    /// Bytes not yet sent or acknowledged; for a listener, the backlog.
    #[serde(default)]
    pub send_queue: u64,
    /// Number of the shard that the socket lives on; absent with one shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// Interface the socket is bound to.
    #[serde(default)]
    pub ifname: Option<String>,
    /// The inside of a TCP connection.
    #[serde(default)]
    pub info: Option<TcpDetail>,
}

/// The inside of a TCP connection, as `ss -i` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TcpDetail {
    /// Smoothed round-trip time.
    pub rtt_us: u64,
    /// Its mean deviation.
    pub rttvar_us: u64,
    /// Retransmission timeout.
    pub rto_us: u64,
    /// Congestion window in bytes.
    pub cwnd: u64,
    /// Slow-start threshold in bytes; absent while unset.
    pub ssthresh: Option<u64>,
    /// Largest segment sent.
    pub mss: u32,
    /// Segments retransmitted since the connection began.
    pub retransmits: u64,
    /// Timeouts, or probes without an answer, in a row.
    pub retries: u32,
    /// How often the timeout has doubled.
    pub backoff: u32,
    /// Bytes the peer has beyond a gap.
    pub sacked: u64,
    /// Bytes taken for lost.
    pub lost: u64,
    /// Segments by which one may be early without a loss.
    pub reordering: u32,
    /// Bytes a second at which data leaves; absent if it is not paced.
    pub pacing_rate: Option<u64>,
    /// Least round trip of the last minutes.
    pub min_rtt_us: u64,
    /// Round trip as the receiver sees it.
    pub rcv_rtt_us: u64,
    /// Size of the peer's full segments.
    pub rcv_mss: u32,
    /// Bytes read in the round trip that last counted for tuning.
    pub rcv_space: u64,
    /// Bytes that may wait to be read.
    pub rcv_buffer: u64,
    /// Bytes that may wait to be acknowledged.
    pub snd_buffer: u64,
    /// Bytes written and never sent.
    pub not_sent: u64,
    /// The timer that expires next.
    pub timer: Option<Timer>,
    /// Bytes sent and not yet acknowledged.
    pub in_flight: u64,
    /// Bytes sent, without retransmissions.
    pub bytes_sent: u64,
    /// Bytes received in order.
    pub bytes_received: u64,
    /// Window the peer offers.
    pub send_window: u64,
    /// Window we offer.
    pub recv_window: u64,
    /// Congestion control in use.
    pub congestion: String,
    /// Options in use: `ts`, `sack`, `wscale:7,9` (the peer's shift and ours), ...
    pub options: Vec<String>,
}

/// A timer of a TCP connection, as `ss -o` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// `on` (retransmission), `persist` or `keepalive`.
    pub name: String,
    /// What is left of it.
    pub left_us: u64,
}

/// Counters of the whole stack; `stats show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// What happened, by name.
    pub counters: BTreeMap<String, u64>,
    /// What was refused, by reason.
    pub drops: BTreeMap<String, u64>,
    /// What of it each shard has counted, in the order of their numbers; empty with one shard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardStats>,
}

/// Counters of one shard of the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardStats {
    /// What happened, by name.
    pub counters: BTreeMap<String, u64>,
    /// What was refused, by reason.
    pub drops: BTreeMap<String, u64>,
}

/// The daemon itself; `daemon info`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonInfo {
    /// Version of the daemon.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime: u64,
}
