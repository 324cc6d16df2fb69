//! What each event counts, and that it counts nothing else (STAT rows).

use std::collections::BTreeMap;

use wire::arp;
use wire::icmp::{Echo, Message};
use wire::icmpv4;
use wire::ip::{IpEmit, PROTO_TCP};
use wire::ndp;

use crate::host::fixture::*;

/// What `act` counted, by name.
fn counted(lab: &mut Lab, act: impl FnOnce(&mut Lab)) -> BTreeMap<&'static str, u64> {
    let all = |lab: &Lab| -> BTreeMap<_, _> {
        let stats = lab.host.stats();
        let drops: Vec<_> = stats.drops().map(|(reason, count)| (reason.name(), count)).collect();
        stats.counters().chain(drops).collect()
    };
    let before = all(lab);
    act(lab);
    let mut after = all(lab);
    after.iter_mut().for_each(|(name, count)| *count -= before[name]);
    after.retain(|_, count| *count > 0);
    assert!(lab.host.stats().is_balanced());
    after
}

fn check(got: &BTreeMap<&'static str, u64>, expected: &str) {
    let words = expected.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, "1")));
    let expected: BTreeMap<_, u64> =
        words.map(|(name, count)| (name, count.parse().unwrap())).collect();
    assert_eq!(*got, expected);
}

fn ping(data: &[u8]) -> Message<'_> {
    Message::EchoRequest(Echo { id: 7, seq: 3, data })
}

/// STAT-04, STAT-15, STAT-24, STAT-30, STAT-31: neighbours.
#[test]
fn neighbor_messages_are_counted() {
    let mut lab = Lab::new();
    let request = arp_frame(MAC, &arp_from_peer(arp::REQUEST, PEER, US));
    let got = counted(&mut lab, |lab| {
        lab.receive(&request).unwrap();
        lab.sent_one();
    });
    check(&got, "frames_in frames_delivered arp_in arp_out frames_out");
    let mut buf = [0; 32];
    ndp::emit_ns(&mut buf, peer6(), us6(), us6(), Some(PEER_MAC), None).unwrap();
    let header = IpEmit { hop_limit: 255, ..icmp_header(peer6(), us6()) };
    let got = counted(&mut lab, |lab| {
        lab.receive(&ip_frame(&header, &buf)).unwrap();
        lab.sent_one();
    });
    check(&got, "frames_in frames_delivered nd_in ip_delivered nd_out ip_out frames_out");
    let got = counted(&mut lab, |lab| {
        lab.host.address_add(lab.now, lab.ifindex, cidr("2001:db8::5:6/64")).unwrap();
        assert_eq!(lab.sent().len(), 2);
    });
    check(&got, "mld_out nd_out ip_out=2 frames_out=2");
}

/// STAT-05, STAT-07, STAT-13, STAT-14, STAT-28, STAT-29: echo, errors sent and errors received.
/// STAT-25, STAT-26.
#[test]
fn icmp_messages_are_counted() {
    for (peer, us) in [(PEER, US), (peer6(), us6())] {
        let mut lab = Lab::acquainted();
        let got = counted(&mut lab, |lab| {
            lab.receive(&icmp_frame(peer, us, &ping(b"abc"))).unwrap();
            lab.sent_one();
        });
        check(&got, "frames_in frames_delivered ip_delivered icmp_echo_replies ip_out frames_out");
        let got = counted(&mut lab, |lab| {
            let header = IpEmit { protocol: 200, ..icmp_header(peer, us) };
            lab.receive(&ip_frame(&header, b"whatever")).unwrap_err();
            lab.sent_one();
        });
        check(&got, "frames_in ip_unknown_protocol icmp_errors_out ip_out frames_out");
    }
    let mut lab = Lab::acquainted();
    let ours = udp_frame("10.0.0.1:4000", "10.0.0.2:9", b"hello");
    let error = Message::Unreachable { code: icmpv4::CODE_PORT, quote: &ours[14..] };
    let got = counted(&mut lab, |lab| {
        lab.receive(&icmp_frame(PEER, US, &error)).unwrap();
    });
    check(&got, "frames_in frames_delivered ip_delivered icmp_errors_in");
}

/// STAT-09, STAT-27: pieces that come and go.
#[test]
fn fragments_are_counted() {
    for (peer, us) in [(PEER, US), (peer6(), us6())] {
        let mut lab = Lab::acquainted();
        let message = icmp_payload(peer, us, &ping(&[7; 2000]));
        let frames = fragment_frames(&icmp_header(peer, us), &message, 1200, 99);
        let got = counted(&mut lab, |lab| {
            frames.iter().for_each(|frame| lab.receive(frame).unwrap());
            assert_eq!(lab.sent().len(), 2);
        });
        check(
            &got,
            "frames_in=2 frames_delivered=2 ip_fragments_in=2 ip_reassembled ip_delivered \
             icmp_echo_replies ip_out=2 ip_fragments_out=2 frames_out=2",
        );
        let got = counted(&mut lab, |lab| {
            lab.receive(&frames[0]).unwrap();
            lab.receive(&frames[0]).unwrap_err();
        });
        check(&got, "frames_in=2 frames_delivered ip_fragments_in=2 ip_fragment_refused");
    }
}

/// STAT-18, STAT-19, STAT-33, STAT-34: datagrams and segments.
/// DIFF-28.
#[test]
fn datagrams_and_segments_are_counted() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:9");
    let got = counted(&mut lab, |lab| {
        lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.1:9", b"x")).unwrap();
    });
    check(&got, "frames_in frames_delivered ip_delivered udp_in");
    let got = counted(&mut lab, |lab| {
        lab.send_to(&mut ends, "10.0.0.2:7", b"x");
        lab.sent_one();
    });
    check(&got, "udp_out ip_out frames_out");
    let got = counted(&mut lab, |lab| {
        lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.1:10", b"x")).unwrap_err();
        lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.1:0", b"x")).unwrap_err();
        lab.sent_one();
    });
    check(&got, "frames_in=2 udp_no_socket udp_malformed icmp_errors_out ip_out frames_out");
    let header = IpEmit { protocol: PROTO_TCP, ..icmp_header(PEER, US) };
    let mut syn = [0, 9, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
    let pseudo = wire::checksum::pseudo_header(PEER, US, 6, 20);
    let sum = wire::checksum::sum(pseudo, &syn).finish();
    syn[16..18].copy_from_slice(&sum.to_be_bytes());
    let got = counted(&mut lab, |lab| {
        lab.receive(&ip_frame(&header, &syn)).unwrap_err();
        lab.sent_one();
    });
    check(
        &got,
        "frames_in tcp_segments_in tcp_no_socket tcp_resets_out tcp_segments_out ip_out frames_out",
    );
    let got = counted(&mut lab, |lab| {
        lab.host.tcp_connect(lab.now, None, "10.0.0.2:80".parse().unwrap()).unwrap();
        lab.sent_one();
    });
    check(&got, "tcp_active_opens tcp_segments_out ip_out frames_out");
}
