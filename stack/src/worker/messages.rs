//! What passes between the parts of a worker, and between workers.

use crate::control::Control;
use crate::drop::DropReason;
use crate::mesh::{HandedForm, HandedFrame, Message};
use crate::shard::index::ShardIndex;
use crate::tcp::{ListenerMessage, Outgoing};
use crate::time::Instant;
use crate::worker::Worker;

/// Rounds of requests and changes between control and shard per call; what is left waits for the
/// next.
const ROUNDS: usize = 4;

impl Worker {
    /// Takes what other workers have sent, and sends what waits for them. To be called once a turn
    /// where there are several workers. Returns how many messages there were.
    pub fn exchange_messages(&mut self, now: Instant) -> usize {
        if self.mesh.is_alone() {
            return 0;
        }
        let parts = &mut self.shard.parts;
        parts.memory.exchange(&parts.limits);
        let mut taken = 0;
        for from in ShardIndex::first(self.steering.shards()) {
            // What comes in meanwhile is for the next turn.
            let waiting = self.mesh.waiting(from);
            for _ in 0..waiting {
                let Some(message) = self.mesh.receive(from) else { break };
                self.take_message(now, from, message);
            }
            if waiting > 0 {
                self.mesh.note_taken(from);
                self.pass_messages(now);
            }
            taken += waiting;
        }
        self.pass_messages(now);
        self.mesh.flush(self.control.is_some().then_some(&self.fib));
        taken
    }

    fn take_message(&mut self, now: Instant, from: ShardIndex, message: Message) {
        match message {
            Message::Fib(update) => self.shard.apply_update(now, &mut self.fib, &update),
            Message::Request(request) => {
                if let Some(control) = &mut self.control {
                    control.apply(now, request);
                }
            }
            Message::Frame(frame) => self.take_handed(now, from, frame),
            Message::Listener(message) => {
                let cx = &mut self.shard.parts.cx(now, &self.fib);
                self.shard.sockets.tcp.receive_message(cx, message);
            }
        }
    }

    /// A frame or packet that another worker found to be this shard's.
    fn take_handed(&mut self, now: Instant, from: ShardIndex, frame: HandedFrame) {
        let HandedFrame { ifindex, meta, form, bytes } = frame;
        // A drop is counted like any other.
        match form {
            HandedForm::Frame => {
                self.take_in(now, ifindex, meta, &bytes);
            }
            HandedForm::Reassembled { link_multicast } => {
                let Self { shard, fib, .. } = self;
                let packet = (meta.checksum, link_multicast, &*bytes);
                if let Err(reason) = shard.receive_reassembled(now, fib, ifindex, packet) {
                    shard.parts.stats.drop(reason);
                }
            }
        }
        self.mesh.give_back(from, bytes);
    }

    /// Passes the shard's requests to control, control's changes of the snapshot to the shards, and
    /// what the shard has for other shards to them.
    #[inline]
    pub(super) fn pass_messages(&mut self, now: Instant) {
        if self.has_messages_to_pass() {
            self.pass_until_quiet(now);
        }
    }

    /// Whether another worker is so far behind that it is to hear of nothing new.
    pub(super) fn is_crowded(&self) -> bool {
        self.mesh.is_crowded()
    }

    /// Whether there is something to pass on that can be passed on now.
    #[inline]
    pub(super) fn has_messages_to_pass(&self) -> bool {
        let requests = !self.shard.parts.requests.is_empty();
        if self.mesh.is_alone() {
            return requests || self.control.as_ref().is_some_and(Control::has_updates);
        }
        let for_others = self.shard.sockets.tcp.has_messages() || self.shard.has_handovers();
        let control = match &self.control {
            Some(control) => requests || control.has_updates(),
            None => requests && self.mesh.has_room(ShardIndex::ZERO),
        };
        for_others || control
    }

    fn pass_until_quiet(&mut self, now: Instant) {
        for _ in 0..ROUNDS {
            let Some(control) = &mut self.control else { break };
            while let Some(request) = self.shard.parts.requests.pop() {
                control.apply(now, request);
            }
            if !control.has_updates() {
                break;
            }
            while let Some(update) = control.next_update() {
                self.shard.apply_update(now, &mut self.fib, &update);
                self.mesh.send_update(&update);
            }
        }
        if !self.mesh.is_alone() {
            self.pass_to_others();
        }
    }

    fn pass_to_others(&mut self) {
        if self.control.is_none() {
            // Control asks nobody twice: what finds no room stays here, and is bounded here.
            while self.mesh.has_room(ShardIndex::ZERO)
                && let Some(request) = self.shard.parts.requests.pop()
            {
                self.mesh.send(ShardIndex::ZERO, Message::Request(request));
            }
            if !self.shard.parts.requests.is_empty() {
                self.mesh.await_room(ShardIndex::ZERO);
            }
        }
        while let Some(outgoing) = self.shard.sockets.tcp.next_message() {
            match outgoing {
                Outgoing::One(to, message) => self.mesh.send(to, Message::Listener(message)),
                Outgoing::Others(change) => self
                    .mesh
                    .send_all(|| Message::Listener(ListenerMessage::Change(change.clone()))),
            }
        }
        while let Some((owner, frame)) = self.shard.next_handover() {
            self.shard.parts.stats.packets_handed_over += 1;
            if self.mesh.hand_over(owner, frame).is_err() {
                self.shard.parts.stats.drop(DropReason::ShardBusy);
            }
        }
    }
}
