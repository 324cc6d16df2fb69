//! How many sockets clients may have open: counted in one place for all engines, given back once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sockets that one client may have open.
const SOCKETS_PER_CLIENT: usize = 16_384;
/// Sockets of all clients.
const SOCKETS_MAX: usize = 65_536;

/// How many sockets the clients of a server have open.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllSockets(Arc<AtomicUsize>);

/// How many sockets one client has open.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    client: Arc<AtomicUsize>,
    all: AllSockets,
}

/// The right to one socket, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Admission(Quota);

impl Quota {
    /// Of a client without sockets.
    pub(crate) fn new(all: &AllSockets) -> Self {
        Self { client: Arc::default(), all: all.clone() }
    }

    /// Counts one more socket. `None` if the client, or all together, have as many as they may.
    pub(crate) fn admit(&self) -> Option<Admission> {
        take(&self.client, SOCKETS_PER_CLIENT)?;
        if take(&self.all.0, SOCKETS_MAX).is_none() {
            self.client.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Admission(self.clone()))
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.client.fetch_sub(1, Ordering::Relaxed);
        self.0.all.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn take(count: &AtomicUsize, most: usize) -> Option<usize> {
    let more = |now: usize| (now < most).then_some(now + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_hold_and_what_is_dropped_is_given_back() {
        let all = AllSockets::default();
        let clients: Vec<_> = (0..5).map(|_| Quota::new(&all)).collect();
        // On another engine the same client is a clone.
        let again = clients[0].clone();
        let mut held: Vec<_> = (0..SOCKETS_PER_CLIENT).map_while(|_| clients[0].admit()).collect();
        assert_eq!(held.len(), SOCKETS_PER_CLIENT);
        assert!(again.admit().is_none());
        held.pop();
        held.extend(again.admit());
        assert_eq!(held.len(), SOCKETS_PER_CLIENT);
        for client in &clients[1..4] {
            held.extend((0..SOCKETS_PER_CLIENT).map_while(|_| client.admit()));
        }
        assert_eq!(held.len(), SOCKETS_MAX);
        assert!(clients[4].admit().is_none(), "all have as many as they may");
        held.clear();
        assert!(clients[4].admit().is_some());
        assert_eq!(all.0.load(Ordering::Relaxed), 0);
    }
}
