//! Room in the send buffer: when the writer is told of it, and how the limit follows the congestion
//! window.

use crate::cx::Cx;
use crate::event::Readiness;
use crate::tcp::conn::Conn;

impl Conn {
    /// Something was written, sent or acknowledged: notes that the writer has no room, and tells it
    /// once it has.
    pub(crate) fn look_for_room(&mut self, cx: &mut Cx<'_>) {
        if self.lacks_room() {
            self.snd.space.short = true;
            return;
        }
        let snd = &mut self.snd;
        // Taken in any case, so that one sleep gets one event.
        let sleeps = snd.ring.take_writer_waiting();
        if core::mem::take(&mut snd.space.short) || sleeps {
            self.tell(cx, Readiness::WRITABLE);
        }
    }

    /// Bytes are about to be released: a writer who found no room before is to be told of it.
    #[inline]
    pub(crate) fn note_shortage(&mut self) {
        self.snd.space.short |= self.lacks_room();
    }

    /// Bytes were released: there may be room.
    #[inline]
    pub(crate) fn make_room(&mut self, cx: &mut Cx<'_>) {
        // Linux `tcp_should_expand_sndbuf`.
        let roomy = !cx.memory.pressure() && cx.memory.used() < cx.limits.tcp_mem[0] as u64;
        if roomy && self.snd.space.short && self.snd.outstanding() < self.congestion.cwnd() {
            self.widen(cx);
        }
        self.look_for_room(cx);
    }

    /// The limit follows the congestion window.
    pub(crate) fn widen(&mut self, cx: &Cx<'_>) {
        self.snd.space.follow(self.congestion.cwnd(), self.snd.mss, cx.limits);
        self.apply_send_limit();
    }

    /// The ring takes as much as the limit says from now on.
    pub(crate) fn apply_send_limit(&mut self) {
        self.snd.ring.set_limit(self.snd.space.limit as usize);
    }

    fn lacks_room(&self) -> bool {
        let not_sent = self.settings.not_sent;
        !self.snd.space.has_room(self.snd.ring.len() as u32)
            || not_sent > 0 && self.snd.unsent() >= not_sent
    }
}
