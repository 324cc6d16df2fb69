//! Replaying events over a listing gives the present listing, or the reader is told to list again.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::control::{AddressConfig, LinkChange, RouteConfig};
use crate::fib::Fib;
use crate::host::Host;
use crate::host::fixture::{Lab, MAC, cidr, ethernet_config};
use crate::limits::Limits;
use crate::time::Duration;

/// Everything that events tell of.
#[derive(Clone, Debug, Default, PartialEq)]
struct Listing {
    links: BTreeMap<IfIndex, LinkRecord>,
    addresses: BTreeMap<(IfIndex, Ip), InterfaceAddress>,
    groups: BTreeMap<(IfIndex, Ip), bool>,
    neighbors: BTreeMap<(IfIndex, Ip), NeighborRecord>,
    routes: BTreeMap<String, FibRoute>,
}

fn step<K: Ord, V: Copy + PartialEq + core::fmt::Debug>(
    map: &mut BTreeMap<K, V>,
    key: K,
    old: Option<V>,
    new: Option<V>,
) {
    let before = match new {
        Some(new) => map.insert(key, new),
        None => map.remove(&key),
    };
    assert_eq!(before, old, "the event tells what was before");
}

impl Listing {
    fn of(host: &Host, lab_now: crate::Instant) -> Self {
        let fib: &Fib = host.fib();
        let mut listing = Self::default();
        for i in &fib.interfaces {
            listing.links.insert(i.ifindex, LinkRecord::from(i));
            listing.addresses.extend(i.addresses.iter().map(|a| ((i.ifindex, a.ip()), *a)));
            listing.groups.extend(i.groups.iter().map(|group| ((i.ifindex, *group), true)));
        }
        listing.routes.extend(fib.routes.iter().map(|r| (format!("{r:?}"), r.clone())));
        listing.neighbors.extend(host.neighbors(lab_now).into_iter().map(|n| {
            let record = NeighborRecord { state: n.state, mac: n.mac, is_router: n.is_router };
            ((n.ifindex, n.ip), record)
        }));
        listing
    }

    fn replay(&mut self, event: &ControlEvent) {
        match event.clone() {
            ControlEvent::Link { ifindex, old, new } => step(&mut self.links, ifindex, old, new),
            ControlEvent::Address { ifindex, old, new } => {
                let ip = new.or(old).unwrap().ip();
                step(&mut self.addresses, (ifindex, ip), old, new);
            }
            ControlEvent::Neighbor { ifindex, ip, old, new } => {
                step(&mut self.neighbors, (ifindex, ip), old, new);
            }
            ControlEvent::Group { ifindex, group, old, new } => {
                let joined = |side: bool| side.then_some(true);
                step(&mut self.groups, (ifindex, group), joined(old), joined(new));
            }
            ControlEvent::Route { old, new } => {
                if let Some(old) = old {
                    assert!(self.routes.remove(&format!("{old:?}")).is_some());
                }
                self.routes.extend(new.map(|r| (format!("{r:?}"), r)));
            }
        }
    }
}

