//! The port's side of all its rings: the buffers that are with the port itself, and which shard may
//! have how many.
//!
//! A received frame goes to the shard that the steering function names. Every ring has room for all
//! buffers of the port, so what limits a shard is its [`Share`] of them. A frame for a shard that
//! has all its share is kept, and nothing more is received, until the shard gives buffers back; if
//! it does not within [`STALL_PATIENCE`], the shard counts as stalled, and frames that are too many
//! for it are dropped and counted until it is down to its reserved buffers. So a busy shard pushes
//! back on the device, and one that has stopped costs the others one such pause.
//!
//! A shard whose side was dropped gets nothing more; what lies in its rings is taken back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::offload::RxMeta;

use crate::frame::{Frame, FrameAccount, Memory, RxFrame, TxFrame};
use crate::link::{PortLink, TX_KEPT};
use crate::shard_rings::{BATCH, ShardRings, Share};
use crate::stats::PortStats;

/// How long frames of other shards may wait behind a frame whose shard has no buffers left: half of
/// the 200 ms after which Linux's TCP retransmits, and long for a thread to be kept from its core.
const STALL_PATIENCE: Duration = Duration::from_millis(100);
/// Frames taken from one shard before the next one's turn to send.
const TX_BURST: u32 = 8;

/// The port's side of the rings, and the frames that are with the port itself.
pub(crate) struct PortSide {
    shards: Box<[ShardRings]>,
    /// Free frames to receive into; the last one used is the next one taken, because it is in the
    /// cache.
    pub(crate) rx_pool: Vec<Frame>,
    /// Free frames to send from, likewise.
    pub(crate) tx_pool: Vec<Frame>,
    /// Free frames for packets that are put together of several: their indices are above all
    /// others.
    pub(crate) large_pool: Vec<Frame>,
    large_count: u32,
    rx_share: Share,
    tx_share: Share,
    /// Which shard sends next, and how many more frames before the one after it.
    tx_shard: usize,
    tx_burst: u32,
    /// Since when staged frames wait for a shard to give buffers back.
    held_since: Option<Instant>,
    total: u32,
    /// Frames below this index are there to receive into.
    rx_count: u32,
    /// Where in its buffer a free frame starts.
    start: u32,
    /// The region all frames of the port are in.
    memory: Arc<Memory>,
    pub(crate) stats: PortStats,
}

impl PortSide {
    /// Joins a port that has these frames, of one region, to `shards` shards: the first `rx_count`
    /// frames are there to receive into. There is a frame of each kind for each shard at least.
    pub(crate) fn new(frames: Vec<Frame>, rx_count: u32, shards: usize) -> (Self, Vec<PortLink>) {
        Self::with_large(frames, rx_count, Vec::new(), shards)
    }

    /// The same with large frames of the same region, with higher indices.
    pub(crate) fn with_large(
        mut frames: Vec<Frame>,
        rx_count: u32,
        large_pool: Vec<Frame>,
        shards: usize,
    ) -> (Self, Vec<PortLink>) {
        let total = frames.len();
        let first = frames.first().expect("a port has frames");
        let (memory, start) = (first.memory().clone(), first.start());
        let mut tx_pool = Vec::with_capacity(total);
        tx_pool.extend(frames.drain(rx_count as usize..).rev());
        let mut rx_pool = frames;
        rx_pool.reverse();
        let rx_share = Share::new(rx_count, shards as u32);
        let tx_share = Share::new(tx_pool.len() as u32, shards as u32);
        let received = rx_pool.len() + large_pool.len();
        let rings = |shard| ShardRings::new(received, tx_pool.len(), shard, tx_share);
        let (rings, links): (Vec<_>, Vec<_>) = (0..shards).map(rings).unzip();
        let mut side = Self {
            shards: rings.into_boxed_slice(),
            rx_pool,
            tx_pool,
            large_count: large_pool.len() as u32,
            large_pool,
            rx_share,
            tx_share,
            tx_shard: 0,
            tx_burst: TX_BURST,
            held_since: None,
            total: total as u32,
            rx_count,
            start,
            memory,
            stats: PortStats::default(),
        };
        // What is common to several shards is for those that turn out to need it.
        let most = if shards == 1 { total } else { tx_share.reserved() as usize };
        let first = most.min(2 * TX_KEPT);
        for rings in &mut side.shards {
            rings.give(&mut side.tx_pool, first);
        }
        (side, links)
    }

