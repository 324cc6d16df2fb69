//! The edges that there may be, and must be.

use std::collections::BTreeSet;

use super::{Edge, Walk};

/// Where an edge comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// RFC 9293 §3.3.2, figure 5.
    Figure,
    /// The text of that RFC, or another.
    Beside,
}

use Source::{Beside, Figure};

/// Why `edge` may be.
pub(super) fn reason(edge: &Edge) -> Option<(Source, &'static str)> {
    let of =
        |(from, to, source, why): &(_, _, _, _)| ((*from, *to) == *edge).then_some((*source, *why));
    EDGES.iter().find_map(of)
}

/// Panics unless the walk went over exactly the edges of the list.
pub(super) fn check(walk: &Walk) {
    let listed: BTreeSet<Edge> = EDGES.iter().map(|(from, to, ..)| (*from, *to)).collect();
    let seen: BTreeSet<Edge> = walk.edges.keys().copied().collect();
    let strange: Vec<_> = walk.edges.iter().filter(|(e, _)| !listed.contains(*e)).collect();
    assert!(strange.is_empty(), "edges that no RFC knows: {strange:?}");
    let missing: Vec<_> = listed.difference(&seen).copied().collect();
    assert!(missing.is_empty(), "edges that do not occur: {missing:?}");
}

const RESET: &str = "RST (RFC 9293 §3.10.7.4, RFC 5961 §3), abort (§3.10.5), timeout (§3.8.3), or \
                     data unread at the close (RFC 2525 §2.17)";
const LINGER: &str = "the same, data for a socket that was closed (RFC 9293 §3.6.1), or the end of \
                      an orphan's FIN-WAIT-2 (GAP-24)";
const BOTH: &str = "RFC 9293, figure 5, note 2: FIN and ACK of FIN in one";
const EARLY_FIN: &str = "RFC 9293 §3.10.7.4, eighth: a FIN with the ACK of our SYN";
const EARLY_CLOSE: &str = "RFC 9293 §3.10.4: a close that waited for the connection to open";
const REOPENED: &str = "RFC 9293 §3.6.1 and RFC 6191: a new SYN reopens the flow";

const EDGES: &[(&str, &str, Source, &str)] = &[
    ("CLOSED", "LISTEN", Figure, ""),
    ("CLOSED", "SYN-SENT", Figure, ""),
    ("LISTEN", "CLOSED", Figure, ""),
    ("LISTEN", "SYN-RECV", Figure, ""),
    ("LISTEN", "SYN-SENT", Figure, ""),
    ("SYN-SENT", "CLOSED", Figure, ""),
    ("SYN-SENT", "SYN-RECV", Figure, ""),
    ("SYN-SENT", "ESTAB", Figure, ""),
    ("SYN-RECV", "LISTEN", Figure, ""),
    ("SYN-RECV", "ESTAB", Figure, ""),
    ("SYN-RECV", "FIN-WAIT-1", Figure, ""),
    ("ESTAB", "FIN-WAIT-1", Figure, ""),
    ("ESTAB", "CLOSE-WAIT", Figure, ""),
    ("FIN-WAIT-1", "FIN-WAIT-2", Figure, ""),
    ("FIN-WAIT-1", "CLOSING", Figure, ""),
    ("FIN-WAIT-2", "TIME-WAIT", Figure, ""),
    ("CLOSE-WAIT", "LAST-ACK", Figure, ""),
    ("CLOSING", "TIME-WAIT", Figure, ""),
    ("LAST-ACK", "CLOSED", Figure, ""),
    ("TIME-WAIT", "CLOSED", Figure, ""),
    ("FIN-WAIT-1", "TIME-WAIT", Beside, BOTH),
    ("SYN-RECV", "CLOSE-WAIT", Beside, EARLY_FIN),
    ("SYN-RECV", "CLOSED", Beside, RESET),
    ("SYN-SENT", "FIN-WAIT-1", Beside, EARLY_CLOSE),
    ("SYN-RECV", "CLOSING", Beside, EARLY_CLOSE),
    ("ESTAB", "CLOSED", Beside, RESET),
    ("CLOSE-WAIT", "CLOSED", Beside, RESET),
    ("FIN-WAIT-1", "CLOSED", Beside, LINGER),
    ("FIN-WAIT-2", "CLOSED", Beside, LINGER),
    ("CLOSING", "CLOSED", Beside, RESET),
    ("TIME-WAIT", "SYN-RECV", Beside, REOPENED),
];
