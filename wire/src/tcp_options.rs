//! TCP options: reading and writing (RFC 9293 §3.2, RFC 7323, RFC 2018, RFC 7413).
//!
//! [`options`] iterates over the area behind the fixed header: every step consumes bytes or ends,
//! and an option that does not fit ends the walk with an error. An option whose length is wrong for
//! its kind is unknown, and thus ignored. [`parse`] collects the options a connection uses in
//! one pass, with a short cut for the aligned timestamps that nearly every segment carries.
//! [`OptionWriter`] lays options out so that their words are aligned, as other stacks do.

use crate::Malformed;
use crate::kind_len::Walk;
use crate::tcp::{OPTIONS_MAX, SeqNum};

/// End of the list.
pub const END: u8 = 0;
/// No operation.
pub const NOP: u8 = 1;
/// Maximum segment size.
pub const MSS: u8 = 2;
/// Window scale.
pub const WINDOW_SCALE: u8 = 3;
/// Selective acknowledgment permitted.
pub const SACK_PERMITTED: u8 = 4;
/// Selective acknowledgment.
pub const SACK: u8 = 5;
/// Timestamps.
pub const TIMESTAMPS: u8 = 8;
/// MD5 signature.
pub const MD5: u8 = 19;
/// Authentication option.
pub const AO: u8 = 29;
/// Fast Open.
pub const FAST_OPEN: u8 = 34;
/// Accurate ECN counters, ECT(0) first.
pub const ACC_ECN_0: u8 = 172;
/// Accurate ECN counters, ECT(1) first.
pub const ACC_ECN_1: u8 = 174;

/// Largest window scale (RFC 7323 §2.3); larger values received count as this.
pub const WINDOW_SCALE_MAX: u8 = 14;
/// Segment size assumed without the option (RFC 9293, MUST-15), for IPv4.
pub const MSS_DEFAULT: u16 = 536;

/// A range of received data, `left` inclusive, `right` exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// First number of the range.
    pub left: SeqNum,
    /// Number after the range.
    pub right: SeqNum,
}

/// The blocks of a SACK option, at most four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks<'a> {
    bytes: &'a [u8],
}

impl<'a> SackBlocks<'a> {
    /// The blocks in the order sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = SackBlock> + use<'a> {
        let (blocks, _) = self.bytes.as_chunks::<8>();
        blocks.iter().map(|&[a, b, c, d, e, f, g, h]| SackBlock {
            left: SeqNum(u32::from_be_bytes([a, b, c, d])),
            right: SeqNum(u32::from_be_bytes([e, f, g, h])),
        })
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.bytes.len() / 8
    }

    /// There is no block.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Timestamps of both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's clock.
    pub value: u32,
    /// The receiver's clock as the sender last saw it.
    pub echo: u32,
}

/// Accurate ECN byte counters, 24 bits each; absent ones were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccEcn {
    /// Bytes in packets marked ECT(0).
    pub ect0: Option<u32>,
    /// Bytes in packets marked CE.
    pub ce: Option<u32>,
    /// Bytes in packets marked ECT(1).
    pub ect1: Option<u32>,
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// Maximum segment size.
    Mss(u16),
    /// Window scale, at most 14.
    WindowScale(u8),
    /// Selective acknowledgment permitted.
    SackPermitted,
    /// Selective acknowledgment.
    Sack(SackBlocks<'a>),
    /// Timestamps.
    Timestamps(Timestamps),
    /// Fast Open cookie; empty asks for one.
    FastOpen(&'a [u8]),
    /// Accurate ECN counters.
    AccEcn(AccEcn),
    /// MD5 signature.
    Md5(&'a [u8; 16]),
    /// Authentication option.
    Ao(&'a [u8]),
    /// Anything else.
    Unknown {
        /// The kind byte.
        kind: u8,
        /// What follows the length byte.
        data: &'a [u8],
    },
}

/// Iterates over an options area; padding is skipped.
pub fn options(area: &[u8]) -> Options<'_> {
    Options { walk: Walk::new(area) }
}

/// Iterator over options; yields an error and ends at the first that does not fit.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    walk: Walk<'a>,
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<TcpOption<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let option = self.walk.next()?;
        Some(option.map(|(kind, data)| TcpOption::read(kind, data)))
    }
}

