//! The header of datagrams on a socketpair, and the record header of datagrams in a byte ring.
//!
//! On the socketpair of a UDP socket of the daemon each packet is: tag (8 bits: 0 without address,
//! 4 or 6), port (16 bits, big endian) and address (4 or 16 bytes) when the tag says so, a count of
//! control messages (8 bits) with each level, type and length (16 bits each, big endian) and its
//! data, then the payload. Towards the daemon the address is the destination (tag 0 on a connected
//! socket), from the daemon it is the sender.
//!
//! In a byte ring there are no packet boundaries, so each datagram is a [`RECORD_LEN`]-byte record
//! header, which says how long the payload is, and the payload.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most bytes of header before the payload that we write ourselves: tag, port, address, count.
pub const HEADER_MAX: usize = 1 + 2 + 16 + 1;

/// Largest packet on a datagram socketpair.
pub const PACKET_MAX: usize = 65_600;

/// Largest payload of a UDP datagram over IPv4 (RFC 768, RFC 791); over IPv6 20 bytes more.
pub const PAYLOAD_MAX: usize = 65_535 - 8;

/// Bytes of a record header in a byte ring: payload length u16 LE, family u8 (4 or 6, or 0 without
/// address), a zero byte, port u16 LE, two zero bytes, address of 16 bytes (IPv4 mapped).
pub const RECORD_LEN: usize = 24;

/// Writes the packet header for `addr` to `buf` and says how long it is.
///
/// ```
/// use client::datagram;
///
/// let mut header = [0; datagram::HEADER_MAX];
/// let len = datagram::emit(&mut header, "10.0.1.7:53".parse().ok());
/// let packet = [&header[..len], b"query"].concat();
/// let (addr, payload) = datagram::parse(&packet).unwrap();
/// assert_eq!((addr, payload), ("10.0.1.7:53".parse().ok(), &b"query"[..]));
/// ```
pub fn emit(buf: &mut [u8; HEADER_MAX], addr: Option<SocketAddr>) -> usize {
    *buf = [0; HEADER_MAX];
    let Some(addr) = addr else { return 2 };
    buf[1..3].copy_from_slice(&addr.port().to_be_bytes());
    match addr.ip() {
        IpAddr::V4(ip) => {
            buf[0] = 4;
            buf[3..7].copy_from_slice(&ip.octets());
            8
        }
        IpAddr::V6(ip) => {
            buf[0] = 6;
            buf[3..19].copy_from_slice(&ip.octets());
            20
        }
    }
}

/// Splits a packet into its address and payload; control messages are skipped. `None` when it is
/// malformed.
pub fn parse(packet: &[u8]) -> Option<(Option<SocketAddr>, &[u8])> {
    let (tag, rest) = packet.split_first()?;
    let (addr, rest) = match tag {
        0 => (None, rest),
        4 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let (ip, rest) = rest.split_first_chunk::<4>()?;
            (Some((IpAddr::V4(Ipv4Addr::from(*ip)), *port)), rest)
        }
        6 => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            (Some((IpAddr::V6(Ipv6Addr::from(*ip)), *port)), rest)
        }
        _ => return None,
    };
    let addr = addr.map(|(ip, port)| SocketAddr::new(ip, u16::from_be_bytes(port)));
    let (count, mut rest) = rest.split_first()?;
    for _ in 0..*count {
        let (head, data) = rest.split_first_chunk::<6>()?;
        rest = data.get(usize::from(u16::from_be_bytes([head[4], head[5]]))..)?;
    }
    Some((addr, rest))
}

/// The record header in a byte ring of a datagram with `len` bytes of payload.
///
/// ```
/// use client::datagram;
///
/// let addr = "[2001:db8::7]:53".parse().ok();
/// let record = datagram::emit_record(512, addr);
/// assert_eq!(datagram::parse_record(&record), Some((512, addr)));
/// ```
pub fn emit_record(len: u16, addr: Option<SocketAddr>) -> [u8; RECORD_LEN] {
    let mut record = [0; RECORD_LEN];
    record[..2].copy_from_slice(&len.to_le_bytes());
    let Some(addr) = addr else { return record };
    record[4..6].copy_from_slice(&addr.port().to_le_bytes());
    let mapped = match addr.ip() {
        IpAddr::V4(ip) => {
            record[2] = 4;
            ip.to_ipv6_mapped()
        }
        IpAddr::V6(ip) => {
            record[2] = 6;
            ip
        }
    };
    record[8..].copy_from_slice(&mapped.octets());
    record
}

/// Payload length and address of a record header; `None` when the family is unknown.
pub fn parse_record(record: &[u8; RECORD_LEN]) -> Option<(u16, Option<SocketAddr>)> {
    let len = u16::from_le_bytes([record[0], record[1]]);
    let port = u16::from_le_bytes([record[4], record[5]]);
    let (_, octets) = record.split_last_chunk::<16>()?;
    let ip = Ipv6Addr::from(*octets);
    let addr = match record[2] {
        0 => return Some((len, None)),
        4 => IpAddr::V4(ip.to_ipv4_mapped()?),
        6 => IpAddr::V6(ip),
        _ => return None,
    };
    Some((len, Some(SocketAddr::new(addr, port))))
}

#[cfg(test)]
mod tests;
