//! The same with smoltcp: its interface is polled as its examples poll it.

use std::hint::black_box;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Checksum, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::OptionWriter;

use crate::frame::{Frame, read};

/// A device in memory: one frame comes in, whatever leaves is counted.
struct Device {
    coming: Option<Vec<u8>>,
    /// The frame that was taken in, to be used again.
    taken: Vec<u8>,
    out: Vec<u8>,
    len: usize,
    sent: usize,
    offload: bool,
}

struct Rx<'a>(&'a [u8]);
struct Tx<'a> {
    out: &'a mut [u8],
    len: &'a mut usize,
    sent: &'a mut usize,
}

impl phy::RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        *self.sent += 1;
        *self.len = len;
        let result = f(&mut self.out[..len]);
        black_box(&self.out[..len]);
        result
    }
}

impl phy::Device for Device {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx<'_>, Tx<'_>)> {
        self.taken = self.coming.take()?;
        let Self { taken, out, len, sent, .. } = self;
        Some((Rx(taken), Tx { out, len, sent }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        let Self { out, len, sent, .. } = self;
        Some(Tx { out, len, sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        if self.offload {
            let mut checksum = ChecksumCapabilities::ignored();
            // Ours verifies and writes the checksum of the IP header whatever the device does.
            checksum.ipv4 = Checksum::Both;
            capabilities.checksum = checksum;
        }
        capabilities
    }
}

pub struct Theirs {
    device: Device,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    now: Instant,
    seq: SeqNum,
    ack: SeqNum,
    data: Frame,
    pure: Frame,
    len: u32,
}

const GAP: Duration = Duration::from_micros(12);
const IRS: SeqNum = SeqNum(1000);

impl Theirs {
    pub fn new(offload: bool, len: usize) -> Self {
        let now = Instant::from_millis(1000);
        let mut device = Device {
            coming: None,
            taken: Vec::new(),
            out: vec![0; 2048],
            len: 0,
            sent: 0,
            offload,
        };
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, now);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(10, 0, 0, 1), 24)).unwrap();
        });
        let buffer = || tcp::SocketBuffer::new(vec![0; 1 << 20]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_ack_delay(None);
        socket.set_nagle_enabled(false);
        socket.listen(80).unwrap();
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);

        let mut options = OptionWriter::new();
        options.mss(1460);
        options.window_scale(7);
        let syn = Frame::new(Flags::SYN, IRS, SeqNum(0), options.finish(), 0);
        device.coming = Some(syn.bytes);
        interface.poll(now, &mut device, &mut sockets);
        let (_, ack) = read(&device.out[..device.len]);
        let seq = IRS + 1;
        let pure = Frame::new(Flags::ACK, seq, ack, &[], 0);
        device.coming = Some(pure.bytes.clone());
        interface.poll(now, &mut device, &mut sockets);
        assert!(sockets.get::<tcp::Socket<'_>>(handle).may_send());
        let data = Frame::new(Flags::ACK, seq, ack, &[], len);
        device.sent = 0;
        let len = len as u32;
        Self { device, interface, sockets, handle, now, seq, ack, data, pure, len }
    }

    fn poll(&mut self) -> usize {
        self.device.sent = 0;
        self.interface.poll(self.now, &mut self.device, &mut self.sockets);
        self.device.sent
    }

    /// One segment of text comes in, is acknowledged, and is read.
    #[inline(never)]
    pub fn receive(&mut self) {
        self.data.set_seq(self.seq);
        self.device.coming = Some(core::mem::take(&mut self.data.bytes));
        assert_eq!(self.poll(), 1, "its ACK");
        self.data.bytes = core::mem::take(&mut self.device.taken);
        self.seq += self.len;
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        let mut read = 0;
        while socket.can_recv() {
            read += socket.recv(|text| (text.len(), text.len())).unwrap();
        }
        assert_eq!(read, self.len as usize);
        self.now += GAP;
    }

    /// The application writes one segment, which leaves, and its ACK comes in.
    #[inline(never)]
    pub fn send(&mut self, data: &[u8]) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        assert_eq!(socket.send_slice(data), Ok(data.len()));
        assert_eq!(self.poll(), 1, "the data");
        self.now += GAP;
        self.ack += data.len() as u32;
        self.pure.set_ack(self.ack);
        self.device.coming = Some(core::mem::take(&mut self.pure.bytes));
        self.poll();
        self.pure.bytes = core::mem::take(&mut self.device.taken);
        self.now += GAP;
    }
}
