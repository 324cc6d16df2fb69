//! AF_XDP ports on veth pairs, in namespaces of their own. Needs root.

mod support;

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use addr::Ip;
use datapath::{Backend, PortConfig, PortError, Sharing, TxFrame, ZeroCopy, single_shard};
use support::tcp::exchange;
use support::{Host, Netns, say, veth};
use wire::offload::{RxChecksum, RxMeta, TxMeta};
use wire::{ethernet, ip};

const KERNEL: [u8; 4] = [10, 77, 0, 1];
const OURS: [u8; 4] = [10, 77, 0, 2];

fn config() -> PortConfig {
    PortConfig { backend: Backend::Xdp, ..PortConfig::new("a") }
}

/// The port on `a` in the first namespace; the kernel has 10.77.0.1 on `b` in the second.
fn laboratory(tag: &str, config: &PortConfig) -> (Netns, Netns, Host) {
    let (left, right) = veth(tag);
    right.ip("addr add 10.77.0.1/24 dev b");
    let mut host = left.enter(|| Host::open(config, OURS));
    host.mac = host.info.mac.expect("it is Ethernet");
    (left, right, host)
}

fn pings(host: &mut Host) {
    let kernel = Ip::v4(KERNEL);
    let mac = host.resolve(kernel);
    for size in [0, 1, 56, 1472] {
        host.ping(mac, kernel, &vec![0x5a; size]);
    }
}

#[test]
fn the_driver_s_hook_carries_frames_both_ways() {
    let config = PortConfig { backend: Backend::Auto, ..config() };
    let (_left, _right, mut host) = laboratory("drv", &config);
    assert_eq!(host.info.mode, "xdp driver copy need_wakeup exclusive queue 0");
    assert_eq!(host.info.backend, Backend::Xdp);
    assert_eq!(host.info.mtu, 1500);
    pings(&mut host);
    let mac = host.resolve(Ip::v4(KERNEL));
    let meta = host.ping(mac, Ip::v4(KERNEL), b"how far are sums trusted");
    assert_eq!(meta, RxMeta { checksum: RxChecksum::MaybePartial, gso_size: 0 });
    let verdicts = host.port.control().expect("XDP can be steered").verdicts().unwrap();
    let taken = verdicts.iter().find(|(name, _)| *name == "redirect_exclusive").unwrap().1;
    assert_eq!(taken, host.port.stats().rx_packets, "each frame is counted: {verdicts:?}");
}

#[test]
fn the_generic_hook_carries_frames_both_ways() {
    let config = PortConfig { generic: true, ..config() };
    let (_left, _right, mut host) = laboratory("gen", &config);
    assert_eq!(host.info.mode, "xdp generic copy need_wakeup exclusive queue 0");
    pings(&mut host);
}

#[test]
fn dropping_the_port_leaves_no_program_behind() {
    let (left, _right) = veth("bye");
    let attached = || left.ip("-j link show dev a").contains("\"xdp\"");
    for generic in [false, true] {
        assert!(!attached());
        let config = PortConfig { generic, ..config() };
        let port = left.enter(|| datapath::open(&config)).expect("it opens");
        assert!(attached());
        drop(port);
        assert!(!attached(), "generic: {generic}");
    }
    // Frames that outlive the port do not keep the program, only the memory (and with it the
    // queue).
    let (mut port, mut link, _) = left.enter(|| datapath::open(&config())).expect("it opens");
    port.turn(64, single_shard);
    let mut frame = link.tx_free.pop().expect("there are frames to send from");
    drop((port, link));
    assert!(!attached());
    frame.bytes_mut().fill(1);
    drop(frame);
    // And the queue can be had again, at once.
    drop(left.enter(|| datapath::open(&config())).expect("it opens again"));
}

