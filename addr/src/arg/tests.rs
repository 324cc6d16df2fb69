//! Tests of `arg`: with a real argument parser, every bad value is a usage error that says why.

use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::{AddrError, Versioned, arg};

fn with<T>(read: fn(&str) -> Result<T, AddrError>, text: &str) -> Result<T, clap::Error>
where
    T: Clone + Send + Sync + 'static,
{
    let value = Arg::new("value").value_parser(read).required(true);
    let matches = Command::new("tool").arg(value).try_get_matches_from(["tool", text])?;
    Ok(matches.get_one::<T>("value").expect("required").clone())
}

macro_rules! both {
    ($($name:ident: [$($good:literal),*] [$($bad:literal),*];)*) => { $(
        $(assert_eq!(with(arg::$name, $good).unwrap().to_string(), $good);)*
        $(
            let error = with(arg::$name, $bad).unwrap_err();
            assert_eq!((error.kind(), error.exit_code()), (ErrorKind::ValueValidation, 2), $bad);
            let message = error.to_string();
            let reason = arg::$name($bad).unwrap_err().to_string();
            assert!(message.contains($bad) && message.contains(&reason), "{message}");
        )*
    )* };
}

/// ADDR-121.
#[test]
fn addr_121_ten_argument_types() {
    both! {
        mac: ["02:00:00:00:00:01"] ["2:0:0:0:0:1", "x"];
        ip: ["10.0.0.1", "fe80::1%eth0"] ["10.0.0", "host"];
        ipv4: ["10.0.0.1"] ["::1", "01.2.3.4"];
        ipv6: ["fe80::1%eth0"] ["10.0.0.1", "2001:db8::1%eth0"];
        network: ["10.0.0.0/8", "::/0"] ["10.0.0.0/33", "fe80::%e/64"];
        ipv4_network: ["10.0.0.0/8"] ["::/0", "10.0.0.0/08"];
        ipv6_network: ["2001:db8::/32"] ["10.0.0.0/8"];
        interface: ["10.0.0.1/8", "fe80::1%e/64"] ["10.0.0.1/", "x"];
        ipv4_interface: ["10.0.0.1/8"] ["fe80::1/64"];
        ipv6_interface: ["fe80::1%e/64"] ["10.0.0.1/8"];
    }
}

/// ADDR-121: an argument parser is needed by these tests, not by the library.
#[test]
fn addr_121_the_library_needs_no_argument_parser() {
    let (library, tests) =
        include_str!("../../Cargo.toml").split_once("[dev-dependencies]").unwrap();
    assert!(!library.contains("clap") && tests.contains("clap"));
}

/// ADDR-121: IPv6 is tried first, so text of both would be IPv6.
#[test]
fn addr_121_either_family_tries_ipv6_first() {
    assert!(arg::ip("::ffff:10.0.0.1").unwrap().is_ip6());
    assert!(arg::network("::ffff:10.0.0.0/104").unwrap().is_ip6());
    assert!(arg::interface("::ffff:10.0.0.1/104").unwrap().is_ip6());
    assert!(arg::ip("10.0.0.1").unwrap().is_ip4());
}
