//! Options of IPv6 hop-by-hop and destination options headers (RFC 8200 §4.2), and their writer.
//!
//! ```text
//! | next header | length in 8-byte units less one | options ... |
//! option: | type | length | data ...      Pad1 is one byte of zero
//! ```
//!
//! Known are the router alert (RFC 2711), the CALIPSO label (RFC 5570), the jumbo payload
//! (RFC 2675) and the limit of nested tunnels (RFC 2473). [`OptionsWriter`] places each where its
//! RFC wants it in the word and pads the header to whole units.

use crate::Malformed;

/// Option: one byte of padding.
pub const OPTION_PAD1: u8 = 0;
/// Option: padding.
pub const OPTION_PADN: u8 = 1;
/// Option: limit of nested tunnels.
pub const OPTION_TUNNEL_LIMIT: u8 = 4;
/// Option: every router must look (RFC 2711).
pub const OPTION_ROUTER_ALERT: u8 = 5;
/// Option: security label (RFC 5570).
pub const OPTION_CALIPSO: u8 = 7;
/// Option: payload beyond 64 KiB (RFC 2675).
pub const OPTION_JUMBO: u8 = 0xc2;

/// Router alert: multicast listener discovery.
pub const ALERT_MLD: u16 = 0;
/// Router alert: RSVP.
pub const ALERT_RSVP: u16 = 1;
/// Router alert: active networks.
pub const ALERT_ACTIVE_NETWORKS: u16 = 2;

/// Bytes of an options header at most: 256 units.
pub const HEADER_MAX: usize = 2048;
/// Bytes of its options area at most.
pub const AREA_MAX: usize = HEADER_MAX - 2;

/// One option of a hop-by-hop or destination options header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtOption<'a> {
    /// The type byte.
    pub kind: u8,
    /// What follows the length byte.
    pub data: &'a [u8],
}

/// A security label (RFC 5570 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calipso<'a> {
    /// Domain of interpretation.
    pub doi: u32,
    /// Sensitivity level.
    pub level: u8,
    /// CRC-16 over the option; carried, not judged: only a labelled host could.
    pub checksum: u16,
    /// Compartments, whole 32-bit words.
    pub bitmap: &'a [u8],
}

/// What an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// Padding of so many bytes in all.
    PadN(usize),
    /// Every router must look; the value says for whom.
    RouterAlert(u16),
    /// A security label.
    Calipso(Calipso<'a>),
    /// Length of a packet beyond 64 KiB.
    Jumbo(u32),
    /// How many more tunnels may wrap the packet.
    TunnelLimit(u8),
    /// Anything else: the type's top bits say what to do.
    Unknown,
}

impl<'a> ExtOption<'a> {
    /// Reads the option; one of a known type with a wrong length is an error.
    ///
    /// # Errors
    /// [`Malformed::Option`] if the data does not have the form of its type.
    ///
    /// ```
    /// use wire::ipv6_options::{ExtOption, Known, OPTION_ROUTER_ALERT};
    /// let alert = ExtOption { kind: OPTION_ROUTER_ALERT, data: &[0, 0] };
    /// assert_eq!(alert.known(), Ok(Known::RouterAlert(0)));
    /// assert!(ExtOption { data: &[0], ..alert }.known().is_err());
    /// ```
    pub fn known(&self) -> Result<Known<'a>, Malformed> {
        match (self.kind, self.data) {
            (OPTION_PADN, data) => Ok(Known::PadN(data.len() + 2)),
            (OPTION_ROUTER_ALERT, &[a, b]) => Ok(Known::RouterAlert(u16::from_be_bytes([a, b]))),
            (OPTION_TUNNEL_LIMIT, &[limit]) => Ok(Known::TunnelLimit(limit)),
            (OPTION_JUMBO, &[a, b, c, d]) => Ok(Known::Jumbo(u32::from_be_bytes([a, b, c, d]))),
            (OPTION_CALIPSO, &[a, b, c, d, words, level, e, f, ref bitmap @ ..])
                if bitmap.len() == usize::from(words) * 4 =>
            {
                Ok(Known::Calipso(Calipso {
                    doi: u32::from_be_bytes([a, b, c, d]),
                    level,
                    checksum: u16::from_be_bytes([e, f]),
                    bitmap,
                }))
            }
            (OPTION_ROUTER_ALERT | OPTION_TUNNEL_LIMIT | OPTION_JUMBO | OPTION_CALIPSO, _) => {
                Err(Malformed::Option)
            }
            _ => Ok(Known::Unknown),
        }
    }
}

