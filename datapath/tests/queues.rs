//! Two queues and two shards on devices of the kernel, in namespaces of their own. Needs root.

mod support;

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use addr::Mac;
use datapath::{
    Backend, OpenPort, PortConfig, PortError, default_queues, open_queues, single_shard,
};
use support::{Netns, veth_queues};
use wire::offload::{Medium, RxMeta};
use wire::{ethernet, ip};

const OURS: [u8; 4] = [10, 77, 0, 2];
/// How many flows the kernel sends, of how many datagrams each.
const FLOWS: u16 = 64;
const DATAGRAMS: u16 = 20;
const PORT: u16 = 9000;

/// The UDP destination port of a frame for us.
fn port_of(bytes: &[u8], medium: Medium) -> Option<u16> {
    let packet = match medium {
        Medium::Ethernet => ethernet::parse(bytes).ok()?.payload,
        Medium::Ip => bytes,
    };
    let header = ip::parse(packet).ok().filter(|header| header.protocol == ip::PROTO_UDP)?;
    let payload = header.payload(packet);
    Some(u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]))
}

/// The kernel of `peer` sends many flows to us through `device`, and all of it arrives once: at the
/// shard that the destination port names, and through both queues.
fn every_datagram_arrives_where_it_belongs(
    mut ports: Vec<OpenPort>,
    peer: &Netns,
    device: &str,
    mac: Mac,
) {
    let medium = ports[0].2.medium;
    if medium == Medium::Ethernet {
        peer.ip(&format!("neigh replace 10.77.0.2 lladdr {mac} dev {device}"));
    }
    let sender = peer.enter(|| UdpSocket::bind("10.77.0.1:0")).unwrap();
    let steer = |bytes: &[u8], _: &RxMeta| usize::from(port_of(bytes, medium).unwrap_or(0) % 2);
    let mut arrived = BTreeSet::new();
    for number in 0..DATAGRAMS {
        for flow in 0..FLOWS {
            let payload = [number.to_be_bytes(), flow.to_be_bytes()].concat();
            sender.send_to(&payload, SocketAddr::from((OURS, PORT + flow))).unwrap();
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while arrived.len() < usize::from(FLOWS) * usize::from(number + 1) {
            assert!(Instant::now() < deadline, "{} arrived", arrived.len());
            for (port, links, _) in &mut ports {
                port.turn(64, steer);
                assert!(port.frames().is_conserved(), "{:?}", port.frames());
                for (shard, link) in links.iter_mut().enumerate() {
                    while let Some(frame) = link.rx.pop() {
                        let bytes = frame.frame.bytes();
                        if let Some(to) = port_of(bytes, medium).filter(|&to| to >= PORT) {
                            assert_eq!(usize::from(to % 2), shard, "port {to}");
                            let payload = &bytes[bytes.len() - 4..];
                            assert!(arrived.insert(payload.to_vec()), "{payload:?} came twice");
                        }
                        link.rx_done.push(frame.frame).expect("the ring has room");
                    }
                }
            }
        }
    }
    for (port, _, info) in &mut ports {
        port.turn(64, steer);
        let (stats, account) = (port.stats(), port.frames());
        assert!(stats.rx_packets > 0, "queue {} carries flows", info.queue);
        assert_eq!((stats.rx_dropped, stats.rx_errors), (0, 0), "{stats:?}");
        assert_eq!((account.stack, account.rx), (0, 0), "{account:?}");
        let shards = [0, 1].map(|shard| port.shard_stats(shard).unwrap().rx_packets);
        assert!(!shards.contains(&0), "queue {}: {shards:?}", info.queue);
        assert_eq!(shards.iter().sum::<u64>(), stats.rx_packets);
    }
}

#[test]
fn a_tap_with_two_queues_serves_two_shards() {
    let ns = Netns::new("mqtap");
    let ports = ns.enter(|| open_queues(&PortConfig::new("tap7"), 2, 2)).expect("it opens");
    assert_eq!(ports.iter().map(|(_, _, info)| info.queue).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(ports[0].0.frames().total, 256, "64 for each shard and direction");
    ns.ip("addr add 10.77.0.1/24 dev tap7");
    every_datagram_arrives_where_it_belongs(ports, &ns, "tap7", Mac([2, 0, 0, 0, 9, 1]));
}

#[test]
fn a_tun_with_two_queues_serves_two_shards() {
    let ns = Netns::new("mqtun");
    let ports = ns.enter(|| open_queues(&PortConfig::new("tun7"), 2, 2)).expect("it opens");
    ns.ip("addr add 10.77.0.1/24 dev tun7");
    every_datagram_arrives_where_it_belongs(ports, &ns, "tun7", Mac([0; 6]));
}

/// GAP-70.
#[test]
fn a_veth_with_two_queues_serves_two_shards() {
    let (left, right) = veth_queues("mqx", 2);
    right.ip("addr add 10.77.0.1/24 dev b");
    let config = PortConfig { backend: Backend::Xdp, ..PortConfig::new("a") };
    assert_eq!(left.enter(|| default_queues(&config, 2)).unwrap(), 2);
    let ports = left.enter(|| open_queues(&config, 2, 2)).expect("both queues open");
    let info = &ports[1].2;
    assert!(info.mode.ends_with("exclusive queues 0-1"), "{}", info.mode);
    assert_eq!((info.queue, info.unserved_queues), (1, 0));
    let mac = ports[0].2.mac.expect("it is Ethernet");
    every_datagram_arrives_where_it_belongs(ports, &right, "b", mac);
}

#[test]
fn a_queue_without_a_socket_is_left_to_the_kernel_and_counted() {
    let (left, right) = veth_queues("mqone", 2);
    right.ip("addr add 10.77.0.1/24 dev b");
    let config = PortConfig { backend: Backend::Xdp, ..PortConfig::new("a") };
    let mut ports = left.enter(|| open_queues(&config, 1, 1)).expect("it opens");
    let (port, links, info) = &mut ports[0];
    right.ip(&format!("neigh replace 10.77.0.2 lladdr {} dev b", info.mac.unwrap()));
    let sender = right.enter(|| UdpSocket::bind("10.77.0.1:0")).unwrap();
    for flow in 0..FLOWS {
        sender.send_to(b"which queue", SocketAddr::from((OURS, PORT + flow))).unwrap();
    }
    let mut came = 0;
    let deadline = Instant::now() + Duration::from_secs(10);
    let count = |port: &mut datapath::Port, name| {
        let verdicts = port.control().expect("XDP can be steered").verdicts().unwrap();
        verdicts.into_iter().find(|(verdict, _)| *verdict == name).unwrap().1
    };
    let passed = loop {
        port.turn(64, single_shard);
        while let Some(frame) = links[0].rx.pop() {
            came += 1;
            links[0].rx_done.push(frame.frame).expect("the ring has room");
        }
        let passed = count(port, "pass_no_socket");
        if came + passed >= u64::from(FLOWS) {
            break passed;
        }
        assert!(Instant::now() < deadline, "{came} came, {passed} were passed on");
    };
    assert!(passed > 0 && came > 0, "both queues carry flows: {came} came, {passed} passed");
}

#[test]
fn as_many_queues_as_suit_the_device() {
    let ns = Netns::new("mqhow");
    ns.ip("tuntap add tap1 mode tap");
    ns.ip("tuntap add tapn mode tap multi_queue");
    ns.ip("tuntap add tun1 mode tun");
    ns.ip("link add v1 type veth peer name w1");
    ns.ip("link add v4 numrxqueues 4 numtxqueues 4 type veth peer name w4 numtxqueues 4");
    ns.ip("link add br0 type bridge");
    ns.ip("link add mv link v1 numrxqueues 2 type macvlan");
    ns.ip("link add v65 numrxqueues 65 numtxqueues 65 type veth peer name w65 numtxqueues 65");
    for (name, shards, queues) in [
        ("tap9", 3, 3),
        ("tap1", 3, 1),
        ("tapn", 3, 3),
        ("tapn", 1, 1),
        ("tapn", 1000, 64),
        ("tun1", 2, 1),
        ("v1", 2, 1),
        ("v4", 1, 4),
        ("v4", 8, 4),
        ("mv", 1, 2),
        ("br0", 8, 1),
    ] {
        let found = ns.enter(|| default_queues(&PortConfig::new(name), shards));
        assert_eq!(found.expect(name), queues, "{name} for {shards} shards");
    }
    let many = ns.enter(|| default_queues(&PortConfig::new("v65"), 1)).unwrap_err().to_string();
    assert!(many.starts_with("v65: has 65 receive queues, of which 64 can be served"), "{many}");
    assert!(many.ends_with("`ethtool -L v65 combined 64`"), "{many}");
    let from_one = PortConfig { queue: 1, ..PortConfig::new("v4") };
    assert_eq!(ns.enter(|| default_queues(&from_one, 8)).unwrap(), 3, "from the second queue on");
    let missing = PortConfig { create: false, ..PortConfig::new("tap9") };
    let refused = ns.enter(|| default_queues(&missing, 2));
    assert!(matches!(refused, Err(PortError::NotFound { .. })), "{refused:?}");
}

#[test]
fn a_tap_made_for_one_queue_says_how_to_make_one_for_several() {
    let ns = Netns::new("mqno");
    ns.ip("tuntap add tap7 mode tap");
    ns.ip("tuntap add tun7 mode tun");
    let refused = |name: &str| {
        let opened = ns.enter(|| open_queues(&PortConfig::new(name), 2, 2).map(drop));
        opened.expect_err("it has one queue").to_string()
    };
    assert_eq!(
        refused("tap7"),
        "tap7: was made for one queue, 2 are asked for; make it with \
         `ip tuntap add tap7 mode tap multi_queue`, or ask for one"
    );
    assert!(refused("tun7").contains("`ip tuntap add tun7 mode tun multi_queue`"));
    // One queue of it serves two shards.
    let ports = ns.enter(|| open_queues(&PortConfig::new("tap7"), 1, 2)).expect("it opens");
    assert_eq!(ports[0].1.len(), 2);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let ns = Netns::new("mqbad");
    let few = PortConfig { rx_frames: 2, tx_frames: 2, ..PortConfig::new("tap7") };
    for (config, queues, shards, why) in [
        (PortConfig::new("tap7"), 0, 1, "the number of queues must be 1 to 64"),
        (PortConfig::new("tap7"), 65, 1, "the number of queues must be 1 to 64"),
        (PortConfig::new("tap7"), 1, 0, "the number of shards must be 1 to 64"),
        (PortConfig::new("tap7"), 1, 65, "the number of shards must be 1 to 64"),
        (few, 1, 3, "fewer frames in one direction than shards"),
    ] {
        let refused = ns.enter(|| open_queues(&config, queues, shards).map(drop));
        assert_eq!(refused.unwrap_err().to_string(), format!("tap7: {why}"));
    }
}

/// A device of several queues takes in whoever asks, and spreads its flows over all: a second user
/// would take a part of the first one's.
#[test]
fn a_multi_queue_device_has_one_user() {
    let ns = Netns::new("mqalone");
    for kind in ["tap", "tun"] {
        ns.ip(&format!("tuntap add {kind}7 mode {kind} multi_queue"));
        let config = PortConfig::new(format!("{kind}7"));
        let first = ns.enter(|| open_queues(&config, 2, 1)).expect("both queues open");
        for queues in [1, 3] {
            let refused = ns.enter(|| open_queues(&config, queues, 1)).map(|_| ());
            let why = refused.expect_err("the device is in use");
            assert!(matches!(why, PortError::Busy { .. }), "{why}");
            assert!(why.to_string().contains("another user has queues of it"), "{why}");
        }
        // The first goes on, and whoever comes after it is let in.
        drop(first);
        drop(ns.enter(|| open_queues(&config, 1, 1)).expect("nobody is there"));
    }
}

/// Two that start at the same moment: one gets it.
#[test]
fn of_two_that_open_at_once_one_gets_the_device() {
    let ns = Netns::new("mqrace");
    ns.ip("tuntap add tap7 mode tap multi_queue");
    let config = PortConfig::new("tap7");
    let open = || ns.enter(|| open_queues(&config, 2, 1));
    let opened = std::thread::scope(|scope| {
        let rivals = [(); 2].map(|()| scope.spawn(open));
        rivals.map(|rival| rival.join().expect("no panic"))
    });
    let won = opened.iter().filter(|opened| opened.is_ok()).count();
    assert_eq!(won, 1, "{:?}", opened.each_ref().map(|o| o.as_ref().err()));
}
