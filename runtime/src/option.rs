//! Socket options by Linux's numbers, as clients of any language name them.
//!
//! A socket's owner keeps its [`Options`], so that what was set before there was a connection
//! reaches it later, and what was set can be read back. REUSEADDR is taken without effect: the
//! stack never refuses a port because of TIME-WAIT. An option travels as one integer, so
//! `SO_LINGER` is its seconds, or a negative number for none; only `TCP_CONGESTION` is a name
//! (TCPC-01).

use std::time::Duration;

use client::socket_option::{
    IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPV6_TCLASS, IPV6_UNICAST_HOPS,
    IPV6_V6ONLY, SO_BROADCAST, SO_KEEPALIVE, SO_LINGER, SO_MAX_PACING_RATE, SO_OOBINLINE,
    SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT, SO_SNDBUF, SOL_SOCKET, TCP_CONGESTION, TCP_CORK,
    TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_LINGER2, TCP_MAXSEG, TCP_NODELAY,
    TCP_NOTSENT_LOWAT, TCP_QUICKACK, TCP_USER_TIMEOUT,
};
use rustix::io::Errno;
use stack::tcp::{CongestionAlgorithm, KeepAlive, Pacing, TcpOption};

/// What was set on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    nodelay: bool,
    cork: bool,
    quickack: bool,
    keepalive: bool,
    times: KeepAlive,
    /// Milliseconds.
    user_timeout: u32,
    max_segment: u16,
    /// Bytes; none leaves it to the stack.
    receive_buffer: Option<u32>,
    send_buffer: Option<u32>,
    not_sent: u32,
    /// Seconds.
    linger: Option<u32>,
    oob_inline: bool,
    /// None for the stack's default.
    hop_limit: Option<u8>,
    traffic_class: u8,
    /// Seconds; none leaves it to the stack.
    fin_timeout: Option<u32>,
    congestion: Option<CongestionAlgorithm>,
    /// Bytes a second; none for no bound.
    pacing_rate: Option<u32>,
    pub(crate) only_v6: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodelay: false,
            cork: false,
            quickack: true,
            keepalive: false,
            times: KeepAlive::default(),
            user_timeout: 0,
            max_segment: 0,
            receive_buffer: None,
            send_buffer: None,
            not_sent: 0,
            linger: None,
            oob_inline: false,
            hop_limit: None,
            traffic_class: 0,
            fin_timeout: None,
            congestion: None,
            pacing_rate: None,
            only_v6: false,
        }
    }
}

impl Options {
    /// Sets an option. Values out of range are refused as Linux refuses them.
    pub(crate) fn set(&mut self, level: i32, name: i32, value: i32) -> Result<(), Errno> {
        let on = value != 0;
        match (level, name) {
            (SOL_SOCKET, SO_KEEPALIVE) => self.keepalive = on,
            (SOL_SOCKET, SO_OOBINLINE) => self.oob_inline = on,
            (SOL_SOCKET, SO_LINGER) => self.linger = u32::try_from(value).ok(),
            (SOL_SOCKET, SO_RCVBUF) => self.receive_buffer = Some(value.max(0).cast_unsigned()),
            (SOL_SOCKET, SO_SNDBUF) => self.send_buffer = Some(value.max(0).cast_unsigned()),
            (SOL_SOCKET, SO_REUSEADDR | SO_BROADCAST | SO_REUSEPORT) => {}
            (SOL_SOCKET, SO_MAX_PACING_RATE) => {
                self.pacing_rate = (value != -1).then_some(value.cast_unsigned());
            }
            (IPPROTO_IPV6, IPV6_V6ONLY) => self.only_v6 = on,
            (IPPROTO_IP, IP_TTL) => self.hop_limit = or_default(value, 1)?,
            (IPPROTO_IPV6, IPV6_UNICAST_HOPS) => self.hop_limit = or_default(value, 0)?,
            (IPPROTO_IP, IP_TOS) => self.traffic_class = value as u8,
            (IPPROTO_IPV6, IPV6_TCLASS) => {
                self.traffic_class = or_default(value, 0)?.unwrap_or_default();
            }
            (IPPROTO_TCP, name) => return self.set_tcp(name, value),
            _ => return Err(Errno::NOPROTOOPT),
        }
        Ok(())
    }

