//! Loss recovery without SACK: NewReno (RFC 5681, RFC 6582), limited transmit (RFC 3042), and
//! the go-back after a timeout.
//!
//! SND.NXT never moves back. What is to be sent again is said here: one segment at SND.UNA
//! (`first`), or everything from `resend` on after a timeout, as far as the window allows.
//! `recover` is the highest number sent when trouble began; acknowledgments beyond it end the
//! phase, and duplicates that do not cover it start none (RFC 6582 §3.2).

use wire::tcp::SeqNum;

use crate::cx::Cx;
use crate::tcp::congestion::Ack;
use crate::tcp::conn::Conn;
use crate::tcp::send::SendHalf;

/// What kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// None.
    Open,
    /// Duplicate ACKs showed a loss.
    Fast,
    /// The retransmission timer expired.
    Loss,
}

/// The state of recovery.
#[derive(Debug)]
pub(crate) struct Recovery {
    phase: Phase,
    /// Duplicate ACKs since SND.UNA last moved.
    duplicates: u32,
    /// Highest number sent when the last phase began.
    recover: SeqNum,
    /// The segment at SND.UNA is to be sent again.
    pub(crate) first: bool,
    /// After a timeout: what is to be sent again next; everything from here to SND.NXT is taken for
    /// lost.
    pub(crate) resend: Option<SeqNum>,
}

impl Recovery {
    pub(crate) fn new(iss: SeqNum) -> Self {
        Self { phase: Phase::Open, duplicates: 0, recover: iss, first: false, resend: None }
    }

    /// The connection is open and has sent nothing beyond `nxt`.
    pub(crate) fn start(&mut self, nxt: SeqNum) {
        *self = Self::new(nxt - 1);
    }

    /// Whether something is to be sent again.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        self.first || self.resend.is_some()
    }

    /// Bytes believed to be in the network.
    #[inline]
    pub(crate) fn flight(&self, snd: &SendHalf) -> u32 {
        match self.resend {
            Some(next) => (next - snd.una).max(0) as u32,
            None => snd.outstanding(),
        }
    }

    /// What limited transmit adds to the window: a segment for each of the first two duplicates.
    #[inline]
    pub(crate) fn allowance(&self, mss: u32) -> u32 {
        if self.phase == Phase::Open { self.duplicates.min(DUPLICATES - 1) * mss } else { 0 }
    }

    /// `next` is what follows the part sent again just now; `nxt` is SND.NXT.
    pub(crate) fn on_resent(&mut self, next: SeqNum, nxt: SeqNum) {
        if self.first {
            self.first = false;
        }
        if self.resend.is_some_and(|from| from.lt(next)) {
            self.resend = Some(next).filter(|next| next.lt(nxt));
        }
    }
}

impl Conn {
    /// `acked` new bytes are acknowledged; `flight` were out before.
    #[inline]
    pub(crate) fn on_progress(&mut self, acked: u32, flight: u32) {
        let (una, mss) = (self.snd.una, self.snd.mss);
        let recovery = &mut self.recovery;
        recovery.duplicates = 0;
        if recovery.resend.is_some_and(|from| from.lt(una)) {
            recovery.resend = Some(una).filter(|from| from.lt(self.snd.nxt));
        }
        match recovery.phase {
            Phase::Open => self.grow(acked, flight),
            Phase::Fast if una.ge(recovery.recover) => {
                // RFC 6582 §3.2 step 3, full acknowledgment: leave with no burst.
                recovery.phase = Phase::Open;
                recovery.first = false;
                let out = self.snd.outstanding().max(mss) + mss;
                self.congestion.set_cwnd(self.congestion.ssthresh().min(out), mss);
            }
            Phase::Fast => {
                // Partial acknowledgment: the next hole starts at SND.UNA.
                recovery.first = true;
                let cwnd = self.congestion.cwnd().saturating_sub(acked);
                let back = if acked >= mss { mss } else { 0 };
                self.congestion.set_cwnd(cwnd + back, mss);
            }
            Phase::Loss => {
                if una.ge(recovery.recover) {
                    recovery.phase = Phase::Open;
                    recovery.resend = None;
                }
                self.grow(acked, flight);
            }
        }
    }

    fn grow(&mut self, acked: u32, flight: u32) {
        let cwnd = self.congestion.cwnd();
        // In slow start a window half used still shows that the path carries it, as Linux judges.
        let half_used = cwnd < self.congestion.ssthresh() && flight >= cwnd / 2;
        let limited = self.snd.limited || half_used;
        self.congestion.on_ack(Ack { acked, mss: self.snd.mss, limited });
    }

    /// A duplicate ACK (RFC 5681 §3.2).
    pub(crate) fn on_duplicate_ack(&mut self, cx: &mut Cx<'_>) {
        let mss = self.snd.mss;
        let recovery = &mut self.recovery;
        recovery.duplicates = recovery.duplicates.saturating_add(1);
        match recovery.phase {
            Phase::Loss => {}
            Phase::Fast => {
                // Each duplicate is a segment that left the network.
                self.congestion.set_cwnd(self.congestion.cwnd() + mss, mss);
            }
            Phase::Open => {
                let covered = self.snd.una.gt(recovery.recover);
                if recovery.duplicates == DUPLICATES && covered {
                    recovery.phase = Phase::Fast;
                    recovery.recover = self.snd.nxt;
                    recovery.first = true;
                    self.congestion.on_loss(self.snd.outstanding(), mss);
                    let inflated = self.congestion.ssthresh() + DUPLICATES * mss;
                    self.congestion.set_cwnd(inflated, mss);
                    cx.stats.tcp_fast_retransmits += 1;
                }
            }
        }
        self.output = true;
    }

    /// The retransmission timer expired with data outstanding (RFC 5681 §3.1, RFC 6298 §5).
    pub(crate) fn on_timeout(&mut self) {
        let flight = self.snd.outstanding();
        self.congestion.on_timeout(flight, self.snd.mss, self.retries == 1);
        self.go_back();
        self.rtt.back_off();
    }

    /// Takes everything outstanding for lost, with no judgement on congestion.
    pub(crate) fn go_back(&mut self) {
        let recovery = &mut self.recovery;
        recovery.phase = Phase::Loss;
        recovery.recover = self.snd.nxt;
        recovery.duplicates = 0;
        recovery.first = false;
        recovery.resend = Some(self.snd.una).filter(|una| una.lt(self.snd.nxt));
        self.output = true;
    }
}

/// RFC 5681 §3.2: the third duplicate shows a loss (TCPT-07).
const DUPLICATES: u32 = 3;
