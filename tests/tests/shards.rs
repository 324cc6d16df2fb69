//! Several shards, each with an engine of its own: connections and datagrams whose flows all shards
//! carry, counters that add up, and nothing left behind.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use client::admin::{LinkStats, ShardStats};
use client::{Stack, TcpListener, TcpStream, UdpSocket};
use rustix::process::Signal;
use sha2::{Digest, Sha256};
use tests::{Backend, Daemon, FAMILIES, Family, HOST_V4, Lab, Pattern, STACK_V4, eventually};

const CONNECTIONS: u64 = 200;
const GIB: u64 = 1 << 30;

/// A laboratory whose device has as many queues as its daemon has shards.
fn start(backend: Backend, shards: u32, more: &[&str]) -> Lab {
    let count = shards.to_string();
    Lab::with_queues("shards", backend, shards, &[&["--shards", &count], more].concat())
}

fn open(lab: &Lab) -> Stack {
    Stack::connect(Some(lab.daemon.socket())).expect("the daemon answers")
}

fn any(family: Family) -> IpAddr {
    match family.stack {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// A stream of either stack.
trait Stream: Read + Write {
    fn finish(&self);
}

impl Stream for TcpStream {
    fn finish(&self) {
        self.shutdown(Shutdown::Write).expect("shutdown");
    }
}

impl Stream for std::net::TcpStream {
    fn finish(&self) {
        self.shutdown(Shutdown::Write).expect("shutdown");
    }
}

/// What the side that connects says first: where in the pattern the data starts, and who sends it.
#[derive(Clone, Copy)]
struct Order {
    start: u64,
    connector_sends: bool,
}

impl Order {
    fn write(self, to: &mut dyn Stream) {
        let mut order = self.start.to_ne_bytes().to_vec();
        order.push(self.connector_sends.into());
        to.write_all(&order).expect("write");
    }

    fn read(from: &mut dyn Stream) -> Self {
        let mut order = [0; 9];
        from.read_exact(&mut order).expect("read");
        let start = order.first_chunk().copied().map(u64::from_ne_bytes).expect("eight bytes");
        Self { start, connector_sends: order[8] != 0 }
    }
}

/// Sends `bytes` bytes of the pattern and waits until the other side has closed.
fn send(to: &mut dyn Stream, pattern: &Pattern, start: u64, bytes: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut sent = 0;
    while sent < bytes {
        let part = pattern.at(start + sent, (bytes - sent).min(128 << 10) as usize);
        to.write_all(part).expect("write");
        hash.update(part);
        sent += part.len() as u64;
    }
    to.finish();
    assert_eq!(to.read(&mut [0]).expect("read"), 0, "the receiver closes");
    hash.finalize().into()
}

fn receive(from: &mut dyn Stream) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match from.read(&mut buffer).expect("read") {
            0 => return hash.finalize().into(),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Moves `total` bytes over 200 connections that are open at once. Either side opens half of them,
/// and either side sends on half of those. `looking` is called while all are open.
fn transfer(lab: &Lab, family: Family, total: u64, looking: impl FnOnce()) {
    let bytes = total / CONNECTIONS;
    let pattern = &Pattern::default();
    let stack = &open(lab);
    let ours = &TcpListener::bind_backlog(stack, SocketAddr::new(any(family), 8080), 256)
        .expect("the stack listens");
    let theirs = &lab.space.inside(|| std::net::TcpListener::bind((family.host, 0)).expect("bind"));
    let there = theirs.local_addr().expect("address");
    let connect = |number| -> Box<dyn Stream> {
        if number < CONNECTIONS / 2 {
            return Box::new(TcpStream::connect(stack, there).expect("the stack connects"));
        }
        let to = SocketAddr::new(family.stack, 8080);
        let stream = lab.space.inside(|| std::net::TcpStream::connect(to));
        Box::new(stream.expect("the kernel connects"))
    };
    let accept = |number| -> Box<dyn Stream> {
        if number < CONNECTIONS / 2 {
            return Box::new(theirs.accept().expect("the kernel accepts").0);
        }
        Box::new(ours.accept().expect("the stack accepts").0)
    };
    let move_data = |mut stream: Box<dyn Stream>, order: Order, sends: bool| match sends {
        true => (order.start, true, send(&mut *stream, pattern, order.start, bytes)),
        false => (order.start, false, receive(&mut *stream)),
    };
    let (all_open, looked) =
        (&Barrier::new(2 * CONNECTIONS as usize + 1), &Barrier::new(2 * CONNECTIONS as usize + 1));
    let (done, results) = channel();
    thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let (connect, accept, move_data) = (&connect, &accept, &move_data);
            let (connector_done, acceptor_done) = (done.clone(), done.clone());
            scope.spawn(move || {
                let mut stream = connect(number);
                let connector_sends = number.is_multiple_of(2);
                let order = Order { start: number * bytes, connector_sends };
                order.write(&mut *stream);
                all_open.wait();
                looked.wait();
                connector_done.send(move_data(stream, order, connector_sends)).expect("tell");
            });
            scope.spawn(move || {
                let mut stream = accept(number);
                let order = Order::read(&mut *stream);
                all_open.wait();
                looked.wait();
                acceptor_done.send(move_data(stream, order, !order.connector_sends)).expect("tell");
            });
        }
        all_open.wait();
        looking();
        looked.wait();
    });
    drop(done);
    let (mut sent, mut received) = (BTreeMap::new(), BTreeMap::new());
    for (start, sends, hash) in results {
        if sends { &mut sent } else { &mut received }.insert(start, hash);
    }
    assert_eq!(sent.len() as u64, CONNECTIONS);
    assert!(sent == received, "what was sent is what came");
}

