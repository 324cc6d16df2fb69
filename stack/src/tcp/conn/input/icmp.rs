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
        let error = kind.socket_error();
        if self.stage == Stage::Synchronized {
            self.soft_error = Some(error);
            if matches!(kind, IcmpErrorKind::HostUnreachable | IcmpErrorKind::NetUnreachable) {
                self.revert_back_off(seq);
            }
        } else {
            self.fail(cx, error);
        }
    }

    /// RFC 6069: a retransmission met a router without a route, so the path is down and not
    /// congested, and the next attempt waits no longer than this one did (Linux
    /// `tcp_ld_RTO_revert`). If that time is over already, it leaves at once.
    fn revert_back_off(&mut self, seq: SeqNum) {
        if self.consecutive_rtos > 0
            && seq == self.snd.una
            && self.timers.retransmit != Instant::FAR
        {
            let sooner = self.rtt.revert_back_off();
            self.timers.retransmit = self.timers.retransmit - sooner;
        }
    }

    /// The path MTU shrank: segments are smaller from now on, and those in flight that are too
    /// large are retransmitted (RFC 1191 §6.4, RFC 8201 §5.4). It is no sign of congestion.
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

/// Linux `ip_rt_min_pmtu`: a smaller MTU is more likely forged than true.
const MTU_MIN_V4: u32 = 552;
/// RFC 8201 §4.
const MTU_MIN_V6: u32 = 1280;
