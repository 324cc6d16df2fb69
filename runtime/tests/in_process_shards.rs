//! Two stacks in this process whose shards and queues differ in number, joined by pairs of ports in
//! memory: no device, no privilege.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use client::{TcpListener, TcpStream, UdpSocket};
use datapath::PairConfig;
use runtime::{Builder, Interface, Layout, Stack, StartError, default_mac};

const CONNECTIONS: usize = 64;

/// What a test runs on: the queues of the wire, the shards of the left and of the right stack.
#[derive(Clone, Copy)]
struct Shape {
    layout: Layout,
    queues: u32,
    shards: [usize; 2],
}

const SHAPES: [Shape; 4] = [
    Shape { layout: Layout::Fused, queues: 2, shards: [2, 2] },
    Shape { layout: Layout::Split, queues: 2, shards: [2, 2] },
    Shape { layout: Layout::Fused, queues: 1, shards: [1, 3] },
    Shape { layout: Layout::Fused, queues: 3, shards: [2, 1] },
];

fn wire(shape: Shape) -> [Stack; 2] {
    let ends = datapath::pair_queues(&PairConfig::default(), shape.queues, shape.shards);
    let mut sides = ends.expect("pair").into_iter().zip(shape.shards).zip(1..);
    [(); 2].map(|()| {
        let ((ports, shards), number) = sides.next().expect("two sides");
        let name = format!("mem{number}");
        let interface = Interface::new(&name)
            .address(format!("10.0.0.{number}/24").parse().expect("address"))
            .mac(default_mac(&name));
        let builder = Builder::new().shards(shards).layout(shape.layout);
        let builder = builder.interface_on_queues(interface, ports).demo_services(true);
        builder.start().expect("start")
    })
}

fn payload(number: usize) -> Vec<u8> {
    (0..50_000 + number).map(|i| (i * 7 + number * 13) as u8).collect()
}

fn converse(stream: &mut TcpStream, number: usize) {
    let sent = payload(number);
    let mut writer = stream.try_clone().expect("clone");
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&sent).expect("write");
            writer.shutdown(Shutdown::Write).expect("shutdown");
        });
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("read");
        assert!(got == sent, "{} of {} bytes of connection {number}", got.len(), sent.len());
    });
}

#[test]
fn connections_to_a_service_live_on_all_shards() {
    for shape in SHAPES {
        let [left, right] = wire(shape);
        let to: SocketAddr = "10.0.0.2:7".parse().expect("address");
        let mut streams: Vec<TcpStream> = (0..CONNECTIONS)
            .map(|_| TcpStream::connect(&left.sockets(), to).expect("connect"))
            .collect();
        thread::scope(|scope| {
            for (number, stream) in streams.iter_mut().enumerate() {
                scope.spawn(move || converse(stream, number));
            }
        });
        drop((streams, right));
    }
}

#[test]
fn a_listener_accepts_what_arrives_on_any_shard() {
    for shape in SHAPES {
        let [left, right] = wire(shape);
        let listener = TcpListener::bind(&right.sockets(), "10.0.0.2:4000").expect("bind");
        let taken = TcpListener::bind(&right.sockets(), "10.0.0.2:4000").expect_err("taken");
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..CONNECTIONS {
                    let (mut stream, peer) = listener.accept().expect("accept");
                    assert_eq!(stream.peer_addr().expect("peer"), peer);
                    scope.spawn(move || {
                        let mut got = Vec::new();
                        stream.read_to_end(&mut got).expect("read");
                        stream.write_all(&got).expect("write");
                    });
                }
            });
            for number in 0..CONNECTIONS {
                let sockets = left.sockets();
                scope.spawn(move || {
                    // Half of them ask for their own port, which decides about the shard.
                    let mut stream = match number % 2 {
                        0 => TcpStream::connect(&sockets, "10.0.0.2:4000"),
                        _ => {
                            let local = format!("10.0.0.1:{}", 20_000 + number);
                            let local = local.parse().expect("address");
                            let remote = "10.0.0.2:4000".parse().expect("address");
                            TcpStream::connect_from(&sockets, local, remote)
                        }
                    }
                    .expect("connect");
                    let sent = payload(number);
                    stream.write_all(&sent).expect("write");
                    stream.shutdown(Shutdown::Write).expect("shutdown");
                    let mut got = Vec::new();
                    stream.read_to_end(&mut got).expect("read");
                    assert!(got == sent, "connection {number}");
                });
            }
        });
    }
}

