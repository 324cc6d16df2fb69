//! `--steering shared`: the daemon beside a kernel that is a host on the same interface. Whatever
//! the kernel heard without the daemon it hears beside it, and the daemon hears its part.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::thread;
use std::time::Duration;

use middlebox::Socket;
use rustix::net::sockopt::{set_ipv6_multicast_hops, set_socket_broadcast};
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
use serde_json::Value;
use tests::{Daemon, HOST_V4, HOST_V6, Namespace, STACK_V4, STACK_V6, eventually};

const KERNEL_V4: &str = "10.0.1.2";
const KERNEL_V6: &str = "2001:db8:0:1::2";
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 0x1234);

/// A host with its interface `veth7`, and the network that it is on: a bridge `net7` that has the
/// addresses of [`tests::HOST_V4`] and asks who is in which group.
struct Sharing {
    host: Namespace,
    net: Namespace,
}

impl Sharing {
    fn new(label: &str) -> Self {
        let (host, net) = (Namespace::new(label), Namespace::new(&format!("{label}n")));
        let end = net.name();
        host.ip(&format!("link add veth7 type veth peer name port7 netns {end}"));
        for setting in ["accept_ra=1", "autoconf=1", "accept_dad=0"] {
            let line = format!("sysctl -qw net.ipv6.conf.veth7.{setting}");
            assert!(host.shell(&line).status.success(), "{line}");
        }
        host.ip("link set veth7 up");
        host.ip(&format!("address add {KERNEL_V4}/24 dev veth7"));
        host.ip(&format!("address add {KERNEL_V6}/64 dev veth7 nodad"));
        // Who does not answer a query every second is forgotten after three.
        net.ip("link add net7 type bridge mcast_querier 1 mcast_query_interval 100 \
             mcast_query_response_interval 50 mcast_membership_interval 300 \
             mcast_startup_query_interval 50 mcast_mld_version 2");
        for setting in [
            "ipv4.conf.net7.arp_notify=1",
            "ipv6.conf.net7.ndisc_notify=1",
            "ipv6.conf.net7.accept_dad=0",
        ] {
            let line = format!("sysctl -qw net.{setting}");
            assert!(net.shell(&line).status.success(), "{line}");
        }
        net.ip("link set port7 master net7");
        // The stack does not answer queries yet; a router gets what nobody has asked for.
        assert!(net.shell("bridge link set dev port7 mcast_router 2").status.success());
        net.ip("link set port7 up");
        net.ip("link set net7 up");
        net.ip("address add 10.0.1.1/24 dev net7");
        net.ip("address add 2001:db8:0:1::1/64 dev net7 nodad");
        net.ip("route add 255.255.255.255/32 dev net7");
        Self { host, net }
    }

    fn daemon(&self, more: &[&str]) -> Daemon {
        let mut args = vec!["--iface", "veth7", "--backend", "xdp", "--steering", "shared"];
        args.extend(["--address", "10.0.1.7/24", "--address", "2001:db8:0:1::7/64", "--demo"]);
        args.extend(more);
        Daemon::start(&self.host, &args)
    }

    fn reaches(&self, target: &str) -> bool {
        self.net.shell(&format!("ping -n -c 1 -W 1 {target}")).status.success()
    }

    /// Everything that a kernel on this network hears.
    fn kernel_hears_everything(&self, round: u8) {
        for target in [KERNEL_V4, KERNEL_V6] {
            assert!(eventually(10, || self.reaches(target)), "{target}");
        }
        self.router_is_heard(round);
        self.broadcasts_are_heard();
        self.queries_are_answered();
        self.tagged_frames_are_heard();
    }

    /// A frame of VLAN 10, to all and to our link address, which a VLAN device would take.
    fn tagged_frames_are_heard(&self) {
        let mut taps = self.host.inside(|| Socket::open("veth7").expect("a packet socket"));
        let wire = self.net.inside(|| Socket::open("port7").expect("a packet socket"));
        for to in [[0xff; 6], mac(&self.host, "veth7")] {
            let marker = [b"of another network", &to[..]].concat();
            let packet = udp(STACK_V4, &marker);
            let frame = [&to[..], &[2, 0, 0, 0, 0, 0x50, 0x81, 0, 0, 10, 8, 0], &packet].concat();
            assert_eq!(wire.send(&[frame]).expect("sent"), 1);
            let came = eventually(5, || {
                let mut heard = false;
                let look = |frame: &[u8]| heard |= frame.ends_with(&marker);
                taps.receive(look).expect("a packet socket");
                heard
            });
            assert!(came, "a tagged frame to {to:x?}");
        }
    }

