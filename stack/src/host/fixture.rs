//! A host on one Ethernet with a wire in the test's hand, and two hosts joined by a wire.

use addr::{Cidr, Endpoint, IfIndex, Ip, Mac};
use wire::arp::{self, Arp};
use wire::icmp::Message;
use wire::ip::{IpEmit, IpHeader, PROTO_ICMP, PROTO_ICMPV6, PROTO_UDP};
use wire::offload::{DeviceCaps, Medium, RxMeta, TxChecksum};
use wire::{checksum, ethernet, icmpv4, icmpv6, ip, udp};

use crate::control::{AddrGenMode, InterfaceConfig};
use crate::drop::DropReason;
use crate::host::Host;
use crate::limits::Limits;
use crate::socket::SocketRings;
use crate::time::{Duration, Instant};
use crate::udp::{RECORD_LEN, Record};

pub(crate) const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const PEER_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
pub(crate) const US: Ip = Ip::v4([10, 0, 0, 1]);
pub(crate) const PEER: Ip = Ip::v4([10, 0, 0, 2]);

pub(crate) fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

pub(crate) fn cidr(text: &str) -> Cidr {
    text.parse().unwrap()
}

pub(crate) fn us6() -> Ip {
    ip("2001:db8::1")
}

pub(crate) fn peer6() -> Ip {
    ip("2001:db8::2")
}

pub(crate) fn ethernet_config(name: &str, mac: Mac) -> InterfaceConfig {
    InterfaceConfig {
        name: name.into(),
        medium: Medium::Ethernet,
        mac,
        mtu: 1500,
        caps: DeviceCaps::default(),
        link_local: AddrGenMode::Eui64,
    }
}

/// A host with 10.0.0.1/24 and 2001:db8::1/64 on one interface.
pub(crate) struct Lab {
    pub(crate) host: Host,
    pub(crate) ifindex: IfIndex,
    pub(crate) now: Instant,
}

impl Lab {
    /// A host that has announced itself and knows nobody.
    pub(crate) fn new() -> Self {
        Self::with(Limits::default(), ethernet_config("eth0", MAC))
    }

    pub(crate) fn with(limits: Limits, config: InterfaceConfig) -> Self {
        let now = Instant::from_millis(1000);
        let mut host = Host::new(limits, 7);
        let ifindex = host.interface_add(now, config).unwrap();
        host.address_add(now, ifindex, cidr("10.0.0.1/24")).unwrap();
        host.address_add(now, ifindex, cidr("2001:db8::1/64")).unwrap();
        let mut lab = Self { host, ifindex, now };
        lab.sent();
        lab
    }

    /// The same, with the peer's link address known in both families.
    pub(crate) fn acquainted() -> Self {
        let mut lab = Self::new();
        for ip in [PEER, peer6()] {
            lab.host.neighbor_add(lab.now, lab.ifindex, ip, PEER_MAC).unwrap();
        }
        lab
    }

    /// Every frame the host wants to send now, in order.
    pub(crate) fn sent(&mut self) -> Vec<Vec<u8>> {
        frames_of(&mut self.host, self.now, self.ifindex)
    }

    /// The one frame the host wants to send.
    pub(crate) fn sent_one(&mut self) -> Vec<u8> {
        let mut frames = self.sent();
        assert_eq!(frames.len(), 1, "{frames:?}");
        frames.remove(0)
    }

    pub(crate) fn receive(&mut self, frame: &[u8]) -> Result<(), DropReason> {
        self.receive_as(RxMeta::default(), frame)
    }

    pub(crate) fn receive_as(&mut self, meta: RxMeta, frame: &[u8]) -> Result<(), DropReason> {
        let mut frame = frame.to_vec();
        let verdict = self.host.receive(self.now, self.ifindex, meta, &mut frame);
        assert!(self.host.stats().is_balanced());
        verdict.drop_reason().map_or(Ok(()), Err)
    }

    /// Lets time pass in steps of 50 ms.
    pub(crate) fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.now = (self.now + Duration::from_millis(50)).min(until);
            self.host.expire(self.now);
        }
    }

    pub(crate) fn udp(&mut self, local: &str) -> SocketRings {
        let local = local.parse().unwrap();
        self.host.udp_bind(self.now, local, crate::udp::UdpOptions::default()).unwrap()
    }

    /// Writes a datagram to a socket's send ring and tells the host.
    pub(crate) fn send_to(&mut self, ends: &mut SocketRings, remote: &str, payload: &[u8]) {
        write_datagram(ends, Some(remote.parse().unwrap()), payload);
        self.host.app_wrote(self.now, ends.id);
    }

    /// Every pending event of the host, by socket.
    pub(crate) fn events(&mut self) -> Vec<(crate::SocketId, crate::Readiness)> {
        core::iter::from_fn(|| self.host.next_event()).collect()
    }
}

pub(crate) fn frames_of(host: &mut Host, now: Instant, ifindex: IfIndex) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut slot = vec![0xee; 65_550];
    while let Some(meta) = host.transmit(now, ifindex, &mut slot) {
        let mut frame = slot[..meta.len as usize].to_vec();
        finish(&mut frame, meta.checksum);
        frames.push(frame);
        assert!(frames.len() < 10_000, "the host never stops sending");
    }
    frames
}

