//! What IGMPv3 and MLDv2 have in common: group records, source lists, and codes for long times
//! (RFC 3376 §4, RFC 3810 §5).
//!
//! ```text
//! record: | type | aux words | number of sources, 2 bytes | group | sources ... | aux data ... |
//! code, 8 bits: below 128 itself; else 1 eee mmmm = (mmmm | 10000b) << (eee + 3)
//! ```
//!
//! `N` is the length of an address: 4 in IGMP, 16 in MLD. [`Records`] holds bytes whose chain was
//! checked once, so iteration cannot fail.

use addr::Ip;

use crate::{EmitError, Malformed};

/// Record: only these sources are wanted.
pub const IS_INCLUDE: u8 = 1;
/// Record: all but these sources are wanted.
pub const IS_EXCLUDE: u8 = 2;
/// Record: the filter changed to only these.
pub const TO_INCLUDE: u8 = 3;
/// Record: the filter changed to all but these.
pub const TO_EXCLUDE: u8 = 4;
/// Record: these sources are wanted as well.
pub const ALLOW: u8 = 5;
/// Record: these sources are no longer wanted.
pub const BLOCK: u8 = 6;

/// The largest value an 8-bit code can say.
pub const CODE_MAX: u32 = 31_744;

/// What an 8-bit code says: maximum response time or query interval.
///
/// ```
/// use wire::membership::{decode_code, encode_code};
/// assert_eq!(decode_code(0x8f), 248);
/// assert_eq!(encode_code(1000), 175);
/// ```
pub fn decode_code(code: u8) -> u32 {
    match code {
        0..=127 => u32::from(code),
        _ => (u32::from(code & 0xf) | 0x10) << (u32::from(code >> 4 & 7) + 3),
    }
}

/// The code for a value: the largest that does not exceed it, and 255 beyond all of them.
pub fn encode_code(value: u32) -> u8 {
    if value < 128 {
        return value as u8;
    }
    let fits = |exponent: &u32| value >> (exponent + 3) <= 0x1f;
    match (0..=7).find(fits) {
        Some(exponent) => 0x80 | (exponent as u8) << 4 | (value >> (exponent + 3)) as u8 & 0xf,
        None => 0xff,
    }
}

pub(crate) fn ip<const N: usize>(octets: &[u8; N]) -> Ip {
    match *octets.as_slice() {
        [a, b, c, d] => Ip::v4([a, b, c, d]),
        _ => octets.as_slice().try_into().map_or(Ip::UNSPECIFIED_V6, Ip::v6),
    }
}

/// The octets of an address, if its family has `N` of them.
pub(crate) fn octets<const N: usize>(ip: Ip) -> Option<[u8; N]> {
    match (N, ip.octets_v4()) {
        (4, Some(octets)) => octets.as_slice().try_into().ok(),
        (16, None) => ip.octets().as_slice().try_into().ok(),
        _ => None,
    }
}

/// An address of the message's own family: IPv6 messages carry no IPv4-mapped ones.
pub(crate) fn check_family<const N: usize>(octets: &[u8; N]) -> Result<(), Malformed> {
    if N == 16 && ip(octets).is_v4() { Err(Malformed::MappedAddress) } else { Ok(()) }
}

/// A list of source addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources<'a, const N: usize> {
    slots: &'a [[u8; N]],
}

impl<'a, const N: usize> Sources<'a, N> {
    /// From the octets of each; whose they are is not looked at.
    pub const fn new(slots: &'a [[u8; N]]) -> Self {
        Self { slots }
    }

    /// `count` addresses from the front of `bytes`, and what follows them.
    pub(crate) fn split(bytes: &'a [u8], count: u16) -> Result<(Self, &'a [u8]), Malformed> {
        let (list, rest) =
            bytes.split_at_checked(usize::from(count) * N).ok_or(Malformed::Length)?;
        let (slots, _) = list.as_chunks::<N>();
        slots.iter().try_for_each(check_family)?;
        Ok((Self { slots }, rest))
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The addresses.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Ip> + use<'a, N> {
        self.slots.iter().map(ip)
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.slots.as_flattened()
    }
}

/// What one record says about one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a, const N: usize> {
    /// [`IS_INCLUDE`] to [`BLOCK`]; a receiver ignores records of other types.
    pub kind: u8,
    /// The group.
    pub group: Ip,
    /// The sources.
    pub sources: Sources<'a, N>,
    /// Nobody has defined any; whole words.
    pub aux: &'a [u8],
}

impl<const N: usize> Record<'_, N> {
    /// Bytes of the record.
    pub fn len(&self) -> usize {
        4 + N + self.sources.bytes().len() + self.aux.len()
    }

    /// Never: a record has a head.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// tcpdump's word for the type.
    pub fn kind_name(&self) -> Option<&'static str> {
        Some(match self.kind {
            IS_INCLUDE => "is_in",
            IS_EXCLUDE => "is_ex",
            TO_INCLUDE => "to_in",
            TO_EXCLUDE => "to_ex",
            ALLOW => "allow",
            BLOCK => "block",
            _ => return None,
        })
    }
}

