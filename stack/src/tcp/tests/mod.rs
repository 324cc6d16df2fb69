//! Tests of TCP: one host against segments written by hand, and two hosts in virtual time.

mod active;
mod blocks;
mod challenge;
mod close;
mod cookies;
mod fuzz;
mod harness;
mod icmp;
mod input;
mod loss;
mod memory;
mod neighbor;
mod offload;
mod options;
mod orphans;
mod output;
mod pacing;
mod passive;
mod sack;
mod state;
mod time_wait;
mod timestamps;
mod transfer;
mod urgent;
mod walk;
mod window;
