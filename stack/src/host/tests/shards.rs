//! Hosts of several shards: every frame finds its owner from whatever worker it came in by, and
//! sockets look to their users as with one.

use std::collections::BTreeSet;

use addr::Endpoint;
use wire::icmp::Message;
use wire::offload::RxMeta;

use crate::event::Readiness;
use crate::host::Host;
use crate::host::fixture::*;
use crate::limits::Limits;
use crate::shard::index::ShardIndex;
use crate::socket::{SocketError, SocketId, SocketRings};
use crate::stats::Stats;
use crate::tcp::{ListenOptions, State, TcpOption};
use crate::time::Duration;
use crate::udp::UdpOptions;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn listen(pair: &mut Pair, local: &str, backlog: u32) -> SocketId {
    let options = ListenOptions { backlog, only_v6: false };
    pair.hosts[1].tcp_listen(pair.now, endpoint(local), options).unwrap()
}

fn accept_all(pair: &mut Pair, listener: SocketId) -> Vec<SocketRings> {
    let Pair { hosts, now, .. } = pair;
    core::iter::from_fn(|| hosts[1].tcp_accept(*now, listener).unwrap()).collect()
}

fn shards_of<'a>(rings: impl IntoIterator<Item = &'a SocketRings>) -> BTreeSet<usize> {
    rings.into_iter().map(|rings| rings.id.shard.get()).collect()
}

/// Nothing is lost between workers, and their counters add up.
fn check(host: &Host) {
    let mut sum = Stats::default();
    for shard in ShardIndex::first(host.shards()) {
        let stats = host.worker(shard).unwrap().stats();
        assert!(stats.is_balanced());
        assert_eq!(stats.dropped(crate::DropReason::ShardBusy), 0);
        sum.merge(&stats);
    }
    let total: Vec<_> = host.stats().counters().collect();
    assert_eq!(total, sum.counters().collect::<Vec<_>>());
}

/// Sends `data` both ways over every pair of ends, and finishes.
fn talk(pair: &mut Pair, clients: &mut [SocketRings], servers: &mut [SocketRings], data: &[u8]) {
    for (host, rings) in [(0, &mut *clients), (1, &mut *servers)] {
        for ends in rings {
            assert_eq!(ends.tx.write(data), data.len());
            ends.tx.finish();
            pair.hosts[host].app_wrote(pair.now, ends.id);
        }
    }
    pair.wait(Duration::from_millis(500));
    for (host, rings) in [(0, clients), (1, servers)] {
        for ends in rings {
            let mut got = vec![0; data.len()];
            assert_eq!(ends.rx.read(&mut got), data.len(), "{ends:?}");
            assert!(got == data && ends.rx.is_finished());
            pair.hosts[host].app_read(pair.now, ends.id);
            pair.hosts[host].close(pair.now, ends.id);
        }
    }
}

#[test]
fn connections_live_on_all_shards_and_are_accepted_in_one_queue() {
    for shards in [2, 4] {
        let mut pair = Pair::with_shards(shards);
        let listener = listen(&mut pair, "[::]:80", 100);
        let mut clients = Vec::new();
        for n in 0..64 {
            let to = if n % 2 == 0 { "10.0.0.2:80" } else { "[2001:db8::2]:80" };
            clients.push(pair.hosts[0].tcp_connect(pair.now, None, endpoint(to)).unwrap());
            pair.exchange();
        }
        let events: Vec<_> = core::iter::from_fn(|| pair.hosts[1].next_event()).collect();
        assert_eq!(events, [(listener, Readiness::INCOMING)], "held back until accepted");
        let mut servers = accept_all(&mut pair, listener);
        assert_eq!(servers.len(), 64);
        assert_eq!(shards_of(&clients).len(), shards);
        assert_eq!(shards_of(&servers).len(), shards);
        let peers: Vec<_> = servers.iter().map(|ends| ends.remote.unwrap().port).collect();
        let ports: Vec<_> = clients.iter().map(|ends| ends.local.port).collect();
        assert_eq!(peers, ports, "accepted in the order in which they came");
        let told: BTreeSet<_> =
            core::iter::from_fn(|| pair.hosts[1].next_event()).map(|(id, _)| id).collect();
        assert_eq!(told, servers.iter().map(|ends| ends.id).collect());
        talk(&mut pair, &mut clients, &mut servers, &[7; 30_000]);
        pair.wait(Duration::from_secs(200));
        pair.hosts[1].close(pair.now, listener);
        for host in &pair.hosts {
            check(host);
            assert!(host.sockets().is_empty(), "{:?}", host.sockets());
            assert!(host.stats().frames_handed_over > 0);
            assert_eq!(host.stats().tcp_resets_out, 0);
        }
    }
}

