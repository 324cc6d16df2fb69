//! TCP over two hosts on a wire: what only the whole shows (routes, neighbours, addresses).

use addr::{Endpoint, Mac};
use wire::arp::{REPLY, REQUEST};
use wire::ethernet;
use wire::icmp::Message;

use crate::control::NudState;
use crate::event::Readiness;
use crate::host::fixture::*;
use crate::socket::{SocketError, SocketRings};
use crate::tcp::ListenOptions;
use crate::time::Duration;
use crate::verdict::Verdict;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn listen(pair: &mut Pair, local: &str) -> crate::SocketId {
    let options = ListenOptions { backlog: 8, only_v6: false };
    pair.hosts[1].tcp_listen(pair.now, endpoint(local), options).unwrap()
}

/// A connection from host 0 to host 1.
fn connect(pair: &mut Pair, to: &str) -> (SocketRings, SocketRings) {
    let listener = listen(pair, "[::]:80");
    let client = pair.hosts[0].tcp_connect(pair.now, None, endpoint(to)).unwrap();
    pair.exchange();
    let server = pair.hosts[1].tcp_accept(pair.now, listener).unwrap().unwrap();
    (client, server)
}

#[test]
fn a_stream_through_resolution_both_families() {
    for to in ["10.0.0.2:80", "[2001:db8::2]:80", "[fe80::ff:fe00:2]:80"] {
        let mut pair = Pair::new();
        let (mut client, mut server) = connect(&mut pair, to);
        let data: Vec<u8> = (0..500_000u32).map(|i| (i % 241) as u8).collect();
        let mut sent = 0;
        let mut got = Vec::new();
        for _ in 0..2_000 {
            sent += client.tx.write(&data[sent..]);
            if sent == data.len() {
                client.tx.finish();
            }
            pair.hosts[0].app_wrote(pair.now, client.id);
            pair.wait(Duration::from_millis(10));
            let read = got.len();
            got.resize(read + server.rx.len(), 0);
            server.rx.read(&mut got[read..]);
            pair.hosts[1].app_read(pair.now, server.id);
            if server.rx.is_finished() {
                break;
            }
        }
        assert!(got == data, "{to}: {} bytes", got.len());
        server.tx.finish();
        pair.hosts[1].app_wrote(pair.now, server.id);
        pair.wait(Duration::from_millis(100));
        assert!(client.rx.is_finished() && client.rx.error().is_none());
        for host in &pair.hosts {
            assert!(host.stats().is_balanced());
            assert_eq!(host.stats().tcp_retransmits, 0);
        }
    }
}

#[test]
fn tcpf_17_gap_41_connecting_to_a_silent_neighbour_fails_in_three_seconds() {
    let mut lab = Lab::new();
    let client = lab.host.tcp_connect(lab.now, None, endpoint("10.0.0.2:80")).unwrap();
    let mut frames = lab.sent();
    for _ in 0..29 {
        lab.wait(Duration::from_millis(100));
        frames.extend(lab.sent());
    }
    assert!(lab.events().is_empty());
    lab.wait(Duration::from_millis(100));
    let events = lab.events();
    assert_eq!(events, [(client.id, Readiness::GONE)], "its receive ring has the error");
    assert_eq!(client.rx.error(), Some(SocketError::HostUnreachable.code()));
    frames.extend(lab.sent());
    assert!(frames.iter().all(|f| f[12..14] == [8, 6]), "nothing but ARP was sent");
    assert_eq!(frames.len(), 3);
    // At once again: a fresh attempt asks anew instead of failing by what is remembered.
    let again = lab.host.tcp_connect(lab.now, None, endpoint("10.0.0.2:80")).unwrap();
    assert_eq!(lab.sent().len(), 1);
    lab.receive(&arp_frame(MAC, &arp_from_peer(REPLY, PEER, US))).unwrap();
    let syn = lab.sent_one();
    assert_eq!(parse_ip(&syn).0.protocol, 6);
    assert_eq!(again.rx.error(), None);
}

