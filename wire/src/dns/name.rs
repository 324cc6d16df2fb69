//! Domain names (RFC 1035 §3.1, §4.1.4).
//!
//! [`Name`] is a place in a message where a name was checked: its labels are at most 63 bytes each
//! and 255 in all, and every pointer leads back to before the run of labels it ends, so that no
//! chain of pointers is endless. A name of text is a [`NameBuf`].

use std::error::Error;
use std::fmt::{self, Display, Write};
use std::hash::{Hash, Hasher};
use std::iter;
use std::str::FromStr;

use crate::{EmitError, Malformed};

/// Longest label.
pub const LABEL_MAX: usize = 63;
/// Longest name: length bytes and the root counted.
pub const NAME_MAX: usize = 255;

/// Most pointers followed in one name: it has no more labels, and none needs two.
const POINTERS_MAX: usize = 127;

/// A name somewhere in a message.
///
/// Two names are equal if their labels are, in any case of ASCII letters. It prints with
/// a final dot, and with what is not printable escaped.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

/// What is at a place of a name.
enum Step<'a> {
    Root,
    Label { label: &'a [u8], next: usize },
    Pointer(usize),
}

fn step(message: &[u8], at: usize) -> Result<Step<'_>, Malformed> {
    let rest = message.get(at..).ok_or(Malformed::Truncated)?;
    match *rest {
        [] => Err(Malformed::Truncated),
        [0, ..] => Ok(Step::Root),
        [len @ 1..=63, ref rest @ ..] => {
            let len = usize::from(len);
            let label = rest.get(..len).ok_or(Malformed::Truncated)?;
            Ok(Step::Label { label, next: at + 1 + len })
        }
        [high @ 0xc0..=255, low, ..] => {
            Ok(Step::Pointer(u16::from_be_bytes([high & 0x3f, low]).into()))
        }
        [0xc0..=255] => Err(Malformed::Truncated),
        // 01 and 10 at the top are reserved.
        _ => Err(Malformed::Length),
    }
}

impl<'a> Name<'a> {
    /// The root.
    pub const ROOT: Self = Name { message: &[0], at: 0 };

    /// Reads the name at `at`; also returns where its bytes there end.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] if the bytes end within the name, [`Malformed::Length`] if it is
    /// too long, has a reserved length, or pointers that do not lead backwards or are too many.
    pub fn parse(message: &'a [u8], at: usize) -> Result<(Self, usize), Malformed> {
        let name = Self { message, at };
        let mut end = None;
        let (mut at, mut run, mut len, mut pointers) = (at, at, 1, 0);
        loop {
            match step(message, at)? {
                Step::Root => return Ok((name, end.unwrap_or(at + 1))),
                Step::Label { label, next } => {
                    len += 1 + label.len();
                    if len > NAME_MAX {
                        return Err(Malformed::Length);
                    }
                    at = next;
                }
                Step::Pointer(target) => {
                    end = end.or(Some(at + 2));
                    pointers += 1;
                    if target >= run || pointers > POINTERS_MAX {
                        return Err(Malformed::Length);
                    }
                    (at, run) = (target, target);
                }
            }
        }
    }

    /// The labels from the left, the root left out.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let Self { message, mut at } = *self;
        iter::from_fn(move || {
            loop {
                match step(message, at).ok()? {
                    Step::Root => return None,
                    Step::Pointer(target) => at = target,
                    Step::Label { label, next } => {
                        at = next;
                        return Some(label);
                    }
                }
            }
        })
    }

    /// Bytes of the name when it is written without pointers.
    pub fn encoded_len(&self) -> usize {
        1 + self.labels().map(|label| 1 + label.len()).sum::<usize>()
    }

    /// Writes the name without pointers to the front of `buf`; returns its length.
    ///
    /// # Errors
    /// [`EmitError::NoRoom`] if `buf` is too short.
    pub fn emit(&self, buf: &mut [u8]) -> Result<usize, EmitError> {
        let len = self.encoded_len();
        let room = buf.get_mut(..len).ok_or(EmitError::NoRoom)?;
        let mut at = 0;
        for label in self.labels() {
            let end = at + 1 + label.len();
            room[at] = label.len() as u8;
            room[at + 1..end].copy_from_slice(label);
            at = end;
        }
        room[at] = 0;
        Ok(len)
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        let (mut ours, mut theirs) = (self.labels(), other.labels());
        loop {
            match (ours.next(), theirs.next()) {
                (None, None) => return true,
                (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
                _ => return false,
            }
        }
    }
}

