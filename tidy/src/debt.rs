//! Breaches that stand in the tree: so many of a kind in a crate, and no more.
//!
//! Whoever mends one lowers the number; nobody raises it.

use crate::{Breach, Kind};

/// The kind, the crate, and how many are left.
const LEFT: &[(Kind, &str, usize)] = &[
    // `ip` chooses between `ipv4` and `ipv6`, which share its header type.
    (Kind::Circle, "wire", 1),
    (Kind::Circle, "addr", 1),
    (Kind::Circle, "runtime", 1),
    (Kind::Circle, "stack", 1),
];

/// The breaches that are not allowed, one line each: all of a kind and crate if there are more than
/// are left.
#[must_use]
pub fn subtract(found: Vec<Breach>) -> Vec<String> {
    let place = |file: &str| file.split('/').next().unwrap_or_default().to_owned();
    let count = |kind, place_: &str| {
        found.iter().filter(|breach| breach.kind == kind && place(&breach.file) == place_).count()
    };
    let allowed = |breach: &Breach| {
        let place = place(&breach.file);
        LEFT.iter().any(|(kind, at, left)| {
            *kind == breach.kind && *at == place && count(*kind, at) <= *left
        })
    };
    let line = |breach: &Breach| format!("{}: {}", breach.file, breach.text);
    found.iter().filter(|breach| !allowed(breach)).map(line).collect()
}
