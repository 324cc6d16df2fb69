//! How a datagram lies in a ring, in both directions.
//!
//! ```text
//!  0      2        3     4      6     8             24
//!  | len  | family | pad | port | pad | address     | payload ...
//! ```
//!
//! Numbers are little-endian. The address is an [`Ip`], the peer's: who sent it, or where it goes.
//! Towards the stack a family of 0 means the peer that the socket is connected to.

use addr::{Endpoint, Ip};

/// Bytes before the payload.
pub const RECORD_LEN: usize = 24;

/// The header of a datagram in a ring.
///
/// ```
/// use stack::udp::Record;
/// let record = Record { len: 5, peer: Some("10.0.0.1:53".parse().unwrap()) };
/// assert_eq!(Record::read(&record.write()), record);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Bytes of payload that follow.
    pub len: u16,
    /// The peer; none for the one the socket is connected to.
    pub peer: Option<Endpoint>,
}

impl Record {
    /// Reads a header.
    #[must_use]
    pub fn read(bytes: &[u8; RECORD_LEN]) -> Self {
        let [l0, l1, family, _, p0, p1, _, _, address @ ..] = *bytes;
        let port = u16::from_le_bytes([p0, p1]);
        let peer = (family != 0).then(|| Endpoint::new(Ip::v6(address), port));
        Self { len: u16::from_le_bytes([l0, l1]), peer }
    }

    /// Writes a header.
    #[must_use]
    pub fn write(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        bytes[..2].copy_from_slice(&self.len.to_le_bytes());
        if let Some(peer) = self.peer {
            bytes[2] = if peer.ip.is_v4() { 4 } else { 6 };
            bytes[4..6].copy_from_slice(&peer.port.to_le_bytes());
            bytes[8..].copy_from_slice(peer.ip.octets());
        }
        bytes
    }
}
