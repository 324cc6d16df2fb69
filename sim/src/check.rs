//! What must hold at every step, seen from the wire.
//!
//! [`Wiretap`] looks at every frame a host sends and every frame it gets, and knows nothing else of
//! the host. It checks that what is sent is well formed (lengths, checksums, size limits) and that
//! TCP keeps to what the two sides told each other:
//!
//! - no data beyond the right edge the peer has granted, but for one byte of a window probe
//!   (RFC 9293 §3.8.6.1);
//! - no segment larger than the peer's maximum, options counted (RFC 6691 §3);
//! - no acknowledgment of what the peer was never heard to send;
//! - no right edge taken back (RFC 9293 §3.8.6, SHLD-14), rounding to the window scale aside;
//! - timestamps in every segment or in none, as agreed (RFC 7323 §3.2), whose clock never goes back
//!   and whose echo is something the peer was heard to say;
//! - SACK blocks only where they are agreed on, of what was received, and beyond the acknowledgment
//!   but for the first, which may tell of a duplicate (RFC 2018 §3, RFC 2883 §4).
//!
//! Streams are checked where they are read, counters by the world after each step.

use std::collections::BTreeMap;

use addr::{Endpoint, FlowKey};
use wire::ip::{self, PROTO_TCP};
use wire::offload::{RxChecksum, RxMeta, TxChecksum, TxMeta};
use wire::tcp::{self, SeqNum};
use wire::tcp_options::{self, SackBlock, SackBlocks, TcpOption, Timestamps};
use wire::{checksum, ethernet};

/// What the frames seen so far say of each side of each connection.
#[derive(Debug, Default)]
pub struct Wiretap {
    sides: BTreeMap<FlowKey, Side>,
}

/// One side of a connection: `local` of its key.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    /// Its initial sequence number and window scale, as it last sent them in a SYN.
    iss: Option<SeqNum>,
    scale: Option<u8>,
    /// The same of the peer, as it last heard them.
    peer_iss: Option<SeqNum>,
    peer_scale: Option<u8>,
    peer_mss: Option<u16>,
    /// What else each of the two offered in its SYN.
    offers: Offers,
    peer_offers: Offers,
    /// The newest timestamp it sent, and the newest it heard.
    clock: Option<u32>,
    peer_clock: Option<u32>,
    /// One past the last sequence number it heard from the peer.
    heard: Option<SeqNum>,
    /// Furthest edge it was granted, as it heard.
    send_edge: Option<SeqNum>,
    /// Furthest edge it has granted.
    granted: Option<SeqNum>,
    /// It sent or heard a FIN: windows no longer matter.
    fin: bool,
}

impl Side {
    /// How far the window field of the peer's segments is shifted; of its own with `own`.
    fn shift(&self, own: bool) -> u8 {
        match (self.scale, self.peer_scale) {
            (Some(ours), Some(theirs)) => (if own { ours } else { theirs }).min(14),
            _ => 0,
        }
    }
}

/// What a SYN offers beside MSS and window scale.
#[derive(Clone, Copy, Debug, Default)]
struct Offers {
    timestamps: bool,
    sack: bool,
}

/// A TCP segment in a frame.
struct Seen<'a> {
    key: FlowKey,
    segment: tcp::Header<'a>,
    mss: Option<u16>,
    scale: Option<u8>,
    offers: Offers,
    timestamps: Option<Timestamps>,
    sack: Option<SackBlocks<'a>>,
}

impl Seen<'_> {
    fn end(&self) -> SeqNum {
        self.segment.seq + self.segment.sequence_len()
    }

    /// The window this segment's sender grants with its acknowledgment.
    fn edge(&self, shift: u8) -> SeqNum {
        let shift = if self.segment.flags.syn() { 0 } else { shift };
        self.segment.ack + (u32::from(self.segment.window) << shift)
    }
}

