//! Who wants to send, per interface, and who waits for a link address.
//!
//! Lists hold slab slots; the mark in the connection says whether it stands in a list, so nobody
//! stands twice. A slot whose tenant left is skipped when it comes up, and a list that is mostly
//! such slots is swept, which bounds it.

use std::collections::VecDeque;

use addr::IfIndex;

use crate::store::slab::Slab;
use crate::store::waiting::{NextHop, Waiting};
use crate::tcp::conn::Conn;

/// The lists.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    lists: Vec<(IfIndex, VecDeque<u32>)>,
    /// Slots in the lists whose tenant left.
    stale: usize,
    waiting: Waiting,
}

impl Ready {
    /// Whether anyone may want to send by `ifindex`.
    #[inline]
    pub(crate) fn has(&self, ifindex: IfIndex) -> bool {
        self.lists.iter().any(|(i, list)| *i == ifindex && !list.is_empty())
    }

    /// Puts the connection of slot `index` at the end of its interface's list, once.
    #[inline]
    pub(crate) fn push(&mut self, conn: &mut Conn, index: u32) {
        if conn.in_ready_list {
            return;
        }
        conn.in_ready_list = true;
        let ifindex = conn.path.ifindex;
        let at = match self.lists.iter().position(|(i, _)| *i == ifindex) {
            Some(at) => at,
            None => {
                self.lists.push((ifindex, VecDeque::new()));
                self.lists.len() - 1
            }
        };
        self.lists[at].1.push_back(index);
    }

    /// A connection left that stands in a list.
    pub(crate) fn leave(&mut self, conns: &mut Slab<Conn>) {
        self.stale += 1;
        if self.stale > conns.len() + SLACK {
            self.lists.iter_mut().for_each(|(_, list)| sweep(list, conns));
            self.stale = 0;
        }
    }

    /// The next in line for `ifindex`, out of the list.
    #[inline]
    pub(crate) fn pop(&mut self, conns: &mut Slab<Conn>, ifindex: IfIndex) -> Option<u32> {
        let (_, list) = self.lists.iter_mut().find(|(i, _)| *i == ifindex)?;
        loop {
            let index = list.pop_front()?;
            if let Some(conn) = conns.at_mut(index).filter(|c| c.in_ready_list) {
                conn.in_ready_list = false;
                return Some(index);
            }
            self.stale = self.stale.saturating_sub(1);
        }
    }

    /// Sets a connection aside until its next hop's entry changes; without a route, until the
    /// tables do.
    pub(crate) fn await_neighbor(
        &mut self,
        conns: &mut Slab<Conn>,
        index: u32,
        next_hop: Option<NextHop>,
    ) {
        let Some(conn) = conns.at_mut(index) else { return };
        if !conn.awaiting_neighbor {
            conn.awaiting_neighbor = true;
            self.waiting.insert(next_hop, index);
        }
        if self.waiting.len() > 2 * conns.len() + SLACK {
            self.waiting.sweep(|index| conns.at(index).is_some_and(|c| c.awaiting_neighbor));
        }
    }

    /// Takes out all who were set aside.
    pub(crate) fn take_all_waiting(&mut self) -> Vec<u32> {
        self.waiting.take_all()
    }

    /// Takes out those who were set aside for the sake of this neighbour.
    pub(crate) fn take_waiting_for(&mut self, next_hop: NextHop) -> Vec<u32> {
        self.waiting.take(Some(next_hop))
    }
}

/// Keeps each slot that is still marked, once. Order is kept.
fn sweep(list: &mut VecDeque<u32>, conns: &mut Slab<Conn>) {
    list.retain(|&index| {
        let conn = conns.at_mut(index).filter(|c| c.in_ready_list);
        conn.map(|c| c.in_ready_list = false).is_some()
    });
    for &index in list.iter() {
        if let Some(conn) = conns.at_mut(index) {
            conn.in_ready_list = true;
        }
    }
}

/// Stale entries tolerated before a sweep.
const SLACK: usize = 64;
