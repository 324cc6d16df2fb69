//! One TCP connection of the kernel to a host of the test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use addr::{Ip, Mac};
use wire::offload::{Gso, GsoKind, Medium, RxChecksum, TxChecksum, TxMeta};
use wire::tcp::{self, Flags, SeqNum};
use wire::{checksum, ip};

use super::{Host, Netns, PATIENCE};

/// One TCP connection of the kernel to the host, with so little of a TCP on our side that each
/// segment is acknowledged as it comes.
pub struct Tcp {
    pub host: Host,
    mac: Mac,
    peer: Ip,
    peer_port: u16,
    seq: u32,
    /// Next byte expected from the kernel.
    expected: u32,
    /// The most bytes in one received frame.
    pub largest: usize,
    /// Every sum was left to us.
    pub partial: bool,
}

const PORT: u16 = 7777;
/// SYN options: MSS 1460, window scale 7 behind a NOP.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0x05, 0xb4, 1, 3, 3, 7];

impl Tcp {
    /// Takes the kernel's SYN and completes the handshake.
    fn accept(mut host: Host, peer: Ip) -> Self {
        let mac = match host.info.medium {
            Medium::Ethernet => host.resolve(peer),
            Medium::Ip => Mac([0; 6]),
        };
        let skip = host.link_header();
        let (peer_port, isn) = host.receive(|bytes, _| {
            let packet = bytes.get(skip..)?;
            let header = ip::parse_merged(packet).ok().filter(|h| h.protocol == ip::PROTO_TCP)?;
            let segment = tcp::parse(header.payload(packet)).ok()?;
            segment.flags.syn().then_some((segment.src_port, segment.seq.0))
        });
        let expected = isn.wrapping_add(1);
        let mut tcp =
            Self { host, mac, peer, peer_port, seq: 5000, expected, largest: 0, partial: true };
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
        let header_len = tcp::emit(&mut segment, &header, options).unwrap();
        segment.truncate(header_len);
        segment.extend_from_slice(data);
        let (src, dst) = (self.host.ip, self.peer);
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
        // AF_XDP cannot say it.
        if data.len() > 1460 && meta.checksum != RxChecksum::MaybePartial {
            assert_eq!(meta.gso_size, 1460, "a large frame says what it was cut from");
        }
        self.expected = self.expected.wrapping_add(data.len() as u32 + u32::from(fin));
        self.segment(Flags::ACK, &[], &[], 0);
        data
    }
}

/// The kernel in `client` connects to the host and sends `len` bytes, which the host sends back,
/// `chunk` bytes a frame, to be cut into segments of `gso`.
pub fn exchange(client: &Netns, host: Host, peer: Ip, len: usize, gso: u16, chunk: usize) -> Tcp {
    let to = SocketAddr::new(host.ip.to_std(), PORT);
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            client.enter(|| {
                let mut stream = TcpStream::connect_timeout(&to, PATIENCE).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let sent: Vec<u8> = (0..len).map(|i| (i / 3) as u8).collect();
                stream.write_all(&sent).unwrap();
                let mut back = vec![0; len];
                stream.read_exact(&mut back).unwrap();
                assert!(back == sent, "the data came back changed");
            });
        });
        let mut tcp = Tcp::accept(host, peer);
        let mut all = Vec::new();
        while all.len() < len {
            all.extend(tcp.data());
        }
        for chunk in all.chunks(chunk) {
            tcp.segment(Flags::ACK, &[], chunk, gso);
            tcp.acknowledged();
        }
        client.join().unwrap();
        tcp
    })
}
