//! Multicast listener discovery, versions 1 and 2: who wants which IPv6 groups (RFC 2710, RFC
//! 3810).
//!
//! ```text
//! | type | 0 | checksum | max response code | 0 | group |                 version 1, and a query
//! | ...                   | flags, QRV | interval code | sources, count and list |  query, v2
//! | 143  | 0 | checksum | 0 | number of records | records ... |                  report, v2
//! ```
//!
//! The bodies of four ICMPv6 types. A query whose message has 24 bytes is of version 1, a longer
//! one of version 2. Reports come with hop limit 1 or count for nothing; of queries the caller asks
//! that himself. Lists and codes are [`crate::membership`]'s.

use addr::Ip;

use crate::ip::IpHeader;
use crate::membership::{self, QueryTail, check_family};
use crate::{EmitError, Malformed, icmpv6};

/// Type: query.
pub const QUERY: u8 = 130;
/// Type: version 1 report.
pub const REPORT_V1: u8 = 131;
/// Type: version 1 done.
pub const DONE: u8 = 132;
/// Type: version 2 report.
pub const REPORT_V2: u8 = 143;

/// Bytes of a version 1 message, type to group.
pub const LEN: usize = 24;
/// Bytes of a version 2 query without sources.
pub const QUERY_V2_LEN: usize = 28;
/// The only hop limit messages are sent with.
pub const HOP_LIMIT: u8 = 1;

/// Group records of a report.
pub type Records<'a> = membership::Records<'a, 16>;
/// One of them.
pub type Record<'a> = membership::Record<'a, 16>;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Version 1: who wants this group, or any?
    QueryV1 {
        /// Milliseconds to answer in.
        max_response_ms: u16,
        /// The group; unspecified for any.
        group: Ip,
    },
    /// Version 2: who wants this group from these sources?
    QueryV2 {
        /// Milliseconds to answer in.
        max_response_ms: u32,
        /// The group; unspecified for any.
        group: Ip,
        /// Robustness, interval, sources.
        tail: QueryTail<'a, 16>,
    },
    /// Version 1: the sender wants the group.
    ReportV1 {
        /// The group.
        group: Ip,
    },
    /// Version 1: the sender does not want the group any more.
    Done {
        /// The group.
        group: Ip,
    },
    /// Version 2: what the sender wants, group by group.
    ReportV2(Records<'a>),
}

/// What a 16-bit response code says, in milliseconds: below 32768 itself, else
/// `1 eee mmmmmmmmmmmm` is `(m | 0x1000) << (e + 3)`.
///
/// ```
/// assert_eq!(wire::mld::decode_response(10_000), 10_000);
/// assert_eq!(wire::mld::decode_response(65_535), 8_387_584);
/// ```
pub fn decode_response(code: u16) -> u32 {
    match code {
        0..=0x7fff => u32::from(code),
        _ => (u32::from(code & 0xfff) | 0x1000) << (u32::from(code >> 12 & 7) + 3),
    }
}

/// The code for a time: the longest that does not exceed it, and 65535 beyond all of them.
pub fn encode_response(ms: u32) -> u16 {
    if ms < 0x8000 {
        return ms as u16;
    }
    let fits = |exponent: &u32| ms >> (exponent + 3) <= 0x1fff;
    match (0..=7).find(fits) {
        Some(exponent) => 0x8000 | (exponent as u16) << 12 | (ms >> (exponent + 3)) as u16 & 0xfff,
        None => 0xffff,
    }
}

