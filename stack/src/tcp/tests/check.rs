//! The invariants of all TCP state, as a test asks for them after every step.

use crate::memory::Memory;
use crate::tcp::Tcp;
use crate::tcp::conn::{Conn, Stage};
use crate::tcp::flow_table::Owner;
use crate::tcp::state::OurFin;
use crate::time::Instant;

impl Tcp {
    /// Panics if an invariant is broken.
    pub(crate) fn check(&self) {
        let flow_owners = self.flow_owners();
        let mut owners = 0;
        for (index, conn) in self.conns.iter() {
            conn.check();
            assert_eq!(self.flows.find(flow_owners, &conn.key), Some(Owner::Conn(index)));
            owners += 1;
        }
        for (index, key, _) in self.embryos.iter() {
            assert_eq!(self.flows.find(flow_owners, &key), Some(Owner::Embryo(index)));
            owners += 1;
        }
        for (index, record) in self.time_waits.iter() {
            assert_eq!(self.flows.find(flow_owners, &record.key), Some(Owner::TimeWait(index)));
            owners += 1;
        }
        assert_eq!(self.flows.len(), owners, "every flow in the table has an owner");
        let embryos: u32 = self.listeners.slab.iter().map(|(_, l)| l.embryos).sum();
        assert_eq!(embryos as usize, self.embryos.len());
        let orphans = self.conns.iter().filter(|(_, conn)| conn.orphan).count();
        assert_eq!(self.orphans as usize, orphans);
        assert!(self.listeners.slab.iter().all(|(_, l)| l.young <= l.embryos));
    }

    /// Panics unless every byte in the budget is some connection's. With many connections that
    /// would take longer than the test.
    pub(crate) fn check_memory(&self, memory: &Memory) {
        if self.conns.len() <= 64 {
            let held: u64 = self.conns.iter().map(|(_, conn)| u64::from(conn.memory_charged)).sum();
            assert_eq!(memory.used(), held);
        }
    }

    /// Panics unless nothing is left but listeners.
    pub(crate) fn check_empty(&self) {
        assert_eq!(self.conns.len(), 0);
        assert_eq!(self.embryos.len(), 0);
        assert_eq!(self.time_waits.iter().count(), 0);
        assert_eq!(self.flows.len(), 0);
        assert_eq!(self.wheel.len(), 0, "wheel entries");
        assert_eq!(self.next_deadline(), None);
        assert!(self.listeners.slab.iter().all(|(_, l)| l.queue.is_empty()));
    }
}

impl Conn {
    fn check(&self) {
        assert_eq!(self.end, None, "an ended connection is gone");
        let earliest = self.timers.earliest();
        assert!(self.wheel_deadline <= earliest, "the wheel wakes it in time");
        let (snd, rcv) = (&self.snd, &self.rcv);
        assert!(snd.una.le(snd.nxt));
        assert!(rcv.last_ack_sent.le(rcv.nxt) && rcv.nxt.le(rcv.rcv_adv));
        let window = rcv.rcv_wnd() as usize;
        assert!(rcv.is_shut_down || window <= rcv.ring.free(), "what was offered fits");
        assert!(self.congestion.cwnd() >= snd.mss.min(48));
        if self.stage == Stage::Synchronized {
            let fin = u32::from(self.fins.ours == OurFin::Sent);
            let data = snd.outstanding() - fin;
            assert!(data as usize <= snd.ring.len(), "what is out is in the ring");
            assert!(
                snd.outstanding() == 0 || self.timers.retransmit != Instant::FAR,
                "what is out has a timer"
            );
        }
        if self.stage == Stage::Synchronized {
            assert!(!self.recovery.is_active() || self.timers.idle != Instant::FAR);
            self.recovery.sent_queue.check(snd.una, snd.nxt);
            assert_eq!(self.recovery.sent_queue.is_empty(), snd.una == snd.nxt);
        }
        if let Some(end) = rcv.out_of_order_end() {
            let ahead = end - rcv.ring.position();
            assert!(ahead <= window as u64 && ahead > 0, "islands lie in the window");
        }
        if let Some(fin) = rcv.fin_seq {
            assert!(fin.ge(rcv.nxt) || fin + 1 == rcv.nxt);
        }
    }
}