    fn set_tcp(&mut self, name: i32, value: i32) -> Result<(), Errno> {
        let on = value != 0;
        match name {
            TCP_NODELAY => self.nodelay = on,
            TCP_CORK => self.cork = on,
            TCP_QUICKACK => self.quickack = on,
            TCP_MAXSEG => self.max_segment = within(value, 88, 32_767)? as u16,
            TCP_KEEPIDLE => self.times.idle = seconds(within(value, 1, 32_767)?),
            TCP_KEEPINTVL => self.times.interval = seconds(within(value, 1, 32_767)?),
            TCP_KEEPCNT => self.times.probes = within(value, 1, 127)? as u8,
            TCP_USER_TIMEOUT => self.user_timeout = within(value, 0, i32::MAX)?,
            TCP_NOTSENT_LOWAT => self.not_sent = value.cast_unsigned(),
            // Zero is the default, a negative value none at all.
            TCP_LINGER2 => {
                let seconds = value.clamp(0, LINGER2_MOST).cast_unsigned();
                self.fin_timeout = (value != 0).then_some(seconds);
            }
            _ => return Err(Errno::NOPROTOOPT),
        }
        Ok(())
    }

    /// What was set. `None`: there is no such option, or it is not remembered.
    pub(crate) fn value(&self, level: i32, name: i32) -> Option<i32> {
        let value = match (level, name) {
            (SOL_SOCKET, SO_KEEPALIVE) => self.keepalive.into(),
            (SOL_SOCKET, SO_OOBINLINE) => self.oob_inline.into(),
            (SOL_SOCKET, SO_LINGER) => self.linger.map_or(-1, clamp),
            // Linux doubles what was set, for its overhead, and says so.
            (SOL_SOCKET, SO_RCVBUF) => clamp(self.receive_buffer?.saturating_mul(2)),
            (SOL_SOCKET, SO_SNDBUF) => clamp(self.send_buffer?.saturating_mul(2)),
            (IPPROTO_TCP, TCP_NODELAY) => self.nodelay.into(),
            (IPPROTO_TCP, TCP_CORK) => self.cork.into(),
            (IPPROTO_TCP, TCP_QUICKACK) => self.quickack.into(),
            (IPPROTO_TCP, TCP_MAXSEG) => self.max_segment.into(),
            (IPPROTO_TCP, TCP_KEEPIDLE) => clamp(self.times.idle.as_secs()),
            (IPPROTO_TCP, TCP_KEEPINTVL) => clamp(self.times.interval.as_secs()),
            (IPPROTO_TCP, TCP_KEEPCNT) => self.times.probes.into(),
            (IPPROTO_TCP, TCP_USER_TIMEOUT) => clamp(self.user_timeout),
            (IPPROTO_TCP, TCP_NOTSENT_LOWAT) => clamp(self.not_sent),
            (IPPROTO_TCP, TCP_LINGER2) => match self.fin_timeout {
                None => LINGER2_DEFAULT,
                Some(0) => -1,
                Some(seconds) => clamp(seconds),
            },
            (SOL_SOCKET, SO_MAX_PACING_RATE) => self.pacing_rate.map_or(-1, u32::cast_signed),
            (IPPROTO_IP, IP_TTL) | (IPPROTO_IPV6, IPV6_UNICAST_HOPS) => {
                self.hop_limit.unwrap_or(HOP_LIMIT).into()
            }
            (IPPROTO_IP, IP_TOS) | (IPPROTO_IPV6, IPV6_TCLASS) => self.traffic_class.into(),
            (IPPROTO_IPV6, IPV6_V6ONLY) => self.only_v6.into(),
            _ => return None,
        };
        Some(value)
    }

    /// Sets an option whose value is a name.
    pub(crate) fn set_name(&mut self, level: i32, name: i32, value: &str) -> Result<(), Errno> {
        if (level, name) != (IPPROTO_TCP, TCP_CONGESTION) {
            return Err(Errno::INVAL);
        }
        self.congestion = Some(value.parse().map_err(|_| Errno::NOENT)?);
        Ok(())
    }

