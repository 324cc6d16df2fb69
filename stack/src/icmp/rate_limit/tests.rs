//! Budgets of ICMP errors: what each destination gets, and what can be told from them.

use super::*;
use crate::time::Duration;

struct Lab {
    limits: Limits,
    limit: RateLimit,
    rng: Random,
    now: Instant,
}

fn lab(seed: u64) -> Lab {
    let limits = Limits::default();
    let limit = RateLimit::new(&limits, HashKey::new(seed, 2));
    Lab { limits, limit, rng: Random::of_test(seed), now: Instant::from_millis(1000) }
}

impl Lab {
    fn ask(&mut self, dst: Ip) -> bool {
        self.limit.allow(self.now, &self.limits, &mut self.rng, dst)
    }

    /// How many of `n` errors to one destination leave.
    fn count(&mut self, dst: Ip, n: usize) -> usize {
        (0..n).filter(|_| self.ask(dst)).count()
    }

    fn pass(&mut self, millis: u64) {
        self.now = Instant::from_millis(self.now.millis() + millis);
    }
}

fn host(n: u32) -> Ip {
    Ip::v4((0x0a00_0000 + n).to_be_bytes())
}

/// Linux `inet_peer_xrlim_allow`.
#[test]
fn a_destination_gets_six_at_once_and_then_one_a_second() {
    let mut lab = lab(1);
    let them: Ip = "2001:db8::2".parse().unwrap();
    assert_eq!(lab.count(them, 60), 6);
    lab.pass(999);
    assert_eq!(lab.count(them, 60), 0);
    lab.pass(1);
    assert_eq!(lab.count(them, 60), 1);
    lab.pass(2500);
    assert_eq!(lab.count(them, 60), 2);
    lab.pass(100_000);
    assert_eq!(lab.count(them, 60), 6);
}

/// CVE-2020-25705: whether errors were spent in somebody else's name does not show.
#[test]
fn what_is_spent_in_one_name_is_not_seen_in_another() {
    for seed in 0..50 {
        for probes in [0, 49, 50, 5000] {
            let mut lab = lab(seed);
            lab.count(host(1), probes);
            assert!(lab.ask(host(2)), "after {probes} probes in another name");
        }
    }
}

/// In many names the common budget is spent, but nobody can count by it.
#[test]
fn the_common_budget_is_a_second_s_rate_and_cannot_be_counted() {
    let sums: Vec<usize> = (0..50)
        .map(|seed| {
            let mut lab = lab(seed);
            (0..2000).filter(|&n| lab.ask(host(n))).count()
        })
        .collect();
    let distinct: std::collections::BTreeSet<_> = sums.iter().collect();
    assert!(distinct.len() > 10, "{sums:?}");
    assert!(sums.iter().all(|sum| (25..110).contains(sum)), "{sums:?}");
    let mut lab = lab(1);
    let mut left = 0;
    for n in 0..10_000 {
        lab.pass(u64::from(n % 10 == 0));
        left += usize::from(lab.ask(host(n)));
    }
    assert!((900..1200).contains(&left), "{left} in a second");
}

#[test]
fn the_table_is_bounded_and_a_full_budget_gives_way() {
    let mut lab = lab(1);
    lab.limits.icmp_errors_per_second = 1_000_000_000;
    for n in 0..100_000 {
        lab.ask(host(n));
    }
    assert_eq!(lab.limit.peers.len(), SETS * WAYS);
    assert_eq!(size_of::<Peer>(), 40);
    // Those asked last are known still.
    lab.pass(1);
    assert_eq!(lab.count(host(99_999), 60), 5);
}

#[test]
fn limits_may_be_turned_off_and_errors_too() {
    let mut lab = lab(1);
    lab.limits.icmp_ratelimit = Duration::ZERO;
    assert!(lab.count(host(1), 60) > 20);
    lab.limits.icmp_errors_per_second = 0;
    assert_eq!(lab.count(host(2), 60), 0);
}
