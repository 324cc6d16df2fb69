//! DHCPv6 against dhcproto: what either writes the other reads the same, and where both read
//! damaged bytes they agree.
//!
//! Ours refuses a message for a broken option where dhcproto drops the rest; so every option that
//! dhcproto finds in what ours accepts is in ours with the same value. Messages that bury
//! options deeper than a lease needs stay out: dhcproto follows them without a limit.

use std::net::Ipv6Addr;
use std::panic::catch_unwind;

use dhcproto::v6::{self, DhcpOption as Theirs, IAAddr, IANA, OptionCode};
use dhcproto::{Decodable, Encodable};
use proptest::collection::vec;
use proptest::prelude::*;
use wire::dhcpv6::{self, Message, MessageType};
use wire::dhcpv6_options::{DhcpOption, Ia, IaAddress, OptionWriter, Options, StatusCode};

/// What a message is made of.
#[derive(Clone, Debug)]
struct Parts {
    kind: u8,
    transaction: [u8; 3],
    client: Vec<u8>,
    server: Vec<u8>,
    association: [u32; 3],
    addresses: Vec<([u8; 16], u32, u32)>,
    status: u16,
    text: String,
    wanted: Vec<u16>,
    preference: u8,
    elapsed: u16,
    servers: Vec<[u8; 16]>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let duid = || vec(any::<u8>(), 1..=40);
    let head = (1u8..=11, any::<[u8; 3]>(), duid(), duid(), any::<[u32; 3]>());
    let lease = (vec(any::<([u8; 16], u32, u32)>(), 0..4), 0u16..=6, "[a-z]{0,20}");
    let rest = (vec(1u16..200, 0..9), any::<u8>(), any::<u16>(), vec(any::<[u8; 16]>(), 1..4));
    (head, lease, rest).prop_map(|(head, lease, rest)| {
        let (kind, transaction, client, server, association) = head;
        let (addresses, status, text) = lease;
        let (wanted, preference, elapsed, servers) = rest;
        Parts {
            kind,
            transaction,
            client,
            server,
            association,
            addresses,
            status,
            text,
            wanted,
            preference,
            elapsed,
            servers,
        }
    })
}

impl Parts {
    /// By our writer.
    fn ours(&self) -> Vec<u8> {
        let status = DhcpOption::Status {
            code: StatusCode::from_code(self.status),
            message: self.text.as_bytes(),
        };
        let mut inner = OptionWriter::<512>::new();
        for (ip, preferred_s, valid_s) in self.addresses.iter().copied() {
            let options = Options::default();
            let address = IaAddress { ip: ip.into(), preferred_s, valid_s, options };
            assert!(inner.put(&DhcpOption::IaAddress(address)));
        }
        assert!(inner.put(&status));
        let [iaid, t1_s, t2_s] = self.association;
        let wanted: Vec<[u8; 2]> = self.wanted.iter().map(|code| code.to_be_bytes()).collect();
        let mut options = OptionWriter::<1024>::new();
        let all = [
            DhcpOption::ClientId(&self.client),
            DhcpOption::ServerId(&self.server),
            DhcpOption::IaNa(Ia { iaid, t1_s, t2_s, options: inner.options() }),
            DhcpOption::OptionRequest(&wanted),
            DhcpOption::Preference(self.preference),
            DhcpOption::ElapsedTime(self.elapsed),
            status,
            DhcpOption::RapidCommit,
            DhcpOption::NameServers(&self.servers),
        ];
        assert!(all.iter().all(|option| options.put(option)));
        let [a, b, c] = self.transaction;
        let kind = MessageType::from_code(self.kind).unwrap();
        let mut bytes = vec![0; 1024];
        let transaction = u32::from_be_bytes([0, a, b, c]);
        let len = dhcpv6::emit(&mut bytes, kind, transaction, options.options()).unwrap();
        bytes.truncate(len);
        bytes
    }

    /// By theirs.
    fn theirs(&self) -> Vec<u8> {
        let status = Theirs::StatusCode(v6::StatusCode {
            status: self.status.into(),
            msg: self.text.clone(),
        });
        let [id, t1, t2] = self.association;
        let addresses = self.addresses.iter().map(|(ip, preferred_life, valid_life)| {
            let (preferred_life, valid_life) = (*preferred_life, *valid_life);
            let opts = v6::DhcpOptions::new();
            Theirs::IAAddr(IAAddr { addr: (*ip).into(), preferred_life, valid_life, opts })
        });
        let opts = addresses.chain([status.clone()]).collect();
        let mut message = v6::Message::new_with_id(self.kind.into(), self.transaction);
        let wanted = self.wanted.iter().map(|code| OptionCode::from(*code)).collect();
        let servers = self.servers.iter().map(|octets| Ipv6Addr::from(*octets)).collect();
        let all = [
            Theirs::ClientId(self.client.clone()),
            Theirs::ServerId(self.server.clone()),
            Theirs::IANA(IANA { id, t1, t2, opts }),
            Theirs::ORO(v6::ORO { opts: wanted }),
            Theirs::Preference(self.preference),
            Theirs::ElapsedTime(self.elapsed),
            status,
            Theirs::RapidCommit,
            Theirs::DomainNameServers(servers),
        ];
        for option in all {
            message.opts_mut().insert(option);
        }
        message.to_vec().unwrap()
    }
}

