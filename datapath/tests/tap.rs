//! TAP and TUN ports against the kernel, in namespaces of their own. Needs root.

mod support;

use std::time::{Duration, Instant};

use addr::{Ip, Mac};
use datapath::{Backend, PortConfig, PortError, PortInfo, Sharing, single_shard};
use support::tcp::{Tcp, exchange};
use support::{Host, Netns};
use wire::offload::{Medium, TxMeta};

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

/// LIFE-08.
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
fn daemon_04_a_device_that_is_not_there_becomes_what_its_name_says() {
    let ns = Netns::new("kind");
    for (name, kind) in [("tun3", Backend::Tun), ("tap3", Backend::Tap), ("lan3", Backend::Tap)] {
        let (_port, _link, info) = ns.enter(|| datapath::open(&PortConfig::new(name))).expect(name);
        assert_eq!(info.backend, kind, "{name}");
    }
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

/// GAP-71.
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
    let shared = PortConfig { sharing: Sharing::Shared, ..PortConfig::new("tap9") };
    assert_eq!(
        refused(&shared).to_string(),
        "tap9: only an XDP port can be told what to take from the kernel"
    );
    let _first = ns.enter(|| datapath::open(&PortConfig::new("tap9"))).expect("it opens");
    let busy = refused(&PortConfig::new("tap9")).to_string();
    assert_eq!(busy, "tap9: attaching to the device: busy (another process holds it)");
}

#[test]
fn several_queues_of_one_tap_open_together() {
    let ns = Netns::new("mq");
    let ports =
        ns.enter(|| datapath::open_queues(&PortConfig::new("tap7"), 3, 1)).expect("it opens");
    assert_eq!(ports.len(), 3);
    let ifindex = |info: &PortInfo| info.os.as_ref().expect("a device").ifindex();
    let first = ifindex(&ports[0].2);
    assert!(ports.iter().all(|(_, _, info)| ifindex(info) == first));
}

#[test]
fn a_device_that_is_deleted_is_lost() {
    let ns = Netns::new("lost");
    let mut host = ns.enter(|| Host::open(&PortConfig::new("tap7"), OURS));
    assert!(!host.port.is_lost());
    ns.ip("link del tap7");
    host.port.turn(64, single_shard);
    host.send(&[0; 60], TxMeta::default());
    assert!(host.port.is_lost());
    host.check();
    // Nothing more will come of it, and it does not keep a thread awake.
    let started = Instant::now();
    host.port.sleep(Some(Duration::from_millis(50))).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(50));
}

/// Data both ways over a TCP connection of the kernel to a host on this device.
fn tcp_over(ns: &Netns, config: &PortConfig, len: usize) -> Tcp {
    let host = ns.enter(|| Host::open(config, OURS));
    ns.ip(&format!("addr add 10.77.0.1/24 dev {}", config.name));
    // As much at a time as the kernel's first window allows.
    exchange(ns, host, Ip::v4(KERNEL), len, 1448, 44 * 1448)
}

/// GAP-33.
#[test]
fn large_segments_pass_whole_in_both_directions() {
    let ns = Netns::new("tso");
    let tcp = tcp_over(&ns, &config("tap7", Backend::Tap, true), 2_000_000);
    assert!(tcp.largest > 40_000, "the largest segment had {} bytes", tcp.largest);
    assert!(tcp.partial, "the kernel left the sums to us");
    let stats = tcp.host.port.stats();
    assert!(stats.tx_errors == 0 && stats.rx_errors == 0, "{stats:?}");
}

#[test]
fn large_segments_pass_a_tun_whole() {
    let ns = Netns::new("tsotun");
    let tcp = tcp_over(&ns, &config("tun7", Backend::Tun, true), 2_000_000);
    assert!(tcp.largest > 40_000, "the largest segment had {} bytes", tcp.largest);
}

#[test]
fn a_plain_tap_gets_its_frames_cut_and_finished_at_the_edge() {
    let ns = Netns::new("edge");
    // The kernel would not accept a wrong sum, and could not take a frame above the MTU.
    let tcp = tcp_over(&ns, &config("tap7", Backend::Tap, false), 300_000);
    assert!(tcp.largest <= 1460);
}