    /// The rings of one shard.
    pub(crate) fn shard(&self, shard: usize) -> Option<&ShardRings> {
        self.shards.get(shard)
    }

    // ---- receiving -----------------------------------------------------------------------------

    /// Whether frames are kept for a shard that has all its share of buffers. Then nothing is
    /// received, and the port must be turned again soon.
    #[inline]
    pub(crate) fn is_holding(&self) -> bool {
        self.held_since.is_some()
    }

    /// Delivers what is kept, as far as its shard now has buffers. Returns how many frames that
    /// were.
    pub(crate) fn deliver_held(&mut self) -> usize {
        let Some(since) = self.held_since.take() else { return 0 };
        let stalled = since.elapsed() >= STALL_PATIENCE;
        let mut delivered = 0;
        for shard in 0..self.shards.len() {
            if !self.shards[shard].staged.is_empty() {
                let pushed = self.flush(shard);
                delivered += pushed;
                // A shard that has given buffers back is slow, and not stalled.
                self.shards[shard].stalled |= stalled && pushed == 0;
                self.settle_leftover(shard, since);
            }
        }
        delivered
    }

    /// Hands a frame that arrived to the shard that owns it.
    #[inline]
    pub(crate) fn deliver(
        &mut self,
        frame: RxFrame,
        steer: &mut impl FnMut(&[u8], &RxMeta) -> usize,
    ) {
        if let [only] = &mut *self.shards
            && !only.gone
        {
            let bytes = frame.frame.len() as u64;
            // The ring has room for every frame of the port.
            if only.rx.push(frame).is_ok() {
                only.count_pushed(1);
                self.stats.rx_packets += 1;
                self.stats.rx_bytes += bytes;
            }
            return;
        }
        let shard = self.stage(frame, steer);
        self.flush(shard);
        if !self.shards[shard].staged.is_empty() {
            self.settle_leftover(shard, Instant::now());
        }
    }

    /// Hands over up to [`BATCH`] frames at once, so that each shard sees its own with one store.
    #[inline]
    pub(crate) fn deliver_batch(
        &mut self,
        frames: impl Iterator<Item = RxFrame>,
        steer: &mut impl FnMut(&[u8], &RxMeta) -> usize,
    ) {
        if let [only] = &mut *self.shards
            && !only.gone
        {
            let mut bytes = 0;
            let mut frames = frames.inspect(|arrived| bytes += arrived.frame.len() as u64);
            let pushed = only.rx.push_batch(&mut frames);
            drop(frames);
            only.count_pushed(pushed);
            self.stats.rx_packets += pushed as u64;
            self.stats.rx_bytes += bytes;
            return;
        }
        for frame in frames {
            self.stage(frame, steer);
        }
        for shard in 0..self.shards.len() {
            if self.shards[shard].staged.is_empty() {
                continue;
            }
            self.flush(shard);
            if !self.shards[shard].staged.is_empty() {
                self.settle_leftover(shard, Instant::now());
            }
        }
    }

    /// Puts a frame into its shard's batch and returns the shard. With one shard nobody is asked.
    #[inline]
    fn stage(&mut self, frame: RxFrame, steer: &mut impl FnMut(&[u8], &RxMeta) -> usize) -> usize {
        let shard = match self.shards.len() {
            1 => 0,
            shards => {
                let shard = steer(frame.frame.bytes(), &frame.meta);
                debug_assert!(shard < shards, "there is no shard {shard}");
                if shard < shards { shard } else { 0 }
            }
        };
        debug_assert!(self.shards[shard].staged.len() < BATCH);
        self.shards[shard].staged.push(frame);
        shard
    }

