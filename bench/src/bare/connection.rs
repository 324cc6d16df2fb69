//! One TCP connection of the bare responder: four numbers and no recovery.
//!
//! Segments in order are taken, others answered with where we stand. Sending follows the peer's
//! window, goes back to the first hole on three duplicate acknowledgments or when nothing moved for
//! a fifth of a second, and knows no congestion. It is enough for a peer that loses nothing and so
//! shows what a stack without any work of its own could reach.
use std::time::{Duration, Instant};

use super::device::{Sender, Unfinished};
use crate::frame::{
    ETHERNET_LEN, ETHERTYPE_IPV4, Ip4, Mac, PROTO_TCP, TRANSPORT, be16, be32, ethernet, fold, ipv4,
    pseudo, sum,
};

/// Header flags.
pub const FIN: u8 = 1;
/// Synchronise.
pub const SYN: u8 = 2;
/// Reset.
pub const RST: u8 = 4;
/// Push.
pub const PSH: u8 = 8;
/// Acknowledgment.
pub const ACK: u8 = 16;

/// Segment payload at an MTU of 1500.
pub const MSS: usize = 1460;
/// Payload of the largest frame that is cut by the kernel: whole segments below 64 KiB.
const CHUNK_MAX: usize = 44 * MSS;
/// Frames sent in one go.
const BURST: usize = 64;
/// Bytes in flight at most.
const FLIGHT_MAX: u32 = 4 << 20;
/// Where the first payload byte lies in a frame that we send.
const PAYLOAD: usize = TRANSPORT + 20;
const STALLED: Duration = Duration::from_millis(200);
/// Maximum segment size, and a window scale of 10.
const SYN_OPTIONS: [u8; 8] = [2, 4, (MSS >> 8) as u8, MSS as u8, 1, 3, 3, 10];

/// A received segment, still in its frame.
pub struct Segment<'a> {
    /// Sender's hardware address.
    pub mac: Mac,
    /// Sender's address.
    pub ip: Ip4,
    /// Sender's port.
    pub src_port: u16,
    /// Our port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Flags.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Options.
    pub options: &'a [u8],
    /// Payload.
    pub payload: &'a [u8],
}

impl<'a> Segment<'a> {
    /// The TCP segment in an IPv4 frame; none when lengths do not fit. With `verify` its checksum
    /// is looked at too.
    pub fn parse(frame: &'a [u8], verify: bool) -> Option<Self> {
        let total = be16(frame, 16) as usize;
        if frame.len() < PAYLOAD || frame[14] != 0x45 || frame.len() < ETHERNET_LEN + total {
            return None;
        }
        let header_len = usize::from(frame[46] >> 4) * 4;
        if header_len < 20 || total < 20 + header_len {
            return None;
        }
        let tcp = &frame[TRANSPORT..ETHERNET_LEN + total];
        let (mut mac, mut ip, mut to) = ([0; 6], [0; 4], [0; 4]);
        mac.copy_from_slice(&frame[6..12]);
        ip.copy_from_slice(&frame[26..30]);
        to.copy_from_slice(&frame[30..34]);
        if verify && fold(sum(pseudo(ip, to, PROTO_TCP, tcp.len() as u16), tcp)) != 0xffff {
            return None;
        }
        Some(Self {
            mac,
            ip,
            src_port: be16(tcp, 0),
            dst_port: be16(tcp, 2),
            seq: be32(tcp, 4),
            ack: be32(tcp, 8),
            flags: tcp[13],
            window: be16(tcp, 14),
            options: &tcp[20..header_len],
            payload: &tcp[header_len..],
        })
    }

    /// The window scale that a SYN offers, none being zero.
    fn window_scale(&self) -> u8 {
        let mut rest = self.options;
        while let [kind, tail @ ..] = rest {
            match (kind, tail) {
                (0, _) => break,
                (1, _) => rest = tail,
                (3, [3, scale, ..]) => return (*scale).min(14),
                (_, [len, ..]) if *len >= 2 && usize::from(*len) <= rest.len() => {
                    rest = &rest[usize::from(*len)..];
                }
                _ => break,
            }
        }
        0
    }
}

