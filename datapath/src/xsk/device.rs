//! A bound AF_XDP socket: moving frames between its rings and the shards.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use wire::offload::{Medium, RxMeta, TxChecksum};
use xsk_rs::{CompQueue, FillQueue, FrameDesc, RxQueue, TxQueue, Umem};

use crate::edge;
use crate::frame::{Frame, RxFrame, TxFrame};
use crate::packet_ring::PacketRing;
use crate::shard_rings::BATCH;
use crate::side::PortSide;
use crate::stats::{Losses, PortStats};
use crate::steering::Steering;
use crate::xdp::Attachment;
use crate::xsk::gather::{FRAME_SIZE, Gather};
use crate::xsk::tx_state::TxState;

/// How often completions are looked for that a shard without frames waits for.
const COMPLETION_PATIENCE: Duration = Duration::from_millis(1);

/// A socket on one queue.
pub(crate) struct XskDevice {
    // Before the rings, so that on drop the program is detached before the socket goes.
    pub(super) _attachment: Arc<Attachment>,
    pub(super) steering: Steering,
    pub(super) umem: Umem,
    pub(super) rx: RxQueue,
    pub(super) tx: TxQueue,
    pub(super) fill: FillQueue,
    pub(super) completion: CompQueue,
    /// Frames that the kernel has, by number.
    pub(super) with_kernel: Box<[Option<Frame>]>,
    /// The descriptor of each frame.
    pub(super) descriptors: Box<[FrameDesc]>,
    /// Descriptors to give to the kernel. Emptied within each call.
    pub(super) batch: Vec<FrameDesc>,
    /// Descriptors taken from the kernel: always a whole batch long, what lies there is old.
    pub(super) taken: Vec<FrameDesc>,
    pub(super) arrived: Vec<RxFrame>,
    /// Frames with the kernel to receive into, and to send.
    pub(super) filling: u32,
    pub(super) sending: u32,
    /// What became of the frames in the transmit ring.
    pub(super) tx_state: TxState,
    /// Places of the transmit ring.
    pub(super) tx_size: u32,
    /// A frame that waits for buffers for its remaining pieces.
    pub(super) stuck: Option<(TxFrame, usize)>,
    pub(super) rx_meta: RxMeta,
    /// The driver receives into our memory, and may wait to be told of new buffers. The kernel's
    /// copying never does, and its flag is in a cache line that it writes with every frame: to look
    /// at it would slow both sides.
    pub(super) zero_copy: bool,
    /// The packet of which parts have come.
    pub(super) gather: Gather,
    /// Where frames are heard that the kernel gets as well.
    pub(super) heard: Option<PacketRing>,
    /// Frames that are kept free for them.
    pub(super) kept: usize,
}

impl AsFd for XskDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is open for as long as the queue, which outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.rx.fd().as_raw_fd()) }
    }
}

impl XskDevice {
    pub(crate) fn steering(&mut self) -> &mut Steering {
        &mut self.steering
    }

    /// Whether the kernel stopped in the middle of sending and takes more at once.
    pub(crate) fn wants_write(&self, side: &PortSide) -> bool {
        self.tx_state == TxState::Unfinished || self.stuck.is_some() && !side.tx_pool.is_empty()
    }

    /// How long the driver may sleep at most: until frames that the kernel does not take are
    /// offered again, or until completions are looked for that a shard without frames waits for.
    /// The kernel wakes nobody for either.
    pub(crate) fn patience(&self, side: &PortSide) -> Option<Duration> {
        let starving = self.sending > 0 && (self.stuck.is_some() || side.is_starving());
        // As long as the kernel takes none, none comes back.
        self.tx_state.patience().or(starving.then_some(COMPLETION_PATIENCE))
    }

