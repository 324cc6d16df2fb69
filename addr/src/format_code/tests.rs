//! Tests of `format_code` and `numeric`.

use proptest::prelude::*;

use super::*;
use crate::{ErrorKind, Ipv4Mask, Ipv4Network, Ipv4Wildcard, Ipv6Network};

const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const MAC: Mac = Mac([0x02, 0, 0, 0x77, 0x77, 0x77]);

fn unknown(value: &dyn FormatCode, code: &str, subject: Subject) {
    let error = value.format_code(code).unwrap_err();
    assert_eq!((error.kind(), error.problem()), (ErrorKind::Sanity, Problem::FormatCode), "{code}");
    assert_eq!(error.subject(), subject, "{code}");
    assert!(error.position().is_some_and(|at| at <= code.len()));
}

/// ADDR-08.
#[test]
fn addr_08_text_and_padding() {
    let cases = [
        ("", "10.0.0.1"),
        ("s", "10.0.0.1"),
        ("12s", "10.0.0.1    "),
        (">12s", "    10.0.0.1"),
        ("^12s", "  10.0.0.1  "),
        ("^11s", " 10.0.0.1  "),
        ("é>10s", "éé10.0.0.1"),
        ("<<10s", "10.0.0.1<<"),
        ("3s", "10.0.0.1"),
        (".4s", "10.0"),
        (">6.4s", "  10.0"),
    ];
    for (code, expected) in cases {
        assert_eq!(IP.format_code(code).as_deref(), Ok(expected), "{code}");
    }
    assert_eq!(MAC.format_code(">19s").unwrap(), "  02:00:00:77:77:77");
    assert_eq!(
        format!("{MAC:>19}|{IP:<10}|{:^7}|", Ipv4Mask::HOST),
        "  02:00:00:77:77:77|10.0.0.1  |  /32  |"
    );
    for code in
        ["=12s", "12", "x12s", "-5s", ".s", "1.2.3s", "99999999999999999999s", "5000s", "ss"]
    {
        unknown(&IP, code, Subject::Address);
    }
}

/// ADDR-09, VEC-22.
#[test]
fn addr_09_binary_and_hexadecimal() {
    assert_eq!(IP.format_code("#_x").as_deref(), Ok("0x0a00_0001"));
    let cases = [
        ("x", "0200aabbccdd", "0200AABBCCDD"),
        ("#x", "0x0200aabbccdd", "0x0200AABBCCDD"),
        ("_x", "0200_aabb_ccdd", "0200_AABB_CCDD"),
        ("#_x", "0x0200_aabb_ccdd", "0x0200_AABB_CCDD"),
    ];
    let mac = Mac([0x02, 0, 0xaa, 0xbb, 0xcc, 0xdd]);
    for (code, lower, upper) in cases {
        assert_eq!(mac.format_code(code).as_deref(), Ok(lower));
        assert_eq!(mac.format_code(&code.replace('x', "X")).as_deref(), Ok(upper));
    }
    assert_eq!(IP.format_code("b").unwrap(), "00001010000000000000000000000001");
    assert_eq!(IP.format_code("#_b").unwrap(), "0b0000_1010_0000_0000_0000_0000_0000_0001");
    assert_eq!(Ipv6Addr::LOCALHOST.format_code("b").unwrap().len(), 128);
    assert_eq!(Ipv6Addr::LOCALHOST.format_code("#_b").unwrap().len(), 2 + 128 + 31);
    assert_eq!(Ipv6Addr::LOCALHOST.format_code("X").unwrap(), format!("{:032X}", 1));
    assert_eq!(Ipv4Mask::new(12).unwrap().format_code("#x").unwrap(), "0xfff00000");
    assert_eq!(Ipv4Wildcard::new(IP).format_code("_x").unwrap(), "0a00_0001");
    // The same by the format traits.
    assert_eq!(format!("{:b} {:#b}", Ipv4Mask::new(4).unwrap(), IP.numeric()).len(), 32 + 1 + 34);
    assert_eq!(
        format!("{mac:x} {mac:#X} {mac:_>#16x}"),
        "0200aabbccdd 0x0200AABBCCDD __0x0200aabbccdd"
    );
    assert_eq!(format!("{:#x}", mac.numeric().grouped()), "0x0200_aabb_ccdd");
    for code in ["_#x", "##x", "__b", "+x", "08x", ",b", "-b", " x", "#", "_", "#o", "o"] {
        unknown(&IP, code, Subject::Address);
    }
}

