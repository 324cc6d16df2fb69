//! ICMP errors about our segments (TCPF-17, TCPF-18, ICMPS-10, TCPR-19; RFC 5927).

use addr::Endpoint;
use wire::tcp::SeqNum;

use super::harness::*;
use super::transfer::pattern;
use crate::cx::Request;
use crate::icmp::{IcmpError, IcmpErrorKind};
use crate::socket::SocketError;
use crate::tcp::state::State;
use crate::time::Duration;

fn deliver(lab: &mut Lab, kind: IcmpErrorKind, seq: SeqNum) {
    let mut quote = [0; 8];
    quote[..2].copy_from_slice(&lab.ours.port.to_be_bytes());
    quote[2..4].copy_from_slice(&lab.theirs.port.to_be_bytes());
    quote[4..].copy_from_slice(&seq.0.to_be_bytes());
    let (src, dst) = (lab.ours.ip, lab.theirs.ip);
    let error = IcmpError { kind, src, dst, protocol: 6, transport: &quote };
    lab.host.act(|tcp, cx| tcp.icmp_error(cx, &error));
}

/// ERR-04.
#[test]
fn a_handshake_ends_with_the_error_tcpf_17() {
    let cases = [
        (IcmpErrorKind::PortUnreachable, SocketError::ConnectionRefused),
        (IcmpErrorKind::ProtocolUnreachable, SocketError::ProtocolNotAvailable),
        (IcmpErrorKind::HostUnreachable, SocketError::HostUnreachable),
        (IcmpErrorKind::NetUnreachable, SocketError::NetworkUnreachable),
    ];
    for (kind, error) in cases {
        let mut lab = Lab::new();
        let ends = lab.host.connect(lab.theirs).unwrap();
        lab.ours = ends.local;
        let syn = lab.one();
        deliver(&mut lab, kind, syn.seq + 1);
        deliver(&mut lab, kind, syn.seq - 1);
        assert_eq!(lab.state(&ends), State::SynSent, "a guessed number does nothing");
        deliver(&mut lab, kind, syn.seq);
        assert_eq!(ends.rx.error(), Some(error.code()));
    }
}

#[test]
fn an_established_connection_shrugs_tcpf_18() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"data");
    for kind in [
        IcmpErrorKind::PortUnreachable,
        IcmpErrorKind::HostUnreachable,
        IcmpErrorKind::TimeExceeded,
        IcmpErrorKind::ParameterProblem,
    ] {
        let seq = lab.ack;
        deliver(&mut lab, kind, seq);
    }
    assert_eq!(lab.state(&ends), State::Established);
    lab.none();
}

#[test]
fn a_smaller_path_mtu_makes_smaller_segments_tcpx_06() {
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 5, 180]);
    let sent = lab.write(&mut ends, &pattern(0, 4000));
    assert_eq!(sent[0].data.len(), 1460);
    lab.host.requests();
    deliver(&mut lab, IcmpErrorKind::PacketTooBig { mtu: 1400 }, sent[0].seq + 9000);
    lab.none();
    deliver(&mut lab, IcmpErrorKind::PacketTooBig { mtu: 1400 }, sent[0].seq);
    let again = lab.host.drain();
    assert_eq!(again.iter().map(|s| s.data.len()).collect::<Vec<_>>(), [1360, 1360, 1280]);
    assert_eq!(again[0].seq, sent[0].seq);
    assert_eq!(lab.host.requests(), [Request::PathMtu(lab.theirs.ip, 1400)]);
    let conn = lab.host.conn(ends.id);
    assert!(conn.congestion.cwnd() >= 10_000, "no sign of congestion");
    // Larger than what is known, and absurdly small ones.
    deliver(&mut lab, IcmpErrorKind::PacketTooBig { mtu: 1450 }, sent[0].seq);
    lab.none();
    deliver(&mut lab, IcmpErrorKind::PacketTooBig { mtu: 68 }, sent[0].seq);
    assert_eq!(lab.host.drain()[0].data.len(), 512);
    lab.ack(sent[0].seq + 4000);
    assert_eq!(lab.host.conn(ends.id).snd.outstanding(), 0);
}

#[test]
fn a_smaller_mtu_before_the_handshake_is_done_counts_too() {
    let mut lab = Lab::new();
    let ends = lab.host.connect(lab.theirs).unwrap();
    lab.ours = ends.local;
    let syn = lab.one();
    deliver(&mut lab, IcmpErrorKind::PacketTooBig { mtu: 1300 }, syn.seq);
    lab.send(&Seg::new(SYN_ACK, IRS, syn.seq + 1).options(&[2, 4, 5, 180])).unwrap();
    assert_eq!(lab.host.conn(ends.id).snd.mss, 1260);
}

