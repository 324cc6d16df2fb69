//! How many challenge ACKs the host sends (RFC 5961 §7, RFC 9293 MAY-38).
//!
//! Each connection already sends at most one in half a second. This is the limit for all together.
//! A fixed one is worse than none: an outsider spends it on a connection of its own, counts what it
//! gets, and learns from a missing answer that some other connection was challenged
//! (CVE-2016-5696). So each second's budget is drawn anew from a range as wide as the limit, as in
//! Linux between 4.7 and the versions that turned the limit off; the sum says nothing then.

use crate::random::Random;
use crate::time::Instant;

/// The budget of this second.
#[derive(Debug, Default)]
pub(crate) struct ChallengeAckLimit {
    second: u64,
    left: u32,
}

impl ChallengeAckLimit {
    /// Whether one more may leave now, of `limit` a second on average; `u32::MAX` means no limit.
    pub(crate) fn allow(&mut self, now: Instant, limit: u32, rng: &mut Random) -> bool {
        if limit == u32::MAX {
            return true;
        }
        // One is added so that the first second of all is a new one.
        let second = now.millis() / 1000 + 1;
        if second != self.second {
            self.second = second;
            self.left = limit.div_ceil(2).saturating_add(rng.below(limit));
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(
        challenges: &mut ChallengeAckLimit,
        now: Instant,
        limit: u32,
        rng: &mut Random,
    ) -> u32 {
        (0..10_000).filter(|_| challenges.allow(now, limit, rng)).count() as u32
    }

    /// RFC 5961 §7.
    #[test]
    fn each_second_has_a_budget_that_cannot_be_guessed_gap_04() {
        let mut challenges = ChallengeAckLimit::default();
        let mut rng = Random::of_test(1);
        let budgets: Vec<u32> = (0..50)
            .map(|second| {
                let now = Instant::from_millis(second * 1000 + 7);
                let budget = count(&mut challenges, now, 1000, &mut rng);
                assert_eq!(count(&mut challenges, now, 1000, &mut rng), 0, "spent is spent");
                budget
            })
            .collect();
        assert!(budgets.iter().all(|b| (500..1500).contains(b)), "{budgets:?}");
        let mut distinct = budgets.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() > 40, "{budgets:?}");
        let mean = budgets.iter().sum::<u32>() / 50;
        assert!((850..1150).contains(&mean), "{mean}");
    }

    #[test]
    fn no_limit_and_nothing_at_all_can_be_asked_for() {
        let mut challenges = ChallengeAckLimit::default();
        let mut rng = Random::of_test(1);
        assert_eq!(count(&mut challenges, Instant::ZERO, u32::MAX, &mut rng), 10_000);
        assert_eq!(count(&mut challenges, Instant::ZERO, 0, &mut rng), 0);
        assert_eq!(count(&mut challenges, Instant::ZERO, 1, &mut rng), 0, "the second goes on");
        assert_eq!(count(&mut challenges, Instant::from_millis(1000), 1, &mut rng), 1);
    }
}
