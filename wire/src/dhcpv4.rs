//! DHCP for IPv4 (RFC 2131).
//!
//! ```text
//! | op | hardware type | its length | hops | transaction id | seconds | flags
//! | client address | your address | server address | relay address
//! | client hardware address, 16 | server name, 64 | file, 128 | magic cookie | options ...
//! ```
//!
//! [`parse`] checks all of it at once: the fixed part, the option chain, the value of every option
//! that a lease rests on, and what each message type must carry. What it returns cannot fail any
//! more. The server name and file fields hold options as well if the overload option says so;
//! [`Options`] shows the areas as one.
//!
//! A fault of the fixed part is [`Malformed::Version`] (not Ethernet, or no cookie) or
//! [`Malformed::HeaderLength`]; of the options, [`Malformed::Option`]. Values nobody sends are
//! [`Malformed::Field`], a hardware address that is a group is [`Malformed::Source`].

use std::net::Ipv4Addr;

use addr::Mac;
use zerocopy::byteorder::network_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::dhcpv4_options::{OptionWriter, Options};

pub use crate::dhcpv4_options::MessageType;
use crate::{EmitError, Malformed};

mod display;

/// Bytes before the options, the cookie included.
pub const HEADER_LEN: usize = 240;
/// Shortest message sent: BOOTP's size, below which some relays drop.
pub const LEN_MIN: usize = 300;
/// Longest message read. Clients announce less, and joining the pieces of options takes time that
/// grows with the square of the length.
pub const LEN_MAX: usize = 4096;
/// Port of servers and relays.
pub const SERVER_PORT: u16 = 67;
/// Port of clients.
pub const CLIENT_PORT: u16 = 68;

const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const HARDWARE_ETHERNET: u8 = 1;
const HARDWARE_LEN: u8 = 6;
const FLAG_BROADCAST: u16 = 0x8000;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Layout {
    op: u8,
    htype: u8,
    hlen: u8,
    hops: u8,
    xid: U32,
    secs: U16,
    flags: U16,
    ciaddr: [u8; 4],
    yiaddr: [u8; 4],
    siaddr: [u8; 4],
    giaddr: [u8; 4],
    chaddr: [u8; 16],
    sname: [u8; 64],
    file: [u8; 128],
    cookie: [u8; 4],
}

/// Who sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Op {
    /// A client.
    #[default]
    Request,
    /// A server.
    Reply,
}

/// The fixed part of a message, as read and as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Who sends.
    pub op: Op,
    /// Relays passed.
    pub hops: u8,
    /// Number that ties a reply to its request.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The client cannot yet receive unicast.
    pub broadcast: bool,
    /// The client's address, if it answers under it.
    pub ciaddr: Ipv4Addr,
    /// The address given to the client.
    pub yiaddr: Ipv4Addr,
    /// The server of the next step of booting.
    pub siaddr: Ipv4Addr,
    /// The relay.
    pub giaddr: Ipv4Addr,
    /// The client's hardware address.
    pub chaddr: Mac,
    /// The server's name, at most 64 bytes; empty if the field holds options.
    pub server_name: &'a [u8],
    /// The boot file, at most 128 bytes; empty if the field holds options.
    pub file: &'a [u8],
}

impl Default for Header<'_> {
    fn default() -> Self {
        let none = Ipv4Addr::UNSPECIFIED;
        Self {
            op: Op::Request,
            hops: 0,
            xid: 0,
            secs: 0,
            broadcast: false,
            ciaddr: none,
            yiaddr: none,
            siaddr: none,
            giaddr: none,
            chaddr: Mac::UNSPECIFIED,
            server_name: &[],
            file: &[],
        }
    }
}

/// A received message, checked.
///
/// It prints as one line, options included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The fixed part.
    pub header: Header<'a>,
    /// What it is for.
    pub kind: MessageType,
    /// All options, from every area.
    pub options: Options<'a>,
    len: usize,
}

