//! How many ICMP errors leave (RFC 1122 §3.2.2, RFC 4443 §2.4 f).
//!
//! A budget that anybody can measure is an oracle (CVE-2020-25705, "SAD DNS"): a stranger sends 50
//! datagrams in somebody else's name, each to a port that may be open, then one in its own name,
//! and learns from the answer to that one whether an error was spent on the others. Two things
//! take that away, as in Linux:
//!
//! - Each destination has a budget of its own (`icmp_ratelimit`), which is asked first. Probes in
//!   one name are answered six times and cost the common budget no more than that.
//! - The common budget (`icmp_msgs_per_sec`, `icmp_msgs_burst`) is charged nothing, one or two for
//!   an error, at random, so that what is left of it says little about what was spent.
//!
//! The table of destinations is of a fixed size. An entry that has a full budget again says nothing
//! and may be taken; if all in its set are in use the one longest unused gives way.

use addr::{HashKey, Ip};

use crate::limits::Limits;
use crate::random::Random;
use crate::time::Instant;

/// Both budgets.
#[derive(Debug)]
pub(crate) struct RateLimit {
    common: Bucket,
    key: HashKey,
    /// Sets of [`WAYS`] destinations each; none before the first error.
    peers: Vec<Peer>,
}

/// A token bucket, counted in nanoseconds of waiting.
#[derive(Debug)]
struct Bucket {
    /// Below zero after an error that was charged more than there was, so that on average as many
    /// leave as the limit says.
    credit: i64,
    filled: Instant,
}

/// Linux `inet_peer`: the budget of one destination.
#[derive(Clone, Copy, Debug)]
struct Peer {
    ip: Option<Ip>,
    /// Linux `rate_tokens`: nanoseconds of unspent waiting, when last asked.
    credit: u64,
    /// Linux `rate_last`: when it was last asked.
    asked: Instant,
}

impl RateLimit {
    pub(crate) fn new(limits: &Limits, key: HashKey) -> Self {
        let credit = burst(limits).unwrap_or(0);
        Self { common: Bucket { credit, filled: Instant::ZERO }, key, peers: Vec::new() }
    }

    /// Whether one more error may leave for `dst`.
    pub(crate) fn allow(
        &mut self,
        now: Instant,
        limits: &Limits,
        rng: &mut Random,
        dst: Ip,
    ) -> bool {
        self.allow_to(now, limits, dst) && self.common.spend(now, limits, rng)
    }

    /// Linux `inet_peer_xrlim_allow`: one in `icmp_ratelimit`, or six after a pause.
    fn allow_to(&mut self, now: Instant, limits: &Limits, dst: Ip) -> bool {
        let price = limits.icmp_ratelimit.as_nanos() as u64;
        if price == 0 {
            return true;
        }
        if self.peers.is_empty() {
            let none = Peer { ip: None, credit: 0, asked: Instant::ZERO };
            self.peers.resize(SETS * WAYS, none);
        }
        let set = self.key.hash_bytes(dst.octets()) as usize % SETS;
        let peers = &mut self.peers[set * WAYS..][..WAYS];
        let most = price.saturating_mul(BURST);
        let known = peers.iter().position(|peer| peer.ip == Some(dst));
        let oldest = || (0..WAYS).min_by_key(|&way| (peers[way].ip.is_some(), peers[way].asked));
        let way = known.or_else(oldest).unwrap_or(0);
        let peer = &mut peers[way];
        if known.is_none() {
            *peer = Peer { ip: Some(dst), credit: most, asked: now };
        }
        let waited = u64::try_from(now.since(peer.asked).as_nanos()).unwrap_or(u64::MAX);
        peer.credit = peer.credit.saturating_add(waited).min(most);
        peer.asked = now;
        match peer.credit.checked_sub(price) {
            Some(rest) => {
                peer.credit = rest;
                true
            }
            None => false,
        }
    }
}

impl Bucket {
    /// Linux `icmp_global_allow` and `icmp_global_consume`.
    fn spend(&mut self, now: Instant, limits: &Limits, rng: &mut Random) -> bool {
        let (Some(price), Some(most)) = (price(limits), burst(limits)) else { return false };
        let elapsed = i64::try_from(now.since(self.filled).as_nanos()).unwrap_or(i64::MAX);
        self.filled = self.filled.max(now);
        self.credit = self.credit.saturating_add(elapsed).min(most);
        if self.credit < price {
            return false;
        }
        self.credit -= price * i64::from(rng.below(3));
        true
    }
}

/// Nanoseconds of waiting for one error; none if none may ever leave.
fn price(limits: &Limits) -> Option<i64> {
    1_000_000_000i64.checked_div(limits.icmp_errors_per_second.into())
}

/// Nanoseconds of waiting that may be saved up.
fn burst(limits: &Limits) -> Option<i64> {
    Some(price(limits)?.saturating_mul(limits.icmp_error_burst.into()))
}

/// Linux `XRLIM_BURST_FACTOR`: errors to one destination after a pause.
const BURST: u64 = 6;
/// Destinations that are known at a time: some 200 KiB. Linux keeps as many as 65,664.
const SETS: usize = 1024;
const WAYS: usize = 4;

#[cfg(test)]
mod tests;
