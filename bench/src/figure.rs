//! The figures: what a column shows, which client takes it, and which way is better.
use serde_json::Value;

use crate::cli::Action;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    More,
    /// Less is better.
    Less,
}

/// One measurement of one subject; it may have several values.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Name in the JSON report.
    pub id: &'static str,
    /// Name in the table, unit included.
    pub title: &'static str,
    /// The client that takes it.
    pub action: Action,
    /// Whether both sides spin instead of sleeping.
    pub busy: bool,
    /// Whether it goes over IPv6.
    pub ipv6: bool,
    /// The values: name in the client's result and factor to the table's unit.
    pub values: &'static [(&'static str, f64)],
    /// Which way is better.
    pub better: Better,
}

const GBPS: &[(&str, f64)] = &[("gbps", 1.0)];
const PER_S: &[(&str, f64)] = &[("per_s", 1e-3)];
const PPS: &[(&str, f64)] = &[("pps", 1e-3)];
const LATENCY: &[(&str, f64)] = &[("p50_us", 1.0), ("p99_us", 1.0), ("p999_us", 1.0)];

const fn rate(
    id: &'static str,
    title: &'static str,
    action: Action,
    values: &'static [(&'static str, f64)],
) -> Figure {
    Figure { id, title, action, busy: false, ipv6: false, values, better: Better::More }
}

const fn ping(id: &'static str, title: &'static str, action: Action, busy: bool) -> Figure {
    Figure { id, title, action, busy, ipv6: false, values: LATENCY, better: Better::Less }
}

const fn over_ipv6(figure: Figure) -> Figure {
    Figure { ipv6: true, ..figure }
}

/// All figures, in the order they are taken and shown.
pub const FIGURES: &[Figure] = &[
    rate("tcp_in", "TCP in Gbit/s", Action::BulkIn, GBPS),
    rate("tcp_out", "TCP out Gbit/s", Action::BulkOut, GBPS),
    over_ipv6(rate("tcp6_in", "TCP/IPv6 in Gbit/s", Action::BulkIn, GBPS)),
    over_ipv6(rate("tcp6_out", "TCP/IPv6 out Gbit/s", Action::BulkOut, GBPS)),
    rate("connections", "connections k/s", Action::Connections, PER_S),
    rate("udp_in", "UDP in kpps", Action::UdpIn, PPS),
    rate("udp_out", "UDP out kpps", Action::UdpOut, PPS),
    ping("tcp_ping", "TCP asleep", Action::TcpPing, false),
    ping("udp_ping", "UDP asleep", Action::UdpPing, false),
    ping("tcp_ping_busy", "TCP spinning", Action::TcpPing, true),
    ping("udp_ping_busy", "UDP spinning", Action::UdpPing, true),
];

impl Figure {
    /// Name of a value in the results: the figure's, with the value's own where there are several.
    pub fn key(&self, value: usize) -> String {
        match self.values {
            [_] => self.id.to_owned(),
            several => format!("{}.{}", self.id, several[value].0),
        }
    }

    /// Name of the value that ratios are taken of.
    pub fn main_key(&self) -> String {
        self.key(0)
    }

    /// Reads the values out of a client's result.
    pub fn read(&self, result: &Value) -> Option<Vec<(String, f64)>> {
        self.values
            .iter()
            .enumerate()
            .map(|(i, (name, factor))| Some((self.key(i), result.get(name)?.as_f64()? * factor)))
            .collect()
    }

    /// Whether this is a distribution of round trips rather than a rate.
    pub fn is_latency(&self) -> bool {
        self.better == Better::Less
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_scaled_and_named() {
        let of = |id| FIGURES.iter().find(|f| f.id == id).copied().expect("a figure of that name");
        let read = of("udp_in").read(&serde_json::json!({"pps": 2500.0, "offered_pps": 1.0}));
        assert_eq!(read, Some(vec![("udp_in".to_owned(), 2.5)]));
        let ping = of("tcp_ping");
        assert_eq!(ping.read(&serde_json::json!({"p50_us": 1.0})), None);
        assert_eq!(ping.main_key(), "tcp_ping.p50_us");
    }
}
