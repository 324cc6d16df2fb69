//! Segment arrival in synchronized states: RFC 9293 §3.10.7.4 and RFC 5961 (TCPI-*).

use wire::offload::{RxChecksum, RxMeta};
use wire::tcp::{Flags, SeqNum};

use super::harness::*;
use super::transfer::pattern;
use crate::drop::DropReason;
use crate::event::Readiness;
use crate::limits::Limits;
use crate::socket::SocketError;
use crate::tcp::state::State;
use crate::time::Duration;

/// A connection whose window has no room to open.
fn with_buffer(bytes: usize) -> (Lab, crate::socket::SocketRings) {
    let limits = Limits { tcp_receive_buffer: bytes, tcp_connections: 4, ..Limits::default() };
    Lab::with(Host::with("10.0.0.1", limits, Default::default())).open(&SYN_OPTIONS)
}

fn read(ends: &mut crate::socket::SocketRings) -> Vec<u8> {
    let mut out = vec![0; ends.rx.len()];
    let n = ends.rx.read(&mut out);
    assert_eq!(n, out.len());
    out
}

#[test]
fn text_in_order_is_delivered_and_told_once() {
    let (mut lab, mut ends) = Lab::established();
    for word in ["first ", "second"] {
        lab.send(&lab.seg(PSH).data(word.as_bytes())).unwrap();
        lab.seq += word.len() as u32;
    }
    assert_eq!(lab.host.events(), [(ends.id, Readiness::READABLE)]);
    assert_eq!(read(&mut ends), b"first second");
    assert_eq!(lab.one().ack, lab.seq);
}

/// RFC 9293 §3.8.6.3, MUST-58 and MUST-59; Linux's quick start and 40 ms (TCPI-09, TCPR-01).
#[test]
fn acks_are_quick_at_first_then_delayed_tcpi_09() {
    // A window that is open already: while it opens, ACKs are quick too.
    let (mut lab, _ends) = with_buffer(65_000);
    let segment = pattern(0, 1000);
    let send = |lab: &mut Lab| {
        lab.send(&lab.seg(PSH).data(&segment)).unwrap();
        lab.seq += 1000;
    };
    for _ in 0..16 {
        send(&mut lab);
        assert_eq!(lab.one().ack, lab.seq);
    }
    // Beyond the start: every second full segment at once ...
    send(&mut lab);
    lab.none();
    send(&mut lab);
    assert_eq!(lab.one().ack, lab.seq);
    // ... and a lone one after 40 ms.
    send(&mut lab);
    assert!(lab.host.pass(Duration::from_millis(39)).is_empty());
    let acks = lab.host.pass(Duration::from_millis(2));
    assert_eq!(acks.len(), 1);
    assert_eq!(acks[0].1.ack, lab.seq);
    assert!(lab.host.pass(Duration::from_secs(1)).is_empty());
}

/// Linux's `tcp_grow_window`: a peer learns at once of each step.
/// DIFF-09.
#[test]
fn acks_are_quick_while_the_window_opens_tcpi_13() {
    let (mut lab, mut ends) = Lab::established();
    let mut window = 0;
    let mut acks = 0;
    for _ in 0..30 {
        lab.send(&lab.seg(PSH).data(&[0; 1000])).unwrap();
        lab.seq += 1000;
        acks += lab.host.drain().len();
        let conn = lab.host.conn(ends.id);
        assert!(conn.rcv.space.ssthresh >= window);
        window = conn.rcv.space.ssthresh;
        read(&mut ends);
    }
    assert!(window > 128_000, "{window}");
    assert!(acks >= 23, "{acks}");
}

#[test]
fn one_ack_covers_a_batch() {
    let (mut lab, _ends) = Lab::established();
    for _ in 0..20 {
        lab.send(&lab.seg(PSH).data(&pattern(0, 1000))).unwrap();
        lab.seq += 1000;
    }
    assert_eq!(lab.one().ack, lab.seq);
}

/// GAP-33.
#[test]
fn a_merged_run_counts_as_its_segments() {
    let (mut lab, _ends) = Lab::established();
    // Leave the quick start.
    for _ in 0..16 {
        lab.send(&lab.seg(PSH).data(&pattern(0, 1000))).unwrap();
        lab.seq += 1000;
        lab.one();
    }
    let packet = lab.seg(PSH).data(&pattern(0, 3000)).packet(lab.theirs, lab.ours);
    let meta = RxMeta { checksum: RxChecksum::Valid, gso_size: 1000 };
    lab.host.receive(&packet, meta).unwrap();
    lab.seq += 3000;
    assert_eq!(lab.one().ack, lab.seq);
}