/// Every size of datagram to the stack's echo service from many ports, and to many ports of the
/// stack through the daemon.
fn datagrams(lab: &Lab, family: Family) {
    let data: Vec<u8> = (0..8000_u32).map(|i| ((i * 31) >> 3) as u8).collect();
    let kernel_socket = || {
        let socket = std::net::UdpSocket::bind((family.host, 0)).expect("bind");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
        socket
    };
    let mut answer = vec![0; 9000];
    lab.space.inside(|| {
        for size in (0..50).map(|n| n * 160) {
            let socket = kernel_socket();
            socket.connect((family.stack, 7)).expect("connect");
            socket.send(&data[..size]).expect("send");
            let got = socket.recv(&mut answer).expect("echo");
            assert!(answer[..got] == data[..size], "echo of {size} bytes");
        }
    });
    let stack = open(lab);
    for port in 5000..5020 {
        let ours = UdpSocket::bind(&stack, SocketAddr::new(any(family), port)).expect("bind");
        let theirs = lab.space.inside(kernel_socket);
        for size in [1, 1000, 4000] {
            theirs.send_to(&data[..size], (family.stack, port)).expect("send");
            let (got, from) = ours.recv_from(&mut answer).expect("arrives");
            assert!(answer[..got] == data[..size], "{size} bytes to port {port}");
            assert_eq!(from, theirs.local_addr().expect("address"));
            ours.send_to(&answer[..got], from).expect("send back");
            assert_eq!(theirs.recv(&mut answer).expect("comes back"), size);
        }
    }
    // A port is taken on whichever shard it is asked for.
    let ours = UdpSocket::bind(&stack, SocketAddr::new(any(family), 5000)).expect("bind");
    let taken = UdpSocket::bind(&stack, SocketAddr::new(any(family), 5000)).expect_err("taken");
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    drop(ours);
}

/// Connections from ports that the client asks for: the flow says on which shard they live.
fn from_given_ports(lab: &Lab, family: Family, shards: usize) {
    let stack = open(lab);
    let listener =
        lab.space.inside(|| std::net::TcpListener::bind((family.host, 0)).expect("bind"));
    let there = listener.local_addr().expect("address");
    let mut on_shard = vec![0; shards];
    for port in 30_000..30_032 {
        let here = SocketAddr::new(family.stack, port);
        let mut ours = TcpStream::connect_from(&stack, here, there).expect("connect");
        let (mut theirs, from) = listener.accept().expect("accept");
        assert_eq!((from, ours.local_addr().expect("address")), (here, here));
        ours.write_all(b"question").expect("write");
        let mut bytes = [0; 8];
        theirs.read_exact(&mut bytes).expect("read");
        theirs.write_all(&bytes).expect("write");
        ours.read_exact(&mut bytes).expect("read");
        assert_eq!(&bytes, b"question");
        let sockets = stack.sockets().expect("sockets");
        let socket = sockets.iter().find(|socket| socket.local == here.to_string());
        on_shard[socket.and_then(|socket| socket.shard).expect("listed") as usize] += 1;
    }
    assert!(on_shard.iter().all(|count| *count > 0), "{on_shard:?}");
}