#[test]
fn what_cannot_be_opened_says_why() {
    let (left, _right) = veth("why");
    let refused = |config: &PortConfig| match left.enter(|| datapath::open(config).map(drop)) {
        Ok(()) => panic!("{} opened", config.name),
        Err(error) => error,
    };
    let missing = PortConfig { name: "nosuch".into(), ..config() };
    assert_eq!(refused(&missing).to_string(), "nosuch: no such interface");
    let loopback = PortConfig { name: "lo".into(), ..config() };
    assert_eq!(
        refused(&loopback).to_string(),
        "lo: is an interface without Ethernet, not one that XDP serves"
    );
    let beyond = PortConfig { queue: 7, ..config() };
    let said = refused(&beyond).to_string();
    assert!(
        said.starts_with("a: has 1 receive queue(s), 8 are asked for; `ethtool -L a`"),
        "{said}"
    );
    let beyond = PortConfig { queue: 99, ..config() };
    assert!(matches!(refused(&beyond), PortError::BadConfig { .. }));
    let strict = PortConfig { zero_copy: ZeroCopy::Always, ..config() };
    let answer = refused(&strict).to_string();
    assert!(answer.starts_with("a: binding an AF_XDP socket: "), "{answer}");
    let jumbo = PortConfig { mtu: Some(9000), ..config() };
    assert_eq!(
        refused(&jumbo).to_string(),
        "a: MTU 9000 is too large for XDP frames of one buffer (at most 3498)"
    );
    let _first = left.enter(|| datapath::open(&config())).expect("it opens");
    let busy = refused(&config()).to_string();
    assert_eq!(busy, "a: attaching the XDP program: busy (another XDP program is attached)");
    // Whoever is refused does not disturb the one that has it.
    assert!(left.ip("-j link show dev a").contains("\"xdp\""));
}

#[test]
fn the_largest_mtu_works() {
    let (left, right) = veth("mtu");
    for (ns, dev) in [(&left, "a"), (&right, "b")] {
        ns.ip(&format!("link set dev {dev} mtu 3498"));
    }
    right.ip("addr add 10.77.0.1/24 dev b");
    let mut host = left.enter(|| Host::open(&config(), OURS));
    let kernel = Ip::v4(KERNEL);
    let mac = host.resolve(kernel);
    host.ping(mac, kernel, &vec![0x5a; 3470]);
}

/// What it sends fits one buffer; what it receives lies in several.
#[test]
fn a_larger_mtu_of_the_device_is_received_and_not_sent() {
    let (left, right) = veth("jumbo");
    for (ns, dev) in [(&left, "a"), (&right, "b")] {
        ns.ip(&format!("link set dev {dev} mtu 9000"));
    }
    right.ip("addr add 10.77.0.1/24 dev b");
    let mut host = left.enter(|| Host::open(&config(), OURS));
    host.mac = host.info.mac.expect("it is Ethernet");
    assert_eq!((host.info.mtu, host.info.mode.contains("driver")), (3498, true), "{:?}", host.info);
    let kernel = Ip::v4(KERNEL);
    let mac = host.resolve(kernel);
    host.ping(mac, kernel, &vec![0x5a; 3470]);
    right.ip(&format!("neigh replace 10.77.0.2 lladdr {} dev b", host.mac));
    let sender = right.enter(|| UdpSocket::bind("10.77.0.1:0")).unwrap();
    for size in [3400, 3500, 4000, 4054, 4055, 8000, 8972] {
        let data: Vec<u8> = (0..size).map(|i| (i / 7) as u8).collect();
        sender.send_to(&data, SocketAddr::from((OURS, 9))).unwrap();
        host.receive(|bytes, _| (bytes.len() == 42 + size && bytes.ends_with(&data)).then_some(()));
    }
    let (stats, account) = (host.port.stats(), host.port.frames());
    assert_eq!((stats.rx_errors, stats.rx_dropped), (0, 0), "{stats:?}");
    assert!(account.is_conserved(), "{account:?}");
}

