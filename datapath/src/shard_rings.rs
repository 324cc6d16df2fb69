//! The port's ends of the rings to one shard, and how many of the port's buffers that shard may
//! have.

use ring::{Consumer, Producer, channel};

use crate::frame::{Frame, RxFrame, TxFrame};
use crate::link::{PortLink, TX_KEPT};
use crate::stats::ShardStats;

/// Most frames that a port moves between two looks at anything else.
pub(crate) const BATCH: usize = 64;

/// How the buffers of one direction are divided among the shards of a port.
///
/// Half of them are reserved in equal parts, so that no shard can be starved by others; the other
/// half goes to whoever asks first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    /// Buffers that each shard can always have.
    reserved: u32,
    /// Buffers above those, for all shards together.
    common: u32,
}

impl Share {
    /// Divides `count` buffers, of which there is at least one for each shard.
    pub(crate) fn new(count: u32, shards: u32) -> Self {
        let reserved = (count / (2 * shards)).max(1);
        Self { reserved, common: count.saturating_sub(reserved * shards) }
    }

    /// Buffers that each shard can always have.
    pub(crate) fn reserved(self) -> u32 {
        self.reserved
    }

    /// How many more a shard may have that has `own`, when `all` shards have this many each.
    pub(crate) fn left(self, own: u32, all: impl Iterator<Item = u32>) -> u32 {
        let taken: u32 = all.map(|held| held.saturating_sub(self.reserved)).sum();
        self.reserved.saturating_sub(own) + self.common.saturating_sub(taken)
    }
}

/// The port's ends of the rings to one shard.
pub(crate) struct ShardRings {
    pub(crate) rx: Producer<RxFrame>,
    pub(crate) rx_done: Consumer<Frame>,
    pub(crate) tx: Consumer<TxFrame>,
    pub(crate) tx_free: Producer<Frame>,
    /// Received frames on their way into `rx`: at most one batch, and none between two calls unless
    /// the shard has all the buffers it may have.
    pub(crate) staged: Vec<RxFrame>,
    /// How many frames to send from the shard is given in advance.
    tx_level: usize,
    tx_level_min: usize,
    /// Buffers of each kind with the shard, those in the rings included.
    pub(crate) rx_out: u32,
    pub(crate) tx_out: u32,
    /// The shard was waited for in vain. Until it is down to its reserved buffers, frames that are
    /// too many for it are dropped at once.
    pub(crate) stalled: bool,
    /// The shard's side of the rings was dropped.
    pub(crate) gone: bool,
    /// Something was pushed since the port last asked whether the shard sleeps.
    rx_news: bool,
    tx_free_news: bool,
    pub(crate) stats: ShardStats,
}

impl ShardRings {
    /// Makes the rings of a port with `rx_count` and `tx_count` buffers to shard number `shard`.
    pub(crate) fn new(
        rx_count: usize,
        tx_count: usize,
        shard: usize,
        tx_share: Share,
    ) -> (Self, PortLink) {
        let (rx, link_rx) = channel(rx_count);
        let (link_rx_done, rx_done) = channel(rx_count + tx_count);
        let (link_tx, tx) = channel(rx_count + tx_count);
        let (tx_free, link_tx_free) = channel(tx_count);
        let tx_level = TX_KEPT.min(tx_share.reserved() as usize);
        let port = Self {
            rx,
            rx_done,
            tx,
            tx_free,
            staged: Vec::with_capacity(BATCH),
            tx_level,
            tx_level_min: tx_level,
            rx_out: 0,
            tx_out: 0,
            stalled: false,
            gone: false,
            rx_news: false,
            tx_free_news: false,
            stats: ShardStats::default(),
        };
        let link = PortLink {
            rx: link_rx,
            rx_done: link_rx_done,
            tx: link_tx,
            tx_free: link_tx_free,
            shard,
            kept: tx_level,
            given_back: false,
        };
        (port, link)
    }

