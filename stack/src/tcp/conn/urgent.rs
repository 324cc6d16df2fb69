//! Urgent data of a connection, in both directions (RFC 6093, RFC 9293 §3.8.5): the sixth step of
//! segment arrival, the calls of the user, and the urgent pointer of outgoing segments.
//!
//! What was written before [`send_urgent`](Conn::send_urgent) ends in the urgent byte. Until it is
//! acknowledged, segments carry the pointer, and neither Nagle nor a device that cuts frames has a
//! say.

use wire::tcp::Flags;

use crate::cx::Cx;
use crate::event::Readiness;
use crate::socket::SocketError;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::receive::urgent::{Urgent, UrgentByte};
use crate::tcp::segment::Segment;
use crate::tcp::send::plan::SegmentPlan;

impl Conn {
    /// Sixth step of segment arrival: the urgent pointer, and the byte if it is in this segment.
    pub(crate) fn process_urgent(&mut self, cx: &mut Cx<'_>, seg: &Segment<'_>) {
        let rcv = &mut self.rcv;
        if seg.flags.intersects(Flags::URG) && seg.urgent > 0 {
            let at = seg.seq + u32::from(seg.urgent) - 1;
            let known = rcv.urgent.byte != UrgentByte::None && at.le(rcv.urgent.seq);
            if at.ge(rcv.nxt) && at.lt(rcv.rcv_adv) && !known {
                rcv.urgent = Urgent {
                    byte: UrgentByte::Announced,
                    seq: at,
                    inline: self.options.oob_inline,
                };
                // Reading must stop at the byte, so what lies behind it is not committed yet.
                rcv.ring.set_mark(rcv.ring.position() + (at - rcv.nxt) as u64);
            }
        }
        if rcv.urgent.byte != UrgentByte::Announced {
            return;
        }
        let at = (rcv.urgent.seq - seg.seq) as u32 as usize;
        if let Some(&byte) = seg.payload.get(at) {
            rcv.urgent.byte = UrgentByte::Here(byte);
            self.notify(cx, Readiness::URGENT);
        }
    }

    /// `SO_OOBINLINE` was set. A byte that was announced already is recognized by its place in the
    /// stream, which is decided when it becomes contiguous.
    pub(crate) fn set_oob_inline(&mut self, on: bool) {
        if self.rcv.urgent.seq.ge(self.rcv.nxt) {
            self.rcv.urgent.inline = on;
        }
    }

    /// The urgent byte (`recv` with `MSG_OOB`); none if it was announced and has not arrived. With
    /// `peek` it stays.
    ///
    /// # Errors
    ///
    /// [`SocketError::InvalidArgument`] if no byte was announced, if it was read already, or if
    /// urgent data is in line.
    pub(crate) fn urgent_byte(&mut self, peek: bool) -> Result<Option<u8>, SocketError> {
        let urgent = &mut self.rcv.urgent;
        match urgent.byte {
            UrgentByte::None | UrgentByte::Taken => Err(SocketError::InvalidArgument),
            _ if urgent.inline => Err(SocketError::InvalidArgument),
            UrgentByte::Announced => Ok(None),
            UrgentByte::Here(byte) => {
                if !peek {
                    urgent.byte = UrgentByte::Taken;
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
    pub(crate) fn send_urgent(&mut self, cx: &mut Cx<'_>) {
        let first = self.snd.una + u32::from(self.stage != Stage::Synchronized);
        let end = first + self.snd.ring.len() as u32;
        self.snd.up = self.snd.up.max(end);
        self.app_wrote(cx);
    }

    /// The urgent pointer of a planned segment, and the flag that goes with it.
    #[inline]
    pub(crate) fn urgent_pointer(&self, plan: &SegmentPlan) -> (u16, Flags) {
        let end = self.snd.up;
        if !self.snd.is_urgent() || end.le(plan.seq) {
            return (0, Flags::NONE);
        }
        match u16::try_from((end - plan.seq) as u32) {
            Ok(ahead) => (ahead, Flags::URG),
            // The urgent byte is further ahead than the pointer can tell: new data announces that
            // there is one.
            Err(_) if (plan.seq + u32::from(u16::MAX)).gt(self.snd.nxt) => (u16::MAX, Flags::URG),
            Err(_) => (0, Flags::NONE),
        }
    }
}
