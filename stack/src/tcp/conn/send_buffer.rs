//! Room in the send buffer: when the writer is notified of it, and how the limit follows the
//! congestion window.

use crate::cx::Cx;
use crate::event::Readiness;
use crate::tcp::conn::Conn;

impl Conn {
    /// Something was written, sent or acknowledged: notes that the send buffer is full, or tells
    /// the writer once it is not (Linux `sk_write_space`).
    pub(crate) fn notify_if_writable(&mut self, cx: &mut Cx<'_>) {
        if self.is_send_buffer_full() {
            self.snd.space.is_full_noted = true;
            return;
        }
        let snd = &mut self.snd;
        // The flag is taken in any case, so that one sleep of the writer gets one event.
        let sleeps = snd.ring.take_writer_waiting();
        if core::mem::take(&mut snd.space.is_full_noted) || sleeps {
            self.notify(cx, Readiness::WRITABLE);
        }
    }

    /// Bytes are about to be released: a writer that found the buffer full must be notified of the
    /// room (Linux `SOCK_NOSPACE`).
    #[inline]
    pub(crate) fn note_send_buffer_full(&mut self) {
        self.snd.space.is_full_noted |= self.is_send_buffer_full();
    }

    /// Bytes were released, so there may be room (Linux `tcp_check_space`).
    #[inline]
    pub(crate) fn check_send_space(&mut self, cx: &mut Cx<'_>) {
        // Linux `tcp_should_expand_sndbuf`.
        let roomy = !cx.memory.pressure() && cx.memory.used() < cx.limits.tcp_mem[0] as u64;
        if roomy && self.snd.space.is_full_noted && self.snd.outstanding() < self.congestion.cwnd()
        {
            self.expand_send_buffer(cx);
        }
        self.notify_if_writable(cx);
    }

    /// The limit follows the congestion window (Linux `tcp_sndbuf_expand`).
    pub(crate) fn expand_send_buffer(&mut self, cx: &Cx<'_>) {
        if cx.memory.pressure() {
            self.snd.space.moderate(cx.limits.tcp_wmem[0] as u32);
            self.apply_send_limit();
            return;
        }
        self.snd.space.follow_cwnd(self.congestion.cwnd(), self.snd.mss, cx.limits);
        self.apply_send_limit();
    }

    /// Applies the limit to the ring.
    pub(crate) fn apply_send_limit(&mut self) {
        self.snd.ring.set_limit(self.snd.space.limit as usize);
    }

    fn is_send_buffer_full(&self) -> bool {
        let not_sent = self.options.not_sent;
        !self.snd.space.is_writable(self.snd.ring.len() as u32)
            || not_sent > 0 && self.snd.unsent() >= not_sent
    }
}