    /// The value of an option that is a name.
    pub(crate) fn name(&self, level: i32, name: i32) -> Option<&'static str> {
        let known = (level, name) == (IPPROTO_TCP, TCP_CONGESTION);
        known.then(|| self.congestion.unwrap_or_default().name())
    }

    /// Whether the option is one of the packets of a TCP socket, and datagrams have none such.
    pub(crate) fn is_of_streams(level: i32, name: i32) -> bool {
        matches!(
            (level, name),
            (IPPROTO_IP, IP_TTL | IP_TOS) | (IPPROTO_IPV6, IPV6_UNICAST_HOPS | IPV6_TCLASS)
        )
    }

    /// What a connection is to be told when these take the place of `before`.
    pub(crate) fn changes(self, before: Self) -> impl Iterator<Item = TcpOption> {
        let buffer = |size: Option<u32>| size.unwrap_or_default() as usize;
        let keepalive = |options: Self| options.keepalive.then_some(options.times);
        let linger = |options: Self| options.linger.map(seconds);
        [
            (self.nodelay != before.nodelay).then_some(TcpOption::NoDelay(self.nodelay)),
            (self.cork != before.cork).then_some(TcpOption::Cork(self.cork)),
            (self.quickack != before.quickack).then_some(TcpOption::QuickAck(self.quickack)),
            (keepalive(self) != keepalive(before)).then(|| TcpOption::KeepAlive(keepalive(self))),
            (self.user_timeout != before.user_timeout)
                .then(|| TcpOption::UserTimeout(millis(self.user_timeout))),
            (self.max_segment != before.max_segment)
                .then_some(TcpOption::MaxSegment(self.max_segment)),
            (self.receive_buffer != before.receive_buffer)
                .then(|| TcpOption::ReceiveBuffer(buffer(self.receive_buffer))),
            (self.send_buffer != before.send_buffer)
                .then(|| TcpOption::SendBuffer(buffer(self.send_buffer))),
            (self.not_sent != before.not_sent)
                .then_some(TcpOption::NotSentLowWater(self.not_sent as usize)),
            (self.linger != before.linger).then(|| TcpOption::Linger(linger(self))),
            (self.oob_inline != before.oob_inline).then_some(TcpOption::OobInline(self.oob_inline)),
            (self.hop_limit != before.hop_limit).then_some(TcpOption::HopLimit(self.hop_limit)),
            (self.traffic_class != before.traffic_class)
                .then_some(TcpOption::TrafficClass(self.traffic_class)),
            (self.fin_timeout != before.fin_timeout)
                .then(|| TcpOption::FinTimeout(self.fin_timeout.map(seconds))),
            self.congestion
                .filter(|_| self.congestion != before.congestion)
                .map(TcpOption::Congestion),
            (self.pacing_rate != before.pacing_rate).then(|| {
                TcpOption::Pacing(match self.pacing_rate {
                    Some(rate) => Pacing::AtMost(rate.into()),
                    None => Pacing::Off,
                })
            }),
        ]
        .into_iter()
        .flatten()
    }
}

/// -1 for the default, else what fits into a byte of the header.
fn or_default(value: i32, least: i32) -> Result<Option<u8>, Errno> {
    if value == -1 { Ok(None) } else { within(value, least, 255).map(|value| Some(value as u8)) }
}

/// Linux `TCP_FIN_TIMEOUT_MAX`, seconds.
const LINGER2_MOST: i32 = 120;
/// Linux `tcp_fin_timeout`, seconds.
const LINGER2_DEFAULT: i32 = 60;
/// Linux `ip_default_ttl`.
const HOP_LIMIT: u8 = 64;

fn within(value: i32, least: i32, most: i32) -> Result<u32, Errno> {
    let fits = (least..=most).contains(&value);
    if fits { Ok(value.cast_unsigned()) } else { Err(Errno::INVAL) }
}

fn clamp(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}

fn seconds(value: u32) -> Duration {
    Duration::from_secs(value.into())
}

