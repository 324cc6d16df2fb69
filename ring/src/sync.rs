//! Atomics, reference counts and cells: the standard ones, or loom's when it explores schedules.
//!
//! The cell has loom's interface (a closure gets the raw pointer), so that the ring of values is
//! written once. [`Tracker`] stands in for cells where the memory is one flat region: it tells loom
//! which bytes are read or written, and [`Leak`] lets it notice memory that nobody freed; both are
//! nothing at all otherwise.

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
    },
};

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence},
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
    pub(crate) fn new(len: usize) -> Self {
        Self { cells: (0..len).map(|_| UnsafeCell::new(())).collect() }
    }

    pub(crate) fn reading(&self, from: usize, len: usize) {
        self.cells[from..from + len].iter().for_each(|cell| cell.with(|_| ()));
    }

    pub(crate) fn writing(&self, from: usize, len: usize) {
        self.cells[from..from + len].iter().for_each(|cell| cell.with_mut(|_| ()));
    }
}

#[cfg(not(loom))]
impl Tracker {
    pub(crate) fn new(_len: usize) -> Self {
        Self {}
    }

    #[inline(always)]
    pub(crate) fn reading(&self, _from: usize, _len: usize) {}

    #[inline(always)]
    pub(crate) fn writing(&self, _from: usize, _len: usize) {}
}

/// Part of what must be freed: loom reports a count that is never dropped.
pub(crate) struct Leak {
    #[cfg(loom)]
    _count: Arc<()>,
}

impl Leak {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(loom)]
            _count: Arc::new(()),
        }
    }
}
