//! The binary `ctl` against a daemon that is played by a thread: what it prints, asks and refuses.

mod change;
mod failure;
mod fake;
mod show;
