//! The four rings between a port and the shard it serves.
//!
//! ```text
//!            port                          shard
//!   device -> rx      --- RxFrame -->   rx        what arrived
//!             rx_done <--- Frame ----   rx_done   the buffers of it, when done with
//!   device <- tx      <-- TxFrame ---   tx        what to send
//!             tx_free ---  Frame --->   tx_free   buffers to send from
//! ```
//!
//! Each ring has room for every frame that can be in it, so a push of a frame of this port never
//! fails. Both sides may be stepped by one thread, or each by its own; a side that sleeps announces
//! it by the rings' waiting flags, and the other side then rings its bell
//! ([`crate::Port::shard_waiting`]).

use std::sync::Arc;

use ring::{Consumer, Producer, channel};

use crate::frame::{Frame, FrameAccount, Memory, RxFrame, TxFrame};

/// The shard's side of a port.
#[derive(Debug)]
pub struct PortLink {
    /// Frames that arrived.
    pub rx: Consumer<RxFrame>,
    /// Where their buffers go when done with.
    pub rx_done: Producer<Frame>,
    /// Frames to send, in buffers of this port: to forward a frame of another port, copy it. A
    /// buffer it came in ([`PortLink::rx`]) may be sent from, and goes home from there.
    pub tx: Producer<TxFrame>,
    /// Buffers to send from.
    pub tx_free: Consumer<Frame>,
}

/// Fewest buffers to send from that are kept in the ring of free ones.
const TX_LEVEL_MIN: usize = 16;

/// The port's side of the rings, and the frames that are with the port itself.
pub(crate) struct Side {
    pub(crate) rx: Producer<RxFrame>,
    rx_done: Consumer<Frame>,
    pub(crate) tx: Consumer<TxFrame>,
    tx_free: Producer<Frame>,
    /// Free frames to receive into; the last one used is the next one taken, because it is in the
    /// cache.
    pub(crate) rx_pool: Vec<Frame>,
    /// Free frames to send from, likewise.
    pub(crate) tx_pool: Vec<Frame>,
    /// How many frames to send from the shard is given in advance.
    tx_level: usize,
    /// Frames handed to the shard and not taken back, those in the rings included.
    out: u32,
    total: u32,
    /// Frames below this index are there to receive into.
    rx_count: u32,
    /// Where in its buffer a free frame starts.
    start: u32,
    /// The region all frames of the port are in.
    memory: Arc<Memory>,
}

/// Joins a port that has these frames, of one region, to a shard: the first `rx_count` are there to
/// receive into.
pub(crate) fn join(mut frames: Vec<Frame>, rx_count: u32) -> (Side, PortLink) {
    let total = frames.len();
    let first = frames.first().expect("a port has frames");
    let (memory, start) = (first.memory().clone(), first.start());
    let mut tx_pool = Vec::with_capacity(total);
    tx_pool.extend(frames.drain(rx_count as usize..).rev());
    let mut rx_pool = frames;
    rx_pool.reverse();
    let (rx, link_rx) = channel(rx_pool.len());
    let (link_rx_done, rx_done) = channel(total);
    let (link_tx, tx) = channel(total);
    let (tx_free, link_tx_free) = channel(tx_pool.len());
    let link = PortLink { rx: link_rx, rx_done: link_rx_done, tx: link_tx, tx_free: link_tx_free };
    let mut side = Side {
        rx,
        rx_done,
        tx,
        tx_free,
        rx_pool,
        tx_pool,
        tx_level: TX_LEVEL_MIN,
        out: 0,
        total: total as u32,
        rx_count,
        start,
        memory,
    };
    side.top_up();
    (side, link)
}

impl Side {
    /// Hands a frame that arrived to the shard. The ring has room for all frames there are; a frame
    /// that does not fit all the same goes back to the pool.
    #[inline]
    pub(crate) fn deliver(&mut self, frame: RxFrame) -> bool {
        match self.rx.push(frame) {
            Ok(()) => {
                self.out += 1;
                true
            }
            Err(refused) => {
                self.rx_pool.push(refused.frame);
                false
            }
        }
    }

    /// Hands several at once, so that the shard sees them with one store.
    #[inline]
    pub(crate) fn deliver_batch(&mut self, frames: &mut impl Iterator<Item = RxFrame>) -> usize {
        let pushed = self.rx.push_batch(frames);
        self.out += pushed as u32;
        pushed
    }

