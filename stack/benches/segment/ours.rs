//! An established connection of ours, driven as the engine drives it: frames in, the application,
//! frames out until there is nothing to send.

use std::hint::black_box;
use std::time::Duration;

use addr::{Cidr, IfIndex};
use stack::socket::SocketRings;
use stack::tcp::ListenOptions;
use stack::{AddrGenMode, Host, Instant, InterfaceConfig, Limits, Verdict};
use wire::offload::{DeviceCaps, Medium, RxChecksum, RxMeta};
use wire::tcp::{Flags, SeqNum};
use wire::tcp_options::{OptionWriter, SackBlock, Timestamps};

use crate::frame::{Frame, US, read};

/// What the connection has.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// The device verifies and completes checksums.
    pub offload: bool,
    pub timestamps: bool,
    pub sack: bool,
}

pub struct Ours {
    host: Host,
    ifindex: IfIndex,
    now: Instant,
    ends: SocketRings,
    options: Options,
    /// What the peer sends next, and what it has received.
    seq: SeqNum,
    ack: SeqNum,
    data: Frame,
    pure: Frame,
    slot: Vec<u8>,
}

/// Time between segments: about 1 Gbit/s.
const GAP: Duration = Duration::from_micros(12);
const IRS: SeqNum = SeqNum(1000);

impl Ours {
    pub fn new(options: Options, len: usize) -> Self {
        let now = Instant::from_millis(1000);
        let limits = Limits { tcp_connections: 64, tcp_time_wait: 64, ..Limits::default() };
        let mut host = Host::new(limits, 1);
        let config = InterfaceConfig {
            name: "tun0".into(),
            medium: Medium::Ip,
            mac: addr::Mac::UNSPECIFIED,
            mtu: 1500,
            caps: DeviceCaps { tx_checksum: options.offload, ..DeviceCaps::default() },
            link_local: AddrGenMode::None,
        };
        let ifindex = host.interface_add(now, config).unwrap();
        let us: addr::Endpoint = US.parse().unwrap();
        host.address_add(now, ifindex, Cidr::new(us.ip, 24).unwrap()).unwrap();
        let listener = host.tcp_listen(now, us, ListenOptions::default()).unwrap();

        let mut syn = OptionWriter::new();
        syn.mss(1460);
        syn.window_scale(7);
        let mut later = OptionWriter::new();
        if options.timestamps {
            syn.timestamps(Timestamps { value: 1, echo: 0 });
            later.timestamps(Timestamps { value: 1, echo: 0 });
        }
        if options.sack {
            syn.sack_permitted();
        }
        let mut slot = vec![0; 2048];
        let valid = RxMeta { checksum: RxChecksum::Valid, gso_size: 0 };
        let mut syn = Frame::new(Flags::SYN, IRS, SeqNum(0), syn.finish(), 0);
        assert_eq!(host.receive(now, ifindex, valid, &mut syn.bytes), Verdict::Consumed);
        let sent = host.transmit(now, ifindex, &mut slot).unwrap();
        let (_, ack) = read(&slot[..sent.len as usize]);
        let seq = IRS + 1;
        let mut pure = Frame::new(Flags::ACK, seq, ack, later.finish(), 0);
        assert_eq!(host.receive(now, ifindex, valid, &mut pure.bytes), Verdict::Consumed);
        let ends = host.tcp_accept(now, listener).unwrap().unwrap();
        let data = Frame::new(Flags::ACK, seq, ack, later.finish(), len);
        Self { host, ifindex, now, ends, options, seq, ack, data, pure, slot }
    }

    fn valid(&self) -> RxChecksum {
        if self.options.offload { RxChecksum::Valid } else { RxChecksum::Unverified }
    }

    /// Everything that wants to leave; how many segments.
    fn transmit(&mut self) -> usize {
        let mut count = 0;
        while let Some(meta) = self.host.transmit(self.now, self.ifindex, &mut self.slot) {
            black_box(&self.slot[..meta.len as usize]);
            count += 1;
        }
        count
    }

    fn events(&mut self) {
        while let Some(event) = self.host.next_event() {
            black_box(event);
        }
    }

