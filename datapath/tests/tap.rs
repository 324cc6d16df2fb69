//! TAP and TUN ports against the kernel, in namespaces of their own. Needs root.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use addr::{Ip, Mac};
use datapath::{Backend, PortConfig, PortError};
use support::{Host, Netns};
use wire::offload::{Gso, GsoKind, Medium, RxChecksum, TxChecksum, TxMeta};
use wire::tcp::{self, Flags, SeqNum};
use wire::{checksum, ip};

const KERNEL: [u8; 4] = [10, 77, 0, 1];
const OURS: [u8; 4] = [10, 77, 0, 2];

fn config(name: &str, backend: Backend, offload: bool) -> PortConfig {
    PortConfig { backend, offload, ..PortConfig::new(name) }
}

/// Opens a device, gives the kernel's side an address, and pings it in several sizes.
fn pings(ns: &Netns, config: &PortConfig, mode: &str) {
    let mut host = ns.enter(|| Host::open(config, OURS));
    assert!(host.info.mode.starts_with(mode), "{}", host.info.mode);
    ns.ip(&format!("addr add 10.77.0.1/24 dev {}", config.name));
    let kernel = Ip::v4(KERNEL);
    let mac = match host.info.medium {
        Medium::Ethernet => {
            let mac = host.resolve(kernel);
            assert_eq!(Some(mac), host.info.mac);
            mac
        }
        Medium::Ip => Mac([0; 6]),
    };
    for size in [0, 1, 56, 1472] {
        host.ping(mac, kernel, &vec![0xa5; size]);
    }
    let stats = host.port.stats();
    assert!(stats.tx_packets >= 4 && stats.rx_packets >= 4, "{stats:?}");
    assert_eq!((stats.rx_errors, stats.tx_errors, stats.tx_dropped), (0, 0, 0), "{stats:?}");
    drop(host);
    let links = ns.ip("-o link");
    assert!(!links.contains(&config.name), "the device goes with the port: {links}");
}

#[test]
fn a_tap_with_offload_pings_the_kernel() {
    let ns = Netns::new("tapv");
    pings(&ns, &config("tap7", Backend::Auto, true), "tap vnet_hdr csum tso4 tso6");
}

#[test]
fn a_plain_tap_pings_the_kernel() {
    let ns = Netns::new("tapp");
    pings(&ns, &config("tap7", Backend::Tap, false), "tap plain");
}

#[test]
fn a_tun_pings_the_kernel_with_offload_and_without() {
    let ns = Netns::new("tun");
    pings(&ns, &config("tun7", Backend::Tun, true), "tun vnet_hdr csum tso4 tso6");
    pings(&ns, &config("tun7", Backend::Tun, false), "tun plain");
}

#[test]
fn a_persistent_device_is_used_as_it_is_and_stays() {
    let ns = Netns::new("keep");
    for (name, kind, backend) in [
        ("tap7", "mode tap", Backend::Tap),
        ("tap8", "mode tap multi_queue vnet_hdr", Backend::Tap),
        ("tun7", "mode tun", Backend::Tun),
    ] {
        ns.ip(&format!("tuntap add {name} {kind}"));
        ns.ip(&format!("link set {name} mtu 1400 up"));
        let config = PortConfig { create: false, ..PortConfig::new(name) };
        let (_port, _link, info) = ns.enter(|| datapath::open(&config)).expect("it is there");
        assert_eq!((info.backend, info.mtu), (backend, 1400), "{name}: found by itself");
        drop((_port, _link));
        assert!(ns.ip("-o link").contains(name), "{name} stays");
    }
}

#[test]
fn an_mtu_asked_for_is_set() {
    let ns = Netns::new("mtu");
    let config = PortConfig { mtu: Some(9000), ..PortConfig::new("tap7") };
    let (_port, _link, info) = ns.enter(|| datapath::open(&config)).expect("it opens");
    assert_eq!(info.mtu, 9000);
    assert!(ns.ip("-o link show tap7").contains("mtu 9000"));
}

