//! Text of addresses: reading with a place for each error, writing without allocation.
//!
//! The standard parsers decide what is an address; they are as strict as `inet_pton`. Only when
//! they refuse does a slower walk over the text find out where the trouble starts.

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::Problem;

/// The text without surrounding whitespace, and how many bytes were cut in front.
pub(crate) fn trimmed(text: &str) -> (&str, usize) {
    let rest = text.trim_start();
    (rest.trim_end(), text.len() - rest.len())
}

/// Dotted quad, exactly.
pub(crate) fn parse4(text: &str) -> Result<Ipv4Addr, (Problem, usize)> {
    text.parse().map_err(|_| locate4(text))
}

/// IPv6 text without a zone, exactly.
pub(crate) fn parse6(text: &str) -> Result<Ipv6Addr, (Problem, usize)> {
    text.parse().map_err(|_| locate6(text))
}

/// Decimal digits without a leading zero, no more than `most`.
pub(crate) fn parse_number(text: &str, most: u16) -> Result<u16, (Problem, usize)> {
    if text.is_empty() {
        return Err((Problem::MissingDigits, 0));
    }
    if let Some(at) = text.find(|c: char| !c.is_ascii_digit()) {
        return Err((Problem::UnexpectedCharacter, at));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err((Problem::LeadingZero, 0));
    }
    text.parse().ok().filter(|&number| number <= most).ok_or((Problem::NumberTooLarge, 0))
}

fn locate4(text: &str) -> (Problem, usize) {
    if text.is_empty() {
        return (Problem::Empty, 0);
    }
    let mut at = 0;
    for (index, part) in text.split('.').enumerate() {
        if index == 4 {
            return (Problem::TooManyParts, at - 1);
        }
        if let Err((problem, inside)) = parse_number(part, 255) {
            return (problem, at + inside);
        }
        at += part.len() + 1;
    }
    (Problem::TooFewParts, text.len())
}

fn locate6(text: &str) -> (Problem, usize) {
    if text.is_empty() {
        return (Problem::Empty, 0);
    }
    let known = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    if let Some(at) = text.find(|c| !known(c)) {
        return (Problem::UnexpectedCharacter, at);
    }
    let gap = text.find("::");
    if let Some(second) = gap.and_then(|at| text[at + 1..].find("::").map(|more| at + 1 + more)) {
        return (Problem::MisplacedGap, second);
    }
    let (mut at, mut groups) = (0, 0);
    for part in text.split(':') {
        let ends = at + part.len();
        let beside_gap = gap.is_some_and(|gap| at == gap + 1 || ends == gap || at == gap + 2);
        if part.contains('.') {
            if let Err((problem, inside)) = parse4(part) {
                return (problem, at + inside);
            }
            if ends != text.len() {
                return (Problem::UnexpectedCharacter, ends);
            }
            groups += 1;
        } else if part.is_empty() {
            if !beside_gap {
                return (Problem::MissingDigits, at);
            }
            at = ends + 1;
            continue;
        } else if part.len() > 4 {
            return (Problem::NumberTooLarge, at);
        }
        groups += 1;
        if groups > 8 {
            return (Problem::TooManyParts, at);
        }
        at = ends + 1;
    }
    match gap {
        Some(gap) => (Problem::MisplacedGap, gap),
        None => (Problem::TooFewParts, text.len()),
    }
}

/// Room for the longest text of this crate: 128 binary digits with prefix and underscores.
pub(crate) struct Buffer {
    bytes: [u8; 192],
    len: usize,
}

impl Buffer {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; 192], len: 0 }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Writes the arguments, with the width, fill and alignment of `f` applied to the whole.
pub(crate) fn pad(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    if f.width().is_none() && f.precision().is_none() {
        return f.write_fmt(text);
    }
    let mut buffer = Buffer::new();
    buffer.write_fmt(text)?;
    f.pad(buffer.as_str())
}

#[cfg(test)]
mod tests;
