//! DHCPv4 options: reading (RFC 2132, RFC 3396, RFC 3442) and writing.
//!
//! [`Options`] holds up to three areas whose chains were checked once: the options field and, where
//! the overload option says so, the file and server name fields. An option may come in several
//! pieces, in several areas; they count as one value in that order (RFC 3396). [`Value`] walks the
//! pieces where they lie, so nothing is copied.
//!
//! The options a lease rests on must fit their type, or the message is malformed. Any other
//! option that does not fit shows as unknown, as does one that is not in the list.

use std::net::Ipv4Addr;

use addr::{Cidr, Ip};

use crate::Malformed;

mod message_type;
mod value;
mod writer;

pub use message_type::MessageType;
pub use value::{Addresses, ClasslessRoutes, Route, Text, Value};
pub use writer::{OPTIONS_MAX, OptionWriter};

/// Fills gaps; has no length.
pub const PAD: u8 = 0;
/// Subnet mask.
pub const SUBNET_MASK: u8 = 1;
/// Routers, the preferred first.
pub const ROUTERS: u8 = 3;
/// Name servers.
pub const NAME_SERVERS: u8 = 6;
/// The client's host name.
pub const HOST_NAME: u8 = 12;
/// The domain names are completed with.
pub const DOMAIN_NAME: u8 = 15;
/// MTU of the link.
pub const MTU: u8 = 26;
/// Broadcast address of the subnet.
pub const BROADCAST: u8 = 28;
/// Time servers.
pub const NTP_SERVERS: u8 = 42;
/// The address a client asks for.
pub const REQUESTED_ADDRESS: u8 = 50;
/// Length of the lease.
pub const LEASE_TIME: u8 = 51;
/// Further fields that hold options.
pub const OVERLOAD: u8 = 52;
/// What the message is for.
pub const MESSAGE_TYPE: u8 = 53;
/// The server's address.
pub const SERVER_ID: u8 = 54;
/// Options the client asks for.
pub const PARAMETER_LIST: u8 = 55;
/// Why a server refuses, in words.
pub const MESSAGE: u8 = 56;
/// Longest message the client takes.
pub const MAX_MESSAGE_SIZE: u8 = 57;
/// Time until renewal.
pub const RENEWAL_TIME: u8 = 58;
/// Time until rebinding.
pub const REBINDING_TIME: u8 = 59;
/// Kind of client.
pub const VENDOR_CLASS: u8 = 60;
/// Who the client is.
pub const CLIENT_ID: u8 = 61;
/// Domains to search.
pub const SEARCH_LIST: u8 = 119;
/// Routes.
pub const CLASSLESS_ROUTES: u8 = 121;
/// Ends an area; has no length.
pub const END: u8 = 255;

/// Least value of the maximum message size.
pub const MESSAGE_SIZE_MIN: u16 = 576;

/// Fields that hold options besides the options field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overload {
    /// The file field.
    pub file: bool,
    /// The server name field.
    pub sname: bool,
}

