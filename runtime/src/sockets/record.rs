//! Datagrams in a byte ring: a header of fixed length and the payload, put in by one commit.

use client::datagram::RECORD_LEN;
use ring::bytes::{Reader, Writer};

/// Puts in a record that fits.
pub(crate) fn put(tx: &mut Writer, header: &[u8; RECORD_LEN], payload: &[u8]) {
    tx.write_at(0, header);
    tx.write_at(RECORD_LEN, payload);
    tx.commit(RECORD_LEN + payload.len());
}

/// Copies the first `len` bytes of one ring to another that has room for them.
pub(crate) fn copy(tx: &mut Writer, rx: &Reader, len: usize) {
    let mut copied = 0;
    while copied < len {
        let (first, second) = rx.peek_at(copied, len - copied);
        if first.is_empty() {
            break;
        }
        tx.write_at(copied, first);
        tx.write_at(copied + first.len(), second);
        copied += first.len() + second.len();
    }
    tx.commit(copied);
}

/// The header of the oldest record, if there is one.
pub(crate) fn head(rx: &Reader) -> Option<[u8; RECORD_LEN]> {
    let mut header = [0; RECORD_LEN];
    (rx.read_at(0, &mut header) == RECORD_LEN).then_some(header)
}
