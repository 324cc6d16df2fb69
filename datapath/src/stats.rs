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