#[test]
fn the_backlog_holds_over_all_shards() {
    let mut pair = Pair::with_shards(4);
    let listener = listen(&mut pair, "10.0.0.2:80", 4);
    for _ in 0..30 {
        pair.hosts[0].tcp_connect(pair.now, None, endpoint("10.0.0.2:80")).unwrap();
        pair.exchange();
    }
    let waiting = |pair: &Pair| {
        let sockets = pair.hosts[1].sockets();
        sockets.iter().find(|s| s.id == Some(listener)).unwrap().recv_queue
    };
    assert_eq!(waiting(&pair), 5, "one more than the backlog, as on Linux");
    assert_eq!(accept_all(&mut pair, listener).len(), 5);
    // Those that were refused ask again.
    pair.wait(Duration::from_secs(8));
    assert!((1..=5).contains(&waiting(&pair)));
    check(&pair.hosts[1]);
}

/// Handshakes that peers begin and do not finish: as many as with one shard, cookies for the rest.
#[test]
fn half_open_connections_are_counted_over_all_shards() {
    for (shards, backlog, most) in [(1, 6, 7), (4, 6, 7), (4, 1, 2), (2, 100, 16)] {
        let limits = Limits { tcp_embryos: 16, ..Limits::default() };
        let mut pair = Pair::with_limits(shards, limits);
        let listener = listen(&mut pair, "10.0.0.2:80", backlog);
        let to = endpoint("10.0.0.2:80");
        // The first one makes the hosts known to each other.
        pair.hosts[0].tcp_connect(pair.now, None, to).unwrap();
        pair.exchange();
        assert_eq!(accept_all(&mut pair, listener).len(), 1);
        let half_open = |pair: &Pair| {
            let sockets = pair.hosts[1].sockets();
            sockets.iter().filter(|s| s.state == "SYN-RECV").count()
        };
        for _ in 0..60 {
            pair.hosts[0].tcp_connect(pair.now, None, to).unwrap();
            for mut syn in frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]) {
                pair.hosts[1].receive(pair.now, pair.ifindex[1], RxMeta::default(), &mut syn);
            }
            let answers = frames_of(&mut pair.hosts[1], pair.now, pair.ifindex[1]);
            assert_eq!(answers.len(), 1, "a SYN-ACK, with a cookie or without");
        }
        assert_eq!(half_open(&pair), most, "{shards} shards, backlog {backlog}");
        // What one shard gives up the others may have. Peers whose SYNs are repeated now finish.
        pair.wait(Duration::from_secs(130));
        assert_eq!(half_open(&pair), 0);
        while !accept_all(&mut pair, listener).is_empty() {}
        pair.hosts[0].tcp_connect(pair.now, None, to).unwrap();
        for mut syn in frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]) {
            pair.hosts[1].receive(pair.now, pair.ifindex[1], RxMeta::default(), &mut syn);
        }
        assert_eq!(half_open(&pair), 1);
        check(&pair.hosts[1]);
    }
}

