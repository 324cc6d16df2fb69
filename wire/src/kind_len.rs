//! Options of a kind byte, a length byte and data, as IPv4 and TCP have them (RFC 791 §3.1, RFC
//! 9293 §3.2): one walk for both.
//!
//! Kind 0 ends the list and kind 1 fills a byte; neither has a length. The length counts its own
//! two bytes, so every step consumes some or ends.

use crate::Malformed;

const END: u8 = 0;
const NOP: u8 = 1;

/// Walks an options area; padding is skipped. Yields an error and ends at the first option that
/// does not fit.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    rest: &'a [u8],
}

impl<'a> Walk<'a> {
    #[inline]
    pub(crate) fn new(area: &'a [u8]) -> Self {
        Self { rest: area }
    }

    /// Bytes not walked yet.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<(u8, &'a [u8]), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.rest {
                [] | [END, ..] => return None,
                [NOP, ref rest @ ..] => self.rest = rest,
                [kind, len, ..] if len >= 2 && usize::from(len) <= self.rest.len() => {
                    let (option, rest) = self.rest.split_at(usize::from(len));
                    self.rest = rest;
                    return Some(Ok((kind, &option[2..])));
                }
                _ => {
                    self.rest = &[];
                    return Some(Err(Malformed::Option));
                }
            }
        }
    }
}