    /// Hands a shard as much of its batch as it may have.
    #[inline]
    fn flush(&mut self, shard: usize) -> usize {
        let left = match &*self.shards {
            [_] => usize::MAX,
            all => {
                let held = all.iter().map(|rings| rings.rx_out);
                self.rx_share.left(all[shard].rx_out, held) as usize
            }
        };
        let rings = &mut self.shards[shard];
        if rings.gone {
            return 0;
        }
        let (pushed, bytes) = rings.push_staged(left);
        self.stats.rx_packets += pushed as u64;
        self.stats.rx_bytes += bytes;
        pushed
    }

    /// Keeps what a flush left over, or drops it if there is no point in waiting for the shard.
    #[cold]
    fn settle_leftover(&mut self, shard: usize, since: Instant) {
        let rings = &mut self.shards[shard];
        if rings.staged.is_empty() {
            return;
        }
        if !rings.stalled && !rings.gone {
            self.held_since.get_or_insert(since);
            return;
        }
        rings.stats.rx_dropped += rings.staged.len() as u64;
        self.stats.rx_dropped += rings.staged.len() as u64;
        while let Some(arrived) = self.shards[shard].staged.pop() {
            self.recycle(arrived.frame);
        }
    }

    // ---- sending -------------------------------------------------------------------------------

    /// Takes the next frame to send: some of one shard, then some of the next.
    #[inline]
    pub(crate) fn next_to_send(&mut self) -> Option<TxFrame> {
        for _ in 0..self.shards.len() {
            if let Some(next) = self.shards[self.tx_shard].tx.pop() {
                self.note_home(self.tx_shard, &next.frame);
                self.shards[self.tx_shard].stats.tx_packets += 1;
                self.tx_burst -= 1;
                if self.tx_burst == 0 {
                    self.next_tx_shard();
                }
                return Some(next);
            }
            self.next_tx_shard();
        }
        None
    }

    #[inline]
    fn next_tx_shard(&mut self) {
        self.tx_burst = TX_BURST;
        self.tx_shard += 1;
        if self.tx_shard == self.shards.len() {
            self.tx_shard = 0;
        }
    }

    /// Whether a shard has queued a frame.
    pub(crate) fn has_tx_waiting(&self) -> bool {
        self.shards.iter().any(|rings| !rings.tx.is_empty())
    }

    /// Gives each shard frames to send from, as far as its share goes.
    #[inline]
    pub(crate) fn top_up(&mut self) {
        // A shard that has none is served first, else the one whose turn it is to send, so that a
        // pool that runs dry does not always leave the same shard without.
        let in_turn = |first| (first..self.shards.len()).chain(0..first);
        let starved = in_turn(self.tx_shard).find(|&shard| self.shards[shard].is_starved());
        for shard in in_turn(starved.unwrap_or(self.tx_shard)) {
            let wanted = self.shards[shard].tx_free_wanted();
            if wanted == 0 {
                continue;
            }
            let held = self.shards.iter().map(|rings| rings.tx_out);
            let left = self.tx_share.left(self.shards[shard].tx_out, held);
            self.shards[shard].give(&mut self.tx_pool, wanted.min(left as usize));
        }
    }

    /// Whether some shard has no frame to send from.
    pub(crate) fn is_starving(&self) -> bool {
        self.shards.iter().any(ShardRings::is_starved)
    }

    /// Whether [`PortSide::top_up`] has a frame for a shard that has none.
    fn can_feed(&self) -> bool {
        let left = |rings: &ShardRings| {
            self.tx_share.left(rings.tx_out, self.shards.iter().map(|rings| rings.tx_out))
        };
        let needy = |rings: &ShardRings| rings.is_starved() && left(rings) > 0;
        !self.tx_pool.is_empty() && self.shards.iter().any(needy)
    }

