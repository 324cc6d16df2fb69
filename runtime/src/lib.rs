//! Threads, cores and processes around the stack: the embeddable library, and the daemon
//! `pytcp-xdp`.
//!
//! ```no_run
//! use client::TcpListener;
//! use runtime::{Builder, Interface};
//!
//! let tap = Interface::new("tap7").address("10.0.1.7/24".parse()?);
//! let stack = Builder::new().interface(tap).start()?;
//! let listener = TcpListener::bind(&stack.sockets(), "0.0.0.0:7")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A stack is one *engine* thread for each shard, which owns that part of the protocols and all it
//! touches, and the ports that bring frames: on the same thread ([`Layout::Fused`]) or each on its
//! own ([`Layout::Split`]). Two kinds of users share the engine's sockets: users in this process,
//! by the `client` crate's sockets ([`Stack::sockets`]) or on the engine thread itself as the demo
//! services are, and other processes through the control socket ([`daemon`]). No thread waits for
//! another on the way of a frame or of a byte; what sleeps is woken by a descriptor, and only if
//! it sleeps.

#![forbid(unsafe_code)]

mod admin;
mod bridge;
mod builder;
mod command;
mod config;
mod control;
pub mod daemon;
mod default_mac;
mod device;
mod engine;
mod late;
mod local;
mod mailbox;
mod option;
mod pin;
mod port;
mod running;
mod service;
mod slab;
mod sockets;

pub use builder::{Builder, OpenPort};
pub use config::{Backend, Interface, Layout, Limits, Pace, Sharing};
pub use default_mac::default_mac;
pub use running::{Opened, Stack, StartError};
