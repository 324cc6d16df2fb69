//! Numbers that outsiders must not guess: initial sequence numbers, ephemeral ports, flow labels.
//!
//! A keyed hash of the flow plus a clock of 4 µs makes an ISN (RFC 6528): each flow has its own
//! sequence space, and a flow's successive connections still get growing numbers. Ephemeral ports
//! start at a keyed offset per destination (RFC 6056 §3.3.3) and step on from the last one given
//! out.

use addr::{FlowKey, HashKey, Ip};
use wire::tcp::SeqNum;

use crate::limits::Limits;
use crate::rng::Rng;
use crate::time::Instant;

/// The keys.
#[derive(Debug)]
pub(crate) struct Secrets {
    isn: HashKey,
    port: HashKey,
    label: HashKey,
    clock: HashKey,
    /// Added to the port offset, so that connections to one destination do not collide.
    step: u32,
}

impl Secrets {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let mut key = || HashKey::new(rng.next_u64(), rng.next_u64());
        Self { isn: key(), port: key(), label: key(), clock: key(), step: 0 }
    }

    /// The initial sequence number of a connection that starts now (RFC 6528 §3).
    pub(crate) fn isn(&self, key: &FlowKey, now: Instant) -> SeqNum {
        SeqNum((self.isn.hash_flow(key) as u32).wrapping_add((now.micros() / 4) as u32))
    }

    /// The IPv6 flow label of a flow (RFC 6437): stable, and not to be derived by others.
    pub(crate) fn flow_label(&self, key: &FlowKey) -> u32 {
        self.label.hash_flow(key) as u32 & 0xf_ffff
    }

    /// What our timestamp clock shows beyond the host's towards a peer. One for each pair of hosts,
    /// so that a flow's successive connections see one clock (RFC 7323 §5.4).
    pub(crate) fn clock_offset(&self, key: &FlowKey) -> u32 {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(key.local.ip.octets());
        bytes[16..].copy_from_slice(key.remote.ip.octets());
        self.clock.hash_bytes(&bytes) as u32
    }

    /// The first ephemeral port for which `is_free` holds, each port tried once (RFC 6056,
    /// algorithm 3).
    pub(crate) fn port(
        &mut self,
        limits: &Limits,
        local: Ip,
        remote: &addr::Endpoint,
        mut is_free: impl FnMut(u16) -> bool,
    ) -> Option<u16> {
        let first = limits.ephemeral_port_first.max(1);
        let count = u32::from(limits.ephemeral_port_last.saturating_sub(first)) + 1;
        let mut bytes = [0; 34];
        bytes[..16].copy_from_slice(local.octets());
        bytes[16..32].copy_from_slice(remote.ip.octets());
        bytes[32..].copy_from_slice(&remote.port.to_be_bytes());
        let offset = (self.port.hash_bytes(&bytes) as u32).wrapping_add(self.step) % count;
        for tried in 0..count {
            let port = first + ((offset + tried) % count) as u16;
            if is_free(port) {
                self.step = self.step.wrapping_add(tried + 1);
                return Some(port);
            }
        }
        None
    }
}
