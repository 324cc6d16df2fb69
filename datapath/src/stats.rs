//! What a port counts, for the whole port and for each shard it serves.

/// What one turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Frames received.
    pub received: usize,
    /// Frames sent.
    pub sent: usize,
}

/// What passed through a port since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// Frames handed to a shard.
    pub rx_packets: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Frames the device handed over in a form nobody can use.
    pub rx_errors: u64,
    /// Frames lost because no buffer was free, or because their shard had stalled or was gone.
    pub rx_dropped: u64,
    /// Frames the device took.
    pub tx_packets: u64,
    /// Their bytes.
    pub tx_bytes: u64,
    /// Frames the device refused, or that could not be finished at the edge.
    pub tx_errors: u64,
    /// Frames dropped because the device was down or gone.
    pub tx_dropped: u64,
    /// System calls made to move frames.
    pub syscalls: u64,
}

/// One shard's part of [`PortStats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardStats {
    /// Frames handed to the shard.
    pub rx_packets: u64,
    /// Frames for the shard that were dropped because it had stalled or was gone.
    pub rx_dropped: u64,
    /// Frames that the shard queued and the port took to send.
    pub tx_packets: u64,
}

/// Frames that an AF_XDP socket or its rings lost or could not move, since the port was opened, by
/// the kernel's counters (`XDP_STATISTICS`) and names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Received, and dropped for want of a buffer, or because they were too large.
    pub rx_dropped: u64,
    /// Received, and dropped because the receive ring was full.
    pub rx_ring_full: u64,
    /// How often a buffer was looked for in an empty fill ring.
    pub rx_fill_ring_empty: u64,
    /// Buffers that the kernel refused to receive into.
    pub rx_invalid_descs: u64,
    /// Frames that the kernel refused to send.
    pub tx_invalid_descs: u64,
    /// How often the kernel found nothing to send.
    pub tx_ring_empty: u64,
    /// Copies of group frames for which the packet socket had no room.
    pub group_ring_full: u64,
}

impl Losses {
    /// Each counter with its name.
    #[must_use]
    pub fn by_name(&self) -> [(&'static str, u64); 7] {
        [
            ("rx_dropped", self.rx_dropped),
            ("rx_ring_full", self.rx_ring_full),
            ("rx_fill_ring_empty", self.rx_fill_ring_empty),
            ("rx_invalid_descs", self.rx_invalid_descs),
            ("tx_invalid_descs", self.tx_invalid_descs),
            ("tx_ring_empty", self.tx_ring_empty),
            ("group_ring_full", self.group_ring_full),
        ]
    }

    /// The sum of two sockets.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            rx_dropped: self.rx_dropped + other.rx_dropped,
            rx_ring_full: self.rx_ring_full + other.rx_ring_full,
            rx_fill_ring_empty: self.rx_fill_ring_empty + other.rx_fill_ring_empty,
            rx_invalid_descs: self.rx_invalid_descs + other.rx_invalid_descs,
            tx_invalid_descs: self.tx_invalid_descs + other.tx_invalid_descs,
            tx_ring_empty: self.tx_ring_empty + other.tx_ring_empty,
            group_ring_full: self.group_ring_full + other.group_ring_full,
        }
    }

    /// Received frames among them.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.rx_dropped + self.rx_ring_full + self.group_ring_full
    }
}
