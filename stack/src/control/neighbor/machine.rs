//! Neighbour reachability: one machine for ARP and ND (RFC 4861 §7.3, RFC 1122 §2.3.2).
//!
//! An entry is created by someone who wants to send (INCOMPLETE, solicited at once) or by a
//! neighbour that speaks to us (STALE). A confirmed address is REACHABLE for a random time around
//! 30 s, then STALE; use of a STALE entry starts DELAY, and PROBE follows if nobody confirms it
//! meanwhile. Without an answer an entry is FAILED: senders are notified, and a second later the
//! failure is forgotten, so that the next sender asks anew.
//!
//! [`Neighbor`] is the machine of one entry and knows no protocol: an input changes the state and
//! may ask for a solicitation, which a thin speaker (`arp`, `nd`) writes.
//!
//! Numbers are Linux's: base_reachable_time 30 s spread by 0.5 to 1.5, delay_first_probe_time 5 s,
//! retrans_time 1 s, mcast_solicit 3, ucast_solicit 3, gc_stale_time 60 s, locktime 1 s.

use addr::Mac;

use crate::fib::Link;
use crate::random::Random;
use crate::time::{Duration, Instant};

/// Reachability states of RFC 4861 §7.3.2, with Linux's FAILED and PERMANENT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NudState {
    /// Being asked for, address unknown.
    Incomplete,
    /// Confirmed a short while ago.
    Reachable,
    /// Known, but not confirmed of late.
    Stale,
    /// In use and unconfirmed: an upper layer may yet confirm it.
    Delay,
    /// Being asked by unicast whether it is still there.
    Probe,
    /// Did not answer.
    Failed,
    /// Set by the administrator.
    Permanent,
}

impl NudState {
    /// The name as `ip neighbor` prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::Permanent => "PERMANENT",
        }
    }
}

/// The machine's tunables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) base_reachable: Duration,
    pub(crate) delay_first_probe: Duration,
    pub(crate) retrans: Duration,
    pub(crate) multicast_solicit: u8,
    pub(crate) unicast_solicit: u8,
    /// A STALE entry unused for so long may be collected.
    pub(crate) gc_stale: Duration,
    /// A link address learned less than this ago is not replaced by an ARP reply.
    pub(crate) lock: Duration,
    /// How long FAILED is shown to senders before the next one asks anew.
    pub(crate) failed: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            base_reachable: Duration::from_secs(30),
            delay_first_probe: Duration::from_secs(5),
            retrans: Duration::from_secs(1),
            multicast_solicit: 3,
            unicast_solicit: 3,
            gc_stale: Duration::from_secs(60),
            lock: Duration::from_secs(1),
            failed: Duration::from_secs(1),
        }
    }
}

/// What happens to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Someone wants the address.
    Resolve,
    /// A frame was sent by it.
    Used,
    /// An upper layer made progress through it.
    Confirmed,
    /// Its deadline passed.
    Timer,
    /// The neighbour mentioned its address: an ARP request for us, a solicitation with its source
    /// address.
    Hint(Mac),
    /// An ARP packet that was not asked for (or not known to be): a reply by broadcast, a request
    /// for someone else.
    Overheard(Mac),
    /// An ARP reply to us.
    Reply(Mac),
    /// A neighbour advertisement.
    Advertised { mac: Option<Mac>, solicited: bool, overrides: bool, router: bool },
}

/// A solicitation to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Solicit {
    /// By broadcast or to the solicited-node group.
    Multicast,
    /// To the address on record.
    Unicast(Mac),
}

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Neighbor {
    pub(crate) state: NudState,
    /// Meaningless in INCOMPLETE and FAILED.
    pub(crate) mac: Mac,
    pub(crate) is_router: bool,
    /// Last use by a sender.
    pub(crate) used: Instant,
    /// Last proof that it is there.
    pub(crate) confirmed: Option<Instant>,
    /// Last change of link address or state by the neighbour itself.
    pub(crate) updated: Instant,
    /// The span drawn for REACHABLE.
    reachable: Duration,
    probes: u8,
    pub(super) deadline: Option<Instant>,
}

