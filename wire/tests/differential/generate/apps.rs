//! Messages of DHCP and DNS, with the ports they travel between.

use addr::Mac;
use wire::dhcpv4::{self, Header, MessageType, Op};
use wire::dhcpv4_options;
use wire::dhcpv6;
use wire::dhcpv6_options::{DhcpOption, Ia, IaAddress, OptionWriter, Options, StatusCode};
use wire::dns::{self, NameBuf, Question, Record, RecordData, ResponseCode, Writer};

use crate::random::Random;

/// Source port, destination port, payload.
pub(super) fn message(random: &mut Random, v4: bool) -> (u16, u16, Vec<u8>) {
    let (client, server, bytes, from_client) = match v4 {
        _ if random.chance(50) => {
            let (bytes, query) = domain_names(random);
            (super::port(random), dns::PORT, bytes, query)
        }
        true => {
            let (bytes, request) = lease4(random);
            (dhcpv4::CLIENT_PORT, dhcpv4::SERVER_PORT, bytes, request)
        }
        false => {
            let (bytes, request) = lease6(random);
            (dhcpv6::CLIENT_PORT, dhcpv6::SERVER_PORT, bytes, request)
        }
    };
    match from_client {
        true => (client, server, bytes),
        false => (server, client, bytes),
    }
}

fn lease4(random: &mut Random) -> (Vec<u8>, bool) {
    let kind = MessageType::from_code(1 + random.below(8) as u8);
    let reply = matches!(kind, MessageType::Offer | MessageType::Ack | MessageType::Nak);
    let ip = |random: &mut Random| [10, random.u8(), random.u8(), random.u8()];
    let mut options = dhcpv4_options::OptionWriter::new(kind);
    if reply {
        options.server_id(ip(random).into());
        options.lease_s(random.u32());
        options.subnet_mask(random.below(33) as u8);
        let routers: Vec<[u8; 4]> = (0..1 + random.below(3)).map(|_| ip(random)).collect();
        options.routers(&routers);
    } else {
        options.max_message_size(576 + random.u16() % 1000);
        options.parameter_list(&[1, 3, 6, 15, 121]);
        options.client_id(random.u32(), &dhcpv6::duid_ll(super::mac(random)));
    }
    if random.chance(40) {
        options.requested_address(ip(random).into());
        options.host_name("lab-7");
    }
    let mut address = |chance| if random.chance(chance) { ip(random) } else { [0; 4] }.into();
    let (ciaddr, yiaddr, siaddr, giaddr) = (address(30), address(50), address(30), address(20));
    let header = Header {
        op: if reply { Op::Reply } else { Op::Request },
        hops: random.u8(),
        xid: random.u32(),
        // Smaller ones tshark suspects to be in the other byte order.
        secs: random.u16() & 0xff,
        broadcast: random.chance(50),
        ciaddr,
        yiaddr,
        siaddr,
        giaddr,
        chaddr: super::mac(random),
        server_name: if random.chance(20) { b"boot.example" } else { b"" },
        file: if random.chance(20) { b"kernel" } else { b"" },
    };
    let mut bytes = vec![0; 600];
    let len = dhcpv4::emit(&mut bytes, &header, &options).unwrap();
    assert_ne!(len, 0);
    bytes.truncate(len);
    (bytes, !reply)
}

fn lease6(random: &mut Random) -> (Vec<u8>, bool) {
    let kind = dhcpv6::MessageType::from_code(1 + random.below(11) as u8).expect("a type");
    let reply = matches!(kind.code(), 2 | 7 | 10);
    let duid = |mac: Mac| dhcpv6::duid_ll(mac);
    let mut options = OptionWriter::<512>::new();
    options.put(&DhcpOption::ClientId(&duid(super::mac(random))));
    if reply {
        options.put(&DhcpOption::ServerId(&duid(super::mac(random))));
        options.put(&DhcpOption::Preference(random.u8()));
        let server = *super::address(random, false).octets();
        options.put(&DhcpOption::NameServers(&[server, server]));
    } else {
        options.put(&DhcpOption::OptionRequest(&[[0, 23], [0, 24]]));
        options.put(&DhcpOption::ElapsedTime(random.u16() % 6000));
    }
    if random.chance(70) {
        let mut inner = OptionWriter::<128>::new();
        let address = IaAddress {
            ip: (*super::address(random, false).octets()).into(),
            preferred_s: random.u32(),
            valid_s: random.u32(),
            options: Options::default(),
        };
        inner.put(&DhcpOption::IaAddress(address));
        if random.chance(40) {
            let code = StatusCode::from_code(random.below(7) as u16);
            inner.put(&DhcpOption::Status { code, message: b"words" });
        }
        let (t1_s, t2_s) = (random.u32() / 4, random.u32() / 2 + (1 << 31));
        let ia = Ia { iaid: random.u32(), t1_s, t2_s, options: inner.options() };
        options.put(&DhcpOption::IaNa(ia));
    }
    if random.chance(20) {
        options.put(&DhcpOption::RapidCommit);
    }
    let mut bytes = vec![0; 600];
    let transaction = random.u32() & dhcpv6::TRANSACTION_MAX;
    let len = dhcpv6::emit(&mut bytes, kind, transaction, options.options()).unwrap();
    assert_ne!(len, 0);
    bytes.truncate(len);
    (bytes, !reply)
}

fn domain_names(random: &mut Random) -> (Vec<u8>, bool) {
    let query = random.chance(40);
    let host = format!("host-{}.example.com", random.u16());
    let name: NameBuf = host.parse().expect("a name");
    let other: NameBuf = "www.example.com".parse().expect("a name");
    let header = dns::Header {
        id: random.u16(),
        response: !query,
        recursion_desired: random.chance(50),
        truncated: random.chance(10),
        recursion_available: !query && random.chance(50),
        authoritative: !query && random.chance(50),
        rcode: if query { ResponseCode::NoError } else { ResponseCode::from_bits(random.u8() % 6) },
        ..dns::Header::default()
    };
    let mut bytes = vec![0; 512];
    let mut writer = Writer::new(&mut bytes, header);
    let kind = [dns::TYPE_A, dns::TYPE_AAAA, dns::TYPE_MX, dns::TYPE_PTR][random.below(4)];
    assert!(writer.question(&Question::new(name.name(), kind)));
    if !query {
        for _ in 0..random.below(4) {
            let data = match random.below(6) {
                0 => RecordData::Cname(other.name()),
                1 => RecordData::Aaaa((*super::address(random, false).octets()).into()),
                2 => RecordData::Mx { preference: random.u16(), exchange: other.name() },
                3 => RecordData::Ptr(other.name()),
                _ => RecordData::A(random.u32().into()),
            };
            let ttl_s = random.u32() >> 1;
            let record = Record { name: name.name(), class: dns::CLASS_IN, ttl_s, data };
            assert!(writer.answer(&record));
        }
    }
    if random.chance(30) {
        writer.edns(1232);
    }
    let len = writer.finish().unwrap();
    bytes.truncate(len);
    (bytes, query)
}