impl Eq for Name<'_> {}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for label in self.labels() {
            state.write_u8(label.len() as u8);
            label.iter().for_each(|byte| state.write_u8(byte.to_ascii_lowercase()));
        }
        state.write_u8(0);
    }
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut labels = self.labels().peekable();
        if labels.peek().is_none() {
            return f.write_str(".");
        }
        labels.try_for_each(|label| {
            label.iter().try_for_each(|&byte| match byte {
                b'.' | b'\\' => write!(f, "\\{}", char::from(byte)),
                b'!'..=b'~' => f.write_char(byte.into()),
                byte => write!(f, "\\{byte:03}"),
            })?;
            f.write_str(".")
        })
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Names one after the other, as search lists hold them (RFC 3397, RFC 3646, RFC 8106); pointers
/// lead inside `bytes`.
///
/// Zeros behind the last name are padding. The first name that is not sound ends the list with an
/// error.
///
/// ```
/// use wire::dns::name_list;
/// let list = *b"\x03eng\x05apple\x03com\0\x09marketing\xc0\x04";
/// let names: Vec<_> = name_list(&list).map(|name| name.unwrap().to_string()).collect();
/// assert_eq!(names, ["eng.apple.com.", "marketing.apple.com."]);
/// ```
pub fn name_list(bytes: &[u8]) -> impl Iterator<Item = Result<Name<'_>, Malformed>> {
    let mut at = 0;
    iter::from_fn(move || {
        let padding = bytes.get(at..)?.iter().all(|byte| *byte == 0);
        if padding && (at > 0 || bytes.len() != 1) {
            return None;
        }
        match Name::parse(bytes, at) {
            Ok((name, next)) => {
                at = next;
                Some(Ok(name))
            }
            Err(why) => {
                at = bytes.len();
                Some(Err(why))
            }
        }
    })
}

/// A name of its own, without pointers.
#[derive(Clone, Copy)]
pub struct NameBuf {
    bytes: [u8; NAME_MAX],
}

impl NameBuf {
    /// The name.
    pub fn name(&self) -> Name<'_> {
        Name { message: &self.bytes, at: 0 }
    }
}

impl From<Name<'_>> for NameBuf {
    fn from(name: Name<'_>) -> Self {
        let mut bytes = [0; NAME_MAX];
        name.emit(&mut bytes).unwrap();
        Self { bytes }
    }
}

impl PartialEq for NameBuf {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for NameBuf {}

impl Hash for NameBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Display for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.name(), f)
    }
}

impl fmt::Debug for NameBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Why text is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAName {
    /// A label between dots is empty, or there is none at all.
    EmptyLabel,
    /// A label is longer than 63 bytes.
    LongLabel,
    /// The name is longer than 255 bytes.
    LongName,
    /// A backslash without a character or three digits behind it.
    Escape,
}

impl Display for NotAName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyLabel => "empty label in a domain name",
            Self::LongLabel => "label of more than 63 bytes in a domain name",
            Self::LongName => "domain name of more than 255 bytes",
            Self::Escape => "incomplete escape in a domain name",
        })
    }
}

impl Error for NotAName {}

impl FromStr for NameBuf {
    type Err = NotAName;

    /// Labels with dots between; one at the end changes nothing. `\.` is a dot inside a label,
    /// `\123` a byte in decimal.
    ///
    /// ```
    /// use wire::dns::NameBuf;
    /// let name: NameBuf = "www.example.com".parse().unwrap();
    /// assert_eq!(name, "WWW.example.com.".parse().unwrap());
    /// assert_eq!(name.to_string(), "www.example.com.");
    /// assert!("a..b".parse::<NameBuf>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, NotAName> {
        let mut bytes = [0; NAME_MAX];
        if text == "." {
            return Ok(Self { bytes });
        }
        // Where the length byte of the open label is, and where the next byte goes.
        let (mut head, mut at) = (0, 1);
        let mut rest = text.bytes();
        let mut open = true;
        while let Some(byte) = rest.next() {
            if byte == b'.' {
                close_label(&mut bytes, head, at)?;
                (head, at, open) = (at, at + 1, false);
                continue;
            }
            let byte = if byte == b'\\' { unescape(&mut rest)? } else { byte };
            *bytes.get_mut(at).ok_or(NotAName::LongName)? = byte;
            (at, open) = (at + 1, true);
        }
        if open {
            close_label(&mut bytes, head, at)?;
            head = at;
        }
        // The root's length byte, already zero, must fit as well.
        if head < NAME_MAX { Ok(Self { bytes }) } else { Err(NotAName::LongName) }
    }
}

fn close_label(bytes: &mut [u8; NAME_MAX], head: usize, end: usize) -> Result<(), NotAName> {
    let len = match end.saturating_sub(head + 1) {
        0 => return Err(NotAName::EmptyLabel),
        len @ 1..=LABEL_MAX => len as u8,
        _ => return Err(NotAName::LongLabel),
    };
    *bytes.get_mut(head).ok_or(NotAName::LongName)? = len;
    Ok(())
}

/// What follows a backslash.
fn unescape(rest: &mut impl Iterator<Item = u8>) -> Result<u8, NotAName> {
    let first = rest.next().ok_or(NotAName::Escape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = rest.next().filter(u8::is_ascii_digit).ok_or(NotAName::Escape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).map_err(|_| NotAName::Escape)
}
