//! How the workers of one host reach each other: for every ordered pair one lock-free ring of
//! messages, and one that brings the buffers of frames back.
//!
//! Nothing is lost here. A message that must arrive and finds its ring full waits in a backlog.
//! What waits there is bounded by what there is (connections, listeners and the options of each, of
//! which the latest count), and while much waits no new listener is made ([`Mesh::is_crowded`]). A
//! change of the snapshot is not kept for a full ring: the peer is marked *lagging* and gets one
//! whole snapshot once there is room. Frames are accepted as long as [`Mesh::frame_room`] says; the
//! caller asks it first and keeps frames that do not fit, so that a worker that falls behind slows
//! its peers down instead of losing their frames. A part of each ring is closed to frames, so that
//! a flood of them does not hold up the other messages.

use std::collections::VecDeque;
use std::sync::Arc;

use addr::IfIndex;
use ring::spsc::{self, Consumer, Producer};
use wire::offload::RxMeta;

use crate::cx::Request;
use crate::fib::{Fib, FibUpdate};
use crate::shard::index::{ShardIndex, ShardSet};
use crate::tcp::ListenerMessage;

/// A message from one worker to another.
#[derive(Debug)]
pub(crate) enum Message {
    /// Control to a shard: the network around us changed.
    Fib(FibUpdate),
    /// A shard to control.
    Request(Request),
    /// A frame for a flow of the receiver.
    Frame(HandedFrame),
    /// About listeners and their connections.
    Listener(ListenerMessage),
}

/// A frame or packet on its way to the shard that owns it.
#[derive(Debug)]
pub(crate) struct HandedFrame {
    /// The interface it came in by.
    pub(crate) ifindex: IfIndex,
    pub(crate) meta: RxMeta,
    pub(crate) form: HandedForm,
    pub(crate) bytes: Vec<u8>,
}

/// What the bytes of a [`HandedFrame`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandedForm {
    /// As they came in, with the header of the interface's medium.
    Frame,
    /// An IP packet that was put together from fragments; whether they came by link multicast.
    Reassembled { link_multicast: bool },
}

/// One worker's ends of the rings.
#[derive(Debug)]
pub(crate) struct Mesh {
    /// One entry a shard; none for the worker itself.
    peers: Vec<Option<Peer>>,
    /// Peers that have been sent something, or given room, since someone last asked.
    woken: ShardSet,
    /// Buffers for frames.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Peer {
    shard: ShardIndex,
    tx: Producer<Message>,
    rx: Consumer<Message>,
    /// Buffers of frames that the peer sent, on their way back.
    spare_tx: Producer<Vec<u8>>,
    spare_rx: Consumer<Vec<u8>>,
    /// What waits for room in `tx`, oldest first.
    backlog: VecDeque<Message>,
    /// It has missed changes of the snapshot.
    lagging: bool,
}

/// Messages that a ring holds.
const RING_LEN: usize = 1024;
/// Slots of a ring that frames leave to other messages.
const RESERVE: usize = RING_LEN / 4;
/// Frames that wait in front of a full ring at most, for callers that do not ask for room first and
/// for packets put together from fragments. Beyond it frames are refused.
const BACKLOG_MAX: usize = 4 * RING_LEN;
/// Buffers kept for frames.
const SPARE_MAX: usize = 256;

impl Mesh {
    /// The mesh of a host with one worker.
    pub(crate) fn alone() -> Self {
        Self { peers: Vec::new(), woken: ShardSet::EMPTY, spare: Vec::new() }
    }

    /// The ends of `shards` workers, in order.
    pub(crate) fn connect(shards: usize) -> Vec<Self> {
        if shards <= 1 {
            return vec![Self::alone()];
        }
        let mut meshes: Vec<Self> = (0..shards)
            .map(|_| Self { peers: (0..shards).map(|_| None).collect(), ..Self::alone() })
            .collect();
        for a in ShardIndex::first(shards) {
            for b in ShardIndex::first(a.get()) {
                let (at_a, at_b) = Peer::pair(a, b);
                meshes[a.get()].peers[b.get()] = Some(at_a);
                meshes[b.get()].peers[a.get()] = Some(at_b);
            }
        }
        meshes
    }