/// RFC 5681 §4.2: a duplicate ACK at once for each segment out of order, an ACK at once when the
/// gap closes (TCPI-06).
#[test]
fn text_out_of_order_waits_for_the_gap_tcpi_06() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    let text = pattern(0, 3000);
    for at in [2000, 1000] {
        let late = Seg { seq: base + at as u32, ..lab.seg(PSH).data(&text[at..at + 1000]) };
        lab.send(&late).unwrap();
        assert_eq!(lab.one().ack, base);
        assert!(lab.host.events().is_empty());
    }
    lab.send(&lab.seg(PSH).data(&text[..1000])).unwrap();
    assert_eq!(lab.one().ack, base + 3000);
    assert_eq!(read(&mut ends), text);
}

#[test]
fn duplicate_acks_of_a_batch_are_counted() {
    let (mut lab, _ends) = Lab::established();
    let base = lab.seq;
    for at in 1..=4 {
        lab.send(&Seg { seq: base + at * 1000, ..lab.seg(PSH).data(&[0; 1000]) }).unwrap();
    }
    let acks = lab.host.drain();
    assert_eq!(acks.len(), 4);
    assert!(acks.iter().all(|a| a.ack == base && a.flags == ACK && a == &acks[0]));
}

#[test]
fn overlaps_are_trimmed_tcpi_07() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    let text = pattern(0, 100);
    let mut send = |at: usize, end: usize| {
        let seg = Seg { seq: base + at as u32, ..lab.seg(PSH).data(&text[at..end]) };
        lab.send(&seg).unwrap();
    };
    send(0, 30);
    send(60, 80);
    send(50, 65);
    send(20, 55);
    send(0, 10);
    send(10, 100);
    assert_eq!(read(&mut ends), text);
}

#[test]
fn old_text_is_acknowledged_again() {
    let (mut lab, mut ends) = Lab::established();
    let seg = lab.seg(PSH).data(b"again");
    lab.send(&seg).unwrap();
    lab.one();
    lab.send(&seg).ok();
    assert_eq!(lab.one().ack, lab.seq + 5);
    assert_eq!(read(&mut ends), b"again");
}

#[test]
fn islands_are_bounded_gap_03() {
    let limits = Limits { tcp_out_of_order_ranges: 2, tcp_connections: 4, ..Limits::default() };
    let host = Host::with("10.0.0.1", limits, Default::default());
    let (mut lab, mut ends) = Lab::with(host).open(&SYN_OPTIONS);
    let base = lab.seq;
    let outcome =
        |lab: &mut Lab, at: u32| lab.send(&Seg { seq: base + at, ..lab.seg(PSH).data(b"x") });
    assert!(outcome(&mut lab, 2).is_ok());
    assert!(outcome(&mut lab, 4).is_ok());
    assert_eq!(outcome(&mut lab, 6), Err(DropReason::TcpOutOfOrderFull));
    assert!(outcome(&mut lab, 3).is_ok());
    assert!(lab.send(&lab.seg(PSH).data(b"ab")).is_ok());
    assert_eq!(read(&mut ends), b"abxxx");
}

/// The reference discards it.
#[test]
fn a_fin_ahead_of_missing_text_counts_once_the_text_is_there_tcpf_09_gap_24() {
    let (mut lab, mut ends) = Lab::established();
    let base = lab.seq;
    lab.send(&Seg { seq: base + 5, ..lab.seg(FIN).data(b"world") }).unwrap();
    assert_eq!(lab.one().ack, base);
    assert_eq!(lab.state(&ends), State::Established);
    lab.send(&lab.seg(PSH).data(b"hello")).unwrap();
    assert_eq!(lab.one().ack, base + 11);
    assert_eq!(lab.state(&ends), State::CloseWait);
    assert_eq!(read(&mut ends), b"helloworld");
    assert!(ends.rx.is_finished());
}

