//! Puts datagrams together from fragments, both families (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! A datagram under reassembly is named by interface, addresses, identification and, for IPv4,
//! protocol. Its fragments wait by offset until they cover it without holes. An exact duplicate is
//! dropped alone; any other overlap condemns the datagram with all that may still come of it (RFC
//! 5722, and Linux for both families): its name stays taken until its time runs out.
//!
//! Bounds: [`Limits::reassemblies`] datagrams, [`Limits::reassembly_bytes`] bytes over all of them;
//! the oldest gives way. Time: 30 s for IPv4, 60 s for IPv6 as Linux; if the first fragment was
//! there, the sender gets an ICMP error (RFC 1122 §3.3.2, RFC 4443 §3.3).

use std::collections::{BTreeMap, BTreeSet};

use addr::{IfIndex, Ip};
use wire::checksum;
use wire::ip;
use wire::ip::Fragment;

use crate::drop::DropReason;
use crate::ip::Packet;
use crate::limits::Limits;
use crate::stats::Stats;
use crate::time::{Duration, Instant};

const SPAN_V4: Duration = Duration::from_secs(30);
const SPAN_V6: Duration = Duration::from_secs(60);
/// What a fragment costs besides its bytes.
const OVERHEAD: usize = 64;
/// Largest datagram that a length field can say.
const PACKET_MAX: usize = 65_535;

/// Names a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    ifindex: IfIndex,
    src: Ip,
    dst: Ip,
    identification: u32,
    /// Zero for IPv6, where it is not part of the name.
    protocol: u8,
}

/// A datagram under reassembly.
#[derive(Debug)]
struct Datagram {
    deadline: Instant,
    fragments: BTreeMap<u32, Vec<u8>>,
    /// Header of the first fragment, with its options.
    header: Vec<u8>,
    /// Length of the whole, once the last fragment was seen.
    total: Option<u32>,
    received: u32,
    /// One bit per ECN codepoint seen.
    ecn_seen: u8,
    /// What follows the headers.
    protocol: u8,
    /// Fragments overlapped: nothing of it is wanted any more.
    condemned: bool,
}

/// Every datagram under reassembly.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    datagrams: BTreeMap<Key, Datagram>,
    deadlines: BTreeSet<(Instant, Key)>,
    bytes: usize,
}

/// A datagram whose time ran out although its beginning was here.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) ifindex: IfIndex,
    /// The first fragment, as it came.
    pub(crate) packet: Vec<u8>,
}

impl Reassembly {
    /// Takes a fragment. Returns the whole packet if this completes it, written to `whole`.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        limits: &Limits,
        stats: &mut Stats,
        packet: &Packet<'_>,
        whole: &mut Vec<u8>,
    ) -> Result<bool, DropReason> {
        let header = &packet.header;
        let Some(fragment) = header.fragment else { return Err(DropReason::IpFragmentRefused) };
        stats.ip_fragments_in += 1;
        let v4 = header.src.is_v4();
        let key = Key {
            ifindex: packet.ifindex,
            src: header.src,
            dst: header.dst,
            identification: header.identification,
            protocol: if v4 { header.protocol } else { 0 },
        };
        let cost = packet.payload.len() + OVERHEAD;
        self.make_room(key, cost, limits, stats)?;
        let span = if v4 { SPAN_V4 } else { SPAN_V6 };
        let deadlines = &mut self.deadlines;
        let datagram = self.datagrams.entry(key).or_insert_with(|| {
            deadlines.insert((now + span, key));
            Datagram::new(now + span)
        });
        let before = datagram.cost();
        let taken = datagram.insert(fragment, packet);
        self.bytes = self.bytes + datagram.cost() - before;
        taken?;
        if !datagram.is_complete() {
            return Ok(false);
        }
        let Some(datagram) = self.take(key) else { return Err(DropReason::IpFragmentRefused) };
        datagram.assemble(v4, whole)?;
        stats.ip_reassembled += 1;
        Ok(true)
    }

    /// Forgets the oldest datagram whose time ran out by `now`: none if there is none, else whether
    /// its sender is to get an ICMP error.
    pub(crate) fn expire(&mut self, now: Instant, stats: &mut Stats) -> Option<Option<Expired>> {
        let (_, key) = *self.deadlines.first().filter(|(at, _)| *at <= now)?;
        let datagram = self.take(key)?;
        if !datagram.condemned {
            stats.drop(DropReason::IpReassemblyTimeout);
        }
        Some(datagram.first_packet().map(|packet| Expired { ifindex: key.ifindex, packet }))
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Whether the books agree: every datagram has one deadline, and the bytes add up.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        assert_eq!(self.deadlines.len(), self.datagrams.len());
        assert_eq!(self.bytes, self.datagrams.values().map(Datagram::cost).sum::<usize>());
    }

    fn take(&mut self, key: Key) -> Option<Datagram> {
        let datagram = self.datagrams.remove(&key)?;
        self.deadlines.remove(&(datagram.deadline, key));
        self.bytes -= datagram.cost();
        Some(datagram)
    }

    /// Lets the oldest other datagrams go until one more fragment fits.
    fn make_room(
        &mut self,
        key: Key,
        cost: usize,
        limits: &Limits,
        stats: &mut Stats,
    ) -> Result<(), DropReason> {
        loop {
            let is_new = !self.datagrams.contains_key(&key);
            let crowded = is_new && self.datagrams.len() >= limits.reassemblies;
            if !crowded && self.bytes + cost <= limits.reassembly_bytes {
                return Ok(());
            }
            let oldest = self.deadlines.iter().map(|(_, k)| *k).find(|k| *k != key);
            let oldest = oldest.ok_or(DropReason::IpFragmentRefused)?;
            self.take(oldest);
            stats.drop(DropReason::IpFragmentRefused);
        }
    }
}

