//! Echo, errors in, errors out, for both families.
//!
//! Echo requests are answered from the address they were sent to. An error that quotes a packet of
//! ours becomes an [`IcmpError`] for the transport that sent it, which decides what to believe.
//! Errors of ours follow RFC 1122 §3.2.2 and RFC 4443 §2.4 e: never about an error, a group or all,
//! a later fragment, or a source that is not one host; and no more than [`rate_limit`] allows.
//!
//! Neighbour discovery comes through here and goes on to control, unless it came in fragments (RFC
//! 6980).

mod rate_limit;

use addr::{IfIndex, Ip};
use wire::error::Problem;
use wire::icmp::{self, HEADER_LEN, Message, Quote};
use wire::ip::{IpEmit, PROTO_ICMP, PROTO_ICMPV6};
use wire::{icmpv4, icmpv6, ndp};

use crate::cx::Cx;
use crate::drop::DropReason;
use crate::fib::{Destination, Fib};
use crate::icmp::rate_limit::RateLimit;
use crate::ip::Packet;
use crate::ip::ident::Ident;
use crate::ip::output;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::socket::SocketError;
use crate::steer::Home;
use crate::written::written;

/// What an ICMP error says, without the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IcmpErrorKind {
    /// Nobody listens at the port.
    PortUnreachable,
    /// The peer has no such protocol.
    ProtocolUnreachable,
    /// The last router cannot reach the host. Soft: the path may come back.
    HostUnreachable,
    /// A router has no route. Soft, too.
    NetUnreachable,
    /// A link on the way takes no more than `mtu` bytes.
    PacketTooBig {
        /// That link's MTU, never 0.
        mtu: u32,
    },
    /// The packet was too long on its way, or its fragments did not all arrive.
    TimeExceeded,
    /// Some header field is wrong.
    ParameterProblem,
    /// The destination is out of reach for another reason.
    Unreachable {
        /// What a socket hears of it.
        error: SocketError,
        /// It will not go away by itself.
        is_hard: bool,
    },
}

impl IcmpErrorKind {
    /// The error that a socket gets from it (Linux `icmp_err_convert`, `icmpv6_err_convert`).
    pub(crate) fn socket_error(self) -> SocketError {
        match self {
            Self::PortUnreachable => SocketError::ConnectionRefused,
            Self::ProtocolUnreachable => SocketError::ProtocolNotAvailable,
            Self::HostUnreachable | Self::TimeExceeded => SocketError::HostUnreachable,
            Self::NetUnreachable => SocketError::NetworkUnreachable,
            Self::PacketTooBig { .. } => SocketError::MessageTooLong,
            Self::ParameterProblem => SocketError::Protocol,
            Self::Unreachable { error, .. } => error,
        }
    }

    /// Whether it will not go away by itself, so that the sender of datagrams is told.
    pub(crate) fn is_hard(self) -> bool {
        match self {
            Self::PortUnreachable
            | Self::ProtocolUnreachable
            | Self::ParameterProblem
            | Self::PacketTooBig { .. } => true,
            Self::HostUnreachable | Self::NetUnreachable | Self::TimeExceeded => false,
            Self::Unreachable { is_hard, .. } => is_hard,
        }
    }
}

/// An error about a packet of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IcmpError<'a> {
    pub(crate) kind: IcmpErrorKind,
    /// Source of the packet: ours.
    pub(crate) src: Ip,
    /// Where it went: the peer.
    pub(crate) dst: Ip,
    pub(crate) protocol: u8,
    /// The beginning of its transport header, at least 8 bytes.
    pub(crate) transport: &'a [u8],
}

/// What is left to be done after a message was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a> {
    /// Nothing.
    Done,
    /// A transport is to hear of an error.
    Error(IcmpError<'a>),
    /// Control is to see neighbour discovery: type, code, body.
    Nd(u8, u8, &'a [u8]),
}

/// What an ICMP error that we send is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCause {
    /// No socket at this port.
    Port,
    /// No such protocol here.
    Protocol,
    /// Fragments did not all arrive in time.
    ReassemblyTime,
    /// A header field at fault.
    Field(Problem),
}

