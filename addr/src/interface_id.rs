//! Interface identifiers: the low 64 bits of an IPv6 address in a `/64`.
//!
//! Three ways to make one: from the MAC address (modified EUI-64, RFC 4291 appendix A), stable per
//! network but meaningless elsewhere (RFC 7217), and temporary (RFC 8981). The latter two avoid the
//! identifiers that IANA keeps reserved (the registry of RFC 5453): the all-zero subnet-router
//! anycast, the block under IANA's own Ethernet prefix, and the subnet anycast range of RFC 2526.
//!
//! Nothing here draws randomness: secrets and random numbers are arguments, so that runs replay.

use std::net::Ipv6Addr;

use sha2::{Digest, Sha256};

use crate::{AddrError, Address, Ipv6Interface, Ipv6Network, Mac, Problem};

/// How many random numbers a temporary identifier may take.
const TRIES: u32 = 10;
/// The least secret of a stable identifier in bytes (RFC 7217 §5).
const SECRET_MIN: usize = 16;

/// The low 64 bits of an IPv6 address.
///
/// ```
/// use addr::{InterfaceId, Mac};
/// let id = InterfaceId::from_mac(Mac([0x02, 0, 0, 0x77, 0x77, 0x77]));
/// assert_eq!(id.0, 0x0000_00ff_fe77_7777);
/// assert!(!id.is_reserved());
/// assert!(InterfaceId(0).is_reserved());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u64);

impl InterfaceId {
    /// The modified EUI-64 of a MAC address: `ff:fe` in the middle, universal bit inverted.
    pub const fn from_mac(mac: Mac) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        Self(u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]))
    }

    /// A random identifier (RFC 8981 §3.3.1); `random` is asked again, up to ten times in all,
    /// when a number is reserved.
    ///
    /// # Errors
    /// [`Problem::NoIdentifier`] if every number tried is a reserved identifier.
    ///
    /// ```
    /// use addr::InterfaceId;
    /// let mut numbers = [0, 0xfdff_ffff_ffff_ff80, 7].into_iter();
    /// let id = InterfaceId::temporary(|| numbers.next().unwrap());
    /// assert_eq!(id, Ok(InterfaceId(7)));
    /// ```
    pub fn temporary(mut random: impl FnMut() -> u64) -> Result<Self, AddrError> {
        let mut numbers = (0..TRIES).map(|_| Self(random()));
        numbers.find(|id| !id.is_reserved()).ok_or(Ipv6Interface::error(Problem::NoIdentifier))
    }

    /// In the registry of reserved identifiers.
    pub const fn is_reserved(self) -> bool {
        matches!(
            self.0,
            0 | 0x0200_5eff_fe00_0000..=0x0200_5eff_feff_ffff
                | 0xfdff_ffff_ffff_ff80..=0xfdff_ffff_ffff_ffff
        )
    }

    /// The address with this identifier in a `/64`.
    ///
    /// # Errors
    /// [`Problem::NotSlash64`] if the prefix length is not 64.
    ///
    /// ```
    /// use addr::InterfaceId;
    /// let address = InterfaceId(1).in_network("2001:db8::/64".parse().unwrap()).unwrap();
    /// assert_eq!(address.to_string(), "2001:db8::1/64");
    /// ```
    pub fn in_network(self, network: Ipv6Network) -> Result<Ipv6Interface, AddrError> {
        only_slash_64(network)?;
        let bits = network.address().to_int() | u128::from(self.0);
        Ok(Ipv6Interface::new(Ipv6Addr::from_bits(bits), network.mask()))
    }
}

impl From<Ipv6Addr> for InterfaceId {
    fn from(ip: Ipv6Addr) -> Self {
        Self(ip.to_bits() as u64)
    }
}

/// What a stable identifier is made from (RFC 7217 §5).
///
/// ```
/// use addr::{Mac, StableId};
/// let secret: Vec<u8> = (0..16).collect();
/// let input = StableId {
///     network: "2001:db8::/64".parse().unwrap(),
///     mac: Mac([0x02, 0, 0, 0x77, 0x77, 0x77]),
///     network_id: b"",
///     secret: &secret,
/// };
/// let (address, dad_counter) = input.address(0).unwrap();
/// assert_eq!(address.to_string(), "2001:db8::8d76:970e:298a:6981/64");
/// assert_eq!(dad_counter, 0);
/// ```
#[derive(Clone, Copy)]
pub struct StableId<'a> {
    /// The `/64` to make an address in.
    pub network: Ipv6Network,
    /// What tells interfaces apart.
    pub mac: Mac,
    /// What tells attachments of one interface apart, such as an SSID; may be empty.
    pub network_id: &'a [u8],
    /// At least 16 secret bytes, kept for as long as the addresses shall stay.
    pub secret: &'a [u8],
}

