//! DHCPv6 options (RFC 8415 §21, RFC 3646): reading and writing.
//!
//! [`Options`] holds bytes that were checked once: every option fits, the known ones fit their
//! type, and so do those inside identity associations and addresses. Iteration then cannot fail.
//! Options lie inside options two deep at most; deeper ones show as unknown, unread.

use std::net::Ipv6Addr;

use crate::Malformed;
use crate::filled::Filled;

/// The client's identifier.
pub const CLIENT_ID: u16 = 1;
/// The server's identifier.
pub const SERVER_ID: u16 = 2;
/// Identity association for addresses.
pub const IA_NA: u16 = 3;
/// An address of an association.
pub const IA_ADDRESS: u16 = 5;
/// Options the client asks for.
pub const OPTION_REQUEST: u16 = 6;
/// How much a server wants to be chosen.
pub const PREFERENCE: u16 = 7;
/// How long the client has tried.
pub const ELAPSED_TIME: u16 = 8;
/// How a request went.
pub const STATUS: u16 = 13;
/// Two messages instead of four.
pub const RAPID_COMMIT: u16 = 14;
/// Name servers.
pub const NAME_SERVERS: u16 = 23;
/// Domains to search.
pub const SEARCH_LIST: u16 = 24;
/// Identity association for prefixes.
pub const IA_PD: u16 = 25;
/// A prefix of an association.
pub const IA_PREFIX: u16 = 26;
/// When to ask again for what is not an address.
pub const REFRESH_TIME: u16 = 32;
/// Longest interval between solicitations.
pub const SOL_MAX_RT: u16 = 82;
/// Longest interval between information requests.
pub const INF_MAX_RT: u16 = 83;

/// Longest identifier.
pub const DUID_MAX: usize = 130;

/// How deep options lie inside options.
const DEPTH_MAX: u8 = 2;

/// How a request went (RFC 8415 §21.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusCode {
    /// Well.
    Success,
    /// Not, for a reason not in the list.
    UnspecFail,
    /// The server has no address to give.
    NoAddrsAvail,
    /// The server does not know the association.
    NoBinding,
    /// The addresses do not fit the link.
    NotOnLink,
    /// The client must send to the group.
    UseMulticast,
    /// The server has no prefix to give.
    NoPrefixAvail,
    /// Any other.
    Other(u16),
}

impl StatusCode {
    /// From the number.
    pub const fn from_code(code: u16) -> Self {
        match code {
            0 => Self::Success,
            1 => Self::UnspecFail,
            2 => Self::NoAddrsAvail,
            3 => Self::NoBinding,
            4 => Self::NotOnLink,
            5 => Self::UseMulticast,
            6 => Self::NoPrefixAvail,
            code => Self::Other(code),
        }
    }

    /// The number.
    pub const fn code(self) -> u16 {
        match self {
            Self::Success => 0,
            Self::UnspecFail => 1,
            Self::NoAddrsAvail => 2,
            Self::NoBinding => 3,
            Self::NotOnLink => 4,
            Self::UseMulticast => 5,
            Self::NoPrefixAvail => 6,
            Self::Other(code) => code,
        }
    }
}

/// An identity association: what a client holds from a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ia<'a> {
    /// The client's number for it.
    pub iaid: u32,
    /// Seconds until the client turns to its server; all ones: never.
    pub t1_s: u32,
    /// Seconds until it turns to any server.
    pub t2_s: u32,
    /// Addresses or prefixes, and a status.
    pub options: Options<'a>,
}

/// An address of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IaAddress<'a> {
    /// The address.
    pub ip: Ipv6Addr,
    /// Seconds it is preferred; all ones: for ever.
    pub preferred_s: u32,
    /// Seconds it is valid.
    pub valid_s: u32,
    /// A status.
    pub options: Options<'a>,
}

