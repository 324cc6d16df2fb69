//! What routers told us about the size of paths (RFC 1191, RFC 8201).
//!
//! One entry per destination, only ever below the interface's MTU, forgotten after ten minutes
//! (Linux `mtu_expires`), so that a path that grew is noticed. Bounded; the entry next to expire
//! gives way.

use std::collections::{BTreeMap, BTreeSet};

use addr::Ip;

use crate::control::iface::MTU_MIN_V6;
use crate::time::{Duration, Instant};

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
    /// The MTU to publish for a router's claim, or none if it is no news: `present` is the present
    /// one. Also the destination that had to be forgotten for it, if the table was full.
    pub(crate) fn lower(
        &mut self,
        now: Instant,
        ip: Ip,
        claimed: u32,
        present: u32,
    ) -> Option<(u32, Option<Ip>)> {
        let mtu = claimed.max(if ip.is_v4() { MIN_V4 } else { MTU_MIN_V6 });
        if mtu >= present {
            return None;
        }
        let full = !self.expiries.contains_key(&ip) && self.expiries.len() >= ENTRIES_MAX;
        let evicted = full.then(|| self.by_age.first().map(|(_, ip)| *ip)).flatten();
        if let Some(oldest) = evicted {
            self.forget(oldest);
        }
        self.forget(ip);
        self.expiries.insert(ip, now + SPAN);
        self.by_age.insert((now + SPAN, ip));
        Some((mtu, evicted))
    }

    /// A destination whose entry has expired; it is forgotten.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Ip> {
        let (_, ip) = *self.by_age.first().filter(|(at, _)| *at <= now)?;
        self.forget(ip);
        Some(ip)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_age.first().map(|(at, _)| *at)
    }

    fn forget(&mut self, ip: Ip) {
        if let Some(at) = self.expiries.remove(&ip) {
            self.by_age.remove(&(at, ip));
        }
    }
}
