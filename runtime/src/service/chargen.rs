//! The character generator (RFC 864): lines of 72 printable characters, each line one further on.

use ring::bytes::Writer;

const LINE: usize = 74;
const PRINTABLE: usize = 95;

/// Where in the pattern a connection is.
#[derive(Debug, Default)]
pub(super) struct Chargen {
    line: usize,
    column: usize,
}

impl Chargen {
    /// Writes the rest of the present line as far as there is room, and returns how much.
    pub(super) fn fill(&mut self, tx: &mut Writer) -> usize {
        if tx.free() == 0 {
            return 0;
        }
        let written = tx.write(&line(self.line)[self.column..]);
        self.column += written;
        if self.column == LINE {
            self.column = 0;
            self.line = (self.line + 1) % PRINTABLE;
        }
        written
    }
}

/// One line with its end.
pub(super) fn line(number: usize) -> [u8; LINE] {
    let mut line = [0; LINE];
    for (column, byte) in line.iter_mut().enumerate() {
        *byte = b' ' + ((number + column) % PRINTABLE) as u8;
    }
    line[LINE - 2..].copy_from_slice(b"\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_move_on_by_one_character() {
        assert!(line(0).starts_with(b" !\"#$%&'()"));
        assert!(line(1).starts_with(b"!\"#$%&'()*"));
        assert!(line(94).starts_with(b"~ !\"#"));
        assert!(line(7).ends_with(b"\r\n"));
    }

    #[test]
    fn a_small_ring_gets_the_same_stream() {
        let (mut tx, mut rx) = ring::byte_ring(64);
        let (mut chargen, mut seen) = (Chargen::default(), Vec::new());
        while seen.len() < 200 {
            while let 1.. = chargen.fill(&mut tx) {}
            let mut part = [0; 50];
            let n = rx.read(&mut part);
            seen.extend_from_slice(&part[..n]);
        }
        let whole = [line(0), line(1), line(2)].concat();
        assert_eq!(seen, whole[..seen.len()]);
    }
}
