//! ICMP errors about our segments (TCPF-17, TCPF-18; RFC 5927).

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

#[test]
fn a_handshake_ends_with_the_error_tcpf_17() {
    let cases = [
        (IcmpErrorKind::PortUnreachable, SocketError::ConnectionRefused),
        (IcmpErrorKind::ProtocolUnreachable, SocketError::ConnectionRefused),
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