/// A prefix of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IaPrefix<'a> {
    /// The prefix; bits beyond its length count for nothing.
    pub ip: Ipv6Addr,
    /// Its length, at most 128.
    pub prefix: u8,
    /// Seconds it is preferred; all ones: for ever.
    pub preferred_s: u32,
    /// Seconds it is valid.
    pub valid_s: u32,
    /// A status.
    pub options: Options<'a>,
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpOption<'a> {
    /// The client's identifier, 1 to 130 bytes.
    ClientId(&'a [u8]),
    /// The server's identifier, 1 to 130 bytes.
    ServerId(&'a [u8]),
    /// Identity association for addresses.
    IaNa(Ia<'a>),
    /// An address of an association.
    IaAddress(IaAddress<'a>),
    /// Codes of the options the client asks for, two bytes each.
    OptionRequest(&'a [[u8; 2]]),
    /// How much a server wants to be chosen.
    Preference(u8),
    /// How long the client has tried, in hundredths of a second.
    ElapsedTime(u16),
    /// How a request went.
    Status {
        /// The code.
        code: StatusCode,
        /// Words for people, in UTF-8 if the sender is correct.
        message: &'a [u8],
    },
    /// Two messages instead of four.
    RapidCommit,
    /// Name servers, 16 bytes each.
    NameServers(&'a [[u8; 16]]),
    /// Domains to search; [`dns::name_list`](crate::dns::name_list) reads them.
    SearchList(&'a [u8]),
    /// Identity association for prefixes.
    IaPd(Ia<'a>),
    /// A prefix of an association.
    IaPrefix(IaPrefix<'a>),
    /// Seconds until the client asks again for what is not an address.
    RefreshTime(u32),
    /// Longest interval between solicitations, in seconds.
    SolMaxRt(u32),
    /// Longest interval between information requests, in seconds.
    InfMaxRt(u32),
    /// Anything else.
    Unknown {
        /// The code.
        code: u16,
        /// Its value.
        data: &'a [u8],
    },
}

/// Options one behind the other, checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    bytes: &'a [u8],
    depth: u8,
}

impl<'a> Options<'a> {
    /// Checks the chain and every value: what the options of a message need.
    ///
    /// # Errors
    /// [`Malformed::Option`] if an option runs over the bytes or its value is malformed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::parse_at(bytes, 0).ok_or(Malformed::Option)
    }

    fn parse_at(bytes: &'a [u8], depth: u8) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (code, data, after) = split(rest)?;
            DhcpOption::read(code, data, depth)?;
            rest = after;
        }
        Some(Self { bytes, depth })
    }

    /// The options in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = DhcpOption<'a>> + use<'a> {
        let Self { bytes: mut rest, depth } = *self;
        std::iter::from_fn(move || {
            let (code, data, after) = split(rest)?;
            rest = after;
            let option = DhcpOption::read(code, data, depth);
            Some(option.unwrap_or(DhcpOption::Unknown { code, data }))
        })
    }

    /// The bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The client's identifier.
    pub fn client_id(&self) -> Option<&'a [u8]> {
        self.data(CLIENT_ID)
    }

    /// The server's identifier.
    pub fn server_id(&self) -> Option<&'a [u8]> {
        self.data(SERVER_ID)
    }

    /// The first status; absent means success (RFC 8415 §21.13).
    pub fn status(&self) -> StatusCode {
        let code = self.data(STATUS).and_then(|data| data.first_chunk().copied());
        code.map_or(StatusCode::Success, |code| StatusCode::from_code(u16::from_be_bytes(code)))
    }

    /// How much the server wants to be chosen; 0 if it does not say.
    pub fn preference(&self) -> u8 {
        self.data(PREFERENCE).and_then(|data| data.first().copied()).unwrap_or(0)
    }

    /// The server skips the second exchange.
    pub fn rapid_commit(&self) -> bool {
        self.data(RAPID_COMMIT).is_some()
    }

    /// The association for addresses with this number.
    pub fn ia_na(&self, iaid: u32) -> Option<Ia<'a>> {
        self.iter().find_map(|option| match option {
            DhcpOption::IaNa(ia) if ia.iaid == iaid => Some(ia),
            _ => None,
        })
    }

    /// The addresses of an association.
    pub fn addresses(&self) -> impl Iterator<Item = IaAddress<'a>> + use<'a> {
        self.iter().filter_map(|option| match option {
            DhcpOption::IaAddress(address) => Some(address),
            _ => None,
        })
    }

    /// Name servers.
    pub fn name_servers(&self) -> impl Iterator<Item = Ipv6Addr> + use<'a> {
        let servers = self.data(NAME_SERVERS).unwrap_or_default().as_chunks::<16>().0;
        servers.iter().map(|octets| Ipv6Addr::from(*octets))
    }

    /// The data of the first option `code`.
    fn data(&self, code: u16) -> Option<&'a [u8]> {
        let mut rest = self.bytes;
        loop {
            let (found, data, after) = split(rest)?;
            if found == code {
                return Some(data);
            }
            rest = after;
        }
    }
}

