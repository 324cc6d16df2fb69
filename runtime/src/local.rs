//! Sockets for users in this process.
//!
//! There are two kinds of users, and one code path for both. A user on a thread of its own has
//! [`client::LocalSocket`]s: it holds its halves of a socket's rings and a doorbell, the engine
//! keeps an entry in [`Locals`] with the bell, and what the user does reaches the engine through
//! the mailbox. Opening and closing are commands; reading and writing is *progress*, of which at
//! most one message is under way for each socket. A user on the engine thread itself ([`inline`])
//! is called where the other one is woken, so it needs neither bell nor message.
//!
//! | file | holds |
//! |---|---|
//! | `command` | what a handle sends to the engine |
//! | `shared` | what application and engine both look at |
//! | `handle`, `host` | the application's side |
//! | `locals`, `inline` | the engine's side |

pub(crate) mod command;
mod handle;
mod host;
pub(crate) mod inline;
mod locals;
mod shared;

pub(crate) use self::host::LocalHost;
pub(crate) use self::locals::Locals;
