//! Tests of `mac`.

use proptest::prelude::*;

use super::*;

fn mac(text: &str) -> Result<Mac, ParseError> {
    text.parse()
}

#[test]
fn addr_70_text_forms() {
    let expected = Ok(Mac([0x02, 0, 0, 0x77, 0xaa, 0xbf]));
    let forms =
        ["02:00:00:77:aa:bf", "02-00-00-77-AA-BF", "0200.0077.aAbF", " 02:00:00:77:aa:bf\n"];
    for text in forms {
        assert_eq!(mac(text), expected, "{text}");
    }
    let refused = [
        "",
        "2:0:0:77:aa:bf",
        "02:00-00:77:aa:bf",
        "02.00.00.77.aa.bf",
        "0200:0077:aabf",
        "02:00:00:77:aa:bg",
        "02:00:00:77:aa",
        "02:00:00:77:aa:bf:00",
        "020:0:00:77:aa:bf",
        "02000077aabf",
        "02:00:00:77:aa:é",
    ];
    for text in refused {
        assert_eq!(mac(text), Err(ParseError::Mac), "{text}");
    }
}

/// ADDR-72, ADDR-73, ADDR-74.
#[test]
fn kinds() {
    let kinds =
        |mac: Mac| [mac.is_unicast(), mac.is_multicast(), mac.is_broadcast(), mac.is_unspecified()];
    assert_eq!(kinds(Mac([2, 0, 0, 0, 0, 1])), [true, false, false, false]);
    assert_eq!(kinds(Mac([1, 0, 0x5e, 0, 0, 1])), [false, true, false, false]);
    assert_eq!(kinds(Mac::BROADCAST), [false, false, true, false]);
    assert_eq!(kinds(Mac::UNSPECIFIED), [false, false, false, true]);
}

/// RFC 1112 §6.4, RFC 2464 §7.
#[test]
fn group_addresses() {
    let cases = [
        ("224.0.0.1", "01:00:5e:00:00:01"),
        ("239.255.255.255", "01:00:5e:7f:ff:ff"),
        ("224.128.0.1", "01:00:5e:00:00:01"),
        ("ff02::1:ffaa:bbcc", "33:33:ff:aa:bb:cc"),
        ("255.255.255.255", "ff:ff:ff:ff:ff:ff"),
    ];
    for (ip, expected) in cases {
        assert_eq!(Mac::multicast_for(ip.parse().unwrap()).to_string(), expected);
    }
}

proptest! {
    #[test]
    fn text_and_back(octets: [u8; 6]) {
        let mac = Mac(octets);
        prop_assert_eq!(mac.to_string().parse(), Ok(mac));
        prop_assert_eq!(mac.to_string().to_uppercase().replace(':', "-").parse(), Ok(mac));
    }

    #[test]
    fn any_text(text in "\\PC{0,20}") {
        let _ = text.parse::<Mac>();
    }
}
