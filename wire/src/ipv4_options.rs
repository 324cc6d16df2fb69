//! Options of the IPv4 header (RFC 791 §3.1): what they say, and their writer.
//!
//! ```text
//! end of list, no operation: one byte          others: | type | length | data ... |
//! type: | copied into every fragment | class, 2 bits | number, 5 bits |
//! ```
//!
//! [`Ipv4Option::known`] reads one option and holds its own fields against each other: an option
//! with an impossible pointer is a fault of the packet, as in every other stack. Options of unknown
//! types are kept as they are, so that an echo reply can carry them back. [`OptionWriter`]
//! builds the area; [`copied`] keeps what later fragments carry.

use crate::Malformed;
use crate::ip::IPV4_HEADER_LEN as HEADER_LEN;
use crate::kind_len::Walk;

/// Bytes of the options area at most.
pub const OPTIONS_MAX: usize = 40;

/// The option that asks every router to look (RFC 2113): IGMP carries it.
pub const ROUTER_ALERT: [u8; 4] = [148, 4, 0, 0];

/// Option: end of list.
pub const OPTION_END: u8 = 0;
/// Option: no operation.
pub const OPTION_NOP: u8 = 1;
/// Option: record route.
pub const OPTION_RECORD_ROUTE: u8 = 7;
/// Option: timestamp.
pub const OPTION_TIMESTAMP: u8 = 68;
/// Option: loose source route.
pub const OPTION_LOOSE_SOURCE_ROUTE: u8 = 131;
/// Option: commercial security label (CIPSO).
pub const OPTION_CIPSO: u8 = 134;
/// Option: strict source route.
pub const OPTION_STRICT_SOURCE_ROUTE: u8 = 137;
/// Option: router alert.
pub const OPTION_ROUTER_ALERT: u8 = 148;

/// One option: its type and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4Option<'a> {
    /// The type byte; its top bit says the option goes into every fragment.
    pub kind: u8,
    /// What follows the length byte.
    pub data: &'a [u8],
}

/// The addresses of a record route or source route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// Where in the option the next slot is, counted from 1; beyond its length if it is full.
    pub pointer: u8,
    /// The slots.
    pub slots: &'a [[u8; 4]],
}

/// What a timestamp option collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamps {
    /// Times only.
    Times,
    /// Address and time of every router.
    Recorded,
    /// Times of the routers whose addresses the sender wrote.
    Prescribed,
}

/// A timestamp option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// What is collected.
    pub stamps: Stamps,
    /// Where in the option the next entry is, counted from 1.
    pub pointer: u8,
    /// Routers that found no room.
    pub overflow: u8,
    /// The entries: 4 bytes each for times only, else 8.
    pub entries: &'a [u8],
}

/// A security label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cipso<'a> {
    /// Domain of interpretation.
    pub doi: u32,
    /// The tags: type, length, data; checked to end where the option does.
    pub tags: &'a [u8],
}

