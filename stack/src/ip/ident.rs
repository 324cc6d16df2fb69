//! Identifications for datagrams that are fragmented (RFC 6864, RFC 7739).
//!
//! IPv4 has 16 bits, so that random ones would soon meet: a counter per pair of addresses, by a
//! keyed hash into a few hundred, from a random start. IPv6 has 32 bits: random. Datagrams that
//! nobody may fragment need none and carry zero.

use addr::{HashKey, Ip};

use crate::rng::Rng;
use crate::steer::Home;

const BUCKETS: usize = 256;

/// Gives out identifications.
#[derive(Debug)]
pub(crate) struct Ident {
    key: HashKey,
    /// Steps of a counter. Each shard has numbers of its own: all have the same key and may send
    /// from one address to another.
    stride: u16,
    counters: Box<[u16; BUCKETS]>,
}

impl Ident {
    pub(crate) fn new(home: Home, rng: &mut Rng) -> Self {
        // A power of two, so that the shards keep apart when the counters wrap around.
        let stride = home.steering.shards().next_power_of_two() as u16;
        let mut counters = Box::new([0; BUCKETS]);
        counters.fill_with(|| {
            let start = rng.next_u32() as u16;
            start & !(stride - 1) | home.shard.get() as u16
        });
        Self { key: HashKey::new(rng.next_u64(), rng.next_u64()), stride, counters }
    }

    /// The identification of the next datagram from `src` to `dst`.
    pub(crate) fn next(&mut self, src: Ip, dst: Ip, rng: &mut Rng) -> u32 {
        if dst.is_v6() {
            return rng.next_u32();
        }
        let mut ends = [0; 32];
        ends[..16].copy_from_slice(src.octets());
        ends[16..].copy_from_slice(dst.octets());
        let bucket = self.key.hash_bytes(&ends) as usize % BUCKETS;
        self.counters[bucket] = self.counters[bucket].wrapping_add(self.stride);
        u32::from(self.counters[bucket])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::shard::index::ShardIndex;
    use crate::steer::Steering;

    #[test]
    fn shards_never_give_out_the_same_number_for_a_pair() {
        let mut rng = Rng::new(1);
        let steering = Steering::new(3, &mut rng);
        let mut seen = BTreeSet::new();
        for shard in ShardIndex::first(3) {
            let mut rng = rng.clone();
            let mut ident = Ident::new(Home { shard, steering }, &mut rng);
            for _ in 0..(1 << 14) {
                let id = ident.next(Ip::v4([10, 0, 0, 1]), Ip::v4([10, 0, 0, 2]), &mut rng);
                assert!(seen.insert(id), "{id} was given out");
            }
        }
    }
}