/// Code and data of one option, and what follows.
fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let [a, b, c, d, rest @ ..] = bytes else { return None };
    let (data, rest) = rest.split_at_checked(u16::from_be_bytes([*c, *d]).into())?;
    Some((u16::from_be_bytes([*a, *b]), data, rest))
}

/// A number at the front of `data`, and what follows.
fn number(data: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = data.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

impl<'a> DhcpOption<'a> {
    /// None if the data does not fit the type.
    fn read(code: u16, data: &'a [u8], depth: u8) -> Option<Self> {
        let duid = || matches!(data.len(), 1..=DUID_MAX).then_some(data);
        let seconds = || data.try_into().ok().map(u32::from_be_bytes);
        match code {
            CLIENT_ID => duid().map(Self::ClientId),
            SERVER_ID => duid().map(Self::ServerId),
            IA_NA | IA_ADDRESS | IA_PD | IA_PREFIX if depth >= DEPTH_MAX => {
                Some(Self::Unknown { code, data })
            }
            IA_NA => read_ia(data, depth).map(Self::IaNa),
            IA_PD => read_ia(data, depth).map(Self::IaPd),
            IA_ADDRESS => read_address(data, depth).map(Self::IaAddress),
            IA_PREFIX => read_prefix(data, depth).map(Self::IaPrefix),
            OPTION_REQUEST => match data.as_chunks() {
                (codes, []) => Some(Self::OptionRequest(codes)),
                _ => None,
            },
            PREFERENCE => {
                data.try_into().ok().map(|[preference]: [u8; 1]| Self::Preference(preference))
            }
            ELAPSED_TIME => data.try_into().ok().map(u16::from_be_bytes).map(Self::ElapsedTime),
            STATUS => data.split_first_chunk().map(|(code, message)| {
                let code = StatusCode::from_code(u16::from_be_bytes(*code));
                Self::Status { code, message }
            }),
            RAPID_COMMIT => data.is_empty().then_some(Self::RapidCommit),
            NAME_SERVERS => match data.as_chunks() {
                (servers @ [_, ..], []) => Some(Self::NameServers(servers)),
                _ => None,
            },
            SEARCH_LIST => Some(Self::SearchList(data)),
            REFRESH_TIME => seconds().map(Self::RefreshTime),
            SOL_MAX_RT => seconds().map(Self::SolMaxRt),
            INF_MAX_RT => seconds().map(Self::InfMaxRt),
            code => Some(Self::Unknown { code, data }),
        }
    }
}

fn read_ia(data: &[u8], depth: u8) -> Option<Ia<'_>> {
    let (iaid, rest) = number(data)?;
    let (t1_s, rest) = number(rest)?;
    let (t2_s, rest) = number(rest)?;
    Some(Ia { iaid, t1_s, t2_s, options: Options::parse_at(rest, depth + 1)? })
}

fn read_address(data: &[u8], depth: u8) -> Option<IaAddress<'_>> {
    let (octets, rest) = data.split_first_chunk::<16>()?;
    let (preferred_s, rest) = number(rest)?;
    let (valid_s, rest) = number(rest)?;
    let options = Options::parse_at(rest, depth + 1)?;
    Some(IaAddress { ip: (*octets).into(), preferred_s, valid_s, options })
}

fn read_prefix(data: &[u8], depth: u8) -> Option<IaPrefix<'_>> {
    let (preferred_s, rest) = number(data)?;
    let (valid_s, rest) = number(rest)?;
    let (&[prefix], rest) = rest.split_first_chunk()?;
    let (octets, rest) = rest.split_first_chunk::<16>()?;
    let options = Options::parse_at(rest, depth + 1)?;
    (prefix <= 128).then_some(IaPrefix {
        ip: (*octets).into(),
        prefix,
        preferred_s,
        valid_s,
        options,
    })
}

