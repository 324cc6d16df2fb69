//! Loss recovery: what is lost, what is retransmitted, and how much may be in flight meanwhile.
//!
//! With SACK, RACK finds losses (`rack`), a tail loss probe watches over the last segments (`tlp`),
//! and PRR brings the window down (`prr`). Without SACK, duplicate ACKs show a loss and NewReno
//! repairs one segment a round trip (`newreno`). A retransmission timeout marks nearly everything
//! lost, and F-RTO finds out whether it was spurious (`frto`). A reduction that turns out to have
//! been wrong is undone (`undo`).
//!
//! The phases are Linux's `tcp_ca_state`: *open*, *recovery* (deliveries showed a loss) and *loss*
//! (the timer expired). SND.NXT never moves back: what is to be retransmitted is marked in the
//! queue of sent data (`sent_queue`).
//!
//! Nothing here knows a connection. `conn::recovery` tells recovery of acknowledgments, sends and
//! timers and moves the congestion window accordingly.
//!
//! | file | idea |
//! |---|---|
//! | `lazy`, `path_metrics` | recovery state exists only while it is needed; what outlives it |
//! | `sent_queue`, `sent_range` | what is in flight, and the state of each piece of it |
//! | `delivered` | what one acknowledgment delivered |
//! | `rack`, `tlp` | loss detection by time, tail loss probe (RFC 8985) |
//! | `newreno` | loss detection without SACK (RFC 6582) |
//! | `prr` | the window during recovery (RFC 6937) |
//! | `frto`, `undo` | spurious timeouts (RFC 5682) and retransmissions (RFC 3522, RFC 3708) |

mod delivered;
mod frto;
mod lazy;
mod newreno;
mod path_metrics;
mod prr;
mod rack;
mod sent_queue;
mod sent_range;
mod tlp;
mod undo;

use wire::tcp::SeqNum;

use crate::time::{Duration, Instant};

pub(crate) use delivered::Delivered;
pub(crate) use frto::{RtoReduction, RtoVerdict};
pub(crate) use lazy::LazyRecovery;
pub(crate) use path_metrics::DUP_ACK_THRESHOLD;
use path_metrics::PathMetrics;
pub(crate) use prr::{Prr, PrrAck};
use rack::Rack;
pub(crate) use sent_queue::{Losses, SentQueue};
use tlp::TailLossProbe;
pub(crate) use tlp::{TlpOutcome, probe_timeout};
use undo::Undo;

/// Loss-recovery phase, as Linux `tcp_ca_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `TCP_CA_Open`, `TCP_CA_Disorder`: there is no loss, or too little evidence to act on.
    Open,
    /// `TCP_CA_Recovery`: deliveries showed a loss.
    Recovery,
    /// `TCP_CA_Loss`: the retransmission timer expired.
    Loss,
}

/// What the loss timer of a connection is armed for (Linux `icsk_pending`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LossTimer {
    /// Linux `ICSK_TIME_REO_TIMEOUT`: a segment is lost if nothing is heard of it until then.
    ReorderTimeout,
    /// Linux `ICSK_TIME_LOSS_PROBE`: a tail loss probe is due then.
    ProbeTimeout,
}

/// The state of loss recovery.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) sent_queue: SentQueue,
    pub(crate) phase: Phase,
    /// Linux `tp->frto`: F-RTO has not yet decided whether the timeout was spurious.
    frto: bool,
    /// F-RTO step 2.b: new data is to be sent, and nothing retransmitted, before it decides.
    pub(crate) frto_send_new: bool,
    pub(crate) loss_timer: LossTimer,
    /// A tail loss probe is to be sent.
    pub(crate) tlp_due: bool,
    pub(crate) tlp: Option<TailLossProbe>,
    /// RFC 6675 `RecoveryPoint`, Linux `high_seq`: SND.NXT when the phase began. The acknowledgment
    /// of it ends the phase.
    high_seq: SeqNum,
    /// Linux `sacked_out` of a connection without SACK: bytes that duplicate ACKs showed to have
    /// left the network.
    reno_sacked: u32,
    /// Bytes retransmitted spuriously that are still in flight, of a connection without SACK.
    spurious_in_flight: u32,
    /// Linux `tp->reordering`: segments that a delivery may be early by without showing a loss.
    reordering: u16,
    /// Without SACK, a partial ACK arrived in this recovery (RFC 6582 §3.2).
    partial_ack_seen: bool,
    prr: Prr,
    pub(crate) undo: Undo,
    rack: Rack,
}

/// One acknowledgment, as recovery sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckSummary {
    /// Bytes by which it moved SND.UNA.
    pub(crate) newly_acked: u32,
    /// RFC 5681 §2: it is a duplicate ACK, with no data, no new window and no advance.
    pub(crate) is_dupack: bool,
    /// RFC 2883: the DSACK that it carried.
    pub(crate) dsack: Option<Dsack>,
    /// RFC 7323 TSecr.
    pub(crate) ts_ecr: Option<u32>,
    /// The round trip that it measured.
    pub(crate) rtt: Option<Duration>,
}

