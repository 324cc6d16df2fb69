//! Every state against every input, as a table (RFC 4861 appendix C and §7.2.5, Linux
//! `neigh_update`).

use super::*;

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
const NOW: Instant = Instant::from_millis(100_000);

const STATES: [NudState; 7] = [
    NudState::Incomplete,
    NudState::Reachable,
    NudState::Stale,
    NudState::Delay,
    NudState::Probe,
    NudState::Failed,
    NudState::Permanent,
];

/// An entry in `state` with address A, learned long ago.
fn entry(state: NudState) -> Neighbor {
    let mut entry = Neighbor::new(Instant::ZERO);
    if state == NudState::Permanent {
        entry.state = state;
    } else {
        entry.enter(state, Instant::ZERO, &Timing::default(), &mut Random::of_test(1));
    }
    entry.mac = A;
    entry.updated = Instant::ZERO;
    entry
}

/// What one step does, as text: state, address, solicitation.
fn step(mut entry: Neighbor, input: Input) -> String {
    let solicit = entry.apply(NOW, input, &Timing::default(), &mut Random::of_test(1));
    let mac = match entry.mac() {
        Some(A) => " A",
        Some(B) => " B",
        Some(_) => " ?",
        None => "",
    };
    let solicit = match solicit {
        Some(Solicit::Multicast) => " ask all",
        Some(Solicit::Unicast(A)) => " ask A",
        Some(Solicit::Unicast(_)) => " ask ?",
        None => "",
    };
    format!("{}{mac}{solicit}", entry.state.name())
}

fn na(mac: Option<Mac>, solicited: bool, overrides: bool) -> Input {
    Input::Advertised { mac, solicited, overrides, router: false }
}

#[test]
fn nud_01_to_10_every_state_against_every_input() {
    #[rustfmt::skip]
    let table: [(&str, Input, [&str; 7]); 17] = [
        // The columns: from INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, FAILED, PERMANENT.
        ("resolve", Input::Resolve,
            ["INCOMPLETE", "REACHABLE A", "DELAY A", "DELAY A",
             "PROBE A", "INCOMPLETE ask all", "PERMANENT A"]),
        ("used", Input::Used,
            ["INCOMPLETE", "REACHABLE A", "DELAY A", "DELAY A",
             "PROBE A", "INCOMPLETE ask all", "PERMANENT A"]),
        ("confirmed", Input::Confirmed,
            ["INCOMPLETE", "REACHABLE A", "REACHABLE A", "REACHABLE A",
             "REACHABLE A", "FAILED", "PERMANENT A"]),
        ("timer", Input::Timer,
            ["INCOMPLETE ask all", "STALE A", "STALE A", "PROBE A ask A",
             "PROBE A ask A", "FAILED", "PERMANENT A"]),
        ("hint, same", Input::Hint(A),
            ["STALE A", "REACHABLE A", "STALE A", "DELAY A", "PROBE A", "STALE A", "PERMANENT A"]),
        ("hint, other", Input::Hint(B),
            ["STALE B", "STALE B", "STALE B", "STALE B", "STALE B", "STALE B", "PERMANENT A"]),
        ("overheard, same", Input::Overheard(A),
            ["STALE A", "REACHABLE A", "STALE A", "DELAY A", "PROBE A", "STALE A", "PERMANENT A"]),
        ("overheard, other", Input::Overheard(B),
            ["STALE B", "STALE B", "STALE B", "STALE B", "STALE B", "STALE B", "PERMANENT A"]),
        ("reply, same", Input::Reply(A),
            ["REACHABLE A", "REACHABLE A", "REACHABLE A", "REACHABLE A",
             "REACHABLE A", "REACHABLE A", "PERMANENT A"]),
        ("reply, other", Input::Reply(B),
            ["REACHABLE B", "REACHABLE B", "REACHABLE B", "REACHABLE B",
             "REACHABLE B", "REACHABLE B", "PERMANENT A"]),
        ("na S, same", na(Some(A), true, false),
            ["REACHABLE A", "REACHABLE A", "REACHABLE A", "REACHABLE A",
             "REACHABLE A", "FAILED", "PERMANENT A"]),
        ("na S, other", na(Some(B), true, false),
            ["REACHABLE B", "STALE A", "STALE A", "DELAY A", "PROBE A", "FAILED", "PERMANENT A"]),
        ("na SO, other", na(Some(B), true, true),
            ["REACHABLE B", "REACHABLE B", "REACHABLE B", "REACHABLE B",
             "REACHABLE B", "FAILED", "PERMANENT A"]),
        ("na O, other", na(Some(B), false, true),
            ["STALE B", "STALE B", "STALE B", "STALE B", "STALE B", "FAILED", "PERMANENT A"]),
        ("na O, same", na(Some(A), false, true),
            ["STALE A", "REACHABLE A", "STALE A", "DELAY A", "PROBE A", "FAILED", "PERMANENT A"]),
        ("na S, none", na(None, true, false),
            ["INCOMPLETE", "REACHABLE A", "REACHABLE A", "REACHABLE A",
             "REACHABLE A", "FAILED", "PERMANENT A"]),
        ("na, none", na(None, false, false),
            ["INCOMPLETE", "REACHABLE A", "STALE A", "DELAY A",
             "PROBE A", "FAILED", "PERMANENT A"]),
    ];
    for (name, input, expected) in table {
        for (state, expected) in STATES.into_iter().zip(expected) {
            assert_eq!(step(entry(state), input), expected, "{} on {name}", state.name());
        }
    }
}

