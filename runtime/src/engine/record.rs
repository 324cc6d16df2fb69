//! Datagrams in a byte ring: a header of fixed length and the payload, put in by one commit.

use client::datagram::RECORD_LEN;
use ring::bytes::{Reader, Writer};

/// Puts in a record that fits.
pub(crate) fn put(tx: &mut Writer, header: &[u8; RECORD_LEN], payload: &[u8]) {
    fill(tx, 0, header);
    fill(tx, RECORD_LEN, payload);
    tx.commit(RECORD_LEN + payload.len());
}

/// Writes bytes at `offset` beyond the committed end.
pub(crate) fn fill(tx: &mut Writer, offset: usize, bytes: &[u8]) {
    let (first, second) = tx.slices_at(offset, bytes.len());
    let (a, b) = (first.len(), second.len());
    first.copy_from_slice(&bytes[..a]);
    second.copy_from_slice(&bytes[a..a + b]);
}

/// The header of the oldest record, if there is one.
pub(crate) fn head(rx: &Reader) -> Option<[u8; RECORD_LEN]> {
    let (first, second) = rx.peek_at(0, RECORD_LEN);
    if first.len() + second.len() < RECORD_LEN {
        return None;
    }
    let mut header = [0; RECORD_LEN];
    header[..first.len()].copy_from_slice(first);
    header[first.len()..].copy_from_slice(second);
    Some(header)
}
