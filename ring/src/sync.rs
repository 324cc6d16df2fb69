//! Atomics, reference counts and cells: the standard ones, or loom's when it explores schedules.
//!
//! The cell has loom's interface (a closure gets the raw pointer), so that the ring of values is
//! written once. [`Tracker`] stands in for cells where the memory is one flat region: it tells loom
//! which bytes are read or written, and is nothing at all otherwise.

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
    },
};

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence},
};

#[cfg(not(loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Shadow of a flat region, one cell a byte; loom reports accesses that are not ordered.
pub(crate) struct Tracker {
    #[cfg(loom)]
    cells: Box<[UnsafeCell<()>]>,
}

#[cfg(loom)]
impl Tracker {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { cells: (0..capacity).map(|_| UnsafeCell::new(())).collect() }
    }

    pub(crate) fn reading(&self, position: u64, len: usize) {
        for at in position..position + len as u64 {
            self.cells[at as usize & (self.cells.len() - 1)].with(|_| ());
        }
    }

    pub(crate) fn writing(&self, position: u64, len: usize) {
        for at in position..position + len as u64 {
            self.cells[at as usize & (self.cells.len() - 1)].with_mut(|_| ());
        }
    }
}

#[cfg(not(loom))]
impl Tracker {
    pub(crate) fn new(_capacity: usize) -> Self {
        Self {}
    }

    #[inline(always)]
    pub(crate) fn reading(&self, _position: u64, _len: usize) {}

    #[inline(always)]
    pub(crate) fn writing(&self, _position: u64, _len: usize) {}
}