/// Who we are.
#[derive(Clone, Copy)]
pub struct Me {
    /// Our hardware address.
    pub mac: Mac,
    /// Our address.
    pub ip: Ip4,
}

/// A connection with a kernel peer, from its SYN on.
pub struct Connection {
    me: Me,
    peer_mac: Mac,
    peer_ip: Ip4,
    /// Port of ours, which names the service.
    pub local_port: u16,
    /// Port of the peer's.
    pub remote_port: u16,
    snd_nxt: u32,
    snd_una: u32,
    rcv_nxt: u32,
    window: u32,
    scale: u8,
    duplicates: u32,
    moved: Instant,
    /// An acknowledgment is owed at the end of the batch.
    pub ack_due: bool,
    /// The peer has ended its direction and we have ended ours.
    pub closing: bool,
}

impl Connection {
    /// The connection that `syn` asks for.
    pub fn new(me: Me, syn: &Segment<'_>) -> Self {
        Self {
            me,
            peer_mac: syn.mac,
            peer_ip: syn.ip,
            local_port: syn.dst_port,
            remote_port: syn.src_port,
            snd_nxt: 5000,
            snd_una: 5000,
            rcv_nxt: syn.seq.wrapping_add(1),
            window: u32::from(syn.window),
            scale: syn.window_scale(),
            duplicates: 0,
            moved: Instant::now(),
            ack_due: false,
            closing: false,
        }
    }

    /// Answers the SYN, once or again.
    pub fn accept(&mut self, tx: &mut Sender) {
        let at = self.snd_una;
        self.emit(tx, SYN | ACK, at, &SYN_OPTIONS, &[], None);
        self.snd_nxt = at.wrapping_add(1);
    }

    /// Takes acknowledgment and window; true when everything sent has been acknowledged.
    pub fn acknowledged(&mut self, segment: &Segment<'_>) -> bool {
        let window = u32::from(segment.window) << self.scale;
        let ahead = segment.ack.wrapping_sub(self.snd_una) as i32;
        if ahead > 0 {
            self.snd_una = segment.ack;
            // An acknowledgment of what was sent before going back.
            if (self.snd_nxt.wrapping_sub(self.snd_una) as i32) < 0 {
                self.snd_nxt = self.snd_una;
            }
            self.duplicates = 0;
            self.moved = Instant::now();
        } else if ahead == 0 && segment.payload.is_empty() && window == self.window {
            self.duplicates += 1;
        }
        self.window = window;
        self.snd_nxt == self.snd_una
    }

    /// Takes the payload if it is next in order; otherwise says again where we stand.
    pub fn accepts(&mut self, segment: &Segment<'_>, tx: &mut Sender) -> bool {
        if segment.seq != self.rcv_nxt {
            self.acknowledge(tx);
            return false;
        }
        self.rcv_nxt = self.rcv_nxt.wrapping_add(segment.payload.len() as u32);
        self.ack_due = true;
        true
    }

    /// Answers the peer's FIN, which came at the right place, with ours.
    pub fn close(&mut self, tx: &mut Sender) {
        self.rcv_nxt = self.rcv_nxt.wrapping_add(1);
        let at = self.snd_nxt;
        self.emit(tx, FIN | ACK, at, &[], &[], None);
        self.snd_nxt = at.wrapping_add(1);
        self.closing = true;
    }

    /// Whether a FIN of `segment` is next in order.
    pub fn ends_with(&self, segment: &Segment<'_>) -> bool {
        segment.seq.wrapping_add(segment.payload.len() as u32) == self.rcv_nxt
    }

    /// Sends an acknowledgment alone.
    pub fn acknowledge(&mut self, tx: &mut Sender) {
        let at = self.snd_nxt;
        self.emit(tx, ACK, at, &[], &[], None);
    }