/// One option, its pieces joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpOption<'a> {
    /// Prefix length of the subnet mask, whose ones are contiguous.
    SubnetMask(u8),
    /// Routers, the preferred first.
    Routers(Addresses<'a>),
    /// Name servers.
    NameServers(Addresses<'a>),
    /// The client's host name.
    HostName(Text<'a>),
    /// The domain names are completed with.
    DomainName(Text<'a>),
    /// MTU of the link, at least 68.
    Mtu(u16),
    /// Broadcast address of the subnet.
    Broadcast(Ipv4Addr),
    /// Time servers.
    NtpServers(Addresses<'a>),
    /// The address a client asks for.
    RequestedAddress(Ipv4Addr),
    /// Seconds of the lease; all ones: for ever.
    LeaseTime(u32),
    /// Further fields that hold options.
    Overload(Overload),
    /// What the message is for.
    MessageType(MessageType),
    /// The server's address.
    ServerId(Ipv4Addr),
    /// Codes of the options the client asks for.
    ParameterList(Value<'a>),
    /// Why a server refuses, in words.
    Message(Text<'a>),
    /// Longest message the client takes, at least 576.
    MaxMessageSize(u16),
    /// Seconds until renewal.
    RenewalTime(u32),
    /// Seconds until rebinding.
    RebindingTime(u32),
    /// Kind of client.
    VendorClass(Value<'a>),
    /// Who the client is, two bytes or more.
    ClientId(Value<'a>),
    /// Domains to search; [`dns::name_list`](crate::dns::name_list) reads the joined bytes.
    SearchList(Value<'a>),
    /// Routes.
    ClasslessRoutes(ClasslessRoutes<'a>),
    /// Anything else.
    Unknown {
        /// The code.
        code: u8,
        /// Its value.
        value: Value<'a>,
    },
}

/// The areas of a message, walked one after the other; copying it marks a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Chain<'a> {
    rest: &'a [u8],
    later: [&'a [u8]; 2],
}

impl<'a> Iterator for Chain<'a> {
    type Item = Result<(u8, &'a [u8]), Malformed>;

    /// The next piece of an option, or an error where one does not fit its area.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.rest {
                [PAD, ref rest @ ..] => self.rest = rest,
                [] | [END, ..] => {
                    let [next, last] = self.later;
                    if next.is_empty() && last.is_empty() {
                        self.rest = &[];
                        return None;
                    }
                    *self = Self { rest: next, later: [last, &[]] };
                }
                [code, len, ref rest @ ..] if usize::from(len) <= rest.len() => {
                    let (data, rest) = rest.split_at(usize::from(len));
                    self.rest = rest;
                    return Some(Ok((code, data)));
                }
                _ => {
                    *self = Self::default();
                    return Some(Err(Malformed::Option));
                }
            }
        }
    }
}

/// The options of a message, checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    chain: Chain<'a>,
}

impl<'a> Options<'a> {
    /// Checks the chains of the options field and of the fields that it claims, and the values of
    /// the options that a lease rests on.
    ///
    /// # Errors
    /// [`Malformed::Option`] if an option runs over its area or a value that must have a form has
    /// another.
    pub fn parse(
        area: &'a [u8],
        file: &'a [u8],
        sname: &'a [u8],
    ) -> Result<(Self, Overload), Malformed> {
        let field = Self { chain: Chain { rest: area, later: [&[]; 2] } };
        field.check_chain()?;
        let overload = match field.value(OVERLOAD) {
            Some(value) => read_overload(value).ok_or(Malformed::Option)?,
            None => Overload::default(),
        };
        let claimed = |claims, field: &'a [u8]| if claims { field } else { &[] };
        let later = [claimed(overload.file, file), claimed(overload.sname, sname)];
        let options = Self { chain: Chain { rest: area, later } };
        options.check_chain()?;
        options.check_values()?;
        Ok((options, overload))
    }

    fn check_chain(&self) -> Result<(), Malformed> {
        let mut chain = self.chain;
        chain.try_for_each(|piece| piece.map(|_| ()))
    }

    fn check_values(&self) -> Result<(), Malformed> {
        self.values().try_for_each(|(code, value)| match DhcpOption::read(code, value) {
            None if must_fit(code) => Err(Malformed::Option),
            _ => Ok(()),
        })
    }

    /// Every code once, in the order of its first piece.
    fn values(&self) -> impl Iterator<Item = (u8, Value<'a>)> + use<'a> {
        let mut chain = self.chain;
        let mut seen = [0u64; 4];
        std::iter::from_fn(move || {
            loop {
                let (code, data) = chain.next()?.ok()?;
                let (word, bit) = (usize::from(code / 64), 1 << (code % 64));
                if seen[word] & bit == 0 {
                    seen[word] |= bit;
                    return Some((code, Value::new(code, data, chain)));
                }
            }
        })
    }

    /// The options in the order of their first piece, each once.
    pub fn iter(&self) -> impl Iterator<Item = DhcpOption<'a>> + use<'a> {
        self.values().map(|(code, value)| {
            DhcpOption::read(code, value).unwrap_or(DhcpOption::Unknown { code, value })
        })
    }

    /// The bytes of the option `code`, whatever they are.
    pub fn value(&self, code: u8) -> Option<Value<'a>> {
        let mut chain = self.chain;
        while let Some(Ok((found, data))) = chain.next() {
            if found == code {
                return Some(Value::new(code, data, chain));
            }
        }
        None
    }

    /// The option `code`.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use wire::dhcpv4_options::{DhcpOption, Options, ROUTERS};
    /// let (options, _) = Options::parse(&[3, 4, 10, 0, 0, 1, 255], &[], &[]).unwrap();
    /// let Some(DhcpOption::Routers(routers)) = options.get(ROUTERS) else { panic!() };
    /// assert_eq!(routers.iter().next(), Some(Ipv4Addr::new(10, 0, 0, 1)));
    /// ```
    pub fn get(&self, code: u8) -> Option<DhcpOption<'a>> {
        let value = self.value(code)?;
        Some(DhcpOption::read(code, value).unwrap_or(DhcpOption::Unknown { code, value }))
    }

    /// What the message is for.
    pub fn message_type(&self) -> Option<MessageType> {
        let [code] = self.value(MESSAGE_TYPE)?.array()?;
        Some(MessageType::from_code(code))
    }

    /// The server's address.
    pub fn server_id(&self) -> Option<Ipv4Addr> {
        self.address(SERVER_ID)
    }

    /// The address a client asks for.
    pub fn requested_address(&self) -> Option<Ipv4Addr> {
        self.address(REQUESTED_ADDRESS)
    }

    /// Prefix length of the subnet.
    pub fn prefix(&self) -> Option<u8> {
        read_mask(self.value(SUBNET_MASK)?)
    }

    /// Seconds of the lease; all ones: for ever.
    pub fn lease_s(&self) -> Option<u32> {
        self.seconds(LEASE_TIME)
    }

    /// Seconds until renewal.
    pub fn renewal_s(&self) -> Option<u32> {
        self.seconds(RENEWAL_TIME)
    }

    /// Seconds until rebinding.
    pub fn rebinding_s(&self) -> Option<u32> {
        self.seconds(REBINDING_TIME)
    }

    /// Who the client is.
    pub fn client_id(&self) -> Option<Value<'a>> {
        self.value(CLIENT_ID)
    }

    /// Routers, the preferred first; none if the option is absent.
    pub fn routers(&self) -> Addresses<'a> {
        self.addresses(ROUTERS)
    }

    /// Name servers; none if the option is absent.
    pub fn name_servers(&self) -> Addresses<'a> {
        self.addresses(NAME_SERVERS)
    }

    /// Routes, if the option is present.
    pub fn classless_routes(&self) -> Option<ClasslessRoutes<'a>> {
        ClasslessRoutes::read(self.value(CLASSLESS_ROUTES)?)
    }

    fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.value(code)?.array::<4>().map(Ipv4Addr::from)
    }

    fn addresses(&self, code: u8) -> Addresses<'a> {
        self.value(code).and_then(Addresses::read).unwrap_or_default()
    }

    fn seconds(&self, code: u8) -> Option<u32> {
        self.value(code)?.array().map(u32::from_be_bytes)
    }
}

