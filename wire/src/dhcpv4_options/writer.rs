//! Writes the options of a DHCPv4 message (RFC 2132, RFC 3396).

use std::net::Ipv4Addr;

use super::message_type::MessageType;
use super::{
    Addresses, BROADCAST, CLASSLESS_ROUTES, CLIENT_ID, DOMAIN_NAME, DhcpOption, END, HOST_NAME,
    LEASE_TIME, MAX_MESSAGE_SIZE, MESSAGE, MESSAGE_SIZE_MIN, MESSAGE_TYPE, MTU, NAME_SERVERS,
    NTP_SERVERS, OVERLOAD, PARAMETER_LIST, REBINDING_TIME, RENEWAL_TIME, REQUESTED_ADDRESS,
    ROUTERS, Route, SEARCH_LIST, SERVER_ID, SUBNET_MASK, Text, VENDOR_CLASS, Value, mask,
};

/// Most bytes of options, the end mark included: the datagram then fits 576 bytes.
pub const OPTIONS_MAX: usize = 308;

/// First byte of a client id that holds an IAID and a DUID (RFC 4361 §6.1).
const CLIENT_ID_DUID: u8 = 255;

/// Builds the options of a message, its type first and the end mark last.
///
/// Each verb says whether the option fitted and could be encoded; one that did not leaves no
/// trace. Values beyond 255 bytes are written in pieces (RFC 3396).
///
/// ```
/// use wire::dhcpv4::MessageType;
/// use wire::dhcpv4_options::OptionWriter;
/// let mut writer = OptionWriter::new(MessageType::Request);
/// assert!(writer.host_name("lab"));
/// assert_eq!(writer.finish(), [53, 1, 3, 12, 3, b'l', b'a', b'b', 255]);
/// ```
#[derive(Clone, Debug)]
pub struct OptionWriter {
    area: [u8; OPTIONS_MAX],
    /// Where the end mark is.
    len: usize,
}

impl OptionWriter {
    /// The options of a message of type `kind`, so far only that.
    pub fn new(kind: MessageType) -> Self {
        let mut writer = Self { area: [0; OPTIONS_MAX], len: 0 };
        writer.append(MESSAGE_TYPE, &[&[kind.code()]]);
        writer
    }

    /// The area with its end mark.
    pub fn finish(&self) -> &[u8] {
        &self.area[..=self.len]
    }

    /// Appends an option.
    ///
    /// The message type is there already, and no field is ever overloaded: both are refused.
    pub fn put(&mut self, option: &DhcpOption<'_>) -> bool {
        match *option {
            DhcpOption::SubnetMask(prefix) => self.subnet_mask(prefix),
            DhcpOption::Routers(list) => self.addresses(ROUTERS, list),
            DhcpOption::NameServers(list) => self.addresses(NAME_SERVERS, list),
            DhcpOption::NtpServers(list) => self.addresses(NTP_SERVERS, list),
            DhcpOption::HostName(text) => self.text(HOST_NAME, text),
            DhcpOption::DomainName(text) => self.text(DOMAIN_NAME, text),
            DhcpOption::Message(text) => self.text(MESSAGE, text),
            DhcpOption::Mtu(mtu) => mtu >= 68 && self.append(MTU, &[&mtu.to_be_bytes()]),
            DhcpOption::Broadcast(ip) => self.append(BROADCAST, &[&ip.octets()]),
            DhcpOption::RequestedAddress(ip) => self.requested_address(ip),
            DhcpOption::ServerId(ip) => self.server_id(ip),
            DhcpOption::LeaseTime(s) => self.lease_s(s),
            DhcpOption::RenewalTime(s) => self.append(RENEWAL_TIME, &[&s.to_be_bytes()]),
            DhcpOption::RebindingTime(s) => self.append(REBINDING_TIME, &[&s.to_be_bytes()]),
            DhcpOption::ParameterList(codes) => self.value(PARAMETER_LIST, 1, codes),
            DhcpOption::MaxMessageSize(size) => self.max_message_size(size),
            DhcpOption::VendorClass(class) => self.value(VENDOR_CLASS, 1, class),
            DhcpOption::ClientId(id) => self.value(CLIENT_ID, 2, id),
            DhcpOption::SearchList(names) => self.value(SEARCH_LIST, 1, names),
            DhcpOption::ClasslessRoutes(routes) => self.value(CLASSLESS_ROUTES, 5, routes.value()),
            // Known codes have verbs that check the value; padding and end are no options.
            DhcpOption::Unknown { code, value } => {
                let known = matches!(code, MESSAGE_TYPE | OVERLOAD | 0 | END);
                !known && self.value(code, 0, value)
            }
            DhcpOption::MessageType(_) | DhcpOption::Overload(_) => false,
        }
    }

