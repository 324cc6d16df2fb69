//! The Internet checksum (RFC 1071), its pseudo headers and its incremental form (RFC 1624).
//!
//! A [`Sum`] is an unfinished ones' complement sum in memory byte order; the order is undone once,
//! when it is folded. Bytes are read as 64-bit words and summed twice: the words modulo 2^64, and
//! their upper halves; the sum of the lower halves follows from the two. That is three vector
//! operations per register and no carry, so the compiler vectorises it on any target and it runs
//! near the speed of memory. [`copy_and_sum`] does the same while copying. On x86-64 both loops are
//! compiled a second time for AVX2 and chosen when the processor has it.

use std::ops::Add;

use addr::Ip;
#[cfg(target_arch = "x86_64")]
use fearless_simd::{Level, Simd};

/// `$call`, for AVX2 if the processor has it. What is called must be `inline(always)`: only then
/// is it compiled for the wider registers.
macro_rules! wide {
    ($call:expr) => {{
        #[cfg(target_arch = "x86_64")]
        match Level::new().as_avx2() {
            Some(avx2) => avx2.vectorize(
                #[inline(always)]
                || $call,
            ),
            None => $call,
        }
        #[cfg(not(target_arch = "x86_64"))]
        $call
    }};
}

/// Below this many bytes a plain loop with carries is faster than a call of a vectorised one.
const LONG: usize = 128;

/// An unfinished ones' complement sum.
///
/// ```
/// use wire::checksum::{self, Sum};
/// let whole = checksum::sum(Sum::ZERO, b"abc");
/// let (a, bc) = (checksum::sum(Sum::ZERO, b"a"), checksum::sum(Sum::ZERO, b"bc"));
/// assert_eq!(a.combine(bc, 1).fold(), whole.fold());
/// assert_eq!(whole.finish(), 0x3b9d);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// The sum of one 16-bit field, in host order.
    #[inline]
    pub fn of_u16(value: u16) -> Self {
        Self(u64::from(value.to_be()))
    }

    /// The sum of one 32-bit field, in host order.
    #[inline]
    pub fn of_u32(value: u32) -> Self {
        Self(u64::from(value.to_be()))
    }

    /// The 16-bit sum, not complemented, in host order. Zero only if every byte was zero.
    #[inline]
    pub fn fold(self) -> u16 {
        // A number plus itself with the halves exchanged: the upper half is the sum of the two, the
        // carry out of the lower half added to it.
        let sum = (self.0.wrapping_add(self.0.rotate_left(32)) >> 32) as u32;
        let sum = (sum.wrapping_add(sum.rotate_left(16)) >> 16) as u16;
        u16::from_be(sum)
    }

    /// The checksum for the field: the complement of the folded sum, in host order.
    #[inline]
    pub fn finish(self) -> u16 {
        !self.fold()
    }

    /// The sum covered a correct checksum field.
    #[inline]
    pub fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }

    /// Adds the sum of bytes that begin `offset` bytes after the ones summed in `self`.
    ///
    /// Only the parity of `offset` matters: at an odd one every byte changes its half.
    #[inline]
    pub fn combine(self, other: Self, offset: usize) -> Self {
        if offset & 1 == 0 { self + other } else { self + other.swapped() }
    }

    #[inline]
    fn swapped(self) -> Self {
        Self(u64::from(self.fold().swap_bytes().to_be()))
    }
}

impl Add for Sum {
    type Output = Self;

    /// Adds the sum of bytes at an even distance.
    #[inline]
    fn add(self, other: Self) -> Self {
        let (sum, carry) = self.0.overflowing_add(other.0);
        Self(sum + u64::from(carry))
    }
}

/// Adds the sum of `bytes`, which begin at an even offset, to `initial`.
#[inline]
pub fn sum(initial: Sum, bytes: &[u8]) -> Sum {
    if bytes.len() < LONG { sum_short(initial, bytes) } else { initial + sum_long(bytes) }
}

/// The checksum of `bytes`, in host order.
///
/// ```
/// assert_eq!(wire::checksum::checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0x220d);
/// ```
#[inline]
pub fn checksum(bytes: &[u8]) -> u16 {
    sum(Sum::ZERO, bytes).finish()
}

/// Copies `src` to the front of `dst` and returns the sum of what was copied.
///
/// Copies as much as fits; equal lengths are the intended use.
#[inline]
pub fn copy_and_sum(dst: &mut [u8], src: &[u8]) -> Sum {
    let len = dst.len().min(src.len());
    let (dst, src) = (&mut dst[..len], &src[..len]);
    if len >= LONG {
        return copy_and_sum_long(dst, src);
    }
    dst.copy_from_slice(src);
    sum_short(Sum::ZERO, src)
}

/// The sum of the pseudo header of TCP, UDP or ICMPv6.
///
/// `len` counts transport header and payload. IPv4 and IPv6 pseudo headers have the same sum
/// once the fields are added, except for the addresses.
#[inline]
pub fn pseudo_header(src: Ip, dst: Ip, protocol: u8, len: u32) -> Sum {
    let (src, dst) = (sum_address(src), sum_address(dst));
    src + dst + Sum::of_u16(u16::from(protocol)) + Sum::of_u32(len)
}