/// What an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// Every router leaves its address.
    RecordRoute(Route<'a>),
    /// Routers leave the time.
    Timestamp(Timestamp<'a>),
    /// A route by way of these, others in between.
    LooseSourceRoute(Route<'a>),
    /// A route by way of these and no others.
    StrictSourceRoute(Route<'a>),
    /// A security label.
    Cipso(Cipso<'a>),
    /// Every router must look; 0 is the only value in use.
    RouterAlert(u16),
    /// Anything else.
    Unknown,
}

impl<'a> Ipv4Option<'a> {
    /// The option is copied into every fragment (RFC 791 §3.1).
    pub fn is_copied(&self) -> bool {
        self.kind & 0x80 != 0
    }

    /// Reads the option; `None` if its own fields contradict each other.
    ///
    /// ```
    /// use wire::ipv4_options::{Ipv4Option, Known, OPTION_ROUTER_ALERT};
    /// let alert = Ipv4Option { kind: OPTION_ROUTER_ALERT, data: &[0, 0] };
    /// assert_eq!(alert.known(), Some(Known::RouterAlert(0)));
    /// assert_eq!(Ipv4Option { data: &[0], ..alert }.known(), None);
    /// ```
    pub fn known(&self) -> Option<Known<'a>> {
        Some(match self.kind {
            OPTION_RECORD_ROUTE => Known::RecordRoute(route(self.data)?),
            OPTION_LOOSE_SOURCE_ROUTE => Known::LooseSourceRoute(route(self.data)?),
            OPTION_STRICT_SOURCE_ROUTE => Known::StrictSourceRoute(route(self.data)?),
            OPTION_TIMESTAMP => Known::Timestamp(timestamp(self.data)?),
            OPTION_CIPSO => Known::Cipso(cipso(self.data)?),
            OPTION_ROUTER_ALERT => {
                Known::RouterAlert(u16::from_be_bytes(self.data.try_into().ok()?))
            }
            _ => Known::Unknown,
        })
    }
}

/// At least one slot, whole slots, a pointer to the front of one or behind the last.
fn route(data: &[u8]) -> Option<Route<'_>> {
    let (&pointer, rest) = data.split_first()?;
    let (slots, ragged) = rest.as_chunks::<4>();
    let sound = !slots.is_empty() && ragged.is_empty() && pointer >= 4 && pointer % 4 == 0;
    sound.then_some(Route { pointer, slots })
}

fn timestamp(data: &[u8]) -> Option<Timestamp<'_>> {
    let &[pointer, overflow_flags, ref entries @ ..] = data else { return None };
    let (stamps, entry) = match overflow_flags & 0xf {
        0 => (Stamps::Times, 4),
        1 => (Stamps::Recorded, 8),
        3 => (Stamps::Prescribed, 8),
        _ => return None,
    };
    let aligned = pointer.checked_sub(5)?.is_multiple_of(entry);
    (aligned && entries.len().is_multiple_of(usize::from(entry))).then_some(Timestamp {
        stamps,
        pointer,
        overflow: overflow_flags >> 4,
        entries,
    })
}

fn cipso(data: &[u8]) -> Option<Cipso<'_>> {
    let (doi, tags) = data.split_first_chunk::<4>()?;
    let cipso = Cipso { doi: u32::from_be_bytes(*doi), tags };
    let mut rest = tags;
    while !rest.is_empty() {
        let (_, _, after) = tag(rest)?;
        rest = after;
    }
    Some(cipso)
}

/// Type and data of the first tag, and what follows it.
fn tag(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let &[kind, len, ..] = bytes else { return None };
    let (whole, rest) = bytes.split_at_checked(usize::from(len))?;
    Some((kind, whole.get(2..)?, rest))
}

impl<'a> Cipso<'a> {
    /// The tags: type and data of each.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.tags;
        std::iter::from_fn(move || {
            let (kind, data, after) = tag(rest)?;
            rest = after;
            Some((kind, data))
        })
    }
}

/// The options of a header (the bytes up to its header length); padding is skipped.
///
/// Yields an error and ends at the first option that does not fit.
pub fn options(header: &[u8]) -> Options<'_> {
    Options { walk: Walk::new(header.get(HEADER_LEN..).unwrap_or_default()) }
}

/// The option of this type, if the header has one.
pub fn find(header: &[u8], kind: u8) -> Option<Ipv4Option<'_>> {
    options(header).map_while(Result::ok).find(|option| option.kind == kind)
}

/// Checks the chain and every option of a known type.
pub(crate) fn check(header: &[u8]) -> Result<(), Malformed> {
    let mut all = options(header);
    while let Some(option) = all.next() {
        let option = option?;
        if option.known().is_none() {
            // The option's own bytes are the last ones the iterator consumed.
            let at = header.len() - all.walk.remaining() - option.data.len() - 2;
            return Err(Malformed::OptionValue { pointer: at as u16 });
        }
    }
    Ok(())
}

/// Iterator over options.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    walk: Walk<'a>,
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<Ipv4Option<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let option = self.walk.next()?;
        Some(option.map(|(kind, data)| Ipv4Option { kind, data }))
    }
}

