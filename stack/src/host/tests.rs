//! The host as its neighbours see it: frames in, frames out.

mod address;
mod admin;
mod arp;
mod bad_peers;
mod delivery;
mod hook;
mod icmp;
mod icmp_errors;
mod input;
mod interfaces;
mod link;
mod loopback;
mod nd;
mod output;
mod random;
mod resolve;
mod shards;
mod stats;
mod tcp;
mod udp;