#[test]
fn a_listener_that_closes_resets_what_nobody_accepted_on_every_shard() {
    let mut pair = Pair::with_shards(4);
    let listener = listen(&mut pair, "10.0.0.2:80", 64);
    let connect = |pair: &mut Pair| {
        let to = endpoint("10.0.0.2:80");
        let ends = pair.hosts[0].tcp_connect(pair.now, None, to).unwrap();
        pair.exchange();
        ends
    };
    let clients: Vec<_> = (0..32).map(|_| connect(&mut pair)).collect();
    let accepted = pair.hosts[1].tcp_accept(pair.now, listener).unwrap().unwrap();
    pair.hosts[1].close(pair.now, listener);
    pair.exchange();
    let reset = |ends: &&SocketRings| ends.rx.error() == Some(SocketError::ConnectionReset.code());
    assert_eq!(clients.iter().filter(reset).count(), 31);
    assert_eq!(pair.hosts[1].tcp_state(accepted.id), Some(State::Established));
    let refused = connect(&mut pair);
    assert_eq!(refused.rx.error(), Some(SocketError::ConnectionRefused.code()));
    // The port is free again.
    let listener = listen(&mut pair, "10.0.0.2:80", 64);
    assert!(connect(&mut pair).rx.error().is_none());
    assert_eq!(accept_all(&mut pair, listener).len(), 1);
    check(&pair.hosts[1]);
}

#[test]
fn replicas_hear_of_options_and_conflicts_are_seen_from_any_shard() {
    let mut pair = Pair::with_shards(4);
    let listener = listen(&mut pair, "10.0.0.2:80", 64);
    pair.hosts[1].set_tcp_option(pair.now, listener, TcpOption::MaxSegment(500)).unwrap();
    for _ in 0..16 {
        pair.hosts[0].tcp_connect(pair.now, None, endpoint("10.0.0.2:80")).unwrap();
        pair.exchange();
    }
    for ends in accept_all(&mut pair, listener) {
        assert!(pair.hosts[1].tcp_detail(ends.id).unwrap().mss <= 500);
    }
    let again = ListenOptions { backlog: 1, only_v6: false };
    let in_use = Err(SocketError::AddressInUse);
    assert_eq!(pair.hosts[1].tcp_listen(pair.now, endpoint("[::]:80"), again), in_use);
    // On any other worker than its home a port cannot be taken at all.
    let home = pair.hosts[1].worker(ShardIndex::ZERO).unwrap().home_of_port(81);
    for mut worker in pair.hosts.into_iter().nth(1).unwrap().into_workers() {
        let result = worker.tcp_listen(pair.now, endpoint("[::]:81"), again).map(|id| id.shard);
        let expected =
            if worker.shard() == home { Ok(home) } else { Err(SocketError::InvalidArgument) };
        assert_eq!(result, expected);
    }
}

#[test]
fn a_connection_between_given_ports_goes_to_its_home() {
    let mut pair = Pair::with_shards(4);
    let listener = listen(&mut pair, "10.0.0.2:80", 64);
    let mut clients: Vec<_> = (0..32u16)
        .map(|n| {
            let local = Endpoint::new(PEER_OF_PAIR, 5_000 + n);
            let to = endpoint("10.0.0.2:80");
            let ends = pair.hosts[0].tcp_connect(pair.now, Some(local), to).unwrap();
            let again = pair.hosts[0].tcp_connect(pair.now, Some(local), to);
            assert_eq!(again.unwrap_err(), SocketError::AddressInUse);
            pair.exchange();
            ends
        })
        .collect();
    assert_eq!(shards_of(&clients).len(), 4);
    let mut servers = accept_all(&mut pair, listener);
    talk(&mut pair, &mut clients, &mut servers, b"hello");
}

/// Address of host 0 of a pair.
const PEER_OF_PAIR: addr::Ip = addr::Ip::v4([10, 0, 0, 1]);