impl Wiretap {
    /// Looks at a frame that a host sends by an interface with this MTU and says what is wrong.
    ///
    /// # Errors
    /// What is wrong with the frame, in words.
    pub fn sent(&mut self, frame: &[u8], meta: &TxMeta, mtu: u32) -> Result<(), String> {
        if frame.len() != meta.len as usize {
            return Err("the length is not the frame's".into());
        }
        let link = ethernet::parse(frame).map_err(|e| format!("sent a malformed frame: {e}"))?;
        if link.src.is_unspecified() || link.dst.is_unspecified() {
            return Err("sent without link addresses".into());
        }
        if link.ethertype == ethernet::ETHERTYPE_ARP {
            return wire::arp::parse(link.payload).map(drop).map_err(|e| format!("sent {e}"));
        }
        if meta.gso.is_none() && link.payload.len() > mtu as usize {
            return Err(format!("sent {} bytes over an MTU of {mtu}", link.payload.len()));
        }
        let verify = RxMeta {
            checksum: match meta.checksum {
                TxChecksum::Complete => RxChecksum::Unverified,
                TxChecksum::Partial { .. } => RxChecksum::Partial,
            },
            gso_size: meta.gso.map_or(0, |gso| gso.size),
        };
        if let Some(gso) = meta.gso {
            let packet = usize::from(gso.header_len) - link.header_len + usize::from(gso.size);
            if packet > mtu as usize {
                return Err(format!("wants pieces of {packet} bytes over an MTU of {mtu}"));
            }
        }
        match segment(link.payload, verify)? {
            Some(seen) => self.tcp_sent(&seen, meta.gso.map(|gso| gso.size)),
            None => Ok(()),
        }
    }

    /// Looks at a frame that arrives at a host. Frames that the host must refuse say nothing.
    pub fn arrived(&mut self, frame: &[u8], meta: RxMeta) {
        let Ok(link) = ethernet::parse(frame) else { return };
        let Ok(Some(seen)) = segment(link.payload, meta) else { return };
        let side = self.sides.entry(seen.key.reversed()).or_default();
        let flags = seen.segment.flags;
        if flags.syn() && side.peer_iss != Some(seen.segment.seq) {
            side.peer_iss = Some(seen.segment.seq);
            side.heard = None;
            side.send_edge = None;
            side.fin = false;
            side.peer_scale = seen.scale;
            side.peer_mss = seen.mss;
            side.peer_offers = seen.offers;
            side.peer_clock = None;
        }
        if let Some(timestamps) = seen.timestamps {
            side.peer_clock = Some(later(side.peer_clock, timestamps.value));
        }
        side.heard = Some(side.heard.map_or(seen.end(), |heard| heard.max(seen.end())));
        side.fin |= flags.fin();
        if flags.ack() {
            // Every segment of the peer must be assumed believed, in whatever order it came.
            let edge = seen.edge(side.shift(false));
            side.send_edge = Some(side.send_edge.map_or(edge, |old| old.max(edge)));
        }
    }

    fn tcp_sent(&mut self, seen: &Seen<'_>, gso: Option<u16>) -> Result<(), String> {
        let side = self.sides.entry(seen.key).or_default();
        let Seen { segment, .. } = seen;
        if segment.flags.rst() {
            return Ok(());
        }
        if segment.flags.syn() && side.iss != Some(segment.seq) {
            *side = Side { iss: Some(segment.seq), scale: seen.scale, granted: None, ..*side };
            side.offers = seen.offers;
            side.clock = None;
            side.fin = false;
        }
        side.options_sent(seen)?;
        let piece = gso.map_or(segment.payload.len(), usize::from);
        if !segment.payload.is_empty() {
            let most = side.peer_mss.unwrap_or(if seen.key.local.ip.is_v4() { 536 } else { 1220 });
            if piece + segment.options.len() > usize::from(most) {
                return Err(format!(
                    "sent {piece} bytes and {} of options to a peer that takes {most}",
                    segment.options.len()
                ));
            }
            let end = segment.seq + segment.payload.len() as u32;
            match side.send_edge {
                Some(edge) if end.gt(edge + 1) => {
                    return Err(format!("sent {} bytes beyond the window", end.distance(edge)));
                }
                None => return Err("sent data before any window was granted".into()),
                Some(_) => {}
            }
        }
        if segment.flags.ack() {
            if side.heard.is_some_and(|heard| segment.ack.gt(heard)) {
                return Err("acknowledged what was never received".into());
            }
            let shift = side.shift(true);
            let edge = seen.edge(shift);
            if let Some(granted) = side.granted
                && !side.fin
                && granted.gt(edge + ((1 << shift) - 1))
            {
                return Err(format!("took back {} bytes of window", granted.distance(edge)));
            }
            side.granted = Some(side.granted.map_or(edge, |old| old.max(edge)));
        }
        side.fin |= segment.flags.fin();
        Ok(())
    }
}

