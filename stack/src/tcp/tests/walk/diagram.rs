//! The state diagram, drawn from the edges of the walk.

use std::fmt::Write as _;

use super::edges::{Source, reason};
use super::{Edge, Edges, Event};

const HEAD: &str = "\
# TCP states

How a TCP connection of this stack goes from state to state. This file is written by the exhaustive
walk in `stack/src/tcp/tests/walk`, which drives the real code through every event in every state
and compares what it sees with this file; renew it with
`UPDATE_SNAPSHOTS=1 cargo test -p stack walk`.
The whole table, with what is sent and what the application is told, is
`stack/src/tcp/tests/state_walk.snap`.

States are named as `ss` names them. A connection that ends beside a listener is drawn as CLOSED.
\"Silence\" is an hour in which the peer says nothing: retransmissions to their limit, the end of
TIME-WAIT and of FIN-WAIT-2. Where SYNs crossed, a FIN follows ours at once; only behind data it
waits until the handshake is complete. Edges into CLOSED by a reset, an abort or a timeout are only
in the table.
";

/// The document.
pub(super) fn draw(edges: &Edges) -> String {
    let mut text = format!("{HEAD}\n```mermaid\nstateDiagram-v2\n    [*] --> CLOSED\n");
    for (edge, events) in edges {
        if drawn(edge) {
            let (from, to) = (id(edge.0), id(edge.1));
            writeln!(text, "    {from} --> {to}: {}", names(events)).unwrap();
        }
    }
    text.push_str("```\n\n| from | to | events | where it stands |\n|---|---|---|---|\n");
    for (edge, events) in edges {
        let why = match reason(edge) {
            Some((Source::Figure, _)) => "RFC 9293, figure 5",
            Some((_, why)) => why,
            None => "nowhere",
        };
        writeln!(text, "| {} | {} | {} | {why} |", edge.0, edge.1, names(events)).unwrap();
    }
    text
}

/// Whether the edge helps to see the shape.
fn drawn(edge: &Edge) -> bool {
    edge.1 != "CLOSED" || matches!(reason(edge), Some((Source::Figure, _)))
}

/// Mermaid takes no `-` in a name.
fn id(state: &str) -> String {
    state.replace('-', "_")
}

fn names<'a>(events: impl IntoIterator<Item = &'a Event>) -> String {
    let names: Vec<&str> = events.into_iter().map(|event| event.name()).collect();
    names.join(", ")
}
