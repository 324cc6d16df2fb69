//! Identifications for datagrams that are fragmented (RFC 6864, RFC 7739).
//!
//! IPv4 has 16 bits, so that random ones would soon meet: a counter per pair of addresses, by a
//! keyed hash into a few hundred, from a random start. IPv6 has 32 bits: random. Datagrams that
//! nobody may fragment need none and carry zero.

use addr::{HashKey, Ip};

use crate::rng::Rng;

const BUCKETS: usize = 256;

/// Gives out identifications.
#[derive(Debug)]
pub(crate) struct Ident {
    key: HashKey,
    counters: Box<[u16; BUCKETS]>,
}

impl Ident {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let mut counters = Box::new([0; BUCKETS]);
        counters.fill_with(|| rng.next_u32() as u16);
        Self { key: HashKey::new(rng.next_u64(), rng.next_u64()), counters }
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
        self.counters[bucket] = self.counters[bucket].wrapping_add(1);
        u32::from(self.counters[bucket])
    }
}
