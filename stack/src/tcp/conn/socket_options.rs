//! Setting the options of a connection, and starting with those of its listener.

use crate::cx::Cx;
use crate::limits::Limits;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::user::socket_options::{SocketOptions, TcpOption};

impl Conn {
    /// Starts with the options of the listener.
    pub(crate) fn inherit(&mut self, options: &SocketOptions, limits: &Limits) {
        self.options = options.clone();
        self.adv_mss = options.bound_mss(self.adv_mss);
        if let Some(algorithm) = options.congestion {
            self.congestion.set_algorithm(algorithm);
        }
        self.apply_buffers(limits);
        self.set_oob_inline(options.oob_inline);
        if let Some(pacing) = options.pacing {
            self.pacer.set(pacing, self.snd.bytes_sent, self.snd.mss);
        }
    }

    /// Sets an option.
    pub(crate) fn set_option(&mut self, cx: &mut Cx<'_>, option: TcpOption) {
        self.options.set(option);
        match option {
            TcpOption::NoDelay(_) | TcpOption::Cork(_) => self.app_wrote(cx),
            TcpOption::QuickAck(on) => {
                self.rcv.pending_acks.immediate |= self.rcv.ack_policy.set_quickack(on)
            }
            TcpOption::Congestion(algorithm) => self.congestion.set_algorithm(algorithm),
            TcpOption::Pacing(pacing) => {
                self.pacer.set(pacing, self.snd.bytes_sent, self.snd.mss);
                self.app_wrote(cx);
            }
            TcpOption::KeepAlive(_) => self.set_keepalive(),
            TcpOption::MaxSegment(_) => self.apply_max_segment(),
            TcpOption::ReceiveBuffer(_) | TcpOption::SendBuffer(_) => {
                self.apply_buffers(cx.limits);
                self.app_read(cx);
            }
            TcpOption::NotSentLowWater(_) => self.notify_if_writable(cx),
            TcpOption::OobInline(on) => self.set_oob_inline(on),
            TcpOption::UserTimeout(_)
            | TcpOption::Linger(_)
            | TcpOption::HopLimit(_)
            | TcpOption::TrafficClass(_)
            | TcpOption::FinTimeout(_) => {}
        }
    }

    /// A buffer size that the user set is not tuned.
    fn apply_buffers(&mut self, limits: &Limits) {
        if self.options.receive_buffer > 0 {
            self.rcv.space.set_by_user(self.options.receive_buffer, limits);
        }
        if self.options.send_buffer > 0 {
            self.snd.space.set_by_user(self.options.send_buffer, limits);
            self.apply_send_limit();
        }
    }

    /// `TCP_MAXSEG` is advertised in our SYN, if that has not left, and applies to what we send in
    /// any case.
    pub(crate) fn apply_max_segment(&mut self) {
        if self.stage == Stage::SynSent && self.syn_pending {
            self.adv_mss = self.options.bound_mss(self.adv_mss);
        }
        self.update_mss();
    }
}