#[test]
fn locktime_keeps_a_fresh_address() {
    for input in [Input::Reply(B), Input::Overheard(B)] {
        let mut fresh = entry(NudState::Reachable);
        fresh.updated = NOW;
        assert_eq!(step(fresh, input), "REACHABLE A");
    }
    let mut fresh = entry(NudState::Reachable);
    fresh.updated = NOW;
    assert_eq!(step(fresh, Input::Hint(B)), "STALE B", "a request for us is no proxy's");
}

/// SYSCTL-126.
#[test]
fn nud_04_reachable_lasts_half_to_one_and_a_half_of_the_base() {
    let mut rng = Random::of_test(3);
    let spans: Vec<u64> = (0..200)
        .map(|_| {
            let mut entry = entry(NudState::Stale);
            entry.apply(NOW, Input::Reply(A), &Timing::default(), &mut rng);
            (entry.deadline.unwrap() - NOW).as_millis() as u64
        })
        .collect();
    let (least, most) = (spans.iter().min().unwrap(), spans.iter().max().unwrap());
    assert!((15_000..17_000).contains(least) && (43_000..45_000).contains(most));
}

#[test]
fn nud_12_confirmation_extends_reachable_and_recent_use_goes_to_delay() {
    let (timing, mut rng) = (Timing::default(), Random::of_test(1));
    let mut entry = entry(NudState::Stale);
    entry.apply(NOW, Input::Reply(A), &timing, &mut rng);
    let first = entry.deadline.unwrap();
    let later = NOW + Duration::from_secs(10);
    entry.apply(later, Input::Confirmed, &timing, &mut rng);
    entry.apply(first, Input::Timer, &timing, &mut rng);
    assert_eq!(entry.state, NudState::Reachable);
    assert_eq!(entry.deadline, Some(first + Duration::from_secs(10)));
    let second = entry.deadline.unwrap();
    entry.apply(first, Input::Used, &timing, &mut rng);
    entry.used = second;
    entry.apply(second, Input::Timer, &timing, &mut rng);
    assert_eq!(entry.state, NudState::Delay);
}

/// SYSCTL-124.
/// SYSCTL-125.
#[test]
fn nud_06_07_three_unanswered_solicitations_then_failed() {
    let (timing, mut rng) = (Timing::default(), Random::of_test(1));
    for (start, first) in [(NudState::Failed, Input::Resolve), (NudState::Delay, Input::Timer)] {
        let mut entry = entry(start);
        let mut asked = u32::from(entry.apply(NOW, first, &timing, &mut rng).is_some());
        let mut rounds = 0;
        while entry.state != NudState::Failed {
            let at = entry.deadline.unwrap();
            asked += u32::from(entry.apply(at, Input::Timer, &timing, &mut rng).is_some());
            rounds += 1;
        }
        assert_eq!((asked, rounds), (3, 3));
        // Senders see the failure for a while, then it is as if nobody had asked.
        assert_eq!(entry.link(), Some(Link::Failed));
        let at = entry.deadline.unwrap();
        entry.apply(at, Input::Timer, &timing, &mut rng);
        assert_eq!((entry.state, entry.link()), (NudState::Failed, None));
    }
}

#[test]
fn nds_02_the_router_flag_follows_accepted_advertisements() {
    let (timing, mut rng) = (Timing::default(), Random::of_test(1));
    let mut entry = entry(NudState::Reachable);
    let router = |mac, overrides, router| Input::Advertised {
        mac: Some(mac),
        solicited: true,
        overrides,
        router,
    };
    entry.apply(NOW, router(A, false, true), &timing, &mut rng);
    assert!(entry.is_router);
    entry.apply(NOW, router(B, false, false), &timing, &mut rng);
    assert!(entry.is_router, "not accepted: another address without override");
    entry.apply(NOW, router(B, true, false), &timing, &mut rng);
    assert!(!entry.is_router);
}
