//! Which shard owns a frame.
//!
//! A pure function of a frame's bytes, so that every port and every shard comes to the same answer
//! without asking anyone. It believes nothing: what it cannot read is shard 0's, whose input drops
//! it for the reason it has. With one shard nothing is looked at.
//!
//! | frame | owner |
//! |---|---|
//! | TCP | by a keyed hash of the flow that is the same for both directions |
//! | UDP | by destination port: all sockets of a port live on one shard |
//! | fragment | by what names its datagram; the whole packet then goes where it belongs |
//! | ICMP error | as the packet it quotes: where the flow lives that it is about |
//! | other ICMP | by the pair of addresses |
//! | ARP, ND, MLD, IGMP, DHCP, unknown | shard 0, beside control |
//!
//! The key is drawn at start, so that nobody can aim traffic at one shard.

use addr::{Endpoint, FlowKey, HashKey, Ip};
use wire::ethernet;
use wire::icmp::{HEADER_LEN as ICMP_HEADER_LEN, Quote};
use wire::ip::{PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP};
use wire::ipv6_ext;
use wire::offload::Medium;

use crate::keys::Keys;
use crate::shard::index::ShardIndex;

/// The rule by which flows and ports are spread over the shards of one host.
#[derive(Clone, Copy, Debug)]
pub struct Steering {
    key: HashKey,
    shards: u8,
}

/// The rule as one of the shards sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    /// The shard.
    pub(crate) shard: ShardIndex,
    pub(crate) steering: Steering,
}

impl Home {
    /// The only shard.
    #[cfg(test)]
    pub(crate) const SINGLE: Self = Self { shard: ShardIndex::ZERO, steering: Steering::SINGLE };

    /// Whether there is no other shard.
    #[inline]
    pub(crate) const fn is_alone(&self) -> bool {
        self.steering.shards() == 1
    }

    /// Whether a port's UDP sockets and listeners are this shard's.
    #[inline]
    pub(crate) fn owns_port(&self, port: u16) -> bool {
        self.steering.home_of_port(port) == self.shard
    }

    /// Whether a flow lives here.
    #[inline]
    pub(crate) fn owns_flow(&self, flow: &FlowKey) -> bool {
        self.steering.home_of_flow(flow) == self.shard
    }
}

/// What decides about the owner of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Flow(FlowKey),
    Port(u16),
    Fragment {
        src: Ip,
        dst: Ip,
        identification: u32,
        protocol: u8,
    },
    Pair(Ip, Ip),
    /// Shard 0's.
    Control,
}

impl Steering {
    /// All to one shard.
    pub(crate) const SINGLE: Self = Self { key: HashKey::new(0, 0), shards: 1 };

    /// Spreads over so many shards, at least one and [`ShardIndex::COUNT_MAX`] at most.
    pub(crate) fn new(shards: usize, keys: &Keys) -> Self {
        let shards = shards.clamp(1, ShardIndex::COUNT_MAX) as u8;
        match shards {
            1 => Self::SINGLE,
            _ => Self { key: keys.steering, shards },
        }
    }

    /// How many shards there are.
    #[inline]
    #[must_use]
    pub const fn shards(&self) -> usize {
        self.shards as usize
    }

    /// The shard that owns a received frame.
    #[inline]
    #[must_use]
    pub fn owner(&self, medium: Medium, frame: &[u8]) -> ShardIndex {
        if self.shards == 1 {
            return ShardIndex::ZERO;
        }
        match medium {
            Medium::Ip => self.packet_owner(frame),
            Medium::Ethernet => match ethernet::parse(frame) {
                Ok(frame) => match frame.ethertype {
                    ethernet::ETHERTYPE_IPV4 | ethernet::ETHERTYPE_IPV6 => {
                        self.packet_owner(frame.payload)
                    }
                    _ => ShardIndex::ZERO,
                },
                Err(_) => ShardIndex::ZERO,
            },
        }
    }

    /// The shard that owns a received IP packet.
    #[must_use]
    pub fn packet_owner(&self, packet: &[u8]) -> ShardIndex {
        if self.shards == 1 {
            return ShardIndex::ZERO;
        }
        match classify(packet) {
            Class::Flow(flow) => self.home_of_flow(&flow),
            Class::Port(port) => self.home_of_port(port),
            Class::Pair(a, b) => self.pick(self.key.hash_bytes(&pair_bytes(a.min(b), a.max(b)))),
            Class::Fragment { src, dst, identification, protocol } => {
                let mut bytes = [0; 37];
                bytes[..32].copy_from_slice(&pair_bytes(src, dst));
                bytes[32..36].copy_from_slice(&identification.to_be_bytes());
                bytes[36] = protocol;
                self.pick(self.key.hash_bytes(&bytes))
            }
            Class::Control => ShardIndex::ZERO,
        }
    }

    /// The shard where a TCP connection lives, whichever of its ends is ours.
    #[inline]
    #[must_use]
    pub fn home_of_flow(&self, flow: &FlowKey) -> ShardIndex {
        if self.shards == 1 {
            return ShardIndex::ZERO;
        }
        let FlowKey { local, remote } = *flow;
        let ordered =
            if local <= remote { FlowKey::new(local, remote) } else { FlowKey::new(remote, local) };
        self.pick(self.key.hash_flow(&ordered))
    }