    /// A router advertises itself and a prefix to all nodes.
    fn router_is_heard(&self, round: u8) {
        let prefix = Ipv6Addr::new(0x2001, 0xdb8, u16::from(round), 0, 0, 0, 0, 0);
        self.net.inside(|| advertise(prefix));
        let begin = prefix.to_string().replace("::", ":");
        let address = || self.host.ip("-6 address show dev veth7").contains(&begin);
        assert!(eventually(5, address), "{}", self.host.ip("-6 address show dev veth7"));
        assert!(eventually(5, || self.host.ip("-6 route show default").contains("via fe80:")));
        // It is withdrawn, so that the next one is seen.
        self.host.ip("-6 route flush default");
        self.host.ip("-6 address flush dev veth7 scope global dynamic");
    }

    /// What a DHCP server sends to a client that has no address yet, and a subnet's broadcast.
    fn broadcasts_are_heard(&self) {
        let client = self.host.inside(|| {
            let client = UdpSocket::bind("0.0.0.0:68").expect("port 68");
            client.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            client
        });
        let server = self.net.inside(|| UdpSocket::bind((HOST_V4, 67)).expect("port 67"));
        set_socket_broadcast(&server, true).expect("broadcasts");
        for to in ["255.255.255.255:68", "10.0.1.255:68"] {
            self.net.inside(|| server.send_to(to.as_bytes(), to).expect("sent"));
            let mut data = [0; 64];
            let (len, from) = client.recv_from(&mut data).expect("the broadcast arrives");
            assert_eq!((&data[..len], from.ip()), (to.as_bytes(), HOST_V4));
        }
    }

    /// The bridge goes on knowing that the kernel is in its groups.
    fn queries_are_answered(&self) {
        let _members = self.host.inside(|| {
            let four = UdpSocket::bind("0.0.0.0:0").expect("bind");
            let own: Ipv4Addr = KERNEL_V4.parse().expect("an address");
            four.join_multicast_v4(&GROUP_V4, &own).expect("join");
            let six = UdpSocket::bind("[::]:0").expect("bind");
            six.join_multicast_v6(&GROUP_V6, index("veth7")).expect("join");
            (four, six)
        });
        let known = || {
            let table = self.net.shell("bridge mdb show dev net7");
            let table = String::from_utf8_lossy(&table.stdout).into_owned();
            table.contains(&GROUP_V4.to_string()) && table.contains(&GROUP_V6.to_string())
        };
        assert!(eventually(5, known), "the kernel says that it joins");
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(500));
            assert!(known(), "the kernel answers a query");
        }
    }

    /// What the daemon hears: questions for it, answers to it, and its services' input.
    fn daemon_serves(&self) {
        for target in [STACK_V4, STACK_V6] {
            assert!(eventually(10, || self.reaches(&target.to_string())), "{target}");
            let echo = self.net.inside(|| UdpSocket::bind(SocketAddr::from((any(target), 0))));
            let echo = echo.expect("bind");
            echo.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            echo.send_to(b"anyone?", (target, 7)).expect("sent");
            let mut data = [0; 16];
            let (len, from) = echo.recv_from(&mut data).expect("an echo");
            assert_eq!((&data[..len], from.ip()), (&b"anyone?"[..], target));
        }
    }

    /// The network's end has another link address, and tells everybody by itself.
    fn both_follow_an_announced_neighbor(&self, daemon: &Daemon, last: u8) {
        let mac = format!("02:00:00:00:99:{last:02x}");
        self.net.ip(&format!("link set net7 address {mac}"));
        let kernel = || {
            let known = self.host.ip("neighbor show dev veth7");
            [HOST_V4, HOST_V6].iter().all(|ip| {
                known.lines().any(|line| line.starts_with(&format!("{ip} ")) && line.contains(&mac))
            })
        };
        assert!(eventually(5, kernel), "{}", self.host.ip("neighbor show dev veth7"));
        let ours = || {
            let known = daemon.records("neighbor");
            let is = |entry: &Value, ip: &IpAddr| {
                entry["address"] == ip.to_string() && entry["lladdr"] == mac
            };
            [HOST_V4, HOST_V6].iter().all(|ip| known.iter().any(|entry| is(entry, ip)))
        };
        assert!(eventually(5, ours), "{:?}", daemon.records("neighbor"));
    }
}

