//! Runs the XDP program in the kernel on frames made for every verdict (BPF_PROG_TEST_RUN). It is
//! loaded and never attached, so no interface is touched. Needs root.

use std::collections::HashSet;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::process::Command;

use bpf::{Config, Key4, Key6, Mode, Part, PortKey, Verdict};
use libbpf_rs::{MapCore as _, MapFlags, Object, ObjectBuilder, ProgramInput};

const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const BROADCAST: [u8; 6] = [0xff; 6];

const OURS4: [u8; 4] = [10, 0, 0, 1];
const OTHER4: [u8; 4] = [10, 0, 0, 2];
const GROUP4: [u8; 4] = [224, 0, 0, 251];
const OTHER_GROUP4: [u8; 4] = [224, 0, 0, 1];
const LIMITED_BROADCAST: [u8; 4] = [255; 4];
const SUBNET_BROADCAST: [u8; 4] = [10, 0, 0, 255];

const OURS6: [u8; 16] = ip6(&[0xfd], &[1]);
const OTHER6: [u8; 16] = ip6(&[0xfd], &[2]);
/// Ends like `OURS6`, so both have the same solicited-node group.
const ALIKE6: [u8; 16] = ip6(&[0xfe, 0x80], &[1]);
const NODE_GROUP6: [u8; 16] = ip6(&[0xff, 0x02], &[1, 0xff, 0, 0, 1]);
const ALL_NODES6: [u8; 16] = ip6(&[0xff, 0x02], &[1]);
const OTHER_GROUP6: [u8; 16] = ip6(&[0xff, 0x02], &[0xfb]);

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SSH: u16 = 22;

const fn ip6(start: &[u8], end: &[u8]) -> [u8; 16] {
    let mut octets = [0; 16];
    let mut i = 0;
    while i < start.len() {
        octets[i] = start[i];
        i += 1;
    }
    i = 0;
    while i < end.len() {
        octets[16 - end.len() + i] = end[i];
        i += 1;
    }
    octets
}

/// The loaded program.
struct Bench {
    object: Object,
    _sockets: Vec<OwnedFd>,
}

impl Bench {
    /// Loads it, with our addresses, and a socket on queue 0 unless told otherwise.
    fn new(mode: Mode, with_socket: bool) -> Self {
        Self::with_sockets(mode, if with_socket { &[0] } else { &[] })
    }

    /// Loads it, with our addresses, and a socket on each of these queues.
    fn with_sockets(mode: Mode, queues: &[u32]) -> Self {
        let mut builder = ObjectBuilder::default();
        let object = builder.open_memory(bpf::PROGRAM).expect("the object is well formed");
        let object = object.load().expect("the verifier accepts it, and this is root");
        let mut bench = Self { object, _sockets: Vec::new() };
        bench.configure(mode, true);
        let (ours, heard) = ([Part::Ours as u8], [Part::Heard as u8]);
        bench.set(bpf::MAP_ADDRESSES4, &Key4(OURS4).0, &ours);
        bench.set(bpf::MAP_ADDRESSES6, &Key6(OURS6).0, &ours);
        for group in [GROUP4, SUBNET_BROADCAST, LIMITED_BROADCAST] {
            bench.set(bpf::MAP_ADDRESSES4, &Key4(group).0, &heard);
        }
        for group in [NODE_GROUP6, ALL_NODES6] {
            bench.set(bpf::MAP_ADDRESSES6, &Key6(group).0, &heard);
        }
        let port = PortKey { number: SSH.to_be_bytes(), protocol: TCP, reserved: 0 };
        bench.set(bpf::MAP_KERNEL_PORTS, &[port.number[0], port.number[1], port.protocol, 0], &[1]);
        for queue in queues {
            // SAFETY: the call takes no pointer, and what it returns is ours alone.
            let socket = unsafe {
                let fd = libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
                assert!(fd >= 0, "AF_XDP: {}", std::io::Error::last_os_error());
                OwnedFd::from_raw_fd(fd)
            };
            let fd = socket.as_raw_fd().to_ne_bytes();
            bench.set(bpf::MAP_SOCKETS, &queue.to_ne_bytes(), &fd);
            bench._sockets.push(socket);
        }
        bench
    }