/// Builds options in `N` bytes.
///
/// ```
/// use wire::dhcpv6_options::{DhcpOption, Ia, OptionWriter, Options};
/// let mut writer = OptionWriter::<32>::new();
/// let ia = Ia { iaid: 1, t1_s: 0, t2_s: 0, options: Options::default() };
/// assert!(writer.put(&DhcpOption::IaNa(ia)));
/// assert_eq!(writer.options().bytes()[..8], [0, 3, 0, 12, 0, 0, 0, 1]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct OptionWriter<const N: usize>(Filled<N>);

impl<const N: usize> OptionWriter<N> {
    /// No options.
    pub const fn new() -> Self {
        Self(Filled::new())
    }

    /// What was written, to be sent or put inside another option.
    pub fn options(&self) -> Options<'_> {
        Options { bytes: self.0.written(), depth: 0 }
    }

    /// Appends an option; false if it does not fit or cannot be encoded.
    pub fn put(&mut self, option: &DhcpOption<'_>) -> bool {
        match *option {
            DhcpOption::ClientId(duid) => self.duid(CLIENT_ID, duid),
            DhcpOption::ServerId(duid) => self.duid(SERVER_ID, duid),
            DhcpOption::IaNa(ia) => self.ia(IA_NA, &ia),
            DhcpOption::IaPd(ia) => self.ia(IA_PD, &ia),
            DhcpOption::IaAddress(IaAddress { ip, preferred_s, valid_s, options }) => {
                let times = [preferred_s.to_be_bytes(), valid_s.to_be_bytes()];
                self.append(IA_ADDRESS, &[&ip.octets(), times.as_flattened(), options.bytes])
            }
            DhcpOption::IaPrefix(IaPrefix { ip, prefix, preferred_s, valid_s, options }) => {
                let times = [preferred_s.to_be_bytes(), valid_s.to_be_bytes()];
                let parts = [times.as_flattened(), &[prefix], &ip.octets(), options.bytes];
                prefix <= 128 && self.append(IA_PREFIX, &parts)
            }
            DhcpOption::OptionRequest(codes) => {
                self.append(OPTION_REQUEST, &[codes.as_flattened()])
            }
            DhcpOption::Preference(preference) => self.append(PREFERENCE, &[&[preference]]),
            DhcpOption::ElapsedTime(time) => self.append(ELAPSED_TIME, &[&time.to_be_bytes()]),
            DhcpOption::Status { code, message } => {
                self.append(STATUS, &[&code.code().to_be_bytes(), message])
            }
            DhcpOption::RapidCommit => self.append(RAPID_COMMIT, &[]),
            DhcpOption::NameServers(servers) => {
                !servers.is_empty() && self.append(NAME_SERVERS, &[servers.as_flattened()])
            }
            DhcpOption::SearchList(names) => self.append(SEARCH_LIST, &[names]),
            DhcpOption::RefreshTime(s) => self.append(REFRESH_TIME, &[&s.to_be_bytes()]),
            DhcpOption::SolMaxRt(s) => self.append(SOL_MAX_RT, &[&s.to_be_bytes()]),
            DhcpOption::InfMaxRt(s) => self.append(INF_MAX_RT, &[&s.to_be_bytes()]),
            DhcpOption::Unknown { code, data } => self.append(code, &[data]),
        }
    }

    fn duid(&mut self, code: u16, duid: &[u8]) -> bool {
        matches!(duid.len(), 1..=DUID_MAX) && self.append(code, &[duid])
    }

    fn ia(&mut self, code: u16, ia: &Ia<'_>) -> bool {
        let numbers = [ia.iaid.to_be_bytes(), ia.t1_s.to_be_bytes(), ia.t2_s.to_be_bytes()];
        self.append(code, &[numbers.as_flattened(), ia.options.bytes])
    }

    fn append(&mut self, code: u16, parts: &[&[u8]]) -> bool {
        let data_len: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(len) = u16::try_from(data_len) else { return false };
        let head = [code.to_be_bytes(), len.to_be_bytes()];
        self.0.append(4 + data_len, head.as_flattened(), parts)
    }
}

#[cfg(test)]
mod tests;
