//! The ports that every subject serves, so that one set of clients measures them all.
//!
//! A subject may be the kernel, a stack of someone else's, a bare responder or our own daemon; the
//! client neither knows nor cares. `BULK_SOURCE` sends without end to whoever connects, `BULK_SINK`
//! discards, `ECHO` and `UDP_ECHO` answer what they get, `UDP_SINK` counts, and the `ANSWER` ports
//! return one byte and close when the peer does.

/// TCP: sends without end.
pub const BULK_SOURCE: u16 = 1234;
/// TCP: reads and discards.
pub const BULK_SINK: u16 = 1235;
/// TCP: answers every byte with itself.
pub const ECHO: u16 = 1236;
/// UDP: answers every datagram with itself.
pub const UDP_ECHO: u16 = 1237;
/// UDP: counts datagrams, and answers [`COUNT_QUERY`] with the count as eight little-endian bytes.
pub const UDP_SINK: u16 = 1238;
/// TCP: sends without end, as far ahead as there is room, for paths with a long round trip.
pub const DEEP_SOURCE: u16 = 1239;
/// TCP: reads a byte, answers it, closes.
pub const ANSWER: [u16; 4] = [1240, 1241, 1242, 1243];

/// The datagram that asks [`UDP_SINK`] for its count; it is not counted itself.
pub const COUNT_QUERY: &[u8] = b"?";