/// Does what a device does for a partial checksum.
fn finish(frame: &mut [u8], checksum: TxChecksum) {
    if let TxChecksum::Partial { start, offset } = checksum {
        let segment = &mut frame[usize::from(start)..];
        let sum = checksum::checksum(segment);
        let at = usize::from(offset);
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

pub(crate) fn write_datagram(ends: &mut SocketRings, remote: Option<Endpoint>, payload: &[u8]) {
    let record = Record { len: payload.len() as u16, peer: remote };
    assert_eq!(ends.tx.write(&record.write()), RECORD_LEN);
    assert_eq!(ends.tx.write(payload), payload.len());
}

pub(crate) fn read_datagram(ends: &mut SocketRings) -> Option<(Endpoint, Vec<u8>)> {
    let mut header = [0; RECORD_LEN];
    if ends.rx.read(&mut header) == 0 {
        return None;
    }
    let record = Record::read(&header);
    let mut payload = vec![0; usize::from(record.len)];
    assert_eq!(ends.rx.read(&mut payload), payload.len());
    Some((record.peer.unwrap(), payload))
}

// Frames from the peer.

pub(crate) fn eth(dst: Mac, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; ethernet::HEADER_LEN];
    ethernet::emit(&mut frame, dst, PEER_MAC, ethertype).unwrap();
    frame.extend_from_slice(payload);
    frame
}

pub(crate) fn arp_frame(dst: Mac, arp: &Arp) -> Vec<u8> {
    let mut packet = [0; arp::LEN];
    arp::emit(&mut packet, arp).unwrap();
    eth(dst, ethernet::ETHERTYPE_ARP, &packet)
}

/// A request by the peer, as `operation` says, from `sender` for `target`.
pub(crate) fn arp_from_peer(operation: u16, sender: Ip, target: Ip) -> Arp {
    Arp {
        operation,
        sender_mac: PEER_MAC,
        sender_ip: sender.as_v4().unwrap(),
        target_mac: Mac::UNSPECIFIED,
        target_ip: target.as_v4().unwrap(),
    }
}

/// An IP packet without DF; `header.payload_len` is filled in.
pub(crate) fn packet(header: &IpEmit, payload: &[u8]) -> Vec<u8> {
    let header = IpEmit { payload_len: payload.len(), dont_fragment: false, ..*header };
    let mut packet = vec![0; ip::header_len(header.dst.is_v4())];
    ip::emit(&mut packet, &header).unwrap();
    packet.extend_from_slice(payload);
    packet
}

/// The same in an Ethernet frame, to the link address that fits its destination.
pub(crate) fn ip_frame(header: &IpEmit, payload: &[u8]) -> Vec<u8> {
    let mac = if header.dst.is_multicast() || header.dst.is_limited_broadcast() {
        Mac::multicast_for(header.dst)
    } else {
        MAC
    };
    let ethertype =
        if header.dst.is_v4() { ethernet::ETHERTYPE_IPV4 } else { ethernet::ETHERTYPE_IPV6 };
    eth(mac, ethertype, &packet(header, payload))
}

pub(crate) fn udp_payload(src: Endpoint, dst: Endpoint, data: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; udp::HEADER_LEN];
    udp::emit(&mut datagram, src.port, dst.port, data.len()).unwrap();
    let len = (udp::HEADER_LEN + data.len()) as u32;
    let pseudo = checksum::pseudo_header(src.ip, dst.ip, PROTO_UDP, len);
    udp::set_checksum(&mut datagram, checksum::sum(pseudo, data));
    datagram.extend_from_slice(data);
    datagram
}

pub(crate) fn udp_frame(src: &str, dst: &str, data: &[u8]) -> Vec<u8> {
    let (src, dst): (Endpoint, Endpoint) = (src.parse().unwrap(), dst.parse().unwrap());
    let header = IpEmit { src: src.ip, dst: dst.ip, protocol: PROTO_UDP, ..IpEmit::default() };
    ip_frame(&header, &udp_payload(src, dst, data))
}

pub(crate) fn icmp_payload(src: Ip, dst: Ip, message: &Message<'_>) -> Vec<u8> {
    let mut buf = vec![0; 70_000];
    let len = if src.is_v4() {
        icmpv4::emit(&mut buf, message)
    } else {
        icmpv6::emit(&mut buf, src, dst, message)
    };
    buf.truncate(len.unwrap());
    buf
}

pub(crate) fn icmp_header(src: Ip, dst: Ip) -> IpEmit {
    let protocol = if src.is_v4() { PROTO_ICMP } else { PROTO_ICMPV6 };
    IpEmit { src, dst, protocol, ..IpEmit::default() }
}

pub(crate) fn icmp_frame(src: Ip, dst: Ip, message: &Message<'_>) -> Vec<u8> {
    ip_frame(&icmp_header(src, dst), &icmp_payload(src, dst, message))
}

// Frames from the host.