    /// Takes the next frame to send.
    #[inline]
    pub(crate) fn next_to_send(&mut self) -> Option<TxFrame> {
        let next = self.tx.pop()?;
        if self.owns(&next.frame) {
            self.out = self.out.saturating_sub(1);
        }
        Some(next)
    }

    /// Takes back the buffers of frames that arrived earlier.
    #[inline]
    pub(crate) fn reclaim(&mut self) {
        while let Some(frame) = self.rx_done.pop() {
            if self.owns(&frame) {
                self.out = self.out.saturating_sub(1);
            }
            self.recycle(frame);
        }
    }

    /// Whether the frame is of this port. A shard that forwards may send another port's.
    #[inline]
    pub(crate) fn owns(&self, frame: &Frame) -> bool {
        Arc::ptr_eq(frame.memory(), &self.memory)
    }

    /// Takes a frame back to the pool it came from. Another port's is dropped.
    #[inline]
    pub(crate) fn recycle(&mut self, mut frame: Frame) {
        if !self.owns(&frame) {
            return;
        }
        frame.reset(self.start);
        if frame.index() < self.rx_count {
            self.rx_pool.push(frame);
        } else {
            self.tx_pool.push(frame);
        }
    }

    /// Gives the shard frames to send from.
    ///
    /// Not all there are, because the ring would then pass each of them round before using one
    /// again: a shard that used up what it had finds twice as many next time, one that needs few
    /// finds ever fewer, and the frames in use stay few enough for the cache.
    #[inline]
    pub(crate) fn top_up(&mut self) {
        let waiting = self.tx_free.capacity() - self.tx_free.free();
        if waiting == 0 {
            self.tx_level = (self.tx_level * 2).min(self.tx_free.capacity());
        } else if waiting > self.tx_level / 2 && self.tx_level > TX_LEVEL_MIN {
            self.tx_level -= 1;
        }
        let wanted = self.tx_level.saturating_sub(waiting);
        if wanted == 0 {
            return;
        }
        let pool = &mut self.tx_pool;
        let pushed = self.tx_free.push_batch(&mut std::iter::from_fn(|| pool.pop()).take(wanted));
        self.out += pushed as u32;
    }

    /// Whether the shard sleeps, and now has something to wake up for; clears its flags.
    pub(crate) fn shard_waiting(&self) -> bool {
        let rx = self.rx.free() < self.rx.capacity() && self.rx.take_consumer_waiting();
        let tx =
            self.tx_free.free() < self.tx_free.capacity() && self.tx_free.take_consumer_waiting();
        rx | tx
    }

    /// Announces that the port sleeps until there is something to send (or not any more). Returns
    /// whether there is something already.
    pub(crate) fn set_waiting(&self, waiting: bool) -> bool {
        let starved = self.rx_pool.is_empty();
        self.tx.set_waiting(waiting);
        self.rx_done.set_waiting(waiting && starved);
        !self.tx.is_empty() || starved && !self.rx_done.is_empty()
    }

    /// Where the frames are; `fill` and `completion` are the device's to say.
    pub(crate) fn account(&self, fill: u32, completion: u32) -> FrameAccount {
        let rx = (self.rx.capacity() - self.rx.free()) as u32;
        let tx = self.tx.len() as u32;
        let way_home = self.rx_done.len() as u32;
        let in_advance = (self.tx_free.capacity() - self.tx_free.free()) as u32;
        let pooled = (self.rx_pool.len() + self.tx_pool.len()) as u32;
        FrameAccount {
            total: self.total,
            fill,
            rx,
            stack: self.out.saturating_sub(rx + tx + way_home + in_advance),
            tx,
            completion,
            free: pooled + way_home + in_advance,
        }
    }
}

impl PortLink {
    /// Whether the port sleeps ([`crate::Port::sleep`]) and now has something to wake up for. Ask
    /// after giving it frames, and ring its bell then; the announcement is taken back.
    pub fn port_waiting(&self) -> bool {
        let tx = self.tx.take_consumer_waiting();
        let done = self.rx_done.take_consumer_waiting();
        tx | done
    }
}
