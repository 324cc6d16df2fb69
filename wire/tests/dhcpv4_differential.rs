//! DHCPv4 against dhcproto: what either writes the other reads the same, and where both read
//! damaged bytes they agree.
//!
//! Ours is stricter: it refuses a message for a broken option where dhcproto drops the rest, and
//! checks lengths and the fixed part. It also joins pieces of options wherever they are and
//! reads overloaded fields. So the claim for damaged bytes is: where both accept,
//! every option dhcproto finds is in ours with the same value.

use std::net::Ipv4Addr;
use std::panic::catch_unwind;

use addr::{Cidr, Ip, Mac};
use dhcproto::v4::{self, DhcpOption as Theirs, OptionCode};
use dhcproto::{Decodable, Encodable};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::dhcpv4::{self, Header, Message, MessageType, Op};
use wire::dhcpv4_options::{DhcpOption, OptionWriter, Route};

/// What a message is made of.
#[derive(Clone, Debug)]
struct Parts {
    reply: bool,
    kind: u8,
    xid: u32,
    secs: u16,
    broadcast: bool,
    addresses: [Ipv4Addr; 4],
    chaddr: [u8; 6],
    prefix: u8,
    routers: Vec<Ipv4Addr>,
    times: [u32; 3],
    name: String,
    client_id: Vec<u8>,
    wanted: Vec<u8>,
    size: u16,
    routes: Vec<(u32, u8, Ipv4Addr)>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let address = || (0x0a00_0000u32..0x0b00_0000).prop_map(Ipv4Addr::from);
    let head = (any::<bool>(), 1u8..=8, any::<u32>(), any::<u16>(), any::<bool>());
    let lease = (0u8..=32, vec(address(), 1..5), any::<[u32; 3]>(), "[a-z]{1,30}");
    let identity = (vec(any::<u8>(), 2..40), vec(1u8..255, 1..12), 576u16..);
    let routes = vec((any::<u32>(), 0u8..=32, address()), 1..6);
    let addresses = [address(), address(), address(), address()];
    (head, addresses, any::<[u8; 5]>(), lease, identity, routes).prop_map(
        |(head, addresses, [a, b, c, d, e], lease, identity, routes)| {
            let (reply, kind, xid, secs, broadcast) = head;
            let (prefix, routers, times, name) = lease;
            let (client_id, wanted, size) = identity;
            let chaddr = [2, a, b, c, d, e];
            Parts {
                reply,
                kind,
                xid,
                secs,
                broadcast,
                addresses,
                chaddr,
                prefix,
                routers,
                times,
                name,
                client_id,
                wanted,
                size,
                routes,
            }
        },
    )
}

impl Parts {
    fn routes(&self) -> Vec<Route> {
        let route = |&(ip, prefix, gateway): &(u32, u8, Ipv4Addr)| {
            let destination = Cidr::new(Ip::v4(ip.to_be_bytes()), prefix).unwrap().network();
            Route { destination, gateway }
        };
        self.routes.iter().map(route).collect()
    }

    /// By our writer.
    fn ours(&self) -> Vec<u8> {
        let [ciaddr, yiaddr, siaddr, giaddr] = self.addresses;
        let header = Header {
            op: if self.reply { Op::Reply } else { Op::Request },
            xid: self.xid,
            secs: self.secs,
            broadcast: self.broadcast,
            ciaddr,
            yiaddr,
            siaddr,
            giaddr,
            chaddr: Mac(self.chaddr),
            ..Header::default()
        };
        let routers: Vec<[u8; 4]> = self.routers.iter().map(Ipv4Addr::octets).collect();
        let [lease, renewal, rebinding] = self.times;
        let mut options = OptionWriter::new(MessageType::from_code(self.kind));
        let all = [
            options.subnet_mask(self.prefix),
            options.routers(&routers),
            options.server_id(siaddr),
            options.lease_s(lease),
            options.put(&DhcpOption::RenewalTime(renewal)),
            options.put(&DhcpOption::RebindingTime(rebinding)),
            options.host_name(&self.name),
            options.put(&DhcpOption::ClientId(self.client_id[..].into())),
            options.parameter_list(&self.wanted),
            options.max_message_size(self.size),
            options.requested_address(yiaddr),
            options.classless_routes(&self.routes()),
        ];
        assert!(all.iter().all(|put| *put));
        let mut bytes = vec![0; 576];
        let len = dhcpv4::emit(&mut bytes, &header, &options).unwrap();
        bytes.truncate(len);
        bytes
    }

