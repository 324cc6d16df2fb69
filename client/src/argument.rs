//! Arguments of calls: how each kind of value stands in JSON, and what is said of a wrong one.
//!
//! Numbers may come as text, as command lines and environment variables give them.

use std::cell::RefCell;
use std::net::{IpAddr, Shutdown};
use std::str::FromStr;

use addr::{Cidr, Ip, IpVersion, Mac};
use serde_json::{Map, Value};

use crate::error_body::ErrorBody;

/// A kind of value that an argument may have.
pub(crate) trait Argument: Sized {
    /// Reads the value; the error says what it is not, such as `x is no number from 0 to 255`.
    fn read(value: &Value) -> Result<Self, String>;

    /// The value as it is sent.
    fn write(&self) -> Value;
}

/// The named arguments of one call.
pub(crate) struct Arguments<'a> {
    /// The verb, for errors.
    verb: &'a str,
    /// `None` if the call has none.
    values: Option<&'a Map<String, Value>>,
    /// The names that the verb's reader has asked for, which are those that the verb knows.
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Arguments<'a> {
    /// The arguments of `verb`: an object, or null for none.
    pub(crate) fn new(verb: &'a str, args: &'a Value) -> Result<Self, ErrorBody> {
        let values = match args {
            Value::Null => None,
            Value::Object(values) => Some(values),
            other => {
                let text = format!("{verb}: \"args\": {} is no object", shown(other));
                return Err(ErrorBody::value_error(text));
            }
        };
        Ok(Self { verb, values, known: RefCell::default() })
    }

    /// An argument that may be absent or null.
    pub(crate) fn optional<T: Argument>(&self, name: &'static str) -> Result<Option<T>, ErrorBody> {
        self.known.borrow_mut().push(name);
        let value = self.values.and_then(|values| values.get(name));
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
        T::read(value)
            .map(Some)
            .map_err(|why| ErrorBody::value_error(format!("{}: {name:?}: {why}", self.verb)))
    }

    /// An argument that must be there.
    pub(crate) fn required<T: Argument>(&self, name: &'static str) -> Result<T, ErrorBody> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// Refuses a call with an argument that its verb does not know: a misspelt name would
    /// otherwise be as good as none. To be called when the verb's reader has asked for all that it
    /// knows.
    pub(crate) fn refuse_unknown(&self) -> Result<(), ErrorBody> {
        let mut known = self.known.borrow_mut();
        known.dedup();
        let is_unknown =
            |(name, value): &(&String, &Value)| !value.is_null() && !known.contains(&name.as_str());
        let unknown = self.values.and_then(|values| values.iter().find(is_unknown));
        let Some((name, _)) = unknown else { return Ok(()) };
        let meant = near(name, &known);
        let hint = match (known.is_empty(), meant.is_empty()) {
            (true, _) => "there are none".into(),
            (false, true) => format!("there is {}", known.join(" | ")),
            (false, false) => format!("is {} meant?", meant.join(" | ")),
        };
        let name = shown(&name.as_str().into());
        Err(ErrorBody::value_error(format!("{}: no argument is called {name}; {hint}", self.verb)))
    }

    /// The refusal of a call without an argument that must be there.
    pub(crate) fn missing(&self, name: &str) -> ErrorBody {
        ErrorBody::value_error(format!("{}: {name:?} is missing", self.verb))
    }
}

/// A value in an error message, cut when it is long. Text that could be mistaken for the words
/// around it is quoted.
pub(crate) fn shown(value: &Value) -> String {
    const SHOWN_MAX: usize = 64;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '-' | '_');
    let text = match value {
        Value::String(text) if !text.is_empty() && text.chars().all(is_plain) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    text.chars().take(SHOWN_MAX).chain("...".chars()).collect()
}

/// The words of `known` that differ from `word` by no more than a slip of the hand.
pub(crate) fn near<'a>(word: &str, known: &[&'a str]) -> Vec<&'a str> {
    // Two letters of a short word are most of it.
    let slip = |other: &str| word.len().max(other.len()).div_ceil(3).min(2);
    known.iter().filter(|other| edit_distance(word, other) <= slip(other)).copied().collect()
}

/// How many letters must be put in, taken out or changed to make `a` into `b` (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().take(LETTERS_MAX).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// No name is longer; a word from elsewhere may be.
const LETTERS_MAX: usize = 64;

/// Text, or a number written as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Values that parse themselves from text.
fn parsed<T: FromStr>(value: &Value, valid: impl Into<String>) -> Result<T, String> {
    text_of(value)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("{} is no {}", shown(value), valid.into()))
}

macro_rules! text_arguments {
    ($($type:ty: $valid:literal),* $(,)?) => { $(
        impl Argument for $type {
            fn read(value: &Value) -> Result<Self, String> {
                parsed(value, $valid)
            }

            fn write(&self) -> Value {
                self.to_string().into()
            }
        }
    )* };
}

text_arguments! {
    Ip: "IPv4 or IPv6 address",
    IpAddr: "IPv4 or IPv6 address",
    Mac: "MAC address such as 02:00:00:00:00:01",
}

macro_rules! number_arguments {
    ($($type:ty),*) => { $(
        impl Argument for $type {
            fn read(value: &Value) -> Result<Self, String> {
                parsed(value, format!("number from {} to {}", Self::MIN, Self::MAX))
            }

            fn write(&self) -> Value {
                (*self).into()
            }
        }
    )* };
}

number_arguments!(u8, u16, u32, u64, i32);

impl Argument for Cidr {
    fn read(value: &Value) -> Result<Self, String> {
        let text = text_of(value).unwrap_or_default();
        text.parse().map_err(|_| {
            let shown = shown(value);
            let ip = text.split_once('/').map_or(text.as_str(), |(ip, _)| ip);
            match ip.parse::<Ip>() {
                Ok(ip) => format!(
                    "{shown} is no address with prefix length: the prefix length is 0 to {}",
                    ip.width()
                ),
                Err(_) => format!("{shown} is no IPv4 or IPv6 address with prefix length"),
            }
        })
    }

    fn write(&self) -> Value {
        self.to_string().into()
    }
}

impl Argument for IpVersion {
    fn read(value: &Value) -> Result<Self, String> {
        match text_of(value).as_deref() {
            Some("4") => Ok(Self::V4),
            Some("6") => Ok(Self::V6),
            _ => Err(format!("{} is no address family: 4 or 6", shown(value))),
        }
    }

    fn write(&self) -> Value {
        (*self as u8).into()
    }
}

impl Argument for String {
    fn read(value: &Value) -> Result<Self, String> {
        text_of(value).ok_or_else(|| format!("{} is no text", shown(value)))
    }

    fn write(&self) -> Value {
        self.as_str().into()
    }
}

impl Argument for bool {
    fn read(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| format!("{} is neither true nor false", shown(value)))
    }

    fn write(&self) -> Value {
        (*self).into()
    }
}

/// As shutdown(2) has them, in lower case and without `SHUT_`.
impl Argument for Shutdown {
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("rd") => Ok(Self::Read),
            Some("wr") => Ok(Self::Write),
            Some("rdwr") => Ok(Self::Both),
            _ => Err(format!("{} is none of rd, wr, rdwr", shown(value))),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Read => "rd",
            Self::Write => "wr",
            Self::Both => "rdwr",
        }
        .into()
    }
}

#[cfg(test)]
mod tests;