    /// Hands up to `max` staged frames to the shard, with one store. Returns how many, and their
    /// bytes.
    pub(crate) fn push_staged(&mut self, max: usize) -> (usize, u64) {
        let count = self.staged.len().min(max);
        let mut bytes = 0;
        let frames = self.staged.drain(..count);
        let mut frames = frames.inspect(|arrived| bytes += arrived.frame.len() as u64);
        let pushed = self.rx.push_batch(&mut frames);
        debug_assert_eq!(pushed, count, "the ring has room for every frame of the port");
        drop(frames);
        self.count_pushed(pushed);
        (pushed, bytes)
    }

    /// Notes that `count` frames went into `rx`.
    pub(crate) fn count_pushed(&mut self, count: usize) {
        self.rx_out += count as u32;
        self.stats.rx_packets += count as u64;
        self.rx_news |= count > 0;
    }

    /// How many frames to send from the shard should be given now.
    ///
    /// Not all there are, because the ring would then pass each of them round before using one
    /// again: a shard that used up what it had finds twice as many next time, one that needs few
    /// finds ever fewer, and the frames in use stay few enough for the cache.
    pub(crate) fn tx_free_wanted(&mut self) -> usize {
        if self.gone {
            return 0;
        }
        let waiting = self.tx_free.capacity() - self.tx_free.free();
        if waiting == 0 {
            self.tx_level = (self.tx_level * 2).min(self.tx_free.capacity());
        } else if waiting > self.tx_level / 2 && self.tx_level > self.tx_level_min {
            self.tx_level -= 1;
        }
        self.tx_level.saturating_sub(waiting)
    }

    /// Whether the shard has no frame to send from.
    pub(crate) fn is_starved(&self) -> bool {
        !self.gone && self.tx_free.free() == self.tx_free.capacity()
    }

    /// Gives the shard up to `count` frames to send from.
    pub(crate) fn give(&mut self, pool: &mut Vec<Frame>, count: usize) {
        let pushed = self.tx_free.push_batch(&mut std::iter::from_fn(|| pool.pop()).take(count));
        self.tx_out += pushed as u32;
        self.tx_free_news |= pushed > 0;
    }

    /// Whether the shard sleeps and was given something to wake up for since the last call; clears
    /// its flags.
    pub(crate) fn take_shard_waiting(&mut self) -> bool {
        let rx = std::mem::take(&mut self.rx_news)
            && self.rx.free() < self.rx.capacity()
            && self.rx.take_consumer_waiting();
        let tx_free = std::mem::take(&mut self.tx_free_news)
            && self.tx_free.free() < self.tx_free.capacity()
            && self.tx_free.take_consumer_waiting();
        rx | tx_free
    }

    /// Received frames that wait for the shard.
    pub(crate) fn rx_waiting(&self) -> u32 {
        (self.rx.capacity() - self.rx.free() + self.staged.len()) as u32
    }

    /// Frames to send from that wait for the shard.
    pub(crate) fn tx_free_waiting(&self) -> u32 {
        (self.tx_free.capacity() - self.tx_free.free()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn one_shard_may_have_every_buffer() {
        for count in [1, 2, 63, 64] {
            let share = Share::new(count, 1);
            for own in 0..=count {
                assert_eq!(share.left(own, [own].into_iter()), count - own, "{own} of {count}");
            }
        }
    }

    #[test]
    fn no_shard_can_take_what_is_reserved_for_another() {
        for shards in [2, 3, 4, 64] {
            let share = Share::new(256, shards);
            let mut held = vec![0; shards as usize];
            // The first takes all it can get, then the second, and so on.
            for shard in 0..held.len() {
                let left = share.left(held[shard], held.iter().copied());
                assert!(left >= share.reserved(), "shard {shard} of {shards} gets {left}");
                held[shard] += left;
                assert_eq!(share.left(held[shard], held.iter().copied()), 0);
            }
            assert!(held.iter().sum::<u32>() <= 256, "{held:?}");
        }
    }
}