#[test]
fn shared_with_the_kernel_each_gets_its_own() {
    let (left, right) = veth("shr");
    left.ip("addr add 10.77.0.9/24 dev a");
    right.ip("addr add 10.77.0.1/24 dev b");
    let mut host = left.enter(|| Host::open(&config(), OURS));
    host.mac = host.info.mac.unwrap();
    assert_eq!(host.info.mode, "xdp driver copy need_wakeup shared queue 0", "the kernel is there");
    // The kernel keeps working, before and after we have an address.
    let ping = || right.exec("ping -c 1 -W 2 10.77.0.9");
    ping();
    host.port.turn(64, single_shard);
    while let Some(heard) = host.link.rx.pop() {
        let kind = heard.frame.bytes()[12..14].to_vec();
        assert_eq!(kind, ethernet::ETHERTYPE_ARP.to_be_bytes(), "nothing is ours yet");
        assert!(host.link.rx_done.push(heard.frame).is_ok());
    }
    let steering = host.port.control().unwrap();
    steering.set_addresses(&[Ip::v4(OURS)], &[Ip::v4([224, 0, 0, 251])]).unwrap();
    pings(&mut host);
    ping();
    let control = host.port.control().unwrap().clone();
    let count =
        |name: &str| control.verdicts().unwrap().into_iter().find(|(n, _)| *n == name).unwrap().1;
    assert!(count("redirect_ipv4") >= 4 && count("redirect_arp") >= 1 && count("pass_ipv4") >= 2);
    assert_eq!(count("redirect_exclusive") + count("pass_no_socket"), 0);
    // An address taken back is the kernel's again.
    let before = count("redirect_ipv4");
    host.port.control().unwrap().set_addresses(&[], &[]).unwrap();
    let sender = right.enter(|| UdpSocket::bind("10.77.0.1:0")).unwrap();
    sender.send_to(b"x", SocketAddr::from((OURS, 9))).unwrap();
    assert_eq!(count("redirect_ipv4"), before);
    assert!(
        left.exec("ip maddr show dev a").contains("01:00:5e:00:00:01"),
        "the kernel's own stays"
    );
    drop(host);
    ping();
}

#[test]
fn groups_are_announced_to_the_device_and_ports_can_be_left_to_the_kernel() {
    let (left, right) = veth("grp");
    left.ip("addr add 10.77.0.2/24 dev a");
    right.ip("addr add 10.77.0.1/24 dev b");
    let mut host = left.enter(|| Host::open(&config(), OURS));
    let steering = host.port.control().unwrap();
    steering.set_addresses(&[Ip::v4(OURS)], &[Ip::v4([239, 1, 2, 3])]).unwrap();
    assert!(left.exec("ip maddr show dev a").contains("01:00:5e:01:02:03"));
    steering.set_addresses(&[Ip::v4(OURS)], &[]).unwrap();
    assert!(!left.exec("ip maddr show dev a").contains("01:00:5e:01:02:03"));
    // The kernel has the same address, and one port of it is the kernel's.
    steering.set_kernel_ports(&[(ip::PROTO_UDP, 5353)]).unwrap();
    let kernel = left.enter(|| UdpSocket::bind("10.77.0.2:5353")).unwrap();
    kernel.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // The kernel would have to ask for its MAC, and the answer is not the kernel's to give.
    let mac = host.info.mac.unwrap();
    right.ip(&format!("neigh replace 10.77.0.2 lladdr {mac} dev b"));
    let sender = right.enter(|| UdpSocket::bind("10.77.0.1:0")).unwrap();
    sender.send_to(b"for the kernel", SocketAddr::from((OURS, 5353))).unwrap();
    sender.send_to(b"for the stack", SocketAddr::from((OURS, 5354))).unwrap();
    let mut data = [0; 64];
    let (len, _) = kernel.recv_from(&mut data).expect("it arrives");
    assert_eq!(&data[..len], b"for the kernel");
    host.receive(|bytes, _| bytes.ends_with(b"for the stack").then_some(()));
}