#[test]
fn what_cannot_be_opened_says_why() {
    let ns = Netns::new("why");
    ns.ip("link add br0 type bridge");
    ns.ip("tuntap add tun7 mode tun");
    let refused = |config: &PortConfig| match ns.enter(|| datapath::open(config).map(drop)) {
        Ok(()) => panic!("{} opened", config.name),
        Err(error) => error,
    };
    let missing = PortConfig { create: false, ..config("tap9", Backend::Tap, true) };
    assert_eq!(refused(&missing).to_string(), "tap9: no such interface");
    let missing = PortConfig { create: false, ..PortConfig::new("tap9") };
    assert!(matches!(refused(&missing), PortError::NotFound { .. }));
    let long = PortConfig::new("a-name-much-too-long");
    assert!(matches!(refused(&long), PortError::BadName { .. }));
    let bridge = config("br0", Backend::Tap, true);
    assert_eq!(
        refused(&bridge).to_string(),
        "br0: is an interface of driver bridge, not a TAP device"
    );
    let tun = config("tun7", Backend::Tap, true);
    assert_eq!(refused(&tun).to_string(), "tun7: is a TUN device, not a TAP device");
    let many = PortConfig { rx_frames: 1 << 20, ..PortConfig::new("tap9") };
    assert!(matches!(refused(&many), PortError::BadConfig { .. }));
    let _first = ns.enter(|| datapath::open(&PortConfig::new("tap9"))).expect("it opens");
    let busy = refused(&PortConfig::new("tap9")).to_string();
    assert_eq!(busy, "tap9: attaching to the device: busy (another process holds it)");
}

#[test]
fn several_queues_of_one_tap_open_together() {
    let ns = Netns::new("mq");
    let ports = ns.enter(|| datapath::open_queues(&PortConfig::new("tap7"), 3)).expect("it opens");
    assert_eq!(ports.len(), 3);
    let first = ports[0].2.os_ifindex;
    assert!(ports.iter().all(|(_, _, info)| info.os_ifindex == first));
}

#[test]
fn a_device_that_is_deleted_is_lost() {
    let ns = Netns::new("lost");
    let mut host = ns.enter(|| Host::open(&PortConfig::new("tap7"), OURS));
    assert!(!host.port.is_lost());
    ns.ip("link del tap7");
    host.port.turn(64);
    host.send(&[0; 60], TxMeta::default());
    assert!(host.port.is_lost());
    host.check();
}

/// One TCP connection of the kernel to the host, with so little of a TCP on our side that each segment
/// is acknowledged as it comes.
struct Tcp {
    host: Host,
    mac: Mac,
    peer_port: u16,
    seq: u32,
    /// Next byte expected from the kernel.
    expected: u32,
    /// The most bytes in one received frame.
    largest: usize,
    partial: bool,
}

const PORT: u16 = 7777;
/// SYN options: MSS 1460, window scale 7 behind a NOP.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0x05, 0xb4, 1, 3, 3, 7];

impl Tcp {
    /// Takes the kernel's SYN and completes the handshake.
    fn accept(mut host: Host) -> Self {
        let mac = host.info.mac.unwrap_or(Mac([0; 6]));
        let skip = host.link_header();
        let (peer_port, isn) = host.receive(|bytes, _| {
            let packet = bytes.get(skip..)?;
            let header = ip::parse_merged(packet).ok().filter(|h| h.protocol == ip::PROTO_TCP)?;
            let segment = tcp::parse(header.payload(packet)).ok()?;
            segment.flags.syn().then_some((segment.src_port, segment.seq.0))
        });
        let expected = isn.wrapping_add(1);
        let mut tcp = Self { host, mac, peer_port, seq: 5000, expected, largest: 0, partial: true };
        tcp.segment(Flags::SYN.union(Flags::ACK), &SYN_OPTIONS, &[], 0);
        tcp.seq += 1;
        tcp
    }

    /// Sends a segment; one larger than `gso` is left to the device to cut.
    fn segment(&mut self, flags: Flags, options: &[u8], data: &[u8], gso: u16) {
        let mut segment = vec![0; 60];
        let header = tcp::Emit {
            src_port: PORT,
            dst_port: self.peer_port,
            seq: SeqNum(self.seq),
            ack: SeqNum(self.expected),
            flags,
            window: 0xffff,
            urgent: 0,
        };
        let header_len = tcp::emit(&mut segment, &header, options);
        segment.truncate(header_len);
        segment.extend_from_slice(data);
        let (src, dst) = (self.host.ip, Ip::v4(KERNEL));
        let pseudo = checksum::pseudo_header(src, dst, ip::PROTO_TCP, segment.len() as u32);
        tcp::set_partial(&mut segment[..header_len], pseudo);
        let start = self.host.link_header() + ip::header_len(true);
        let gso = (data.len() > usize::from(gso) && gso > 0).then_some(Gso {
            kind: GsoKind::Tcp4,
            size: gso,
            header_len: (start + header_len) as u16,
        });
        let checksum = TxChecksum::Partial { start: start as u16, offset: 16 };
        let packet = self.host.packet(self.mac, dst, ip::PROTO_TCP, &segment);
        self.host.send(&packet, TxMeta { len: 0, checksum, gso });
        self.seq = self.seq.wrapping_add(data.len() as u32);
    }