/// Iterator over the options of a header: each with its offset in the header; Pad1 is skipped.
///
/// Yields an error and ends at the first option that does not fit.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    header: &'a [u8],
    at: usize,
}

/// The options of a hop-by-hop or destination options header.
pub fn options(header: &[u8]) -> Options<'_> {
    Options { header, at: 2 }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(usize, ExtOption<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.at;
            match *self.header.get(at..)? {
                [] => return None,
                [OPTION_PAD1, ..] => self.at += 1,
                [kind, len, ref rest @ ..] if usize::from(len) <= rest.len() => {
                    self.at += 2 + usize::from(len);
                    return Some(Ok((at, ExtOption { kind, data: &rest[..usize::from(len)] })));
                }
                _ => {
                    self.at = self.header.len();
                    return Some(Err(Malformed::Option));
                }
            }
        }
    }
}

/// Builds a hop-by-hop or destination options header in `N` bytes.
///
/// Each verb says whether the option fitted; what does not fit leaves no trace.
///
/// ```
/// use wire::ipv6_options::{Known, OptionsWriter};
/// let mut writer = OptionsWriter::<64>::new();
/// assert!(writer.put(&Known::RouterAlert(0)));
/// assert_eq!(writer.finish(58), Some(&[58, 0, 5, 2, 0, 0, 1, 0][..]));
/// ```
#[derive(Clone, Debug)]
pub struct OptionsWriter<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Default for OptionsWriter<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> OptionsWriter<N> {
    /// A header without options.
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 2 }
    }

    /// Appends a known option where its RFC wants it; padding is the writer's own business.
    pub fn put(&mut self, option: &Known<'_>) -> bool {
        match *option {
            Known::RouterAlert(value) => {
                self.append(0, 2, OPTION_ROUTER_ALERT, &[&value.to_be_bytes()])
            }
            Known::TunnelLimit(limit) => self.append(0, 1, OPTION_TUNNEL_LIMIT, &[&[limit]]),
            // RFC 2675 §2: smaller packets have a length field for that.
            Known::Jumbo(len) if len <= 0xffff => false,
            Known::Jumbo(len) => self.append(2, 4, OPTION_JUMBO, &[&len.to_be_bytes()]),
            Known::Calipso(label) => {
                let (words, rest) = label.bitmap.as_chunks::<4>();
                let Ok(count) = u8::try_from(words.len()) else { return false };
                let head = [count, label.level];
                let (doi, crc) = (label.doi.to_be_bytes(), label.checksum.to_be_bytes());
                rest.is_empty()
                    && self.append(2, 4, OPTION_CALIPSO, &[&doi, &head, &crc, label.bitmap])
            }
            Known::PadN(_) | Known::Unknown => false,
        }
    }

    /// Appends any option.
    pub fn raw(&mut self, kind: u8, data: &[u8]) -> bool {
        self.append(0, 1, kind, &[data])
    }

    /// The header with its next-header and length bytes, padded to whole units.
    ///
    /// `None` if the padding does not fit.
    pub fn finish(&mut self, next_header: u8) -> Option<&[u8]> {
        let end = self.len.next_multiple_of(8);
        if end > N {
            return None;
        }
        pad(self.bytes.get_mut(self.len..end)?);
        let units = u8::try_from(end / 8 - 1).ok()?;
        self.bytes.get_mut(..2)?.copy_from_slice(&[next_header, units]);
        self.len = end;
        self.bytes.get(..end)
    }

    /// `phase` and `align`: the option starts at a multiple of `align`, plus `phase`.
    fn append(&mut self, phase: usize, align: usize, kind: u8, parts: &[&[u8]]) -> bool {
        let data_len: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(len) = u8::try_from(data_len) else { return false };
        let at = self.len + (align + phase - self.len % align) % align;
        let end = at + 2 + data_len;
        if end > N.min(HEADER_MAX) {
            return false;
        }
        pad(&mut self.bytes[self.len..at]);
        self.bytes[at..at + 2].copy_from_slice(&[kind, len]);
        let mut to = at + 2;
        for part in parts {
            self.bytes[to..to + part.len()].copy_from_slice(part);
            to += part.len();
        }
        self.len = end;
        true
    }
}

/// Fills fewer than eight bytes with one padding option.
fn pad(gap: &mut [u8]) {
    gap.fill(0);
    if let [kind, len, rest @ ..] = gap {
        (*kind, *len) = (OPTION_PADN, rest.len() as u8);
    }
}

#[cfg(test)]
mod tests;