fn millis(value: u32) -> Duration {
    Duration::from_millis(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference takes the seconds of keepalive for milliseconds (TCPO-17, GAP-31).
    #[test]
    fn options_have_linuxs_units_and_ranges_tcpo_17() {
        let mut options = Options::default();
        for (name, value) in [(TCP_KEEPIDLE, 60), (TCP_KEEPINTVL, 7), (TCP_KEEPCNT, 3)] {
            assert_eq!(options.set(IPPROTO_TCP, name, value), Ok(()));
            assert_eq!(options.value(IPPROTO_TCP, name), Some(value));
            assert_eq!(options.set(IPPROTO_TCP, name, 0), Err(Errno::INVAL));
            assert_eq!(options.set(IPPROTO_TCP, name, 32_768), Err(Errno::INVAL));
        }
        assert_eq!(options.changes(Options::default()).count(), 0, "times alone probe nobody");
        options.set(SOL_SOCKET, SO_KEEPALIVE, 1).unwrap();
        let times = KeepAlive { idle: seconds(60), interval: seconds(7), probes: 3 };
        let told: Vec<_> = options.changes(Options::default()).collect();
        assert_eq!(told, [TcpOption::KeepAlive(Some(times))]);
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut options = Options::default();
        options.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1500).unwrap();
        options.set(SOL_SOCKET, SO_LINGER, 0).unwrap();
        options.set(SOL_SOCKET, SO_RCVBUF, 30_000).unwrap();
        let told: Vec<_> = options.changes(Options::default()).collect();
        let expected = [
            TcpOption::UserTimeout(millis(1500)),
            TcpOption::ReceiveBuffer(30_000),
            TcpOption::Linger(Some(Duration::ZERO)),
        ];
        assert_eq!(told, expected);
        assert_eq!(options.value(SOL_SOCKET, SO_RCVBUF), Some(60_000));
        let before = options;
        options.set(SOL_SOCKET, SO_LINGER, -1).unwrap();
        assert_eq!(options.changes(before).collect::<Vec<_>>(), [TcpOption::Linger(None)]);
        assert_eq!(options.set(IPPROTO_TCP, 99, 1), Err(Errno::NOPROTOOPT));
        assert_eq!(options.value(99, 1), None);
    }

    /// TCPC-01: by name, where the reference takes small integers; TCPO-16.
    #[test]
    fn packets_are_marked_and_congestion_is_named_tcpo_16_tcpc_01() {
        let mut options = Options::default();
        for (level, name) in [(IPPROTO_IP, IP_TTL), (IPPROTO_IPV6, IPV6_UNICAST_HOPS)] {
            assert_eq!(options.value(level, name), Some(64));
            for (value, result) in [(9, Ok(())), (256, Err(Errno::INVAL)), (-2, Err(Errno::INVAL))]
            {
                assert_eq!(options.set(level, name, value), result);
                assert_eq!(options.value(level, name), Some(9));
            }
            let told: Vec<_> = options.changes(Options::default()).collect();
            assert_eq!(told, [TcpOption::HopLimit(Some(9))]);
            options.set(level, name, -1).unwrap();
        }
        assert_eq!(options.set(IPPROTO_IP, IP_TTL, 0), Err(Errno::INVAL));
        options.set(IPPROTO_IP, IP_TOS, 0x10).unwrap();
        assert_eq!(options.value(IPPROTO_IP, IP_TOS), Some(0x10));
        options.set(IPPROTO_IPV6, IPV6_TCLASS, -1).unwrap();
        assert_eq!(options, Options::default());
        let congestion = (IPPROTO_TCP, TCP_CONGESTION);
        assert_eq!(options.name(congestion.0, congestion.1), Some("cubic"));
        assert_eq!(options.set_name(congestion.0, congestion.1, "vegas"), Err(Errno::NOENT));
        options.set_name(congestion.0, congestion.1, "reno").unwrap();
        assert_eq!(options.name(congestion.0, congestion.1), Some("reno"));
        assert_eq!(options.set_name(IPPROTO_TCP, TCP_NODELAY, "reno"), Err(Errno::INVAL));
        options.set(SOL_SOCKET, SO_MAX_PACING_RATE, 1_000_000).unwrap();
        for (value, shown) in [(7, 7), (500, 120), (-3, -1)] {
            options.set(IPPROTO_TCP, TCP_LINGER2, value).unwrap();
            assert_eq!(options.value(IPPROTO_TCP, TCP_LINGER2), Some(shown));
        }
        let told: Vec<_> = options.changes(Options::default()).collect();
        let expected = [
            TcpOption::FinTimeout(Some(Duration::ZERO)),
            TcpOption::Congestion(CongestionAlgorithm::Reno),
            TcpOption::Pacing(Pacing::AtMost(1_000_000)),
        ];
        assert_eq!(told, expected);
        options.set(IPPROTO_TCP, TCP_LINGER2, 0).unwrap();
        assert_eq!(options.value(IPPROTO_TCP, TCP_LINGER2), Some(60));
    }
}
