//! DNS messages (RFC 1035, RFC 3596, RFC 6891).
//!
//! ```text
//! | id | QR, opcode, AA, TC, RD, RA, Z, rcode | four counts
//! | questions | answers | authority | additional
//! ```
//!
//! [`parse`] walks a whole message once: every name is followed through its pointers, questions and
//! answers are read in full, the other two sections for their structure. What it returns is a view
//! whose iterators cannot fail. [`Writer`] builds queries, and answers for servers in tests.
//!
//! A fault of a name or a length is [`Malformed::Length`] or [`Malformed::Truncated`]; bytes behind
//! the last record are [`Malformed::Field`].

use std::iter;

use zerocopy::byteorder::network_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Malformed;

mod display;
mod name;
mod record;
mod writer;

pub use name::{LABEL_MAX, NAME_MAX, Name, NameBuf, NotAName, name_list};
pub use record::{Edns, Record, RecordData, Soa, Strings};
pub use writer::{Writer, query};

/// Bytes of a header.
pub const HEADER_LEN: usize = 12;
/// The server's port.
pub const PORT: u16 = 53;
/// Longest message over UDP without EDNS.
pub const UDP_LEN_MAX: usize = 512;

/// Type: IPv4 address.
pub const TYPE_A: u16 = 1;
/// Type: name server.
pub const TYPE_NS: u16 = 2;
/// Type: the name is an alias.
pub const TYPE_CNAME: u16 = 5;
/// Type: start of a zone of authority.
pub const TYPE_SOA: u16 = 6;
/// Type: pointer to a name.
pub const TYPE_PTR: u16 = 12;
/// Type: mail exchange.
pub const TYPE_MX: u16 = 15;
/// Type: text.
pub const TYPE_TXT: u16 = 16;
/// Type: IPv6 address.
pub const TYPE_AAAA: u16 = 28;
/// Type: EDNS.
pub const TYPE_OPT: u16 = 41;

/// Class: internet.
pub const CLASS_IN: u16 = 1;
/// Class: Chaos.
pub const CLASS_CH: u16 = 3;
/// Class: Hesiod.
pub const CLASS_HS: u16 = 4;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    id: U16,
    flags: U16,
    counts: [U16; 4],
}

/// How a query went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseCode {
    /// NOERROR.
    #[default]
    NoError,
    /// FORMERR: the server could not read the query.
    FormErr,
    /// SERVFAIL: the server had a problem.
    ServFail,
    /// NXDOMAIN: the name does not exist.
    NxDomain,
    /// NOTIMP: the server does not do such queries.
    NotImp,
    /// REFUSED: the server does not want to.
    Refused,
    /// Any other, four bits.
    Other(u8),
}

impl ResponseCode {
    /// From the four bits of the field; higher bits are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 15 {
            0 => Self::NoError,
            1 => Self::FormErr,
            2 => Self::ServFail,
            3 => Self::NxDomain,
            4 => Self::NotImp,
            5 => Self::Refused,
            bits => Self::Other(bits),
        }
    }

    /// The four bits of the field.
    pub const fn bits(self) -> u8 {
        match self {
            Self::NoError => 0,
            Self::FormErr => 1,
            Self::ServFail => 2,
            Self::NxDomain => 3,
            Self::NotImp => 4,
            Self::Refused => 5,
            Self::Other(bits) => bits & 15,
        }
    }
}

/// The header without its counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Number that ties a response to its query.
    pub id: u16,
    /// QR: a response.
    pub response: bool,
    /// Kind of query, four bits; 0 is the usual one.
    pub opcode: u8,
    /// AA: the server is an authority for the name.
    pub authoritative: bool,
    /// TC: the message was cut.
    pub truncated: bool,
    /// RD: the server shall ask others.
    pub recursion_desired: bool,
    /// RA: the server does ask others.
    pub recursion_available: bool,
    /// Z: three bits; the lower two are AD and CD in DNSSEC.
    pub z: u8,
    /// How the query went.
    pub rcode: ResponseCode,
}

impl Header {
    fn from_flags(id: u16, flags: u16) -> Self {
        let bit = |at: u16| flags >> at & 1 != 0;
        Self {
            id,
            response: bit(15),
            opcode: (flags >> 11) as u8 & 15,
            authoritative: bit(10),
            truncated: bit(9),
            recursion_desired: bit(8),
            recursion_available: bit(7),
            z: (flags >> 4) as u8 & 7,
            rcode: ResponseCode::from_bits(flags as u8),
        }
    }

    fn flags(&self) -> u16 {
        u16::from(self.response) << 15
            | u16::from(self.opcode & 15) << 11
            | u16::from(self.authoritative) << 10
            | u16::from(self.truncated) << 9
            | u16::from(self.recursion_desired) << 8
            | u16::from(self.recursion_available) << 7
            | u16::from(self.z & 7) << 4
            | u16::from(self.rcode.bits())
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name.
    pub name: Name<'a>,
    /// The type of record wanted.
    pub kind: u16,
    /// The class.
    pub class: u16,
}

/// Records of one section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Section {
    start: usize,
    count: u16,
}