impl Datagram {
    fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            fragments: BTreeMap::new(),
            header: Vec::new(),
            total: None,
            received: 0,
            ecn_seen: 0,
            protocol: 0,
            condemned: false,
        }
    }

    fn cost(&self) -> usize {
        self.received as usize + self.fragments.len() * OVERHEAD
    }

    fn insert(&mut self, fragment: Fragment, packet: &Packet<'_>) -> Result<(), DropReason> {
        let refused = Err(DropReason::IpFragmentRefused);
        if self.condemned {
            return refused;
        }
        let (start, len) = (fragment.offset, packet.payload.len() as u32);
        let end = start + len;
        if self.fragments.get(&start).is_some_and(|f| f.len() as u32 == len) {
            return refused;
        }
        if !self.fits(start, end, fragment.more) {
            self.condemn();
            return refused;
        }
        if !fragment.more {
            self.total = Some(end);
        }
        if start == 0 {
            let head = packet.header.header_len.min(packet.whole.len());
            self.header = packet.whole[..head].to_vec();
            self.protocol = packet.header.protocol;
        }
        self.ecn_seen |= 1 << (packet.header.traffic_class & 3);
        self.fragments.insert(start, packet.payload.to_vec());
        self.received += len;
        Ok(())
    }

    /// Whether a fragment overlaps nothing and contradicts no end that was seen.
    fn fits(&self, start: u32, end: u32, more: bool) -> bool {
        let last = |at: &u32, bytes: &Vec<u8>| at + bytes.len() as u32;
        let before = self.fragments.range(..=start).next_back();
        let after = self.fragments.range(start..).next();
        let highest = self.fragments.iter().next_back().map_or(0, |(at, f)| last(at, f));
        let clear = before.is_none_or(|(at, f)| last(at, f) <= start)
            && after.is_none_or(|(at, _)| *at >= end);
        let ends = match self.total {
            Some(total) if more => end <= total,
            Some(total) => end == total,
            None => more || highest <= end,
        };
        clear && ends && end as usize <= PACKET_MAX
    }

    fn condemn(&mut self) {
        self.condemned = true;
        self.fragments = BTreeMap::new();
        self.received = 0;
    }

    fn is_complete(&self) -> bool {
        self.total == Some(self.received)
    }

    /// RFC 3168 §5.3: one codepoint for the whole; fragments with and without ECN do not belong
    /// together.
    fn ecn(&self) -> Option<u8> {
        match self.ecn_seen {
            0b0001 => Some(0),
            0b0010 => Some(1),
            seen if seen & 0b0001 != 0 => None,
            seen if seen & 0b1000 != 0 => Some(3),
            _ => Some(2),
        }
    }

    /// Writes the whole packet: the first fragment's header, corrected, and the pieces in order. An
    /// IPv6 packet loses the extension headers before its fragment header; they were obeyed.
    fn assemble(&self, v4: bool, whole: &mut Vec<u8>) -> Result<(), DropReason> {
        let ecn = self.ecn().ok_or(DropReason::IpFragmentRefused)?;
        let fixed = ip::header_len(v4);
        if self.header.len() < fixed {
            return Err(DropReason::IpFragmentRefused);
        }
        whole.clear();
        whole.extend_from_slice(if v4 { &self.header } else { &self.header[..fixed] });
        let payload_len = self.received as usize;
        let header_len = whole.len();
        if v4 {
            let total_len = u16::try_from(header_len + payload_len);
            let total_len = total_len.map_err(|_| DropReason::IpFragmentRefused)?;
            whole[1] = whole[1] & !3 | ecn;
            whole[2..4].copy_from_slice(&total_len.to_be_bytes());
            whole[6..8].fill(0);
            whole[10..12].fill(0);
            let sum = checksum::checksum(whole);
            whole[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            let payload_len =
                u16::try_from(payload_len).map_err(|_| DropReason::IpFragmentRefused)?;
            whole[1] = whole[1] & !0x30 | ecn << 4;
            whole[4..6].copy_from_slice(&payload_len.to_be_bytes());
            whole[6] = self.protocol;
        }
        self.fragments.values().for_each(|piece| whole.extend_from_slice(piece));
        Ok(())
    }

    /// The first fragment as it came, for a quote.
    fn first_packet(&self) -> Option<Vec<u8>> {
        let piece = self.fragments.get(&0)?;
        let mut packet = self.header.clone();
        packet.extend_from_slice(piece);
        Some(packet)
    }
}

#[cfg(test)]
mod tests;