#[test]
fn a_bare_fin_out_of_order_is_noted_and_answered() {
    let (mut lab, ends) = Lab::established();
    let base = lab.seq;
    lab.send(&Seg { seq: base + 5, ..lab.seg(FIN) }).unwrap();
    assert_eq!(lab.one().ack, base);
    // Text beyond the FIN is nonsense, whichever came first.
    let beyond = Seg { seq: base + 3, ..lab.seg(PSH).data(b"lo, more") };
    lab.send(&beyond).unwrap();
    lab.host.drain();
    lab.send(&lab.seg(PSH).data(b"hel")).unwrap();
    assert_eq!(lab.one().ack, base + 6);
    assert_eq!(lab.state(&ends), State::CloseWait);
    assert_eq!(ends.rx.len(), 5);
}

#[test]
fn a_fin_below_text_that_came_is_ignored() {
    let (mut lab, ends) = Lab::established();
    let base = lab.seq;
    lab.send(&Seg { seq: base + 5, ..lab.seg(PSH).data(b"world") }).unwrap();
    lab.send(&Seg { seq: base + 5, ..lab.seg(FIN) }).unwrap();
    lab.send(&lab.seg(PSH).data(b"hello")).unwrap();
    assert_eq!(lab.state(&ends), State::Established);
    assert_eq!(ends.rx.len(), 10);
}

#[test]
fn urgent_data_is_data_tcpi_15() {
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(ACK | Flags::URG).data(b"now")).unwrap();
    assert_eq!(read(&mut ends), b"now");
}

/// RFC 9293 §3.10.7.4, first; RFC 5961 §7 for the limit (TCPI-01, TCPI-04).
#[test]
fn segments_outside_the_window_are_answered_within_limits_tcpi_01() {
    let (mut lab, ends) = Lab::established();
    let beyond = |lab: &Lab| lab.host.conn(ends.id).rcv.rcv_adv + 1;
    for seq in [beyond(&lab), lab.seq - 2000] {
        let text = Seg { seq, ..lab.seg(PSH).data(&[0; 1000]) };
        assert_eq!(lab.send(&text), Err(DropReason::TcpOutOfWindow));
        let ack = lab.one();
        assert_eq!((ack.seq, ack.ack), (lab.ack, lab.seq));
    }
    // Without text the answers are limited: two hosts must not answer each other for ever.
    let probe = Seg { seq: lab.seq - 1, ..lab.seg(ACK) };
    for answers in [1, 0, 0] {
        assert_eq!(lab.send(&probe), Err(DropReason::TcpOutOfWindow));
        assert_eq!(lab.host.drain().len(), answers);
    }
    lab.host.pass(Duration::from_millis(500));
    assert_eq!(lab.send(&probe), Err(DropReason::TcpOutOfWindow));
    lab.one();
    let reset = Seg { seq: beyond(&lab), ..lab.seg(RST) };
    assert_eq!(lab.send(&reset), Err(DropReason::TcpOutOfWindow));
    lab.none();
}

/// RFC 5961 §3.2 (TCPR-08).
#[test]
fn a_reset_counts_only_at_the_exact_number_tcpi_02() {
    let (mut lab, ends) = Lab::established();
    let inside = Seg { seq: lab.seq + 10, ..lab.seg(RST) };
    assert_eq!(lab.send(&inside), Err(DropReason::TcpBadReset));
    let challenge = lab.one();
    assert_eq!((challenge.flags, challenge.seq, challenge.ack), (ACK, lab.ack, lab.seq));
    assert_eq!(lab.send(&inside), Err(DropReason::TcpBadReset));
    lab.none();
    let outside = Seg { seq: lab.seq - 1, ..lab.seg(RST) };
    assert_eq!(lab.send(&outside), Err(DropReason::TcpOutOfWindow));
    lab.none();
    lab.send(&lab.seg(RST)).unwrap();
    assert_eq!(ends.rx.error(), Some(SocketError::ConnectionReset.code()));
    assert_eq!(lab.host.events(), [(ends.id, Readiness::GONE)]);
    assert!(ends.tx.reader_gone());
}

#[test]
fn a_reset_after_the_peers_fin_leaves_the_end_in_order() {
    let (mut lab, ends) = Lab::established();
    lab.send(&lab.seg(FIN).data(b"bye")).unwrap();
    lab.seq += 4;
    lab.send(&lab.seg(RST)).unwrap();
    assert_eq!(ends.rx.len(), 3);
    assert_eq!(ends.rx.pending_error(), None);
    assert!(ends.rx.finish_requested());
    assert!(ends.tx.reader_gone());
}

