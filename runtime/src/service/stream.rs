//! A TCP connection of a service.

use ring::bytes::{Reader, Writer};
use stack::socket::SocketRings;
use stack::tcp::TcpOption;
use stack::{Readiness, SocketId};

use super::chargen::Chargen;
use super::http::Http;
use crate::local::inline::{InlineUser, Next};
use crate::mailbox::Engines;
use crate::sockets::Core;

/// What a service does with its connections.
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
    /// HTTP/1.1. The page asks this way for what it shows.
    Http(Engines),
}

/// A connection and where its conversation stands.
pub(super) struct StreamService {
    rings: SocketRings,
    talk: Talk,
    /// Whether it was never called before.
    fresh: bool,
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
    pub(super) fn new(rings: SocketRings, role: &Role) -> Self {
        let talk = match role {
            Role::Echo => Talk::Echo,
            Role::Discard => Talk::Discard,
            Role::Chargen => Talk::Chargen(Chargen::default()),
            Role::Source => Talk::Source { ahead: SOURCE_AHEAD },
            Role::DeepSource => Talk::Source { ahead: usize::MAX },
            Role::Answer => Talk::Answer,
            Role::Http(engines) => Talk::Http(Box::new(Http::new(rings.id, engines.clone()))),
        };
        Self { rings, talk, fresh: true }
    }
}

impl InlineUser for StreamService {
    fn on_event(&mut self, id: SocketId, what: Readiness, core: &mut Core) -> Next {
        if std::mem::take(&mut self.fresh) {
            // The tail of an answer does not wait for the peer's delayed ACK.
            core.set_options(id, std::iter::once(TcpOption::NoDelay(true)));
        }
        if what.has(Readiness::ERROR | Readiness::GONE) {
            return Next::Close;
        }
        let SocketRings { tx, rx, .. } = &mut self.rings;
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
                // There may be room left: without this the stack would not report when more may
                // come.
                tx.set_waiting(true);
                end_of(rx)
            }
            Talk::Answer => answer(tx, rx),
            Talk::Http(http) => http.step(tx, rx),
        };
        if rx.position() != before.0 {
            core.app_read(id);
        }
        // Nobody knows when there is something to write again.
        tx.rest();
        if (tx.position(), tx.is_finished()) != (before.1, before.2) {
            core.app_wrote(id);
        }
        next
    }
}

/// How far ahead of the peer's ACKs a source writes: what fits the second-level cache is still
/// there when it is sent.
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