/// The state of ICMP: the budgets of errors.
#[derive(Debug)]
pub(crate) struct Icmp {
    ident: Ident,
    limit: RateLimit,
}

impl Icmp {
    pub(crate) fn new(limits: &Limits, home: Home, keys: &Keys) -> Self {
        let limit = RateLimit::new(limits, keys.icmp_peers);
        Self { ident: Ident::new(home, keys.icmp_ident), limit }
    }

    /// Takes a message of the packet's family. `reassembled`: it came in fragments.
    pub(crate) fn receive<'a>(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Packet<'a>,
        reassembled: bool,
    ) -> Result<Outcome<'a>, DropReason> {
        let header = &packet.header;
        let parsed = if header.src.is_v4() {
            icmpv4::parse(packet.payload)
        } else {
            icmpv6::parse(header.src, header.dst, packet.payload)
        };
        let message = parsed.map_err(|malformed| match malformed {
            wire::Malformed::Field => DropReason::IcmpUnwanted,
            _ => DropReason::IcmpMalformed,
        })?;
        match message {
            Message::EchoRequest(echo) => {
                self.answer_echo(cx, packet, Message::EchoReply(echo), echo.data.len())?;
                Ok(Outcome::Done)
            }
            Message::Unreachable { .. }
            | Message::PacketTooBig { .. }
            | Message::TimeExceeded { .. }
            | Message::ParameterProblem { .. } => {
                let error = error_in(cx.fib, packet, &message)?;
                cx.stats.icmp_errors_in += 1;
                Ok(Outcome::Error(error))
            }
            Message::Other { kind, code, body } if is_nd(kind) => {
                if reassembled {
                    return Err(DropReason::NdInvalid);
                }
                Ok(Outcome::Nd(kind, code, body))
            }
            Message::EchoReply(_) | Message::Redirect { .. } | Message::Other { .. } => {
                Err(DropReason::IcmpUnwanted)
            }
        }
    }

    /// Sends an ICMP error about `packet` to its sender, where the RFCs allow one and the rate
    /// limit is not reached.
    pub(crate) fn send_error(&mut self, cx: &mut Cx<'_>, packet: &Packet<'_>, about: ErrorCause) {
        if !may_send_error(packet, about) {
            return;
        }
        let (src, dst) = (packet.header.dst, packet.header.src);
        // Linux `icmpv4_global_allow`: what stays in the host is not limited.
        if !cx.fib.is_local(dst) && !self.limit.allow(cx.now, cx.limits, cx.rng, dst) {
            cx.drop(DropReason::IcmpRateLimited);
            return;
        }
        let v4 = dst.is_v4();
        let quote = icmp::quote(packet.whole, v4);
        let message = error_message(about, packet, quote);
        let src = if packet.destination == Destination::Unicast {
            src
        } else {
            match cx.fib.path(dst, None, Some(packet.ifindex)) {
                Ok(path) => path.source,
                Err(_) => return,
            }
        };
        // Linux gives IPv4 errors the precedence of network control.
        let traffic_class = if v4 { 0xc0 } else { 0 };
        let sent = self.send(cx, packet.ifindex, (src, dst), traffic_class, &message, quote.len());
        match sent {
            Ok(()) => cx.stats.icmp_errors_out += 1,
            Err(reason) => cx.drop(reason),
        }
    }

    /// RFC 1122 §3.2.2.6. Linux `icmp_echo_ignore_broadcasts` 1; IPv6 groups are answered (RFC
    /// 4443 §4.2), from a unicast address.
    fn answer_echo(
        &mut self,
        cx: &mut Cx<'_>,
        packet: &Packet<'_>,
        reply: Message<'_>,
        data_len: usize,
    ) -> Result<(), DropReason> {
        let (src, dst) = (packet.header.dst, packet.header.src);
        let src = match packet.destination {
            Destination::Unicast => src,
            _ if dst.is_v4() => return Err(DropReason::IcmpEchoBroadcast),
            _ => {
                let path = cx.fib.path(dst, None, Some(packet.ifindex));
                path.map_err(|_| DropReason::NoRoute)?.source
            }
        };
        let traffic_class = packet.header.traffic_class & !3;
        self.send(cx, packet.ifindex, (src, dst), traffic_class, &reply, data_len)?;
        cx.stats.icmp_echo_replies += 1;
        Ok(())
    }

    fn send(
        &mut self,
        cx: &mut Cx<'_>,
        oif: IfIndex,
        (src, dst): (Ip, Ip),
        traffic_class: u8,
        message: &Message<'_>,
        body_len: usize,
    ) -> Result<(), DropReason> {
        let v4 = dst.is_v4();
        let header = IpEmit {
            src,
            dst,
            protocol: if v4 { PROTO_ICMP } else { PROTO_ICMPV6 },
            traffic_class,
            // Others may fragment what we send without DF, so it needs a name (RFC 6864 §4.1).
            identification: if v4 { self.ident.next(src, dst, cx.rng) as u16 } else { 0 },
            dont_fragment: false,
            payload_len: HEADER_LEN + body_len,
            ..IpEmit::default()
        };
        output::reply(cx, Some(oif), &header, |buf| {
            written(if v4 {
                icmpv4::emit(buf, message)
            } else {
                icmpv6::emit(buf, src, dst, message)
            });
        })
    }
}

