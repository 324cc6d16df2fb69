//! Options of neighbor discovery messages (RFC 4861 §4.6, RFC 4191, RFC 8106, RFC 3971).
//!
//! [`Options`] holds bytes whose chain was checked once: every length is at least one unit and
//! inside. Iteration then cannot fail; an option whose length is wrong for its type shows as
//! unknown, as does one that is not in the list.

use addr::{Cidr, Ip, Mac};

use crate::Malformed;
use crate::filled::Filled;

/// Option: source link-layer address.
pub const SOURCE_MAC: u8 = 1;
/// Option: target link-layer address.
pub const TARGET_MAC: u8 = 2;
/// Option: prefix information.
pub const PREFIX: u8 = 3;
/// Option: redirected header.
pub const REDIRECTED: u8 = 4;
/// Option: MTU.
pub const MTU: u8 = 5;
/// Option: nonce.
pub const NONCE: u8 = 14;
/// Option: route information.
pub const ROUTE: u8 = 24;
/// Option: recursive name servers.
pub const NAME_SERVERS: u8 = 25;
/// Option: further router advertisement flags.
pub const FLAGS: u8 = 26;
/// Option: search list.
pub const SEARCH_LIST: u8 = 31;
/// Option: captive portal (RFC 8910).
pub const CAPTIVE_PORTAL: u8 = 37;

/// Preference of a router or route (RFC 4191 §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// Better than others.
    High,
    /// Neither.
    #[default]
    Medium,
    /// Only if there is no other.
    Low,
    /// The value that must not be sent; a router so marked counts as medium, a route is ignored.
    Reserved,
}

impl Preference {
    /// From the two bits of the field; higher bits are ignored.
    pub fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            1 => Self::High,
            0 => Self::Medium,
            3 => Self::Low,
            _ => Self::Reserved,
        }
    }

    /// The two bits of the field.
    pub fn bits(self) -> u8 {
        match self {
            Self::High => 1,
            Self::Medium => 0,
            Self::Low => 3,
            Self::Reserved => 2,
        }
    }
}

/// A prefix of the link (RFC 4861 §4.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The prefix as sent; host bits count for nothing.
    pub prefix: Cidr,
    /// Addresses under it are on the link.
    pub on_link: bool,
    /// Addresses may be formed under it.
    pub autonomous: bool,
    /// It is the router's own address (RFC 6275).
    pub router_address: bool,
    /// Seconds it is valid; all ones: for ever.
    pub valid_s: u32,
    /// Seconds addresses under it are preferred.
    pub preferred_s: u32,
}

/// A route (RFC 4191 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub prefix: Cidr,
    /// Its preference.
    pub preference: Preference,
    /// Seconds it is valid.
    pub lifetime_s: u32,
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdpOption<'a> {
    /// The sender's link-layer address.
    SourceMac(Mac),
    /// The target's link-layer address.
    TargetMac(Mac),
    /// A prefix of the link.
    Prefix(Prefix),
    /// The packet that caused a redirect, cut short.
    Redirected(&'a [u8]),
    /// The link's MTU.
    Mtu(u32),
    /// Random bytes to recognise an own message, 6 or more.
    Nonce(&'a [u8]),
    /// A route.
    Route(Route),
    /// Name servers.
    NameServers {
        /// Seconds they may be used.
        lifetime_s: u32,
        /// Their addresses, 16 bytes each.
        servers: &'a [[u8; 16]],
    },
    /// Further flags, 48 bits.
    Flags(&'a [u8]),
    /// Domain names to search.
    SearchList {
        /// Seconds they may be used.
        lifetime_s: u32,
        /// Names in DNS form, padded with zeros: [`crate::search_list`].
        names: &'a [u8],
    },
    /// Where the portal that keeps this network is asked about: a URI, without its padding.
    CaptivePortal(&'a [u8]),
    /// Anything else.
    Unknown {
        /// The type.
        kind: u8,
        /// What follows the length byte.
        data: &'a [u8],
    },
}

/// The options of a message, their chain checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    /// Checks the chain: every option at least eight bytes and inside.
    ///
    /// # Errors
    /// [`Malformed::Option`] if an option has length zero or runs over the bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (_, after) = split(rest).ok_or(Malformed::Option)?;
            rest = after;
        }
        Ok(Self { bytes })
    }

    /// The options in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = NdpOption<'a>> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (option, after) = split(rest)?;
            rest = after;
            Some(NdpOption::read(option))
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The first source link-layer address.
    #[inline]
    pub fn source_mac(&self) -> Option<Mac> {
        self.mac(SOURCE_MAC)
    }

    /// The first target link-layer address.
    #[inline]
    pub fn target_mac(&self) -> Option<Mac> {
        self.mac(TARGET_MAC)
    }

    /// The first address in an option of this type and of eight bytes.
    #[inline]
    fn mac(&self, wanted: u8) -> Option<Mac> {
        let mut rest = self.bytes;
        while let Some((option, after)) = split(rest) {
            match *option {
                [kind, _, a, b, c, d, e, f] if kind == wanted => {
                    return Some(Mac([a, b, c, d, e, f]));
                }
                _ => rest = after,
            }
        }
        None
    }

    /// The first nonce.
    pub fn nonce(&self) -> Option<&'a [u8]> {
        self.iter().find_map(|option| match option {
            NdpOption::Nonce(nonce) => Some(nonce),
            _ => None,
        })
    }
}