    // ---- buffers that come home ----------------------------------------------------------------

    /// Takes back the buffers of frames that arrived earlier, and everything that lies in the rings
    /// of a shard that is gone.
    #[inline]
    pub(crate) fn reclaim(&mut self) {
        for shard in 0..self.shards.len() {
            while let Some(frame) = self.shards[shard].rx_done.pop() {
                self.note_home(shard, &frame);
                self.recycle(frame);
            }
            let rings = &mut self.shards[shard];
            rings.stalled &= rings.rx_out > self.rx_share.reserved();
            if rings.rx.is_abandoned() {
                self.take_back(shard);
            }
        }
    }

    /// Takes back what lies in the rings of a shard that is gone.
    #[cold]
    fn take_back(&mut self, shard: usize) {
        self.shards[shard].gone = true;
        loop {
            let rings = &mut self.shards[shard];
            let received = rings.rx.take_back().map(|arrived| arrived.frame);
            let Some(frame) = received.or_else(|| rings.tx_free.take_back()) else { break };
            self.note_home(shard, &frame);
            self.recycle(frame);
        }
    }

    /// Notes that a frame has left the shard.
    #[inline]
    fn note_home(&mut self, shard: usize, frame: &Frame) {
        if self.owns(frame) {
            let rings = &mut self.shards[shard];
            let index = frame.index();
            let received = index < self.rx_count || index >= self.total;
            let out = if received { &mut rings.rx_out } else { &mut rings.tx_out };
            *out = out.saturating_sub(1);
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
        } else if frame.index() < self.total {
            self.tx_pool.push(frame);
        } else {
            self.large_pool.push(frame);
        }
    }

    // ---- sleeping and accounts -----------------------------------------------------------------

    /// Which shards sleep and were given something to wake up for: bit `n` for shard `n`. Clears
    /// their flags.
    pub(crate) fn take_shards_waiting(&mut self) -> u64 {
        let mut waiting = 0;
        for (shard, rings) in self.shards.iter_mut().enumerate() {
            waiting |= u64::from(rings.take_shard_waiting()) << shard;
        }
        waiting
    }

    /// Announces that the port sleeps until there is something to send (or not any more). Returns
    /// whether there is something to do already.
    pub(crate) fn set_waiting(&self, waiting: bool) -> bool {
        let starved = self.rx_pool.is_empty();
        // A frame that came home since the port last sent may be what a sleeping shard waits for.
        let mut work = self.is_holding() || waiting && self.can_feed();
        for rings in &self.shards {
            rings.tx.set_waiting(waiting);
            rings.rx_done.set_waiting(waiting && starved);
            work |= !rings.tx.is_empty() || starved && !rings.rx_done.is_empty();
        }
        work
    }

    /// Where the frames are; `fill` and `completion` are the device's to say.
    pub(crate) fn account(&self, fill: u32, completion: u32) -> FrameAccount {
        let pooled = (self.rx_pool.len() + self.tx_pool.len()) as u32;
        // A large frame counts while it is in use.
        let large = self.large_count - self.large_pool.len() as u32;
        let mut account = FrameAccount {
            total: self.total + large,
            fill,
            completion,
            free: pooled,
            ..FrameAccount::default()
        };
        for rings in &self.shards {
            // The shard may be at work. Its frames go from `rx` and `tx_free` to `tx` and
            // `rx_done`, so the latter are counted first: then none is counted twice.
            let (tx, done) = (rings.tx.len() as u32, rings.rx_done.len() as u32);
            let (rx, free) = (rings.rx_waiting(), done + rings.tx_free_waiting());
            let out = rings.rx_out + rings.tx_out + rings.staged.len() as u32;
            account.rx += rx;
            account.tx += tx;
            account.free += free;
            account.stack += out.saturating_sub(rx + tx + free);
        }
        account
    }
}
