//! A shard's side of a port: four rings of frame handles.
//!
//! ```text
//!            port                          shard
//!   device -> rx      --- RxFrame -->   rx        what arrived
//!             rx_done <--- Frame ----   rx_done   the buffers of it, when done with
//!   device <- tx      <-- TxFrame ---   tx        what to send
//!             tx_free ---  Frame --->   tx_free   buffers to send from
//! ```
//!
//! A port has four such rings with every shard. Each ring has room for every frame that can be in
//! it, so a push of a frame of this port never fails. Both sides may be driven by one thread, or
//! each by its own; a side that sleeps announces it by the rings' waiting flags, and the other side
//! then rings its bell ([`crate::Port::shards_waiting`], [`PortLink::port_waiting`]).

use ring::{Consumer, Producer};

use crate::frame::{Frame, RxFrame, TxFrame};

/// Buffers to send from that an idle shard keeps, or fewer where its reserved part is smaller.
pub(crate) const TX_KEPT: usize = 16;

/// The shard's side of a port. A frame goes home by the link it came from.
#[derive(Debug)]
pub struct PortLink {
    /// Frames that arrived.
    pub rx: Consumer<RxFrame>,
    /// Where their buffers go when done with.
    pub rx_done: Producer<Frame>,
    /// Frames to send, in buffers of this port: to forward a frame of another port, copy it. A
    /// buffer it came in ([`PortLink::rx`]) may be sent from, and goes home from there.
    pub tx: Producer<TxFrame>,
    /// Buffers to send from.
    pub tx_free: Consumer<Frame>,
    pub(crate) shard: usize,
    /// Buffers to send from that the shard keeps while it sleeps.
    pub(crate) kept: usize,
    /// Buffers went home since [`PortLink::take_given_back`] was last asked.
    pub(crate) given_back: bool,
}

impl PortLink {
    /// Which shard of the port this is: the number that the steering function returns for it.
    #[must_use]
    pub fn shard(&self) -> usize {
        self.shard
    }

    /// Whether the driver of the port sleeps and now has something to wake up for. Ask after giving
    /// it frames, and ring its bell then; the announcement is taken back.
    pub fn port_waiting(&self) -> bool {
        let tx = self.tx.take_consumer_waiting();
        let done = self.rx_done.take_consumer_waiting();
        tx | done
    }

    /// Announces that the shard sleeps until a frame arrives or a buffer to send from is there (or
    /// that it no longer sleeps). Returns whether a frame has arrived already, in which case the
    /// shard must not sleep.
    ///
    /// Buffers to send from that a sleeping shard has no use for go home first, so that the other
    /// shards of the port can have them; [`PortLink::take_given_back`] tells.
    pub fn set_waiting(&mut self, waiting: bool) -> bool {
        if waiting {
            self.give_back(self.kept);
        }
        let starved = self.tx_free.is_empty();
        self.rx.set_waiting(waiting);
        self.tx_free.set_waiting(waiting && starved);
        !self.rx.is_empty() || starved && !self.tx_free.is_empty()
    }

    /// Whether [`PortLink::set_waiting`] gave buffers back since the last call, so that
    /// [`PortLink::port_waiting`] is to be asked.
    pub fn take_given_back(&mut self) -> bool {
        std::mem::take(&mut self.given_back)
    }

    /// Sends buffers to send from home until `keep` are left.
    fn give_back(&mut self, keep: usize) {
        for _ in keep..self.tx_free.len() {
            let Some(frame) = self.tx_free.pop() else { break };
            // The ring has room for every frame of the port.
            let _ = self.rx_done.push(frame);
            self.given_back = true;
        }
    }
}