    /// One segment of text comes in, is read, and is acknowledged. That the ACK leaves at once, and
    /// not with the second segment, has a device that says it merged two segments of half the size.
    #[inline(never)]
    pub fn receive(&mut self) {
        let len = (self.data.bytes.len() - 40) as u32;
        let len = if self.options.timestamps { len - 12 } else { len };
        let meta = RxMeta { checksum: self.valid(), gso_size: (len / 2) as u16 };
        self.data.set_seq(self.seq);
        let frame = &mut self.data.bytes;
        assert_eq!(self.host.receive(self.now, self.ifindex, meta, frame), Verdict::Consumed);
        self.seq += len;
        self.events();
        let (a, b) = self.ends.rx.peek();
        assert_eq!(a.len() + b.len(), len as usize);
        self.ends.rx.release(len as usize);
        self.host.app_read(self.now, self.ends.id);
        assert_eq!(self.transmit(), 1, "its ACK");
        self.now += GAP;
    }

    /// The application writes one segment, which leaves, and its ACK comes in.
    #[inline(never)]
    pub fn send(&mut self, data: &[u8]) {
        assert_eq!(self.ends.tx.write(data), data.len());
        self.host.app_wrote(self.now, self.ends.id);
        assert_eq!(self.transmit(), 1, "the data");
        self.now += GAP;
        self.ack += data.len() as u32;
        self.acknowledge();
        self.now += GAP;
    }

    fn acknowledge(&mut self) {
        self.pure.set_ack(self.ack);
        let meta = RxMeta { checksum: self.valid(), gso_size: 0 };
        let frame = &mut self.pure.bytes;
        assert_eq!(self.host.receive(self.now, self.ifindex, meta, frame), Verdict::Consumed);
        self.events();
        self.transmit();
    }

    /// Opens the congestion window and leaves a hundred segments outstanding; returns the ACKs that
    /// tell of every other one, one more each.
    pub fn lose_one(&mut self) -> Vec<Frame> {
        let data = [7; 1460];
        for _ in 0..400 {
            self.send(&data);
        }
        let mut burst = 10;
        while burst < LOST_OF * 2 {
            (0..burst).for_each(|_| assert_eq!(self.ends.tx.write(&data), data.len()));
            self.host.app_wrote(self.now, self.ends.id);
            let sent = self.transmit() as u32;
            self.now += GAP * 100;
            self.ack += burst.min(sent) * 1460;
            self.acknowledge();
            self.now += GAP * 100;
            // What did not fit has left since.
            self.ack += (burst - burst.min(sent)) * 1460;
            self.acknowledge();
            burst *= 2;
        }
        (0..LOST_OF).for_each(|_| assert_eq!(self.ends.tx.write(&data), data.len()));
        self.host.app_wrote(self.now, self.ends.id);
        assert_eq!(self.transmit(), LOST_OF as usize);
        self.now += GAP * 100;
        let told = |count: u32| {
            let mut options = OptionWriter::new();
            // Every other one arrived, so that no block joins another. The latest comes first.
            let at = |n: u32| self.ack + n * 1460;
            let blocks = [0, 1, 2].map(|back: u32| {
                let left = at(2 * count.saturating_sub(back).max(1) - 1);
                SackBlock { left, right: left + 1460 }
            });
            let kept = if count > 2 { 3 } else { count as usize };
            options.sack(&blocks[..kept]);
            Frame::new(Flags::ACK, self.seq, self.ack, options.finish(), 0)
        };
        (1..LOST_OF / 2).map(told).collect()
    }

    /// Takes in the ACKs of [`lose_one`](Self::lose_one), answering each.
    pub fn recover(&mut self, acks: &mut [Frame]) {
        let meta = RxMeta { checksum: RxChecksum::Valid, gso_size: 0 };
        for frame in acks {
            assert_eq!(
                self.host.receive(self.now, self.ifindex, meta, &mut frame.bytes),
                Verdict::Consumed
            );
            self.events();
            self.transmit();
            self.now += GAP;
        }
    }
}

/// Segments outstanding while ACKs with blocks come in.
pub const LOST_OF: u32 = 100;