    fn configure(&self, mode: Mode, kernel_ports: bool) {
        let config = Config {
            mode: mode as u32,
            kernel_ports: u32::from(kernel_ports),
            mac: MAC,
            reserved: [0; 2],
        };
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&config.mode.to_ne_bytes());
        bytes.extend_from_slice(&config.kernel_ports.to_ne_bytes());
        bytes.extend_from_slice(&config.mac);
        bytes.extend_from_slice(&config.reserved);
        assert_eq!(bytes.len(), size_of::<Config>());
        self.set(bpf::MAP_CONFIG, &0u32.to_ne_bytes(), &bytes);
    }

    fn set(&self, map: &str, key: &[u8], value: &[u8]) {
        let map = self.object.maps().find(|m| m.name() == map).expect("the map is there");
        map.update(key, value, MapFlags::ANY).expect("the layouts agree");
    }

    fn counters(&self) -> Vec<u64> {
        let map = self.object.maps().find(|m| m.name() == bpf::MAP_VERDICTS).expect("it is there");
        let sum = |verdict: &Verdict| {
            let key = (*verdict as u32).to_ne_bytes();
            let values = map.lookup_percpu(&key, MapFlags::ANY).expect("it can be read");
            let values = values.expect("every verdict has a counter");
            values.iter().map(|v| u64::from_ne_bytes(v[..8].try_into().unwrap())).sum()
        };
        Verdict::ALL.iter().map(sum).collect()
    }

    /// Runs the program on a frame. Returns what it counted and what it decided.
    fn run(&mut self, frame: &[u8]) -> (Verdict, u32) {
        self.run_in(frame, None)
    }

    /// The same, as if the frame had arrived on this queue of this interface.
    fn run_on(&mut self, frame: &[u8], ifindex: u32, queue: u32) -> (Verdict, u32) {
        // The kernel's `struct xdp_md`: data, data_end, data_meta, ingress_ifindex,
        // rx_queue_index, egress_ifindex.
        let context = [0, frame.len() as u32, 0, ifindex, queue, 0];
        self.run_in(frame, Some(context.iter().flat_map(|word| word.to_ne_bytes()).collect()))
    }

    fn run_in(&mut self, frame: &[u8], mut context: Option<Vec<u8>>) -> (Verdict, u32) {
        let before = self.counters();
        let mut programs = self.object.progs_mut();
        let program = programs.find(|p| p.name() == bpf::PROGRAM_NAME).expect("it is there");
        let input = ProgramInput {
            data_in: Some(frame),
            context_in: context.as_deref_mut(),
            ..ProgramInput::default()
        };
        let action = program.test_run(input).expect("the kernel runs it").return_value;
        let after = self.counters();
        let counted: Vec<_> =
            Verdict::ALL.iter().filter(|&&v| after[v as usize] != before[v as usize]).collect();
        assert_eq!(counted.len(), 1, "a frame is counted under one verdict: {counted:?}");
        let verdict = *counted[0];
        assert_eq!(after[verdict as usize], before[verdict as usize] + 1, "and once");
        (verdict, action)
    }
}

fn ethernet(dst: [u8; 6], tags: &[u16], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&dst);
    frame.extend_from_slice(&OTHER_MAC);
    for (i, tag) in tags.iter().enumerate() {
        let outer = i + 1 < tags.len();
        frame.extend_from_slice(&if outer { 0x88a8u16 } else { 0x8100 }.to_be_bytes());
        frame.extend_from_slice(&tag.to_be_bytes());
    }
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn arp(operation: u16, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4];
    packet.extend_from_slice(&operation.to_be_bytes());
    packet.extend_from_slice(&OTHER_MAC);
    packet.extend_from_slice(&sender);
    packet.extend_from_slice(&[0; 6]);
    packet.extend_from_slice(&target);
    packet
}

