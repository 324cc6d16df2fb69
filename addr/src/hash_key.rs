//! The secret of a keyed hash.
//!
//! Tables that outsiders can fill (flows, fragments, neighbours) are indexed by SipHash-1-3 under a
//! key drawn at start, so that nobody can compute inputs that fall into one bucket. The hash
//! is a pure function of key and input: a run with a fixed key replays exactly.

use siphasher::sip::{SipHasher13, SipHasher24};

use crate::{Endpoint, FlowKey};

/// A 128-bit hash key.
///
/// ```
/// use addr::HashKey;
/// let key = HashKey::new(1, 2);
/// assert_eq!(key.hash_bytes(b"abc"), HashKey::new(1, 2).hash_bytes(b"abc"));
/// assert_ne!(key.hash_bytes(b"abc"), HashKey::new(1, 3).hash_bytes(b"abc"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u64; 2]);

impl HashKey {
    /// A key of two random words.
    pub const fn new(a: u64, b: u64) -> Self {
        Self([a, b])
    }

    /// Hash of a flow's four parts.
    ///
    /// ```
    /// use addr::{FlowKey, HashKey};
    /// let flow = FlowKey::new("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap());
    /// let key = HashKey::new(1, 2);
    /// assert_ne!(key.hash_flow(&flow), key.hash_flow(&flow.reversed()));
    /// ```
    #[inline]
    pub fn hash_flow(&self, key: &FlowKey) -> u64 {
        let FlowKey { local, remote } = key;
        // IPv4 flows need a third of the bytes; the length is part of the hash, so the two
        // forms do not meet.
        if let (Some(a), Some(b)) = (local.ip.octets_v4(), remote.ip.octets_v4()) {
            let mut bytes = [0; 12];
            bytes[..4].copy_from_slice(&a);
            bytes[4..8].copy_from_slice(&b);
            bytes[8..10].copy_from_slice(&local.port.to_be_bytes());
            bytes[10..].copy_from_slice(&remote.port.to_be_bytes());
            return self.hash_bytes(&bytes);
        }
        let mut bytes = [0; 36];
        put_endpoint(&mut bytes[..18], local);
        put_endpoint(&mut bytes[18..], remote);
        self.hash_bytes(&bytes)
    }

    /// The same of a flow's four parts as of any bytes: [`prf_bytes`](Self::prf_bytes).
    pub fn prf_flow(&self, key: &FlowKey) -> u64 {
        let mut bytes = [0; 36];
        put_endpoint(&mut bytes[..18], &key.local);
        put_endpoint(&mut bytes[18..], &key.remote);
        self.prf_bytes(&bytes)
    }

    /// Hash of any bytes for values that outsiders see: SipHash-2-4, which was made as a
    /// pseudorandom function, so that they learn neither the key nor the next value.
    ///
    /// ```
    /// use addr::HashKey;
    /// let key = HashKey::new(1, 2);
    /// assert_eq!(key.prf_bytes(b"abc"), key.prf_bytes(b"abc"));
    /// assert_ne!(key.prf_bytes(b"abc"), key.hash_bytes(b"abc"));
    /// ```
    pub fn prf_bytes(&self, bytes: &[u8]) -> u64 {
        SipHasher24::new_with_keys(self.0[0], self.0[1]).hash(bytes)
    }

    /// Hash of any bytes.
    #[inline]
    pub fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.0[0], self.0[1]).hash(bytes)
    }
}

fn put_endpoint(bytes: &mut [u8], endpoint: &Endpoint) {
    bytes[..16].copy_from_slice(endpoint.ip.octets());
    bytes[16..18].copy_from_slice(&endpoint.port.to_be_bytes());
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key stays out of logs.
        f.write_str("HashKey(..)")
    }
}

#[cfg(test)]
mod tests;
