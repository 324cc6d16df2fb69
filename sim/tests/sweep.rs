//! The sweep over all kinds of paths, against the table in `sweep.snap`.
//!
//! Every byte and every invariant is checked in every cell; then the table must be the one in the
//! repository, to the last digit. A change of the stack that changes it is a change of how fast the
//! stack is somewhere: look at the lines, and if they are what was meant, renew the table with
//! `make sweep` and commit it.

use sim::sweep::{self, table};

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sweep.snap");

#[test]
fn every_path_is_as_fast_as_it_was() {
    let cells = sweep::chosen();
    let results = table::play(&cells);
    let text = table::render(&cells, &results);
    assert_eq!(table::failures(&cells, &results), [""; 0]);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(SNAPSHOT, text).unwrap();
        return;
    }
    let old = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    let lines = table::difference(&old, &text);
    assert!(
        lines.is_empty(),
        "the table changed:\n{}{}\n\
         if that is meant: UPDATE_SNAPSHOTS=1 cargo test -p sim --test sweep",
        table::HEAD,
        lines.join("\n")
    );
}

#[test]
fn a_cell_goes_the_same_way_again() {
    let cells = sweep::chosen();
    for cell in [&cells[60], cells.last().unwrap()] {
        assert_eq!(sweep::run::run(cell), sweep::run::run(cell));
    }
}