#[test]
fn no_route_is_told_at_once() {
    let mut lab = Lab::new();
    let error = lab.host.tcp_connect(lab.now, None, endpoint("192.0.2.1:80")).unwrap_err();
    assert_eq!(error, SocketError::NetworkUnreachable);
}

#[test]
fn a_port_without_listener_refuses() {
    let mut pair = Pair::new();
    let client = pair.hosts[0].tcp_connect(pair.now, None, endpoint("10.0.0.2:81")).unwrap();
    pair.exchange();
    assert_eq!(client.rx.error(), Some(SocketError::ConnectionRefused.code()));
}

#[test]
fn tcpf_18_packet_too_big_for_a_segment_in_flight_lowers_the_path() {
    let mut pair = Pair::new();
    let (mut client, _server) = connect(&mut pair, "10.0.0.2:80");
    client.tx.write(&[7; 5000]);
    pair.hosts[0].app_wrote(pair.now, client.id);
    let frames = frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]);
    let message = Message::PacketTooBig { mtu: 1000, quote: &frames[0][14..] };
    let mut frame = icmp_frame(PEER, US, &message);
    let meta = wire::offload::RxMeta::default();
    let verdict = pair.hosts[0].receive(pair.now, pair.ifindex[0], meta, &mut frame);
    assert_eq!(verdict, Verdict::Consumed);
    assert_eq!(pair.hosts[0].fib().path(PEER, None, None).unwrap().mtu, 1000);
    let again = frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]);
    assert!(!again.is_empty());
    assert!(again.iter().all(|f| f.len() <= 14 + 1000), "smaller segments from now on");
}

/// TCPX-08, PMTU-01: what one connection learned of the path, the next one knows.
/// ARCH-04, GAP-28.
#[test]
fn tcpx_08_a_new_connection_starts_from_the_path_mtu_that_is_known() {
    let mut pair = Pair::new();
    let (mut first, _server) = connect(&mut pair, "10.0.0.2:80");
    first.tx.write(&[7; 5000]);
    pair.hosts[0].app_wrote(pair.now, first.id);
    let frames = frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]);
    assert!(frames[0].len() > 14 + 1000);
    let message = Message::PacketTooBig { mtu: 1000, quote: &frames[0][14..] };
    let mut frame = icmp_frame(PEER, US, &message);
    let meta = wire::offload::RxMeta::default();
    pair.hosts[0].receive(pair.now, pair.ifindex[0], meta, &mut frame);
    let mut second = pair.hosts[0].tcp_connect(pair.now, None, endpoint("10.0.0.2:80")).unwrap();
    pair.exchange();
    second.tx.write(&[7; 5000]);
    pair.hosts[0].app_wrote(pair.now, second.id);
    let frames = frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]);
    let longest = frames.iter().map(Vec::len).max();
    assert_eq!(longest, Some(14 + 1000));
}

/// TCPO-13, TCPR-09, TCPR-10, ARCH-08: numbers and ports follow from keys, so that hosts with other
/// keys have others.
#[test]
fn tcpo_13_tcpr_10_sequence_numbers_and_ports_depend_on_the_keys() {
    let syn = |seed, local: Option<&str>| {
        let mut host = crate::Host::new(crate::Limits::default(), seed);
        let now = crate::Instant::from_millis(1000);
        let eth0 = host.interface_add(now, ethernet_config("eth0", MAC)).unwrap();
        host.address_add(now, eth0, cidr("10.0.0.1/24")).unwrap();
        host.neighbor_add(now, eth0, PEER, PEER_MAC).unwrap();
        frames_of(&mut host, now, eth0);
        host.tcp_connect(now, local.map(endpoint), endpoint("10.0.0.2:80")).unwrap();
        let frame = frames_of(&mut host, now, eth0).remove(0);
        (frame[34..36].to_vec(), frame[38..42].to_vec())
    };
    assert_eq!(syn(1, Some("10.0.0.1:4000")), syn(1, Some("10.0.0.1:4000")));
    assert_ne!(syn(1, Some("10.0.0.1:4000")).1, syn(2, Some("10.0.0.1:4000")).1);
    let ports: std::collections::BTreeSet<_> = (1..9).map(|seed| syn(seed, None).0).collect();
    assert!(ports.len() > 5, "{ports:?}");
}