/// RFC 5961 §4.2 (TCPR-08).
#[test]
fn a_syn_is_challenged_wherever_it_is() {
    let (mut lab, ends) = Lab::established();
    for seq in [lab.seq, lab.seq + 10, lab.seq - 5000] {
        lab.host.pass(Duration::from_secs(1));
        assert!(lab.send(&Seg { seq, ..lab.seg(SYN) }).is_err());
        assert_eq!(lab.one().flags, ACK);
    }
    assert_eq!(lab.state(&ends), State::Established);
}

/// RFC 5961 §5 (TCPR-08).
#[test]
fn acks_of_what_was_never_sent_or_long_ago_are_challenged_tcpi_03() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"x");
    let text = |lab: &Lab, ack| Seg { ack, ..lab.seg(PSH).data(b"injected") };
    let far = lab.host.conn(ends.id).snd.max_wnd + 2;
    for ack in [lab.ack + 2, lab.ack - far] {
        lab.host.now += Duration::from_secs(1);
        assert_eq!(lab.send(&text(&lab, ack)), Err(DropReason::TcpBadAck));
        assert_eq!(lab.host.drain().last().unwrap().ack, lab.seq);
    }
    assert!(ends.rx.is_empty());
    // An old ACK in range changes nothing, but its text counts.
    lab.ack(lab.ack + 1);
    lab.send(&text(&lab, lab.ack - 1)).unwrap();
    assert_eq!(ends.rx.len(), 8);
}

/// Linux `bytes_acked`: the window of the peer allows no ACK from before the first byte.
#[test]
fn acks_below_the_first_byte_are_challenged_tcpi_03() {
    let (mut lab, mut ends) = Lab::established();
    let first = lab.ack;
    for sent in 0..4 {
        let text = Seg { ack: first - 1, ..lab.seg(PSH).data(b"injected") };
        lab.host.now += Duration::from_secs(1);
        assert_eq!(lab.send(&text), Err(DropReason::TcpBadAck), "{sent} sent");
        assert_eq!(lab.one().ack, lab.seq);
        lab.send(&Seg { ack: first, ..lab.seg(ACK) }).unwrap();
        lab.write(&mut ends, b"x");
        lab.ack(lab.ack + 1);
    }
    // The FIN has a number too.
    ends.tx.finish();
    lab.write(&mut ends, b"");
    lab.ack(lab.ack + 1);
    assert_eq!(lab.state(&ends), State::FinWait2);
    lab.send(&Seg { ack: first, ..lab.seg(ACK) }).unwrap();
    lab.host.now += Duration::from_secs(1);
    assert_eq!(lab.send(&Seg { ack: first - 1, ..lab.seg(ACK) }), Err(DropReason::TcpBadAck));
    assert!(ends.rx.is_empty());
}

/// RFC 9293 §3.10.7.4: of several flags a RST is judged first, then a SYN, then whether there is an
/// ACK. What comes besides changes nothing.
#[test]
fn flags_that_exclude_each_other_are_judged_in_order() {
    for flags in (0..64).map(Flags) {
        let (mut lab, ends) = Lab::established();
        let outcome = lab.send(&lab.seg(flags));
        if flags.rst() {
            assert_eq!((outcome, lab.host.tcp.state(ends.id)), (Ok(()), None), "{flags}");
            assert_eq!(ends.rx.error(), Some(SocketError::ConnectionReset.code()), "{flags}");
            lab.none();
        } else if flags.syn() {
            assert_eq!(outcome, Err(DropReason::TcpBadFlags), "{flags}");
            assert_eq!(lab.one().flags, ACK, "{flags}: challenged");
            assert_eq!(lab.state(&ends), State::Established, "{flags}");
        } else if !flags.ack() {
            assert_eq!(outcome, Err(DropReason::TcpBadFlags), "{flags}");
            assert_eq!(lab.state(&ends), State::Established, "{flags}");
            lab.none();
            // Not even outside the window is it answered.
            let outside = Seg { seq: lab.seq - 5000, ..lab.seg(flags) };
            assert!(lab.send(&outside).is_err());
            lab.none();
        } else {
            assert_eq!(outcome, Ok(()), "{flags}");
            let state = if flags.fin() { State::CloseWait } else { State::Established };
            assert_eq!(lab.state(&ends), state, "{flags}");
        }
    }
}

#[test]
fn a_segment_without_ack_is_dropped() {
    let (mut lab, ends) = Lab::established();
    let bare = lab.seg(Flags::PSH).data(b"x");
    assert_eq!(lab.send(&bare), Err(DropReason::TcpBadFlags));
    assert!(ends.rx.is_empty());
}

