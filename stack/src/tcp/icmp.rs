//! What an ICMP error about a segment of ours does (RFC 9293 §3.9.2.2).
//!
//! Only errors that quote a sequence number in flight are believed (RFC 5927 §4). An active open
//! ends with the error, as in Linux, and a passive one is forgotten. An established connection
//! takes nothing but the path MTU from them (RFC 1122 §4.2.3.9): everything else is left to its own
//! timeouts, but if one of those ends it, the ICMP error is the reason reported. A timeout also
//! learns from them that a path is down, where waiting longer does not help (RFC 6069).

use addr::{Endpoint, FlowKey};
use wire::tcp::SeqNum;

use crate::cx::Cx;
use crate::icmp::{IcmpError, IcmpErrorKind};
use crate::tcp::Tcp;
use crate::tcp::flow_table::Owner;

impl Tcp {
    /// An ICMP error quoted a segment that we may have sent.
    pub(crate) fn icmp_error(&mut self, cx: &mut Cx<'_>, error: &IcmpError<'_>) {
        let Some(&[a, b, c, d, e, f, g, h]) = error.transport.first_chunk() else { return };
        let local = Endpoint::new(error.src, u16::from_be_bytes([a, b]));
        let remote = Endpoint::new(error.dst, u16::from_be_bytes([c, d]));
        let seq = SeqNum(u32::from_be_bytes([e, f, g, h]));
        match self.flows.find(self.flow_owners(), &FlowKey::new(local, remote)) {
            Some(Owner::Conn(index)) => {
                let Some(conn) = self.conns.at_mut(index) else { return };
                if seq.ge(conn.snd.una) && seq.lt(conn.snd.nxt) {
                    conn.on_icmp_error(cx, error.kind, seq);
                    self.reschedule(cx, index);
                }
            }
            Some(Owner::Embryo(index)) => self.embryo_icmp_error(index, seq, error.kind),
            Some(Owner::TimeWait(_)) | None => {}
        }
    }

    /// An error about our SYN-ACK: nobody can be notified, and a peer that cannot be reached is not
    /// worth the room (Linux `tcp_req_err`).
    fn embryo_icmp_error(&mut self, index: u32, seq: SeqNum, kind: IcmpErrorKind) {
        let unreachable = matches!(
            kind,
            IcmpErrorKind::HostUnreachable
                | IcmpErrorKind::NetUnreachable
                | IcmpErrorKind::TimeExceeded
                | IcmpErrorKind::ParameterProblem
        );
        if unreachable && self.embryos.get(index).is_some_and(|embryo| embryo.iss == seq) {
            self.remove_embryo(index);
        }
    }
}
