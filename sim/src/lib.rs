//! A whole network in virtual time, from a seed.
//!
//! The hosts are real: each is a [`stack::Host`] with nothing changed for the test. What is made up
//! is everything around them: links that lose, delay, reorder, duplicate and damage frames
//! ([`link`]), applications that send bytes which follow from a key and check every byte they get
//! ([`app`]), and time, which jumps from one event to the next ([`world`]). After every step
//! invariants are checked, from counters that must add up to what TCP may send ([`check`]).
//!
//! Everything follows from the seed, so a failure replays exactly: `sim --seed 17 --pcap f.pcap`
//! plays one scenario again and writes what was sent; its last line is the trace hash.
//!
//! How fast the stack is over all kinds of paths, and how much of what is ideal, is measured by
//! [`sweep`]: `sim sweep` prints the table.
//!
//! How to write a scenario: make a [`World`], add a link and hosts, plug them, start
//! applications, then [`World::finish`].
//!
//! ```
//! use sim::scenario::Scenario;
//!
//! let mut scenario = Scenario::from_seed(1);
//! scenario.v4 = true;
//! let report = scenario.run();
//! assert_eq!(report.violations, [""; 0]);
//! assert_eq!(report.hash, scenario.run().hash);
//! ```

#![forbid(unsafe_code)]

pub mod app;
pub mod capture;
pub mod check;
pub mod link;
pub mod node;
pub mod pcap;
pub mod scenario;
pub mod sweep;
pub mod trace;
pub mod world;

pub use scenario::Scenario;
pub use world::World;
