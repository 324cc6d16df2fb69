//! DHCP for IPv6 (RFC 8415), between clients and servers.
//!
//! ```text
//! | message type | transaction id, 24 bits | options ...
//! ```
//!
//! [`parse`] checks the header and every option, those inside others included; what it returns
//! cannot fail any more. Messages of relays have another header, which a host does not read: they
//! are [`Malformed::Field`], as are types not in the list.

use addr::Mac;

use crate::dhcpv6_options::Options;
use crate::{EmitError, Malformed};

mod display;

/// Bytes of a header.
pub const HEADER_LEN: usize = 4;
/// Port of servers and relays.
pub const SERVER_PORT: u16 = 547;
/// Port of clients.
pub const CLIENT_PORT: u16 = 546;
/// Largest transaction id.
pub const TRANSACTION_MAX: u32 = 0xff_ffff;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageType {
    /// A client looks for servers.
    Solicit = 1,
    /// A server is there.
    Advertise = 2,
    /// A client asks one server.
    Request = 3,
    /// A client asks whether its addresses still fit the link.
    Confirm = 4,
    /// A client asks its server to prolong.
    Renew = 5,
    /// A client asks any server to prolong.
    Rebind = 6,
    /// A server answers.
    Reply = 7,
    /// A client gives addresses back.
    Release = 8,
    /// A client found addresses in use.
    Decline = 9,
    /// A server tells a client to come again.
    Reconfigure = 10,
    /// A client asks for anything but addresses.
    InformationRequest = 11,
}

impl MessageType {
    /// From the number; none for relays and for what is not in the list.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Solicit,
            2 => Self::Advertise,
            3 => Self::Request,
            4 => Self::Confirm,
            5 => Self::Renew,
            6 => Self::Rebind,
            7 => Self::Reply,
            8 => Self::Release,
            9 => Self::Decline,
            10 => Self::Reconfigure,
            11 => Self::InformationRequest,
            _ => return None,
        })
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A received message, checked.
///
/// It prints as one line, options included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is for.
    pub kind: MessageType,
    /// Number that ties an answer to its question, 24 bits.
    pub transaction: u32,
    /// The options.
    pub options: Options<'a>,
}

/// Reads and checks a message: the payload of a UDP datagram.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the header has, [`Malformed::Field`] if
/// the type is not read here, [`Malformed::Option`] if an option is malformed.
///
/// ```
/// use wire::dhcpv6::{self, MessageType};
/// use wire::dhcpv6_options::{DhcpOption, OptionWriter};
///
/// let duid = dhcpv6::duid_ll(addr::Mac([2, 0, 0, 0x77, 0x77, 0x77]));
/// let mut options = OptionWriter::<64>::new();
/// options.put(&DhcpOption::ClientId(&duid));
/// options.put(&DhcpOption::ElapsedTime(0));
/// let mut bytes = [0; 128];
/// let len = dhcpv6::emit(&mut bytes, MessageType::Solicit, 0xabcdef, options.options()).unwrap();
/// let message = dhcpv6::parse(&bytes[..len]).unwrap();
/// assert_eq!(message.options.client_id(), Some(&duid[..]));
/// assert_eq!(
///     message.to_string(),
///     "dhcp6 solicit (xid=abcdef (client-ID hwaddr type 1 020000777777) (elapsed-time 0))"
/// );
/// ```
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let [kind, a, b, c, options @ ..] = bytes else { return Err(Malformed::Truncated) };
    // First, because what follows the header of a relay is no options.
    let kind = MessageType::from_code(*kind).ok_or(Malformed::Field)?;
    let options = Options::parse(options)?;
    Ok(Message { kind, transaction: u32::from_be_bytes([0, *a, *b, *c]), options })
}

/// Writes a message to the front of `buf`; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if the transaction id
/// has more than 24 bits.
pub fn emit(
    buf: &mut [u8],
    kind: MessageType,
    transaction: u32,
    options: Options<'_>,
) -> Result<usize, EmitError> {
    let len = HEADER_LEN + options.bytes().len();
    let [0, a, b, c] = transaction.to_be_bytes() else { return Err(EmitError::Value) };
    let Some([kind_at, a_at, b_at, c_at, area @ ..]) = buf.get_mut(..len) else {
        return Err(EmitError::NoRoom);
    };
    (*kind_at, *a_at, *b_at, *c_at) = (kind.code(), a, b, c);
    area.copy_from_slice(options.bytes());
    Ok(len)
}

/// The identifier made of a link-layer address (RFC 8415 §11.4).
pub fn duid_ll(mac: Mac) -> [u8; 10] {
    let [a, b, c, d, e, f] = mac.0;
    [0, 3, 0, 1, a, b, c, d, e, f]
}

#[cfg(test)]
mod tests;