fn is_nd(kind: u8) -> bool {
    (ndp::ROUTER_SOLICITATION..=ndp::REDIRECT).contains(&kind)
}

/// RFC 1122 §3.2.2 and RFC 4443 §2.4 e: what an error must not answer.
fn may_send_error(packet: &Packet<'_>, about: ErrorCause) -> bool {
    let to_many = packet.link_multicast || packet.destination != Destination::Unicast;
    let excused = matches!(about, ErrorCause::Field(problem) if problem.even_multicast);
    let later = packet.header.fragment.is_some_and(|f| f.offset != 0);
    packet.header.src.is_unicast() && !later && !is_error(packet) && (!to_many || excused)
}

/// Whether the packet is an ICMP error, or too short to say that it is not.
fn is_error(packet: &Packet<'_>) -> bool {
    let kind = packet.payload.first();
    match packet.header.protocol {
        // Only queries and their answers may be answered by an error; the rest may be errors.
        PROTO_ICMP => !matches!(kind, Some(0 | 8..=10 | 13..=18)),
        PROTO_ICMPV6 => kind.is_none_or(|kind| *kind < 128 || *kind == ndp::REDIRECT),
        _ => false,
    }
}

fn error_message<'a>(about: ErrorCause, packet: &Packet<'_>, quote: &'a [u8]) -> Message<'a> {
    let v4 = packet.header.src.is_v4();
    match about {
        ErrorCause::Port if v4 => Message::Unreachable { code: icmpv4::CODE_PORT, quote },
        ErrorCause::Port => Message::Unreachable { code: icmpv6::CODE_PORT, quote },
        ErrorCause::Protocol if v4 => Message::Unreachable { code: icmpv4::CODE_PROTOCOL, quote },
        ErrorCause::Protocol => Message::ParameterProblem {
            code: icmpv6::CODE_NEXT_HEADER,
            pointer: packet.header.protocol_at as u32,
            quote,
        },
        ErrorCause::ReassemblyTime => Message::TimeExceeded { code: 1, quote },
        ErrorCause::Field(problem) => Message::ParameterProblem {
            code: if v4 { 0 } else { problem.code },
            pointer: u32::from(problem.pointer),
            quote,
        },
    }
}