fn any(like: IpAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// The link address of a device.
fn mac(space: &Namespace, device: &str) -> [u8; 6] {
    let shown: Value =
        serde_json::from_str(&space.ip(&format!("-j link show {device}"))).expect("JSON");
    let text = shown[0]["address"].as_str().expect("an address");
    let octets: Vec<u8> =
        text.split(':').map(|octet| u8::from_str_radix(octet, 16).expect("hexadecimal")).collect();
    octets.try_into().expect("six of them")
}

/// A UDP packet from 10.0.1.50 without a checksum, to the echo service.
fn udp(to: IpAddr, data: &[u8]) -> Vec<u8> {
    let IpAddr::V4(to) = to else { unreachable!("it is IPv4") };
    let len = (28 + data.len()) as u16;
    let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 1, 50];
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet.extend(to.octets());
    let words = packet.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend([0x30, 0x39, 0, 7]);
    packet.extend((len - 20).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(data);
    packet
}

/// The index of an interface of the namespace that this thread is in.
fn index(name: &str) -> u32 {
    let text = std::fs::read_to_string(format!("/proc/thread-self/net/dev_snmp6/{name}"));
    let text = text.expect("the interface is there");
    let line = text.lines().find_map(|line| line.strip_prefix("ifIndex")).expect("its index");
    line.trim().parse().expect("a number")
}

/// Sends a router advertisement with a prefix to all nodes.
fn advertise(prefix: Ipv6Addr) {
    let fd = socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6)).expect("raw");
    set_ipv6_multicast_hops(&fd, 255).expect("hops");
    // The kernel fills in the checksum: hop limit 64, half an hour, a prefix for an hour.
    let mut message = vec![134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
    message.extend([3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0]);
    message.extend(prefix.octets());
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let to = SocketAddrV6::new(all_nodes, 0, 0, index("net7"));
    sendto(&fd, &message, SendFlags::empty(), &to).expect("sent");
}

/// The link-local addresses that an interface has.
fn link_local(text: &str) -> Vec<String> {
    let words = text.split_whitespace().map(|word| word.split('/').next().unwrap_or(word));
    words.filter(|word| word.starts_with("fe80:")).map(String::from).collect()
}

fn share(label: &str, more: &[&str]) {
    let sharing = Sharing::new(label);
    sharing.kernel_hears_everything(1);
    let daemon = sharing.daemon(more);
    for round in 2..4 {
        sharing.kernel_hears_everything(round);
        sharing.daemon_serves();
        sharing.both_follow_an_announced_neighbor(&daemon, round);
    }
    let shown = daemon.ctl("address");
    let ours = link_local(&String::from_utf8_lossy(&shown.stdout));
    let kernel = link_local(&sharing.host.ip("-6 address show dev veth7"));
    assert!(!ours.is_empty() && !kernel.is_empty(), "{ours:?}, {kernel:?}");
    assert!(ours.iter().all(|address| !kernel.contains(address)), "{ours:?}, {kernel:?}");
    for address in ours.iter().chain(&kernel) {
        assert!(eventually(5, || sharing.reaches(&format!("{address}%net7"))), "{address}");
    }
    drop(daemon);
    sharing.kernel_hears_everything(9);
}

#[test]
fn the_kernel_on_a_shared_interface_misses_nothing() {
    share("shared", &[]);
}

#[test]
fn nor_beside_a_daemon_whose_ports_have_threads_of_their_own() {
    share("sharedsplit", &["--layout", "split"]);
}