/// Each counter is the sum of the shards' counters, and all shards carried segments.
fn counters_add_up(lab: &Lab, shards: usize) {
    let stack = open(lab);
    let stats = stack.stats().expect("stats");
    assert_eq!(stats.shards.len(), shards);
    let sum = |count: &dyn Fn(&ShardStats) -> Option<&u64>| {
        stats.shards.iter().filter_map(count).sum::<u64>()
    };
    for (name, total) in &stats.counters {
        assert_eq!(*total, sum(&|shard| shard.counters.get(name)), "{name}");
    }
    for (name, total) in &stats.drops {
        assert_eq!(*total, sum(&|shard| shard.drops.get(name)), "{name}");
    }
    for shard in &stats.shards {
        for name in ["tcp_segments_in", "tcp_segments_out"] {
            assert!(shard.counters[name] > 200, "{name} of a shard: {}", shard.counters[name]);
        }
    }
    let mut links = stack.links().expect("links").into_iter();
    let link = links.find(|link| link.name == lab.backend.device()).expect("the link is listed");
    assert_eq!(link.shards.len(), shards);
    let sum = |count: fn(&LinkStats) -> u64| link.shards.iter().map(count).sum::<u64>();
    assert_eq!(link.stats.rx_packets, sum(|shard| shard.rx_packets));
    assert_eq!(link.stats.rx_bytes, sum(|shard| shard.rx_bytes));
    assert_eq!(link.stats.tx_packets, sum(|shard| shard.tx_packets));
    assert_eq!(link.stats.tx_bytes, sum(|shard| shard.tx_bytes));
    let f = link.frames.expect("frames");
    assert_eq!(f.fill + f.rx + f.stack + f.tx + f.completion + f.free, f.total, "{f:?}");
}

/// `ctl -d stats` has a line of each shard under each counter, and they add up to its total.
fn ctl_shows_each_shard(lab: &Lab, shards: usize) {
    let out = lab.daemon.ctl("-d stats");
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let number = |line: &str| line.split_whitespace().last().and_then(|word| word.parse().ok());
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.contains("tcp_segments_in")).expect("a counter");
    let total: u64 = number(lines[at]).expect("a total");
    let of_shards: Vec<u64> = lines[at + 1..]
        .iter()
        .take_while(|line| line.contains("shard"))
        .filter_map(|l| number(l))
        .collect();
    assert_eq!(of_shards.len(), shards, "{text}");
    assert_eq!(of_shards.iter().sum::<u64>(), total, "{text}");
}

/// Established connections by the shard on which they live.
fn established(lab: &Lab, shards: usize) -> Vec<usize> {
    let mut count = vec![0; shards];
    for socket in open(lab).sockets().expect("sockets") {
        if socket.state == "ESTAB" {
            count[socket.shard.expect("a shard") as usize] += 1;
        }
    }
    count
}

fn carries_everything(backend: Backend, shards: u32, more: &[&str], total: u64) {
    let lab = start(backend, shards, more);
    let shards = shards as usize;
    for family in FAMILIES {
        let ping = format!("ping -n -c 5 -i 0.1 -W 2 {}", family.stack);
        assert!(lab.space.shell(&ping).status.success(), "{ping}");
        datagrams(&lab, family);
        from_given_ports(&lab, family, shards);
        transfer(&lab, family, total / 2, || {
            let count = established(&lab, shards);
            assert_eq!(count.iter().sum::<usize>(), CONNECTIONS as usize);
            assert!(count.iter().all(|count| *count > 20), "{count:?} connections");
        });
    }
    assert!(eventually(10, || established(&lab, shards) == vec![0; shards]), "connections stay");
    // Nothing moves any more, so that the sums can be compared.
    counters_add_up(&lab, shards);
    ctl_shows_each_shard(&lab, shards);
}

#[test]
fn a_gibibyte_over_tap() {
    carries_everything(Backend::Tap, 2, &["--layout", "fused"], GIB);
}

