//! The number of an interface of this stack.
//!
//! Never zero, so that `Option<IfIndex>` costs nothing and "any interface" needs no magic value.
//! It is the stack's own numbering, not the operating system's.

use std::fmt;
use std::num::NonZeroU32;

/// An interface index, 1 and up.
///
/// ```
/// use addr::IfIndex;
/// assert_eq!(IfIndex::new(3).unwrap().get(), 3);
/// assert!(IfIndex::new(0).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(NonZeroU32);

impl IfIndex {
    /// An index; zero is none.
    #[inline]
    pub const fn new(index: u32) -> Option<Self> {
        match NonZeroU32::new(index) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }

    /// The number.
    #[inline]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
