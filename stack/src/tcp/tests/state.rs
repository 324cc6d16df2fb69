//! The derived states: an exhaustive walk.

use std::collections::{BTreeMap, BTreeSet};

use crate::tcp::state::{Fins, OurFin, State};

/// What can happen to the FINs of a synchronized connection.
type Event = (&'static str, fn(&mut Fins));

const EVENTS: [Event; 3] = [
    ("close", Fins::send),
    ("FIN", |fins| fins.receive(false)),
    ("ACK of FIN", |fins| {
        if fins.ours == OurFin::Sent {
            fins.acknowledge();
        }
    }),
];

/// From ESTABLISHED, closing, the peer's FIN and the ACK of our FIN in any order reach exactly the
/// synchronized states and CLOSED, over exactly the edges of RFC 9293 §3.3.2, figure 5. TIME-WAIT's
/// end is the time-wait table's.
#[test]
fn the_two_fins_reach_the_rfc_s_states_over_its_edges_tcpf_10() {
    let mut edges = BTreeSet::new();
    let mut seen = BTreeMap::from([(Fins::default(), State::Established)]);
    let mut open = vec![Fins::default()];
    while let Some(fins) = open.pop() {
        for (event, apply) in EVENTS {
            let mut next = fins;
            apply(&mut next);
            if next == fins {
                continue;
            }
            edges.insert((fins.state(), event, next.state()));
            if seen.insert(next, next.state()).is_none() {
                open.push(next);
            }
        }
    }
    let names: BTreeSet<State> = seen.values().copied().collect();
    assert_eq!(names.len(), seen.len(), "each pair of facts has a name of its own");
    let expected = BTreeSet::from([
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
        State::Closed,
    ]);
    assert_eq!(names, expected);
    let expected = BTreeSet::from([
        (State::Established, "close", State::FinWait1),
        (State::Established, "FIN", State::CloseWait),
        (State::FinWait1, "ACK of FIN", State::FinWait2),
        (State::FinWait1, "FIN", State::Closing),
        (State::FinWait2, "FIN", State::TimeWait),
        (State::Closing, "ACK of FIN", State::TimeWait),
        (State::CloseWait, "close", State::LastAck),
        (State::LastAck, "ACK of FIN", State::Closed),
    ]);
    assert_eq!(edges, expected);
}

#[test]
fn names_are_those_of_ss() {
    assert_eq!(State::SynReceived.to_string(), "SYN-RECV");
    assert_eq!(State::Established.name(), "ESTAB");
}
