//! Tests of `dhcpv6`.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::dhcpv6_options::{OptionWriter, StatusCode};
use crate::fixture_apps::{all, golden};

/// DHCP6-02, DHCP6-03: every kind of message as another implementation writes it.
#[test]
fn lines_of_golden_messages() {
    for (name, bytes, line) in all('6') {
        let line = line.unwrap_or("bad field value");
        let found = parse(&bytes).map_or_else(|why| why.to_string(), |found| found.to_string());
        assert_eq!(found, line, "{name}");
    }
}

/// DHCP6-01, DHCP6-03: written again, byte for byte.
#[test]
fn dhcp6_01_written_again() {
    for (name, bytes, line) in all('6') {
        if line.is_none() {
            continue;
        }
        let message = parse(&bytes).unwrap();
        let mut options = OptionWriter::<512>::new();
        assert!(message.options.iter().all(|option| options.put(&option)), "{name}");
        let mut written = [0; 512];
        let len = emit(&mut written, message.kind, message.transaction, options.options()).unwrap();
        assert_eq!(written[..len], bytes, "{name}");
    }
}

#[test]
fn dhcp6_01_the_header() {
    let message = parse(&[1, 0xab, 0xcd, 0xef]).unwrap();
    assert_eq!((message.kind, message.transaction), (MessageType::Solicit, 0xab_cdef));
    let mut bytes = [0; 4];
    let none = Options::default();
    assert_eq!(emit(&mut bytes, MessageType::Reply, TRANSACTION_MAX, none), Ok(4));
    assert_eq!(bytes, [7, 0xff, 0xff, 0xff]);
    assert_eq!(
        emit(&mut bytes, MessageType::Reply, TRANSACTION_MAX + 1, none),
        Err(EmitError::Value)
    );
    assert_eq!(emit(&mut bytes[..3], MessageType::Reply, 0, none), Err(EmitError::NoRoom));
}

#[test]
fn dhcp6_02_message_types() {
    for code in 0..=255 {
        let found = parse(&[code, 0, 0, 1]).map(|message| message.kind.code());
        let known = (1..=11).contains(&code);
        assert_eq!(found, if known { Ok(code) } else { Err(Malformed::Field) }, "{code}");
    }
    // Relays, with the header that they have.
    assert_eq!(parse(&golden("dhcp6_relay")), Err(Malformed::Field));
}

#[test]
fn dhcp6_05_what_does_not_fit() {
    let bytes = golden("dhcp6_reply");
    for len in 0..HEADER_LEN {
        assert_eq!(parse(&bytes[..len]), Err(Malformed::Truncated), "{len}");
    }
    // Where a cut leaves whole options, the rest is a message.
    let whole = bytes.len()
        - (HEADER_LEN..bytes.len()).filter(|len| parse(&bytes[..*len]).is_err()).count();
    assert_eq!(whole, HEADER_LEN + 5);
}

#[test]
fn a_lease_is_read() {
    let bytes = golden("dhcp6_reply");
    let options = parse(&bytes).unwrap().options;
    assert!(options.rapid_commit());
    assert_eq!(options.status(), StatusCode::Success);
    assert_eq!(options.client_id(), Some(&duid_ll(Mac([2, 0, 0, 0x77, 0x77, 0x77]))[..]));
    assert_eq!(options.server_id().map(<[u8]>::len), Some(14));
    let ia = options.ia_na(0).unwrap();
    assert_eq!((ia.t1_s, ia.t2_s), (900, 1440));
    let address = ia.options.addresses().next().unwrap();
    assert_eq!(address.ip.to_string(), "2001:db8::77");
    assert_eq!((address.preferred_s, address.valid_s), (u32::MAX, u32::MAX));
    assert_eq!(options.ia_na(1), None);
    let bytes = golden("dhcp6_no_addrs");
    let ia = parse(&bytes).unwrap().options.ia_na(7).unwrap();
    assert_eq!(ia.options.status(), StatusCode::NoAddrsAvail);
    let bytes = golden("dhcp6_advertise");
    let options = parse(&bytes).unwrap().options;
    let servers: Vec<_> = options.name_servers().map(|ip| ip.to_string()).collect();
    assert_eq!((options.preference(), servers.len()), (255, 2));
    assert_eq!(servers[1], "2001:db8::54");
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(message) = parse(&bytes) {
            let _ = message.to_string();
        }
    }

    #[test]
    fn damaged(
        pick: prop::sample::Index,
        hits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let all = all('6');
        let mut bytes = pick.get(&all).1.clone();
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(message) = parse(&bytes) {
            let _ = message.to_string();
            let mut written = vec![0; bytes.len()];
            let emitted = emit(&mut written, message.kind, message.transaction, message.options);
            prop_assert_eq!(&written[..emitted.unwrap()], &bytes[..]);
        }
    }
}