#[test]
fn a_hundred_thousand_frames_go_round_and_none_is_lost_sight_of() {
    const FRAMES: u64 = 100_000;
    /// Few enough under way that no queue between the two overflows.
    const WINDOW: u64 = 50;
    let (_left, right, mut host) = laboratory("100k", &config());
    let mac = host.mac;
    right.ip(&format!("neigh replace 10.77.0.2 lladdr {mac} dev b"));
    let peer = right.enter(|| UdpSocket::bind("10.77.0.1:7000")).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let started = Instant::now();
    thread::scope(|scope| {
        let peer = scope.spawn(|| {
            let mut data = [0; 64];
            for first in (0..FRAMES).step_by(WINDOW as usize) {
                for number in first..first + WINDOW {
                    peer.send_to(&number.to_be_bytes(), SocketAddr::from((OURS, 7000))).unwrap();
                }
                for number in first..first + WINDOW {
                    let len = peer.recv(&mut data).expect("every frame comes back");
                    assert_eq!(data[..len], number.to_be_bytes(), "in order");
                }
            }
        });
        // Each frame goes back in the buffer it came in.
        while !peer.is_finished() {
            host.port.turn(64, single_shard);
            host.check();
            while let Some(received) = host.link.rx.pop() {
                let mut frame = received.frame;
                let account = host.port.frames();
                assert!(account.is_conserved() && account.stack >= 1, "{account:?}");
                echo(frame.bytes_mut());
                let meta = TxMeta { len: frame.len() as u32, ..TxMeta::default() };
                assert!(host.link.tx.push(TxFrame { frame, meta }).is_ok());
            }
        }
        peer.join().unwrap();
    });
    host.port.turn(64, single_shard);
    let (stats, account) = (host.port.stats(), host.port.frames());
    say(&format!("{FRAMES} went round in {:?}: {stats:?}", started.elapsed()));
    assert_eq!((stats.rx_errors, stats.tx_errors, stats.rx_dropped), (0, 0, 0));
    assert_eq!((stats.rx_packets, stats.tx_packets), (FRAMES, FRAMES));
    // At rest every frame to receive into is with the kernel, and nothing is under way.
    assert_eq!((account.fill, account.rx, account.stack), (2048, 0, 0), "{account:?}");
    assert_eq!((account.tx, account.completion, account.free), (0, 0, 2048), "{account:?}");
}

/// Turns a UDP frame round, sums included: swapping two words does not change a sum.
fn echo(frame: &mut [u8]) {
    if frame.len() < 42 || frame[12..14] != ethernet::ETHERTYPE_IPV4.to_be_bytes() {
        return;
    }
    let swap = |frame: &mut [u8], a: usize, b: usize, len: usize| {
        for i in 0..len {
            frame.swap(a + i, b + i);
        }
    };
    swap(frame, 0, 6, 6);
    swap(frame, 26, 30, 4);
    swap(frame, 34, 36, 2);
    // The kernel left its sum to a device that does not exist: over IPv4 none is better.
    frame[40..42].fill(0);
}

#[test]
fn large_frames_are_cut_and_finished_at_the_edge() {
    let (_left, right, host) = laboratory("edge", &config());
    let tcp = exchange(&right, host, Ip::v4(KERNEL), 300_000, 1000, 3500);
    assert!(!tcp.partial, "veth cannot say so");
    let stats = tcp.host.port.stats();
    assert!(stats.tx_errors == 0 && stats.rx_errors == 0, "{stats:?}");
    assert!(tcp.largest <= 1460);
}

/// Whatever the kernel answers meanwhile, nothing stays parked.
#[test]
fn frames_for_a_device_that_is_down_do_not_stay_in_its_rings() {
    let (left, right, mut host) = laboratory("down", &config());
    let (mac, kernel) = (host.resolve(Ip::v4(KERNEL)), Ip::v4(KERNEL));
    for (namespace, device) in [(&left, "a"), (&right, "b")] {
        namespace.ip(&format!("link set dev {device} down"));
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            while let Some(mut frame) = host.link.tx_free.pop() {
                frame.buffer_mut()[..100].fill(0);
                frame.set_len(100);
                let meta = TxMeta { len: 100, ..TxMeta::default() };
                assert!(host.link.tx.push(TxFrame { frame, meta }).is_ok());
            }
            host.port.turn(64, single_shard);
            host.check();
        }
        namespace.ip(&format!("link set dev {device} up"));
        let idle = |account: datapath::FrameAccount| account.tx == 0 && account.completion == 0;
        let until = Instant::now() + Duration::from_secs(5);
        while !idle(host.port.frames()) {
            host.port.turn(64, single_shard);
            assert!(Instant::now() < until, "{:?} {:?}", host.port.frames(), host.port.stats());
            // As long as its driver would sleep.
            let sleep = host.port.patience().unwrap_or(Duration::from_millis(1));
            assert!(sleep <= Duration::from_millis(100), "{sleep:?}");
            thread::sleep(sleep);
        }
        right.ip(&format!("neigh replace 10.77.0.2 lladdr {} dev b", host.mac));
        host.ping(mac, kernel, b"as before");
    }
}