    /// Whether there are no other workers.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.peers.is_empty()
    }

    /// Sends a message that must arrive.
    pub(crate) fn send(&mut self, to: ShardIndex, message: Message) {
        if let Some(peer) = peer(&mut self.peers, to) {
            peer.send(message);
            self.woken.insert(to);
        }
    }

    /// Whether so much waits for some worker that nothing new is to be begun of which all hear.
    pub(crate) fn is_crowded(&self) -> bool {
        self.peers.iter().flatten().any(|peer| peer.backlog.len() >= BACKLOG_MAX)
    }

    /// Sends a message that must arrive to every other worker.
    pub(crate) fn send_all(&mut self, mut message: impl FnMut() -> Message) {
        for peer in self.peers.iter_mut().flatten() {
            peer.send(message());
            self.woken.insert(peer.shard);
        }
    }

    /// Tells every other shard of a change of the snapshot.
    pub(crate) fn send_update(&mut self, update: &FibUpdate) {
        for peer in self.peers.iter_mut().flatten() {
            if peer.lagging {
                continue;
            }
            peer.lagging =
                !peer.backlog.is_empty() || peer.tx.push(Message::Fib(update.clone())).is_err();
            if peer.lagging {
                peer.tx.set_waiting(true);
            }
            self.woken.insert(peer.shard);
        }
    }

    /// Hands a frame to the worker of the shard that owns it.
    ///
    /// # Errors
    /// The frame, if so much waits for that worker already that it cannot be kept.
    pub(crate) fn hand_over(
        &mut self,
        to: ShardIndex,
        frame: HandedFrame,
    ) -> Result<(), HandedFrame> {
        let Some(peer) = peer(&mut self.peers, to) else { return Err(frame) };
        if peer.backlog.len() >= BACKLOG_MAX {
            return Err(frame);
        }
        let has_room = peer.backlog.is_empty() && peer.tx.free() > RESERVE;
        let message = Message::Frame(frame);
        let refused = if has_room { peer.tx.push(message).err() } else { Some(message) };
        if let Some(message) = refused {
            peer.backlog.push_back(message);
            peer.tx.set_waiting(true);
        }
        self.woken.insert(to);
        Ok(())
    }

    /// How many frames can be handed over for certain, whoever they are for.
    pub(crate) fn frame_room(&self) -> usize {
        let room = |peer: &Peer| match peer.backlog.is_empty() {
            true => peer.tx.free().saturating_sub(RESERVE),
            false => 0,
        };
        self.peers.iter().flatten().map(room).min().unwrap_or(usize::MAX)
    }

    /// Whether a message to this worker need not wait.
    pub(crate) fn has_room(&self, to: ShardIndex) -> bool {
        let peer = self.peers.get(to.get()).and_then(Option::as_ref);
        peer.is_some_and(|peer| peer.backlog.is_empty() && peer.tx.free() > 0)
    }

    /// Asks to be woken when there is room for messages to this worker again.
    pub(crate) fn await_room(&mut self, to: ShardIndex) {
        if let Some(peer) = peer(&mut self.peers, to) {
            peer.tx.set_waiting(true);
        }
    }

    /// Asks every peer to wake this worker when it has taken messages, and so made room for frames.
    pub(crate) fn await_frame_room(&mut self) {
        for peer in self.peers.iter_mut().flatten() {
            peer.tx.set_waiting(true);
        }
    }

    /// An empty buffer for a frame.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        if self.spare.is_empty() {
            for peer in self.peers.iter_mut().flatten() {
                peer.spare_rx.pop_batch(&mut self.spare, SPARE_MAX);
            }
        }
        self.spare.pop().unwrap_or_default()
    }

    /// Gives the buffer of a frame back to the worker that sent it.
    pub(crate) fn give_back(&mut self, from: ShardIndex, mut buffer: Vec<u8>) {
        buffer.clear();
        if let Some(peer) = peer(&mut self.peers, from) {
            // A full ring has plenty for the peer to use; this one is freed.
            peer.spare_tx.push(buffer).ok();
        }
    }

    /// Messages of a peer that wait to be read at this moment.
    pub(crate) fn waiting(&self, from: ShardIndex) -> usize {
        self.peers.get(from.get()).and_then(Option::as_ref).map_or(0, |peer| peer.rx.len())
    }

    /// Whether any message waits to be read.
    pub(crate) fn has_messages(&self) -> bool {
        self.peers.iter().flatten().any(|peer| !peer.rx.is_empty())
    }

    /// The oldest message of a peer.
    pub(crate) fn receive(&mut self, from: ShardIndex) -> Option<Message> {
        peer(&mut self.peers, from)?.rx.pop()
    }

    /// Messages were taken from a peer: if it waits for room it is to be woken.
    pub(crate) fn note_taken(&mut self, from: ShardIndex) {
        if let Some(peer) = peer(&mut self.peers, from)
            && peer.rx.take_producer_waiting()
        {
            self.woken.insert(from);
        }
    }

    /// Moves the backlog into rings that have room; peers that lag get the whole snapshot. For the
    /// part that still does not fit it asks to be woken, because a peer that wakes us clears the
    /// request.
    pub(crate) fn flush(&mut self, fib: Option<&Fib>) {
        let mut whole = None;
        for peer in self.peers.iter_mut().flatten() {
            let mut sent = peer.flush();
            if let (true, Some(fib)) = (peer.lagging && peer.backlog.is_empty(), fib) {
                let whole = whole.get_or_insert_with(|| Arc::new(fib.clone()));
                let update = FibUpdate::Snapshot(Arc::clone(whole));
                peer.lagging = peer.tx.push(Message::Fib(update)).is_err();
                sent |= !peer.lagging;
            }
            if sent {
                self.woken.insert(peer.shard);
            }
            if peer.lagging || !peer.backlog.is_empty() {
                peer.tx.set_waiting(true);
            }
        }
    }

    /// Whether something waits that fits into its ring now.
    pub(crate) fn can_flush(&self) -> bool {
        let waits = |peer: &Peer| !peer.backlog.is_empty() || peer.lagging;
        self.peers.iter().flatten().any(|peer| waits(peer) && peer.tx.free() > 0)
    }

    /// Peers that have been sent something, or given room, since the last call.
    pub(crate) fn take_woken(&mut self) -> ShardSet {
        core::mem::take(&mut self.woken)
    }
}