/// RFC 9293 §3.1, MUST-3; the offload forms of it.
#[test]
fn checksums_are_checked_before_anything_changes() {
    let (mut lab, ends) = Lab::established();
    let good = lab.seg(PSH).data(b"data").packet(lab.theirs, lab.ours);
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    let meta = |checksum| RxMeta { checksum, gso_size: 0 };
    for checksum in [RxChecksum::Unverified, RxChecksum::MaybePartial] {
        let outcome = lab.host.receive(&bad, meta(checksum));
        assert_eq!(outcome, Err(DropReason::TcpChecksum));
    }
    assert!(ends.rx.is_empty());
    lab.none();
    // A field with nothing but the pseudo header's sum.
    let header = wire::ip::parse(&good).unwrap();
    let mut partial = good.clone();
    wire::tcp::set_partial(&mut partial[20..], header.pseudo_header());
    let outcome = lab.host.receive(&partial, meta(RxChecksum::Unverified));
    assert_eq!(outcome, Err(DropReason::TcpChecksum));
    lab.host.receive(&partial, meta(RxChecksum::MaybePartial)).unwrap();
    assert_eq!(ends.rx.len(), 4);
    lab.host.receive(&good, meta(RxChecksum::Valid)).unwrap();
    lab.host.receive(&good, meta(RxChecksum::MaybePartial)).unwrap();
    assert_eq!(ends.rx.len(), 4);
    assert_eq!(lab.host.dropped(DropReason::TcpChecksum), 0, "the host counts, not TCP");
}

#[test]
fn a_truncated_header_is_malformed() {
    let (mut lab, _ends) = Lab::established();
    let mut packet = lab.seg(ACK).packet(lab.theirs, lab.ours);
    packet[20 + 12] = 0x40;
    assert_eq!(lab.host.receive(&packet, RxMeta::default()), Err(DropReason::TcpMalformed));
}

/// TCPI-16; the reference gives one empty read and then blocks.
/// SOCK-31.
#[test]
fn after_shutdown_of_reading_text_is_acknowledged_and_thrown_away_tcpi_16() {
    let (mut lab, mut ends) = Lab::established();
    lab.send(&lab.seg(PSH).data(b"keep")).unwrap();
    lab.seq += 4;
    let id = ends.id;
    lab.host.act(|tcp, cx| tcp.shutdown_read(cx, id));
    lab.send(&lab.seg(PSH).data(b"drop")).unwrap();
    lab.seq += 4;
    assert_eq!(lab.one().ack, lab.seq);
    assert_eq!(read(&mut ends), b"keep");
    assert!(ends.rx.is_finished());
    assert_eq!(lab.state(&ends), State::Established);
    for _ in 0..3000 {
        lab.send(&lab.seg(PSH).data(&[0; 1000])).unwrap();
        lab.seq += 1000;
        lab.host.drain();
    }
    assert_eq!(lab.host.conn(id).rcv.nxt, lab.seq, "the window stays open");
}

#[test]
fn groups_are_not_for_tcp_must_57() {
    use crate::fib::Destination;
    use crate::ip::Packet;
    let (mut lab, _ends) = Lab::established();
    let bytes = lab.seg(ACK).packet(lab.theirs, lab.ours);
    let header = wire::ip::parse(&bytes).unwrap();
    let packet = Packet {
        ifindex: IFINDEX,
        meta: RxMeta::default(),
        link_multicast: true,
        destination: Destination::Unicast,
        payload: header.payload(&bytes),
        header,
        whole: &bytes,
    };
    let refused = Err(DropReason::TcpNotUnicast);
    assert_eq!(lab.host.act(|tcp, cx| tcp.receive(cx, &packet)), refused);
    let packet = Packet { link_multicast: false, destination: Destination::Broadcast, ..packet };
    assert_eq!(lab.host.act(|tcp, cx| tcp.receive(cx, &packet)), refused);
}

#[test]
fn sequence_numbers_wrap() {
    // IRS is chosen so that the stream crosses zero early.
    let (mut lab, mut ends) = Lab::established();
    let text = pattern(0, 5000);
    for chunk in text.chunks(1000) {
        lab.send(&lab.seg(PSH).data(chunk)).unwrap();
        lab.seq += 1000;
    }
    assert!(lab.seq.0 < IRS.0);
    assert_eq!(read(&mut ends), text);
    let _ = SeqNum(0);
}
