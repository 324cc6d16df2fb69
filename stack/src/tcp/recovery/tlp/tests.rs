//! When a probe leaves, and what an ACK says about it (RFC 8985 §7; TCPT-13).

use super::*;

#[test]
fn the_wait_is_two_round_trips_and_more_for_a_lone_segment_tcpt_13() {
    let ms = Duration::from_millis;
    assert_eq!(probe_timeout(Some(ms(50)), false), ms(102));
    assert_eq!(probe_timeout(Some(ms(50)), true), ms(300), "the peer may delay its ACK");
    assert_eq!(probe_timeout(None, true), ms(1000));
    assert_eq!(probe_timeout(None, false), ms(1000));
}

#[test]
fn an_ack_beyond_a_repeated_segment_shows_a_loss_tcpt_13() {
    use TlpOutcome::{LossRepaired, NoLoss, Pending};
    let end = SeqNum(5);
    let repeated = TailLossProbe { end_seq: end, is_retrans: true };
    assert_eq!(repeated.on_ack(end - 1, true, true), Pending);
    assert_eq!(repeated.on_ack(end, false, false), Pending, "of the original or of the probe");
    assert_eq!(repeated.on_ack(end, true, false), NoLoss, "both arrived");
    assert_eq!(repeated.on_ack(end, false, true), NoLoss);
    assert_eq!(repeated.on_ack(end + 1, false, false), LossRepaired);
    let new = TailLossProbe { end_seq: end, is_retrans: false };
    assert_eq!(new.on_ack(end, false, false), NoLoss);
    assert_eq!(new.on_ack(end + 1, false, false), NoLoss);
}
