//! The exhaustive walk of the state machine: from every state, every event, in every order.
//!
//! A state is what the real code shows of one flow: RFC 9293's name and the facts that can make a
//! difference (`world`). The walk is breadth-first. To try an event in a state, a new host is led
//! there by the shortest way that was found, so nothing needs to be copied or set up by hand: every
//! state that is looked at was reached through calls and segments.
//!
//! Three things come out of it. `state_walk.snap` is the whole table, compared byte for byte.
//! `docs/tcp-states.md` is the diagram, drawn from the edges that the walk went over. And those
//! edges must be exactly the ones listed in `edges`: all of RFC 9293's figure 5, and beside them
//! only those that a reason is given for.
//!
//! When a change of behaviour is meant, `UPDATE_SNAPSHOTS=1 cargo test -p stack walk` writes both
//! files anew; the difference is then there to be read.

mod diagram;
mod edges;
mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::Path;

use self::world::{Event, Outcome, World};

/// What the walk saw.
struct Walk {
    /// For each state in the order of discovery, what each event led to.
    states: Vec<(String, Vec<(Event, Outcome)>)>,
    /// Every change of name, one step at a time, and the events that led to it.
    edges: Edges,
}

type Edge = (&'static str, &'static str);
type Edges = BTreeMap<Edge, BTreeSet<Event>>;

/// A host led through `path`.
fn led(path: &[Event]) -> World {
    let mut world = World::new();
    for &event in path {
        world.apply(event);
    }
    world
}

impl Walk {
    fn go() -> Self {
        let mut seen = BTreeSet::new();
        let mut open = VecDeque::from([Vec::new()]);
        let mut walk = Self { states: Vec::new(), edges: Edges::new() };
        seen.insert(World::new().state());
        while let Some(path) = open.pop_front() {
            let (from, state) = {
                let world = led(&path);
                (world.name(), world.state())
            };
            let mut outcomes = Vec::new();
            for event in Event::ALL {
                let mut world = led(&path);
                assert_eq!(world.state(), state, "the way there is always the same");
                if !world.can(event) {
                    continue;
                }
                let outcome = world.apply(event);
                walk.step(from, event, outcome.taken);
                walk.step(outcome.taken, event, outcome.name);
                if seen.insert(outcome.state.clone()) {
                    assert!(seen.len() < STATES_MAX, "the walk does not end");
                    open.push_back([&path[..], &[event]].concat());
                }
                outcomes.push((event, outcome));
            }
            walk.states.push((state, outcomes));
        }
        walk
    }

    /// Notes a change of name. Where a connection ends beside a listener, the flow is the
    /// listener's again, but the connection is closed.
    fn step(&mut self, from: &'static str, event: Event, to: &'static str) {
        let opening = matches!(from, "CLOSED" | "LISTEN" | "SYN-RECV");
        let to = if to == "LISTEN" && !opening { "CLOSED" } else { to };
        if from != to {
            self.edges.entry((from, to)).or_default().insert(event);
        }
    }

    /// The table as text. Events that come to the same stand in one line.
    fn table(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for (state, outcomes) in &self.states {
            writeln!(text, "\n[{state}]").unwrap();
            let mut rows: Vec<(Vec<&str>, &Outcome)> = Vec::new();
            for (event, outcome) in outcomes {
                match rows.iter_mut().find(|(_, o)| *o == outcome) {
                    Some((events, _)) => events.push(event.name()),
                    None => rows.push((vec![event.name()], outcome)),
                }
            }
            for (events, outcome) in rows {
                let Outcome { state: to, sent, told, .. } = outcome;
                let to = if to == state { "(same)" } else { to };
                writeln!(text, "{} -> {to} | {sent} | {told}", events.join(", ")).unwrap();
            }
        }
        text
    }
}

/// Far more states than there are; a walk that gets here has facts that grow.
const STATES_MAX: usize = 1000;

const HEAD: &str = "\
# Every state of one TCP flow, every event in it, and what came of it. Written by the walk in
# stack/src/tcp/tests/walk; renew with UPDATE_SNAPSHOTS=1 cargo test -p stack walk
# event, event -> next state | flags of what was sent | what the application was told";

/// Compares a committed file with what the walk says, or writes it.
fn compare(path: &str, fresh: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let (old, new): (Vec<_>, Vec<_>) = (committed.lines().collect(), fresh.lines().collect());
    let at = old.iter().zip(&new).position(|(was, is)| was != is);
    let at = at.unwrap_or(old.len().min(new.len()));
    assert!(
        committed == fresh,
        "{}:{}: was {:?}, is {:?}; if that is meant, UPDATE_SNAPSHOTS=1",
        path.display(),
        at + 1,
        old.get(at),
        new.get(at)
    );
}

/// TCPF-01: calls, segments, timers and ICMP errors in every state; and TCPF-02, TCPF-03, TCPF-06,
/// TCPF-07, TCPF-08, TCPF-09, TCPF-10, TCPF-11, TCPF-12, TCPF-13, TCPF-14, TCPF-15, TCPF-16,
/// TCPF-17, TCPF-18, TCPF-19, TCPF-20, and TCPR-01 as far as it is about states.
#[test]
fn every_event_in_every_state_leads_where_the_rfc_says() {
    let walk = Walk::go();
    compare("src/tcp/tests/state_walk.snap", &walk.table());
    compare("../docs/tcp-states.md", &diagram::draw(&walk.edges));
    edges::check(&walk);
}

/// Whatever happened to a flow, once application, listener and an hour are gone nothing is left.
#[test]
fn from_every_state_there_is_an_end() {
    let walk = Walk::go();
    let closed = |state: &str| matches!(state, "CLOSED" | "LISTEN");
    for (state, outcomes) in &walk.states {
        let leaves = outcomes.iter().any(|(_, o)| o.state != *state);
        assert!(leaves, "{state}: nothing leads out");
        let ends = [Event::Abort, Event::CloseListener, Event::Silence, Event::AddressRemoved];
        let mut last = outcomes.iter().filter(|(event, _)| ends.contains(event));
        assert!(closed(state) || last.any(|(_, o)| closed(&o.state)), "{state}: no end");
    }
}