/// The options of a header that later fragments carry as well (RFC 791 §3.1).
///
/// ```
/// let mut header = [0x47; 28];
/// header[20..].copy_from_slice(&[0x1e, 3, 9, 148, 4, 0, 0, 0]);
/// assert_eq!(wire::ipv4_options::copied(&header).finish(), [148, 4, 0, 0]);
/// ```
pub fn copied(header: &[u8]) -> OptionWriter {
    let mut writer = OptionWriter::new();
    for option in options(header).map_while(Result::ok).filter(Ipv4Option::is_copied) {
        writer.raw(option.kind, option.data);
    }
    writer
}

/// Builds an options area.
///
/// Each verb says whether the option fitted and its fields are sound; what is refused leaves no
/// trace. End-of-list is the writer's own padding and stands only at the end.
///
/// ```
/// use wire::ipv4_options::{Known, OptionWriter, Route};
/// let mut writer = OptionWriter::new();
/// writer.nop();
/// assert!(writer.put(&Known::RecordRoute(Route { pointer: 4, slots: &[[0; 4]; 9] })));
/// assert_eq!(writer.finish().len(), 40);
/// assert!(!writer.put(&Known::RouterAlert(0)));
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
    pub const fn new() -> Self {
        Self { area: [OPTION_END; OPTIONS_MAX], len: 0 }
    }

    /// One byte of padding in front of the next option.
    pub fn nop(&mut self) -> bool {
        let Some(byte) = self.area.get_mut(self.len) else { return false };
        *byte = OPTION_NOP;
        self.len += 1;
        true
    }

    /// Appends an option of a known type.
    pub fn put(&mut self, option: &Known<'_>) -> bool {
        match *option {
            Known::RecordRoute(route) => self.route(OPTION_RECORD_ROUTE, &route),
            Known::LooseSourceRoute(route) => self.route(OPTION_LOOSE_SOURCE_ROUTE, &route),
            Known::StrictSourceRoute(route) => self.route(OPTION_STRICT_SOURCE_ROUTE, &route),
            Known::Timestamp(stamp) => {
                let flags = match stamp.stamps {
                    Stamps::Times => 0,
                    Stamps::Recorded => 1,
                    Stamps::Prescribed => 3,
                };
                let head = [stamp.pointer, stamp.overflow << 4 | flags];
                stamp.overflow <= 0xf && self.append(OPTION_TIMESTAMP, &head, stamp.entries)
            }
            Known::Cipso(label) => self.append(OPTION_CIPSO, &label.doi.to_be_bytes(), label.tags),
            Known::RouterAlert(value) => {
                self.append(OPTION_ROUTER_ALERT, &value.to_be_bytes(), &[])
            }
            Known::Unknown => false,
        }
    }

    /// Appends any option as it stands, to echo one; its fields are not judged.
    pub fn raw(&mut self, kind: u8, data: &[u8]) -> bool {
        let end = self.len + 2 + data.len();
        let one_byte = matches!(kind, OPTION_END | OPTION_NOP);
        let Some([kind_at, len_at, room @ ..]) =
            self.area.get_mut(self.len..end).filter(|_| !one_byte)
        else {
            return false;
        };
        (*kind_at, *len_at) = (kind, 2 + data.len() as u8);
        room.copy_from_slice(data);
        self.len = end;
        true
    }

    /// The area, padded to whole words.
    pub fn finish(&self) -> &[u8] {
        &self.area[..self.len.next_multiple_of(4)]
    }

    fn route(&mut self, kind: u8, route: &Route<'_>) -> bool {
        self.append(kind, &[route.pointer], route.slots.as_flattened())
    }

    fn append(&mut self, kind: u8, head: &[u8], tail: &[u8]) -> bool {
        let mut data = [0; OPTIONS_MAX];
        let len = head.len() + tail.len();
        let Some(room) = data.get_mut(..len) else { return false };
        let (front, back) = room.split_at_mut(head.len());
        front.copy_from_slice(head);
        back.copy_from_slice(tail);
        let option = Ipv4Option { kind, data: &data[..len] };
        option.known().is_some() && self.raw(kind, option.data)
    }
}

#[cfg(test)]
mod tests;
