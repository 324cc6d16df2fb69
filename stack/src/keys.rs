//! The secrets of a host: a key of 128 bits for each use.
//!
//! No key is made from another one, and none from a generator whose output anybody sees, so that
//! what leaks of one use (a few thousand sequence numbers, all ports) says nothing of the others.
//! The runtime fills them from the operating system; a simulation has them follow from its seed.

use addr::HashKey;

use crate::rng::Rng;

/// A host's secrets.
///
/// ```
/// use stack::keys::Keys;
/// let mut byte = 0;
/// // In earnest: `getrandom(2)`.
/// let keys = Keys::draw(|key| {
///     byte += 1;
///     key.fill(byte);
///     Ok::<(), std::io::Error>(())
/// });
/// assert!(keys.is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Keys {
    /// Initial sequence numbers (RFC 6528).
    pub(crate) isn: HashKey,
    /// RFC 6056 §3.3.4 `F`: where the ephemeral ports of a destination begin.
    pub(crate) port_offset: HashKey,
    /// RFC 6056 §3.3.4 `G`: which counter a destination has.
    pub(crate) port_counter: HashKey,
    /// IPv6 flow labels (RFC 6437).
    pub(crate) flow_label: HashKey,
    /// Offsets of timestamp clocks (RFC 7323 §5.4).
    pub(crate) timestamps: HashKey,
    /// SYN cookies: the part that stays.
    pub(crate) cookie: HashKey,
    /// SYN cookies: the part of a minute.
    pub(crate) cookie_minute: HashKey,
    /// The table of flows.
    pub(crate) flows: HashKey,
    /// Which shard owns a flow.
    pub(crate) steering: HashKey,
    /// Identifications of UDP's IPv4 packets (RFC 6864).
    pub(crate) udp_ident: HashKey,
    /// The same of ICMP's.
    pub(crate) icmp_ident: HashKey,
    /// The table of destinations of ICMP errors.
    pub(crate) icmp_peers: HashKey,
    /// All that is drawn while the host runs.
    pub(crate) random: HashKey,
}

impl Keys {
    /// Keys of which `fill` makes each.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn draw<E>(mut fill: impl FnMut(&mut [u8; 16]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = || {
            let mut bytes = [0; 16];
            fill(&mut bytes)?;
            let bits = u128::from_le_bytes(bytes);
            Ok(HashKey::new(bits as u64, (bits >> 64) as u64))
        };
        Ok(Self {
            isn: key()?,
            port_offset: key()?,
            port_counter: key()?,
            flow_label: key()?,
            timestamps: key()?,
            cookie: key()?,
            cookie_minute: key()?,
            flows: key()?,
            steering: key()?,
            udp_ident: key()?,
            icmp_ident: key()?,
            icmp_peers: key()?,
            random: key()?,
        })
    }

    /// Keys that follow from a seed, for a run that is to be repeated. Whoever knows a number of
    /// 64 bits that was made like this knows all of them.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let drawn = Self::draw(|key| {
            key[..8].copy_from_slice(&rng.next_u64().to_le_bytes());
            key[8..].copy_from_slice(&rng.next_u64().to_le_bytes());
            Ok::<(), core::convert::Infallible>(())
        });
        match drawn {
            Ok(keys) => keys,
            Err(never) => match never {},
        }
    }
}

impl From<u64> for Keys {
    fn from(seed: u64) -> Self {
        Self::from_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_filled_by_itself() {
        let mut filled = 0u128;
        let keys = Keys::draw(|key| {
            filled += 1;
            key.copy_from_slice(&filled.to_le_bytes());
            Ok::<(), ()>(())
        });
        assert_eq!(filled, 13);
        assert_eq!(keys.map(|keys| keys.random == HashKey::new(13, 0)), Ok(true));
        assert!(Keys::draw(|_| Err(())).is_err());
    }
}
