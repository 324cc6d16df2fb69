//! The edge: what a device cannot do is done in software, just before the frame leaves.
//!
//! Two things can be left undone in a frame to send: its transport checksum ([`finish`]) and its
//! cutting into segments ([`piece`], [`pieces`]). Cutting copies: the headers are repeated, with
//! length, IPv4 identification, sequence number, flags and checksums of their own, and each piece
//! carries the next `gso.size` bytes. Pieces are addressed by number, so a device that could send
//! only some of them goes on later without remembering more than the number.
//!
//! Everything is checked against the frame's length: a wrong description is an error, never a
//! panic.

use wire::checksum::{self, Sum};
use wire::offload::{Gso, GsoKind, Medium, TxChecksum, TxMeta};

const ETHERNET_HEADER: usize = 14;
const VLAN_TAG: usize = 4;
const TCP_HEADER: usize = 20;
const TCP_CHECKSUM: usize = 16;
const FLAG_FIN: u8 = 0x01;
const FLAG_PSH: u8 = 0x08;
const FLAG_CWR: u8 = 0x80;

/// Adds the rest of the checksum whose field holds the pseudo-header sum. `false` if the
/// description does not fit the frame.
pub(crate) fn finish(frame: &mut [u8], start: u16, offset: u16) -> bool {
    let start = usize::from(start);
    let Some(segment) = frame.get_mut(start..) else { return false };
    let sum = checksum::sum(Sum::ZERO, segment).finish();
    let Some(field) = segment.get_mut(usize::from(offset)..usize::from(offset) + 2) else {
        return false;
    };
    field.copy_from_slice(&nonzero(sum).to_be_bytes());
    true
}

/// A sum that comes out as zero is sent as all ones: the same value, and UDP's zero means that
/// there is no checksum.
fn nonzero(sum: u16) -> u16 {
    if sum == 0 { 0xffff } else { sum }
}

/// Into how many pieces a frame of `len` bytes is cut.
pub(crate) fn pieces(len: usize, gso: &Gso) -> usize {
    let payload = len.saturating_sub(usize::from(gso.header_len));
    payload.div_ceil(usize::from(gso.size).max(1)).max(1)
}

/// Writes piece `number` of `frame` into `out` and returns its length; `None` if the description
/// does not fit the frame, or `out` is too short.
pub(crate) fn piece(
    frame: &[u8],
    meta: &TxMeta,
    medium: Medium,
    number: usize,
    out: &mut [u8],
) -> Option<usize> {
    let gso = meta.gso?;
    let TxChecksum::Partial { start, offset } = meta.checksum else { return None };
    let (transport, headers) = (usize::from(start), usize::from(gso.header_len));
    let network = network_offset(frame, medium)?;
    let network_min = match gso.kind {
        GsoKind::Tcp4 => 20,
        GsoKind::Tcp6 => 40,
    };
    let sane = transport >= network + network_min
        && headers >= transport + TCP_HEADER
        && usize::from(offset) == TCP_CHECKSUM
        && gso.size > 0;
    if !sane {
        return None;
    }
    let payload = frame.get(headers..)?;
    let from = number.checked_mul(usize::from(gso.size))?;
    let to = payload.len().min(from + usize::from(gso.size));
    let piece = payload.get(from..to)?;
    let len = headers + piece.len();
    let out = out.get_mut(..len)?;
    let (head, body) = out.split_at_mut(headers);
    head.copy_from_slice(&frame[..headers]);
    let payload_sum = checksum::copy_and_sum(body, piece);

    let (below, tcp) = head.split_at_mut(transport);
    set_network(&mut below[network..], gso.kind, len - network, number)?;
    let last = to == payload.len();
    let old = u16::try_from(frame.len() - transport).ok()?;
    let new = u16::try_from(len - transport).ok()?;
    set_transport(tcp, from, number == 0, last);
    let pseudo = Sum::of_u16(u16::from_be_bytes([tcp[TCP_CHECKSUM], tcp[TCP_CHECKSUM + 1]]))
        + Sum::of_u16(!old)
        + Sum::of_u16(new);
    tcp[TCP_CHECKSUM..TCP_CHECKSUM + 2].fill(0);
    let sum = (checksum::sum(pseudo, tcp) + payload_sum).finish();
    tcp[TCP_CHECKSUM..TCP_CHECKSUM + 2].copy_from_slice(&nonzero(sum).to_be_bytes());
    Some(len)
}

/// Where the IP header starts.
fn network_offset(frame: &[u8], medium: Medium) -> Option<usize> {
    match medium {
        Medium::Ip => Some(0),
        Medium::Ethernet => {
            let mut offset = ETHERNET_HEADER;
            for _ in 0..2 {
                match frame.get(offset - 2..offset)? {
                    [0x81, 0x00] | [0x88, 0xa8] => offset += VLAN_TAG,
                    _ => break,
                }
            }
            Some(offset)
        }
    }
}

/// Gives the IP header of piece `number` its own length, identification and checksum.
fn set_network(ip: &mut [u8], kind: GsoKind, len: usize, number: usize) -> Option<()> {
    match kind {
        GsoKind::Tcp4 => {
            let header = usize::from(ip.first()? & 0x0f) * 4;
            let ip = ip.get_mut(..header).filter(|ip| ip.len() >= 20)?;
            ip[2..4].copy_from_slice(&u16::try_from(len).ok()?.to_be_bytes());
            let identification = u16::from_be_bytes([ip[4], ip[5]]).wrapping_add(number as u16);
            ip[4..6].copy_from_slice(&identification.to_be_bytes());
            ip[10..12].fill(0);
            let sum = checksum::checksum(ip);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        GsoKind::Tcp6 => {
            let payload = u16::try_from(len.checked_sub(40)?).ok()?;
            ip.get_mut(4..6)?.copy_from_slice(&payload.to_be_bytes());
        }
    }
    Some(())
}

/// Gives the TCP header of a piece its own sequence number and flags.
fn set_transport(tcp: &mut [u8], offset: usize, first: bool, last: bool) {
    let seq = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]).wrapping_add(offset as u32);
    tcp[4..8].copy_from_slice(&seq.to_be_bytes());
    if !last {
        // The end of the data, and the wish to deliver it, belong to the last piece.
        tcp[13] &= !(FLAG_FIN | FLAG_PSH);
    }
    if !first {
        // RFC 3168 §6.1.2: one reduction is announced once.
        tcp[13] &= !FLAG_CWR;
    }
}

#[cfg(test)]
mod tests;