/// CTL-21.
#[test]
fn tcpf_16_connections_end_with_their_address() {
    let mut pair = Pair::new();
    let (client, server) = connect(&mut pair, "10.0.0.2:80");
    pair.hosts[1].address_del(pair.now, pair.ifindex[1], PEER).unwrap();
    pair.exchange();
    assert!(server.rx.finish_requested());
    assert_eq!(pair.hosts[1].sockets().iter().filter(|s| s.state == "ESTAB").count(), 0);
    drop(client);
}

#[test]
fn nud_12_progress_confirms_the_neighbour() {
    let mut pair = Pair::new();
    let (mut client, mut server) = connect(&mut pair, "10.0.0.2:80");
    // A minute of traffic: no probe in between but those of the first seconds.
    let mut probes = Vec::new();
    for second in 0..60 {
        client.tx.write(b"tick");
        pair.hosts[0].app_wrote(pair.now, client.id);
        for _ in 0..10 {
            pair.now += Duration::from_millis(100);
            pair.hosts.iter_mut().for_each(|host| host.expire(pair.now));
            let frames = frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]);
            for mut frame in frames {
                if ethernet::parse(&frame).unwrap().ethertype == ethernet::ETHERTYPE_ARP {
                    probes.push(second);
                }
                let meta = wire::offload::RxMeta::default();
                pair.hosts[1].receive(pair.now, pair.ifindex[1], meta, &mut frame);
            }
            pair.exchange();
        }
        let len = server.rx.len();
        server.rx.release(len);
        pair.hosts[1].app_read(pair.now, server.id);
    }
    assert!(probes.is_empty(), "{probes:?}");
    let neighbors = pair.hosts[0].neighbors(pair.now);
    let peer = neighbors.iter().find(|n| n.ip == PEER).unwrap();
    assert_eq!(peer.state, NudState::Reachable);
}

#[test]
fn an_established_connection_survives_a_silent_neighbour() {
    let mut pair = Pair::new();
    let (mut client, mut server) = connect(&mut pair, "10.0.0.2:80");
    pair.hosts[0].neighbor_flush(pair.now, None);
    client.tx.write(b"are you there?");
    pair.hosts[0].app_wrote(pair.now, client.id);
    // Nobody answers for twenty seconds.
    for _ in 0..200 {
        pair.now += Duration::from_millis(100);
        pair.hosts[0].expire(pair.now);
        frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]);
    }
    assert_eq!(client.rx.error(), None);
    assert!(server.rx.is_empty());
    // Then it is back.
    pair.wait(Duration::from_secs(20));
    let mut got = [0; 64];
    let len = server.rx.read(&mut got);
    assert_eq!(&got[..len], b"are you there?");
}

#[test]
fn a_neighbour_that_changes_its_link_address_is_found_again() {
    let mut lab = Lab::new();
    lab.receive(&arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, PEER, US))).unwrap();
    lab.sent();
    let _client = lab.host.tcp_connect(lab.now, None, endpoint("10.0.0.2:80")).unwrap();
    let syn = lab.sent_one();
    assert_eq!(syn[..6], PEER_MAC.0);
    let mut moved = arp_from_peer(REQUEST, PEER, PEER);
    moved.sender_mac = Mac([2, 0, 0, 0, 0, 9]);
    lab.receive(&arp_frame(Mac::BROADCAST, &moved)).unwrap();
    lab.wait(Duration::from_secs(2));
    let frames = lab.sent();
    let syns: Vec<_> = frames.iter().filter(|f| f[12..14] == [8, 0]).collect();
    assert!(!syns.is_empty() && syns.iter().all(|f| f[..6] == moved.sender_mac.0));
}