    /// Subnet mask of a prefix length, at most 32.
    pub fn subnet_mask(&mut self, prefix: u8) -> bool {
        prefix <= 32 && self.append(SUBNET_MASK, &[&mask(prefix).octets()])
    }

    /// Routers, the preferred first.
    pub fn routers(&mut self, routers: &[[u8; 4]]) -> bool {
        self.addresses(ROUTERS, routers.into())
    }

    /// The client's host name.
    pub fn host_name(&mut self, name: &str) -> bool {
        self.text(HOST_NAME, name.into())
    }

    /// The address asked for.
    pub fn requested_address(&mut self, ip: Ipv4Addr) -> bool {
        self.append(REQUESTED_ADDRESS, &[&ip.octets()])
    }

    /// The server's address.
    pub fn server_id(&mut self, ip: Ipv4Addr) -> bool {
        self.append(SERVER_ID, &[&ip.octets()])
    }

    /// Seconds of the lease.
    pub fn lease_s(&mut self, seconds: u32) -> bool {
        self.append(LEASE_TIME, &[&seconds.to_be_bytes()])
    }

    /// Codes of the options asked for.
    pub fn parameter_list(&mut self, codes: &[u8]) -> bool {
        self.value(PARAMETER_LIST, 1, codes.into())
    }

    /// Longest message taken, at least 576.
    pub fn max_message_size(&mut self, size: u16) -> bool {
        size >= MESSAGE_SIZE_MIN && self.append(MAX_MESSAGE_SIZE, &[&size.to_be_bytes()])
    }

    /// Who the client is, by the identity it has for DHCPv6 as well (RFC 4361).
    pub fn client_id(&mut self, iaid: u32, duid: &[u8]) -> bool {
        !duid.is_empty() && self.append(CLIENT_ID, &[&[CLIENT_ID_DUID], &iaid.to_be_bytes(), duid])
    }

    /// Routes.
    pub fn classless_routes(&mut self, routes: &[Route]) -> bool {
        let mut buf = [0; OPTIONS_MAX];
        let mut len = 0;
        for Route { destination, gateway } in routes {
            let Some(octets) = destination.network().ip.octets_v4() else { return false };
            let prefix = destination.prefix;
            let octets = &octets[..usize::from(prefix.div_ceil(8)).min(4)];
            for part in [&[prefix][..], octets, &gateway.octets()] {
                let Some(room) = buf.get_mut(len..len + part.len()) else { return false };
                room.copy_from_slice(part);
                len += part.len();
            }
        }
        self.value(CLASSLESS_ROUTES, 5, buf[..len].into())
    }

    fn addresses(&mut self, code: u8, list: Addresses<'_>) -> bool {
        self.value(code, 4, list.value())
    }

    fn text(&mut self, code: u8, text: Text<'_>) -> bool {
        text.value().len() <= 255 && self.value(code, 1, text.value())
    }

    /// A value of at least `min` bytes.
    fn value(&mut self, code: u8, min: usize, value: Value<'_>) -> bool {
        let mut buf = [0; OPTIONS_MAX];
        match value.copy_to(&mut buf) {
            Some(bytes) => bytes.len() >= min && self.append(code, &[bytes]),
            None => false,
        }
    }

    fn append(&mut self, code: u8, parts: &[&[u8]]) -> bool {
        let data_len: usize = parts.iter().map(|part| part.len()).sum();
        let pieces = data_len.div_ceil(255).max(1);
        let end = self.len + data_len + 2 * pieces;
        let Some(room) = self.area.get_mut(self.len..=end) else { return false };
        let mut data = parts.iter().copied().flatten().copied();
        let mut left = data_len;
        let mut room = room.iter_mut();
        let mut write = |byte: u8| room.next().into_iter().for_each(|slot| *slot = byte);
        for _ in 0..pieces {
            let len = left.min(255);
            left -= len;
            write(code);
            write(len as u8);
            data.by_ref().take(len).for_each(&mut write);
        }
        write(END);
        self.len = end;
        true
    }
}
