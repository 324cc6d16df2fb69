//! The link address of a stack on a TAP device that was given none.
//!
//! It must not collide on a LAN where each of many machines has a `tap7`, and it should not change
//! when the program starts again, because neighbours and DHCP servers remember it. So it is a keyed
//! hash, as systemd's `MACAddressPolicy=persistent` is: of the device's name and, apart from the
//! machine's first one, of the network namespace, under the machine's identity as the key. The
//! identity itself cannot be read from it (machine-id(5) asks for that).

use std::fs;
use std::os::linux::fs::MetadataExt;
use std::sync::OnceLock;

use addr::{HashKey, Mac};

/// The link address of a stack on the TAP device `name` of this machine, if it was given none:
/// locally administered, the same at every start, and different on every machine.
///
/// Without a machine identity (machine-id(5)) it is different at every start.
#[must_use]
pub fn default_mac(name: &str) -> Mac {
    derive(machine(), namespace(), name)
}

/// The secret (RFC 7217) of automatic link-local addresses on a device of this machine, which stays
/// as [`default_mac`] does.
pub(crate) fn link_local_secret(name: &str) -> HashKey {
    let word = |number: u8| {
        let what = [b"link-local secret", &[number][..], name.as_bytes()].concat();
        machine().hash_bytes(&what)
    };
    HashKey::new(word(0), word(1))
}

/// The key that only this machine has, or one that is drawn at each start.
fn machine() -> &'static HashKey {
    static KEY: OnceLock<HashKey> = OnceLock::new();
    KEY.get_or_init(|| machine_key().unwrap_or_else(random_key))
}

fn derive(key: &HashKey, namespace: u64, name: &str) -> Mac {
    let what = [b"link address", &namespace.to_be_bytes()[..], name.as_bytes()].concat();
    let [a, b, c, d, e, f, ..] = key.hash_bytes(&what).to_be_bytes();
    // Locally administered (bit 1), of one station (bit 0).
    Mac([a & 0xfc | 2, b, c, d, e, f])
}

/// The key that only this machine has.
fn machine_key() -> Option<HashKey> {
    let places = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
    places.iter().find_map(|place| parse_identity(&fs::read_to_string(place).ok()?))
}

/// 32 hexadecimal digits, not all zero. Where there is none yet the file says `uninitialized`, or
/// nothing.
fn parse_identity(text: &str) -> Option<HashKey> {
    let text = text.trim();
    if text.len() != 32 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let identity = u128::from_str_radix(text, 16).ok().filter(|identity| *identity != 0)?;
    Some(HashKey::new((identity >> 64) as u64, identity as u64))
}

fn random_key() -> HashKey {
    let mut bytes = [0; 16];
    // With flags of zero it waits until the generator is ready, and then has 16 bytes at once.
    let drawn = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    drawn.expect("the kernel has randomness");
    let bits = u128::from_ne_bytes(bytes);
    HashKey::new((bits >> 64) as u64, bits as u64)
}

/// Number of the network namespace that the caller is in, 0 for the machine's first: two
/// namespaces of one machine may both have a `tap7`, and be joined by a bridge.
fn namespace() -> u64 {
    let inode = |who: &str| fs::metadata(format!("/proc/{who}/ns/net")).ok().map(|m| m.st_ino());
    match (inode("thread-self"), inode("1")) {
        (Some(own), first) if first != Some(own) => own,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_10_default_mac_is_always_valid_and_local() {
        for name in ["tap7", "tap12", "tap", "lan0", "tapé"] {
            let mac = default_mac(name);
            assert!(mac.is_unicast() && mac.0[0] & 2 == 2, "{name}: {mac}");
            assert_eq!(default_mac(name), mac, "the same at every start");
        }
        assert_ne!(default_mac("tap11"), default_mac("tap1"));
    }

    /// Two machines, and two namespaces of one, may each have a `tap7` on one LAN.
    #[test]
    fn it_differs_between_machines_and_namespaces() {
        let one = parse_identity("3d1219c7c4c5404aaa1f6d2a48adfda4\n").unwrap();
        let other = parse_identity("3d1219c7c4c5404aaa1f6d2a48adfda5\n").unwrap();
        let all = [(&one, 0), (&one, 4_026_532_000), (&other, 0)];
        let macs = all.map(|(key, namespace)| derive(key, namespace, "tap7"));
        assert!(macs[0] != macs[1] && macs[1] != macs[2] && macs[0] != macs[2], "{macs:?}");
    }

    #[test]
    fn what_is_no_identity_is_not_taken_for_one() {
        let zero = "0".repeat(32);
        let long = "a".repeat(33);
        for text in ["", "uninitialized\n", "3d12", zero.as_str(), long.as_str()] {
            assert!(parse_identity(text).is_none(), "{text:?}");
        }
    }
}