/// One option with its type and length bytes, and what follows.
#[inline]
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match *bytes {
        [_, units, ..] if units != 0 => bytes.split_at_checked(usize::from(units) * 8),
        _ => None,
    }
}

impl<'a> NdpOption<'a> {
    /// `option` is whole: a multiple of eight bytes.
    fn read(option: &'a [u8]) -> Self {
        let [kind, _, data @ ..] = option else {
            return Self::Unknown { kind: 0, data: option };
        };
        Self::read_known(*kind, data).unwrap_or(Self::Unknown { kind: *kind, data })
    }

    fn read_known(kind: u8, data: &'a [u8]) -> Option<Self> {
        match (kind, data) {
            (SOURCE_MAC, data) => Some(Self::SourceMac(Mac(data.try_into().ok()?))),
            (TARGET_MAC, data) => Some(Self::TargetMac(Mac(data.try_into().ok()?))),
            (PREFIX, data) => read_prefix(data.try_into().ok()?).map(Self::Prefix),
            (REDIRECTED, data) => data.get(6..).map(Self::Redirected),
            (MTU, &[_, _, a, b, c, d]) => Some(Self::Mtu(u32::from_be_bytes([a, b, c, d]))),
            (NONCE, data) => Some(Self::Nonce(data)),
            (ROUTE, data) => read_route(data).map(Self::Route),
            (NAME_SERVERS, &[_, _, a, b, c, d, ref servers @ ..]) => {
                let (servers, rest) = servers.as_chunks::<16>();
                let lifetime_s = u32::from_be_bytes([a, b, c, d]);
                (rest.is_empty() && !servers.is_empty())
                    .then_some(Self::NameServers { lifetime_s, servers })
            }
            (FLAGS, data) => Some(Self::Flags(data)),
            (SEARCH_LIST, &[_, _, a, b, c, d, ref names @ ..]) if !names.is_empty() => {
                Some(Self::SearchList { lifetime_s: u32::from_be_bytes([a, b, c, d]), names })
            }
            (CAPTIVE_PORTAL, data) => {
                let end = data.iter().rposition(|byte| *byte != 0)?;
                data.get(..=end).map(Self::CaptivePortal)
            }
            _ => None,
        }
    }
}

fn read_prefix(data: &[u8; 30]) -> Option<Prefix> {
    let [bits, flags, v0, v1, v2, v3, p0, p1, p2, p3, ..] = *data;
    Some(Prefix {
        prefix: cidr(*data.last_chunk()?, bits)?,
        on_link: flags & 0x80 != 0,
        autonomous: flags & 0x40 != 0,
        router_address: flags & 0x20 != 0,
        valid_s: u32::from_be_bytes([v0, v1, v2, v3]),
        preferred_s: u32::from_be_bytes([p0, p1, p2, p3]),
    })
}