/// RFC 1122 §3.2.2, RFC 5927 §4: whose packet an error is about. It must be ours, whole enough to
/// be recognised, and
/// sent to where an error can come from.
fn error_in<'a>(
    fib: &Fib,
    packet: &Packet<'_>,
    message: &Message<'a>,
) -> Result<IcmpError<'a>, DropReason> {
    let (kind, quote) = match *message {
        Message::Unreachable { code, quote } if packet.header.src.is_v4() => {
            (unreachable_v4(code), quote)
        }
        Message::Unreachable { code, quote } => (unreachable_v6(code), quote),
        Message::PacketTooBig { mtu, quote } => (IcmpErrorKind::PacketTooBig { mtu }, quote),
        // Linux `icmp_unreach`: fragments that did not all arrive are nobody's error.
        Message::TimeExceeded { code: 1, .. } if packet.header.src.is_v4() => {
            return Err(DropReason::IcmpUnwanted);
        }
        Message::TimeExceeded { quote, .. } => (IcmpErrorKind::TimeExceeded, quote),
        Message::ParameterProblem { quote, .. } => (IcmpErrorKind::ParameterProblem, quote),
        Message::EchoRequest(_)
        | Message::EchoReply(_)
        | Message::Redirect { .. }
        | Message::Other { .. } => return Err(DropReason::IcmpUnwanted),
    };
    let quote = Quote::parse(quote).map_err(|_| DropReason::IcmpMalformed)?;
    let believable = packet.destination == Destination::Unicast
        && quote.src.same_family(&packet.header.src)
        && fib.is_local(quote.src)
        && !quote.is_later_fragment
        && quote.transport.len() >= 8;
    if !believable {
        return Err(DropReason::IcmpUnwanted);
    }
    let kind = match kind {
        IcmpErrorKind::PacketTooBig { mtu: 0 } => {
            IcmpErrorKind::PacketTooBig { mtu: next_plateau(quote.packet_len) }
        }
        kind => kind,
    };
    Ok(IcmpError {
        kind,
        src: quote.src,
        dst: quote.dst,
        protocol: quote.protocol,
        transport: quote.transport,
    })
}

/// Codes of RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1 as Linux's `icmp_err_convert` has them.
fn unreachable_v4(code: u8) -> IcmpErrorKind {
    let hard = |error| IcmpErrorKind::Unreachable { error, is_hard: true };
    let soft = |error| IcmpErrorKind::Unreachable { error, is_hard: false };
    match code {
        icmpv4::CODE_NETWORK => IcmpErrorKind::NetUnreachable,
        icmpv4::CODE_PROTOCOL => IcmpErrorKind::ProtocolUnreachable,
        icmpv4::CODE_PORT => IcmpErrorKind::PortUnreachable,
        icmpv4::CODE_SOURCE_ROUTE => soft(SocketError::NotSupported),
        icmpv4::CODE_NETWORK_UNKNOWN | icmpv4::CODE_NETWORK_PROHIBITED => {
            hard(SocketError::NetworkUnreachable)
        }
        icmpv4::CODE_HOST_UNKNOWN => hard(SocketError::HostDown),
        icmpv4::CODE_HOST_ISOLATED => hard(SocketError::NotOnNetwork),
        icmpv4::CODE_NETWORK_SERVICE => soft(SocketError::NetworkUnreachable),
        icmpv4::CODE_HOST_SERVICE => soft(SocketError::HostUnreachable),
        icmpv4::CODE_HOST_PROHIBITED
        | icmpv4::CODE_PROHIBITED
        | icmpv4::CODE_PRECEDENCE_VIOLATION
        | icmpv4::CODE_PRECEDENCE_CUTOFF => hard(SocketError::HostUnreachable),
        _ => IcmpErrorKind::HostUnreachable,
    }
}

/// Codes of RFC 4443 §3.1 as Linux's `icmpv6_err_convert` has them.
fn unreachable_v6(code: u8) -> IcmpErrorKind {
    let hard = |error| IcmpErrorKind::Unreachable { error, is_hard: true };
    match code {
        icmpv6::CODE_NO_ROUTE => IcmpErrorKind::NetUnreachable,
        icmpv6::CODE_BEYOND_SCOPE | icmpv6::CODE_ADDRESS => IcmpErrorKind::HostUnreachable,
        icmpv6::CODE_PORT => IcmpErrorKind::PortUnreachable,
        icmpv6::CODE_PROHIBITED | icmpv6::CODE_POLICY | icmpv6::CODE_REJECT_ROUTE => {
            hard(SocketError::PermissionDenied)
        }
        _ => hard(SocketError::Protocol),
    }
}

/// The next common MTU below a packet that an old router found too big without saying by how much
/// (RFC 1191 §7).
fn next_plateau(packet_len: usize) -> u32 {
    const PLATEAUS: [u32; 9] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];
    PLATEAUS.into_iter().find(|p| (*p as usize) < packet_len).unwrap_or(68)
}
