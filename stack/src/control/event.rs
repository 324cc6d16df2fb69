//! A bounded stream of the control plane's changes (for a monitor, metrics, rtnetlink).
//!
//! Links, addresses, groups and routes are compared whenever their tables are published, so that no
//! change can be missed; neighbours report themselves, as their states are not published. A reader
//! has a cursor of its own. A reader that falls behind the bound gets [`Notice::Resync`] and lists
//! everything again.
//! Nothing is recorded until there is a reader.

use std::collections::{BTreeSet, VecDeque};

use addr::{IfIndex, Ip, Mac};
use wire::offload::Medium;

use crate::control::neighbor::machine::NudState;
use crate::fib::{FibInterface, FibRoute, FibTables, InterfaceAddress, LinkState};

/// A change, with the record before and after it: none where there was or is no such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlEvent {
    /// An interface came, went or changed (rtnetlink `RTM_NEWLINK`, `RTM_DELLINK`).
    Link {
        /// Its number.
        ifindex: IfIndex,
        /// Before.
        old: Option<LinkRecord>,
        /// After.
        new: Option<LinkRecord>,
    },
    /// An address (`RTM_NEWADDR`, `RTM_DELADDR`).
    Address {
        /// Its interface.
        ifindex: IfIndex,
        /// Before.
        old: Option<InterfaceAddress>,
        /// After.
        new: Option<InterfaceAddress>,
    },
    /// A route that matches packets came or went (`RTM_NEWROUTE`, `RTM_DELROUTE`).
    Route {
        /// Before.
        old: Option<FibRoute>,
        /// After.
        new: Option<FibRoute>,
    },
    /// A neighbour (`RTM_NEWNEIGH`, `RTM_DELNEIGH`).
    Neighbor {
        /// Its interface.
        ifindex: IfIndex,
        /// Its address.
        ip: Ip,
        /// Before.
        old: Option<NeighborRecord>,
        /// After.
        new: Option<NeighborRecord>,
    },
    /// A multicast group was joined or left.
    Group {
        /// The interface.
        ifindex: IfIndex,
        /// The group.
        group: Ip,
        /// Whether it was joined before.
        old: bool,
        /// Whether it is joined now.
        new: bool,
    },
}

/// An interface without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRecord {
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// Our own link address.
    pub mac: Mac,
    /// Largest IP packet, bytes.
    pub mtu: u32,
    /// Whether it can carry frames.
    pub state: LinkState,
}

impl From<&FibInterface> for LinkRecord {
    fn from(i: &FibInterface) -> Self {
        Self { medium: i.medium, mac: i.mac, mtu: i.mtu, state: i.state }
    }
}

/// A neighbour without its times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighborRecord {
    /// Reachability (RFC 4861 §7.3.2).
    pub state: NudState,
    /// Its link address, if known.
    pub mac: Option<Mac>,
    /// It says it is a router.
    pub is_router: bool,
}

/// What a reader finds next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A change.
    Event(&'a ControlEvent),
    /// Changes were lost: list everything again, and go on from there.
    Resync,
}

/// Where a reader is in the stream: at its beginning, unless a host says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCursor(u64);

/// The latest events.
#[derive(Debug)]
pub(crate) struct EventLog {
    events: VecDeque<ControlEvent>,
    /// Number of the first of them.
    first: u64,
    capacity: usize,
    has_readers: bool,
}

impl EventLog {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { events: VecDeque::new(), first: 0, capacity: capacity.max(1), has_readers: false }
    }

    /// A reader of everything from now on.
    pub(crate) fn cursor(&mut self) -> EventCursor {
        self.has_readers = true;
        EventCursor(self.end())
    }

    /// What the reader finds next; the cursor moves behind it.
    pub(crate) fn next(&self, cursor: &mut EventCursor) -> Option<Notice<'_>> {
        let Some(at) = cursor.0.checked_sub(self.first) else {
            *cursor = EventCursor(self.end());
            return Some(Notice::Resync);
        };
        let event = self.events.get(usize::try_from(at).ok()?)?;
        cursor.0 += 1;
        Some(Notice::Event(event))
    }

    /// Records an event; the oldest gives way.
    pub(crate) fn push(&mut self, event: ControlEvent) {
        if !self.has_readers {
            return;
        }
        if self.events.len() >= self.capacity {
            self.events.pop_front();
            self.first += 1;
        }
        self.events.push_back(event);
    }

    /// Records what is different between two tables.
    pub(crate) fn compare(&mut self, old: &FibTables, new: &FibTables) {
        if !self.has_readers {
            return;
        }
        // What belongs to an interface goes before it and comes after it.
        self.routes(&old.routes, &new.routes, |route| (Some(route), None));
        for before in &old.interfaces {
            let after = new.interface(before.ifindex);
            self.contents(before.ifindex, Some(before), after);
            if after.is_none() {
                self.link(before.ifindex, Some(before), None);
            }
        }
        for after in &new.interfaces {
            let before = old.interface(after.ifindex);
            self.link(after.ifindex, before, Some(after));
            if before.is_none() {
                self.contents(after.ifindex, None, Some(after));
            }
        }
        self.routes(&new.routes, &old.routes, |route| (None, Some(route)));
    }

    fn link(
        &mut self,
        ifindex: IfIndex,
        before: Option<&FibInterface>,
        after: Option<&FibInterface>,
    ) {
        let (old, new) = (before.map(LinkRecord::from), after.map(LinkRecord::from));
        if old != new {
            self.push(ControlEvent::Link { ifindex, old, new });
        }
    }

    /// Addresses and groups of one interface.
    fn contents(
        &mut self,
        ifindex: IfIndex,
        before: Option<&FibInterface>,
        after: Option<&FibInterface>,
    ) {
        let addresses = |i: Option<&FibInterface>| i.map_or(Vec::new(), |i| i.addresses.clone());
        let (old, new) = (addresses(before), addresses(after));
        let find = |all: &[InterfaceAddress], ip| all.iter().copied().find(|a| a.ip() == ip);
        for gone in old.iter().filter(|a| find(&new, a.ip()).is_none()) {
            self.push(ControlEvent::Address { ifindex, old: Some(*gone), new: None });
        }
        for present in &new {
            let earlier = find(&old, present.ip());
            if earlier != Some(*present) {
                self.push(ControlEvent::Address { ifindex, old: earlier, new: Some(*present) });
            }
        }
        let groups = |i: Option<&FibInterface>| i.map_or(Vec::new(), |i| i.groups.clone());
        let (old, new) = (groups(before), groups(after));
        for group in old.iter().filter(|group| !new.contains(group)) {
            self.push(ControlEvent::Group { ifindex, group: *group, old: true, new: false });
        }
        for group in new.iter().filter(|group| !old.contains(group)) {
            self.push(ControlEvent::Group { ifindex, group: *group, old: false, new: true });
        }
    }

    /// The routes of `these` that `those` do not have.
    fn routes(
        &mut self,
        these: &[FibRoute],
        those: &[FibRoute],
        sides: impl Fn(FibRoute) -> (Option<FibRoute>, Option<FibRoute>),
    ) {
        let key = |r: &FibRoute| (r.destination, r.metric, r.gateway, r.ifindex, r.source);
        let known: BTreeSet<_> = those.iter().map(key).collect();
        for route in these.iter().filter(|route| !known.contains(&key(route))) {
            let (old, new) = sides(route.clone());
            self.push(ControlEvent::Route { old, new });
        }
    }

    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

#[cfg(test)]
mod tests;