/// Reads and checks a message: `kind` and `body` of an
/// [`icmp::Message::Other`](crate::icmp::Message::Other) in a packet with this `header`.
///
/// # Errors
/// [`Malformed::HopLimit`] if the hop limit of a report or a done is not 1,
/// [`Malformed::Truncated`] or [`Malformed::Length`] if the body has another length,
/// [`Malformed::MappedAddress`] if an address is an IPv4-mapped one, [`Malformed::Destination`] if
/// the group is not multicast, [`Malformed::Field`] for a type that is not read here.
pub fn parse<'a>(header: &IpHeader, kind: u8, body: &'a [u8]) -> Result<Message<'a>, Malformed> {
    if kind != QUERY && header.hop_limit != HOP_LIMIT {
        return Err(Malformed::HopLimit);
    }
    let ([c0, c1, n0, n1], rest) = body.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
    if kind == REPORT_V2 {
        let count = u16::from_be_bytes([*n0, *n1]);
        return Records::parse(rest, count).map(Message::ReportV2);
    }
    let (octets, rest) = rest.split_first_chunk::<16>().ok_or(Malformed::Truncated)?;
    check_family(octets)?;
    let (code, group) = (u16::from_be_bytes([*c0, *c1]), Ip::v6(*octets));
    match kind {
        QUERY if rest.is_empty() => Ok(Message::QueryV1 { max_response_ms: code, group }),
        QUERY => {
            let tail = QueryTail::parse(rest)?;
            Ok(Message::QueryV2 { max_response_ms: decode_response(code), group, tail })
        }
        REPORT_V1 | DONE if !group.is_multicast() => Err(Malformed::Destination),
        REPORT_V1 => Ok(Message::ReportV1 { group }),
        DONE => Ok(Message::Done { group }),
        _ => Err(Malformed::Field),
    }
}

/// Writes the ICMPv6 message to the front of `buf`, checksum included. Send it with hop limit 1 and
/// the router alert in a hop-by-hop header.
///
/// Times beyond what a code can say are written as the longest. Returns the length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if a group is no IPv6
/// address or there are too many sources.
///
/// ```
/// use wire::{icmp, icmpv6, mld};
/// let (src, dst) = ("fe80::1".parse().unwrap(), "ff02::fb".parse().unwrap());
/// let mut bytes = [0; 24];
/// assert_eq!(mld::emit(&mut bytes, src, dst, &mld::Message::ReportV1 { group: dst }), Ok(24));
/// let message = icmpv6::parse(src, dst, &bytes).unwrap();
/// assert!(matches!(message, icmp::Message::Other { kind: mld::REPORT_V1, .. }));
/// ```
pub fn emit(buf: &mut [u8], src: Ip, dst: Ip, message: &Message<'_>) -> Result<usize, EmitError> {
    let (kind, code, group, tail) = match *message {
        Message::QueryV1 { max_response_ms, group } => (QUERY, max_response_ms, group, None),
        Message::QueryV2 { max_response_ms, group, tail } => {
            let head = tail.head().ok_or(EmitError::Value)?;
            let code = encode_response(max_response_ms);
            (QUERY, code, group, Some((head, tail.sources.bytes())))
        }
        Message::ReportV1 { group } => (REPORT_V1, 0, group, None),
        Message::Done { group } => (DONE, 0, group, None),
        Message::ReportV2(records) => return emit_report(buf, (src, dst), &records),
    };
    let (head, sources) = match &tail {
        Some((head, sources)) => (&head[..], *sources),
        None => (&[][..], &[][..]),
    };
    let len = LEN + head.len() + sources.len();
    if group.is_v4() {
        return Err(EmitError::Value);
    }
    let buf = buf.get_mut(..len).ok_or(EmitError::NoRoom)?;
    let [a, b] = code.to_be_bytes();
    buf[..8].copy_from_slice(&[kind, 0, 0, 0, a, b, 0, 0]);
    buf[8..LEN].copy_from_slice(group.octets());
    buf[LEN..LEN + head.len()].copy_from_slice(head);
    buf[LEN + head.len()..].copy_from_slice(sources);
    icmpv6::set_checksum(buf, src, dst);
    Ok(len)
}

fn emit_report(
    buf: &mut [u8],
    (src, dst): (Ip, Ip),
    records: &Records<'_>,
) -> Result<usize, EmitError> {
    let len = 8 + records.bytes().len();
    let buf = buf.get_mut(..len).ok_or(EmitError::NoRoom)?;
    let [a, b] = records.count().to_be_bytes();
    buf[..8].copy_from_slice(&[REPORT_V2, 0, 0, 0, 0, 0, a, b]);
    buf[8..].copy_from_slice(records.bytes());
    icmpv6::set_checksum(buf, src, dst);
    Ok(len)
}

#[cfg(test)]
mod tests;