    /// The shard where the UDP sockets of a port live, and that decides about a port's TCP
    /// listeners.
    #[inline]
    #[must_use]
    pub fn home_of_port(&self, port: u16) -> ShardIndex {
        if self.shards == 1 || matches!(port, DHCP_CLIENT | DHCPV6_CLIENT) {
            return ShardIndex::ZERO;
        }
        self.pick(self.key.hash_bytes(&port.to_be_bytes()))
    }

    fn pick(&self, hash: u64) -> ShardIndex {
        let number = (u64::from(self.shards) * (hash >> 32)) >> 32;
        ShardIndex::new(number as usize).unwrap_or(ShardIndex::ZERO)
    }
}

fn classify(packet: &[u8]) -> Class {
    match packet.first().map(|byte| byte >> 4) {
        Some(4) => classify_v4(packet).unwrap_or(Class::Control),
        Some(6) => classify_v6(packet).unwrap_or(Class::Control),
        _ => Class::Control,
    }
}

fn classify_v4(packet: &[u8]) -> Option<Class> {
    let [first, _, _, _, i0, i1, f0, f1, _, protocol, _, _, src @ .., d0, d1, d2, d3] =
        *packet.first_chunk::<20>()?;
    let (src, dst) = (Ip::v4(src), Ip::v4([d0, d1, d2, d3]));
    let fragment = u16::from_be_bytes([f0, f1]);
    if fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0 {
        let identification = u16::from_be_bytes([i0, i1]).into();
        return Some(Class::Fragment { src, dst, identification, protocol });
    }
    let payload = packet.get(usize::from(first & 0xf) * 4..)?;
    transport(src, dst, protocol, payload)
}

fn classify_v6(packet: &[u8]) -> Option<Class> {
    let fixed = packet.first_chunk::<40>()?;
    let src = Ip::v6(*fixed[8..].first_chunk()?);
    let dst = Ip::v6(*fixed[24..].first_chunk()?);
    let chain = ipv6_ext::skip(packet, fixed[6]).ok()?;
    if chain.fragment.is_some() {
        // RFC 8200 §4.5: what follows the header is not part of the name.
        let identification = chain.identification;
        return Some(Class::Fragment { src, dst, identification, protocol: 0 });
    }
    transport(src, dst, chain.protocol, packet.get(chain.header_len..)?)
}

fn transport(src: Ip, dst: Ip, protocol: u8, payload: &[u8]) -> Option<Class> {
    match protocol {
        PROTO_TCP => {
            let (src_port, dst_port) = ports(payload)?;
            Some(Class::Flow(FlowKey::new(
                Endpoint::new(dst, dst_port),
                Endpoint::new(src, src_port),
            )))
        }
        PROTO_UDP => Some(Class::Port(ports(payload)?.1)),
        PROTO_ICMP | PROTO_ICMPV6 => icmp(src, dst, protocol, payload),
        _ => None,
    }
}

fn ports(payload: &[u8]) -> Option<(u16, u16)> {
    let [s0, s1, d0, d1] = *payload.first_chunk()?;
    Some((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])))
}

fn icmp(src: Ip, dst: Ip, protocol: u8, message: &[u8]) -> Option<Class> {
    match (protocol, *message.first()?) {
        // RFC 792: destination unreachable, time exceeded, parameter problem. RFC 4443 §3: those
        // and packet too big.
        (PROTO_ICMP, 3 | 11 | 12) | (PROTO_ICMPV6, 1..=4) => {
            quoted(message.get(ICMP_HEADER_LEN..)?)
        }
        // RFC 2710, RFC 3810, RFC 4861: MLD and neighbour discovery.
        (PROTO_ICMPV6, 130..=137 | 143) => None,
        _ => Some(Class::Pair(src, dst)),
    }
}

/// An error goes where the packet came from that it quotes: its source is our end.
fn quoted(quote: &[u8]) -> Option<Class> {
    let quote = Quote::parse(quote).ok()?;
    let (src, dst) = (quote.src, quote.dst);
    match (quote.protocol, quote.ports()) {
        (PROTO_TCP, Some((local, remote))) => {
            Some(Class::Flow(FlowKey::new(Endpoint::new(src, local), Endpoint::new(dst, remote))))
        }
        (PROTO_UDP, Some((local, _))) => Some(Class::Port(local)),
        _ => Some(Class::Pair(src, dst)),
    }
}

fn pair_bytes(a: Ip, b: Ip) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(a.octets());
    bytes[16..].copy_from_slice(b.octets());
    bytes
}

/// RFC 791 §3.1: the flag and the offset that make a packet a fragment.
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;
/// RFC 2131 §4.1: where servers answer, which control listens for.
const DHCP_CLIENT: u16 = 68;
/// RFC 8415 §7.2.
const DHCPV6_CLIENT: u16 = 546;

#[cfg(test)]
mod tests;
