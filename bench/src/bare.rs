//! The bare responder: the far end of a kernel's TCP and UDP with next to nothing in it.
//!
//! No timers but one, no recovery, no congestion control, no options but segment size and window
//! scale. It does read every byte (checksum where the device did not vouch for it, and a copy), and
//! it does speak over a real device to a real kernel, so what it reaches is the practical ceiling
//! of any stack in user space on that device. It serves the ports of `service`.
mod connection;
mod device;

use std::time::Duration;

use self::connection::{ACK, Connection, FIN, Me, RST, SYN, Segment, refuse};
use self::device::{Sender, Unfinished};
use crate::cli::{DeviceKind, PeerArgs};
use crate::frame::{
    ETHERTYPE_ARP, ETHERTYPE_IPV4, PROTO_TCP, PROTO_UDP, TRANSPORT, answer_arp, be16,
    rewrite_ipv4_checksum,
};
use crate::service::{ANSWER, BULK_SINK, BULK_SOURCE, COUNT_QUERY, ECHO, UDP_ECHO, UDP_SINK};

/// Connections at once; the oldest makes room for a new one.
const CONNECTIONS_MAX: usize = 64;
/// How long a sleep lasts at most: it ends a stall, nothing else happens by time.
const SLEEP: Duration = Duration::from_millis(100);
/// Bytes of the ring that received payload is copied into.
const SCRATCH: usize = 1 << 19;
/// The longest payload of a frame.
const PAYLOAD_MAX: usize = 1 << 16;

/// Runs the responder until its life is over.
pub fn run(args: &PeerArgs) -> std::io::Result<()> {
    args.place.enter()?;
    let (mut rx, mut tx) = match args.device {
        DeviceKind::Tap => device::open_tap(&args.interface)?,
        DeviceKind::Xdp => device::open_xsk(&args.interface)?,
    };
    let me = Me { mac: args.mac.0, ip: args.address.octets() };
    let mut responder = Responder {
        me,
        verify: !tx.offloads(),
        connections: Vec::new(),
        scratch: vec![0; SCRATCH + PAYLOAD_MAX],
        scratch_at: 0,
        payload: vec![0x42; PAYLOAD_MAX],
        datagrams: 0,
    };
    loop {
        let count = rx.receive(|frame| responder.receive(frame, &mut tx));
        let more = responder.after_batch(&mut tx);
        tx.flush();
        if count == 0 && !more && !args.busy {
            rx.wait(SLEEP);
        }
    }
}

struct Responder {
    me: Me,
    verify: bool,
    connections: Vec<Connection>,
    scratch: Vec<u8>,
    scratch_at: usize,
    payload: Vec<u8>,
    datagrams: u64,
}

impl Responder {
    fn receive(&mut self, frame: &mut [u8], tx: &mut Sender) {
        if frame.len() < 42 {
            return;
        }
        match be16(frame, 12) {
            ETHERTYPE_ARP if answer_arp(frame, self.me.ip, self.me.mac) => {
                reflect(&frame[..42], tx);
            }
            ETHERTYPE_IPV4 if frame[30..34] == self.me.ip => match frame[23] {
                PROTO_TCP => self.receive_tcp(frame, tx),
                PROTO_UDP => self.receive_udp(frame, tx),
                _ => {}
            },
            _ => {}
        }
    }

    fn receive_udp(&mut self, frame: &mut [u8], tx: &mut Sender) {
        let end = TRANSPORT + usize::from(be16(frame, 38));
        if end > frame.len() || end < 42 {
            return;
        }
        match be16(frame, 36) {
            UDP_ECHO => answer_udp(frame, end, tx),
            UDP_SINK if frame[42..end] == *COUNT_QUERY => {
                let mut answer = [0; 50];
                answer[..42].copy_from_slice(&frame[..42]);
                answer[42..].copy_from_slice(&self.datagrams.to_le_bytes());
                answer[16..18].copy_from_slice(&36u16.to_be_bytes());
                answer[38..40].copy_from_slice(&16u16.to_be_bytes());
                rewrite_ipv4_checksum(&mut answer[14..34]);
                answer_udp(&mut answer, 50, tx);
            }
            UDP_SINK => self.datagrams += 1,
            _ => {}
        }
    }

    fn receive_tcp(&mut self, frame: &[u8], tx: &mut Sender) {
        let Some(segment) = Segment::parse(frame, self.verify) else { return };
        let at = self
            .connections
            .iter()
            .rposition(|c| c.remote_port == segment.src_port && c.local_port == segment.dst_port);
        if segment.flags & (SYN | ACK) == SYN {
            if let Some(at) = at {
                self.connections.swap_remove(at);
            }
            self.open(&segment, tx);
            return;
        }
        let Some(at) = at else { return refuse(self.me, &segment, tx) };
        if segment.flags & RST != 0 || self.advance(at, &segment, tx) {
            self.connections.swap_remove(at);
        }
    }

    fn open(&mut self, syn: &Segment<'_>, tx: &mut Sender) {
        let served = [BULK_SOURCE, BULK_SINK, ECHO].contains(&syn.dst_port)
            || ANSWER.contains(&syn.dst_port);
        if !served {
            return refuse(self.me, syn, tx);
        }
        if self.connections.len() == CONNECTIONS_MAX {
            self.connections.remove(0);
        }
        let mut connection = Connection::new(self.me, syn);
        connection.accept(tx);
        self.connections.push(connection);
    }

    /// Takes a segment of the connection at `at`; true when that connection is over.
    fn advance(&mut self, at: usize, segment: &Segment<'_>, tx: &mut Sender) -> bool {
        let connection = &mut self.connections[at];
        let settled = connection.acknowledged(segment);
        if connection.closing && settled {
            return true;
        }
        let payload = segment.payload;
        if !payload.is_empty() && connection.accepts(segment, tx) {
            match connection.local_port {
                BULK_SOURCE | BULK_SINK => {
                    self.scratch[self.scratch_at..][..payload.len()].copy_from_slice(payload);
                    self.scratch_at = (self.scratch_at + payload.len()) % SCRATCH;
                }
                _ => {
                    for part in payload.chunks(connection::MSS) {
                        connection.send(part, tx);
                    }
                }
            }
        }
        if segment.flags & FIN != 0 && !connection.closing && connection.ends_with(segment) {
            connection.close(tx);
        }
        false
    }

    /// What is done once for many frames; true when there is more to send right away.
    fn after_batch(&mut self, tx: &mut Sender) -> bool {
        let mut more = false;
        for connection in &mut self.connections {
            if connection.local_port == BULK_SOURCE && !connection.closing {
                more |= connection.pump(&self.payload, tx);
            }
            if connection.ack_due {
                connection.acknowledge(tx);
            }
        }
        more
    }
}

fn reflect(frame: &[u8], tx: &mut Sender) {
    tx.send(Unfinished::default(), |out| {
        out[..frame.len()].copy_from_slice(frame);
        frame.len()
    });
}

/// Sends the datagram that ends at `end` back to where it came from, without a checksum.
fn answer_udp(frame: &mut [u8], end: usize, tx: &mut Sender) {
    for i in 0..6 {
        frame.swap(i, i + 6);
    }
    for i in 26..30 {
        frame.swap(i, i + 4);
    }
    for i in 34..36 {
        frame.swap(i, i + 2);
    }
    frame[40..42].fill(0);
    reflect(&frame[..end], tx);
}