fn ipv4_with(options: usize, fragment: u16, protocol: u8, dst: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let header = 20 + options;
    let mut packet = vec![0x40 | (header / 4) as u8, 0];
    packet.extend_from_slice(&((header + payload.len()) as u16).to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet.extend_from_slice(&fragment.to_be_bytes());
    packet.extend_from_slice(&[64, protocol, 0, 0]);
    packet.extend_from_slice(&OTHER4);
    packet.extend_from_slice(&dst);
    packet.resize(header, 1);
    packet.extend_from_slice(payload);
    packet
}

fn ipv4(protocol: u8, dst: [u8; 4], payload: &[u8]) -> Vec<u8> {
    ipv4_with(0, 0, protocol, dst, payload)
}

fn ipv6(next: u8, dst: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[next, 255]);
    packet.extend_from_slice(&OTHER6);
    packet.extend_from_slice(&dst);
    packet.extend_from_slice(payload);
    packet
}

/// An extension header of `units` times eight bytes.
fn extension(next: u8, units: u8) -> Vec<u8> {
    let mut header = vec![next, units - 1];
    header.resize(usize::from(units) * 8, 0);
    header
}

fn fragment(next: u8, offset_more: u16) -> Vec<u8> {
    let mut header = vec![next, 0];
    header.extend_from_slice(&offset_more.to_be_bytes());
    header.extend_from_slice(&[0, 0, 0, 9]);
    header
}

fn chain(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

fn nd(kind: u8, target: [u8; 16]) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(&target);
    message
}

fn ports(dst: u16) -> Vec<u8> {
    let mut transport = vec![0x30, 0x39];
    transport.extend_from_slice(&dst.to_be_bytes());
    transport.resize(20, 0);
    transport
}

