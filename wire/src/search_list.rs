//! Lists of domain names as router advertisements carry them (RFC 8106 §5.2, RFC 1035 §3.1).
//!
//! ```text
//! | length | label | length | label | 0 | next name ... | 0 padding
//! ```
//!
//! No compression: a length above 63 is no label. [`names`] reads a list, [`write()`] makes one.

use std::fmt::{self, Write as _};

use crate::{EmitError, Malformed};

/// Bytes of a label at most.
pub const LABEL_MAX: usize = 63;
/// Bytes of a name at most, its lengths and its end counted.
pub const NAME_MAX: usize = 255;

/// A domain name in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// Lengths and labels, without the end.
    bytes: &'a [u8],
}

impl<'a> Name<'a> {
    /// The labels, leftmost first.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (&len, after) = rest.split_first()?;
            let (label, after) = after.split_at_checked(usize::from(len))?;
            rest = after;
            Some(label)
        })
    }
}

impl fmt::Display for Name<'_> {
    /// The labels with dots between; bytes that could be mistaken as `\ddd`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            for &byte in label {
                match byte {
                    b'.' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                    0x21..=0x7e => f.write_char(char::from(byte))?,
                    _ => write!(f, "\\{byte:03}")?,
                }
            }
        }
        Ok(())
    }
}

/// The names of a list; padding ends it.
///
/// ```
/// use wire::search_list;
/// let list = b"\x03lan\0\x07example\x03org\0\0\0\0";
/// let names: Vec<_> = search_list::names(list).map(|name| name.unwrap().to_string()).collect();
/// assert_eq!(names, ["lan", "example.org"]);
/// ```
pub fn names(list: &[u8]) -> Names<'_> {
    Names { rest: list }
}

/// Iterator over names; yields an error and ends at the first that is none.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Names<'a> {
    type Item = Result<Name<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.rest, [] | [0, ..]) {
            return None;
        }
        match name(self.rest) {
            Some((name, rest)) => {
                self.rest = rest;
                Some(Ok(name))
            }
            None => {
                self.rest = &[];
                Some(Err(Malformed::Field))
            }
        }
    }
}

/// The first name, and what follows its end.
fn name(bytes: &[u8]) -> Option<(Name<'_>, &[u8])> {
    let mut at = 0;
    loop {
        let len = usize::from(*bytes.get(at)?);
        if len > LABEL_MAX || at + 1 > NAME_MAX {
            return None;
        }
        if len == 0 {
            return Some((Name { bytes: &bytes[..at] }, &bytes[at + 1..]));
        }
        at += 1 + len;
    }
}

/// Writes names, with dots between labels, to the front of `buf`.
///
/// Returns the length without padding.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if a name or one of
/// its labels is too long or empty.
pub fn write<'n>(
    buf: &mut [u8],
    names: impl IntoIterator<Item = &'n str>,
) -> Result<usize, EmitError> {
    let mut at = 0;
    for name in names {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.len() + 2 > NAME_MAX {
            return Err(EmitError::Value);
        }
        for label in name.split('.').map(str::as_bytes) {
            if label.is_empty() || label.len() > LABEL_MAX {
                return Err(EmitError::Value);
            }
            let Some([len, room @ ..]) = buf.get_mut(at..at + 1 + label.len()) else {
                return Err(EmitError::NoRoom);
            };
            *len = label.len() as u8;
            room.copy_from_slice(label);
            at += 1 + label.len();
        }
        *buf.get_mut(at).ok_or(EmitError::NoRoom)? = 0;
        at += 1;
    }
    Ok(at)
}

#[cfg(test)]
mod tests;
