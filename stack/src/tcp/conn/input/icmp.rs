//! What an ICMP error that quotes a segment of this connection does (RFC 1122 §4.2.3.9, RFC 5927).

use wire::tcp::SeqNum;

use crate::cx::{Cx, Request};
use crate::icmp::IcmpErrorKind;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::segment::options;
use crate::time::Instant;

impl Conn {
    /// An error quoted the number `seq`, which is in flight.
    pub(crate) fn on_icmp_error(&mut self, cx: &mut Cx<'_>, kind: IcmpErrorKind, seq: SeqNum) {
        if let IcmpErrorKind::PacketTooBig { mtu } = kind {
            self.on_packet_too_big(cx, mtu);
            return;
        }
        let Some(error) = kind.socket_error() else { return };
        if self.stage == Stage::Synchronized {
            self.soft_error = Some(error);
            if matches!(kind, IcmpErrorKind::HostUnreachable | IcmpErrorKind::NetUnreachable) {
                self.revert_back_off(seq);
            }
        } else {
            self.fail(cx, error);
        }
    }

    /// The segment that a timeout sent again met a router that knows no way on: a path that is down, and no
    /// congestion. So the next attempt waits no longer than this one did (RFC 6069; Linux
    /// `tcp_ld_RTO_revert`). If that is over already, it leaves at once.
    fn revert_back_off(&mut self, seq: SeqNum) {
        if self.consecutive_rtos > 0
            && seq == self.snd.una
            && self.timers.retransmit != Instant::FAR
        {
            let sooner = self.rtt.revert_back_off();
            self.timers.retransmit = self.timers.retransmit - sooner;
        }
    }

    /// The path carries less than we thought: smaller segments from now on, and once more from
    /// SND.UNA if any in flight was too large (RFC 1191 §6.4, RFC 8201 §5.4; TCPX-06). It is no sign
    /// of congestion.
    fn on_packet_too_big(&mut self, cx: &mut Cx<'_>, mtu: u32) {
        let floor = if self.key.remote.ip.is_v4() { MTU_MIN_V4 } else { MTU_MIN_V6 };
        let mtu = mtu.max(floor);
        if mtu >= self.path.mtu.min(self.path_mtu) || !self.sends_more_than(mtu) {
            return;
        }
        cx.requests.push(Request::PathMtu(self.key.remote.ip, mtu));
        self.path_mtu = mtu;
        self.update_mss();
        if self.stage == Stage::Synchronized {
            self.simple_retransmit();
        }
    }

    /// Whether any segment of ours can be larger than `mtu`; an error that says otherwise is forged
    /// (RFC 5927 §7.2).
    fn sends_more_than(&self, mtu: u32) -> bool {
        let v4 = self.key.remote.ip.is_v4();
        self.stage != Stage::Synchronized || mtu < options::packet_len(self.snd.mss, v4)
    }
}

/// Linux `ip_rt_min_pmtu`: less is more likely forged than true.
const MTU_MIN_V4: u32 = 552;
/// RFC 8201 §4.
const MTU_MIN_V6: u32 = 1280;