    /// Sends `payload`, a segment at most, at once and whatever the window says.
    pub fn send(&mut self, payload: &[u8], tx: &mut Sender) {
        let at = self.snd_nxt;
        if self.emit(tx, PSH | ACK, at, &[], payload, None) {
            self.snd_nxt = at.wrapping_add(payload.len() as u32);
        }
    }

    /// Sends of an endless stream of `payload` what the window allows now; true when it may go on
    /// at once.
    pub fn pump(&mut self, payload: &[u8], tx: &mut Sender) -> bool {
        let unanswered = self.snd_nxt != self.snd_una;
        if self.duplicates >= 3 || (unanswered && self.moved.elapsed() > STALLED) {
            self.snd_nxt = self.snd_una;
            self.duplicates = 0;
            self.moved = Instant::now();
        }
        let chunk = if tx.offloads() { CHUNK_MAX } else { MSS };
        for _ in 0..BURST {
            let flight = self.snd_nxt.wrapping_sub(self.snd_una);
            let room = self.window.min(FLIGHT_MAX).saturating_sub(flight) as usize;
            let len = chunk.min(room - room % MSS);
            if len == 0 || (len < chunk && flight > 0) {
                return false;
            }
            let at = self.snd_nxt;
            let segment = tx.offloads().then_some(MSS as u16);
            if !self.emit(tx, PSH | ACK, at, &[], &payload[..len], segment) {
                return true;
            }
            self.snd_nxt = at.wrapping_add(len as u32);
        }
        true
    }

    fn emit(
        &mut self,
        tx: &mut Sender,
        flags: u8,
        seq: u32,
        options: &[u8],
        payload: &[u8],
        segment: Option<u16>,
    ) -> bool {
        let checksum = tx.offloads();
        let sent = tx.send(Unfinished { checksum, segment }, |frame| {
            let at = PAYLOAD + options.len();
            frame[at..at + payload.len()].copy_from_slice(payload);
            self.head(frame, flags, seq, options, payload.len(), checksum)
        });
        self.ack_due &= !sent;
        sent
    }

    /// Writes the headers around a payload that is in place; returns the frame's length.
    fn head(
        &self,
        frame: &mut [u8],
        flags: u8,
        seq: u32,
        options: &[u8],
        payload_len: usize,
        unfinished: bool,
    ) -> usize {
        let header_len = 20 + options.len();
        let len = header_len + payload_len;
        ethernet(frame, self.peer_mac, self.me.mac, ETHERTYPE_IPV4);
        ipv4(&mut frame[14..34], self.me.ip, self.peer_ip, PROTO_TCP, (20 + len) as u16);
        let tcp = &mut frame[TRANSPORT..TRANSPORT + len];
        tcp[0..2].copy_from_slice(&self.local_port.to_be_bytes());
        tcp[2..4].copy_from_slice(&self.remote_port.to_be_bytes());
        tcp[4..8].copy_from_slice(&seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&self.rcv_nxt.to_be_bytes());
        tcp[12] = (header_len as u8 / 4) << 4;
        tcp[13] = flags;
        tcp[14..16].copy_from_slice(&[0xff; 2]);
        tcp[16..20].fill(0);
        tcp[20..header_len].copy_from_slice(options);
        let pseudo = pseudo(self.me.ip, self.peer_ip, PROTO_TCP, len as u16);
        let checksum = if unfinished { fold(pseudo) } else { !fold(sum(pseudo, tcp)) };
        tcp[16..18].copy_from_slice(&checksum.to_ne_bytes());
        TRANSPORT + len
    }
}

/// Answers a segment that belongs to no connection with a reset.
pub fn refuse(me: Me, segment: &Segment<'_>, tx: &mut Sender) {
    if segment.flags & RST != 0 {
        return;
    }
    let mut nobody = Connection::new(me, segment);
    let len = segment.payload.len() as u32 + u32::from(segment.flags & (SYN | FIN) != 0);
    nobody.rcv_nxt = segment.seq.wrapping_add(len);
    nobody.emit(tx, RST | ACK, segment.ack, &[], &[], None);
}
