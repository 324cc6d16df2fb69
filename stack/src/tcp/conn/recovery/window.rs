//! The congestion window of a connection after an acknowledgment (Linux `tcp_cong_control`), and
//! how what the window lets out is paced.

use crate::cx::Cx;
use crate::tcp::congestion::Ack;
use crate::tcp::conn::Conn;
use crate::tcp::recovery::{AckSummary, Phase, PrrAck, TlpOutcome};
use crate::tcp::send::pacing::Window;

impl Conn {
    /// The window after an acknowledgment: PRR during recovery, else growth. `newly_lost` is in
    /// bytes.
    #[inline]
    pub(super) fn cong_control(
        &mut self,
        cx: &Cx<'_>,
        newly_delivered: u32,
        ack: &AckSummary,
        newly_lost: u32,
    ) {
        let recovery = &*self.recovery;
        if recovery.phase == Phase::Recovery {
            self.apply_prr(newly_delivered, ack.newly_acked > 0 && newly_lost == 0);
            return;
        }
        // Forward progress: something was acknowledged, or delivered early on a path that reorders.
        let counts_deliveries =
            recovery.is_reordering_path() || recovery.grows_by_dupacks(&self.snd_vars());
        if ack.newly_acked > 0 || counts_deliveries && newly_delivered > 0 {
            self.cong_avoid(cx, newly_delivered, ack);
        }
        self.output_wanted |=
            newly_delivered > 0 && (self.recovery.frto_send_new || self.has_output());
    }

    /// The window as PRR has it after `delivered_data` more bytes; `is_safe` as in [`PrrAck`].
    pub(super) fn apply_prr(&mut self, delivered_data: u32, is_safe: bool) {
        let (pipe, mss) = (self.recovery.pipe(self.snd.outstanding()), self.snd.mss);
        let ack = PrrAck { delivered_data, is_safe, pipe, mss };
        let cwnd = self.recovery.prr_cwnd(ack, self.congestion.ssthresh());
        self.congestion.set_cwnd(cwnd, mss);
        self.output_wanted = true;
    }

    /// Slow start or congestion avoidance.
    fn cong_avoid(&mut self, cx: &Cx<'_>, newly_delivered: u32, ack: &AckSummary) {
        let snd = &self.snd;
        self.congestion.on_ack(&Ack {
            now: cx.now,
            acked: newly_delivered,
            una: snd.una,
            nxt: snd.nxt,
            rtt: ack.rtt,
            srtt: self.rtt.srtt().unwrap_or_default(),
            mss: snd.mss,
            limited: self.congestion.is_limited(),
        });
    }

    /// An ACK arrived while a tail loss probe is in flight (RFC 8985 §7.4.2, Linux
    /// `tcp_process_tlp_ack`).
    pub(super) fn process_tlp_ack(&mut self, cx: &mut Cx<'_>, ack: &AckSummary) {
        let Some(tlp) = self.recovery.tlp else { return };
        match tlp.on_ack(self.snd.una, ack.is_dupack, ack.dsack.is_some()) {
            TlpOutcome::Pending => return,
            TlpOutcome::NoLoss => {}
            TlpOutcome::LossRepaired => {
                self.congestion.reduce(self.snd.mss);
                self.congestion.set_cwnd(self.congestion.ssthresh(), self.snd.mss);
                cx.stats.tcp_tail_losses += 1;
            }
        }
        self.recovery.tlp = None;
    }

    /// One ACK that fills a hole may open most of a window, and the queue of the path does not take
    /// that at once (RFC 6582 §3.2 asks for measures), so it is paced at the rate of the window.
    #[inline]
    pub(super) fn pace_burst(&mut self, is_undisturbed: bool) {
        if self.sack || is_undisturbed && !self.pacer.is_pacing_burst() {
            return;
        }
        let pipe = self.recovery.pipe(self.snd.outstanding());
        let open = self.congestion.cwnd().saturating_sub(pipe) / self.snd.mss.max(1);
        if self.pacer.is_pacing_burst() {
            let is_done = open < BURST_END || self.snd.unsent() == 0;
            if is_undisturbed && is_done {
                self.pacer.end_burst();
            } else {
                self.pacer.begin_burst();
            }
        } else if open > BURST_START {
            self.pacer.begin_burst();
        }
    }

    /// The window or the round trip changed: so does the pacing rate.
    #[inline]
    pub(super) fn update_pacing(&mut self) {
        self.pacer.update(|| Window {
            cwnd: self.congestion.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            outstanding: self.snd.outstanding(),
            srtt_us: self.rtt.srtt_us(),
        });
    }
}

/// Segments that may leave at once: an initial window (RFC 6928). More of them are paced.
const BURST_START: u32 = 10;
/// If less than this many segments may leave, ACKs clock the sender again.
const BURST_END: u32 = 3;