/// On the generic hook the kernel at the other end leaves it to the device to cut segments.
#[test]
fn packets_larger_than_a_buffer_come_in_one_piece() {
    let config = PortConfig { generic: true, ..config() };
    let (_left, right, host) = laboratory("large", &config);
    let tcp = exchange(&right, host, Ip::v4(KERNEL), 300_000, 1000, 3500);
    assert!(tcp.largest > 4096, "{}", tcp.largest);
    let (stats, account) = (tcp.host.port.stats(), tcp.host.port.frames());
    assert!(stats.tx_errors == 0 && stats.rx_errors == 0, "{stats:?}");
    assert!(account.is_conserved(), "{account:?}");
}

/// GAP-70.
#[test]
fn several_queues_share_a_program() {
    let (left, right) = (Netns::new("mql"), Netns::new("mqr"));
    let two = "numrxqueues 2 numtxqueues 2";
    let end = right.name();
    left.ip(&format!("link add name a {two} type veth peer name b {two} netns {end}"));
    left.ip("link set dev a up");
    right.ip("link set dev b up");
    right.ip("addr add 10.77.0.1/24 dev b");
    let ports = left.enter(|| datapath::open_queues(&config(), 2, 1)).expect("both queues open");
    let mut hosts: Vec<_> = ports
        .into_iter()
        .map(|(port, mut links, info)| Host::new((port, links.remove(0), info), OURS))
        .collect();
    assert!(hosts[1].info.mode.ends_with("queues 0-1"), "{}", hosts[1].info.mode);
    assert_eq!(hosts[1].info.queue, 1);
    let mac = hosts[0].info.mac.unwrap();
    right.ip(&format!("neigh replace 10.77.0.2 lladdr {mac} dev b"));
    // Many flows land on both queues; what arrives is what was sent, wherever it lands.
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut seen = [0, 0];
    while seen.contains(&0) {
        assert!(Instant::now() < deadline, "all flows land on one queue: {seen:?}");
        right.enter(|| {
            let sender = UdpSocket::bind("10.77.0.1:0").unwrap();
            sender.send_to(b"which queue", SocketAddr::from((OURS, 9))).unwrap();
        });
        for (host, seen) in hosts.iter_mut().zip(&mut seen) {
            let mut found = |bytes: &[u8], _| bytes.ends_with(b"which queue").then_some(());
            *seen += u32::from(host.try_receive(Duration::from_millis(1), &mut found).is_some());
        }
    }
    // One port goes, the other keeps the program.
    hosts.pop();
    assert!(left.ip("-j link show dev a").contains("\"xdp\""));
    hosts.pop();
    assert!(!left.ip("-j link show dev a").contains("\"xdp\""));
}

#[test]
fn auto_chooses_by_what_the_kernel_has() {
    let (left, _right) = veth("auto");
    let sharing = || {
        let (mut port, _link, _) = left.enter(|| datapath::open(&config())).expect("it opens");
        port.control().unwrap().sharing()
    };
    assert_eq!(sharing(), Sharing::Exclusive);
    left.ip("addr add 169.254.7.7/16 dev a");
    assert_eq!(sharing(), Sharing::Exclusive, "nobody chose a link-local address");
    left.ip("addr add 10.77.0.2/24 dev a");
    assert_eq!(sharing(), Sharing::Shared);
    let exclusive = PortConfig { sharing: Sharing::Exclusive, ..config() };
    let (mut port, _link, _) = left.enter(|| datapath::open(&exclusive)).expect("it opens");
    assert_eq!(port.control().unwrap().sharing(), Sharing::Exclusive);
}
