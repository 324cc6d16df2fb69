//! What a UDP datagram carries, by its port: DHCP and DNS.
//!
//! A port is only a hint: bytes that are no sound message of its protocol print as the datagram
//! they are.

use std::fmt::{self, Display, Formatter};

use crate::udp::Header;
use crate::{dhcpv4, dhcpv6, dns};

/// Prints the payload if a port names a protocol and the bytes are a message of it; else says so by
/// `None`.
pub(super) fn show(f: &mut Formatter<'_>, udp: &Header<'_>, v4: bool) -> Option<fmt::Result> {
    let is = |port| udp.src_port == port || udp.dst_port == port;
    let payload = udp.payload;
    if v4 && (is(dhcpv4::SERVER_PORT) || is(dhcpv4::CLIENT_PORT)) {
        return dhcpv4::parse(payload).ok().map(|message| message.fmt(f));
    }
    if !v4 && (is(dhcpv6::SERVER_PORT) || is(dhcpv6::CLIENT_PORT)) {
        return dhcpv6::parse(payload).ok().map(|message| message.fmt(f));
    }
    is(dns::PORT).then(|| dns::parse(payload).ok())?.map(|message| message.fmt(f))
}
