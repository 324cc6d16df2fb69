//! Numbers that look random and are the same for the same seed: SplitMix64.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number from 0 up to, but not, 1.
    pub fn share(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_stream_and_evenly_spread() {
        let (mut one, mut two, mut other) = (Random::new(7), Random::new(7), Random::new(8));
        assert!((0..100).all(|_| one.bits() == two.bits()));
        assert_ne!(one.bits(), other.bits());
        let below = (0..100_000).filter(|_| one.share() < 0.01).count();
        assert!((800..1200).contains(&below), "{below} of 100,000 below one percent");
    }
}
