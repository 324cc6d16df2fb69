//! Every bound of the stack, with its default and the reason for it.

mod congestion;
mod pacing;

use crate::time::Duration;

pub use congestion::{CongestionAlgorithm, UnknownAlgorithm};
pub use pacing::Pacing;

/// Bounds and tunables. One value per host, fixed at start.
#[derive(Clone, Debug)]
pub struct Limits {
    /// TCP connections in all states but TIME-WAIT; a slot costs some 740 bytes with
    /// its part of the tables, an idle connection 1 KiB at most, all in all.
    pub tcp_connections: u32,
    /// TCP listeners.
    pub tcp_listeners: u32,
    /// Half-open connections of one listener, over all shards (Linux `tcp_max_syn_backlog` is of
    /// this order). One costs 64 bytes; beyond them SYNs are answered with cookies.
    pub tcp_embryos: u32,
    /// Whether cookies answer the SYNs that find no room (Linux `tcp_syncookies` 1); else such SYNs
    /// are dropped.
    pub tcp_syncookies: bool,
    /// Largest backlog a listener may ask for (Linux `somaxconn`).
    pub somaxconn: u32,
    /// Challenge ACKs a second over all connections, on average: each second's budget is drawn at
    /// random from half to one and a half of it (RFC 5961 §7). `u32::MAX` means no limit, as
    /// newer Linux has it because its older fixed limit let outsiders count; a random one does
    /// not, and bounds what forged segments make us send.
    pub tcp_challenge_acks_per_second: u32,
    /// Compact TIME-WAIT entries; the oldest gives way (Linux `tcp_max_tw_buckets`).
    pub tcp_time_wait: u32,
    /// Receive ring of a connection, bytes: no more is ever offered, whatever `tcp_rmem` says.
    pub tcp_receive_buffer: usize,
    /// Most bytes that a send ring takes, whatever `tcp_wmem` says.
    pub tcp_send_buffer: usize,
    /// Bytes received that may wait to be read: least, at first, and most for a reader that keeps
    /// up (Linux `tcp_rmem`, which counts overhead too). Half the second is the window of a SYN,
    /// the third decides its scale.
    pub tcp_rmem: [usize; 3],
    /// Bytes written that may wait to be acknowledged: least, at first, and most on a path that
    /// carries them (Linux `tcp_wmem`).
    pub tcp_wmem: [usize; 3],
    /// Bytes of memory that all connections together may hold for text: below the first nothing
    /// happens, beyond the second nothing grows, beyond the third text is refused (Linux
    /// `tcp_mem`, in pages). The rings above would allow a peer who owns many connections far more
    /// than any machine has.
    pub tcp_mem: [usize; 3],
    /// Whether selective acknowledgments are offered (Linux `tcp_sack`).
    pub tcp_sack: bool,
    /// Whether timestamps are offered (Linux `tcp_timestamps`).
    pub tcp_timestamps: bool,
    /// Whether window scaling is offered (Linux `tcp_window_scaling`).
    pub tcp_window_scaling: bool,
    /// Congestion control of a connection that asks for none (Linux `tcp_congestion_control`).
    pub tcp_congestion: CongestionAlgorithm,
    /// Pacing of a connection that asks for none (Linux: none without `fq`).
    pub tcp_pacing: Pacing,
    /// Disjoint ranges of out-of-order text kept per connection; the furthest give way. A full
    /// window of 6 MiB that loses every tenth segment makes some 400.
    pub tcp_out_of_order_ranges: usize,
    /// How long an orphan waits for the peer's FIN (Linux `tcp_fin_timeout` 60 s).
    pub tcp_fin_timeout: Duration,
    /// Which flows in TIME-WAIT our own connections may take over (Linux `tcp_tw_reuse`).
    pub tcp_tw_reuse: TimeWaitReuse,
    /// Connections that nobody holds but that have something left to send; beyond them a close is a
    /// reset (Linux `tcp_max_orphans`), so that dead peers cannot fill the table.
    pub tcp_max_orphans: u32,
    /// How long a TIME-WAIT record lives (Linux `TCP_TIMEWAIT_LEN`, 60 s).
    pub tcp_time_wait_span: Duration,
    /// Retransmissions of a SYN before giving up (Linux `tcp_syn_retries` 6).
    pub tcp_syn_retries: u32,
    /// Retransmissions of a SYN-ACK before giving up (Linux `tcp_synack_retries` 5).
    pub tcp_synack_retries: u32,
    /// Retransmissions of data before giving up (Linux `tcp_retries2` 15).
    pub tcp_retries: u32,
    /// Retransmissions of an orphan's data or FIN (Linux `tcp_orphan_retries` default 8).
    pub tcp_orphan_retries: u32,
    /// UDP sockets.
    pub udp_sockets: u32,
    /// Receive and send ring of a UDP socket, bytes (Linux `rmem_default` 212992, rounded up).
    pub udp_buffer: usize,
    /// Neighbour entries over all interfaces (Linux `gc_thresh3` 1024).
    pub neighbors: usize,
    /// Bytes of the frames that wait for one unresolved neighbour, with what each costs to keep
    /// (Linux `unres_qlen_bytes`; RFC 1122 §2.3.2.2 wants at least one frame).
    pub neighbor_queue_bytes: usize,
    /// Routes.
    pub routes: usize,
    /// Addresses over all interfaces.
    pub addresses: usize,
    /// Changes of links, addresses, routes, neighbours and groups kept for readers; one that is
    /// slower has to list everything again.
    pub control_events: usize,
    /// Small replies waiting for a transmit slot, per interface.
    pub outbox: usize,
    /// ICMP errors sent per second (Linux `icmp_msgs_per_sec` 1000).
    pub icmp_errors_per_second: u32,
    /// ICMP error burst (Linux `icmp_msgs_burst` 50).
    pub icmp_error_burst: u32,
    /// Between ICMP errors to one destination, which may have six after a pause; zero means no
    /// limit (Linux `icmp_ratelimit` 1000 ms, for all errors that a host sends).
    pub icmp_ratelimit: Duration,
    /// Datagrams under reassembly.
    pub reassemblies: usize,
    /// Bytes under reassembly (Linux `ipfrag_high_thresh` 4 MiB).
    pub reassembly_bytes: usize,
    /// Lowest ephemeral port (Linux `ip_local_port_range`).
    pub ephemeral_port_first: u16,
    /// Highest ephemeral port (Linux `ip_local_port_range`).
    pub ephemeral_port_last: u16,
}

