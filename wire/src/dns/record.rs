//! Resource records: reading.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{
    Name, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_MX, TYPE_NS, TYPE_PTR, TYPE_SOA, TYPE_TXT, chunk,
};
use crate::Malformed;

/// A resource record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Whose it is.
    pub name: Name<'a>,
    /// The class.
    pub class: u16,
    /// Seconds it may be kept.
    pub ttl_s: u32,
    /// The type and its data.
    pub data: RecordData<'a>,
}

/// The data of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordData<'a> {
    /// IPv4 address.
    A(Ipv4Addr),
    /// Name server.
    Ns(Name<'a>),
    /// The name is an alias of this one.
    Cname(Name<'a>),
    /// Start of a zone of authority.
    Soa(Soa<'a>),
    /// Pointer to a name.
    Ptr(Name<'a>),
    /// Mail exchange.
    Mx {
        /// The lower the better.
        preference: u16,
        /// The host.
        exchange: Name<'a>,
    },
    /// Text.
    Txt(Strings<'a>),
    /// IPv6 address.
    Aaaa(Ipv6Addr),
    /// Anything else.
    Unknown {
        /// The type.
        kind: u16,
        /// The data.
        data: &'a [u8],
    },
}

/// Start of a zone of authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Soa<'a> {
    /// The primary name server.
    pub mname: Name<'a>,
    /// The mailbox of who is responsible.
    pub rname: Name<'a>,
    /// Version of the zone.
    pub serial: u32,
    /// Seconds until secondaries look again.
    pub refresh_s: u32,
    /// Seconds until they try again.
    pub retry_s: u32,
    /// Seconds until they give up.
    pub expire_s: u32,
    /// Seconds that the absence of a name may be kept, at most (RFC 2308 §5).
    pub minimum_s: u32,
}

/// Strings of text, at least one, each at most 255 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strings<'a> {
    bytes: &'a [u8],
}

impl<'a> Strings<'a> {
    /// Checks `bytes`: strings behind their length bytes.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = bytes;
        loop {
            let (_, after) = split(rest)?;
            if after.is_empty() {
                return Some(Self { bytes });
            }
            rest = after;
        }
    }

    /// The strings.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (string, after) = split(rest)?;
            rest = after;
            Some(string)
        })
    }

    /// The strings behind their length bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

/// What the OPT record says (RFC 6891 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edns<'a> {
    /// Longest UDP message the sender takes.
    pub udp_len: u16,
    /// Upper eight bits of the response code.
    pub rcode_high: u8,
    /// Version; 0 is the only one.
    pub version: u8,
    /// DO: the sender understands DNSSEC.
    pub dnssec_ok: bool,
    /// Options.
    pub options: &'a [u8],
}

impl<'a> Edns<'a> {
    /// The fields of the record that EDNS gives another meaning.
    pub(super) fn read(record: &Record<'a>, options: &'a [u8]) -> Self {
        let [rcode_high, version, flags, _] = record.ttl_s.to_be_bytes();
        let dnssec_ok = flags & 0x80 != 0;
        Self { udp_len: record.class, rcode_high, version, dnssec_ok, options }
    }
}

/// A record whose data is not looked at yet.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    name: Name<'a>,
    kind: u16,
    class: u16,
    ttl_s: u32,
    /// Where the data starts in the message.
    start: usize,
    data: &'a [u8],
}

/// Reads the record at `at`; also returns where it ends.
pub(super) fn read(bytes: &[u8], at: usize) -> Result<(Raw<'_>, usize), Malformed> {
    let (name, at) = Name::parse(bytes, at)?;
    let [k0, k1, c0, c1, t0, t1, t2, t3, l0, l1] = *chunk(bytes, at)?;
    let start = at + 10;
    let end = start + usize::from(u16::from_be_bytes([l0, l1]));
    let data = bytes.get(start..end).ok_or(Malformed::Truncated)?;
    let raw = Raw {
        name,
        kind: u16::from_be_bytes([k0, k1]),
        class: u16::from_be_bytes([c0, c1]),
        ttl_s: u32::from_be_bytes([t0, t1, t2, t3]),
        start,
        data,
    };
    Ok((raw, end))
}

impl<'a> Raw<'a> {
    /// The record; data that does not fit its type is unknown.
    pub(super) fn record(self, bytes: &'a [u8]) -> Record<'a> {
        let Self { name, kind, class, ttl_s, data, .. } = self;
        let data = self.decode(bytes).unwrap_or(RecordData::Unknown { kind, data });
        Record { name, class, ttl_s, data }
    }

    /// The data, or none if it does not fit its type.
    pub(super) fn decode(&self, bytes: &'a [u8]) -> Option<RecordData<'a>> {
        let &Self { kind, start, data, .. } = self;
        match kind {
            TYPE_A => <[u8; 4]>::try_from(data).ok().map(|octets| RecordData::A(octets.into())),
            TYPE_AAAA => {
                <[u8; 16]>::try_from(data).ok().map(|octets| RecordData::Aaaa(octets.into()))
            }
            TYPE_NS => self.name_at(bytes, start).map(RecordData::Ns),
            TYPE_CNAME => self.name_at(bytes, start).map(RecordData::Cname),
            TYPE_PTR => self.name_at(bytes, start).map(RecordData::Ptr),
            TYPE_MX => {
                let preference = u16::from_be_bytes(*data.first_chunk()?);
                let exchange = self.name_at(bytes, start + 2)?;
                Some(RecordData::Mx { preference, exchange })
            }
            TYPE_TXT => Strings::parse(data).map(RecordData::Txt),
            TYPE_SOA => self.soa(bytes).map(RecordData::Soa),
            kind => Some(RecordData::Unknown { kind, data }),
        }
    }

    /// The name at `at`, which ends where the data does.
    fn name_at(&self, bytes: &'a [u8], at: usize) -> Option<Name<'a>> {
        let (name, end) = Name::parse(bytes, at).ok()?;
        (end == self.start + self.data.len()).then_some(name)
    }

    fn soa(&self, bytes: &'a [u8]) -> Option<Soa<'a>> {
        let (mname, at) = Name::parse(bytes, self.start).ok()?;
        let (rname, at) = Name::parse(bytes, at).ok()?;
        let numbers: &[u8; 20] = bytes.get(at..self.start + self.data.len())?.try_into().ok()?;
        let mut words = numbers.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        let mut word = || words.next();
        Some(Soa {
            mname,
            rname,
            serial: word()?,
            refresh_s: word()?,
            retry_s: word()?,
            expire_s: word()?,
            minimum_s: word()?,
        })
    }
}
