//! Urgent data as Linux has it, which is how sockets know it: one byte, out of band (RFC 6093).
//!
//! The urgent pointer names the byte after the urgent one (RFC 6093 §2.2 is about those who meant the
//! other; Linux's `tcp_stdurg` is 0). A pointer that runs ahead announces the byte; when its segment comes it
//! is set aside and told as [`Readiness::URGENT`]. There is one at a time: a later pointer replaces it,
//! an older one is ignored. Unless the user wants it in line, the byte is no part of the stream, so it
//! is taken out when the text around it becomes contiguous: what lies behind it moves down by one.
//! Text that waits beyond a gap moves too if it is little, and is given up if it is much, so that a
//! peer can not buy a copy of a whole window with one byte. The place where the byte was is the *mark*,
//! where reading stops once, so that a reader can tell what came before it.
//!
//! On the way out, what was written before [`urge`](Conn::urge) ends in the urgent byte. Until it is
//! acknowledged, segments carry the pointer and neither Nagle nor a device that cuts frames has a say.

use wire::tcp::{Flags, SeqNum};

use crate::cx::Cx;
use crate::event::Readiness;
use crate::socket::SocketError;
use crate::tcp::conn::Conn;
use crate::tcp::conn::output::Plan;
use crate::tcp::receive::RecvHalf;
use crate::tcp::segment::Segment;

/// Urgent data of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Urgent {
    byte: Byte,
    /// Its sequence number.
    seq: SeqNum,
    /// It is in the stream, or will be.
    inline: bool,
}

/// Where the urgent byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Byte {
    /// None was announced.
    #[default]
    None,
    /// Announced, not here.
    Announced,
    /// Here.
    Here(u8),
    /// The user has it.
    Taken,
}

impl Urgent {
    /// Whether a pointer was seen whose byte was not.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.byte == Byte::Announced
    }

    /// Whether the byte at `start..end` is to be taken out of the stream, and where it is.
    #[inline]
    fn hole(&self, start: SeqNum, len: usize) -> Option<usize> {
        if self.byte == Byte::None || self.inline {
            return None;
        }
        let at = (self.seq - start) as u32 as usize;
        (at < len).then_some(at)
    }
}

impl RecvHalf {
    /// Commits `len` contiguous bytes, all but the urgent one. Says how many numbers that is.
    #[inline]
    pub(crate) fn commit(&mut self, len: usize) -> usize {
        match self.urgent.hole(self.nxt, len) {
            None => self.ring.commit(len),
            Some(at) => self.commit_around(at, len),
        }
    }

    /// The byte lies `at` bytes into the `len` contiguous ones.
    fn commit_around(&mut self, at: usize, len: usize) -> usize {
        let waiting = self.waiting_end().map_or(len, |end| (end - self.ring.position()) as usize);
        let moved = if waiting - at <= MOVED_MOST { waiting } else { len };
        if moved < waiting {
            self.renege();
        }
        if let Some(disorder) = &mut self.disorder {
            disorder.assembler.move_down();
        }
        if let Some(byte) = self.ring.slices_at(at, 1).0.first().copied()
            && self.urgent.is_awaited()
        {
            self.urgent.byte = Byte::Here(byte);
        }
        for from in (at..moved.saturating_sub(1)).step_by(STEP - 1) {
            let (first, second) = self.ring.slices_at(from, STEP.min(moved - from));
            move_down(first, second);
        }
        self.ring.commit(len - 1) + 1
    }

    /// The stream position of the mark, if there is one at or before RCV.NXT.
    fn mark(&self) -> Option<u64> {
        let fin = i32::from(self.fin.is_some_and(|fin| fin.lt(self.nxt)));
        let beyond = self.nxt - self.urgent.seq - fin;
        if self.urgent.byte == Byte::None || beyond < 0 {
            return None;
        }
        let behind = if self.urgent.inline { beyond } else { (beyond - 1).max(0) };
        self.ring.position().checked_sub(u64::from(behind.unsigned_abs()))
    }
}