#[test]
fn a_gibibyte_over_af_xdp() {
    carries_everything(Backend::Xdp, 2, &["--layout", "fused"], GIB);
}

#[test]
fn split_over_tap() {
    carries_everything(Backend::Tap, 2, &["--layout", "split"], GIB / 8);
}

#[test]
fn split_over_af_xdp() {
    carries_everything(Backend::Xdp, 2, &["--layout", "split"], GIB / 8);
}

/// More shards than most machines of a test have cores, the first two pinned.
#[test]
fn three_shards_over_tap() {
    carries_everything(Backend::Tap, 3, &["--cores", "0,1"], GIB / 8);
}

#[test]
fn four_shards_over_tap() {
    carries_everything(Backend::Tap, 4, &["--layout", "split"], GIB / 8);
}

#[test]
fn three_shards_over_af_xdp() {
    carries_everything(Backend::Xdp, 3, &["--layout", "split"], GIB / 8);
}

#[test]
fn four_shards_over_af_xdp() {
    carries_everything(Backend::Xdp, 4, &["--cores", "0,1"], GIB / 8);
}

/// Two shards share one queue, and hand over what arrives for each other.
#[test]
fn more_shards_than_queues() {
    let lab = Lab::with("shards", Backend::Tap, &["--shards", "2"]);
    let said = lab.daemon.said();
    assert!(said.contains("1 queue for 2 shards"), "{said}");
    transfer(&lab, FAMILIES[0], GIB / 8, || {
        let [first, second] = established(&lab, 2)[..] else { panic!("two shards") };
        assert!(first.min(second) > 20, "{first} and {second} connections");
    });
}

#[test]
fn more_queues_than_the_device_has_are_refused() {
    for (backend, args) in [
        (Backend::Tap, ["--iface", "tap7", "--backend", "tap", "--queues", "2"]),
        (Backend::Xdp, ["--iface", "veth7", "--backend", "xdp", "--queues", "2"]),
    ] {
        let space = Lab::wire("shards", backend);
        let out = space
            .command(tests::binary("pytcp-xdp").to_str().expect("path"))
            .args(args)
            .args(["--ipc-socket", &format!("/tmp/{}.sock", space.name())])
            .output()
            .expect("pytcp-xdp");
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && said.lines().count() == 1, "{said}");
        assert!(said.contains("queue"), "{said}");
    }
}

fn killed(backend: Backend) {
    let mut lab = start(backend, 2, &[]);
    let listener = lab.space.inside(|| std::net::TcpListener::bind((HOST_V4, 0)).expect("bind"));
    let address = listener.local_addr().expect("own");
    let stack = open(&lab);
    let mut streams: Vec<TcpStream> =
        (0..8).map(|_| TcpStream::connect(&stack, address).expect("connect")).collect();
    lab.daemon.signal(Signal::KILL);
    lab.daemon.wait();
    for stream in &mut streams {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "the stream ends");
    }
    assert!(stack.links().is_err(), "calls fail instead of hanging");
    if backend == Backend::Xdp {
        let gone = || !lab.space.ip("-d link show veth7").contains("xdp");
        assert!(eventually(5, gone), "{}", lab.space.ip("-d link show veth7"));
    }
    // Nothing is in the way of the next one, at the same path and on the same device.
    let device = ["--iface", backend.device(), "--address", "10.0.1.7/24", "--shards", "2"];
    let next = Daemon::start(&lab.space, &device);
    assert!(lab.space.shell(&format!("ping -n -c 1 -W 2 {STACK_V4}")).status.success());
    drop(next);
}

#[test]
fn a_killed_daemon_leaves_nothing_over_tap() {
    killed(Backend::Tap);
}

#[test]
fn a_killed_daemon_leaves_no_xdp_program() {
    killed(Backend::Xdp);
}

/// A device that the daemon made goes with it, with all its queues.
#[test]
fn a_killed_daemon_leaves_no_device_that_it_made() {
    let space = tests::Namespace::new("shards");
    let args = ["--iface", "tap9", "--address", "10.0.1.7/24", "--shards", "2"];
    let mut daemon = Daemon::start(&space, &args);
    assert!(space.ip("link").contains("tap9"));
    daemon.signal(Signal::KILL);
    daemon.wait();
    assert!(eventually(5, || !space.ip("link").contains("tap9")), "{}", space.ip("link"));
}
