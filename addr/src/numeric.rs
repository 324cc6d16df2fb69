//! An address value as a number, for the numeric format traits.
//!
//! Binary and hexadecimal digits are zero padded to the full width of the type, so that columns of
//! addresses line up; `#` adds `0b` or `0x`, and [`Numeric::grouped`] puts an underscore between
//! each four digits. `Display` is the plain decimal number.

use std::fmt::{self, Write as _};

use crate::text::Buffer;

/// The integer behind an address value.
///
/// ```
/// use addr::Address as _;
/// use std::net::Ipv4Addr;
/// let number = Ipv4Addr::new(10, 0, 0, 1).numeric();
/// assert_eq!(format!("{number:x} {number:#X} {number}"), "0a000001 0x0A000001 167772161");
/// assert_eq!(format!("{:#x}", number.grouped()), "0x0a00_0001");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numeric {
    value: u128,
    bits: u8,
    grouped: bool,
}

impl Numeric {
    pub(crate) const fn new(value: u128, bits: u8) -> Self {
        Self { value, bits, grouped: false }
    }

    /// The number.
    ///
    /// ```
    /// use addr::Address;
    /// assert_eq!(std::net::Ipv6Addr::LOCALHOST.numeric().value(), 1);
    /// ```
    pub const fn value(self) -> u128 {
        self.value
    }

    /// The same with an underscore between each four digits of its binary and hexadecimal forms.
    ///
    /// ```
    /// let mac = addr::Mac([2, 0, 0, 0, 0, 1]);
    /// assert_eq!(format!("{:x}", mac.numeric().grouped()), "0200_0000_0001");
    /// ```
    pub const fn grouped(self) -> Self {
        Self { grouped: true, ..self }
    }

    fn digits(
        self,
        f: &mut fmt::Formatter<'_>,
        prefix: &str,
        bits_per_digit: u32,
        alphabet: &[u8; 16],
    ) -> fmt::Result {
        let mut text = Buffer::new();
        if f.alternate() {
            text.write_str(prefix)?;
        }
        let count = u32::from(self.bits) / bits_per_digit;
        let low = (1 << bits_per_digit) - 1;
        for left in (0..count).rev() {
            let digit = (self.value >> (left * bits_per_digit)) & low;
            text.write_char(alphabet[digit as usize & 15] as char)?;
            if self.grouped && left > 0 && left % 4 == 0 {
                text.write_char('_')?;
            }
        }
        f.pad(text.as_str())
    }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.value, f)
    }
}

impl fmt::Binary for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits(f, "0b", 1, b"0123456789abcdef")
    }
}

impl fmt::LowerHex for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits(f, "0x", 4, b"0123456789abcdef")
    }
}

impl fmt::UpperHex for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits(f, "0x", 4, b"0123456789ABCDEF")
    }
}

/// The numeric format traits of a type that has `numeric()`.
macro_rules! numeric_formats {
    ($($(@$a:ident: $bound:ident)? $name:ty),*) => { $(
        impl $(<$a: $bound>)? std::fmt::Binary for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Binary::fmt(&self.numeric(), f)
            }
        }
        impl $(<$a: $bound>)? std::fmt::LowerHex for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::LowerHex::fmt(&self.numeric(), f)
            }
        }
        impl $(<$a: $bound>)? std::fmt::UpperHex for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::UpperHex::fmt(&self.numeric(), f)
            }
        }
    )* };
}
pub(crate) use numeric_formats;