/// Records whose chain was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Records<'a, const N: usize> {
    bytes: &'a [u8],
    count: u16,
}

impl<'a, const N: usize> Records<'a, N> {
    /// Checks `count` records that take up `bytes` exactly.
    ///
    /// # Errors
    /// [`Malformed::Length`] if the records take up more or fewer bytes,
    /// [`Malformed::MappedAddress`] if an IPv6 address is an IPv4-mapped one.
    pub fn parse(bytes: &'a [u8], count: u16) -> Result<Self, Malformed> {
        let mut rest = bytes;
        for _ in 0..count {
            let (_, after) = split::<N>(rest)?;
            rest = after;
        }
        if rest.is_empty() { Ok(Self { bytes, count }) } else { Err(Malformed::Length) }
    }

    /// Writes records to the front of `buf`.
    ///
    /// # Errors
    /// [`EmitError::NoRoom`] if they do not fit, [`EmitError::Value`] if one cannot be written.
    ///
    /// ```
    /// use wire::membership::{Record, Records, Sources, TO_EXCLUDE};
    /// let group = addr::Ip::v4([224, 0, 0, 251]);
    /// let record = Record { kind: TO_EXCLUDE, group, sources: Sources::new(&[]), aux: &[] };
    /// let mut buf = [0; 8];
    /// let records = Records::<4>::write(&mut buf, &[record]).unwrap();
    /// assert_eq!(records.iter().next(), Some(record));
    /// ```
    pub fn write(buf: &'a mut [u8], records: &[Record<'_, N>]) -> Result<Self, EmitError> {
        let count = u16::try_from(records.len()).map_err(|_| EmitError::Value)?;
        let mut at = 0;
        for record in records {
            let room = buf.get_mut(at..at + record.len()).ok_or(EmitError::NoRoom)?;
            let (aux, ragged) = record.aux.as_chunks::<4>();
            let (Ok(words), true) = (u8::try_from(aux.len()), ragged.is_empty()) else {
                return Err(EmitError::Value);
            };
            let sources = u16::try_from(record.sources.len()).map_err(|_| EmitError::Value)?;
            let [a, b] = sources.to_be_bytes();
            let group = octets::<N>(record.group).ok_or(EmitError::Value)?;
            room[..4].copy_from_slice(&[record.kind, words, a, b]);
            room[4..4 + N].copy_from_slice(&group);
            let (sources, aux) = room[4 + N..].split_at_mut(record.sources.bytes().len());
            sources.copy_from_slice(record.sources.bytes());
            aux.copy_from_slice(record.aux);
            at += record.len();
        }
        let bytes: &'a [u8] = buf;
        Ok(Self { bytes: &bytes[..at], count })
    }

    /// How many.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The records in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = Record<'a, N>> + use<'a, N> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (record, after) = split(rest).ok()?;
            rest = after;
            Some(record)
        })
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn count(&self) -> u16 {
        self.count
    }
}

/// The first record, and what follows it.
fn split<const N: usize>(bytes: &[u8]) -> Result<(Record<'_, N>, &[u8]), Malformed> {
    let ([kind, words, a, b], rest) = bytes.split_first_chunk::<4>().ok_or(Malformed::Length)?;
    let (group, rest) = rest.split_first_chunk::<N>().ok_or(Malformed::Length)?;
    check_family(group)?;
    let (sources, rest) = Sources::split(rest, u16::from_be_bytes([*a, *b]))?;
    let (aux, rest) = rest.split_at_checked(usize::from(*words) * 4).ok_or(Malformed::Length)?;
    Ok((Record { kind: *kind, group: ip(group), sources, aux }, rest))
}

/// Robustness, "suppress" and sources of a query: what follows the group in version 3 and MLDv2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryTail<'a, const N: usize> {
    /// Routers must not restart timers by it.
    pub suppress: bool,
    /// The querier's robustness, 3 bits; 0: more than it can say.
    pub robustness: u8,
    /// Seconds between the querier's general queries.
    pub interval_s: u32,
    /// The sources asked about.
    pub sources: Sources<'a, N>,
}

impl<'a, const N: usize> QueryTail<'a, N> {
    /// Bytes that follow the sources are tolerated.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let ([flags, code, a, b], rest) =
            bytes.split_first_chunk::<4>().ok_or(Malformed::Length)?;
        let (sources, _) = Sources::split(rest, u16::from_be_bytes([*a, *b]))?;
        Ok(Self {
            suppress: flags & 8 != 0,
            robustness: flags & 7,
            interval_s: decode_code(*code),
            sources,
        })
    }

    /// The four bytes in front of the sources. A robustness beyond 7 is written as 0.
    pub(crate) fn head(&self) -> Option<[u8; 4]> {
        let [a, b] = u16::try_from(self.sources.len()).ok()?.to_be_bytes();
        let robustness = if self.robustness > 7 { 0 } else { self.robustness };
        Some([u8::from(self.suppress) << 3 | robustness, encode_code(self.interval_s), a, b])
    }
}

#[cfg(test)]
mod tests;