    /// By theirs.
    fn theirs(&self) -> Vec<u8> {
        let [ciaddr, yiaddr, siaddr, giaddr] = self.addresses;
        let mut message =
            v4::Message::new_with_id(self.xid, ciaddr, yiaddr, siaddr, giaddr, &self.chaddr);
        let opcode = if self.reply { v4::Opcode::BootReply } else { v4::Opcode::BootRequest };
        let flags = v4::Flags::default();
        let flags = if self.broadcast { flags.set_broadcast() } else { flags };
        message.set_opcode(opcode).set_secs(self.secs).set_flags(flags);
        let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
        let [lease, renewal, rebinding] = self.times;
        let wanted = self.wanted.iter().map(|code| OptionCode::from(*code)).collect();
        let all = [
            Theirs::MessageType(self.kind.into()),
            Theirs::SubnetMask(mask.into()),
            Theirs::Router(self.routers.clone()),
            Theirs::ServerIdentifier(siaddr),
            Theirs::AddressLeaseTime(lease),
            Theirs::Renewal(renewal),
            Theirs::Rebinding(rebinding),
            Theirs::Hostname(self.name.clone()),
            Theirs::ClientIdentifier(self.client_id.clone()),
            Theirs::ParameterRequestList(wanted),
            Theirs::MaxMessageSize(self.size),
            Theirs::RequestedIpAddress(yiaddr),
        ];
        for option in all {
            message.opts_mut().insert(option);
        }
        message.to_vec().unwrap()
    }
}

/// None if dhcproto refuses `bytes` or, as 0.15 does on some damaged ones, panics.
fn read_by_dhcproto(bytes: &[u8]) -> Option<v4::Message> {
    catch_unwind(|| v4::Message::from_bytes(bytes).ok()).ok().flatten()
}

/// Both accepted a message; returns how many options both know.
fn agree(ours: &Message<'_>, theirs: &v4::Message) -> usize {
    let header = &ours.header;
    assert_eq!(theirs.opcode() == v4::Opcode::BootReply, header.op == Op::Reply);
    assert_eq!(
        (theirs.hops(), theirs.xid(), theirs.secs()),
        (header.hops, header.xid, header.secs)
    );
    assert_eq!(theirs.flags().broadcast(), header.broadcast);
    let addresses = [header.ciaddr, header.yiaddr, header.siaddr, header.giaddr];
    let found = [theirs.ciaddr(), theirs.yiaddr(), theirs.siaddr(), theirs.giaddr()];
    assert_eq!(found, addresses);
    assert_eq!(theirs.chaddr(), header.chaddr.0);
    theirs.opts().iter().filter(|(code, theirs)| same_option(ours, (**code).into(), theirs)).count()
}