/// ADDR-10.
#[test]
fn addr_10_decimal() {
    for code in ["d", "n"] {
        assert_eq!(IP.format_code(code).as_deref(), Ok("167772161"));
        assert_eq!(MAC.format_code(code).unwrap(), MAC.to_int().to_string());
        assert_eq!(Ipv4Mask::HOST.format_code(code).as_deref(), Ok("4294967295"));
        let last = Ipv6Addr::from([255; 16]);
        assert_eq!(last.format_code(code).unwrap(), u128::MAX.to_string());
    }
    assert_eq!(IP.numeric().to_string(), "167772161");
    for code in ["#d", "_d", "#_n", "+d", "5d", "05d", ",d"] {
        unknown(&IP, code, Subject::Address);
        unknown(&MAC, code, Subject::Mac);
    }
}

/// ADDR-11.
#[test]
fn addr_11_unknown_codes() {
    for code in ["q", "e", "exx", "pl", "hy", "B", "D", "é"] {
        unknown(&IP, code, Subject::Address);
        unknown(&Ipv6Addr::LOCALHOST, code, Subject::Address);
        unknown(&Ipv4Mask::HOST, code, Subject::Mask);
        unknown(&Ipv4Wildcard::default(), code, Subject::Wildcard);
    }
    unknown(&MAC, "ex", Subject::Mac);
    assert_eq!(IP.format_code("#_q").unwrap_err().position(), Some(2));
    assert_eq!(IP.format_code("q").unwrap_err().version(), Some(IpVersion::V4));
    assert_eq!(Ipv6Addr::LOCALHOST.format_code("q").unwrap_err().version(), Some(IpVersion::V6));
}

/// ADDR-71, VEC-22.
#[test]
fn addr_71_mac_forms() {
    assert_eq!(MAC.to_string(), "02:00:00:77:77:77");
    assert_eq!(MAC.format_code("hy").as_deref(), Ok("02-00-00-77-77-77"));
    assert_eq!(MAC.format_code("ci").as_deref(), Ok("0200.0077.7777"));
    assert_eq!(format!("{:>16}|", MAC.dotted()), "  0200.0077.7777|");
}

/// ADDR-105.
#[test]
fn addr_105_network_codes() {
    let network: Ipv4Network = "10.0.0.0/8".parse().unwrap();
    let cases = [
        ("", "10.0.0.0/8"),
        ("pl", "10.0.0.0/8"),
        ("nm", "10.0.0.0/255.0.0.0"),
        ("hm", "10.0.0.0/0.255.255.255"),
        (">12s", "  10.0.0.0/8"),
    ];
    for (code, expected) in cases {
        assert_eq!(network.format_code(code).as_deref(), Ok(expected));
    }
    let six: Ipv6Network = "2001:db8::/32".parse().unwrap();
    assert_eq!(six.format_code("nm").as_deref(), Ok("2001:db8::/ffff:ffff::"));
    assert_eq!(six.format_code("hm").as_deref(), Ok("2001:db8::/::ffff:ffff:ffff:ffff:ffff:ffff"));
    for code in ["x", "d", "b", "ex", "NM", "q", "pl "] {
        unknown(&network, code, Subject::Network);
        unknown(&six, code, Subject::Network);
    }
}

proptest! {
    #[test]
    fn numbers_as_the_standard_library_prints_them(bits: u128) {
        let ip = Ipv6Addr::from_bits(bits);
        prop_assert_eq!(format!("{:x}", ip.numeric()), format!("{bits:032x}"));
        prop_assert_eq!(format!("{:#b}", ip.numeric()), format!("{bits:#0130b}"));
        prop_assert_eq!(format!("{:X}", ip.numeric()), format!("{bits:032X}"));
        let grouped = format!("{:x}", ip.numeric().grouped());
        prop_assert_eq!(grouped.replace('_', ":"), ip.exploded().to_string());
    }

    #[test]
    fn any_code(code in "[#_<>^0-9.bxXdns]{0,6}|\\PC{0,6}") {
        let _ = IP.format_code(&code);
        let _ = MAC.format_code(&code);
        let _ = Ipv4Network::default().format_code(&code);
    }
}
