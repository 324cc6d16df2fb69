//! The table: one line a cell, in the order of the cells, in integers.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use stack::time::Duration;

use super::run::{self, Measured};
use super::{Cell, Twist};

/// Plays the cells on all cores. What comes out does not depend on how many there are.
pub fn play(cells: &[Cell]) -> Vec<Measured> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![None; cells.len()]);
    let work = || {
        while let Some((i, cell)) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            cells.get(i).map(|cell| (i, cell))
        } {
            let measured = run::run(cell);
            results.lock().unwrap_or_else(PoisonError::into_inner)[i] = Some(measured);
        }
    };
    std::thread::scope(|scope| {
        (0..cores).for_each(|_| {
            scope.spawn(work);
        });
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().flatten().collect()
}

/// Kilobits a second.
fn rate(bytes: u64, time: Duration) -> u128 {
    u128::from(bytes) * 8_000_000 / time.as_nanos().max(1)
}

/// A share as per cent with one decimal.
fn percent(part: u128, whole: u128) -> String {
    let thousandths = part * 1_000 / whole.max(1);
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// The line of a cell.
pub fn line(cell: &Cell, measured: &Measured) -> String {
    let Measured { bytes, elapsed, ideal, segments, resent, timeouts, gap, .. } = measured;
    let resent = percent((*resent).into(), (*segments).into());
    if cell.twist == Twist::Vanish {
        return format!("{cell} given up {} s after it connected", elapsed.as_secs());
    }
    let (goodput, best) = (rate(*bytes, *elapsed), rate(*bytes, *ideal));
    let share = percent(goodput, best);
    let gap = gap.as_millis();
    format!(
        "{cell} {bytes:>9} {goodput:>9} {best:>9} {share:>7} {resent:>6} {timeouts:>5} {gap:>7}"
    )
}

/// The head of the table and what its columns mean.
pub const HEAD: &str = "\
# One flow over paths of every kind: `sim sweep` prints this table. What must hold in \
each cell and how
# the ideal is computed is said in sim/src/sweep/run.rs and ideal.rs. Rate and \
goodput in bits a second,
# headers counted in the rate only; round trip and the longest time without data in milliseconds.
#
#     rate   rtt queue    loss kind   twist                       bytes   \
goodput     ideal   share resent  rtos  longest
#                                                                          kbit/s    \
kbit/s                         gap
";

/// The whole table.
pub fn render(cells: &[Cell], results: &[Measured]) -> String {
    let mut text = HEAD.to_string();
    for (cell, measured) in cells.iter().zip(results) {
        writeln!(text, "{}", line(cell, measured)).expect("a string has room");
    }
    text
}

/// What went wrong, a line for each cell.
pub fn failures(cells: &[Cell], results: &[Measured]) -> Vec<String> {
    let each = cells.iter().zip(results);
    each.filter_map(|(cell, measured)| {
        let why = measured.violations.first()?;
        Some(format!("{}: {why}", cell.to_string().trim_end()))
    })
    .collect()
}

/// Lines that differ, the old with `-` and the new with `+`.
pub fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let mut lines = Vec::new();
    for i in 0..old.len().max(new.len()) {
        let (was, is) = (old.get(i), new.get(i));
        if was != is {
            lines.extend(was.map(|line| format!("- {line}")));
            lines.extend(is.map(|line| format!("+ {line}")));
        }
    }
    lines
}