/// None if dhcproto refuses `bytes` or, as 0.15 does on some damaged ones, panics.
fn read_by_dhcproto(bytes: &[u8]) -> Option<v6::Message> {
    catch_unwind(|| v6::Message::from_bytes(bytes).ok()).ok().flatten()
}

/// Both accepted a message; returns how many options both know.
fn agree(ours: &Message<'_>, theirs: &v6::Message) -> usize {
    assert_eq!(u8::from(theirs.msg_type()), ours.kind.code());
    assert_eq!(theirs.xid_num(), ours.transaction);
    theirs.opts().iter().filter(|theirs| found(ours.options, theirs)).count()
}

/// Whether both know the option; panics if ours does not have it.
fn found(ours: Options<'_>, theirs: &Theirs) -> bool {
    let alike = |ours: DhcpOption<'_>| match (ours, theirs) {
        (DhcpOption::ClientId(ours), Theirs::ClientId(theirs))
        | (DhcpOption::ServerId(ours), Theirs::ServerId(theirs)) => ours == theirs,
        (DhcpOption::IaNa(ours), Theirs::IANA(theirs)) => {
            let same = (ours.iaid, ours.t1_s, ours.t2_s) == (theirs.id, theirs.t1, theirs.t2);
            if same {
                theirs.opts.iter().for_each(|theirs| _ = found(ours.options, theirs));
            }
            same
        }
        (DhcpOption::IaAddress(ours), Theirs::IAAddr(theirs)) => {
            (ours.ip, ours.preferred_s, ours.valid_s)
                == (theirs.addr, theirs.preferred_life, theirs.valid_life)
        }
        (DhcpOption::OptionRequest(ours), Theirs::ORO(theirs)) => {
            let ours = ours.iter().map(|code| u16::from_be_bytes(*code));
            ours.eq(theirs.opts.iter().map(|code| u16::from(*code)))
        }
        (DhcpOption::Preference(ours), Theirs::Preference(theirs)) => ours == *theirs,
        (DhcpOption::ElapsedTime(ours), Theirs::ElapsedTime(theirs)) => ours == *theirs,
        (DhcpOption::Status { code, message }, Theirs::StatusCode(theirs)) => {
            code.code() == u16::from(theirs.status) && message == theirs.msg.as_bytes()
        }
        (DhcpOption::RapidCommit, Theirs::RapidCommit) => true,
        (DhcpOption::NameServers(ours), Theirs::DomainNameServers(theirs)) => {
            ours.iter().map(|octets| Ipv6Addr::from(*octets)).eq(theirs.iter().copied())
        }
        _ => false,
    };
    let known = matches!(
        theirs,
        Theirs::ClientId(_)
            | Theirs::ServerId(_)
            | Theirs::IANA(_)
            | Theirs::IAAddr(_)
            | Theirs::ORO(_)
            | Theirs::Preference(_)
            | Theirs::ElapsedTime(_)
            | Theirs::StatusCode(_)
            | Theirs::RapidCommit
            | Theirs::DomainNameServers(_)
    );
    assert!(!known || ours.iter().any(alike), "{theirs:?} is not in {ours:?}");
    known
}

/// Whether an association holds an association, or an address an address.
fn deep(options: Options<'_>, depth: usize) -> bool {
    options.iter().any(|option| match option {
        DhcpOption::IaNa(ia) | DhcpOption::IaPd(ia) => depth > 0 || deep(ia.options, depth + 1),
        DhcpOption::IaAddress(address) => depth > 1 || deep(address.options, depth + 1),
        DhcpOption::Unknown { code: 3..=5 | 25 | 26, .. } => true,
        _ => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// DHCP6-01, DHCP6-02, DHCP6-03, DHCP6-04
    #[test]
    fn ours_is_read_by_dhcproto(parts in parts()) {
        let bytes = parts.ours();
        let read = read_by_dhcproto(&bytes).unwrap();
        prop_assert_eq!(agree(&dhcpv6::parse(&bytes).unwrap(), &read), 9);
    }

    /// DHCP6-01, DHCP6-02, DHCP6-03, DHCP6-04
    #[test]
    fn dhcproto_is_read_by_ours(parts in parts()) {
        let bytes = parts.theirs();
        let read = read_by_dhcproto(&bytes).unwrap();
        prop_assert_eq!(agree(&dhcpv6::parse(&bytes).unwrap(), &read), 9);
    }

    /// DHCP6-05
    #[test]
    fn damaged_messages_are_refused_or_read_alike(
        parts in parts(),
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = parts.ours();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let ours = dhcpv6::parse(&bytes).ok().filter(|message| !deep(message.options, 0));
        if let (Some(ours), Some(theirs)) = (ours, read_by_dhcproto(&bytes)) {
            agree(&ours, &theirs);
        }
    }
}