#[test]
fn datagrams_and_their_fragments_reach_the_home_of_the_port() {
    let mut pair = Pair::with_shards(4);
    let bind = |pair: &mut Pair, host: usize, local: &str| {
        pair.hosts[host].udp_bind(pair.now, endpoint(local), UdpOptions::default()).unwrap()
    };
    let mut servers: Vec<_> =
        (0..16).map(|n| bind(&mut pair, 1, &format!("[::]:{}", 9_000 + n))).collect();
    assert_eq!(shards_of(&servers).len(), 4);
    let mut client = bind(&mut pair, 0, "[::]:0");
    for (n, len) in (0..16u16).zip([10, 5_000, 40_000, 1_472].into_iter().cycle()) {
        for to in ["10.0.0.2", "[2001:db8::2]"] {
            let to = endpoint(&format!("{to}:{}", 9_000 + n));
            write_datagram(&mut client, Some(to), &vec![n as u8; len]);
            pair.hosts[0].app_wrote(pair.now, client.id);
            pair.exchange();
        }
        for _ in 0..2 {
            let (from, data) = read_datagram(&mut servers[usize::from(n)]).unwrap();
            assert_eq!(data, vec![n as u8; len]);
            write_datagram(&mut servers[usize::from(n)], Some(from), &data);
            pair.hosts[1].app_wrote(pair.now, servers[usize::from(n)].id);
            pair.exchange();
            assert_eq!(read_datagram(&mut client).unwrap().1, data);
        }
    }
    for host in &pair.hosts {
        check(host);
        assert!(host.stats().packets_handed_over > 0);
    }
}

#[test]
fn ports_stay_unique_over_all_shards() {
    let mut pair = Pair::with_shards(4);
    let bind = |pair: &mut Pair| {
        let local = endpoint("[::]:0");
        pair.hosts[0].udp_bind(pair.now, local, UdpOptions::default()).unwrap()
    };
    let rings: Vec<_> = (0..200).map(|_| bind(&mut pair)).collect();
    let ports: BTreeSet<_> = rings.iter().map(|ends| ends.local.port).collect();
    assert_eq!((ports.len(), shards_of(&rings).len()), (200, 4));
    let again = Endpoint::new(addr::Ip::UNSPECIFIED_V4, *ports.first().unwrap());
    let result = pair.hosts[0].udp_bind(pair.now, again, UdpOptions::default());
    assert_eq!(result.unwrap_err(), SocketError::AddressInUse);
}

#[test]
fn errors_go_where_the_flow_lives_that_they_quote() {
    let limits = Limits { icmp_ratelimit: Duration::ZERO, ..Limits::default() };
    let mut pair = Pair::with_limits(4, limits);
    // UDP: a refusal reaches the connected socket.
    for n in 0..8 {
        let local = endpoint(&format!("10.0.0.1:{}", 6_000 + n));
        let mut ends = pair.hosts[0].udp_bind(pair.now, local, UdpOptions::default()).unwrap();
        let to = endpoint("10.0.0.2:999");
        pair.hosts[0].udp_connect(pair.now, ends.id, Some(to)).unwrap();
        write_datagram(&mut ends, Some(to), b"anyone?");
        pair.hosts[0].app_wrote(pair.now, ends.id);
        pair.exchange();
        assert_eq!(pair.hosts[0].take_error(ends.id), Some(SocketError::ConnectionRefused));
    }
    // TCP: a smaller path is learned from a quote of a segment in flight.
    let listener = listen(&mut pair, "10.0.0.2:80", 64);
    for _ in 0..8 {
        let to = endpoint("10.0.0.2:80");
        let mut ends = pair.hosts[0].tcp_connect(pair.now, None, to).unwrap();
        pair.exchange();
        ends.tx.write(&[1; 1_400]);
        pair.hosts[0].app_wrote(pair.now, ends.id);
        let segment = frames_of(&mut pair.hosts[0], pair.now, pair.ifindex[0]).remove(0);
        let mtu = 1_200;
        let message = Message::PacketTooBig { mtu, quote: &segment[14..14 + 60] };
        let error = icmp_payload(PEER, PEER_OF_PAIR, &message);
        let packet = packet(&icmp_header(PEER, PEER_OF_PAIR), &error);
        let mut frame = eth(addr::Mac([2, 0, 0, 0, 0, 1]), 0x0800, &packet);
        pair.hosts[0].receive(pair.now, pair.ifindex[0], RxMeta::default(), &mut frame);
        let mss = pair.hosts[0].tcp_detail(ends.id).unwrap().mss;
        assert!(mss <= mtu - 40, "{mss}");
        pair.hosts[0].abort(pair.now, ends.id);
        pair.exchange();
        pair.wait(Duration::from_secs(601));
    }
    accept_all(&mut pair, listener);
    check(&pair.hosts[0]);
}