impl<'a> TcpOption<'a> {
    fn read(kind: u8, data: &'a [u8]) -> Self {
        match (kind, data) {
            (MSS, &[a, b]) => Self::Mss(u16::from_be_bytes([a, b])),
            (WINDOW_SCALE, &[shift]) => Self::WindowScale(shift.min(WINDOW_SCALE_MAX)),
            (SACK_PERMITTED, []) => Self::SackPermitted,
            (SACK, bytes) if matches!(bytes.len(), 8 | 16 | 24 | 32) => {
                Self::Sack(SackBlocks { bytes })
            }
            (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => Self::Timestamps(Timestamps {
                value: u32::from_be_bytes([a, b, c, d]),
                echo: u32::from_be_bytes([e, f, g, h]),
            }),
            (FAST_OPEN, cookie) if matches!(cookie.len(), 0 | 4..=16) => Self::FastOpen(cookie),
            (ACC_ECN_0 | ACC_ECN_1, counters) if matches!(counters.len(), 0 | 3 | 6 | 9) => {
                Self::AccEcn(AccEcn::read(kind, counters))
            }
            (MD5, digest) if digest.len() == 16 => {
                digest.first_chunk().map_or(Self::Unknown { kind, data }, Self::Md5)
            }
            (AO, data) if data.len() >= 2 => Self::Ao(data),
            _ => Self::Unknown { kind, data },
        }
    }
}

impl AccEcn {
    fn read(kind: u8, bytes: &[u8]) -> Self {
        let (counters, _) = bytes.as_chunks::<3>();
        let counter =
            |at: usize| counters.get(at).map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]));
        let (first, ce, last) = (counter(0), counter(1), counter(2));
        if kind == ACC_ECN_0 {
            Self { ect0: first, ce, ect1: last }
        } else {
            Self { ect0: last, ce, ect1: first }
        }
    }
}

/// The options a connection uses, collected. Of a repeated option the first counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions<'a> {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale, at most 14.
    pub window_scale: Option<u8>,
    /// Selective acknowledgment permitted.
    pub sack_permitted: bool,
    /// Selective acknowledgments.
    pub sack: SackBlocks<'a>,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// Fast Open cookie; empty asks for one.
    pub fast_open: Option<&'a [u8]>,
    /// Accurate ECN counters.
    pub acc_ecn: Option<AccEcn>,
}

/// Reads the options area of a segment in one pass.
///
/// # Errors
/// [`Malformed::Option`] if an option runs over the area or has an impossible length.
///
/// ```
/// use wire::tcp_options;
/// let options = tcp_options::parse(&[2, 4, 5, 180, 4, 2, 1, 1]).unwrap();
/// assert_eq!(options.mss, Some(1460));
/// assert!(options.sack_permitted);
/// assert!(tcp_options::parse(&[8, 10, 0, 0]).is_err());
/// ```
#[inline]
pub fn parse(area: &[u8]) -> Result<TcpOptions<'_>, Malformed> {
    match *area {
        [] => Ok(TcpOptions::default()),
        // NOP NOP timestamps: established connections send little else.
        [NOP, NOP, TIMESTAMPS, 10, a, b, c, d, e, f, g, h] => {
            let value = u32::from_be_bytes([a, b, c, d]);
            let echo = u32::from_be_bytes([e, f, g, h]);
            Ok(TcpOptions { timestamps: Some(Timestamps { value, echo }), ..Default::default() })
        }
        _ => collect(area),
    }
}

fn collect(area: &[u8]) -> Result<TcpOptions<'_>, Malformed> {
    let mut all = TcpOptions::default();
    for option in options(area) {
        match option? {
            TcpOption::Mss(mss) => all.mss = all.mss.or(Some(mss)),
            TcpOption::WindowScale(shift) => all.window_scale = all.window_scale.or(Some(shift)),
            TcpOption::SackPermitted => all.sack_permitted = true,
            TcpOption::Sack(blocks) if all.sack.is_empty() => all.sack = blocks,
            TcpOption::Timestamps(stamps) => all.timestamps = all.timestamps.or(Some(stamps)),
            TcpOption::FastOpen(cookie) => all.fast_open = all.fast_open.or(Some(cookie)),
            TcpOption::AccEcn(counters) => all.acc_ecn = all.acc_ecn.or(Some(counters)),
            TcpOption::Sack(_)
            | TcpOption::Md5(_)
            | TcpOption::Ao(_)
            | TcpOption::Unknown { .. } => {}
        }
    }
    Ok(all)
}