/// RFC 4191 §2.3: 8, 16 or 24 bytes in all, as many as the prefix needs.
fn read_route(data: &[u8]) -> Option<Route> {
    let &[bits, flags, a, b, c, d, ref given @ ..] = data else { return None };
    let bits_max = match given.len() {
        0 => 0,
        8 => 64,
        16 => 128,
        _ => return None,
    };
    let mut octets = [0; 16];
    octets.get_mut(..given.len())?.copy_from_slice(given);
    Some(Route {
        prefix: cidr(octets, bits).filter(|_| bits <= bits_max)?,
        preference: Preference::from_bits(flags >> 3),
        lifetime_s: u32::from_be_bytes([a, b, c, d]),
    })
}

fn cidr(octets: [u8; 16], bits: u8) -> Option<Cidr> {
    let ip = Ip::v6(octets);
    if ip.is_v4() { None } else { Cidr::new(ip, bits).ok() }
}

/// Builds options in `N` bytes.
#[derive(Clone, Debug, Default)]
pub struct OptionWriter<const N: usize>(Filled<N>);

impl<const N: usize> OptionWriter<N> {
    /// No options.
    pub const fn new() -> Self {
        Self(Filled::new())
    }

    /// What was written.
    #[inline]
    pub fn options(&self) -> Options<'_> {
        Options { bytes: self.0.written() }
    }

    /// Appends an option, padded with zeros to eight bytes; false if it does not fit.
    #[inline]
    pub fn put(&mut self, option: &NdpOption<'_>) -> bool {
        match *option {
            NdpOption::SourceMac(mac) => self.append(SOURCE_MAC, &[&mac.0]),
            NdpOption::TargetMac(mac) => self.append(TARGET_MAC, &[&mac.0]),
            NdpOption::Prefix(prefix) => self.append_prefix(&prefix),
            NdpOption::Redirected(packet) => self.append(REDIRECTED, &[&[0; 6], packet]),
            NdpOption::Mtu(mtu) => self.append(MTU, &[&[0; 2], &mtu.to_be_bytes()]),
            NdpOption::Nonce(nonce) => self.append(NONCE, &[nonce]),
            NdpOption::Route(route) => self.append_route(&route),
            NdpOption::NameServers { lifetime_s, servers } => self.append(
                NAME_SERVERS,
                &[&[0; 2], &lifetime_s.to_be_bytes(), servers.as_flattened()],
            ),
            NdpOption::Flags(flags) => self.append(FLAGS, &[flags]),
            NdpOption::SearchList { lifetime_s, names } => {
                self.append(SEARCH_LIST, &[&[0; 2], &lifetime_s.to_be_bytes(), names])
            }
            NdpOption::CaptivePortal(uri) => self.append(CAPTIVE_PORTAL, &[uri]),
            NdpOption::Unknown { kind, data } => self.append(kind, &[data]),
        }
    }

    fn append_prefix(&mut self, prefix: &Prefix) -> bool {
        let flags = u8::from(prefix.on_link) << 7
            | u8::from(prefix.autonomous) << 6
            | u8::from(prefix.router_address) << 5;
        let Prefix { valid_s, preferred_s, .. } = prefix;
        let head = [prefix.prefix.prefix, flags];
        let (valid, preferred) = (valid_s.to_be_bytes(), preferred_s.to_be_bytes());
        self.append(PREFIX, &[&head, &valid, &preferred, &[0; 4], prefix.prefix.ip.octets()])
    }

    fn append_route(&mut self, route: &Route) -> bool {
        let bits = route.prefix.prefix;
        let len = match bits {
            0 => 0,
            1..=64 => 8,
            _ => 16,
        };
        let head = [bits, route.preference.bits() << 3];
        let octets = &route.prefix.ip.octets()[..len];
        self.append(ROUTE, &[&head, &route.lifetime_s.to_be_bytes(), octets])
    }

    #[inline]
    fn append(&mut self, kind: u8, parts: &[&[u8]]) -> bool {
        let data_len: usize = parts.iter().map(|part| part.len()).sum();
        let len = (2 + data_len).next_multiple_of(8);
        let Ok(units) = u8::try_from(len / 8) else { return false };
        self.0.append(len, &[kind, units], parts)
    }
}

#[cfg(test)]
mod tests;
