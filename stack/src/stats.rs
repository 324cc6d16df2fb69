//! Counters: plain integers of the shard, copied out when asked.

use crate::drop::DropReason;

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $field:ident,)+) => {
        /// What the host has counted since it was made.
        #[derive(Clone, Debug)]
        pub struct Stats {
            drops: [u64; DropReason::ALL.len()],
            receive_drops: [u64; DropReason::ALL.len()],
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl Default for Stats {
            fn default() -> Self {
                Self {
                    drops: [0; DropReason::ALL.len()],
                    receive_drops: [0; DropReason::ALL.len()],
                    $($field: 0,)+
                }
            }
        }

        impl Stats {
            fn add_counters(&mut self, other: &Self) {
                $(self.$field += other.$field;)+
            }

            /// Every counter but the drops, by name.
            pub fn counters(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($field), self.$field),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Frames handed to `receive`; always those delivered, those to forward and the drops of
    /// `receive` together.
    frames_in,
    /// Frames that reached what they were for.
    frames_delivered,
    /// Frames that came in on another shard than the one that owns their flow, and went there.
    frames_handed_over,
    /// Packets put together from fragments on another shard than the one that owns their flow.
    packets_handed_over,
    /// Frames whose verdict was to forward them.
    frames_to_forward,
    /// Frames filled by `transmit`.
    frames_out,
    /// ARP packets received and understood.
    arp_in,
    /// ARP packets sent.
    arp_out,
    /// Neighbour discovery messages received and valid.
    nd_in,
    /// Neighbour discovery messages sent.
    nd_out,
    /// MLD reports sent.
    mld_out,
    /// IP packets delivered to a protocol of this host.
    ip_delivered,
    /// IP packets sent.
    ip_out,
    /// Fragments received.
    ip_fragments_in,
    /// Datagrams put together from fragments.
    ip_reassembled,
    /// Fragments sent.
    ip_fragments_out,
    /// Echo requests answered.
    icmp_echo_replies,
    /// ICMP errors sent.
    icmp_errors_out,
    /// ICMP errors received.
    icmp_errors_in,
    /// UDP datagrams delivered to a socket.
    udp_in,
    /// UDP datagrams sent.
    udp_out,
    /// TCP segments received with a good checksum.
    tcp_segments_in,
    /// TCP segments sent (a super-segment counts once).
    tcp_segments_out,
    /// TCP segments sent again.
    tcp_retransmits,
    /// Retransmission timeouts.
    tcp_timeouts,
    /// Fast retransmits.
    tcp_fast_retransmits,
    /// Reductions of the congestion window that were taken back.
    tcp_undos,
    /// Retransmission timeouts that turned out to be needless.
    tcp_spurious_timeouts,
    /// Probes of a silent tail.
    tcp_tail_probes,
    /// Losses that such a probe repaired.
    tcp_tail_losses,
    /// RSTs sent.
    tcp_resets_out,
    /// Challenge ACKs sent (RFC 5961).
    tcp_challenge_acks,
    /// SYNs answered with a cookie.
    tcp_syncookies_sent,
    /// Cookies that came back and opened a connection.
    tcp_syncookies_received,
    /// ACKs that should have been cookies and were not.
    tcp_syncookies_failed,
    /// Connections opened by us.
    tcp_active_opens,
    /// Connections opened by peers.
    tcp_passive_opens,
    /// Connections reset at close because too many others were still sending.
    tcp_orphans_aborted,
    /// Connections that ended by RST or timeout.
    tcp_aborted,
    /// Connections whose text out of order was thrown away because memory is short.
    tcp_pruned,
    /// Bytes that all connections buffer at this moment.
    tcp_memory,
}

/// Traffic of one interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Frames received.
    pub rx_packets: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Those that were malformed.
    pub rx_errors: u64,
    /// Those that ended for any other reason.
    pub rx_dropped: u64,
    /// Frames sent.
    pub tx_packets: u64,
    /// Their bytes.
    pub tx_bytes: u64,
}

impl core::ops::AddAssign for LinkCounters {
    fn add_assign(&mut self, other: Self) {
        self.rx_packets += other.rx_packets;
        self.rx_bytes += other.rx_bytes;
        self.rx_errors += other.rx_errors;
        self.rx_dropped += other.rx_dropped;
        self.tx_packets += other.tx_packets;
        self.tx_bytes += other.tx_bytes;
    }
}

impl Stats {
    /// Counts one packet that ended for `reason` on its way out, or while it was held.
    pub fn drop(&mut self, reason: DropReason) {
        self.drops[reason as usize] += 1;
    }

    /// Counts so many frames or packets that ended for `reason`.
    pub(crate) fn drop_many(&mut self, reason: DropReason, count: u64) {
        self.drops[reason as usize] += count;
    }

    /// Counts one received frame that ended for `reason`.
    pub(crate) fn drop_received(&mut self, reason: DropReason) {
        self.receive_drops[reason as usize] += 1;
    }

    /// How many ended for `reason`, frames and packets.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize] + self.receive_drops[reason as usize]
    }

    /// How many received frames ended for `reason`.
    #[must_use]
    pub fn receive_dropped(&self, reason: DropReason) -> u64 {
        self.receive_drops[reason as usize]
    }

    /// Adds what another part of the host counted, or another shard.
    pub fn merge(&mut self, other: &Self) {
        let pairs = self.drops.iter_mut().zip(&other.drops);
        pairs.for_each(|(mine, theirs)| *mine += theirs);
        let pairs = self.receive_drops.iter_mut().zip(&other.receive_drops);
        pairs.for_each(|(mine, theirs)| *mine += theirs);
        self.add_counters(other);
    }

    /// Whether every frame handed to `receive` is accounted for.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let drops: u64 = self.receive_drops.iter().sum();
        self.frames_in == self.frames_delivered + self.frames_to_forward + drops
    }

    /// Every drop reason with its count.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.iter().map(|&reason| (reason, self.dropped(reason)))
    }
}