#[test]
fn a_host_talks_to_itself_over_all_shards() {
    let mut pair = Pair::with_shards(4);
    let host = &mut pair.hosts[1];
    let options = ListenOptions { backlog: 64, only_v6: false };
    let listener = host.tcp_listen(pair.now, endpoint("[::]:80"), options).unwrap();
    let mut clients = Vec::new();
    for to in ["127.0.0.1:80", "10.0.0.2:80", "[::1]:80", "[2001:db8::2]:80"].repeat(8) {
        clients.push(host.tcp_connect(pair.now, None, endpoint(to)).unwrap());
        host.expire(pair.now);
    }
    let mut servers: Vec<_> =
        core::iter::from_fn(|| host.tcp_accept(pair.now, listener).unwrap()).collect();
    assert_eq!((clients.len(), servers.len()), (32, 32));
    for ends in clients.iter_mut().chain(&mut servers) {
        assert_eq!(ends.tx.write(&[3; 50_000]), 50_000);
        host.app_wrote(pair.now, ends.id);
    }
    for _ in 0..200 {
        pair.now += Duration::from_millis(5);
        host.expire(pair.now);
    }
    for ends in clients.iter().chain(&servers) {
        assert_eq!(ends.rx.len(), 50_000);
    }
    // Datagrams cross from shard to shard.
    let bind = |host: &mut Host, port: u16| {
        let local = Endpoint::new(addr::Ip::UNSPECIFIED_V4, port);
        host.udp_bind(pair.now, local, UdpOptions::default()).unwrap()
    };
    let mut ends: Vec<_> = (0..8).map(|n| bind(host, 7_000 + n)).collect();
    for (from, rings) in ends.iter_mut().enumerate() {
        for port in 7_000..7_008 {
            let to = Endpoint::new(addr::Ip::v4([127, 0, 0, 1]), port);
            write_datagram(rings, Some(to), &[from as u8; 100]);
        }
        host.app_wrote(pair.now, rings.id);
        host.expire(pair.now);
    }
    for rings in &mut ends {
        let got: Vec<_> = core::iter::from_fn(|| read_datagram(rings)).collect();
        assert_eq!(got.len(), 8);
    }
    check(host);
}

#[test]
fn every_shard_hears_of_addresses_that_go() {
    let mut pair = Pair::with_shards(4);
    let listener = listen(&mut pair, "10.0.0.2:80", 64);
    for _ in 0..16 {
        pair.hosts[0].tcp_connect(pair.now, None, endpoint("10.0.0.2:80")).unwrap();
        pair.exchange();
    }
    let servers = accept_all(&mut pair, listener);
    assert_eq!(shards_of(&servers).len(), 4);
    pair.hosts[1].address_del(pair.now, pair.ifindex[1], PEER).unwrap();
    for ends in &servers {
        assert_eq!(pair.hosts[1].tcp_state(ends.id), None);
        assert_eq!(ends.rx.error(), Some(SocketError::ConnectionAborted.code()));
    }
    check(&pair.hosts[1]);
}
