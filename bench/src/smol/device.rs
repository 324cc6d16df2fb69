//! smoltcp's device on AF_XDP: its tokens over the rings.
//!
//! Received frames go back to the fill ring when the whole poll is over, so a token's bytes cannot
//! be overwritten while smoltcp looks at them. Sent frames are submitted in bursts.
use std::marker::PhantomData;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::xsk::{Descriptor, Xsk, frame_of, kick_send};

/// Frames submitted before the kernel is called.
const BURST: u32 = 64;

/// An AF_XDP socket that smoltcp can drive.
pub struct XskDevice {
    /// The socket.
    pub socket: Xsk,
    free: Vec<u64>,
    mtu: usize,
    pending: u32,
    scratch: Vec<u8>,
}

impl XskDevice {
    /// A device over `socket`.
    pub fn new(socket: Xsk, mtu: usize) -> Self {
        Self { socket, free: Xsk::send_frames(), mtu, pending: 0, scratch: vec![0; 4096] }
    }

    /// Ends a poll: gives received frames back and has the kernel send.
    pub fn flush(&mut self) {
        self.socket.rx.release();
        self.socket.fill.submit();
        if self.pending > 0 {
            self.kick();
        }
        self.reap();
    }

    fn kick(&mut self) {
        kick_send(&self.socket.fd);
        self.pending = 0;
    }

    fn reap(&mut self) {
        let count = self.socket.completion.ready(u32::MAX);
        for _ in 0..count {
            self.free.push(frame_of(self.socket.completion.take()));
        }
        self.socket.completion.release();
    }

    /// A frame that can be sent now.
    fn take_free(&mut self) -> Option<u64> {
        if self.free.is_empty() || self.socket.tx.room(1) == 0 {
            self.kick();
            self.reap();
            if self.socket.tx.room(1) == 0 {
                return None;
            }
        }
        self.free.pop()
    }
}

/// One received frame.
pub struct RxToken<'a> {
    bytes: &'static [u8],
    _device: PhantomData<&'a ()>,
}

/// Leave to send one frame.
pub struct TxToken<'a>(&'a mut XskDevice);

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.bytes)
    }
}

impl phy::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let device = self.0;
        let Some(addr) = device.take_free() else {
            // No room: the frame is lost, and smoltcp sends it again in its time.
            device.scratch.resize(len.max(device.scratch.len()), 0);
            return f(&mut device.scratch[..len]);
        };
        // SAFETY: a free frame is in no ring, and this is the only slice of it.
        let result = f(unsafe { device.socket.memory.bytes(addr, len) });
        device.socket.tx.put(Descriptor { addr, len: len as u32, options: 0 });
        device.socket.tx.submit();
        device.pending += 1;
        if device.pending >= BURST {
            device.kick();
        }
        result
    }
}

impl phy::Device for XskDevice {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, _: Instant) -> Option<(RxToken<'_>, TxToken<'_>)> {
        if self.socket.rx.ready(1) == 0 || self.socket.fill.room(1) == 0 {
            return None;
        }
        let packet = self.socket.rx.take();
        // SAFETY: the frame came out of the receive ring; it is put into the fill ring here but not
        // submitted before `flush`, and the token is consumed before that.
        let bytes = unsafe { self.socket.memory.bytes(packet.addr, packet.len as usize) };
        self.socket.fill.put(frame_of(packet.addr));
        Some((RxToken { bytes, _device: PhantomData }, TxToken(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<TxToken<'_>> {
        Some(TxToken(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = self.mtu + 14;
        capabilities.medium = Medium::Ethernet;
        capabilities
    }
}