    /// Waits until the kernel has taken everything sent.
    fn acknowledged(&mut self) {
        let (skip, all) = (self.host.link_header(), self.seq);
        self.host.receive(|bytes, _| {
            let packet = bytes.get(skip..)?;
            let header = ip::parse_merged(packet).ok().filter(|h| h.protocol == ip::PROTO_TCP)?;
            let segment = tcp::parse(header.payload(packet)).ok()?;
            (segment.ack.0 == all).then_some(())
        });
    }

    /// Receives the next segment with data, acknowledges it, and returns its data.
    fn data(&mut self) -> Vec<u8> {
        let skip = self.host.link_header();
        let expected = self.expected;
        let (data, meta, fin) = self.host.receive(|bytes, meta| {
            let packet = bytes.get(skip..)?;
            let header = ip::parse_merged(packet).ok().filter(|h| h.protocol == ip::PROTO_TCP)?;
            let body = header.payload(packet);
            let segment = tcp::parse(body).ok()?;
            let sum = header.pseudo_header();
            assert!(meta.checksum.accepts(sum, segment.checksum, body), "a wrong sum");
            let fin = segment.flags.fin();
            (segment.seq.0 == expected && (fin || !segment.payload.is_empty()))
                .then(|| (segment.payload.to_vec(), meta, fin))
        });
        self.largest = self.largest.max(data.len());
        self.partial &= meta.checksum == RxChecksum::Partial;
        if data.len() > 1460 {
            assert_eq!(meta.gso_size, 1460, "a large frame says what it was cut from");
        }
        self.expected = self.expected.wrapping_add(data.len() as u32 + u32::from(fin));
        self.segment(Flags::ACK, &[], &[], 0);
        data
    }
}

/// The kernel connects to the host, sends `len` bytes one way and expects as many back.
fn exchange(ns: &Netns, config: &PortConfig, len: usize, gso: u16) -> Tcp {
    let host = ns.enter(|| Host::open(config, OURS));
    ns.ip(&format!("addr add 10.77.0.1/24 dev {}", config.name));
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            ns.enter(|| {
                let to = SocketAddr::from((OURS, PORT));
                let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(5)).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let sent: Vec<u8> = (0..len).map(|i| (i / 3) as u8).collect();
                stream.write_all(&sent).unwrap();
                let mut back = vec![0; len];
                stream.read_exact(&mut back).unwrap();
                assert!(back == sent, "the data came back changed");
            });
        });
        let mut tcp = Tcp::accept(host);
        let mut all = Vec::new();
        while all.len() < len {
            all.extend(tcp.data());
        }
        // As much at a time as the kernel's first window allows.
        for chunk in all.chunks(44 * usize::from(gso)) {
            tcp.segment(Flags::ACK, &[], chunk, gso);
            tcp.acknowledged();
        }
        client.join().unwrap();
        tcp
    })
}

#[test]
fn large_segments_pass_whole_in_both_directions() {
    let ns = Netns::new("tso");
    let tcp = exchange(&ns, &config("tap7", Backend::Tap, true), 2_000_000, 1448);
    assert!(tcp.largest > 40_000, "the largest segment had {} bytes", tcp.largest);
    assert!(tcp.partial, "the kernel left the sums to us");
    let stats = tcp.host.port.stats();
    assert!(stats.tx_errors == 0 && stats.rx_errors == 0, "{stats:?}");
}

#[test]
fn large_segments_pass_a_tun_whole() {
    let ns = Netns::new("tsotun");
    let tcp = exchange(&ns, &config("tun7", Backend::Tun, true), 2_000_000, 1448);
    assert!(tcp.largest > 40_000, "the largest segment had {} bytes", tcp.largest);
}

#[test]
fn a_plain_tap_gets_its_frames_cut_and_finished_at_the_edge() {
    let ns = Netns::new("edge");
    // The kernel would not accept a wrong sum, and could not take a frame above the MTU.
    let tcp = exchange(&ns, &config("tap7", Backend::Tap, false), 300_000, 1448);
    assert!(tcp.largest <= 1460);
}
