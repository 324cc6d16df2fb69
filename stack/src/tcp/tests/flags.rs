//! All 64 sets of the six flags of RFC 793 in the states around a connection: what is judged first
//! decides, and what comes besides changes nothing (RFC 9293 §3.10.7). ESTABLISHED stands in
//! `input`, CLOSED and LISTEN in `passive`.

use wire::tcp::{Flags, SeqNum};

use super::harness::*;
use crate::drop::DropReason;
use crate::socket::SocketError;
use crate::tcp::state::State;
use crate::time::Duration;

fn every() -> impl Iterator<Item = Flags> {
    (0..64).map(Flags)
}

/// The flags of what the host sends now.
fn answers(lab: &mut Lab) -> Vec<Flags> {
    lab.host.drain().iter().map(|seg| seg.flags).collect()
}

/// RFC 9293 §3.10.7.3.
#[test]
fn syn_sent_tcpf_06() {
    for flags in every() {
        let mut lab = Lab::new();
        let ends = lab.host.connect(lab.theirs).unwrap();
        lab.ours = ends.local;
        lab.ack = lab.one().seq + 1;
        let outcome = lab.send(&lab.seg(flags));
        let (expected, answer, state) = match (flags.rst(), flags.syn(), flags.ack()) {
            (true, _, true) => (Ok(()), None, State::Closed),
            (true, _, false) => (Err(DropReason::TcpBadReset), None, State::SynSent),
            (false, false, _) => (Err(DropReason::TcpBadFlags), None, State::SynSent),
            (false, true, false) => (Ok(()), Some(SYN_ACK), State::SynReceived),
            (false, true, true) if flags.fin() => (Ok(()), Some(ACK), State::CloseWait),
            (false, true, true) => (Ok(()), Some(ACK), State::Established),
        };
        assert_eq!((outcome, lab.state(&ends)), (expected, state), "{flags}");
        assert_eq!(answers(&mut lab), Vec::from_iter(answer), "{flags}");
        let refused = (state == State::Closed).then_some(SocketError::ConnectionRefused.code());
        assert_eq!(ends.rx.error(), refused, "{flags}");
    }
}

/// RFC 9293 §3.10.7.4 for a passive open; RFC 5961 §4 for its SYNs.
#[test]
fn syn_received_tcpf_07() {
    for flags in every() {
        let mut lab = Lab::new();
        let listener = lab.host.listen(80, 8);
        lab.send(&lab.seg(SYN)).unwrap();
        (lab.seq, lab.ack) = (lab.seq + 1, lab.one().seq + 1);
        let outcome = lab.send(&lab.seg(flags));
        let accepted = lab.host.accept(listener).map(|ends| lab.state(&ends));
        let (expected, answer, opened) = match (flags.rst(), flags.syn(), flags.ack()) {
            (true, ..) => (Ok(()), None, None),
            (false, true, _) => (Err(DropReason::TcpBadFlags), Some(ACK), None),
            (false, false, false) => (Err(DropReason::TcpBadFlags), None, None),
            (false, false, true) if flags.fin() => (Ok(()), Some(ACK), Some(State::CloseWait)),
            (false, false, true) => (Ok(()), None, Some(State::Established)),
        };
        assert_eq!((outcome, accepted), (expected, opened), "{flags}");
        assert_eq!(answers(&mut lab), Vec::from_iter(answer), "{flags}");
        let left = lab.host.tcp.sockets().count();
        assert_eq!(left, if flags.rst() { 1 } else { 2 }, "{flags}");
    }
}

/// RFC 9293 §3.6.1 and RFC 1337: a SYN alone reopens the flow, a RST does nothing.
#[test]
fn time_wait_tcpf_13() {
    for flags in every() {
        let (mut lab, mut ends) = Lab::established();
        ends.tx.finish();
        lab.write(&mut ends, b"");
        lab.ack(lab.ack + 1);
        lab.send(&lab.seg(FIN)).unwrap();
        lab.seq += 1;
        lab.one();
        lab.host.now += Duration::from_secs(1);
        let outcome = lab.send(&Seg { seq: lab.seq + 1, ..lab.seg(flags) });
        let opens = flags.syn() && !flags.intersects(FIN | RST);
        let (expected, answer) = match () {
            () if flags.rst() => (Err(DropReason::TcpBadReset), None),
            () if opens => (Ok(()), Some(SYN_ACK)),
            () => (Ok(()), Some(ACK)),
        };
        assert_eq!((outcome, answers(&mut lab)), (expected, Vec::from_iter(answer)), "{flags}");
        let state = if opens { "SYN-RECV" } else { "TIME-WAIT" };
        assert_eq!(lab.host.tcp.sockets().last().unwrap().state, state, "{flags}");
    }
}

/// A closed port knows nothing of numbers, so those that wrap are no special case.
#[test]
fn closed_at_the_end_of_the_numbers_tcpf_14() {
    let mut lab = Lab::new();
    let last = Seg::new(Flags::SYN | Flags::FIN, SeqNum(u32::MAX), SeqNum(0));
    assert_eq!(lab.send(&last), Err(DropReason::TcpNoSocket));
    let rst = lab.one();
    assert_eq!((rst.flags, rst.seq, rst.ack), (RST | ACK, SeqNum(0), SeqNum(1)));
}