/// A report of data that arrived twice (RFC 2883).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dsack {
    /// How many bytes arrived twice.
    pub(crate) len: u32,
    /// One past the last of them.
    pub(crate) right: SeqNum,
}

/// The variables of the send half that recovery reads (RFC 9293 §3.3.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SndVars {
    /// SND.UNA.
    pub(crate) una: SeqNum,
    /// SND.NXT.
    pub(crate) nxt: SeqNum,
    /// Bytes of data in a full segment.
    pub(crate) mss: u32,
    /// Both sides permitted SACK.
    pub(crate) sack: bool,
}

impl SndVars {
    /// Sequence numbers sent and not acknowledged.
    #[inline]
    pub(crate) fn outstanding(&self) -> u32 {
        (self.nxt - self.una) as u32
    }
}

impl Recovery {
    const fn new(una: SeqNum, srtt: Duration, metrics: PathMetrics) -> Self {
        Self {
            sent_queue: SentQueue::new(una),
            phase: Phase::Open,
            frto: false,
            frto_send_new: false,
            loss_timer: LossTimer::ProbeTimeout,
            tlp_due: false,
            tlp: None,
            high_seq: una,
            reno_sacked: 0,
            spurious_in_flight: 0,
            reordering: metrics.reordering,
            partial_ack_seen: false,
            prr: Prr::new(),
            undo: Undo::new(),
            rack: Rack::new(una, srtt, metrics),
        }
    }

    /// What stays when nothing is outstanding any more.
    fn path_metrics(&self) -> PathMetrics {
        self.rack.path_metrics(self.reordering)
    }

    /// An empty summary for an acknowledgment that arrives now. `min_rtt` is zero before the first
    /// sample.
    #[inline]
    pub(crate) fn begin_delivery(&self, now: Instant, min_rtt: Duration) -> Delivered {
        Delivered::new(now, self.high_seq, self.rack.with_min_rtt(min_rtt))
    }

    /// Whether a retransmission or a tail loss probe is to be sent.
    #[inline]
    pub(crate) fn has_output(&self) -> bool {
        self.tlp_due || !self.frto_send_new && self.sent_queue.has_retransmit()
    }

    /// Whether nothing is being repaired.
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// RFC 6675 `pipe`: bytes believed to be in the network, of `outstanding` bytes.
    #[inline]
    pub(crate) fn pipe(&self, outstanding: u32) -> u32 {
        let queue = &self.sent_queue;
        let left_network = queue.sacked_out() + queue.lost_out() + self.reno_sacked;
        // If nothing is outstanding, spurious retransmissions must not count as in flight: no timer
        // would ever clear them.
        let spurious = if outstanding > 0 { self.spurious_in_flight } else { 0 };
        (outstanding + queue.retrans_out() + spurious).saturating_sub(left_network)
    }

    /// `seq..end` left for the first time, in segments of `mss` bytes.
    #[inline]
    pub(crate) fn on_new_data_sent(&mut self, seq: SeqNum, end: SeqNum, mss: u32, now: Instant) {
        self.sent_queue.push(seq, end, mss, now);
        if self.phase == Phase::Recovery {
            self.prr.on_sent((end - seq) as u32);
        }
    }

    /// `seq..end` was retransmitted in segments of `mss` bytes, when our timestamp clock showed
    /// `ts_val`.
    pub(crate) fn on_retransmit(
        &mut self,
        seq: SeqNum,
        end: SeqNum,
        mss: u32,
        ts_val: u32,
        now: Instant,
    ) {
        self.sent_queue.on_retransmit(seq, end, mss, now);
        let bytes = (end - seq) as u32;
        self.undo.on_retransmit(bytes, ts_val);
        self.prr.on_sent(bytes);
    }

    /// A tail loss probe left; `is_retrans` says that it was the last segment again.
    pub(crate) fn on_tlp_sent(&mut self, end_seq: SeqNum, is_retrans: bool) {
        self.tlp_due = false;
        self.tlp = Some(TailLossProbe { end_seq, is_retrans });
    }

    /// The queue has taken in an acknowledgment: updates RACK, the recovery point, the reordering
    /// degree and the evidence for an undo.
    #[inline]
    pub(crate) fn on_ack(&mut self, snd: &SndVars, delivered: &Delivered, ack: &AckSummary) {
        self.rack = delivered.rack;
        self.rack.on_una_advanced(snd.una);
        if self.high_seq.lt(snd.una) && self.phase == Phase::Open {
            self.high_seq = snd.una;
        }
        if let Some(low) = delivered.reordered.filter(|_| snd.sack) {
            self.check_sack_reordering(low, snd.mss);
        }
        if let Some(Dsack { len, right }) = ack.dsack {
            self.undo.on_dsack(len, right);
            let caused_by_probe = self.tlp.is_some_and(|p| p.is_retrans && p.end_seq == right);
            if !caused_by_probe {
                self.rack.on_dsack(snd.una, snd.nxt);
            }
        }
    }

