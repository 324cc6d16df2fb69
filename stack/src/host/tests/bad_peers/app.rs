//! What a host's application does with its connections: write, read to the end, close.

use std::collections::HashMap;

use super::peer::byte;
use crate::host::Host;
use crate::socket::{SocketId, SocketRings};
use crate::time::Instant;

/// One connection in use.
pub(super) struct Use {
    ends: SocketRings,
    /// Which stream is written and which is expected.
    writes: u64,
    reads: u64,
    /// Bytes still to write.
    left: usize,
    total: usize,
    pub(super) read: usize,
    /// All that was read was right.
    pub(super) intact: bool,
    /// The peer's end was read.
    pub(super) ended: bool,
    talking: bool,
    closed: bool,
    pub(super) number: u64,
}

/// The connections of one host, and what became of those that are gone.
#[derive(Default)]
pub(super) struct App {
    pub(super) open: HashMap<SocketId, Use>,
    pub(super) opened: u64,
    pub(super) gone: u64,
    /// Of those that are gone: number, bytes read, intact, end seen, when.
    pub(super) done: Vec<Done>,
}

#[derive(Debug)]
pub(super) struct Done {
    pub(super) number: u64,
    pub(super) read: usize,
    pub(super) intact: bool,
    pub(super) ended: bool,
    pub(super) at: Instant,
}

impl App {
    /// Takes a connection to the stream `number`, on which `total` bytes are to be written.
    pub(super) fn take(
        &mut self,
        ends: SocketRings,
        writes: u64,
        reads: u64,
        number: u64,
        total: usize,
    ) {
        let id = ends.id;
        let this = Use {
            ends,
            writes,
            reads,
            left: total,
            total,
            read: 0,
            intact: true,
            ended: false,
            talking: false,
            closed: false,
            number,
        };
        self.opened += 1;
        assert!(self.open.insert(id, this).is_none(), "an id is used once");
    }

    /// Begins to write.
    pub(super) fn talk(&mut self, host: &mut Host, now: Instant, id: SocketId) {
        if let Some(this) = self.open.get_mut(&id) {
            this.talking = true;
            this.write(host, now);
        }
    }

    /// Something changed for a connection.
    pub(super) fn look(&mut self, host: &mut Host, now: Instant, id: SocketId) {
        let Some(this) = self.open.get_mut(&id) else { return };
        this.read(host, now);
        this.write(host, now);
        if this.ended && this.left == 0 {
            this.close(host, now);
        }
    }

    /// The stack holds nothing of it any more.
    pub(super) fn gone(&mut self, id: SocketId, now: Instant) {
        let Some(mut this) = self.open.remove(&id) else { panic!("{id:?} goes twice") };
        this.take_rest();
        self.gone += 1;
        let Use { number, read, intact, ended, .. } = this;
        self.done.push(Done { number, read, intact, ended, at: now });
    }

    /// Lets go of a connection whatever its peer thinks.
    pub(super) fn close(&mut self, host: &mut Host, now: Instant, id: SocketId) {
        if let Some(this) = self.open.get_mut(&id) {
            this.close(host, now);
        }
    }
}

impl Use {
    fn write(&mut self, host: &mut Host, now: Instant) {
        if !self.talking || self.left == 0 {
            return;
        }
        let mut chunk = [0; 4096];
        while self.left > 0 {
            let len = self.left.min(chunk.len());
            let start = self.total - self.left;
            for (at, b) in chunk[..len].iter_mut().enumerate() {
                *b = byte(self.writes, start + at);
            }
            let wrote = self.ends.tx.write(&chunk[..len]);
            self.left -= wrote;
            if wrote < len {
                break;
            }
        }
        if self.left == 0 {
            self.ends.tx.finish();
        }
        host.app_wrote(now, self.ends.id);
    }

    fn read(&mut self, host: &mut Host, now: Instant) {
        if self.take_rest() > 0 {
            host.app_read(now, self.ends.id);
        }
    }

    /// Reads what is there.
    fn take_rest(&mut self) -> usize {
        let (a, b) = self.ends.rx.peek();
        for &got in a.iter().chain(b) {
            self.intact &= got == byte(self.reads, self.read);
            self.read += 1;
        }
        let len = a.len() + b.len();
        self.ends.rx.release(len);
        self.ended |= self.ends.rx.is_finished();
        len
    }

    fn close(&mut self, host: &mut Host, now: Instant) {
        if !self.closed {
            self.closed = true;
            host.close(now, self.ends.id);
        }
    }
}