/// The field holds the bare pseudo-header sum: the sender left the rest to a device that the
/// frame never met (veth and TAP peers with checksum offload).
#[inline]
pub fn is_partial(pseudo: Sum, field: u16) -> bool {
    let folded = pseudo.fold();
    // Both forms of zero are one value in ones' complement.
    folded == field || (folded == 0xffff && field == 0)
}

/// The checksum after one 16-bit field changed from `old` to `new` (RFC 1624, equation 3).
///
/// ```
/// // The example of RFC 1624 §4.
/// assert_eq!(wire::checksum::update(0xdd2f, 0x5555, 0x3285), 0x0000);
/// ```
#[inline]
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    (Sum::of_u16(!checksum) + Sum::of_u16(!old) + Sum::of_u16(new)).finish()
}

/// The checksum after the bytes `old`, at an even offset, were replaced by `new` of the same
/// length.
#[inline]
pub fn update_bytes(checksum: u16, old: &[u8], new: &[u8]) -> u16 {
    let removed = Sum::of_u16(sum(Sum::ZERO, old).finish());
    (sum(Sum::of_u16(!checksum), new) + removed).finish()
}

#[inline]
fn sum_address(ip: Ip) -> Sum {
    match ip.octets_v4() {
        Some(octets) => Sum(u64::from(u32::from_ne_bytes(octets))),
        None => {
            let bits = u128::from_ne_bytes(*ip.octets());
            Sum(bits as u64) + Sum((bits >> 64) as u64)
        }
    }
}

/// The sum of 64-bit words, given their sum modulo 2^64 and the sum of their upper halves.
///
/// The latter cannot overflow below 32 GiB of input; the sum of the lower halves is the difference,
/// exact modulo 2^64 for the same reason.
#[inline(always)]
fn join(words: u64, upper: u64) -> Sum {
    Sum(words.wrapping_sub(upper << 32)) + Sum(upper)
}

/// Kept out of callers so that it is vectorised the same everywhere.
#[inline(never)]
fn sum_long(bytes: &[u8]) -> Sum {
    let (words, rest) = bytes.as_chunks::<8>();
    wide!(sum_words(words)) + sum_rest(bytes, rest.len())
}

#[inline(never)]
fn copy_and_sum_long(dst: &mut [u8], src: &[u8]) -> Sum {
    let (to, to_rest) = dst.as_chunks_mut::<8>();
    let (from, from_rest) = src.as_chunks::<8>();
    to_rest.copy_from_slice(from_rest);
    wide!(copy_and_sum_words(to, from)) + sum_rest(src, from_rest.len())
}

#[inline(always)]
fn sum_words(chunks: &[[u8; 8]]) -> Sum {
    let (mut words, mut upper) = (0u64, 0u64);
    for chunk in chunks {
        let word = u64::from_ne_bytes(*chunk);
        words = words.wrapping_add(word);
        upper = upper.wrapping_add(word >> 32);
    }
    join(words, upper)
}

#[inline(always)]
fn copy_and_sum_words(to: &mut [[u8; 8]], from: &[[u8; 8]]) -> Sum {
    let (mut words, mut upper) = (0u64, 0u64);
    for (to, from) in to.iter_mut().zip(from) {
        let word = u64::from_ne_bytes(*from);
        *to = *from;
        words = words.wrapping_add(word);
        upper = upper.wrapping_add(word >> 32);
    }
    join(words, upper)
}

/// Bytes too few for the vectorised loops.
#[inline]
fn sum_short(initial: Sum, bytes: &[u8]) -> Sum {
    let (pairs, rest) = bytes.as_chunks::<16>();
    let mut sum = initial;
    for pair in pairs {
        let pair = u128::from_ne_bytes(*pair);
        sum = sum + Sum(pair as u64) + Sum((pair >> 64) as u64);
    }
    if let Some(word) = rest.first_chunk::<8>() {
        sum = sum + Sum(u64::from_ne_bytes(*word));
    }
    match rest.len() & 7 {
        0 => sum,
        len => sum + sum_rest(bytes, len),
    }
}

/// The sum of the last `len` bytes, fewer than eight and at an even offset.
#[inline]
fn sum_rest(bytes: &[u8], len: usize) -> Sum {
    if let Some(last) = bytes.last_chunk::<8>() {
        // Those before them are shifted out. Two shifts: one by 64 bits would be an overflow.
        return Sum((u64::from_le_bytes(*last) >> 8 >> (56 - 8 * (len & 7))).to_le());
    }
    let (mut sum, mut rest) = (0, bytes);
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        sum += u64::from(u32::from_ne_bytes(*word));
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<2>() {
        sum += u64::from(u16::from_ne_bytes(*word));
        rest = after;
    }
    match rest {
        [last] => Sum(sum + u64::from(u16::from_ne_bytes([*last, 0]))),
        _ => Sum(sum),
    }
}

#[cfg(test)]
mod tests;
