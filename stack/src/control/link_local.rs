//! The IPv6 link-local address that an interface has without being told.

use addr::{Cidr, HashKey, Ip, Mac};

/// How an interface makes its IPv6 link-local address, as Linux `addr_gen_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddrGenMode {
    /// It makes none.
    None,
    /// From the link address (RFC 4291 appendix A).
    Eui64,
    /// From the link address under a secret (RFC 7217): the same at every start, and none that
    /// another host computes, so that two stacks on one device do not take the same.
    StablePrivacy(HashKey),
}

impl AddrGenMode {
    /// The address of an interface with this link address.
    pub(crate) fn link_local(self, mac: Mac) -> Option<Cidr> {
        let identifier = match self {
            Self::None => return None,
            Self::Eui64 => eui64(mac),
            Self::StablePrivacy(secret) => stable(secret, mac),
        };
        let mut octets = [0; 16];
        octets[..2].copy_from_slice(&[0xfe, 0x80]);
        octets[8..].copy_from_slice(&identifier);
        Some(Cidr { ip: Ip::v6(octets), prefix: 64 })
    }
}

/// The interface identifier that the link address gives (RFC 4291 appendix A, RFC 2464 §4).
fn eui64(mac: Mac) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac.0;
    [a ^ 2, b, c, 0xff, 0xfe, d, e, f]
}

/// RFC 7217 §5: a keyed hash of prefix, interface and a counter, which goes up where the identifier
/// is reserved (RFC 5453), or is what the link address gives without a secret.
fn stable(secret: HashKey, mac: Mac) -> [u8; 8] {
    const PREFIX: [u8; 8] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0];
    let identifier =
        |counter: u8| secret.hash_bytes(&[&PREFIX[..], &mac.0, &[counter]].concat()).to_be_bytes();
    (0..u8::MAX)
        .map(identifier)
        .find(|identifier| !is_reserved(*identifier) && *identifier != eui64(mac))
        .unwrap_or_else(|| identifier(u8::MAX))
}

/// RFC 5453: the subnet-router anycast address, those of IANA's Ethernet block, and the reserved
/// subnet anycast addresses.
fn is_reserved(identifier: [u8; 8]) -> bool {
    let number = u64::from_be_bytes(identifier);
    let anycast = (0xfdff_ffff_ffff_ff80..=0xfdff_ffff_ffff_ffff).contains(&number);
    number == 0 || identifier[..5] == [2, 0, 0x5e, 0xff, 0xfe] || anycast
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);

    #[test]
    fn eui_64_is_rfc_4291_s() {
        let cidr = AddrGenMode::Eui64.link_local(MAC).unwrap();
        assert_eq!(cidr.to_string(), "fe80::ff:fe00:7/64");
        assert_eq!(AddrGenMode::None.link_local(MAC), None);
    }

    #[test]
    fn a_secret_makes_an_address_that_stays_and_that_nobody_else_has() {
        let of = |a, mac| AddrGenMode::StablePrivacy(HashKey::new(a, 2)).link_local(mac).unwrap();
        let address = of(1, MAC);
        assert!(address.ip.is_link_local() && address.prefix == 64);
        assert_eq!(address, of(1, MAC));
        let others = [of(3, MAC), of(1, Mac([2, 0, 0, 0, 0, 8]))];
        assert!(!others.contains(&address));
        assert_ne!(Some(address), AddrGenMode::Eui64.link_local(MAC));
    }

    #[test]
    fn reserved_identifiers_are_known() {
        let all = [0, 0x0200_5eff_fe00_5213, 0xfdff_ffff_ffff_ff80, 0xfdff_ffff_ffff_ffff];
        assert!(all.iter().all(|number: &u64| is_reserved(number.to_be_bytes())));
        let free = [1, 0x0200_5eff_ff00_5213, 0xfdff_ffff_ffff_ff7f, 0xfe00_0000_0000_0000];
        assert!(!free.iter().any(|number: &u64| is_reserved(number.to_be_bytes())));
    }
}