impl Conn {
    /// Sixth step of segment arrival: the urgent pointer, and the byte if it is in this segment.
    pub(crate) fn process_urgent(&mut self, cx: &mut Cx<'_>, seg: &Segment<'_>) {
        let rcv = &mut self.rcv;
        if seg.flags.intersects(Flags::URG) && seg.urgent > 0 {
            let at = seg.seq + u32::from(seg.urgent) - 1;
            let known = rcv.urgent.byte != Byte::None && at.le(rcv.urgent.seq);
            if at.ge(rcv.nxt) && at.lt(rcv.edge) && !known {
                rcv.urgent =
                    Urgent { byte: Byte::Announced, seq: at, inline: self.settings.oob_inline };
                // What lies behind is not committed: the byte itself is not.
                rcv.ring.set_mark(rcv.ring.position() + (at - rcv.nxt) as u64);
            }
        }
        if rcv.urgent.byte != Byte::Announced {
            return;
        }
        let at = (rcv.urgent.seq - seg.seq) as u32 as usize;
        if let Some(&byte) = seg.payload.get(at) {
            rcv.urgent.byte = Byte::Here(byte);
            self.tell(cx, Readiness::URGENT);
        }
    }

    /// The user wants urgent data in line, or not. What was announced already is told apart by its
    /// place in the stream, which is settled when it becomes contiguous.
    pub(crate) fn set_oob_inline(&mut self, on: bool) {
        if self.rcv.urgent.seq.ge(self.rcv.nxt) {
            self.rcv.urgent.inline = on;
        }
    }

    /// The urgent byte (`recv` with `MSG_OOB`); nothing if it was announced and is not here. With
    /// `peek` it stays.
    pub(crate) fn urgent_byte(&mut self, peek: bool) -> Result<Option<u8>, SocketError> {
        let urgent = &mut self.rcv.urgent;
        match urgent.byte {
            Byte::None | Byte::Taken => Err(SocketError::InvalidArgument),
            _ if urgent.inline => Err(SocketError::InvalidArgument),
            Byte::Announced => Ok(None),
            Byte::Here(byte) => {
                if !peek {
                    urgent.byte = Byte::Taken;
                }
                Ok(Some(byte))
            }
        }
    }

    /// Whether the next byte to read is the one at the mark (`sockatmark`).
    pub(crate) fn at_mark(&self) -> bool {
        let read = self.rcv.ring.position() - self.rcv.ring.buffered() as u64;
        self.rcv.mark() == Some(read)
    }

    /// What was written so far ends in an urgent byte (`send` with `MSG_OOB`).
    pub(crate) fn urge(&mut self, cx: &mut Cx<'_>) {
        let first = self.snd.una + u32::from(self.stage != crate::tcp::conn::Stage::Synchronized);
        let end = first + self.snd.ring.len() as u32;
        self.snd.up = self.snd.up.max(end);
        self.app_wrote(cx);
    }

    /// The urgent pointer of a planned segment, and the flag that goes with it.
    #[inline]
    pub(crate) fn urgent_pointer(&self, plan: &Plan) -> (u16, Flags) {
        let end = self.snd.up;
        if !self.snd.is_urgent() || end.le(plan.seq) {
            return (0, Flags::NONE);
        }
        match u16::try_from((end - plan.seq) as u32) {
            Ok(ahead) => (ahead, Flags::URG),
            // Too far to be told: new data says at least that there is some.
            Err(_) if (plan.seq + u32::from(u16::MAX)).gt(self.snd.nxt) => (u16::MAX, Flags::URG),
            Err(_) => (0, Flags::NONE),
        }
    }
}

/// Moves bytes that lie in two pieces down by one, over the first of them.
fn move_down(first: &mut [u8], second: &mut [u8]) {
    if !first.is_empty() {
        first.copy_within(1.., 0);
    }
    if let (Some(last), Some(next)) = (first.last_mut(), second.first()) {
        *last = *next;
        second.copy_within(1.., 0);
    }
}

/// Bytes moved at once: no more than a ring hands out in two pieces.
const STEP: usize = 4096;
/// Bytes beyond a gap that are moved for an urgent one.
const MOVED_MOST: usize = 64 << 10;
