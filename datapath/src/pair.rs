//! Two ports joined in memory, for tests and for programs that talk to themselves.
//!
//! What one end sends the other receives, copied from the sender's buffer into the receiver's, and
//! the sender's buffer goes home: the life of frames is that of a real device, with the wire for
//! its send queue. An end without offloads gets its frames finished and cut as if they had passed
//! the edge of a real one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use addr::Mac;
use ring::{Consumer, Producer, channel};
use wire::offload::{DeviceCaps, Medium, RxChecksum, RxMeta, TxChecksum};

use crate::bell::Bell;
use crate::config::{Backend, PortInfo};
use crate::edge;
use crate::frame::{Frame, RxFrame, TxFrame, heap_frames};
use crate::link::PortLink;
use crate::side::PortSide;

/// What both ends of a pair are like.
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// The MTU.
    pub mtu: u32,
    /// What may be left to the device. With segmentation, large frames pass whole.
    pub caps: DeviceCaps,
    /// Frames to receive into, of each port; at least one for each shard.
    pub rx_frames: u32,
    /// Frames to send from, of each port; at least one for each shard.
    pub tx_frames: u32,
}

impl Default for PairConfig {
    fn default() -> Self {
        Self {
            medium: Medium::Ethernet,
            mtu: 1500,
            caps: DeviceCaps::default(),
            rx_frames: 64,
            tx_frames: 64,
        }
    }
}

/// One end before it becomes a port.
type End = (PairDevice, PortSide, Vec<PortLink>, PortInfo);

/// Makes both ends of queue number `queue`, each for so many shards.
pub(crate) fn join(config: &PairConfig, queue: u32, shards: [usize; 2]) -> io::Result<[End; 2]> {
    // Each shard needs a frame of each kind.
    let least = shards[0].max(shards[1]) as u32;
    let (rx_frames, tx_frames) = (config.rx_frames.max(least), config.tx_frames.max(least));
    let config = &PairConfig { rx_frames, tx_frames, ..config.clone() };
    let (left_to_right, right_from_left) = channel(tx_frames as usize);
    let (right_to_left, left_from_right) = channel(tx_frames as usize);
    let (right_gives_back, left_home) = channel(tx_frames as usize);
    let (left_gives_back, right_home) = channel(tx_frames as usize);
    let bells = [Bell::new()?, Bell::new()?];
    let device = |to_peer, home, from_peer, give_back, own: &Bell, peer: &Bell| PairDevice {
        to_peer,
        home,
        from_peer,
        give_back,
        own_bell: own.clone(),
        peer_bell: peer.clone(),
        arriving: None,
        on_wire: 0,
        stuck: None,
        medium: config.medium,
        caps: config.caps,
    };
    let [one, two] = &bells;
    let left = device(left_to_right, left_home, left_from_right, left_gives_back, one, two);
    let right = device(right_to_left, right_home, right_from_left, right_gives_back, two, one);
    Ok([end(config, left, 1, queue, shards[0]), end(config, right, 2, queue, shards[1])])
}

fn end(config: &PairConfig, device: PairDevice, number: u8, queue: u32, shards: usize) -> End {
    let header = match config.medium {
        Medium::Ethernet => 22,
        Medium::Ip => 0,
    };
    let capacity = config.caps.gso_max.max(config.mtu + header);
    let frames = heap_frames(config.rx_frames + config.tx_frames, capacity);
    let (side, links) = PortSide::new(frames, config.rx_frames, shards);
    let info = PortInfo {
        name: format!("pair{number}"),
        os: None,
        medium: config.medium,
        mac: (config.medium == Medium::Ethernet).then_some(Mac([2, 0, 0, 0, 0, number])),
        mtu: config.mtu,
        caps: config.caps,
        backend: Backend::Pair,
        mode: "pair".to_owned(),
        queue,
        unserved_queues: 0,
        mtu_max: config.mtu,
        created: true,
    };
    (device, side, links, info)
}

/// One end.
pub(crate) struct PairDevice {
    to_peer: Producer<TxFrame>,
    home: Consumer<Frame>,
    from_peer: Consumer<TxFrame>,
    give_back: Producer<Frame>,
    own_bell: Bell,
    peer_bell: Bell,
    /// A frame of the peer of which only some pieces are received.
    arriving: Option<(TxFrame, usize)>,
    /// Our frames that the peer has and has not given back.
    on_wire: u32,
    stuck: Option<TxFrame>,
    medium: Medium,
    caps: DeviceCaps,
}