#[test]
fn errors_about_other_flows_are_ignored() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"data");
    let seq = lab.ack;
    lab.theirs = Endpoint { port: 9, ..lab.theirs };
    deliver(&mut lab, IcmpErrorKind::PacketTooBig { mtu: 600 }, seq);
    assert_eq!(lab.host.conn(ends.id).snd.mss, 1000);
    lab.host.pass(Duration::from_millis(1));
}

/// Linux `sk_err_soft`: the last error since the peer was heard is the reason told.
#[test]
fn a_connection_that_times_out_says_what_icmp_said_gap_26() {
    for (heard, error) in [(false, SocketError::HostUnreachable), (true, SocketError::TimedOut)] {
        let (mut lab, mut ends) = Lab::established();
        lab.write(&mut ends, b"data");
        let seq = lab.ack;
        deliver(&mut lab, IcmpErrorKind::HostUnreachable, seq);
        if heard {
            lab.ack(seq + 1);
        }
        lab.host.pass(Duration::from_secs(2000));
        assert_eq!(ends.rx.error(), Some(error.code()));
    }
}

/// RFC 6069: a back-off is for congestion, and a router that knows no way shows that there is none.
/// Whoever hears of it at once goes on asking at the first pace, for as long as it would have asked
/// anyway.
/// TCPT-04.
#[test]
fn a_path_that_is_down_is_asked_without_back_off_rfc_6069() {
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"data");
    let seq = lab.ack;
    let start = lab.host.now;
    let at = |lab: &Lab| lab.host.now.since(start).as_millis();
    let mut sent = Vec::new();
    let gone = loop {
        let next = lab.host.tcp.next_deadline().unwrap();
        lab.host.expire(next.max(lab.host.now));
        let again = lab.host.drain();
        if again.iter().any(|seg| seg.flags.rst()) {
            break at(&lab);
        }
        if !again.is_empty() {
            sent.push(at(&lab));
            lab.host.now += Duration::from_millis(1);
            // Not the oldest byte: no news.
            deliver(&mut lab, IcmpErrorKind::HostUnreachable, seq + 1);
            deliver(&mut lab, IcmpErrorKind::HostUnreachable, seq);
        }
    };
    assert_eq!(sent[..4], [200, 400, 600, 800]);
    assert_eq!(ends.rx.error(), Some(SocketError::HostUnreachable.code()));
    // Linux's 924.6 seconds for `tcp_retries2` of 15, counted from the first timeout.
    assert!((920_000..930_000).contains(&gone), "{gone}");
    // One back-off at a time, and other errors none.
    let (mut lab, mut ends) = Lab::established();
    lab.write(&mut ends, b"data");
    let seq = lab.ack;
    lab.host.pass(Duration::from_millis(1500));
    assert_eq!(lab.host.conn(ends.id).rtt.rto().as_millis(), 1600);
    deliver(&mut lab, IcmpErrorKind::PortUnreachable, seq);
    assert_eq!(lab.host.conn(ends.id).rtt.rto().as_millis(), 1600);
    deliver(&mut lab, IcmpErrorKind::NetUnreachable, seq);
    assert_eq!(lab.host.conn(ends.id).rtt.rto().as_millis(), 800);
    let again = lab.host.pass(Duration::from_millis(800));
    assert_eq!(again[0].0.since(START).as_millis(), 2200, "800 ms after the last at 1400");
}

/// Linux `tcp_req_err`.
#[test]
fn an_unreachable_peer_s_handshake_is_forgotten_tcpf_18() {
    for (kind, left) in [(IcmpErrorKind::HostUnreachable, 1), (IcmpErrorKind::PortUnreachable, 2)] {
        let mut lab = Lab::new();
        lab.host.listen(80, 8);
        lab.send(&lab.seg(SYN)).unwrap();
        let syn_ack = lab.one();
        deliver(&mut lab, kind, syn_ack.seq + 1);
        assert_eq!(lab.host.tcp.sockets().count(), 2, "a guessed number does nothing");
        deliver(&mut lab, kind, syn_ack.seq);
        assert_eq!(lab.host.tcp.sockets().count(), left);
        lab.none();
    }
}

/// RFC 5927 §7.2: an error about packets larger than any we send is forged.
#[test]
fn a_path_mtu_above_what_we_send_is_ignored() {
    let (mut lab, mut ends) = Lab::new().open(&[2, 4, 2, 24]);
    lab.write(&mut ends, &pattern(0, 2000));
    lab.host.requests();
    let seq = lab.ack;
    deliver(&mut lab, IcmpErrorKind::PacketTooBig { mtu: 600 }, seq);
    lab.none();
    assert!(lab.host.requests().is_empty());
}
