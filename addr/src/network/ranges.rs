//! Lazy lists of addresses and of networks.
//!
//! Both are a first number, a count less one (so that all of IPv6 fits) and a step. Taking from
//! either end, skipping and counting are arithmetic: no list of this crate can exhaust memory or
//! time unless its caller walks it to the end.

use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::Network;
use crate::{Address, Mask};

/// What is left of an ascending run of numbers: how many, less one, and the first.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u128,
    more: u128,
    shift: u32,
    done: bool,
}

impl Run {
    fn at(&self, index: u128) -> u128 {
        // A step of the whole of IPv6 goes with a single item.
        self.first + index.checked_shl(self.shift).unwrap_or(0)
    }

    fn front(&mut self, skip: u128) -> Option<u128> {
        if self.done || skip > self.more {
            self.done = true;
            return None;
        }
        let taken = self.at(skip);
        self.drop_front(skip);
        Some(taken)
    }

    fn drop_front(&mut self, skip: u128) {
        if skip == self.more {
            self.done = true;
        } else {
            self.first = self.at(skip + 1);
            self.more -= skip + 1;
        }
    }

    fn back(&mut self, skip: u128) -> Option<u128> {
        if self.done || skip > self.more {
            self.done = true;
            return None;
        }
        let taken = self.at(self.more - skip);
        if skip == self.more {
            self.done = true;
        } else {
            self.more -= skip + 1;
        }
        Some(taken)
    }

    fn count(&self) -> Option<usize> {
        if self.done {
            return Some(0);
        }
        usize::try_from(self.more).ok()?.checked_add(1)
    }
}

macro_rules! iterate {
    ($name:ident, $item:ty, $self:ident, $number:ident => $make:expr) => {
        impl<A: Address> Iterator for $name<A> {
            type Item = $item;

            fn next(&mut self) -> Option<$item> {
                self.nth(0)
            }

            fn nth(&mut $self, n: usize) -> Option<$item> {
                let $number = $self.run.front(n as u128)?;
                Some($make)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                let count = self.run.count();
                (count.unwrap_or(usize::MAX), count)
            }

            /// Without walking; the most a `usize` holds stands for more.
            fn count(self) -> usize {
                self.run.count().unwrap_or(usize::MAX)
            }

            fn last(mut self) -> Option<$item> {
                self.next_back()
            }

            fn max(mut self) -> Option<$item> {
                self.next_back()
            }

            fn min(mut self) -> Option<$item> {
                self.next()
            }
        }

        impl<A: Address> DoubleEndedIterator for $name<A> {
            fn next_back(&mut self) -> Option<$item> {
                self.nth_back(0)
            }

            fn nth_back(&mut $self, n: usize) -> Option<$item> {
                let $number = $self.run.back(n as u128)?;
                Some($make)
            }
        }

        impl<A: Address> FusedIterator for $name<A> {}
    };
}

/// Addresses in ascending order; from [`Network::addresses`] and [`Network::hosts`].
///
/// ```
/// let network: addr::Ipv6Network = "2001:db8::/64".parse().unwrap();
/// let mut hosts = network.hosts();
/// assert_eq!(hosts.next().unwrap().to_string(), "2001:db8::1");
/// assert_eq!(hosts.next_back().unwrap().to_string(), "2001:db8::ffff:ffff:ffff:ffff");
/// ```
#[derive(Clone, Debug)]
pub struct Addresses<A> {
    run: Run,
    family: PhantomData<A>,
}

impl<A: Address> Addresses<A> {
    pub(super) fn new(first: u128, more: u128) -> Self {
        Self { run: Run { first, more, shift: 0, done: false }, family: PhantomData }
    }
}

iterate!(Addresses, A, self, number => A::from_low_bits(number));

/// Networks of one size in ascending order; from [`Network::subnets`] and its kin.
///
/// ```
/// let network: addr::Ipv6Network = "2001:db8::/32".parse().unwrap();
/// let mut subnets = network.subnets(64).unwrap();
/// assert_eq!(subnets.nth(0x1234_5678).unwrap().to_string(), "2001:db8:1234:5678::/64");
/// ```
#[derive(Clone, Debug)]
pub struct Subnets<A: Address> {
    run: Run,
    mask: Mask<A>,
}

impl<A: Address> Subnets<A> {
    pub(super) fn new(network: Network<A>, mask: Mask<A>) -> Self {
        let shift = u32::from(A::WIDTH - mask.prefix_len());
        let more = network.hostmask().to_int().checked_shr(shift).unwrap_or(0);
        Self { run: Run { first: network.address().to_int(), more, shift, done: false }, mask }
    }
}

iterate!(Subnets, Network<A>, self, number => {
    Network { address: A::from_low_bits(number), mask: self.mask }
});

#[cfg(test)]
mod tests;
