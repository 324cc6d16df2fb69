//! IGMP, versions 1 to 3: who wants which IPv4 groups (RFC 1112, RFC 2236, RFC 3376).
//!
//! ```text
//! | type | max response code | checksum | group |                               versions 1 and 2
//! | ...                    | flags, QRV | interval code | sources, count and list |    query, v3
//! | 22   | 0 | checksum | 0 | number of records | records ... |                   report, v3
//! ```
//!
//! A query of eight bytes is of version 1 if its code is zero, else of version 2; from twelve bytes
//! on it is of version 3. Lists and codes are [`crate::membership`]'s.

use addr::Ip;

use crate::checksum::{self, Sum};
use crate::membership::{self, QueryTail, decode_code, encode_code};
use crate::{EmitError, Malformed};

/// Bytes of every message of versions 1 and 2, and the least of version 3.
pub const LEN: usize = 8;
/// Bytes of a version 3 query without sources.
pub const QUERY_V3_LEN: usize = 12;

/// Type: query.
pub const QUERY: u8 = 0x11;
/// Type: version 1 report.
pub const REPORT_V1: u8 = 0x12;
/// Type: version 2 report.
pub const REPORT_V2: u8 = 0x16;
/// Type: version 2 leave.
pub const LEAVE: u8 = 0x17;
/// Type: version 3 report.
pub const REPORT_V3: u8 = 0x22;

/// Group records of a report.
pub type Records<'a> = membership::Records<'a, 4>;
/// One of them.
pub type Record<'a> = membership::Record<'a, 4>;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Version 1: who wants any group?
    QueryV1 {
        /// Unspecified in correct queries.
        group: Ip,
    },
    /// Version 2: who wants this group, or any?
    QueryV2 {
        /// Tenths of a second to answer in, 1 to 255.
        max_response_ds: u8,
        /// The group; unspecified for any.
        group: Ip,
    },
    /// Version 3: who wants this group from these sources?
    QueryV3 {
        /// Tenths of a second to answer in.
        max_response_ds: u32,
        /// The group; unspecified for any.
        group: Ip,
        /// Robustness, interval, sources.
        tail: QueryTail<'a, 4>,
    },
    /// Version 1: the sender wants the group.
    ReportV1 {
        /// The group.
        group: Ip,
    },
    /// Version 2: the sender wants the group.
    ReportV2 {
        /// The group.
        group: Ip,
    },
    /// Version 2: the sender does not want the group any more.
    Leave {
        /// The group.
        group: Ip,
    },
    /// Version 3: what the sender wants, group by group.
    ReportV3(Records<'a>),
}

/// Reads and checks a message: the payload of an IPv4 packet.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the message has, [`Malformed::Checksum`]
/// if the checksum does not hold, [`Malformed::Length`] if sources or records contradict the
/// length, [`Malformed::Destination`] if the group is not multicast, [`Malformed::Field`] for a
/// type that is not read here.
///
/// ```
/// use wire::igmp::{self, Message};
/// let report = Message::ReportV2 { group: addr::Ip::v4([224, 0, 0, 251]) };
/// let mut bytes = [0; 8];
/// assert_eq!(igmp::emit(&mut bytes, &report), Ok(8));
/// assert_eq!(igmp::parse(&bytes), Ok(report));
/// ```
pub fn parse(message: &[u8]) -> Result<Message<'_>, Malformed> {
    let ([kind, code, _, _, word @ ..], rest) =
        message.split_first_chunk::<LEN>().ok_or(Malformed::Truncated)?;
    if !checksum::sum(Sum::ZERO, message).is_valid() {
        return Err(Malformed::Checksum);
    }
    let group = Ip::v4(*word);
    match (*kind, rest.len()) {
        (QUERY, 0) if *code == 0 => Ok(Message::QueryV1 { group }),
        (QUERY, 0) => Ok(Message::QueryV2 { max_response_ds: *code, group }),
        (QUERY, _) => {
            let tail = QueryTail::parse(rest)?;
            Ok(Message::QueryV3 { max_response_ds: decode_code(*code), group, tail })
        }
        (REPORT_V3, _) => {
            let [_, _, a, b] = *word;
            Records::parse(rest, u16::from_be_bytes([a, b])).map(Message::ReportV3)
        }
        (REPORT_V1 | REPORT_V2 | LEAVE, _) if !group.is_multicast() => Err(Malformed::Destination),
        (REPORT_V1, _) => Ok(Message::ReportV1 { group }),
        (REPORT_V2, _) => Ok(Message::ReportV2 { group }),
        (LEAVE, _) => Ok(Message::Leave { group }),
        _ => Err(Malformed::Field),
    }
}

/// Writes a message to the front of `buf`, checksum included. Send it with TTL 1 and the router
/// alert option.
///
/// Times beyond what a code can say are written as the longest; a version 2 query's zero as one,
/// because zero would make it version 1. Returns the length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if a group is no
/// IPv4 address or there are too many sources.
pub fn emit(buf: &mut [u8], message: &Message<'_>) -> Result<usize, EmitError> {
    let (kind, code, group, head, body) = match message {
        Message::QueryV1 { group } => (QUERY, 0, *group, None, &[][..]),
        Message::QueryV2 { max_response_ds, group } => {
            (QUERY, (*max_response_ds).max(1), *group, None, &[][..])
        }
        Message::QueryV3 { max_response_ds, group, tail } => {
            let head = tail.head().ok_or(EmitError::Value)?;
            (QUERY, encode_code(*max_response_ds), *group, Some(head), tail.sources.bytes())
        }
        Message::ReportV1 { group } => (REPORT_V1, 0, *group, None, &[][..]),
        Message::ReportV2 { group } => (REPORT_V2, 0, *group, None, &[][..]),
        Message::Leave { group } => (LEAVE, 0, *group, None, &[][..]),
        Message::ReportV3(records) => {
            let [a, b] = records.count().to_be_bytes();
            (REPORT_V3, 0, Ip::v4([0, 0, a, b]), None, records.bytes())
        }
    };
    let [a, b, c, d] = group.octets_v4().ok_or(EmitError::Value)?;
    let head = head.as_ref().map_or(&[][..], |head| head);
    let len = LEN + head.len() + body.len();
    let buf = buf.get_mut(..len).ok_or(EmitError::NoRoom)?;
    buf[..LEN].copy_from_slice(&[kind, code, 0, 0, a, b, c, d]);
    buf[LEN..LEN + head.len()].copy_from_slice(head);
    buf[LEN + head.len()..].copy_from_slice(body);
    let checksum = checksum::checksum(buf);
    buf[2..4].copy_from_slice(&checksum.to_be_bytes());
    Ok(len)
}

#[cfg(test)]
mod tests;
