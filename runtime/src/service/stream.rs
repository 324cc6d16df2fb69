//! A TCP connection of a service.

use ring::bytes::{Reader, Writer};
use stack::SocketId;
use stack::socket::SocketRings;

use super::chargen::Chargen;
use super::http::Http;
use crate::engine::Core;
use crate::engine::port::PortEnd;

/// What a service does with its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Sends back what comes (RFC 862).
    Echo,
    /// Throws away what comes (RFC 863).
    Discard,
    /// Sends lines of characters without end (RFC 864).
    Chargen,
    /// Sends bytes without end.
    Source,
    /// Sends without end, as far ahead as there is room: what a path of any length needs.
    DeepSource,
    /// Answers the first byte with a byte, and closes.
    Answer,
    /// HTTP/1.1.
    Http,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Until the stack tells of it again.
    Wait,
    /// It is to be closed.
    Close,
}

/// A connection and where its conversation stands.
pub(super) struct StreamService {
    ends: SocketRings,
    talk: Talk,
}

enum Talk {
    Echo,
    Discard,
    Chargen(Chargen),
    Source {
        /// Bytes it writes ahead of the peer's ACKs.
        ahead: usize,
    },
    Answer,
    Http(Box<Http>),
}

impl StreamService {
    pub(super) fn new(ends: SocketRings, role: Role) -> Self {
        let talk = match role {
            Role::Echo => Talk::Echo,
            Role::Discard => Talk::Discard,
            Role::Chargen => Talk::Chargen(Chargen::default()),
            Role::Source => Talk::Source { ahead: SOURCE_AHEAD },
            Role::DeepSource => Talk::Source { ahead: usize::MAX },
            Role::Answer => Talk::Answer,
            Role::Http => Talk::Http(Box::default()),
        };
        Self { ends, talk }
    }

    pub(super) fn id(&self) -> SocketId {
        self.ends.id
    }

    /// Does what can be done without waiting.
    pub(super) fn step(&mut self, core: &mut Core, ports: &[PortEnd]) -> Next {
        let SocketRings { id, tx, rx, .. } = &mut self.ends;
        let before = (rx.position(), tx.position(), tx.is_finished());
        let next = match &mut self.talk {
            Talk::Echo => echo(tx, rx),
            Talk::Discard => discard(rx),
            Talk::Chargen(chargen) => {
                while let 1.. = chargen.fill(tx) {}
                end_of(rx)
            }
            Talk::Source { ahead } => {
                while tx.buffered() < *ahead && tx.write(&super::http::NUMBERS) > 0 {}
                // There may be room left: without this nobody would be told when more may come.
                tx.set_waiting(true);
                end_of(rx)
            }
            Talk::Answer => answer(tx, rx),
            Talk::Http(http) => http.step(tx, rx, core, ports),
        };
        if rx.position() != before.0 {
            core.app_read(*id);
        }
        // Nobody knows when there is something to write again.
        tx.rest();
        if (tx.position(), tx.is_finished()) != (before.1, before.2) {
            core.app_wrote(*id);
        }
        next
    }
}

/// How far ahead of the peer's ACKs a source writes: what fits the second-level cache is still there
/// when it is sent.
const SOURCE_AHEAD: usize = 384 << 10;

fn echo(tx: &mut Writer, rx: &mut Reader) -> Next {
    while !rx.is_empty() && tx.free() > 0 {
        let (first, second) = rx.peek();
        let mut copied = tx.write(first);
        if copied == first.len() {
            copied += tx.write(second);
        }
        rx.release(copied);
    }
    if rx.is_finished() {
        tx.finish();
        return Next::Close;
    }
    Next::Wait
}

fn discard(rx: &mut Reader) -> Next {
    rx.discard();
    end_of(rx)
}

/// A sender that does not listen closes when its peer does.
fn end_of(rx: &mut Reader) -> Next {
    rx.discard();
    if rx.is_finished() { Next::Close } else { Next::Wait }
}

fn answer(tx: &mut Writer, rx: &mut Reader) -> Next {
    if !rx.is_empty() {
        rx.discard();
        tx.write(b".");
        tx.finish();
        return Next::Close;
    }
    if rx.is_finished() { Next::Close } else { Next::Wait }
}