fn peer(peers: &mut [Option<Peer>], shard: ShardIndex) -> Option<&mut Peer> {
    peers.get_mut(shard.get())?.as_mut()
}

impl Peer {
    /// The two ends between workers `a` and `b`: what `a` has, and what `b` has.
    fn pair(a: ShardIndex, b: ShardIndex) -> (Self, Self) {
        let (to_b, from_a) = spsc::channel(RING_LEN);
        let (to_a, from_b) = spsc::channel(RING_LEN);
        let (spare_to_b, spare_from_a) = spsc::channel(SPARE_MAX);
        let (spare_to_a, spare_from_b) = spsc::channel(SPARE_MAX);
        let end = |shard, tx, rx, spare_tx, spare_rx| Self {
            shard,
            tx,
            rx,
            spare_tx,
            spare_rx,
            backlog: VecDeque::new(),
            lagging: false,
        };
        (
            end(b, to_b, from_b, spare_to_b, spare_from_b),
            end(a, to_a, from_a, spare_to_a, spare_from_a),
        )
    }

    fn send(&mut self, message: Message) {
        let refused =
            if self.backlog.is_empty() { self.tx.push(message).err() } else { Some(message) };
        if let Some(message) = refused {
            self.wait_with(message);
        }
    }

    /// Puts a message into the backlog, in place of one that it makes needless.
    #[cold]
    fn wait_with(&mut self, message: Message) {
        if let Message::Listener(later) = &message {
            let needless = |waiting: &Message| match waiting {
                Message::Listener(earlier) => earlier.is_replaced_by(later),
                _ => false,
            };
            if let Some(at) = self.backlog.iter().position(needless) {
                self.backlog[at] = message;
                return;
            }
        }
        self.backlog.push_back(message);
        self.tx.set_waiting(true);
    }

    /// Returns whether anything went.
    fn flush(&mut self) -> bool {
        let before = self.backlog.len();
        while self.tx.free() > 0
            && let Some(message) = self.backlog.pop_front()
        {
            if let Err(message) = self.tx.push(message) {
                self.backlog.push_front(message);
                break;
            }
        }
        self.backlog.len() < before
    }
}

#[cfg(test)]
mod tests;