/// One random act of an administrator, a neighbour, a device or time.
fn act(lab: &mut Lab, what: u8, n: u8) {
    let (now, eth0) = (lab.now, lab.ifindex);
    let host = &mut lab.host;
    let v4 = AddressConfig::new(cidr(&format!("10.0.{n}.1/24")));
    let v6 = AddressConfig::new(cidr(&format!("2001:db8:{n}::1/64")));
    let neighbor = Ip::v4([10, 0, 0, 100 + n]);
    // Most of these fail now and then, which must not be told as a change.
    match what {
        0 => {
            host.address_add(now, eth0, v4.valid_for(Duration::from_secs(5))).ok();
        }
        1 => {
            host.address_replace(now, eth0, v6.preferred_for(Duration::from_secs(3))).ok();
        }
        2 => {
            host.address_del(now, eth0, v6.cidr.ip).ok();
        }
        3 => drop(host.route_add(
            now,
            &RouteConfig::via(cidr(&format!("192.0.{n}.0/24")), Ip::v4([10, 0, 0, 2])),
        )),
        4 => {
            host.route_del(now, cidr(&format!("192.0.{n}.0/24")), None, None).ok();
        }
        5 => {
            host.neighbor_add(now, eth0, neighbor, MAC).ok();
        }
        6 => {
            host.neighbor_del(now, eth0, neighbor).ok();
        }
        7 => {
            let change = LinkChange { up: Some(n.is_multiple_of(2)), ..LinkChange::default() };
            host.link_set(now, eth0, &change).ok();
        }
        8 => {
            let mtu = Some(if n.is_multiple_of(2) { 1000 } else { 1500 });
            host.link_set(now, eth0, &LinkChange { mtu, ..LinkChange::default() }).ok();
        }
        9 => {
            host.interface_add(now, ethernet_config(&format!("eth{}", n + 1), MAC)).ok();
        }
        10 => {
            let last = host.interfaces().pop().unwrap().ifindex;
            if last != eth0 {
                host.interface_del(now, last).unwrap();
            }
        }
        11 => {
            let request = crate::host::fixture::arp_from_peer(1, neighbor, Ip::v4([10, 0, 0, 1]));
            let frame = crate::host::fixture::arp_frame(Mac::BROADCAST, &request);
            lab.receive(&frame).ok();
        }
        _ => lab.wait(Duration::from_secs(u64::from(n))),
    }
    lab.sent();
}

fn act_s(lab: &mut Lab, cursors: &mut [(EventCursor, Listing)], steps: &[(u8, u8)]) -> usize {
    let mut resyncs = 0;
    for (turn, (what, n)) in steps.iter().enumerate() {
        act(lab, *what, *n);
        for (which, (cursor, listing)) in cursors.iter_mut().enumerate() {
            // The second reader looks seldom.
            if which == 1 && turn % 7 != 0 {
                continue;
            }
            let present = Listing::of(&lab.host, lab.now);
            while let Some(notice) = lab.host.next_control_event(cursor) {
                match notice {
                    Notice::Event(event) => listing.replay(event),
                    Notice::Resync => {
                        resyncs += 1;
                        *listing = present.clone();
                    }
                }
            }
            assert_eq!(*listing, present);
        }
    }
    resyncs
}

fn lab(control_events: usize) -> (Lab, Vec<(EventCursor, Listing)>) {
    let limits = Limits { control_events, ..Limits::default() };
    let mut lab = Lab::with(limits, ethernet_config("eth0", MAC));
    let reader = |lab: &mut Lab| (lab.host.control_events(), Listing::of(&lab.host, lab.now));
    let cursors = vec![reader(&mut lab), reader(&mut lab)];
    (lab, cursors)
}

/// GAP-65.
#[test]
fn a_reader_that_is_too_slow_lists_again() {
    let (mut lab, mut cursors) = lab(4);
    let mut slow = lab.host.control_events();
    let steps: Vec<(u8, u8)> = (0..20).map(|n| (0, n)).collect();
    act_s(&mut lab, &mut cursors, &steps);
    assert_eq!(lab.host.next_control_event(&mut slow), Some(Notice::Resync));
    assert_eq!(lab.host.next_control_event(&mut slow), None);
}

#[test]
fn without_a_reader_nothing_is_recorded() {
    let mut log = EventLog::new(4);
    let event = ControlEvent::Link { ifindex: Fib::LOOPBACK, old: None, new: None };
    log.push(event.clone());
    assert!(log.events.is_empty());
    let mut cursor = log.cursor();
    log.push(event.clone());
    assert_eq!(log.next(&mut cursor), Some(Notice::Event(&event)));
    assert_eq!(log.next(&mut cursor), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn replaying_gives_the_present_listing(
        steps in prop::collection::vec((0u8..13, 0u8..6), 1..60),
        capacity in prop::sample::select(vec![3usize, 16, 1024]),
    ) {
        let (mut lab, mut cursors) = lab(capacity);
        let resyncs = act_s(&mut lab, &mut cursors, &steps);
        prop_assert!(capacity < 1024 || resyncs == 0);
    }
}
