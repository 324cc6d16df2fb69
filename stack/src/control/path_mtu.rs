//! What routers reported about the size of paths (RFC 1191, RFC 8201).
//!
//! One entry per destination, only ever below the interface's MTU, forgotten after ten minutes
//! (Linux `mtu_expires`), so that a path that grew is noticed. Bounded; the entry next to expire
//! gives way. All entries live equally long, so one timer for the oldest serves them all.

use std::collections::{BTreeMap, BTreeSet};

use addr::Ip;

use crate::control::cx::ControlCx;
use crate::control::interface::MTU_MIN_V6;
use crate::control::timers::TimerId;
use crate::fib::Fib;
use crate::time::{Duration, Instant};

/// How long a claim is believed (Linux `mtu_expires`).
const SPAN: Duration = Duration::from_secs(600);
/// Destinations remembered.
const ENTRIES_MAX: usize = 4096;
/// Linux `min_pmtu`: 512 bytes of data and 40 of headers. Less is an attack or a misconfiguration.
const MIN_V4: u32 = 552;

/// The table.
#[derive(Debug, Default)]
pub(crate) struct PathMtus {
    expiries: BTreeMap<Ip, Instant>,
    by_age: BTreeSet<(Instant, Ip)>,
}

impl PathMtus {
    /// Takes a router's claim that packets to `ip` must be no larger, and publishes it unless it is
    /// no news.
    pub(crate) fn lower(&mut self, cx: &mut ControlCx, ip: Ip, claimed: u32) {
        let Ok(path) = cx.fib().path(ip, None, None) else { return };
        let mtu = claimed.max(if ip.is_v4() { MIN_V4 } else { MTU_MIN_V6 });
        if path.ifindex == Fib::LOOPBACK || mtu >= path.mtu {
            return;
        }
        if !self.expiries.contains_key(&ip) && self.expiries.len() >= ENTRIES_MAX {
            let oldest = self.by_age.first().map(|(_, ip)| *ip);
            oldest.into_iter().for_each(|ip| self.forget(cx, ip));
        }
        let expiry = cx.now + SPAN;
        if let Some(at) = self.expiries.insert(ip, expiry) {
            self.by_age.remove(&(at, ip));
        }
        self.by_age.insert((expiry, ip));
        cx.publisher.path_mtu(ip, Some(mtu));
        self.arm(cx);
    }

    /// Forgets every entry that has expired.
    pub(crate) fn expire(&mut self, cx: &mut ControlCx) {
        while let Some((_, ip)) = self.by_age.first().copied().filter(|(at, _)| *at <= cx.now) {
            self.forget(cx, ip);
        }
        self.arm(cx);
    }

    fn forget(&mut self, cx: &mut ControlCx, ip: Ip) {
        if let Some(at) = self.expiries.remove(&ip) {
            self.by_age.remove(&(at, ip));
            cx.publisher.path_mtu(ip, None);
        }
    }

    fn arm(&self, cx: &mut ControlCx) {
        cx.timers.set(TimerId::PathMtu, self.by_age.first().map(|(at, _)| *at));
    }
}
