//! The congestion window, and what changes it.
//!
//! [`Congestion`] holds the two numbers every algorithm shares and one algorithm. An algorithm is told of
//! acknowledgments, losses and timeouts; recovery moves the window itself while it repairs a loss.
//! All arithmetic is in bytes and integers. There is no dispatch per packet beyond a match.

mod reno;

use reno::Reno;

/// The window and its algorithm.
#[derive(Debug)]
pub(crate) struct Congestion {
    /// Congestion window, bytes.
    cwnd: u32,
    /// Slow start threshold, bytes.
    ssthresh: u32,
    algorithm: Algorithm,
    prior: Option<(u32, u32)>,
}

#[derive(Debug)]
enum Algorithm {
    Reno(Reno),
}

/// New data was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    /// How many bytes.
    pub(crate) acked: u32,
    /// Segment size, bytes.
    pub(crate) mss: u32,
    /// Whether the window, rather than the sender or the peer's window, had held data back.
    pub(crate) limited: bool,
}

impl Congestion {
    /// The window of a fresh connection (RFC 6928, TCPC-02), or of one segment if the handshake
    /// was lost (RFC 5681 §3.1).
    pub(crate) fn new(mss: u32, syn_lost: bool) -> Self {
        let cwnd = if syn_lost { mss } else { initial_window(mss) };
        Self {
            cwnd,
            ssthresh: SSTHRESH_START,
            algorithm: Algorithm::Reno(Reno::default()),
            prior: None,
        }
    }

    #[inline]
    pub(crate) fn cwnd(&self) -> u32 {
        self.cwnd
    }

    pub(crate) fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    /// Outside recovery, new data was acknowledged.
    #[inline]
    pub(crate) fn on_ack(&mut self, ack: Ack) {
        if !ack.limited {
            return;
        }
        let mut acked = ack.acked;
        if self.cwnd < self.ssthresh {
            acked = self.slow_start(acked);
        }
        if acked > 0 {
            match &mut self.algorithm {
                Algorithm::Reno(reno) => self.cwnd += reno.avoid(self.cwnd, acked, ack.mss),
            }
        }
        self.cwnd = self.cwnd.min(CWND_MAX);
    }

    #[cfg(test)]
    /// Duplicate acknowledgments showed a loss with `flight` bytes out.
    pub(crate) fn on_loss(&mut self, flight: u32, mss: u32) {
        self.ssthresh = match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.on_loss(flight, mss),
        };
        self.cwnd = self.ssthresh;
    }

    #[cfg(test)]
    /// The retransmission timer expired. `first` says that this flight had not timed out before: only
    /// then does the threshold move (RFC 5681 §3.1).
    pub(crate) fn on_timeout(&mut self, flight: u32, mss: u32, first: bool) {
        if first {
            self.on_loss(flight, mss);
        }
        self.cwnd = mss;
    }

    /// Losses: the threshold moves, and what it was is remembered.
    pub(crate) fn reduce(&mut self, mss: u32, _now: crate::time::Instant) {
        let flight = self.cwnd;
        self.prior = Some((self.cwnd, self.ssthresh));
        self.ssthresh = match &mut self.algorithm {
            Algorithm::Reno(reno) => reno.on_loss(flight, mss),
        };
    }

    pub(crate) fn undo(&mut self) {
        if let Some((cwnd, ssthresh)) = self.prior.take() {
            self.cwnd = self.cwnd.max(cwnd);
            self.ssthresh = self.ssthresh.max(ssthresh);
        }
    }

    /// Nothing was sent for longer than a timeout (RFC 5681 §4.1, TCPO-19).
    pub(crate) fn on_idle(&mut self, mss: u32) {
        self.cwnd = self.cwnd.min(initial_window(mss));
    }

    /// The segment size changed.
    pub(crate) fn on_mss(&mut self, mss: u32) {
        self.cwnd = self.cwnd.max(mss);
    }

    /// Recovery sets the window, never below one segment.
    pub(crate) fn set_cwnd(&mut self, cwnd: u32, mss: u32) {
        self.cwnd = cwnd.clamp(mss, CWND_MAX.max(mss));
    }

    /// Grows by what was acknowledged, up to the threshold; returns what is left over. Counts bytes
    /// without RFC 3465's limit of two segments, as Linux does: received ACKs are coalesced.
    fn slow_start(&mut self, acked: u32) -> u32 {
        let grown = self.cwnd.saturating_add(acked).min(self.ssthresh);
        let used = grown - self.cwnd;
        self.cwnd = grown;
        acked - used
    }
}

/// RFC 6928 §2: min(10 segments, max(2 segments, 14600 bytes)).
pub(crate) fn initial_window(mss: u32) -> u32 {
    (10 * mss).min((2 * mss).max(14_600))
}

/// TCPC-06.
const SSTHRESH_START: u32 = 0x7fff_ffff;
/// Nothing above the largest window is of use (RFC 7323 §2.3).
const CWND_MAX: u32 = 1 << 30;

#[cfg(test)]
mod tests;
