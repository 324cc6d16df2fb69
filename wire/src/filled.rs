//! Bytes written one after the other into a fixed room: what the option writers have in common.

/// Room for `N` bytes, filled from the front.
#[derive(Clone, Debug)]
pub(crate) struct Filled<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Default for Filled<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Filled<N> {
    /// Nothing written.
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// What was written.
    #[inline]
    pub(crate) fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Appends `len` bytes: `head`, then `parts`, then zeros. Writes nothing and says false if they
    /// do not fit, or `len` is less than they are.
    #[inline]
    pub(crate) fn append(&mut self, len: usize, head: &[u8], parts: &[&[u8]]) -> bool {
        let Some(end) = self.len.checked_add(len) else { return false };
        let Some(mut room) = self.bytes.get_mut(self.len..end) else { return false };
        if head.len() + parts.iter().map(|part| part.len()).sum::<usize>() > len {
            return false;
        }
        for part in [head].iter().chain(parts) {
            let (to, rest) = room.split_at_mut(part.len());
            to.copy_from_slice(part);
            room = rest;
        }
        room.fill(0);
        self.len = end;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_leaves_no_trace() {
        let mut filled = Filled::<8>::default();
        assert!(filled.append(4, &[1], &[&[2], &[]]));
        assert_eq!(filled.written(), [1, 2, 0, 0]);
        assert!(!filled.append(5, &[9], &[]));
        assert!(!filled.append(2, &[9], &[&[9, 9]]));
        assert!(!filled.append(usize::MAX, &[9], &[]));
        assert!(filled.append(4, &[3, 4], &[&[5, 6]]));
        assert_eq!(filled.written(), [1, 2, 0, 0, 3, 4, 5, 6]);
        assert!(filled.append(0, &[], &[]) && !filled.append(1, &[], &[]));
    }
}
