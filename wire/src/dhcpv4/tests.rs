//! Tests of `dhcpv4`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::dhcpv4_options::{DhcpOption, MESSAGE_TYPE};
use crate::error::Malformed;
use crate::fixture_apps::{all, golden};

const XID: u32 = 0x1234_5678;
const CHADDR: Mac = Mac([2, 0, 0, 0x77, 0x77, 0x77]);

/// The message with its bytes at `at` replaced.
fn patched(name: &str, at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = golden(name);
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

/// An ACK of the least size with `options` behind its type and server.
fn ack(options: &[u8]) -> Vec<u8> {
    let mut bytes = golden("dhcp4_offer")[..HEADER_LEN].to_vec();
    bytes.extend([53, 1, 5, 54, 4, 10, 0, 0, 1]);
    bytes.extend(options);
    bytes
}

/// DHCP4-01, DHCP4-03, DHCP4-08: every kind of message as another implementation writes it.
#[test]
fn lines_of_golden_messages() {
    for (name, bytes, line) in all('4') {
        let message = parse(&bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(message.to_string(), line.unwrap(), "{name}");
    }
}

#[test]
fn dhcp4_01_the_fixed_part() {
    let bytes = golden("dhcp4_offer");
    let message = parse(&bytes).unwrap();
    let expected = Header {
        op: Op::Reply,
        hops: 0,
        xid: XID,
        secs: 0,
        broadcast: true,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        yiaddr: Ipv4Addr::new(10, 0, 0, 77),
        siaddr: Ipv4Addr::new(10, 0, 0, 1),
        giaddr: Ipv4Addr::UNSPECIFIED,
        chaddr: CHADDR,
        server_name: b"boot",
        file: b"kernel",
    };
    assert_eq!(message.header, expected);
    let relayed = golden("dhcp4_ack");
    let header = parse(&relayed).unwrap().header;
    assert_eq!((header.hops, header.giaddr), (1, Ipv4Addr::new(10, 0, 0, 254)));
    assert!(!header.broadcast);
    for len in 0..HEADER_LEN {
        assert_eq!(parse(&bytes[..len]), Err(Malformed::Truncated), "{len}");
    }
    assert_eq!(parse(&patched("dhcp4_offer", 1, &[6])), Err(Malformed::Version));
    assert_eq!(parse(&patched("dhcp4_offer", 236, &[0])), Err(Malformed::Version));
    assert_eq!(parse(&patched("dhcp4_offer", 239, &[0])), Err(Malformed::Version));
    for hlen in [0, 5, 7, 16, 17, 255] {
        let bytes = patched("dhcp4_offer", 2, &[hlen]);
        assert_eq!(parse(&bytes), Err(Malformed::HeaderLength), "{hlen}");
    }
    let mut long = bytes.clone();
    long.resize(LEN_MAX, 0);
    assert!(parse(&long).is_ok());
    long.push(0);
    assert_eq!(parse(&long), Err(Malformed::Length));
}

#[test]
fn dhcp4_01_names_fill_their_fields() {
    let options = OptionWriter::new(MessageType::Discover);
    let (server_name, file) = ([b'a'; 64], [b'b'; 128]);
    let header = Header { server_name: &server_name, file: &file, ..Header::default() };
    let mut bytes = [0; LEN_MIN];
    assert_eq!(emit(&mut bytes, &header, &options), Ok(LEN_MIN));
    assert_eq!(parse(&bytes).unwrap().header, header);
    let too_long = Header { server_name: &[b'a'; 65], ..Header::default() };
    assert_eq!(emit(&mut bytes, &too_long, &options), Err(EmitError::Value));
    let too_long = Header { file: &[b'a'; 129], ..Header::default() };
    assert_eq!(emit(&mut bytes, &too_long, &options), Err(EmitError::Value));
    assert_eq!(emit(&mut bytes[1..], &header, &options), Err(EmitError::NoRoom));
}

#[test]
fn dhcp4_05_overloaded_fields_hold_options() {
    let bytes = golden("dhcp4_overload");
    let message = parse(&bytes).unwrap();
    assert_eq!((message.header.server_name, message.header.file), (&[][..], &[][..]));
    assert_eq!(message.options.prefix(), Some(24));
    assert_eq!(message.options.routers().iter().count(), 1);
    assert_eq!(message.options.classless_routes().unwrap().iter().count(), 3);
    // Only the file, only the server name: the other stays what it is.
    let overload = |bits| patched("dhcp4_overload", HEADER_LEN + 3, &[52, 1, bits]);
    let bytes = overload(1);
    let message = parse(&bytes).unwrap();
    assert_eq!(message.header.server_name, [121, 9, 32, 192]);
    assert_eq!(message.options.classless_routes().unwrap().iter().count(), 2);
    let mut bytes = golden("dhcp4_offer");
    bytes.splice(HEADER_LEN + 3..HEADER_LEN + 3, [52, 1, 2]);
    bytes[44..49].copy_from_slice(&[26, 2, 5, 220, 255]);
    let message = parse(&bytes).unwrap();
    assert_eq!((message.header.server_name, message.header.file), (&[][..], &b"kernel"[..]));
    assert!(message.options.iter().any(|option| option == DhcpOption::Mtu(1500)));
    for bits in [0, 4, 255] {
        assert_eq!(parse(&overload(bits)), Err(Malformed::Option), "{bits}");
    }
    // An overloaded field is a chain like any other.
    assert_eq!(parse(&patched("dhcp4_overload", 44, &[121, 64])), Err(Malformed::Option));
    assert_eq!(parse(&patched("dhcp4_overload", 108, &[121, 127])), Err(Malformed::Option));
}

#[test]
fn dhcp4_07_values_nobody_sends() {
    for op in [0, 3, 255] {
        assert_eq!(parse(&patched("dhcp4_offer", 0, &[op])), Err(Malformed::Field), "{op}");
    }
    for at in [12, 16, 20, 24] {
        for ip in [[127, 0, 0, 1], [224, 0, 0, 1], [239, 255, 255, 255], [255; 4]] {
            let bytes = patched("dhcp4_offer", at, &ip);
            assert_eq!(parse(&bytes), Err(Malformed::Field), "{at} {ip:?}");
        }
        assert!(parse(&patched("dhcp4_offer", at, &[10, 9, 8, 7])).is_ok());
    }
    assert_eq!(parse(&patched("dhcp4_offer", 28, &[0xff; 6])), Err(Malformed::Source));
    assert_eq!(parse(&patched("dhcp4_offer", 28, &[1])), Err(Malformed::Source));
}

#[test]
fn dhcp4_07_options_that_must_be_there() {
    let without = |kind: u8, code: u8| {
        let mut bytes = golden("dhcp4_offer");
        bytes[HEADER_LEN + 2] = kind;
        let mut at = HEADER_LEN;
        while bytes[at] != code {
            at += 2 + usize::from(bytes[at + 1]);
        }
        bytes[at] = 200;
        parse(&bytes).map(|message| message.kind)
    };
    assert_eq!(without(2, MESSAGE_TYPE), Err(Malformed::Field));
    for (kind, name) in [(2, MessageType::Offer), (5, MessageType::Ack), (6, MessageType::Nak)] {
        assert_eq!(without(kind, 54), Err(Malformed::Field), "{name}");
    }
    assert_eq!(without(2, 51), Err(Malformed::Field));
    // An ACK of INFORM has no lease time, a client need not name a server.
    assert_eq!(without(5, 51), Ok(MessageType::Ack));
    assert_eq!(without(1, 54), Ok(MessageType::Discover));
}

#[test]
fn dhcp4_08_message_types() {
    let named = [
        MessageType::Discover,
        MessageType::Offer,
        MessageType::Request,
        MessageType::Decline,
        MessageType::Ack,
        MessageType::Nak,
        MessageType::Release,
        MessageType::Inform,
    ];
    for (code, kind) in (1..).zip(named) {
        assert_eq!((MessageType::from_code(code), kind.code()), (kind, code));
    }
    for code in (0..=255).filter(|code| !(1..=8).contains(code)) {
        assert_eq!(MessageType::from_code(code), MessageType::Other(code));
        assert_eq!(MessageType::Other(code).code(), code);
    }
    let bytes = patched("dhcp4_inform", HEADER_LEN + 2, &[13]);
    assert_eq!(parse(&bytes).unwrap().kind, MessageType::Other(13));
}

/// DHCP4-02, in messages: padding and the end may be anywhere, the end may be missing.
#[test]
fn dhcp4_02_chains() {
    let message = ack(&[0, 0, 51, 4, 0, 0, 0, 9, 0, 255, 99, 99]);
    assert_eq!(parse(&message).unwrap().options.lease_s(), Some(9));
    assert!(parse(&ack(&[])).is_ok());
    assert!(parse(&ack(&[0, 0])).is_ok());
    assert_eq!(parse(&ack(&[51])), Err(Malformed::Option));
    assert_eq!(parse(&ack(&[51, 4, 0, 0, 0])), Err(Malformed::Option));
    assert_eq!(parse(&ack(&[200, 1])), Err(Malformed::Option));
}

/// DHCP4-01, DHCP4-03, DHCP4-09: what a client sends, byte for byte as another implementation.
#[test]
fn written_again() {
    for name in
        ["dhcp4_discover", "dhcp4_request", "dhcp4_decline", "dhcp4_release", "dhcp4_inform"]
    {
        let bytes = golden(name);
        let message = parse(&bytes).unwrap();
        let mut options = OptionWriter::new(message.kind);
        assert!(message.options.iter().skip(1).all(|option| options.put(&option)), "{name}");
        let mut written = [0xee; 576];
        let len = emit(&mut written, &message.header, &options).unwrap();
        assert_eq!(written[..len], bytes, "{name}");
    }
}

prop_compose! {
    fn headers()(
        reply: bool, hops: u8, xid: u32, secs: u16, broadcast: bool,
        ips in proptest::array::uniform4(0x0a00_0000u32..0x0b00_0000), mac: [u8; 5],
    ) -> Header<'static> {
        let [ciaddr, yiaddr, siaddr, giaddr] = ips.map(Ipv4Addr::from);
        let [a, b, c, d, e] = mac;
        let op = if reply { Op::Reply } else { Op::Request };
        let chaddr = Mac([2, a, b, c, d, e]);
        let (server_name, file) = (&b"boot"[..], &b"kernel"[..]);
        Header {
            op, hops, xid, secs, broadcast, ciaddr, yiaddr, siaddr, giaddr, chaddr, server_name,
            file,
        }
    }
}

proptest! {
    #[test]
    fn parse_after_emit(header in headers(), kind: u8, lease: u32) {
        let kind = MessageType::from_code(kind);
        let mut options = OptionWriter::new(kind);
        prop_assert!(options.server_id(Ipv4Addr::new(10, 0, 0, 1)) && options.lease_s(lease));
        let mut bytes = [0; 576];
        let len = emit(&mut bytes, &header, &options).unwrap();
        let message = parse(&bytes[..len]).unwrap();
        prop_assert_eq!((message.header, message.kind), (header, kind));
        prop_assert_eq!(message.options.lease_s(), Some(lease));
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..600)) {
        if let Ok(message) = parse(&bytes) {
            let _ = message.to_string();
        }
    }

    /// Damaged messages are refused or read, never worse.
    #[test]
    fn damaged(
        pick: prop::sample::Index,
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut: prop::sample::Index,
    ) {
        let all = all('4');
        let mut bytes = pick.get(&all).1.clone();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(HEADER_LEN.max(cut.index(bytes.len() + 1)));
        if let Ok(message) = parse(&bytes) {
            let _ = message.to_string();
        }
    }
}