/// The IP packet in a frame, its header checked.
pub(crate) fn parse_ip(frame: &[u8]) -> (IpHeader, &[u8]) {
    let frame = ethernet::parse(frame).unwrap();
    let header = ip::parse(frame.payload).unwrap();
    assert_eq!(header.total_len(), frame.payload.len());
    (header, header.payload(frame.payload))
}

/// The ICMP message in a frame.
pub(crate) fn parse_icmp(frame: &[u8]) -> (IpHeader, Message<'_>) {
    let (header, payload) = parse_ip(frame);
    let message = if header.src.is_v4() {
        icmpv4::parse(payload)
    } else {
        icmpv6::parse(header.src, header.dst, payload)
    };
    (header, message.unwrap())
}

/// Two hosts, 10.0.0.1 and 10.0.0.2 (2001:db8::1 and ::2), on one wire without loss or delay.
pub(crate) struct Pair {
    pub(crate) hosts: [Host; 2],
    pub(crate) ifindex: [IfIndex; 2],
    pub(crate) now: Instant,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with_shards(1)
    }

    pub(crate) fn with_shards(shards: usize) -> Self {
        Self::with_limits(shards, Limits::default())
    }

    pub(crate) fn with_limits(shards: usize, limits: Limits) -> Self {
        let now = Instant::from_millis(1000);
        let mut ifindex = Vec::new();
        let mut make = |n: u8| {
            let mut host = Host::with_shards(limits.clone(), u64::from(n), shards);
            let config = ethernet_config("eth0", Mac([2, 0, 0, 0, 0, n]));
            let index = host.interface_add(now, config).unwrap();
            host.address_add(now, index, cidr(&format!("10.0.0.{n}/24"))).unwrap();
            host.address_add(now, index, cidr(&format!("2001:db8::{n}/64"))).unwrap();
            ifindex.push(index);
            host
        };
        let hosts = [make(1), make(2)];
        let mut pair = Self { hosts, ifindex: [ifindex[0], ifindex[1]], now };
        pair.exchange();
        pair
    }

    /// Carries frames until both are silent; returns how many.
    pub(crate) fn exchange(&mut self) -> usize {
        let mut count = 0;
        loop {
            let mut quiet = true;
            for from in 0..2 {
                let to = 1 - from;
                let frames = frames_of(&mut self.hosts[from], self.now, self.ifindex[from]);
                quiet &= frames.is_empty();
                count += frames.len();
                for mut frame in frames {
                    let meta = RxMeta::default();
                    self.hosts[to].receive(self.now, self.ifindex[to], meta, &mut frame);
                    assert!(self.hosts[to].stats().is_balanced());
                }
            }
            if quiet {
                return count;
            }
        }
    }

    /// Lets time pass, carrying frames.
    pub(crate) fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.now = (self.now + Duration::from_millis(10)).min(until);
            self.hosts.iter_mut().for_each(|host| host.expire(self.now));
            self.exchange();
        }
    }
}

// Fragments.

/// A packet as frames of at most `size` bytes of payload each; one whole frame if it fits.
pub(crate) fn fragment_frames(
    header: &IpEmit,
    payload: &[u8],
    size: usize,
    id: u32,
) -> Vec<Vec<u8>> {
    if payload.len() <= size {
        return vec![ip_frame(header, payload)];
    }
    let size = size & !7;
    let mut frames = Vec::new();
    for (index, piece) in payload.chunks(size).enumerate() {
        let offset = index * size;
        let more = offset + piece.len() < payload.len();
        frames.push(fragment_frame(header, piece, (offset as u32, more), id));
    }
    frames
}

/// One fragment.
pub(crate) fn fragment_frame(
    header: &IpEmit,
    piece: &[u8],
    (offset, more): (u32, bool),
    id: u32,
) -> Vec<u8> {
    let fragment = ip::Fragment { offset, more };
    if header.dst.is_v4() {
        let header = IpEmit { payload_len: piece.len(), identification: id as u16, ..*header };
        let mut packet = vec![0; 20];
        wire::ipv4::emit_with(&mut packet, &header, Some(fragment), &[]).unwrap();
        packet.extend_from_slice(piece);
        return eth(MAC, ethernet::ETHERTYPE_IPV4, &packet);
    }
    let mut payload = vec![0; wire::ipv6_ext::FRAGMENT_LEN];
    wire::ipv6_ext::emit_fragment(&mut payload, header.protocol, fragment, id).unwrap();
    payload.extend_from_slice(piece);
    ip_frame(&IpEmit { protocol: ip::PROTO_FRAGMENT, ..*header }, &payload)
}

/// Puts the host's frames together again, the plain way: they must come in order, of one datagram.
pub(crate) fn reassemble(frames: &[Vec<u8>]) -> (IpHeader, Vec<u8>) {
    let (first, _) = parse_ip(&frames[0]);
    let mut whole = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let (header, payload) = parse_ip(frame);
        match header.fragment {
            None => assert_eq!(frames.len(), 1),
            Some(fragment) => {
                assert_eq!(header.identification, first.identification);
                assert_eq!(fragment.offset as usize, whole.len());
                assert_eq!(fragment.more, index + 1 < frames.len());
            }
        }
        whole.extend_from_slice(payload);
    }
    (first, whole)
}