impl Limits {
    /// The limits of one of `shards` shards: its part of each total of the host. Limits for each
    /// socket or interface, those of control, and those that all shards share stay as they are.
    #[must_use]
    pub(crate) fn share(&self, shards: usize) -> Self {
        let part = |bound: u32| bound.div_ceil(shards as u32);
        let part_of_size = |bound: usize| bound.div_ceil(shards);
        let rate = |bound: u32| if bound == u32::MAX { bound } else { part(bound) };
        Self {
            tcp_connections: part(self.tcp_connections),
            tcp_listeners: part(self.tcp_listeners),
            tcp_challenge_acks_per_second: rate(self.tcp_challenge_acks_per_second),
            tcp_time_wait: part(self.tcp_time_wait),
            tcp_max_orphans: part(self.tcp_max_orphans),
            udp_sockets: part(self.udp_sockets),
            icmp_errors_per_second: part(self.icmp_errors_per_second),
            icmp_error_burst: part(self.icmp_error_burst),
            reassemblies: part_of_size(self.reassemblies),
            reassembly_bytes: part_of_size(self.reassembly_bytes),
            ..self.clone()
        }
    }
}

/// Which flows in TIME-WAIT may begin again from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeWaitReuse {
    /// None.
    Never,
    /// Those within this host, as Linux has it: no middlebox can confuse their timestamps.
    Loopback,
    /// All with timestamps.
    Always,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tcp_connections: 65_536,
            tcp_listeners: 1_024,
            tcp_embryos: 1_024,
            tcp_syncookies: true,
            somaxconn: 4_096,
            tcp_challenge_acks_per_second: 1_000,
            tcp_time_wait: 65_536,
            tcp_receive_buffer: 6_291_456,
            tcp_send_buffer: 4_194_304,
            tcp_rmem: [4_096, 131_072, 6_291_456],
            tcp_wmem: [4_096, 16_384, 4_194_304],
            // Linux's shares of 8 GiB.
            tcp_mem: [384 << 20, 512 << 20, 768 << 20],
            tcp_sack: true,
            tcp_timestamps: true,
            tcp_window_scaling: true,
            tcp_congestion: CongestionAlgorithm::Cubic,
            tcp_pacing: Pacing::Off,
            tcp_out_of_order_ranges: 512,
            tcp_fin_timeout: Duration::from_secs(60),
            tcp_tw_reuse: TimeWaitReuse::Loopback,
            tcp_max_orphans: 16_384,
            tcp_time_wait_span: Duration::from_secs(60),
            tcp_syn_retries: 6,
            tcp_synack_retries: 5,
            tcp_retries: 15,
            tcp_orphan_retries: 8,
            udp_sockets: 16_384,
            udp_buffer: 1 << 18,
            neighbors: 1_024,
            neighbor_queue_bytes: 212_992,
            routes: 4_096,
            addresses: 1_024,
            control_events: 1_024,
            outbox: 256,
            icmp_errors_per_second: 1_000,
            icmp_error_burst: 50,
            icmp_ratelimit: Duration::from_secs(1),
            reassemblies: 256,
            reassembly_bytes: 4 << 20,
            ephemeral_port_first: 32_768,
            ephemeral_port_last: 60_999,
        }
    }
}