    /// Something was delivered early: how early tells how much reordering is no loss (Linux
    /// `tcp_check_sack_reordering`).
    fn check_sack_reordering(&mut self, low: SeqNum, mss: u32) {
        let distance = (self.sent_queue.highest_sacked() - low).max(0) as u32;
        self.raise_reordering(distance, mss);
        self.rack.reordering_seen = true;
    }

    /// Deliveries were early by `distance` bytes, and nothing was lost (Linux
    /// `tcp_update_reordering`).
    pub(crate) fn raise_reordering(&mut self, distance: u32, mss: u32) {
        let max = u32::from(path_metrics::REORDERING_MAX);
        let segments = distance.div_ceil(mss.max(1)).min(max) as u16;
        self.reordering = self.reordering.max(segments);
    }

    /// Whether the path reorders more than a duplicate-ACK threshold assumes.
    #[inline]
    pub(crate) fn is_reordering_path(&self) -> bool {
        self.reordering > DUP_ACK_THRESHOLD
    }

    /// Bytes that newly left the network (Linux `tcp_newly_delivered`). Without SACK, duplicate
    /// ACKs reported some of them before.
    #[inline]
    pub(crate) fn newly_delivered(
        &self,
        snd: &SndVars,
        delivered: &Delivered,
        ack: &AckSummary,
    ) -> u32 {
        if snd.sack {
            delivered.bytes
        } else if ack.newly_acked > 0 {
            let known = self.reno_sacked + delivered.spurious;
            ack.newly_acked.saturating_sub(known).max(snd.mss.min(ack.newly_acked))
        } else if ack.is_dupack {
            snd.mss
        } else {
            0
        }
    }

    /// Whether an acknowledgment is unremarkable: no loss is being repaired and nothing hints at
    /// one.
    #[inline]
    pub(crate) fn is_undisturbed(&self, ack: &AckSummary) -> bool {
        self.phase == Phase::Open
            && !ack.is_dupack
            && ack.dsack.is_none()
            && self.sent_queue.sacked_out() == 0
            && self.reno_sacked == 0
    }

    /// RFC 8985 §6.2 steps 4 and 5: marks what RACK finds lost.
    pub(crate) fn rack_detect_loss(&mut self, mss: u32, srtt: Duration, now: Instant) -> Losses {
        let threshold = u32::from(self.reordering) * mss;
        let has_loss_evidence =
            self.phase != Phase::Open || self.sent_queue.sacked_out() >= threshold;
        let reo_wnd = self.rack.reo_wnd(srtt, has_loss_evidence);
        self.sent_queue.rack_detect_loss(&self.rack, reo_wnd, now)
    }

    /// Deliveries showed a loss: recovery begins at a window of `cwnd` bytes (Linux
    /// `tcp_enter_recovery`).
    pub(crate) fn enter_recovery(&mut self, snd: &SndVars, cwnd: u32) {
        self.undo.arm(snd.una, self.sent_queue.retrans_out());
        self.prr = Prr::start(cwnd);
        self.high_seq = snd.nxt;
        self.phase = Phase::Recovery;
        self.tlp = None;
        self.frto = false;
        self.frto_send_new = false;
        self.partial_ack_seen = false;
    }

    /// Whether everything that was outstanding when the phase began is acknowledged.
    #[inline]
    pub(crate) fn is_recovery_point_acked(&self, una: SeqNum) -> bool {
        una.ge(self.high_seq)
    }

    /// Recovery was completed: RACK's reordering window may narrow, and the phase is open again.
    pub(crate) fn complete_recovery(&mut self) {
        self.rack.on_recovery_end();
        self.enter_open();
    }

    /// Nothing is being repaired any more.
    pub(crate) fn enter_open(&mut self) {
        self.phase = Phase::Open;
        self.frto = false;
        self.frto_send_new = false;
        self.spurious_in_flight = 0;
        if self.sent_queue.retrans_out() == 0 {
            self.undo.clear_retrans_stamp();
        }
    }

    /// Forgets the time of the first retransmission once none is outstanding.
    #[inline]
    pub(crate) fn clear_stale_retrans_stamp(&mut self) {
        if self.phase == Phase::Open && self.sent_queue.retrans_out() == 0 {
            self.undo.clear_retrans_stamp();
        }
    }

    /// The congestion window after an acknowledgment during recovery, bytes.
    pub(crate) fn prr_cwnd(&mut self, ack: PrrAck, ssthresh: u32) -> u32 {
        self.prr.cwnd(ack, ssthresh)
    }

    /// The segments in flight that exceed `mss` bytes no longer fit the path and are lost, which is
    /// no sign of congestion (Linux `tcp_simple_retransmit`). Says whether there are any.
    pub(crate) fn simple_retransmit(&mut self, nxt: SeqNum, mss: u32) -> bool {
        if !self.sent_queue.mark_larger_lost(mss) {
            return false;
        }
        if self.phase != Phase::Loss {
            self.high_seq = nxt;
            self.undo.disarm();
            self.phase = Phase::Loss;
            self.frto = false;
        }
        true
    }
}