/// Whether both know the option; panics if they read it differently.
fn same_option(ours: &Message<'_>, code: u8, theirs: &Theirs) -> bool {
    // dhcproto 0.15 files option 37 (TCP TTL) under 23 (IP TTL).
    if code == 23 {
        return false;
    }
    let value = ours.options.value(code).expect("an option that dhcproto found");
    if value.pieces().count() > 1 {
        return false;
    }
    let ours = ours.options.get(code).unwrap();
    match (&ours, theirs) {
        (DhcpOption::SubnetMask(prefix), Theirs::SubnetMask(mask)) => {
            assert_eq!(u32::from(*mask).count_ones(), u32::from(*prefix));
        }
        (DhcpOption::Routers(ours), Theirs::Router(theirs))
        | (DhcpOption::NameServers(ours), Theirs::DomainNameServer(theirs))
        | (DhcpOption::NtpServers(ours), Theirs::NtpServers(theirs)) => {
            assert_eq!(ours.iter().collect::<Vec<_>>(), *theirs);
        }
        (DhcpOption::HostName(ours), Theirs::Hostname(theirs))
        | (DhcpOption::DomainName(ours), Theirs::DomainName(theirs))
        | (DhcpOption::Message(ours), Theirs::Message(theirs)) => {
            assert_eq!(ours.as_str(), Some(&theirs[..]));
        }
        (DhcpOption::Mtu(ours), Theirs::InterfaceMtu(theirs)) => assert_eq!(ours, theirs),
        (DhcpOption::Broadcast(ours), Theirs::BroadcastAddr(theirs))
        | (DhcpOption::RequestedAddress(ours), Theirs::RequestedIpAddress(theirs))
        | (DhcpOption::ServerId(ours), Theirs::ServerIdentifier(theirs)) => {
            assert_eq!(ours, theirs);
        }
        (DhcpOption::LeaseTime(ours), Theirs::AddressLeaseTime(theirs))
        | (DhcpOption::RenewalTime(ours), Theirs::Renewal(theirs))
        | (DhcpOption::RebindingTime(ours), Theirs::Rebinding(theirs)) => {
            assert_eq!(ours, theirs);
        }
        (DhcpOption::MessageType(ours), Theirs::MessageType(theirs)) => {
            assert_eq!(ours.code(), u8::from(*theirs));
        }
        (DhcpOption::ParameterList(ours), Theirs::ParameterRequestList(theirs)) => {
            assert!(ours.bytes().eq(theirs.iter().map(|code| u8::from(*code))));
        }
        (DhcpOption::MaxMessageSize(ours), Theirs::MaxMessageSize(theirs)) => {
            assert_eq!(ours, theirs);
        }
        (DhcpOption::ClientId(ours), Theirs::ClientIdentifier(theirs))
        | (DhcpOption::VendorClass(ours), Theirs::ClassIdentifier(theirs)) => {
            assert!(*ours == theirs[..]);
        }
        (DhcpOption::ClasslessRoutes(ours), Theirs::ClasslessStaticRoute(theirs)) => {
            assert_eq!(ours.iter().count(), theirs.len());
            for (ours, (network, gateway)) in ours.iter().zip(theirs) {
                assert_eq!(ours.destination.to_string(), network.trunc().to_string());
                assert_eq!(ours.gateway, *gateway);
            }
        }
        _ => return false,
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// DHCP4-01, DHCP4-03, DHCP4-06, DHCP4-08
    #[test]
    fn ours_is_read_by_dhcproto(parts in parts()) {
        let bytes = parts.ours();
        let message = dhcpv4::parse(&bytes).unwrap();
        prop_assert_eq!(agree(&message, &read_by_dhcproto(&bytes).unwrap()), 13);
        let routes = message.options.classless_routes().unwrap();
        prop_assert_eq!(routes.iter().collect::<Vec<_>>(), parts.routes());
    }

    /// DHCP4-01, DHCP4-03, DHCP4-08
    #[test]
    fn dhcproto_is_read_by_ours(parts in parts()) {
        let bytes = parts.theirs();
        let message = dhcpv4::parse(&bytes).unwrap();
        prop_assert_eq!(agree(&message, &read_by_dhcproto(&bytes).unwrap()), 12);
        let ours = parts.ours();
        prop_assert_eq!(message.header, dhcpv4::parse(&ours).unwrap().header);
    }

    /// DHCP4-02, DHCP4-03
    #[test]
    fn damaged_messages_are_refused_or_read_alike(
        parts in parts(),
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        whole: bool,
    ) {
        let mut bytes = parts.ours();
        // The fixed part is most of the bytes and least of the matter.
        let from = if whole { 0 } else { dhcpv4::HEADER_LEN };
        for (at, byte) in hits {
            let at = from + at.index(bytes.len() - from);
            bytes[at] = byte;
        }
        if let (Ok(ours), Some(theirs)) = (dhcpv4::parse(&bytes), read_by_dhcproto(&bytes)) {
            agree(&ours, &theirs);
        }
    }
}