impl Side {
    /// What must hold for the options of a segment that this side sends.
    fn options_sent(&mut self, seen: &Seen<'_>) -> Result<(), String> {
        let Seen { segment, timestamps, sack, .. } = seen;
        let (ours, theirs) = (self.offers, self.peer_offers);
        let agreed = ours.timestamps && theirs.timestamps;
        if !segment.flags.syn() && agreed != timestamps.is_some() {
            let sent = if agreed { "no timestamps" } else { "timestamps" };
            return Err(format!("sent {sent} against what was agreed"));
        }
        if let Some(Timestamps { value, echo }) = *timestamps {
            if self.clock.is_some_and(|old| later(Some(old), value) != value) {
                return Err("its timestamps went back".into());
            }
            self.clock = Some(value);
            let is_heard = self.peer_clock.is_some_and(|heard| later(Some(heard), echo) == heard);
            if segment.flags.ack() && !is_heard {
                return Err("echoed a timestamp that was never received".into());
            }
        }
        let Some(blocks) = sack else { return Ok(()) };
        if !(ours.sack && theirs.sack) {
            return Err("sent SACK blocks that were not agreed on".into());
        }
        for (i, SackBlock { left, right }) in blocks.iter().enumerate() {
            let is_received = self.heard.is_some_and(|heard| right.le(heard));
            if left.ge(right) || !is_received || i > 0 && left.le(segment.ack) {
                return Err("sent a SACK block of what was not received, or is acknowledged".into());
            }
        }
        Ok(())
    }
}

/// The later of two timestamps.
fn later(old: Option<u32>, new: u32) -> u32 {
    old.filter(|old| (old.wrapping_sub(new) as i32) > 0).unwrap_or(new)
}

/// The TCP segment of an IP packet; nothing if it is of another protocol or a fragment.
fn segment(packet: &[u8], meta: RxMeta) -> Result<Option<Seen<'_>>, String> {
    let header = if meta.gso_size > 0 { ip::parse_merged(packet) } else { ip::parse(packet) };
    let header = header.map_err(|e| format!("malformed IP: {e}"))?;
    if header.protocol != PROTO_TCP || header.fragment.is_some() {
        return Ok(None);
    }
    let payload = header.payload(packet);
    let segment = tcp::parse(payload).map_err(|e| format!("malformed TCP: {e}"))?;
    let pseudo = checksum::pseudo_header(header.src, header.dst, PROTO_TCP, payload.len() as u32);
    if !meta.checksum.accepts(pseudo, segment.checksum, payload) {
        return Err("wrong TCP checksum".into());
    }
    let (mut mss, mut scale, mut offers) = (None, None, Offers::default());
    let (mut timestamps, mut sack) = (None, None);
    for option in tcp_options::options(segment.options).flatten() {
        match option {
            TcpOption::Mss(value) => mss = Some(value),
            TcpOption::WindowScale(value) => scale = Some(value),
            TcpOption::SackPermitted => offers.sack = true,
            TcpOption::Timestamps(value) => timestamps = Some(value),
            TcpOption::Sack(blocks) => sack = Some(blocks),
            _ => {}
        }
    }
    offers.timestamps = timestamps.is_some();
    let key = FlowKey::new(
        Endpoint::new(header.src, segment.src_port),
        Endpoint::new(header.dst, segment.dst_port),
    );
    Ok(Some(Seen { key, segment, mss, scale, offers, timestamps, sack }))
}
