//! Two stacks in this process, joined by a pair of ports in memory, and the sockets of `client` on
//! both: no device, no privilege.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use client::{TcpListener, TcpStream, UdpSocket};
use datapath::PairConfig;
use runtime::{Builder, Interface, Layout, Stack, default_mac};
use wire::offload::{DeviceCaps, Medium};

const LEFT: [&str; 2] = ["10.0.0.1", "[2001:db8::1]"];
const RIGHT: [&str; 2] = ["10.0.0.2", "[2001:db8::2]"];

fn wire(layout: Layout, medium: Medium, caps: DeviceCaps) -> [Stack; 2] {
    let config = PairConfig { medium, mtu: 1500, caps, ..PairConfig::default() };
    let ends = datapath::pair(&config).expect("pair");
    let mut number = 0;
    ends.map(|port| {
        number += 1;
        let name = format!("mem{number}");
        let mut interface = Interface::new(&name)
            .address(format!("10.0.0.{number}/24").parse().expect("address"))
            .address(format!("2001:db8::{number}/64").parse().expect("address"));
        if medium == Medium::Ethernet {
            interface = interface.mac(default_mac(&name));
        }
        let builder = Builder::new().layout(layout).interface_on(interface, port);
        builder.demo_services(true).start().expect("start")
    })
}

fn offloads() -> DeviceCaps {
    DeviceCaps { tx_checksum: true, gso_max: 65_536, gso4: true, gso6: true }
}

fn plain() -> DeviceCaps {
    DeviceCaps { tx_checksum: false, gso_max: 0, gso4: false, gso6: false }
}

/// Bytes that tell where they belong.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8 ^ (i / 65_536) as u8).collect()
}

fn both_ways(layout: Layout, medium: Medium, caps: DeviceCaps, bytes: usize) {
    let [left, right] = wire(layout, medium, caps);
    let sent = &pattern(bytes);
    for (local, remote) in LEFT.into_iter().zip(RIGHT) {
        let listener = TcpListener::bind(&right.sockets(), format!("{remote}:4000")).expect("bind");
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, peer) = listener.accept().expect("accept");
                assert!(peer.to_string().starts_with(local), "{peer}");
                let mut writer = stream.try_clone().expect("clone");
                scope.spawn(move || {
                    writer.write_all(sent).expect("write");
                    writer.shutdown(Shutdown::Write).expect("shutdown");
                });
                let mut got = Vec::new();
                stream.read_to_end(&mut got).expect("read");
                assert!(got == *sent, "{} of {} bytes", got.len(), sent.len());
            });
            let mut stream =
                TcpStream::connect(&left.sockets(), format!("{remote}:4000")).expect("connect");
            let mut writer = stream.try_clone().expect("clone");
            scope.spawn(move || {
                writer.write_all(sent).expect("write");
                writer.shutdown(Shutdown::Write).expect("shutdown");
            });
            let mut got = Vec::new();
            stream.read_to_end(&mut got).expect("read");
            assert!(got == *sent, "{} of {} bytes", got.len(), sent.len());
        });
    }
}

/// EX-10.
#[test]
fn bytes_flow_both_ways_fused() {
    both_ways(Layout::Fused, Medium::Ethernet, offloads(), 20_000_000);
}

#[test]
fn bytes_flow_both_ways_split() {
    both_ways(Layout::Split, Medium::Ethernet, offloads(), 20_000_000);
}

#[test]
fn bytes_flow_without_offloads_and_without_ethernet() {
    both_ways(Layout::Fused, Medium::Ip, plain(), 5_000_000);
    both_ways(Layout::Split, Medium::Ethernet, plain(), 5_000_000);
}