/// Reads and checks a message: the payload of a UDP datagram.
///
/// # Errors
/// [`Malformed::Truncated`] if there are fewer bytes than the header has, [`Malformed::Length`] if
/// the message is too long, [`Malformed::Version`] if it is not DHCP over Ethernet,
/// [`Malformed::HeaderLength`] if the length of its hardware address is wrong, [`Malformed::Field`]
/// if it is neither request nor reply, and what [`Options::parse`] reports.
///
/// ```
/// use wire::dhcpv4::{self, Header, MessageType};
/// use wire::dhcpv4_options::OptionWriter;
///
/// let mut options = OptionWriter::new(MessageType::Discover);
/// options.host_name("lab");
/// let chaddr = addr::Mac([2, 0, 0, 0x77, 0x77, 0x77]);
/// let mut bytes = [0; 548];
/// let header = Header { xid: 7, broadcast: true, chaddr, ..Header::default() };
/// let len = dhcpv4::emit(&mut bytes, &header, &options).unwrap();
/// let message = dhcpv4::parse(&bytes[..len]).unwrap();
/// assert_eq!((message.header, message.kind), (header, MessageType::Discover));
/// assert_eq!(
///     message.to_string(),
///     "BOOTP/DHCP, Request from 02:00:00:77:77:77, length 300, xid 0x7, Flags [Broadcast], \
///      DHCP-Message Discover, Hostname \"lab\""
/// );
/// ```
pub fn parse(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let (layout, area) = Layout::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
    if bytes.len() > LEN_MAX {
        return Err(Malformed::Length);
    }
    if layout.htype != HARDWARE_ETHERNET || layout.cookie != COOKIE {
        return Err(Malformed::Version);
    }
    if layout.hlen != HARDWARE_LEN {
        return Err(Malformed::HeaderLength);
    }
    let (options, overload) = Options::parse(area, &layout.file, &layout.sname)?;
    let op = match layout.op {
        1 => Op::Request,
        2 => Op::Reply,
        _ => return Err(Malformed::Field),
    };
    let [a, b, c, d, e, f, ..] = layout.chaddr;
    let header = Header {
        op,
        hops: layout.hops,
        xid: layout.xid.get(),
        secs: layout.secs.get(),
        broadcast: layout.flags.get() & FLAG_BROADCAST != 0,
        ciaddr: layout.ciaddr.into(),
        yiaddr: layout.yiaddr.into(),
        siaddr: layout.siaddr.into(),
        giaddr: layout.giaddr.into(),
        chaddr: Mac([a, b, c, d, e, f]),
        server_name: if overload.sname { &[] } else { text(&layout.sname) },
        file: if overload.file { &[] } else { text(&layout.file) },
    };
    check_addresses(&header)?;
    let kind = options.message_type().ok_or(Malformed::Field)?;
    check_presence(kind, &options)?;
    Ok(Message { header, kind, options, len: bytes.len() })
}

/// A field up to its first zero.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn check_addresses(header: &Header<'_>) -> Result<(), Malformed> {
    let nobody = |ip: &Ipv4Addr| ip.is_loopback() || ip.is_multicast() || ip.is_broadcast();
    if [header.ciaddr, header.yiaddr, header.siaddr, header.giaddr].iter().any(nobody) {
        return Err(Malformed::Field);
    }
    // Broadcast is a group as well.
    if header.chaddr.is_multicast() || header.chaddr.is_broadcast() {
        return Err(Malformed::Source);
    }
    Ok(())
}

/// What a client cannot do without.
fn check_presence(kind: MessageType, options: &Options<'_>) -> Result<(), Malformed> {
    let from_server = matches!(kind, MessageType::Offer | MessageType::Ack | MessageType::Nak);
    let nameless = from_server && options.server_id().is_none();
    let endless = kind == MessageType::Offer && options.lease_s().is_none();
    if nameless || endless { Err(Malformed::Field) } else { Ok(()) }
}

/// Writes a message to the front of `buf`, padded to [`LEN_MIN`]; returns its length.
///
/// # Errors
/// [`EmitError::NoRoom`] if `buf` is too short, [`EmitError::Value`] if a name is too
/// long.
pub fn emit(
    buf: &mut [u8],
    header: &Header<'_>,
    options: &OptionWriter,
) -> Result<usize, EmitError> {
    let mut layout = Layout {
        op: match header.op {
            Op::Request => 1,
            Op::Reply => 2,
        },
        htype: HARDWARE_ETHERNET,
        hlen: HARDWARE_LEN,
        hops: header.hops,
        xid: header.xid.into(),
        secs: header.secs.into(),
        flags: if header.broadcast { FLAG_BROADCAST } else { 0 }.into(),
        ciaddr: header.ciaddr.octets(),
        yiaddr: header.yiaddr.octets(),
        siaddr: header.siaddr.octets(),
        giaddr: header.giaddr.octets(),
        chaddr: [0; 16],
        sname: [0; 64],
        file: [0; 128],
        cookie: COOKIE,
    };
    layout.chaddr[..6].copy_from_slice(&header.chaddr.0);
    let fields = [(&mut layout.sname[..], header.server_name), (&mut layout.file[..], header.file)];
    for (field, name) in fields {
        let room = field.get_mut(..name.len()).ok_or(EmitError::Value)?;
        room.copy_from_slice(name);
    }
    let area = options.finish();
    let len = (HEADER_LEN + area.len()).max(LEN_MIN);
    let room = buf.get_mut(..len).ok_or(EmitError::NoRoom)?;
    let (fixed, rest) = room.split_at_mut(HEADER_LEN);
    fixed.copy_from_slice(layout.as_bytes());
    let (written, padding) = rest.split_at_mut(area.len());
    written.copy_from_slice(area);
    padding.fill(0);
    Ok(len)
}

#[cfg(test)]
mod tests;
