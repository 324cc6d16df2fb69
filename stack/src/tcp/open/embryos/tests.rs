//! The table of embryos by itself.

use super::*;

const START: Instant = Instant::from_millis(1_000_000);

fn handshake(local: &str, port: u16, listener: u32) -> Handshake {
    let remote = Endpoint::new("2001:db8::2".parse().unwrap(), port);
    let stamps = Timestamps { value: u32::from(port), echo: 0 };
    Handshake {
        key: FlowKey::new(Endpoint::new(local.parse().unwrap(), 80), remote),
        scope: None,
        listener,
        irs: SeqNum(1),
        iss: SeqNum(2),
        peer_options: PeerSynOptions {
            mss: 1440,
            scale: Some(0),
            sack: port.is_multiple_of(2),
            timestamps: Some(stamps),
        },
        syn_ack_sent_at: Some(START),
        retries: 0,
        syn_ack_retransmitted: false,
    }
}

#[test]
fn what_goes_in_comes_out() {
    let mut embryos = Embryos::new(8, 0);
    let mut cases = vec![handshake("2001:db8::1", 7, 3), handshake("2001:db8::9", 8, 3)];
    cases[1].scope = IfIndex::new(5);
    cases[1].peer_options = PeerSynOptions { mss: 48, scale: None, sack: false, timestamps: None };
    for case in &cases {
        let index = embryos.insert(case, START).unwrap();
        assert_eq!(embryos.get(index), Some(*case));
        assert!(embryos.is(index, &case.key));
        assert!(!embryos.is(index, &case.key.reversed()));
    }
    assert!(!embryos.is(1, &cases[0].key));
    assert_eq!(embryos.iter().count(), 2);
    assert_eq!(embryos.remove(0), Some(cases[0]));
    assert_eq!((embryos.len(), embryos.get(0)), (1, None));
}

/// GAP-02: the flood of the issue, with IPv6 addresses.
#[test]
fn an_embryo_costs_at_most_64_bytes_and_the_table_is_bounded_gap_02() {
    assert!(size_of::<Option<Embryo>>() <= 52);
    let mut embryos = Embryos::new(1000, 1000);
    for port in 0..1000 {
        assert!(embryos.insert(&handshake("2001:db8::1", port, 0), START).is_some());
    }
    assert!(embryos.is_full());
    assert_eq!(embryos.insert(&handshake("2001:db8::1", 1000, 0), START), None);
    assert_eq!(embryos.local_ends.len(), 1, "our end is kept once");
}

/// Each wait is as long as Linux's, whatever happens to those in between.
#[test]
fn waits_double_and_end_in_order() {
    let mut embryos = Embryos::new(8, 0);
    let early = embryos.insert(&handshake("2001:db8::1", 1, 0), START).unwrap();
    let later = START + Duration::from_millis(400);
    let gone = embryos.insert(&handshake("2001:db8::1", 2, 0), later).unwrap();
    let late = embryos.insert(&handshake("2001:db8::1", 3, 0), later).unwrap();
    embryos.remove(gone);
    let mut seen = Vec::new();
    while let Some(at) = embryos.next_deadline() {
        assert!(embryos.expired(at).is_some());
        while let Some(index) = embryos.expired(at) {
            seen.push((index, at.since(START).as_millis()));
            if embryos.get(index).unwrap().retries == 9 {
                embryos.remove(index);
            } else {
                embryos.retry(index);
            }
        }
    }
    let of = |who| seen.iter().filter(move |(index, _)| *index == who).map(|(_, at)| *at);
    let waits = [1, 3, 7, 15, 31, 63, 127, 247, 367, 487];
    assert_eq!(of(early).collect::<Vec<_>>(), waits.map(|s| s * 1000));
    assert_eq!(of(late).collect::<Vec<_>>(), waits.map(|s| s * 1000 + 400));
    assert_eq!(embryos.len(), 0);
}

#[test]
fn a_clock_that_jumps_by_hours_leaves_nothing_behind() {
    let mut embryos = Embryos::new(8, 0);
    embryos.insert(&handshake("2001:db8::1", 1, 0), START).unwrap();
    for hours in [3, 6, 1000] {
        let now = START + Duration::from_secs(hours * 3600);
        while let Some(index) = embryos.expired(now) {
            embryos.retry(index);
            if embryos.get(index).is_some_and(|e| e.retries > 5) {
                embryos.remove(index);
            }
        }
    }
    assert_eq!((embryos.len(), embryos.next_deadline()), (0, None));
}

#[test]
fn strays_are_answered_once_in_half_a_second() {
    let mut embryos = Embryos::new(8, 0);
    let index = embryos.insert(&handshake("2001:db8::1", 1, 0), START).unwrap();
    let mut answers =
        |ms| embryos.may_send_out_of_window_ack(index, START + Duration::from_millis(ms));
    assert_eq!(
        [0, 1, 499, 500, 600, 1000].map(&mut answers),
        [true, false, false, true, false, true]
    );
}

#[test]
fn places_without_embryos_go_with_their_listener_or_when_they_are_many() {
    let mut embryos = Embryos::new(2, 0);
    for host in 0..1000 {
        let index =
            embryos.insert(&handshake(&format!("2001:db8::{host:x}"), 1, 0), START).unwrap();
        embryos.remove(index);
    }
    assert!(embryos.local_ends.len() <= LOCAL_ENDS_KEPT);
    embryos.insert(&handshake("2001:db8::1", 1, 1), START).unwrap();
    embryos.forget_listener(0);
    assert_eq!((embryos.local_ends.len(), embryos.by_local_end.len()), (1, 1));
}
