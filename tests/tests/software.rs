//! AF_XDP on devices made of software, where senders on this machine leave checksums and cutting to
//! a device that does neither; and opposite a peer with a larger MTU.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use tests::{Backend, Daemon, FAMILIES, Lab, Namespace, STACK_V4, STACK_V6, eventually};

/// The daemon on `device`, which `make` makes over one end of the veth pair.
fn start(label: &str, device: &str, make: &[&str]) -> (Namespace, Daemon) {
    let space = Lab::wire(label, Backend::Xdp);
    make.iter().for_each(|line| drop(space.ip(line)));
    let args = ["--iface", device, "--backend", "xdp", "--address", "10.0.1.7/24"];
    let more = ["--address", "2001:db8:0:1::7/64", "--demo"];
    let daemon = Daemon::start(&space, &[&args[..], &more].concat());
    let reached = |to: &IpAddr| space.shell(&format!("ping -n -c 1 -W 1 {to}")).status.success();
    assert!(eventually(15, || [STACK_V4, STACK_V6].iter().all(reached)), "{}", daemon.said());
    (space, daemon)
}

fn connect(to: IpAddr, port: u16) -> TcpStream {
    let patience = Duration::from_secs(5);
    let stream = TcpStream::connect_timeout(&(to, port).into(), patience).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.set_write_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
}

/// TCP and UDP both ways, in both families, at a rate that only whole segments give; and datagrams
/// of some sizes that do not fit one frame.
fn carries(space: &Namespace, daemon: &Daemon, fragmented: &[usize]) {
    for family in FAMILIES {
        space.inside(|| {
            let began = Instant::now();
            let mut upload = connect(family.stack, 9);
            upload.write_all(&vec![7; 4 << 20]).expect("an upload");
            upload.shutdown(Shutdown::Write).expect("shutdown");
            assert_eq!(upload.read(&mut [0]).expect("its end"), 0);
            let sent: Vec<u8> = (0..1_000_000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
            let mut echo = connect(family.stack, 7);
            let mut other = echo.try_clone().expect("clone");
            let mut back = vec![0; sent.len()];
            thread::scope(|scope| {
                scope.spawn(|| other.write_all(&sent).expect("write"));
                echo.read_exact(&mut back).expect("read");
            });
            assert!(back == sent, "an echo over TCP");
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
            let socket = UdpSocket::bind((family.host, 0)).expect("bind");
            socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
            socket.connect((family.stack, 7)).expect("connect");
            let whole = [0, 1, 1000, family.udp_max];
            for &size in whole.iter().chain(fragmented) {
                socket.send(&sent[..size]).expect("send");
                let mut answer = vec![0; 65_536];
                let got = socket.recv(&mut answer).unwrap_or_else(|e| panic!("{size} bytes: {e}"));
                assert!(answer[..got] == sent[..size], "an echo of {size} bytes over UDP");
            }
        });
    }
    let stats = String::from_utf8_lossy(&daemon.ctl("stats").stdout).into_owned();
    assert!(!stats.contains("checksum"), "{stats}");
}

#[test]
fn a_macvlan_over_a_veth_pair_carries_everything() {
    let make = ["link add link veth7 name mac7 type macvlan mode bridge", "link set mac7 up"];
    let (space, daemon) = start("macvlan", "mac7", &make);
    assert!(daemon.said().contains("xdp generic"), "{}", daemon.said());
    carries(&space, &daemon, &[4000, 8900, 20_000]);
}

#[test]
fn a_bridge_over_a_veth_pair_carries_everything() {
    let make = ["link add br7 type bridge", "link set veth7 master br7", "link set br7 up"];
    let (space, daemon) = start("softbr", "br7", &make);
    carries(&space, &daemon, &[4000, 8900, 20_000]);
}

#[test]
fn a_veth_pair_carries_everything() {
    let (space, daemon) = start("softveth", "veth7", &[]);
    assert!(daemon.said().contains("xdp driver"), "{}", daemon.said());
    carries(&space, &daemon, &[4000, 8900, 20_000]);
}

/// Linux drops datagrams that do not fit the MTU of the receiving end of a veth pair, so there are
/// none to be heard; segments fit, because they keep to the MSS that we announce.
#[test]
fn a_peer_with_a_larger_mtu_is_served() {
    let (space, daemon) = start("jumbo", "veth7", &["link set host7 mtu 9000"]);
    assert!(daemon.said().contains("xdp driver"), "{}", daemon.said());
    carries(&space, &daemon, &[]);
}

/// Both ends have a larger MTU, from the beginning or while a connection runs: what is received
/// lies in several buffers, and what is sent is as large as fits one.
#[test]
fn a_device_with_a_larger_mtu_is_served() {
    let jumbo = ["link set veth7 mtu 9000", "link set host7 mtu 9000"];
    let (space, daemon) = start("jumboboth", "veth7", &jumbo);
    assert!(daemon.said().contains("xdp driver"), "{}", daemon.said());
    carries(&space, &daemon, &[4000, 8900, 20_000]);
    drop(daemon);
    let (space, daemon) = start("jumbolate", "veth7", &[]);
    let mut echo = space.inside(|| connect(STACK_V4, 7));
    let mut exchange = || {
        let mut back = vec![0; 100_000];
        let mut other = echo.try_clone().expect("clone");
        thread::scope(|scope| {
            scope.spawn(|| other.write_all(&vec![9; 100_000]).expect("write"));
            echo.read_exact(&mut back).expect("read");
        });
    };
    exchange();
    jumbo.iter().for_each(|line| drop(space.ip(line)));
    exchange();
    let mtu = || daemon.records("link").iter().any(|l| l["name"] == "veth7" && l["mtu"] == 3498);
    assert!(eventually(5, mtu), "{:?}", daemon.records("link"));
    carries(&space, &daemon, &[4000, 8900, 20_000]);
    exchange();
}
