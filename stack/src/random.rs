//! What outsiders may see of randomness while the host runs: fragment identifications, ephemeral
//! ports, budgets.
//!
//! A pseudorandom function over a counter: whoever knows all earlier numbers knows nothing of the
//! next one, nor of any key. The key is one of [`Keys`](crate::keys::Keys), and each user has a
//! stream of its own.

use addr::HashKey;

/// A stream of numbers that cannot be foretold without the key.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    key: HashKey,
    stream: u64,
    drawn: u64,
    /// What is left of a number that short ones are cut from, below a one.
    short: u64,
}

impl Random {
    /// One of the streams under a key.
    pub(crate) const fn new(key: HashKey, stream: u64) -> Self {
        Self { key, stream, drawn: 0, short: 1 }
    }

    /// The stream of a test.
    #[cfg(test)]
    pub(crate) fn of_test(seed: u64) -> Self {
        Self::new(HashKey::new(seed, 1), 0)
    }

    /// The next 64 bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.stream.to_le_bytes());
        bytes[8..].copy_from_slice(&self.drawn.to_le_bytes());
        self.drawn += 1;
        self.key.prf_bytes(&bytes)
    }

    /// The next 32 bits.
    pub(crate) fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// The next 16 bits, for those who need many: four come from one number.
    pub(crate) fn next_u16(&mut self) -> u16 {
        if self.short == 1 {
            let drawn = self.next_u64();
            self.short = 1 << 48 | drawn >> 16;
            return drawn as u16;
        }
        let short = self.short as u16;
        self.short >>= 16;
        short
    }

    /// A number below `bound` (0 if `bound` is 0), uniform to within 2^-32.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_one_key_and_keys_differ() {
        let draw = |key, stream| {
            let mut random = Random::new(key, stream);
            [random.next_u64(), random.next_u64(), random.next_u64()]
        };
        let (a, b) = (HashKey::new(1, 2), HashKey::new(1, 3));
        assert_eq!(draw(a, 0), draw(a, 0));
        let all = [draw(a, 0), draw(a, 1), draw(b, 0)].concat();
        let distinct: std::collections::BTreeSet<u64> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn short_numbers_use_all_bits_once() {
        let mut random = Random::of_test(1);
        let mut whole = random.clone();
        for _ in 0..3 {
            let bits = whole.next_u64();
            let four = [0, 16, 32, 48].map(|shift| (bits >> shift) as u16);
            assert_eq!(four, [0; 4].map(|_| random.next_u16()));
        }
    }

    #[test]
    fn numbers_below_a_bound_reach_all_of_it() {
        let mut random = Random::of_test(1);
        let mut counts = [0u32; 3];
        (0..3000).for_each(|_| counts[random.below(3) as usize] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!(random.below(0), 0);
    }
}
