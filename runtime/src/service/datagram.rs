//! A UDP socket of a service. Records are the same in both rings, so an echo is a copy.

use client::datagram::{RECORD_LEN, emit_record, parse_record};
use stack::socket::SocketRings;
use stack::{Readiness, SocketId};

use super::chargen;
use crate::local::inline::{InlineUser, Next};
use crate::sockets::{Core, record};

/// What a service does with its datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Sends them back (RFC 862).
    Echo,
    /// Throws them away (RFC 863).
    Discard,
    /// Answers each with a line of characters (RFC 864).
    Chargen,
}

/// A socket and its service.
pub(super) struct DatagramService {
    rings: SocketRings,
    role: Role,
    answered: usize,
}

impl DatagramService {
    pub(super) fn new(rings: SocketRings, role: Role) -> Self {
        Self { rings, role, answered: 0 }
    }
}

impl InlineUser for DatagramService {
    /// Deals with every datagram that is there. One whose answer has no room is dropped, as UDP
    /// may.
    fn on_event(&mut self, id: SocketId, _: Readiness, core: &mut Core) -> Next {
        let (mut taken, mut sent) = (false, false);
        while let Some(header) = record::head(&self.rings.rx) {
            let Some((len, from)) = parse_record(&header) else { break };
            let len = RECORD_LEN + usize::from(len);
            match self.role {
                Role::Discard => {}
                Role::Echo if self.rings.tx.free() >= len => {
                    record::copy(&mut self.rings.tx, &self.rings.rx, len);
                    sent = true;
                }
                Role::Chargen => {
                    let line = chargen::line(self.answered);
                    self.answered = (self.answered + 1) % 95;
                    if self.rings.tx.free() >= RECORD_LEN + line.len() {
                        let answer = emit_record(line.len() as u16, from);
                        record::put(&mut self.rings.tx, &answer, &line);
                        sent = true;
                    }
                }
                Role::Echo => {}
            }
            self.rings.rx.release(len);
            taken = true;
        }
        if taken {
            core.app_read(id);
        }
        if sent {
            self.rings.tx.rest();
            core.app_wrote(id);
        }
        Next::Wait
    }
}