/// Without a sound value of these there is no lease, or a wrong one.
fn must_fit(code: u8) -> bool {
    matches!(
        code,
        SUBNET_MASK
            | ROUTERS
            | HOST_NAME
            | REQUESTED_ADDRESS..=PARAMETER_LIST
            | MAX_MESSAGE_SIZE..=REBINDING_TIME
            | CLIENT_ID
            | CLASSLESS_ROUTES
    )
}

impl<'a> DhcpOption<'a> {
    /// None if the value does not fit the type.
    fn read(code: u8, value: Value<'a>) -> Option<Self> {
        let address = || value.array::<4>().map(Ipv4Addr::from);
        let seconds = || value.array().map(u32::from_be_bytes);
        let number = || value.array().map(u16::from_be_bytes);
        let at_least = |len| (value.len() >= len).then_some(value);
        match code {
            SUBNET_MASK => read_mask(value).map(Self::SubnetMask),
            ROUTERS => Addresses::read(value).map(Self::Routers),
            NAME_SERVERS => Addresses::read(value).map(Self::NameServers),
            NTP_SERVERS => Addresses::read(value).map(Self::NtpServers),
            HOST_NAME => Text::read(value).map(Self::HostName),
            DOMAIN_NAME => Text::read(value).map(Self::DomainName),
            MESSAGE => Text::read(value).map(Self::Message),
            MTU => number().filter(|mtu| *mtu >= 68).map(Self::Mtu),
            BROADCAST => address().map(Self::Broadcast),
            REQUESTED_ADDRESS => address().map(Self::RequestedAddress),
            SERVER_ID => address().map(Self::ServerId),
            LEASE_TIME => seconds().map(Self::LeaseTime),
            RENEWAL_TIME => seconds().map(Self::RenewalTime),
            REBINDING_TIME => seconds().map(Self::RebindingTime),
            OVERLOAD => read_overload(value).map(Self::Overload),
            MESSAGE_TYPE => {
                value.array().map(|[code]| Self::MessageType(MessageType::from_code(code)))
            }
            PARAMETER_LIST => at_least(1).map(Self::ParameterList),
            MAX_MESSAGE_SIZE => {
                number().filter(|size| *size >= MESSAGE_SIZE_MIN).map(Self::MaxMessageSize)
            }
            VENDOR_CLASS => at_least(1).map(Self::VendorClass),
            CLIENT_ID => at_least(2).map(Self::ClientId),
            SEARCH_LIST => at_least(1).map(Self::SearchList),
            CLASSLESS_ROUTES => ClasslessRoutes::read(value).map(Self::ClasslessRoutes),
            code => Some(Self::Unknown { code, value }),
        }
    }
}

/// The prefix length of a mask whose ones are contiguous.
fn read_mask(value: Value<'_>) -> Option<u8> {
    let mask = u32::from_be_bytes(value.array()?);
    let ones = mask.leading_ones();
    (mask.count_ones() == ones).then_some(ones as u8)
}

/// The mask of a prefix length, at most 32.
pub(crate) fn mask(prefix: u8) -> Ipv4Addr {
    let zeros = 32u32.saturating_sub(prefix.into());
    u32::MAX.checked_shl(zeros).unwrap_or(0).into()
}

fn read_overload(value: Value<'_>) -> Option<Overload> {
    match value.array()? {
        [bits @ 1..=3] => Some(Overload { file: bits & 1 != 0, sname: bits & 2 != 0 }),
        _ => None,
    }
}

/// Prefix and address as a network.
fn network(address: [u8; 4], prefix: u8) -> Option<Cidr> {
    Cidr::new(Ip::v4(address), prefix).ok().map(|cidr| cidr.network())
}

#[cfg(test)]
mod tests;
