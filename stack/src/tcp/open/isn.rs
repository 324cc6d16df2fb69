//! Numbers that outsiders must not guess: initial sequence numbers, ephemeral ports, timestamp
//! clocks, flow labels.
//!
//! A keyed hash of the flow plus a clock of 4 µs makes an ISN (RFC 6528): each flow has its own
//! sequence space, and a flow's successive connections still get growing numbers. Ephemeral ports
//! follow RFC 6056 §3.3.4, as Linux's do.

use addr::{Endpoint, FlowKey, HashKey, Ip};
use wire::tcp::SeqNum;

use crate::keys::Keys;
use crate::limits::Limits;
use crate::random::Random;
use crate::time::Instant;

/// The keys, and the counters of ephemeral ports.
#[derive(Debug)]
pub(crate) struct Secrets {
    isn: HashKey,
    port_offset: HashKey,
    port_counter: HashKey,
    label: HashKey,
    clock: HashKey,
    /// RFC 6056 §3.3.4 `table`: how many ports were used, by destination.
    steps: Box<[u32]>,
}

impl Secrets {
    pub(crate) fn new(keys: &Keys) -> Self {
        Self {
            isn: keys.isn,
            port_offset: keys.port_offset,
            port_counter: keys.port_counter,
            label: keys.flow_label,
            clock: keys.timestamps,
            steps: vec![0; COUNTERS].into(),
        }
    }

    /// The initial sequence number of a connection that starts now (RFC 6528 §3).
    pub(crate) fn isn(&self, key: &FlowKey, now: Instant) -> SeqNum {
        SeqNum((self.isn.prf_flow(key) as u32).wrapping_add((now.micros() / 4) as u32))
    }

    /// The IPv6 flow label of a flow (RFC 6437): stable, and not to be derived by others.
    pub(crate) fn flow_label(&self, key: &FlowKey) -> u32 {
        self.label.prf_flow(key) as u32 & 0xf_ffff
    }

    /// What our timestamp clock shows beyond the host's in a flow. A flow's successive connections
    /// see one clock (RFC 7323 §5.4), and nobody sees that two flows come from one host (Linux
    /// `secure_tcp_seq_and_ts_off`).
    pub(crate) fn clock_offset(&self, key: &FlowKey) -> u32 {
        self.clock.prf_flow(key) as u32
    }

    /// How many ports the next call of [`port`](Self::port) leaves out.
    pub(crate) fn draw_skipped(random: &mut Random) -> u32 {
        u32::from(random.below(SKIP_ONE_IN) == 0)
    }

    /// An ephemeral port for which `is_free` holds, each tried once: RFC 6056 §3.3.4, the double
    /// hash. Ports to one destination go up from a secret place, and the steps to one destination
    /// say nothing of those to others. Now and then one is left out (Linux
    /// `__inet_hash_connect`), so that not even a destination that shares a counter can count
    /// what others open.
    pub(crate) fn port(
        &mut self,
        limits: &Limits,
        skipped: u32,
        (local, remote): (Ip, &Endpoint),
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let first = limits.ephemeral_port_first.max(1);
        let count = u32::from(limits.ephemeral_port_last.saturating_sub(first)) + 1;
        let mut bytes = [0; 34];
        bytes[..16].copy_from_slice(local.octets());
        bytes[16..32].copy_from_slice(remote.ip.octets());
        bytes[32..].copy_from_slice(&remote.port.to_be_bytes());
        let counter = self.port_counter.prf_bytes(&bytes) as usize % COUNTERS;
        let step = &mut self.steps[counter];
        let offset = (self.port_offset.prf_bytes(&bytes) as u32).wrapping_add(*step) % count;
        for tried in 0..count {
            let port = first + ((offset + tried) % count) as u16;
            if is_free(port) {
                *step = step.wrapping_add(tried + 1 + skipped);
                return Some(port);
            }
        }
        None
    }
}

/// Linux `INET_TABLE_PERTURB_SIZE`, a quarter of a MiB: with fewer, destinations could be made to
/// share a counter often enough to tell hosts apart by it.
const COUNTERS: usize = 1 << 16;
/// How often a port is left out.
const SKIP_ONE_IN: u32 = 16;

#[cfg(test)]
mod tests;