    /// Whether the kernel has taken the queue away for ever: its device is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.tx_state == TxState::Unbound
    }

    /// Frames with the kernel to receive into, or half filled.
    pub(crate) fn filling(&self) -> u32 {
        self.filling + u32::from(self.gather.holds_frame())
    }

    /// Frames with the kernel to send, or held back half sent.
    pub(crate) fn sending(&self) -> u32 {
        self.sending + u32::from(self.stuck.is_some())
    }

    /// What the kernel could not hand over or take: a system call, and one more where group frames
    /// are heard.
    pub(crate) fn losses(&self) -> Losses {
        let group_ring_full = self.heard.as_ref().map_or(0, PacketRing::dropped);
        let Ok(kernel) = self.rx.fd().xdp_statistics() else {
            return Losses { group_ring_full, ..Losses::default() };
        };
        Losses {
            rx_dropped: kernel.rx_dropped(),
            rx_ring_full: kernel.rx_ring_full(),
            rx_fill_ring_empty: kernel.rx_fill_ring_empty_descs(),
            rx_invalid_descs: kernel.rx_invalid_descs(),
            tx_invalid_descs: kernel.tx_invalid_descs(),
            tx_ring_empty: kernel.tx_ring_empty_descs(),
            group_ring_full,
        }
    }

    /// Which frame the kernel means by an address in the region.
    #[inline]
    fn take_from_kernel(&mut self, address: usize) -> Option<Frame> {
        self.with_kernel.get_mut(address / FRAME_SIZE as usize)?.take()
    }

    /// Fills the fill ring, and takes up to `budget` frames from the receive ring: in this order,
    /// because frames that are there wait for an answer.
    pub(crate) fn receive(
        &mut self,
        side: &mut PortSide,
        budget: usize,
        steer: &mut impl FnMut(&[u8], &RxMeta) -> usize,
    ) -> usize {
        self.refill(side);
        if self.zero_copy && self.fill.needs_wakeup() {
            side.stats.syscalls += 1;
            // What comes of it is seen in the rings.
            let _ = recv(self.as_fd(), &mut [0u8; 0][..], RecvFlags::DONTWAIT);
        }
        let mut received = 0;
        while received < budget && !side.is_holding() {
            let want = BATCH.min(budget - received);
            // SAFETY: the queue and the descriptors are of one region.
            let taken = unsafe { self.rx.consume(&mut self.taken[..want]) };
            if taken == 0 {
                break;
            }
            for i in 0..taken {
                self.accept(self.taken[i], side);
            }
            side.deliver_batch(self.arrived.drain(..), steer);
            received += taken;
            if taken < want {
                break;
            }
        }
        if let Some(heard) = &mut self.heard
            && heard.is_ready()
        {
            received += heard.receive(side, BATCH, steer);
        }
        if received > 0 && self.tx_state.is_refused() {
            // The device is up, and somebody waits for an answer.
            self.tx_state.expire();
        }
        received
    }

    /// The packet socket by which frames come that the kernel gets as well.
    pub(crate) fn heard(&self) -> Option<&PacketRing> {
        self.heard.as_ref()
    }

    /// One descriptor of the receive ring.
    #[inline]
    fn accept(&mut self, descriptor: FrameDesc, side: &mut PortSide) {
        let Some(mut frame) = self.take_from_kernel(descriptor.addr()) else {
            side.stats.rx_errors += 1;
            return;
        };
        self.filling -= 1;
        let expected = self.descriptors[frame.index() as usize].addr();
        let len = descriptor.lengths().data();
        // A program in front of ours may have moved the start, but not before the region it may
        // use.
        let start = descriptor.addr().checked_sub(expected);
        let start = start.filter(|&start| start + len <= frame.capacity());
        let Some(start) = start else {
            side.stats.rx_errors += 1;
            side.recycle(frame);
            return;
        };
        frame.reset(start as u32);
        frame.set_len(len);
        let more = descriptor.has_more_frames();
        if more || !self.gather.is_idle() {
            self.arrived.extend(self.gather.add(frame, more, self.rx_meta, side));
            return;
        }
        frame.prefetch();
        self.arrived.push(RxFrame { frame, meta: self.rx_meta });
    }

    /// Gives every free frame to receive into to the kernel.
    pub(super) fn refill(&mut self, side: &mut PortSide) {
        while side.rx_pool.len() > self.kept {
            let room = self.fill.nb_free(BATCH as u32) as usize;
            self.batch.clear();
            for _ in 0..room.min(BATCH).min(side.rx_pool.len() - self.kept) {
                let Some(frame) = side.rx_pool.pop() else { break };
                let index = frame.index() as usize;
                self.batch.push(self.descriptors[index]);
                self.with_kernel[index] = Some(frame);
            }
            if self.batch.is_empty() {
                break;
            }
            // SAFETY: frames of this region whose handles we keep, so that nobody else touches
            // them; there is room for all of them.
            let given = unsafe { self.fill.produce(&self.batch) };
            debug_assert_eq!(given, self.batch.len());
            self.filling += given as u32;
        }
    }

    /// Takes back what was sent, and sends up to `budget` frames.
    pub(crate) fn transmit(&mut self, side: &mut PortSide, budget: usize) -> usize {
        self.complete(side);
        if self.tx_state.is_refused() {
            return self.transmit_refused(side, budget);
        }
        let mut sent = 0;
        while sent < budget {
            let room = BATCH.min(budget - sent).min(self.tx.nb_free(BATCH as u32) as usize);
            self.batch.clear();
            while self.batch.len() < room {
                let next = self.stuck.take().or_else(|| side.next_to_send().map(|f| (f, 0)));
                let Some((frame, piece)) = next else { break };
                self.prepare(frame, piece, side);
                if self.stuck.is_some() {
                    break;
                }
            }
            if self.batch.is_empty() {
                break;
            }
            // SAFETY: frames of this region whose handles we keep, so that nobody else touches
            // them; there is room for all of them.
            let given = unsafe { self.tx.produce(&self.batch) };
            debug_assert_eq!(given, self.batch.len());
            self.sending += given as u32;
            self.tx_state = TxState::Unfinished;
            sent += given;
            if self.stuck.is_some() {
                break;
            }
        }
        if self.tx_state != TxState::Done {
            self.kick(&mut side.stats);
        }
        sent
    }

    /// Sends nothing through a device that is down: what shards queue is dropped, as the kernel
    /// drops it, and the frames that are in the ring already are offered again now and then.
    #[cold]
    fn transmit_refused(&mut self, side: &mut PortSide, budget: usize) -> usize {
        self.kick(&mut side.stats);
        let mut dropped = 0;
        while self.tx_state.is_refused() && dropped < budget {
            let stuck = self.stuck.take().map(|(frame, _)| frame);
            let Some(refused) = stuck.or_else(|| side.next_to_send()) else { break };
            side.stats.tx_dropped += 1;
            dropped += 1;
            side.recycle(refused.frame);
        }
        dropped
    }

    /// Takes back the frames the kernel has sent.
    fn complete(&mut self, side: &mut PortSide) {
        while self.sending > 0 {
            // SAFETY: the queue and the descriptors are of one region.
            let taken = unsafe { self.completion.consume(&mut self.taken) };
            for i in 0..taken {
                match self.take_from_kernel(self.taken[i].addr()) {
                    Some(frame) => {
                        self.sending = self.sending.saturating_sub(1);
                        side.recycle(frame);
                    }
                    None => side.stats.tx_errors += 1,
                }
            }
            if taken < BATCH {
                break;
            }
        }
    }

    /// Finishes a frame, or cuts it from `piece` on, and puts what comes of it into the batch.
    fn prepare(&mut self, mut tx: TxFrame, piece: usize, side: &mut PortSide) {
        if !side.owns(&tx.frame) || tx.meta.gso.is_none() && tx.frame.len() > FRAME_SIZE as usize {
            // Another port's memory, which this socket cannot send from; or more than fits.
            side.stats.tx_errors += 1;
            return side.recycle(tx.frame);
        }
        if tx.meta.gso.is_some() {
            return self.cut(tx, piece, side);
        }
        if let TxChecksum::Partial { start, offset } = tx.meta.checksum
            && !edge::finish(tx.frame.bytes_mut(), start, offset)
        {
            side.stats.tx_errors += 1;
            return side.recycle(tx.frame);
        }
        if tx.frame.start() != 0 {
            tx.frame.compact();
        }
        self.queue_to_send(tx.frame, &mut side.stats);
    }

    /// Cuts a frame into buffers of their own, as many as the batch has room for.
    fn cut(&mut self, tx: TxFrame, piece: usize, side: &mut PortSide) {
        let pieces = tx.meta.gso.map_or(1, |gso| edge::pieces(tx.frame.len(), &gso));
        for number in piece..pieces {
            let room = self.batch.len() < BATCH
                && self.tx.nb_free(BATCH as u32) as usize > self.batch.len();
            let Some(mut frame) = room.then(|| side.tx_pool.pop()).flatten() else {
                self.stuck = Some((tx, number));
                return;
            };
            let (medium, out) = (Medium::Ethernet, frame.buffer_mut());
            let Some(len) = edge::piece(tx.frame.bytes(), &tx.meta, medium, number, out) else {
                side.stats.tx_errors += 1;
                side.recycle(frame);
                break;
            };
            frame.set_len(len);
            self.queue_to_send(frame, &mut side.stats);
        }
        side.recycle(tx.frame);
    }

    /// Puts a finished frame into the batch.
    #[inline]
    fn queue_to_send(&mut self, frame: Frame, stats: &mut PortStats) {
        let index = frame.index() as usize;
        let mut descriptor = self.descriptors[index];
        // SAFETY: the descriptor is of this region, and we hold the frame's handle; only the length
        // is set.
        unsafe { self.umem.data_mut(&mut descriptor) }.cursor().set_pos(frame.len());
        stats.tx_packets += 1;
        stats.tx_bytes += frame.len() as u64;
        self.batch.push(descriptor);
        self.with_kernel[index] = Some(frame);
    }
}
