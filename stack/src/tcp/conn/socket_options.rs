//! Setting the options of a connection, and starting with those of its listener.

use crate::cx::Cx;
use crate::limits::Limits;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::user::socket_options::{Choice, TcpOption};

impl Conn {
    /// Starts with a listener's settings.
    pub(crate) fn inherit(&mut self, settings: &Choice, limits: &Limits) {
        self.settings = settings.clone();
        self.our_mss = settings.bound_mss(self.our_mss);
        if let Some(algorithm) = settings.congestion {
            self.congestion.set_algorithm(algorithm);
        }
        self.apply_buffers(limits);
        self.set_oob_inline(settings.oob_inline);
        if let Some(pacing) = settings.pacing {
            self.pacer.set(pacing, self.snd.bytes, self.snd.mss);
        }
    }

    /// Sets an option.
    pub(crate) fn set_option(&mut self, cx: &mut Cx<'_>, option: TcpOption) {
        self.settings.set(option);
        match option {
            TcpOption::NoDelay(_) | TcpOption::Cork(_) => self.app_wrote(cx),
            TcpOption::QuickAck(on) => self.rcv.owed.now |= self.rcv.acks.set_quick(on),
            TcpOption::Congestion(algorithm) => self.congestion.set_algorithm(algorithm),
            TcpOption::Pacing(pacing) => {
                self.pacer.set(pacing, self.snd.bytes, self.snd.mss);
                self.app_wrote(cx);
            }
            TcpOption::KeepAlive(_) => self.set_keepalive(),
            TcpOption::MaxSegment(_) => self.apply_max_segment(),
            TcpOption::ReceiveBuffer(_) | TcpOption::SendBuffer(_) => {
                self.apply_buffers(cx.limits);
                self.app_read(cx);
            }
            TcpOption::NotSentLowWater(_) => self.look_for_room(cx),
            TcpOption::OobInline(on) => self.set_oob_inline(on),
            TcpOption::UserTimeout(_)
            | TcpOption::Linger(_)
            | TcpOption::HopLimit(_)
            | TcpOption::TrafficClass(_)
            | TcpOption::FinTimeout(_) => {}
        }
    }

    /// Buffers of a size that the user set are not tuned.
    fn apply_buffers(&mut self, limits: &Limits) {
        if self.settings.receive_buffer > 0 {
            self.rcv.space.fix(self.settings.receive_buffer, limits);
        }
        if self.settings.send_buffer > 0 {
            self.snd.space.fix(self.settings.send_buffer, limits);
            self.apply_send_limit();
        }
    }

    /// A largest segment is told in our SYN, if that has not left, and kept to in any case.
    pub(crate) fn apply_max_segment(&mut self) {
        if self.stage == Stage::SynSent && self.syn_owed {
            self.our_mss = self.settings.bound_mss(self.our_mss);
        }
        self.update_mss();
    }
}