#[test]
fn a_port_without_a_listener_refuses() {
    let [left, _right] = wire(Layout::Fused, Medium::Ethernet, offloads());
    for remote in RIGHT {
        let error = TcpStream::connect(&left.sockets(), format!("{remote}:4444")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    let error = TcpStream::connect(&left.sockets(), "203.0.113.1:80").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
}

#[test]
fn datagrams_are_echoed_by_the_demo_service() {
    let [left, _right] = wire(Layout::Split, Medium::Ethernet, offloads());
    for (local, remote) in ["0.0.0.0:0", "[::]:0"].into_iter().zip(RIGHT) {
        let socket = UdpSocket::bind(&left.sockets(), local).expect("bind");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        socket.connect(format!("{remote}:7")).expect("connect");
        for len in [0, 1, 1400] {
            socket.send(&pattern(len)).expect("send");
            let mut got = [0; 2000];
            let n = socket.recv(&mut got).expect("receive");
            assert_eq!(got[..n], pattern(len)[..]);
        }
    }
}

/// RFC 2525 §2.17: a close with data unread is a reset.
#[test]
fn closing_on_unread_data_resets() {
    let [left, right] = wire(Layout::Fused, Medium::Ethernet, offloads());
    let listener = TcpListener::bind(&right.sockets(), "10.0.0.2:4000").expect("bind");
    let mut stream = TcpStream::connect(&left.sockets(), "10.0.0.2:4000").expect("connect");
    let (accepted, _) = listener.accept().expect("accept");
    stream.write_all(b"nobody reads this").expect("write");
    thread::sleep(Duration::from_millis(100));
    drop(accepted);
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_stack_that_is_dropped_says_goodbye() {
    let [left, right] = wire(Layout::Split, Medium::Ethernet, offloads());
    let mut stream = TcpStream::connect(&left.sockets(), "10.0.0.2:7").expect("connect");
    stream.write_all(b"x").expect("write");
    stream.read_exact(&mut [0; 1]).expect("echo");
    drop(right);
    assert_eq!(stream.read(&mut [0; 1]).expect("the peer's FIN"), 0);
}

/// CTL-83, CLIENT-02.
/// GAP-66.
#[test]
fn control_calls_show_and_change() {
    let [left, _right] = wire(Layout::Split, Medium::Ethernet, offloads());
    let stack = left.sockets();
    let links = stack.links().expect("links");
    assert_eq!((links[1].name.as_str(), links[1].ifindex), ("mem1", 2));
    stack.address_add("mem1", "10.0.0.9/24").expect("add");
    let shown = |stack: &client::Stack| {
        stack.addresses().expect("addresses").iter().any(|a| a.address == "10.0.0.9")
    };
    assert!(shown(&stack));
    let twice = stack.address_add("mem1", "10.0.0.9/24").unwrap_err();
    assert!(twice.to_string().contains("exists"), "{twice}");
    stack.address_del("mem1", "10.0.0.9/24").expect("del");
    assert!(!shown(&stack));
    assert!(stack.address_add("nosuch", "10.0.0.9/24").unwrap_err().to_string().contains("nosuch"));
    stack.route_add("default", "10.0.0.2").expect("route");
    assert!(stack.routes().expect("routes").iter().any(|r| r.destination == "default"));
    assert!(stack.stats().expect("stats").counters["frames_out"] > 0);
}

/// CTL-01, CTL-02, CTL-03, CTL-04, CTL-05, CTL-07, CTL-83: what a link tells of itself.
#[test]
fn links_tell_what_they_are() {
    for (medium, kind_flags) in [
        (Medium::Ethernet, &["BROADCAST", "MULTICAST"][..]),
        (Medium::Ip, &["POINTOPOINT", "MULTICAST", "NOARP"]),
    ] {
        let [left, _right] = wire(Layout::Fused, medium, plain());
        let stack = left.sockets();
        let mut stream = TcpStream::connect(&stack, "10.0.0.2:7").expect("connect");
        stream.write_all(b"x").expect("write");
        stream.read_exact(&mut [0]).expect("echo");
        let links = stack.links().expect("links");
        let numbers: Vec<_> = links.iter().map(|l| (l.ifindex, l.name.as_str())).collect();
        assert_eq!(numbers, [(1, "lo"), (2, "mem1")]);
        let (lo, mem) = (&links[0], &links[1]);
        assert_eq!((lo.kind.as_str(), lo.mtu, &lo.mac), ("loopback", 65_535, &None));
        assert_eq!(lo.flags, ["LOOPBACK", "UP", "LOWER_UP"]);
        let flags: Vec<_> = kind_flags.iter().chain(&["UP", "LOWER_UP"]).collect();
        assert_eq!(mem.flags.iter().collect::<Vec<_>>(), flags);
        let mac = (medium == Medium::Ethernet).then(|| default_mac("mem1").to_string());
        assert_eq!((mem.mtu, &mem.mac), (1500, &mac));
        let counted = &mem.stats;
        for count in [counted.rx_packets, counted.rx_bytes, counted.tx_packets, counted.tx_bytes] {
            assert!(count > 0, "{counted:?}");
        }
        assert_eq!((counted.rx_errors, counted.tx_errors), (0, 0));
    }
}

/// LIFE-01, NAME-01: a stack without an interface serves itself, and names are the host system's.
#[test]
fn a_stack_without_an_interface_has_its_loopback() {
    let stack = Builder::new().demo_services(true).start().expect("start");
    for address in ["127.0.0.1:7", "[::1]:7", "localhost:7"] {
        let mut stream = TcpStream::connect(&stack.sockets(), address).expect("connect");
        stream.write_all(b"hello").expect("write");
        let mut got = [0; 5];
        stream.read_exact(&mut got).expect("echo");
        assert_eq!(got, *b"hello");
    }
    let error = TcpStream::connect(&stack.sockets(), "10.0.0.2:7").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable);
}

/// Sleep and wake-up cross at every byte here: a lost one would hang.
#[test]
fn small_exchanges_never_hang() {
    for layout in [Layout::Fused, Layout::Split] {
        let [left, _right] = wire(layout, Medium::Ethernet, offloads());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut stream = TcpStream::connect(&left.sockets(), "10.0.0.2:7").unwrap();
                    stream.set_nodelay(true).expect("nodelay");
                    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
                    for number in 0..2000u32 {
                        stream.write_all(&number.to_be_bytes()).expect("write");
                        let mut got = [0; 4];
                        stream.read_exact(&mut got).expect("echo");
                        assert_eq!(u32::from_be_bytes(got), number);
                    }
                });
            }
        });
    }
}

#[test]
fn connections_come_and_go() {
    let [left, right] = wire(Layout::Split, Medium::Ethernet, offloads());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut stream = TcpStream::connect(&left.sockets(), "10.0.0.2:7").unwrap();
                    stream.write_all(b"hello").expect("write");
                    stream.shutdown(Shutdown::Write).expect("shutdown");
                    let mut got = Vec::new();
                    stream.read_to_end(&mut got).expect("read");
                    assert_eq!(got, b"hello");
                }
            });
        }
    });
    let open = |stack: &Stack| {
        let sockets = stack.sockets().sockets().expect("sockets");
        sockets.iter().filter(|s| s.kind == "tcp" && s.state == "ESTAB").count()
    };
    assert_eq!((open(&left), open(&right)), (0, 0));
}
