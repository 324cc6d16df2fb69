//! What one host received and sent, with its verdicts, as the hook of its stack saw it.
//!
//! [`World::pcap`](crate::world::World::pcap) shows the links: what was sent, lost or not. A
//! capture shows one host: what reached it, what became of that, and by its own clock.

use std::collections::BTreeMap;

use addr::IfIndex;
use stack::Host;
use stack::fib::Fib;
use stack::hook::{Direction, TapConfig, TapFrame};

use crate::pcap::Pcap;

/// Frames that a host may pass between two turns; the largest bursts of a scenario are a tenth.
const CAPACITY: usize = 65_536;
/// Bytes kept of a frame: all of the largest.
const SNAP_LEN: usize = 65_550;

/// The frames that passed one host, oldest first.
#[derive(Debug, Default)]
pub struct Capture {
    /// The frames of every interface, loopback included.
    pub frames: Vec<TapFrame>,
}

impl Capture {
    /// Begins to capture.
    pub(crate) fn begin(host: &mut Host) -> Self {
        host.set_tap(Some(TapConfig { snap_len: SNAP_LEN, capacity: CAPACITY }));
        Self::default()
    }

    /// Takes over what the tap has kept.
    ///
    /// # Errors
    /// If frames were missed.
    pub(crate) fn collect(&mut self, host: &mut Host) -> Result<(), String> {
        self.frames.extend(std::iter::from_fn(|| host.next_tapped()));
        match host.tap_missed() {
            0 => Ok(()),
            missed => Err(format!("the tap missed {missed} frames")),
        }
    }

    /// Frames received and frames transmitted by each interface.
    pub fn counts(&self) -> BTreeMap<IfIndex, (u64, u64)> {
        let mut counts = BTreeMap::new();
        for frame in &self.frames {
            let (received, transmitted) = counts.entry(frame.ifindex).or_default();
            match frame.direction {
                Direction::Received => *received += 1,
                Direction::Transmitted => *transmitted += 1,
            }
        }
        counts
    }

    /// The frames of the Ethernet interfaces as a capture file.
    pub fn pcap(&self) -> Pcap {
        let mut pcap = Pcap::default();
        for frame in self.frames.iter().filter(|frame| frame.ifindex != Fib::LOOPBACK) {
            pcap.write(frame.at, &frame.bytes);
        }
        pcap
    }
}
