//! When the ACK of text that came in order leaves: at once, or by the delayed-ACK timer.

use crate::cx::Cx;
use crate::tcp::conn::Conn;
use crate::time::{Duration, Instant};

impl Conn {
    /// Text arrived in order: sends the ACK at once or arms the delayed-ACK timer (Linux
    /// `__tcp_ack_snd_check`). `gap` says that text out of order waits, or waited until now.
    #[inline]
    pub(crate) fn schedule_ack(&mut self, cx: &Cx<'_>, gap: bool) {
        let rcv = &mut self.rcv;
        let waiting = (rcv.nxt - rcv.last_ack_sent) as u32;
        if gap || waiting > rcv.ack_policy.rcv_mss || rcv.ack_policy.is_in_quickack_mode() {
            rcv.pending_acks.immediate = true;
            return;
        }
        let delay = rcv.ack_policy.delay(Duration::from_micros(self.rtt.srtt_us().into()));
        let timer = &mut self.timers.delayed_ack;
        if *timer != Instant::FAR && *timer <= cx.now + delay / 4 {
            rcv.pending_acks.immediate = true;
        } else {
            *timer = (*timer).min(cx.now + delay);
        }
    }

    /// The delayed-ACK timer expired.
    pub(crate) fn on_ack_timer(&mut self) {
        if self.rcv.ack_policy.on_timer(self.rtt.rto()) {
            self.rcv.pending_acks.immediate = true;
        }
    }
}
