//! Socket options by Linux's numbers, as clients of any language name them.
//!
//! A socket's owner keeps its [`Options`], so that what was set before there was a connection
//! reaches it later, and what was set can be read back. REUSEADDR is taken without effect: the
//! stack never refuses a port because of TIME-WAIT. An option travels as one integer, so
//! `SO_LINGER` is its seconds, or a negative number for none; only `TCP_CONGESTION` is a name.

use std::time::Duration;

use client::socket_option::SocketOption as O;
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
    pub(crate) fn set(&mut self, option: O, value: i32) -> Result<(), Errno> {
        let on = value != 0;
        match option {
            O::KeepAlive => self.keepalive = on,
            O::OobInline => self.oob_inline = on,
            O::Linger => self.linger = u32::try_from(value).ok(),
            O::ReceiveBuffer => self.receive_buffer = Some(value.max(0).cast_unsigned()),
            O::SendBuffer => self.send_buffer = Some(value.max(0).cast_unsigned()),
            O::ReuseAddr | O::Broadcast | O::ReusePort => {}
            O::MaxPacingRate => {
                self.pacing_rate = (value != -1).then_some(value.cast_unsigned());
            }
            O::V6Only => self.only_v6 = on,
            O::Ttl => self.hop_limit = or_default(value, 1)?,
            O::UnicastHops => self.hop_limit = or_default(value, 0)?,
            O::Tos => self.traffic_class = value as u8,
            O::TrafficClass => {
                self.traffic_class = or_default(value, 0)?.unwrap_or_default();
            }
            option => return self.set_tcp(option, value),
        }
        Ok(())
    }

    fn set_tcp(&mut self, option: O, value: i32) -> Result<(), Errno> {
        let on = value != 0;
        match option {
            O::NoDelay => self.nodelay = on,
            O::Cork => self.cork = on,
            O::QuickAck => self.quickack = on,
            O::MaxSegment if value == 0 => self.max_segment = 0,
            O::MaxSegment => self.max_segment = within(value, 88, 32_767)? as u16,
            O::KeepIdle => self.times.idle = seconds(within(value, 1, 32_767)?),
            O::KeepInterval => self.times.interval = seconds(within(value, 1, 32_767)?),
            O::KeepCount => self.times.probes = within(value, 1, 127)? as u8,
            O::UserTimeout => self.user_timeout = within(value, 0, i32::MAX)?,
            O::NotSentLowWater => self.not_sent = value.cast_unsigned(),
            // Zero is the default, a negative value none at all.
            O::Linger2 => {
                let seconds = value.clamp(0, LINGER2_MOST).cast_unsigned();
                self.fin_timeout = (value != 0).then_some(seconds);
            }
            _ => return Err(Errno::NOPROTOOPT),
        }
        Ok(())
    }

    /// What was set. `None`: there is no such option, or it is not remembered.
    pub(crate) fn value(&self, option: O) -> Option<i32> {
        let value = match option {
            O::KeepAlive => self.keepalive.into(),
            O::OobInline => self.oob_inline.into(),
            O::Linger => self.linger.map_or(-1, clamp),
            // Linux doubles what was set, for its overhead, and says so.
            O::ReceiveBuffer => clamp(self.receive_buffer?.saturating_mul(2)),
            O::SendBuffer => clamp(self.send_buffer?.saturating_mul(2)),
            O::NoDelay => self.nodelay.into(),
            O::Cork => self.cork.into(),
            O::QuickAck => self.quickack.into(),
            O::MaxSegment => self.max_segment.into(),
            O::KeepIdle => clamp(self.times.idle.as_secs()),
            O::KeepInterval => clamp(self.times.interval.as_secs()),
            O::KeepCount => self.times.probes.into(),
            O::UserTimeout => clamp(self.user_timeout),
            O::NotSentLowWater => clamp(self.not_sent),
            O::Linger2 => match self.fin_timeout {
                None => LINGER2_DEFAULT,
                Some(0) => -1,
                Some(seconds) => clamp(seconds),
            },
            O::MaxPacingRate => self.pacing_rate.map_or(-1, u32::cast_signed),
            O::Ttl | O::UnicastHops => self.hop_limit.unwrap_or(HOP_LIMIT).into(),
            O::Tos | O::TrafficClass => self.traffic_class.into(),
            O::V6Only => self.only_v6.into(),
            _ => return None,
        };
        Some(value)
    }

    /// Sets an option whose value is a name.
    pub(crate) fn set_name(&mut self, option: O, value: &str) -> Result<(), Errno> {
        if option != O::Congestion {
            return Err(Errno::INVAL);
        }
        self.congestion = Some(value.parse().map_err(|_| Errno::NOENT)?);
        Ok(())
    }

    /// The value of an option that is a name.
    pub(crate) fn name(&self, option: O) -> Option<&'static str> {
        let known = option == O::Congestion;
        known.then(|| self.congestion.unwrap_or_default().name())
    }

    /// Whether the option is one of the packets of a TCP socket, and datagrams have none such.
    pub(crate) fn is_of_streams(option: O) -> bool {
        matches!(option, O::Ttl | O::Tos | O::UnicastHops | O::TrafficClass)
    }

    /// The options of a connection that change when these take the place of `before`.
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
    /// SOPT-06, SOPT-14.
    #[test]
    fn options_have_linuxs_units_and_ranges_tcpo_17() {
        let mut options = Options::default();
        for (option, value) in [(O::KeepIdle, 60), (O::KeepInterval, 7), (O::KeepCount, 3)] {
            assert_eq!(options.set(option, value), Ok(()));
            assert_eq!(options.value(option), Some(value));
            assert_eq!(options.set(option, 0), Err(Errno::INVAL));
            assert_eq!(options.set(option, 32_768), Err(Errno::INVAL));
        }
        assert_eq!(options.changes(Options::default()).count(), 0, "times alone probe nobody");
        options.set(O::KeepAlive, 1).unwrap();
        let times = KeepAlive { idle: seconds(60), interval: seconds(7), probes: 3 };
        let changes: Vec<_> = options.changes(Options::default()).collect();
        assert_eq!(changes, [TcpOption::KeepAlive(Some(times))]);
    }

    /// SOPT-08, SOPT-17.
    /// SOPT-13: Linux `TCP_MIN_MSS` to `MAX_TCP_WINDOW`; zero leaves it to the path.
    #[test]
    fn a_largest_segment_has_bounds() {
        let mut options = Options::default();
        for (value, result) in [
            (88, Ok(())),
            (32_767, Ok(())),
            (87, Err(Errno::INVAL)),
            (32_768, Err(Errno::INVAL)),
            (-1, Err(Errno::INVAL)),
        ] {
            assert_eq!(options.set(O::MaxSegment, value), result, "{value}");
        }
        let changes: Vec<_> = options.changes(Options::default()).collect();
        assert_eq!(changes, [TcpOption::MaxSegment(32_767)]);
        assert_eq!(options.set(O::MaxSegment, 0), Ok(()));
        assert_eq!(options, Options::default());
    }

    #[test]
    fn only_what_changed_is_passed_on() {
        let mut options = Options::default();
        options.set(O::UserTimeout, 1500).unwrap();
        options.set(O::Linger, 0).unwrap();
        options.set(O::ReceiveBuffer, 30_000).unwrap();
        let changes: Vec<_> = options.changes(Options::default()).collect();
        let expected = [
            TcpOption::UserTimeout(millis(1500)),
            TcpOption::ReceiveBuffer(30_000),
            TcpOption::Linger(Some(Duration::ZERO)),
        ];
        assert_eq!(changes, expected);
        assert_eq!(options.value(O::ReceiveBuffer), Some(60_000));
        let before = options;
        options.set(O::Linger, -1).unwrap();
        assert_eq!(options.changes(before).collect::<Vec<_>>(), [TcpOption::Linger(None)]);
        for option in [O::Type, O::Error, O::AcceptConn, O::Protocol, O::Domain, O::Congestion] {
            assert_eq!(options.set(option, 1), Err(Errno::NOPROTOOPT));
            assert_eq!(options.value(option), None);
        }
    }

    /// TCPC-01: by name, where the reference takes small integers; TCPO-16.
    /// SOPT-16, SOPT-19, SOPT-20, SOPT-31, SOPT-38, SOPT-42.
    #[test]
    fn packets_are_marked_and_congestion_is_named_tcpo_16_tcpc_01() {
        let mut options = Options::default();
        for option in [O::Ttl, O::UnicastHops] {
            assert_eq!(options.value(option), Some(64));
            for (value, result) in [(9, Ok(())), (256, Err(Errno::INVAL)), (-2, Err(Errno::INVAL))]
            {
                assert_eq!(options.set(option, value), result);
                assert_eq!(options.value(option), Some(9));
            }
            let changes: Vec<_> = options.changes(Options::default()).collect();
            assert_eq!(changes, [TcpOption::HopLimit(Some(9))]);
            options.set(option, -1).unwrap();
        }
        assert_eq!(options.set(O::Ttl, 0), Err(Errno::INVAL));
        options.set(O::Tos, 0x10).unwrap();
        assert_eq!(options.value(O::Tos), Some(0x10));
        options.set(O::TrafficClass, -1).unwrap();
        assert_eq!(options, Options::default());
        let congestion = O::Congestion;
        assert_eq!(options.name(congestion), Some("cubic"));
        assert_eq!(options.set_name(congestion, "vegas"), Err(Errno::NOENT));
        options.set_name(congestion, "reno").unwrap();
        assert_eq!(options.name(congestion), Some("reno"));
        assert_eq!(options.set_name(O::NoDelay, "reno"), Err(Errno::INVAL));
        options.set(O::MaxPacingRate, 1_000_000).unwrap();
        for (value, shown) in [(7, 7), (500, 120), (-3, -1)] {
            options.set(O::Linger2, value).unwrap();
            assert_eq!(options.value(O::Linger2), Some(shown));
        }
        let changes: Vec<_> = options.changes(Options::default()).collect();
        let expected = [
            TcpOption::FinTimeout(Some(Duration::ZERO)),
            TcpOption::Congestion(CongestionAlgorithm::Reno),
            TcpOption::Pacing(Pacing::AtMost(1_000_000)),
        ];
        assert_eq!(changes, expected);
        options.set(O::Linger2, 0).unwrap();
        assert_eq!(options.value(O::Linger2), Some(60));
    }
}