impl StableId<'_> {
    /// The stable address after `dad_counter` conflicts, and the counter that it took.
    ///
    /// A reserved identifier counts as a conflict (RFC 7217 §5), so the counter may be higher than
    /// the one given; the next conflict goes on from there.
    ///
    /// # Errors
    /// [`Problem::NotSlash64`] if the prefix length is not 64, [`Problem::SecretTooShort`] if the
    /// secret has fewer than 16 bytes, [`Problem::NoIdentifier`] if every identifier tried is
    /// reserved.
    pub fn address(&self, dad_counter: u8) -> Result<(Ipv6Interface, u8), AddrError> {
        only_slash_64(self.network)?;
        if self.secret.len() < SECRET_MIN {
            return Err(Ipv6Interface::error(Problem::SecretTooShort));
        }
        let (id, counter) = first_free(dad_counter, |counter| self.id(counter))?;
        Ok((id.in_network(self.network)?, counter))
    }

    fn id(&self, dad_counter: u8) -> InterfaceId {
        let hash = Sha256::new()
            .chain_update(self.network.address().octets())
            .chain_update(self.mac.0)
            .chain_update(self.network_id)
            .chain_update([dad_counter])
            .chain_update(self.secret)
            .finalize();
        let low = hash.iter().skip(24).fold(0, |bits, &byte| bits << 8 | u64::from(byte));
        InterfaceId(low)
    }
}

/// The secret stays out of logs.
impl std::fmt::Debug for StableId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StableId")
            .field("network", &self.network)
            .field("mac", &self.mac)
            .field("network_id", &self.network_id)
            .finish_non_exhaustive()
    }
}

fn first_free(
    from: u8,
    mut make: impl FnMut(u8) -> InterfaceId,
) -> Result<(InterfaceId, u8), AddrError> {
    let mut made = (from..=u8::MAX).map(|counter| (make(counter), counter));
    made.find(|(id, _)| !id.is_reserved()).ok_or(Ipv6Interface::error(Problem::NoIdentifier))
}

fn only_slash_64(network: Ipv6Network) -> Result<(), AddrError> {
    if network.prefix_len() != 64 {
        return Err(Ipv6Interface::error(Problem::NotSlash64));
    }
    Ok(())
}

impl Ipv6Interface {
    /// The address of a MAC address in a `/64` (RFC 4291 appendix A).
    ///
    /// # Errors
    /// [`Problem::NotSlash64`] if the prefix length is not 64.
    ///
    /// ```
    /// use addr::{Ipv6Interface, Mac};
    /// let mac = Mac([0x02, 0, 0, 0x77, 0x77, 0x77]);
    /// let address = Ipv6Interface::from_eui64("2001:db8::/64".parse().unwrap(), mac).unwrap();
    /// assert_eq!(address.to_string(), "2001:db8::ff:fe77:7777/64");
    /// ```
    pub fn from_eui64(network: Ipv6Network, mac: Mac) -> Result<Self, AddrError> {
        InterfaceId::from_mac(mac).in_network(network)
    }

    /// The stable address of these inputs; see [`StableId::address`].
    ///
    /// # Errors
    /// [`Problem::NotSlash64`] if the prefix length is not 64, [`Problem::SecretTooShort`] if the
    /// secret has fewer than 16 bytes, [`Problem::NoIdentifier`] if every identifier tried is
    /// reserved.
    ///
    /// ```
    /// use addr::{Ipv6Interface, Mac, StableId};
    /// let input = StableId {
    ///     network: "fe80::/64".parse().unwrap(),
    ///     mac: Mac::BROADCAST,
    ///     network_id: b"",
    ///     secret: &[7; 16],
    /// };
    /// assert_ne!(Ipv6Interface::from_rfc7217(&input, 0), Ipv6Interface::from_rfc7217(&input, 1));
    /// ```
    pub fn from_rfc7217(input: &StableId<'_>, dad_counter: u8) -> Result<(Self, u8), AddrError> {
        input.address(dad_counter)
    }

    /// A temporary address in a `/64`; see [`InterfaceId::temporary`].
    ///
    /// # Errors
    /// [`Problem::NotSlash64`] if the prefix length is not 64, [`Problem::NoIdentifier`] if every
    /// number tried is a reserved identifier.
    ///
    /// ```
    /// use addr::Ipv6Interface;
    /// let network = "2001:db8::/64".parse().unwrap();
    /// let address = Ipv6Interface::from_rfc8981_temp(network, || 0xabcd).unwrap();
    /// assert_eq!(address.to_string(), "2001:db8::abcd/64");
    /// assert!(Ipv6Interface::from_rfc8981_temp(network, || 0).is_err());
    /// ```
    pub fn from_rfc8981_temp(
        network: Ipv6Network,
        random: impl FnMut() -> u64,
    ) -> Result<Self, AddrError> {
        only_slash_64(network)?;
        InterfaceId::temporary(random)?.in_network(network)
    }
}

#[cfg(test)]
mod tests;
