//! Two ports joined in memory, for tests and for programs that talk to themselves.
//!
//! What one end sends the other receives, copied from the sender's buffer into the receiver's, and
//! the sender's buffer goes home: the life of frames is that of a real device, with the wire for
//! its send queue. An end without offloads gets its frames finished and cut as if they had passed
//! the edge of a real one.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use addr::Mac;
use ring::{Consumer, Producer, channel};
use rustix::event::{EventfdFlags, eventfd};
use wire::offload::{DeviceCaps, Medium, RxChecksum, RxMeta, TxChecksum};

use crate::config::{Backend, PortInfo};
use crate::edge;
use crate::frame::{Frame, RxFrame, TxFrame, heap_frames};
use crate::link::{PortLink, Side, join};
use crate::port::{Port, PortStats};

/// What both ends of a pair are like.
#[derive(Clone, Debug)]
pub struct PairConfig {
    /// Ethernet or bare IP.
    pub medium: Medium,
    /// The MTU.
    pub mtu: u32,
    /// What may be left to the device. With segmentation, large frames pass whole.
    pub caps: DeviceCaps,
    /// Frames to receive into, of each end; at least one.
    pub rx_frames: u32,
    /// Frames to send from, of each end; at least one.
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

/// Makes two ports of which each receives what the other sends.
pub fn pair(config: &PairConfig) -> io::Result<[(Port, PortLink, PortInfo); 2]> {
    let (rx_frames, tx_frames) = (config.rx_frames.max(1), config.tx_frames.max(1));
    let config = &PairConfig { rx_frames, tx_frames, ..config.clone() };
    let (left_to_right, right_from_left) = channel(config.tx_frames as usize);
    let (right_to_left, left_from_right) = channel(config.tx_frames as usize);
    let (right_gives_back, left_home) = channel(config.tx_frames as usize);
    let (left_gives_back, right_home) = channel(config.tx_frames as usize);
    let bells = [bell()?, bell()?];
    let left = PairDevice {
        to_peer: left_to_right,
        home: left_home,
        from_peer: left_from_right,
        give_back: left_gives_back,
        own_bell: bells[0].clone(),
        peer_bell: bells[1].clone(),
        arriving: None,
        on_wire: 0,
        stuck: None,
        medium: config.medium,
        caps: config.caps,
    };
    let right = PairDevice {
        to_peer: right_to_left,
        home: right_home,
        from_peer: right_from_left,
        give_back: right_gives_back,
        own_bell: bells[1].clone(),
        peer_bell: bells[0].clone(),
        arriving: None,
        on_wire: 0,
        stuck: None,
        medium: config.medium,
        caps: config.caps,
    };
    Ok([end(config, left, 1)?, end(config, right, 2)?])
}

fn bell() -> io::Result<Arc<OwnedFd>> {
    Ok(Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
}

fn end(
    config: &PairConfig,
    device: PairDevice,
    number: u8,
) -> io::Result<(Port, PortLink, PortInfo)> {
    let header = match config.medium {
        Medium::Ethernet => 22,
        Medium::Ip => 0,
    };
    let capacity = config.caps.gso_max.max(config.mtu + header);
    let frames = heap_frames(config.rx_frames + config.tx_frames, capacity);
    let (side, link) = join(frames, config.rx_frames);
    let info = PortInfo {
        name: format!("pair{number}"),
        os: None,
        medium: config.medium,
        mac: (config.medium == Medium::Ethernet).then_some(Mac([2, 0, 0, 0, 0, number])),
        mtu: config.mtu,
        caps: config.caps,
        backend: Backend::Pair,
        mode: "pair".to_owned(),
    };
    Ok((Port::from_pair(device, side)?, link, info))
}

/// One end.
pub(crate) struct PairDevice {
    to_peer: Producer<TxFrame>,
    home: Consumer<Frame>,
    from_peer: Consumer<TxFrame>,
    give_back: Producer<Frame>,
    own_bell: Arc<OwnedFd>,
    peer_bell: Arc<OwnedFd>,
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

    pub(crate) fn transmit(
        &mut self,
        side: &mut Side,
        stats: &mut PortStats,
        budget: usize,
    ) -> usize {
        while let Some(frame) = self.home.pop() {
            self.on_wire = self.on_wire.saturating_sub(1);
            side.recycle(frame);
        }
        let mut sent = 0;
        while sent < budget {
            let Some(frame) = self.stuck.take().or_else(|| side.next_to_send()) else { break };
            if !side.owns(&frame.frame) {
                stats.tx_errors += 1;
                continue;
            }
            let bytes = frame.frame.len() as u64;
            if let Err(frame) = self.to_peer.push(frame) {
                self.stuck = Some(frame);
                break;
            }
            stats.tx_packets += 1;
            stats.tx_bytes += bytes;
            self.on_wire += 1;
            sent += 1;
        }
        if sent > 0 {
            // Fails only if the peer has not looked for 2^64 turns; then it is signalled anyway.
            let _ = rustix::io::write(&self.peer_bell, &1u64.to_ne_bytes());
        }
        sent
    }

    pub(crate) fn receive(
        &mut self,
        side: &mut Side,
        stats: &mut PortStats,
        budget: usize,
    ) -> usize {
        let mut received = 0;
        while received < budget {
            let next = self.arriving.take().or_else(|| self.from_peer.pop().map(|f| (f, 0)));
            let Some((mut frame, piece)) = next else {
                let _ = rustix::io::read(&self.own_bell, &mut [0u8; 8]);
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
                    stats.rx_packets += 1;
                    stats.rx_bytes += buffer.len() as u64;
                    side.deliver(RxFrame { frame: buffer, meta });
                }
                None => {
                    stats.rx_errors += 1;
                    side.recycle(buffer);
                }
            }
            if piece + 1 < self.pieces(&frame) {
                self.arriving = Some((frame, piece + 1));
            } else if self.give_back.push(frame.frame).is_err() {
                stats.rx_errors += 1;
            }
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
