//! Asking the kernel to send what is in the transmit ring, and what to do where it does not.
//!
//! What counts is the ring and not the answer: the kernel answers with success where it has sent
//! nothing (a queue that is no longer there), and with an error where it has dropped a frame (no
//! carrier). As long as frames are in the ring they are offered again, at once if the last call
//! took some and after a pause if it did not, so that nothing is parked there for good.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use super::device::XskDevice;
use super::tx_state::TxState;
use crate::stats::PortStats;

/// Most calls in one turn: without a carrier each takes one frame.
const KICKS_MAX: usize = 8;
/// Before frames that the kernel did not take are offered again: first, and most.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(100);

impl XskDevice {
    /// Asks the kernel to send until it has taken everything, or takes nothing more for now.
    pub(super) fn kick(&mut self, stats: &mut PortStats) {
        match self.tx_state {
            TxState::Unbound => return,
            TxState::Parked { next, .. } if Instant::now() < next => return,
            TxState::Parked { .. } | TxState::Unfinished | TxState::Done => {}
        }
        let mut left = self.queued();
        for _ in 0..KICKS_MAX {
            let mut answer = Ok(0);
            if self.tx.needs_wakeup() {
                stats.syscalls += 1;
                answer = send(self.as_fd(), &[], SendFlags::DONTWAIT);
            }
            if self.zero_copy && answer.is_ok() {
                // The driver takes them by itself, and says so where it has to be asked again.
                self.tx_state = TxState::Done;
                return;
            }
            let before = std::mem::replace(&mut left, self.queued());
            if left == 0 && answer != Err(Errno::NXIO) {
                self.tx_state = TxState::Done;
                return;
            }
            if left == before {
                self.tx_state = self.parked(answer);
                return;
            }
        }
        self.tx_state = TxState::Unfinished;
    }

    /// Frames in the transmit ring that the kernel has not taken.
    fn queued(&mut self) -> u32 {
        self.tx_size - self.tx.nb_free_exact()
    }

    /// What to do about frames of which the kernel took none.
    #[cold]
    fn parked(&self, answer: Result<usize, Errno>) -> TxState {
        if answer == Err(Errno::NXIO) {
            return TxState::Unbound;
        }
        let pause = match self.tx_state {
            TxState::Parked { pause, .. } => (2 * pause).min(PAUSE_MAX),
            _ => PAUSE_MIN,
        };
        let next = Instant::now() + pause;
        TxState::Parked { next, pause, down: answer == Err(Errno::NETDOWN) }
    }
}