impl Neighbor {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: NudState::Failed,
            mac: Mac::UNSPECIFIED,
            is_router: false,
            used: now,
            confirmed: None,
            updated: now,
            reachable: Duration::ZERO,
            probes: 0,
            deadline: None,
        }
    }

    /// The link address, if there is one to send to.
    pub(crate) fn mac(&self) -> Option<Mac> {
        match self.state {
            NudState::Incomplete | NudState::Failed => None,
            NudState::Reachable
            | NudState::Stale
            | NudState::Delay
            | NudState::Probe
            | NudState::Permanent => Some(self.mac),
        }
    }

    /// What the snapshot says of it; nothing while it is unknown.
    pub(super) fn link(&self) -> Option<Link> {
        match self.mac() {
            Some(mac) => Some(Link::Known(mac)),
            None if self.state == NudState::Failed && self.deadline.is_some() => Some(Link::Failed),
            None => None,
        }
    }

    /// Takes one step of the machine.
    pub(crate) fn apply(
        &mut self,
        now: Instant,
        input: Input,
        timing: &Timing,
        rng: &mut Random,
    ) -> Option<Solicit> {
        if self.state == NudState::Permanent {
            return None;
        }
        match input {
            Input::Resolve | Input::Used => return self.on_use(now, timing, rng),
            Input::Confirmed => self.on_confirmed(now, timing, rng),
            Input::Timer => return self.on_timer(now, timing, rng),
            Input::Hint(mac) => self.on_hint(now, mac, timing, rng),
            Input::Overheard(mac) => {
                if self.is_unlocked(now, mac, timing) {
                    self.on_hint(now, mac, timing, rng);
                }
            }
            Input::Reply(mac) => {
                if self.is_unlocked(now, mac, timing) {
                    self.set(now, mac);
                    self.enter(NudState::Reachable, now, timing, rng);
                }
            }
            Input::Advertised { mac, solicited, overrides, router } => {
                if self.on_advertised(now, mac, solicited, overrides, timing, rng) {
                    self.is_router = router;
                }
            }
        }
        None
    }

    fn on_use(&mut self, now: Instant, timing: &Timing, rng: &mut Random) -> Option<Solicit> {
        self.used = now;
        match self.state {
            NudState::Stale => {
                self.enter(NudState::Delay, now, timing, rng);
                None
            }
            NudState::Failed => {
                self.enter(NudState::Incomplete, now, timing, rng);
                Some(Solicit::Multicast)
            }
            NudState::Incomplete
            | NudState::Reachable
            | NudState::Delay
            | NudState::Probe
            | NudState::Permanent => None,
        }
    }

    fn on_confirmed(&mut self, now: Instant, timing: &Timing, rng: &mut Random) {
        match self.state {
            // The timer looks at `confirmed` when it fires.
            NudState::Reachable => self.confirmed = Some(now),
            NudState::Stale | NudState::Delay | NudState::Probe => {
                self.enter(NudState::Reachable, now, timing, rng);
            }
            NudState::Incomplete | NudState::Failed | NudState::Permanent => {}
        }
    }

    fn on_timer(&mut self, now: Instant, timing: &Timing, rng: &mut Random) -> Option<Solicit> {
        match self.state {
            NudState::Reachable => {
                let until = self.confirmed.unwrap_or(Instant::ZERO) + self.reachable;
                if now < until {
                    self.deadline = Some(until);
                } else if now.since(self.used) <= timing.delay_first_probe {
                    self.enter(NudState::Delay, now, timing, rng);
                } else {
                    self.enter(NudState::Stale, now, timing, rng);
                }
                None
            }
            NudState::Delay => {
                self.enter(NudState::Probe, now, timing, rng);
                Some(Solicit::Unicast(self.mac))
            }
            NudState::Incomplete if self.probes < timing.multicast_solicit => {
                self.probe_again(now, timing);
                Some(Solicit::Multicast)
            }
            NudState::Probe if self.probes < timing.unicast_solicit => {
                self.probe_again(now, timing);
                Some(Solicit::Unicast(self.mac))
            }
            NudState::Incomplete | NudState::Probe => {
                self.enter(NudState::Failed, now, timing, rng);
                None
            }
            NudState::Failed | NudState::Stale | NudState::Permanent => {
                self.deadline = None;
                None
            }
        }
    }

    /// RFC 4861 §7.2.3: a changed address makes it STALE; a known one changes nothing.
    fn on_hint(&mut self, now: Instant, mac: Mac, timing: &Timing, rng: &mut Random) {
        if self.mac() == Some(mac) {
            return;
        }
        self.set(now, mac);
        self.enter(NudState::Stale, now, timing, rng);
    }

    /// RFC 4861 §7.2.5. Returns whether the router flag is to be taken over.
    fn on_advertised(
        &mut self,
        now: Instant,
        mac: Option<Mac>,
        solicited: bool,
        overrides: bool,
        timing: &Timing,
        rng: &mut Random,
    ) -> bool {
        let heard = if solicited { NudState::Reachable } else { NudState::Stale };
        if self.state == NudState::Incomplete {
            let Some(mac) = mac else { return false };
            self.set(now, mac);
            self.enter(heard, now, timing, rng);
            return true;
        }
        let Some(known) = self.mac() else { return false };
        let changed = mac.filter(|mac| *mac != known);
        match changed {
            Some(_) if !overrides => {
                if self.state == NudState::Reachable {
                    self.enter(NudState::Stale, now, timing, rng);
                }
                return false;
            }
            Some(mac) => {
                self.set(now, mac);
                self.enter(heard, now, timing, rng);
            }
            None if solicited => self.enter(NudState::Reachable, now, timing, rng),
            None => {}
        }
        true
    }

    /// Linux's `locktime`: of several ARP replies the first wins (proxies answer beside the owner).
    fn is_unlocked(&self, now: Instant, mac: Mac, timing: &Timing) -> bool {
        self.mac().is_none_or(|known| known == mac || now.since(self.updated) > timing.lock)
    }

    fn set(&mut self, now: Instant, mac: Mac) {
        if self.mac() != Some(mac) {
            self.updated = now;
        }
        self.mac = mac;
    }

    fn probe_again(&mut self, now: Instant, timing: &Timing) {
        self.probes += 1;
        self.deadline = Some(now + timing.retrans);
    }

    fn enter(&mut self, state: NudState, now: Instant, timing: &Timing, rng: &mut Random) {
        self.state = state;
        self.probes = 1;
        self.deadline = match state {
            NudState::Incomplete | NudState::Probe => Some(now + timing.retrans),
            NudState::Reachable => {
                self.confirmed = Some(now);
                let base = timing.base_reachable;
                self.reachable = base / 2 + base * rng.below(1 << 16) / (1 << 16);
                Some(now + self.reachable)
            }
            NudState::Delay => Some(now + timing.delay_first_probe),
            NudState::Failed => Some(now + timing.failed),
            NudState::Stale | NudState::Permanent => None,
        };
    }
}

#[cfg(test)]
mod tests;