/// A received message, checked.
///
/// It prints as one line: the questions of a query, the answers of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header.
    pub header: Header,
    bytes: &'a [u8],
    questions: Section,
    answers: Section,
    authority: Section,
    additional: Section,
}

/// Reads and checks a message: the payload of a UDP datagram, or of a TCP stream behind its length.
///
/// # Errors
/// [`Malformed::Truncated`] if the bytes end too early, [`Malformed::Length`] if a name or the data
/// of an answer is malformed, [`Malformed::Field`] if bytes are left over.
///
/// ```
/// use wire::dns::{self, NameBuf, Question, RecordData};
/// let name: NameBuf = "example.com".parse().unwrap();
/// let question = Question { name: name.name(), kind: dns::TYPE_A, class: dns::CLASS_IN };
/// let mut bytes = [0; dns::UDP_LEN_MAX];
/// let len = dns::query(&mut bytes, 7, &[question]);
/// let query = dns::parse(&bytes[..len]).unwrap();
/// assert_eq!(query.to_string(), "7+ A? example.com. (29)");
/// assert_eq!(query.questions().next(), Some(question));
/// ```
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let (layout, _) = Layout::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
    let [questions, answers, authority, additional] = layout.counts;
    let mut at = HEADER_LEN;
    let questions =
        walk(&mut at, questions.get(), |at| read_question(bytes, at).map(|(_, next)| next))?;
    let answers = walk(&mut at, answers.get(), |at| {
        let (raw, next) = record::read(bytes, at)?;
        raw.decode(bytes).ok_or(Malformed::Length)?;
        Ok(next)
    })?;
    let skip = |at| record::read(bytes, at).map(|(_, next)| next);
    let authority = walk(&mut at, authority.get(), skip)?;
    let additional = walk(&mut at, additional.get(), skip)?;
    if at != bytes.len() {
        return Err(Malformed::Field);
    }
    let header = Header::from_flags(layout.id.get(), layout.flags.get());
    Ok(Message { header, bytes, questions, answers, authority, additional })
}

/// Steps over `count` entries, leaving `at` behind them.
fn walk(
    at: &mut usize,
    count: u16,
    mut step: impl FnMut(usize) -> Result<usize, Malformed>,
) -> Result<Section, Malformed> {
    let start = *at;
    for _ in 0..count {
        *at = step(*at)?;
    }
    Ok(Section { start, count })
}

fn read_question(bytes: &[u8], at: usize) -> Result<(Question<'_>, usize), Malformed> {
    let (name, at) = Name::parse(bytes, at)?;
    let [a, b, c, d] = *chunk(bytes, at)?;
    let (kind, class) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    Ok((Question { name, kind, class }, at + 4))
}

/// `N` bytes at `at`.
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Result<&[u8; N], Malformed> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Malformed::Truncated)
}

impl<'a> Message<'a> {
    /// What is asked.
    pub fn questions(&self) -> impl Iterator<Item = Question<'a>> + use<'a> {
        let Self { bytes, questions, .. } = *self;
        let mut at = questions.start;
        (0..questions.count).map_while(move |_| {
            let (question, next) = read_question(bytes, at).ok()?;
            at = next;
            Some(question)
        })
    }

    /// The answers.
    pub fn answers(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        self.records(self.answers)
    }

    /// Records about who is an authority. Unlike answers these were not checked beyond their
    /// structure; data that does not fit its type shows as unknown.
    pub fn authority(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        self.records(self.authority)
    }

    /// Further records, checked as little as [`authority`](Self::authority).
    pub fn additional(&self) -> impl Iterator<Item = Record<'a>> + use<'a> {
        self.records(self.additional)
    }

    /// What the sender can do beyond plain DNS, if it says so.
    pub fn edns(&self) -> Option<Edns<'a>> {
        self.additional().find_map(|record| match record.data {
            RecordData::Unknown { kind: TYPE_OPT, data } => Some(Edns::read(&record, data)),
            _ => None,
        })
    }

    /// Whether this is the response to the query `id` for `question`: the name in any case
    /// (RFC 5452 §9.1).
    pub fn answers_to(&self, id: u16, question: &Question<'_>) -> bool {
        let mut asked = self.questions();
        self.header.response
            && self.header.id == id
            && asked.next().as_ref() == Some(question)
            && asked.next().is_none()
    }

    fn records(&self, section: Section) -> impl Iterator<Item = Record<'a>> + use<'a> {
        let bytes = self.bytes;
        let mut at = section.start;
        let mut left = section.count;
        iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let (raw, next) = record::read(bytes, at).ok()?;
            at = next;
            Some(raw.record(bytes))
        })
    }
}

#[cfg(test)]
mod tests;
