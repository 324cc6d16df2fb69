//! Identifications for datagrams that may be fragmented (RFC 6864, RFC 7739).
//!
//! IPv4 has 16 bits, so that random ones would soon meet: a counter per pair of addresses, by a
//! keyed hash into a few hundred. What is sent is not the counter but what a keyed permutation of
//! the pair makes of it, so that nobody counts what we send to others, and no number comes again
//! before all have been used. IPv6 has 32 bits: random.

use addr::{HashKey, Ip};

use crate::random::Random;
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
    pub(crate) fn new(home: Home, key: HashKey) -> Self {
        // A power of two, so that the shards keep apart when the counters wrap around.
        let stride = home.steering.shards().next_power_of_two() as u16;
        Self { key, stride, counters: Box::new([home.shard.get() as u16; BUCKETS]) }
    }

    /// The identification of the next datagram from `src` to `dst`.
    pub(crate) fn next(&mut self, src: Ip, dst: Ip, rng: &mut Random) -> u32 {
        if dst.is_v6() {
            return rng.next_u32();
        }
        let mut ends = [0; 32];
        ends[..16].copy_from_slice(src.octets());
        ends[16..].copy_from_slice(dst.octets());
        let pair = self.key.prf_bytes(&ends);
        let counter = &mut self.counters[pair as usize % BUCKETS];
        *counter = counter.wrapping_add(self.stride);
        u32::from(permute(pair, *counter, self.key))
    }
}

/// A permutation of 16 bits that nobody knows without the key: four rounds of a Feistel network.
fn permute(pair: u64, number: u16, key: HashKey) -> u16 {
    let [mut left, mut right] = number.to_be_bytes();
    for round in 0..4 {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&pair.to_le_bytes());
        bytes[8..].copy_from_slice(&[round, right]);
        (left, right) = (right, left ^ key.prf_bytes(&bytes) as u8);
    }
    u16::from_be_bytes([left, right])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::keys::Keys;
    use crate::shard::index::ShardIndex;
    use crate::steer::Steering;

    fn ids(home: Home, dst: Ip, n: usize) -> Vec<u32> {
        let keys = Keys::from_seed(1);
        let mut rng = Random::new(keys.random, 0);
        let mut ident = Ident::new(home, keys.udp_ident);
        (0..n).map(|_| ident.next(Ip::v4([10, 0, 0, 1]), dst, &mut rng)).collect()
    }

    const THEM: Ip = Ip::v4([10, 0, 0, 2]);

    #[test]
    fn shards_never_give_out_the_same_number_for_a_pair() {
        let steering = Steering::new(3, &Keys::from_seed(1));
        let mut seen = BTreeSet::new();
        for shard in ShardIndex::first(3) {
            for id in ids(Home { shard, steering }, THEM, 1 << 14) {
                assert!(seen.insert(id), "{id} was given out");
            }
        }
    }

    /// RFC 6864 §4: no number twice before all were used. RFC 7739 §3: none follows from the last.
    #[test]
    fn numbers_of_a_pair_do_not_repeat_and_do_not_count() {
        let home = Home::SINGLE;
        let all = ids(home, THEM, 1 << 16);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 1 << 16);
        let steps: BTreeSet<u32> =
            all.windows(2).take(256).map(|w| w[1].wrapping_sub(w[0]) & 0xffff).collect();
        assert!(steps.len() > 240, "{} steps", steps.len());
        assert_ne!(all[..16], ids(home, Ip::v4([10, 0, 0, 3]), 16));
    }
}