#[test]
fn udp_ports_are_found_wherever_their_home_is() {
    for shape in SHAPES {
        let [left, right] = wire(shape);
        let (left, right) = (Arc::new(left), Arc::new(right));
        for port in 5000..5032 {
            let ours = UdpSocket::bind(&left.sockets(), format!("10.0.0.1:{port}")).expect("bind");
            let theirs = UdpSocket::bind(&right.sockets(), "0.0.0.0:0").expect("bind");
            for socket in [&ours, &theirs] {
                socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
            }
            theirs.send_to(b"question", format!("10.0.0.1:{port}")).expect("send");
            let mut bytes = [0; 32];
            let (n, from) = ours.recv_from(&mut bytes).expect("arrives");
            assert_eq!(&bytes[..n], b"question");
            ours.send_to(b"answer", from).expect("send");
            let (n, from) = theirs.recv_from(&mut bytes).expect("comes back");
            assert_eq!((&bytes[..n], from.port()), (&b"answer"[..], port));
        }
    }
}

#[test]
fn connections_to_ourselves_work_on_every_shard() {
    let [left, _right] = wire(SHAPES[0]);
    for number in 0..8 {
        let mut stream = TcpStream::connect(&left.sockets(), "10.0.0.1:7").expect("connect");
        converse(&mut stream, number);
    }
}

#[test]
fn a_number_of_shards_that_cannot_be_is_refused() {
    for shards in [0, 65] {
        let error = Builder::new().shards(shards).start().err().expect("refused");
        assert!(matches!(error, StartError::Shards(n) if n == shards), "{error}");
        assert!(error.to_string().contains("1 to 64"), "{error}");
    }
    let ports = datapath::pair_queues(&PairConfig::default(), 1, [1, 1]).expect("pair");
    let [ports, _] = ports;
    let interface = Interface::new("mem1");
    let refused = Builder::new().shards(2).interface_on_queues(interface, ports).start();
    assert!(refused.err().expect("refused").to_string().contains("2 shards"));
}

/// LIFE-09, RUN-01.
#[test]
fn a_stack_with_many_shards_stops_at_once() {
    let began = std::time::Instant::now();
    for layout in [Layout::Fused, Layout::Split] {
        let sides = wire(Shape { layout, queues: 2, shards: [8, 8] });
        drop(sides);
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

/// More sockets than one page is to have: the pages of all shards together are the list.
#[test]
fn a_long_list_of_sockets_comes_in_pages() {
    use client::admin::{Request, Socket, SocketPage, SocketShow};

    const SOCKETS: u16 = 250;
    for shape in &SHAPES[1..] {
        let [stack, _other] = wire(*shape);
        let stack = stack.sockets();
        let bind = |port| UdpSocket::bind(&stack, SocketAddr::from(([10, 0, 0, 1], port)));
        let held: Vec<_> =
            (20_000..20_000 + SOCKETS).map(|port| bind(port).expect("bind")).collect();
        let ours = |socket: &Socket| socket.local.starts_with("10.0.0.1:2");
        let mut pages = 0;
        let mut listed = Vec::new();
        let mut after = None;
        loop {
            let request = Request::SocketShow(SocketShow { after, limit: Some(70) });
            let page = SocketPage::try_from(stack.control(&request).expect("page")).expect("page");
            assert!(page.sockets.len() <= 70);
            listed.extend(page.sockets.into_iter().filter(ours).map(|socket| socket.local));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert!(pages > 3, "{pages}");
        listed.sort();
        assert_eq!(listed.len(), usize::from(SOCKETS));
        listed.dedup();
        assert_eq!(listed.len(), usize::from(SOCKETS), "each once");

        let whole = stack.control(&Request::SocketShow(SocketShow::ALL)).expect("list");
        let whole: Vec<Socket> = whole.try_into().expect("list");
        assert_eq!(whole.iter().filter(|socket| ours(socket)).count(), usize::from(SOCKETS));
        let several = shape.shards[0] > 1;
        assert!(whole.iter().all(|socket| socket.shard.is_some() == several));
        assert!(whole.is_sorted_by_key(|socket| socket.shard), "the shards follow each other");
        let after = Some("9.0".parse().expect("cursor"));
        let request = Request::SocketShow(SocketShow { after, limit: None });
        let error = stack.control(&request).expect_err("there is no such shard");
        assert!(error.to_string().contains("there is no shard 9"), "{error}");
        drop(held);
    }
}