/// A frame, and what should become of it in shared mode.
type Row = (&'static str, Vec<u8>, Verdict);

fn four(dst: [u8; 6], tags: &[u16], packet: &[u8]) -> Vec<u8> {
    ethernet(dst, tags, 0x0800, packet)
}

fn six(dst: [u8; 6], tags: &[u16], packet: &[u8]) -> Vec<u8> {
    ethernet(dst, tags, 0x86dd, packet)
}

fn ask(dst: [u8; 6], tags: &[u16], packet: &[u8]) -> Vec<u8> {
    ethernet(dst, tags, 0x0806, packet)
}

fn shared_rows() -> Vec<Row> {
    [ethernet_rows(), arp_rows(), ipv4_rows(), ipv6_rows(), extension_rows(), nd_rows()].concat()
}

fn ethernet_rows() -> Vec<Row> {
    use Verdict::*;
    let http = ports(80);
    vec![
        ("another's MAC", four(OTHER_MAC, &[], &ipv4(TCP, OURS4, &http)), PassMac),
        ("LLDP", ethernet([1, 0x80, 0xc2, 0, 0, 0xe], &[], 0x88cc, &[0; 46]), PassEthertype),
        ("802.3 length", ethernet(MAC, &[], 46, &[0; 46]), PassEthertype),
        ("three tags", four(MAC, &[0, 0, 0], &ipv4(TCP, OURS4, &http)), PassEthertype),
        ("only a header", ethernet(MAC, &[], 0x0800, &[]), PassMalformed),
        ("half a tag", ethernet(MAC, &[], 0x8100, &[0, 1]), PassMalformed),
    ]
}

fn arp_rows() -> Vec<Row> {
    use Verdict::*;
    vec![
        // What all hear is the kernel's as well: it too learns who is where.
        ("who has ours", ask(BROADCAST, &[], &arp(1, OTHER4, OURS4)), PassArp),
        ("who has ours, of a VLAN", ask(BROADCAST, &[7], &arp(1, OTHER4, OURS4)), PassVlan),
        ("do we still have ours", ask(MAC, &[], &arp(1, OTHER4, OURS4)), RedirectArp),
        ("the same with a priority", ask(MAC, &[0xe000], &arp(1, OTHER4, OURS4)), RedirectArp),
        ("the same of a VLAN", ask(MAC, &[7], &arp(1, OTHER4, OURS4)), PassVlan),
        ("an answer to us", ask(MAC, &[], &arp(2, OTHER4, OURS4)), RedirectArp),
        ("another uses ours", ask(BROADCAST, &[], &arp(1, OURS4, OURS4)), PassArp),
        ("our probe is defended", ask(MAC, &[], &arp(2, OURS4, [0; 4])), RedirectArp),
        ("who has another", ask(BROADCAST, &[], &arp(1, OTHER4, OTHER4)), PassArp),
        ("an answer to the kernel", ask(MAC, &[], &arp(2, OTHER4, OTHER4)), PassArp),
        ("half an ARP", ask(BROADCAST, &[], &arp(1, OTHER4, OURS4)[..27]), PassMalformed),
        (
            "ARP of other sizes",
            ask(BROADCAST, &[], &[&[0, 6][..], &[0; 26]].concat()),
            PassMalformed,
        ),
    ]
}

fn ipv4_rows() -> Vec<Row> {
    use Verdict::*;
    let (http, ssh) = (ports(80), ports(SSH));
    vec![
        ("v4 to us", four(MAC, &[], &ipv4(TCP, OURS4, &http)), RedirectIpv4),
        ("v4 to us, by broadcast", four(BROADCAST, &[], &ipv4(UDP, OURS4, &http)), RedirectIpv4),
        ("v4 to us, of a VLAN", four(MAC, &[7], &ipv4(TCP, OURS4, &http)), PassVlan),
        ("v4 to us, a priority", four(MAC, &[0x6000], &ipv4(TCP, OURS4, &http)), RedirectIpv4),
        ("v4 to us, two priorities", four(MAC, &[0, 0], &ipv4(TCP, OURS4, &http)), RedirectIpv4),
        ("v4 to us, a VLAN in one", four(MAC, &[0, 8], &ipv4(TCP, OURS4, &http)), PassVlan),
        ("v4 to us, options", four(MAC, &[], &ipv4_with(40, 0, TCP, OURS4, &http)), RedirectIpv4),
        ("ICMP to us", four(MAC, &[], &ipv4(1, OURS4, &[8, 0, 0, 0])), RedirectIpv4),
        ("v4 to another", four(MAC, &[], &ipv4(TCP, OTHER4, &http)), PassIpv4),
        ("v4 group joined", four(BROADCAST, &[], &ipv4(UDP, GROUP4, &http)), PassGroup),
        ("v4 group not joined", four(BROADCAST, &[], &ipv4(2, OTHER_GROUP4, &[])), PassGroup),
        ("v4 broadcast", four(BROADCAST, &[], &ipv4(UDP, LIMITED_BROADCAST, &http)), PassGroup),
        ("v4 of the subnet", four(BROADCAST, &[], &ipv4(UDP, SUBNET_BROADCAST, &http)), PassGroup),
        ("v4 of the subnet, to us", four(MAC, &[], &ipv4(UDP, SUBNET_BROADCAST, &http)), PassGroup),
        ("port of the kernel", four(MAC, &[], &ipv4(TCP, OURS4, &ssh)), PassPort),
        (
            "port of the kernel, options",
            four(MAC, &[], &ipv4_with(4, 0, TCP, OURS4, &ssh)),
            PassPort,
        ),
        ("same port of UDP", four(MAC, &[], &ipv4(UDP, OURS4, &ssh)), RedirectIpv4),
        ("port of the kernel elsewhere", four(MAC, &[], &ipv4(TCP, OTHER4, &ssh)), PassIpv4),
        (
            "first fragment has no say",
            four(MAC, &[], &ipv4_with(0, 0x2000, TCP, OURS4, &ssh)),
            RedirectIpv4,
        ),
        ("later fragment", four(MAC, &[], &ipv4_with(0, 185, TCP, OURS4, &ssh)), RedirectIpv4),
        ("half a v4 header", four(MAC, &[], &ipv4(TCP, OURS4, &http)[..19]), PassMalformed),
        ("v4 without ports", four(MAC, &[], &ipv4(TCP, OURS4, &[0, 80, 0])), PassMalformed),
        ("v4 that says v6", four(MAC, &[], &ipv6(TCP, OURS6, &http)), PassMalformed),
        (
            "v4 header of 16 bytes",
            four(MAC, &[], &[&[0x44][..], &ipv4(TCP, OURS4, &http)[1..]].concat()),
            PassMalformed,
        ),
    ]
}

fn ipv6_rows() -> Vec<Row> {
    use Verdict::*;
    let (http, ssh) = (ports(80), ports(SSH));
    vec![
        ("v6 to us", six(MAC, &[], &ipv6(TCP, OURS6, &http)), RedirectIpv6),
        ("v6 to us, of a VLAN", six(MAC, &[7], &ipv6(TCP, OURS6, &http)), PassVlan),
        ("v6 to us, a priority", six(MAC, &[0x2000], &ipv6(TCP, OURS6, &http)), RedirectIpv6),
        ("v6 to us, of two VLANs", six(MAC, &[7, 8], &ipv6(UDP, OURS6, &http)), PassVlan),
        ("v6 to another", six(MAC, &[], &ipv6(TCP, OTHER6, &http)), PassIpv6),
        ("v6 group joined", six(BROADCAST, &[], &ipv6(UDP, NODE_GROUP6, &http)), PassGroup),
        ("v6 group not joined", six(BROADCAST, &[], &ipv6(UDP, OTHER_GROUP6, &http)), PassGroup),
        ("a router", six(BROADCAST, &[], &ipv6(ICMPV6, ALL_NODES6, &[134, 0, 0, 0])), PassGroup),
        ("a querier", six(BROADCAST, &[], &ipv6(ICMPV6, ALL_NODES6, &[130, 0, 0, 0])), PassGroup),
        ("echo to us", six(MAC, &[], &ipv6(ICMPV6, OURS6, &[128, 0, 0, 0])), RedirectIpv6),
        ("v6 port of the kernel", six(MAC, &[], &ipv6(TCP, OURS6, &ssh)), PassPort),
        ("half a v6 header", six(MAC, &[], &ipv6(TCP, OURS6, &http)[..39]), PassMalformed),
        (
            "v6 that says v4",
            six(MAC, &[], &[ipv4(TCP, OURS4, &http), vec![0; 20]].concat()),
            PassMalformed,
        ),
        ("ICMPv6 without a type", six(MAC, &[], &ipv6(ICMPV6, OURS6, &[])), PassMalformed),
    ]
}

fn extension_rows() -> Vec<Row> {
    use Verdict::*;
    let ssh = ports(SSH);
    let eight = (0..8).map(|_| extension(60, 1));
    let endless: Vec<_> = eight.chain([extension(TCP, 1), ssh.clone()]).collect();
    vec![
        (
            "v6 port behind headers",
            six(
                MAC,
                &[],
                &ipv6(
                    0,
                    OURS6,
                    &chain(&[extension(43, 1), extension(60, 3), extension(TCP, 1), ssh.clone()]),
                ),
            ),
            PassPort,
        ),
        (
            "v6 port in a whole fragment",
            six(MAC, &[], &ipv6(44, OURS6, &chain(&[fragment(TCP, 0), ssh.clone()]))),
            PassPort,
        ),
        (
            "v6 first fragment",
            six(MAC, &[], &ipv6(44, OURS6, &chain(&[fragment(TCP, 1), ssh.clone()]))),
            RedirectIpv6,
        ),
        (
            "v6 later fragment",
            six(MAC, &[], &ipv6(44, OURS6, &chain(&[fragment(ICMPV6, 8), nd(135, OTHER6)]))),
            RedirectIpv6,
        ),
        ("half an extension", six(MAC, &[], &ipv6(0, OURS6, &[6, 0, 1])), PassMalformed),
        (
            "an extension past the end",
            six(MAC, &[], &ipv6(0, OURS6, &[60, 200, 0, 0, 0, 0, 0, 0])),
            PassMalformed,
        ),
        // The walk gives up after eight; what is behind is not looked at, and the address decides.
        ("endless extensions", six(MAC, &[], &ipv6(60, OURS6, &chain(&endless))), RedirectIpv6),
    ]
}

fn nd_rows() -> Vec<Row> {
    use Verdict::*;
    let (ns, na) = (135, 136);
    vec![
        (
            "who has our v6",
            six(BROADCAST, &[], &ipv6(ICMPV6, NODE_GROUP6, &nd(ns, OURS6))),
            RedirectNd,
        ),
        (
            "who has our v6, of a VLAN",
            six(BROADCAST, &[7], &ipv6(ICMPV6, NODE_GROUP6, &nd(ns, OURS6))),
            PassVlan,
        ),
        ("are you still there", six(MAC, &[], &ipv6(ICMPV6, OURS6, &nd(ns, OURS6))), RedirectNd),
        (
            "one that ends alike",
            six(BROADCAST, &[], &ipv6(ICMPV6, NODE_GROUP6, &nd(ns, ALIKE6))),
            PassNd,
        ),
        (
            "who has another's v6",
            six(BROADCAST, &[], &ipv6(ICMPV6, ALL_NODES6, &nd(ns, OTHER6))),
            PassNd,
        ),
        ("an answer to us, v6", six(MAC, &[], &ipv6(ICMPV6, OURS6, &nd(na, OTHER6))), RedirectNd),
        (
            "another claims our v6",
            six(BROADCAST, &[], &ipv6(ICMPV6, ALL_NODES6, &nd(na, OURS6))),
            PassNd,
        ),
        (
            "another claims its own",
            six(BROADCAST, &[], &ipv6(ICMPV6, ALL_NODES6, &nd(na, OTHER6))),
            PassNd,
        ),
        (
            "an answer to the kernel, v6",
            six(MAC, &[], &ipv6(ICMPV6, OTHER6, &nd(na, OTHER6))),
            PassNd,
        ),
        (
            "half a solicitation",
            six(BROADCAST, &[], &ipv6(ICMPV6, NODE_GROUP6, &nd(ns, OURS6)[..23])),
            PassMalformed,
        ),
        (
            "a solicitation behind a header",
            six(
                BROADCAST,
                &[],
                &ipv6(0, NODE_GROUP6, &chain(&[extension(ICMPV6, 1), nd(ns, OURS6)])),
            ),
            RedirectNd,
        ),
    ]
}

fn action(verdict: Verdict) -> u32 {
    if verdict.name().starts_with("redirect_") { XDP_REDIRECT } else { XDP_PASS }
}

#[test]
fn shared_takes_what_is_ours_and_leaves_the_rest() {
    let mut bench = Bench::new(Mode::Shared, true);
    let mut seen = HashSet::new();
    for (name, frame, wanted) in shared_rows() {
        let (verdict, decided) = bench.run(&frame);
        assert_eq!((verdict, decided), (wanted, action(wanted)), "{name}");
        seen.insert(verdict);
    }
    for verdict in Verdict::ALL {
        let elsewhere = [Verdict::RedirectExclusive, Verdict::PassNoSocket];
        assert!(seen.contains(verdict) || elsewhere.contains(verdict), "no row for {verdict:?}");
    }
}

#[test]
fn exclusive_takes_everything() {
    let mut bench = Bench::new(Mode::Exclusive, true);
    for (name, frame, _) in shared_rows() {
        assert_eq!(bench.run(&frame), (Verdict::RedirectExclusive, XDP_REDIRECT), "{name}");
    }
}

#[test]
fn without_a_socket_everything_goes_to_the_kernel() {
    for mode in [Mode::Shared, Mode::Exclusive] {
        let mut bench = Bench::new(mode, false);
        for (name, frame, verdict) in shared_rows() {
            let ours = mode == Mode::Exclusive || action(verdict) == XDP_REDIRECT;
            let wanted = if ours { Verdict::PassNoSocket } else { verdict };
            assert_eq!(bench.run(&frame), (wanted, XDP_PASS), "{name}");
        }
    }
}

/// Moves this thread into a network namespace of its own, which goes with it, and makes a device
/// with so many receive queues there. Returns its index.
fn device_with_queues(queues: u32) -> u32 {
    // SAFETY: the call takes no pointer; only this thread changes its namespace.
    let left = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(left, 0, "root may make a namespace");
    let many = format!("numrxqueues {queues} numtxqueues {queues}");
    let make = format!("link add name a {many} type veth peer name b {many}");
    let made = Command::new("ip").args(make.split(' ')).status().expect("ip is installed");
    assert!(made.success());
    // SAFETY: the name is a string that ends in zero.
    unsafe { libc::if_nametoindex(c"a".as_ptr()) }
}

#[test]
fn each_queue_has_its_socket_and_one_without_is_left_to_the_kernel() {
    let ifindex = device_with_queues(4);
    for mode in [Mode::Shared, Mode::Exclusive] {
        let mut bench = Bench::with_sockets(mode, &[1, 3]);
        for (name, frame, verdict) in shared_rows() {
            let taken = if mode == Mode::Exclusive { Verdict::RedirectExclusive } else { verdict };
            for queue in 0..4 {
                let has_socket = queue == 1 || queue == 3;
                let wanted = if action(taken) == XDP_REDIRECT && !has_socket {
                    Verdict::PassNoSocket
                } else {
                    taken
                };
                let decided = bench.run_on(&frame, ifindex, queue);
                assert_eq!(decided, (wanted, action(wanted)), "{name}, queue {queue}, {mode:?}");
            }
        }
    }
}

#[test]
fn a_socket_that_closes_leaves_its_queue_to_the_kernel_and_the_other_goes_on() {
    let ifindex = device_with_queues(2);
    let mut bench = Bench::with_sockets(Mode::Exclusive, &[0, 1]);
    let (_, frame, _) = shared_rows().remove(0);
    let redirected = (Verdict::RedirectExclusive, XDP_REDIRECT);
    assert_eq!([0, 1].map(|queue| bench.run_on(&frame, ifindex, queue)), [redirected; 2]);
    bench._sockets.remove(0);
    assert_eq!(bench.run_on(&frame, ifindex, 0), (Verdict::PassNoSocket, XDP_PASS));
    assert_eq!(bench.run_on(&frame, ifindex, 1), redirected);
}

#[test]
fn nothing_is_ours_until_it_is_configured() {
    let mut builder = ObjectBuilder::default();
    let object = builder.open_memory(bpf::PROGRAM).unwrap().load().expect("it loads");
    let mut bench = Bench { object, _sockets: Vec::new() };
    for (name, frame, _) in shared_rows() {
        assert_eq!(bench.run(&frame).1, XDP_PASS, "{name}");
    }
}

#[test]
fn ports_are_left_to_the_kernel_only_when_told() {
    let mut bench = Bench::new(Mode::Shared, true);
    bench.configure(Mode::Shared, false);
    let frame = ethernet(MAC, &[], 0x0800, &ipv4(TCP, OURS4, &ports(SSH)));
    assert_eq!(bench.run(&frame).0, Verdict::RedirectIpv4);
    bench.configure(Mode::Shared, true);
    assert_eq!(bench.run(&frame).0, Verdict::PassPort);
}

#[test]
fn every_prefix_of_every_frame_is_judged() {
    let mut bench = Bench::new(Mode::Shared, true);
    for (name, frame, wanted) in shared_rows() {
        // The kernel runs no program on less than an Ethernet header.
        for len in 14..frame.len() {
            let (verdict, decided) = bench.run(&frame[..len]);
            assert_eq!(decided, action(verdict), "{name}, {len} bytes");
            let early = [Verdict::PassMalformed, Verdict::PassEthertype, wanted];
            assert!(early.contains(&verdict), "{name}, {len} bytes: {verdict:?}");
        }
    }
}