/// Builds an options area.
///
/// Each verb says whether the option fitted; what does not fit leaves no trace.
///
/// ```
/// use wire::tcp_options::{OptionWriter, Timestamps};
/// let mut writer = OptionWriter::new();
/// writer.mss(1460);
/// writer.sack_permitted();
/// writer.timestamps(Timestamps { value: 1, echo: 0 });
/// writer.window_scale(7);
/// let area = writer.finish();
/// assert_eq!(area.len(), 20);
/// assert_eq!(area[..8], [2, 4, 5, 180, 4, 2, 8, 10]);
/// ```
#[derive(Clone, Debug)]
pub struct OptionWriter {
    area: [u8; OPTIONS_MAX],
    len: usize,
}

impl Default for OptionWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl OptionWriter {
    /// An empty area.
    #[inline]
    pub const fn new() -> Self {
        Self { area: [NOP; OPTIONS_MAX], len: 0 }
    }

    /// Bytes so far, padding at the end not counted.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing was written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Maximum segment size.
    pub fn mss(&mut self, mss: u16) -> bool {
        self.put(0, MSS, &mss.to_be_bytes())
    }

    /// Window scale.
    pub fn window_scale(&mut self, shift: u8) -> bool {
        self.put(1, WINDOW_SCALE, &[shift])
    }

    /// Selective acknowledgment permitted; shares a word with timestamps that follow.
    pub fn sack_permitted(&mut self) -> bool {
        self.put(0, SACK_PERMITTED, &[])
    }

    /// Selective acknowledgment permitted, at the end of its word: as other stacks place it where
    /// no timestamps follow.
    pub fn sack_permitted_alone(&mut self) -> bool {
        self.put(2, SACK_PERMITTED, &[])
    }

    /// Timestamps.
    #[inline]
    pub fn timestamps(&mut self, stamps: Timestamps) -> bool {
        let [a, b, c, d] = stamps.value.to_be_bytes();
        let [e, f, g, h] = stamps.echo.to_be_bytes();
        self.put(2, TIMESTAMPS, &[a, b, c, d, e, f, g, h])
    }

    /// Selective acknowledgment: as many of `blocks` as fit, at most four; returns how many.
    pub fn sack(&mut self, blocks: &[SackBlock]) -> usize {
        let room = OPTIONS_MAX.saturating_sub(self.aligned(2) + 2) / 8;
        let count = blocks.len().min(room).min(4);
        let mut data = [0; 32];
        let (slots, _) = data.as_chunks_mut::<8>();
        for (slot, block) in slots.iter_mut().zip(blocks) {
            slot[..4].copy_from_slice(&block.left.0.to_be_bytes());
            slot[4..].copy_from_slice(&block.right.0.to_be_bytes());
        }
        if count > 0 && self.put(2, SACK, &data[..count * 8]) { count } else { 0 }
    }

    /// Fast Open: a cookie, or an empty slice to ask for one.
    pub fn fast_open(&mut self, cookie: &[u8]) -> bool {
        self.put(2, FAST_OPEN, cookie)
    }

    /// Accurate ECN: the leading counters that are present, in the order `kind` names
    /// ([`ACC_ECN_0`] or [`ACC_ECN_1`]).
    pub fn acc_ecn(&mut self, kind: u8, counters: AccEcn) -> bool {
        let AccEcn { ect0, ce, ect1 } = counters;
        let order = if kind == ACC_ECN_0 { [ect0, ce, ect1] } else { [ect1, ce, ect0] };
        let mut data = [0; 9];
        let (slots, _) = data.as_chunks_mut::<3>();
        let present = order.iter().map_while(|counter| *counter);
        let written = slots.iter_mut().zip(present).map(|(slot, counter)| {
            let [_, a, b, c] = counter.to_be_bytes();
            *slot = [a, b, c];
        });
        let len = written.count() * 3;
        self.put(1, kind, &data[..len])
    }

    /// Any option.
    pub fn raw(&mut self, kind: u8, data: &[u8]) -> bool {
        self.put(self.len % 4, kind, data)
    }

    /// The area, padded to whole words.
    #[inline]
    pub fn finish(&self) -> &[u8] {
        &self.area[..self.len.next_multiple_of(4)]
    }

    /// Where the next option starts if its place in the word must be `phase`.
    #[inline]
    fn aligned(&self, phase: usize) -> usize {
        self.len + (phase + 4 - self.len % 4) % 4
    }

    #[inline]
    fn put(&mut self, phase: usize, kind: u8, data: &[u8]) -> bool {
        let at = self.aligned(phase);
        let end = at + 2 + data.len();
        let Some([kind_at, len_at, room @ ..]) = self.area.get_mut(at..end) else {
            return false;
        };
        (*kind_at, *len_at) = (kind, 2 + data.len() as u8);
        room.copy_from_slice(data);
        self.len = end;
        true
    }
}

#[cfg(test)]
mod tests;