impl AsFd for PairDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.own_bell.as_fd()
    }
}

impl PairDevice {
    pub(crate) fn wants_write(&self) -> bool {
        self.stuck.is_some()
    }

    /// Frames that are on the wire, or wait for it.
    pub(crate) fn held(&self) -> u32 {
        self.on_wire + u32::from(self.stuck.is_some())
    }

    /// Asks the peer to ring when a frame comes home (or not any more). Returns whether one has
    /// come home already, if so.
    pub(crate) fn await_home(&self, starving: bool) -> bool {
        self.home.set_waiting(starving);
        starving && !self.home.is_empty()
    }

    /// Puts up to `budget` frames on the wire.
    pub(crate) fn transmit(&mut self, side: &mut PortSide, budget: usize) -> usize {
        while let Some(frame) = self.home.pop() {
            self.on_wire = self.on_wire.saturating_sub(1);
            side.recycle(frame);
        }
        let mut sent = 0;
        while sent < budget {
            let Some(frame) = self.stuck.take().or_else(|| side.next_to_send()) else { break };
            if !side.owns(&frame.frame) {
                side.stats.tx_errors += 1;
                continue;
            }
            let bytes = frame.frame.len() as u64;
            if let Err(frame) = self.to_peer.push(frame) {
                self.stuck = Some(frame);
                break;
            }
            side.stats.tx_packets += 1;
            side.stats.tx_bytes += bytes;
            self.on_wire += 1;
            sent += 1;
        }
        if sent > 0 {
            self.peer_bell.ring();
        }
        sent
    }

    /// Takes up to `budget` frames from the wire.
    pub(crate) fn receive(
        &mut self,
        side: &mut PortSide,
        budget: usize,
        steer: &mut impl FnMut(&[u8], &RxMeta) -> usize,
    ) -> usize {
        let mut received = 0;
        while received < budget && !side.is_holding() {
            let next = self.arriving.take().or_else(|| self.from_peer.pop().map(|f| (f, 0)));
            let Some((mut frame, piece)) = next else {
                self.own_bell.silence();
                // What came between the look and the reading is seen in the next turn.
                if !self.from_peer.is_empty() {
                    continue;
                }
                break;
            };
            let Some(mut buffer) = side.rx_pool.pop() else {
                self.arriving = Some((frame, piece));
                break;
            };
            received += 1;
            match self.copy(&mut frame, piece, &mut buffer) {
                Some(meta) => {
                    side.deliver(RxFrame { frame: buffer, meta }, steer);
                }
                None => {
                    side.stats.rx_errors += 1;
                    side.recycle(buffer);
                }
            }
            if piece + 1 < self.pieces(&frame) {
                self.arriving = Some((frame, piece + 1));
            } else if self.give_back.push(frame.frame).is_err() {
                side.stats.rx_errors += 1;
            }
        }
        if received > 0 && self.give_back.take_consumer_waiting() {
            self.peer_bell.ring();
        }
        received
    }

    /// How many frames this one is by the time it arrives.
    fn pieces(&self, frame: &TxFrame) -> usize {
        match frame.meta.gso {
            Some(gso) if self.caps.gso_max == 0 => edge::pieces(frame.frame.len(), &gso),
            _ => 1,
        }
    }

    /// Copies one piece of what was sent into a buffer of ours.
    fn copy(&self, sent: &mut TxFrame, piece: usize, buffer: &mut Frame) -> Option<RxMeta> {
        let gso_size = sent.meta.gso.map_or(0, |gso| gso.size);
        if gso_size > 0 && self.caps.gso_max == 0 {
            let out = buffer.buffer_mut();
            let len = edge::piece(sent.frame.bytes(), &sent.meta, self.medium, piece, out)?;
            buffer.set_len(len);
            return Some(RxMeta::default());
        }
        let mut checksum = RxChecksum::Unverified;
        if let TxChecksum::Partial { start, offset } = sent.meta.checksum {
            if self.caps.tx_checksum {
                checksum = RxChecksum::Partial;
            } else if !edge::finish(sent.frame.bytes_mut(), start, offset) {
                return None;
            }
        }
        let bytes = sent.frame.bytes();
        buffer.buffer_mut().get_mut(..bytes.len())?.copy_from_slice(bytes);
        buffer.set_len(bytes.len());
        Some(RxMeta { checksum, gso_size })
    }
}
