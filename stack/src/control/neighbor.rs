//! Neighbours of both families: who has which link address, and whether it is still there.
//!
//! [`machine`] is the state machine of one entry, [`table`] holds all entries with their timers and
//! speaks for them through [`arp`] and [`nd`], the two speakers. What neighbours say comes in by
//! [`arp_input`] and [`nd_input`].

pub(crate) mod arp;
pub(crate) mod arp_input;
pub(crate) mod machine;
pub(crate) mod nd;
pub(crate) mod nd_input;
pub(crate) mod table;
