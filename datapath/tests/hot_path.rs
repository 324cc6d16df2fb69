//! Nothing is allocated while frames move: a counting allocator says so, over each kind of port.
//! Needs root for TAP and AF_XDP.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};

use datapath::{Backend, PairConfig, Port, PortConfig, PortLink, TxFrame, pair, single_shard};
use support::{Host, Netns, veth};
use wire::offload::TxMeta;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does everything; only a counter of the thread is added.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of the allocator, which is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Turns the port and sends back whatever arrives; returns how many frames did, and what was
/// allocated.
fn echo(port: &mut Port, link: &mut PortLink, turns: usize) -> (u64, usize) {
    let before = ALLOCATIONS.get();
    let received = port.stats().rx_packets;
    for _ in 0..turns {
        port.turn(64, single_shard);
        while let Some(received) = link.rx.pop() {
            let Some(mut frame) = link.tx_free.pop() else {
                let _ = link.rx_done.push(received.frame);
                continue;
            };
            let bytes = received.frame.bytes();
            frame.buffer_mut()[..bytes.len()].copy_from_slice(bytes);
            frame.set_len(bytes.len());
            let _ = link.tx.push(TxFrame { frame, meta: TxMeta::default() });
            let _ = link.rx_done.push(received.frame);
        }
    }
    (port.stats().rx_packets - received, ALLOCATIONS.get() - before)
}

#[test]
fn a_pair_allocates_nothing() {
    let [(mut left, mut link, _), (mut right, mut other, _)] =
        pair(&PairConfig::default()).unwrap();
    let mut frame = link.tx_free.pop().unwrap();
    frame.set_len(60);
    link.tx.push(TxFrame { frame, meta: TxMeta::default() }).unwrap();
    let before = ALLOCATIONS.get();
    let mut frames = 0;
    for _ in 0..1000 {
        frames += echo(&mut left, &mut link, 1).0;
        frames += echo(&mut right, &mut other, 1).0;
    }
    assert!(frames > 500, "the frame goes to and fro: {frames}");
    assert_eq!(ALLOCATIONS.get(), before);
}

/// Has the kernel in `ns` send to the host, and counts.
fn against_the_kernel(ns: &Netns, mut host: Host, device: &str) {
    let to = host.ip;
    ns.ip(&format!("neigh replace {to} lladdr {} dev {device}", host.mac));
    let sender = ns.enter(|| UdpSocket::bind("10.77.0.1:0")).unwrap();
    let mut frames = 0;
    for _ in 0..100 {
        for _ in 0..10 {
            sender.send_to(&[7; 700], SocketAddr::new(to.to_std(), 9)).unwrap();
        }
        let (received, allocated) = echo(&mut host.port, &mut host.link, 3);
        frames += received;
        assert_eq!(allocated, 0);
    }
    assert!(frames > 500, "frames arrive: {frames}");
    host.check();
}

#[test]
fn a_tap_allocates_nothing() {
    let ns = Netns::new("atap");
    let host = ns.enter(|| Host::open(&PortConfig::new("tap7"), [10, 77, 0, 2]));
    ns.ip("addr add 10.77.0.1/24 dev tap7");
    against_the_kernel(&ns, host, "tap7");
}

#[test]
fn an_xdp_port_allocates_nothing() {
    let (left, right) = veth("axdp");
    right.ip("addr add 10.77.0.1/24 dev b");
    let config = PortConfig { backend: Backend::Xdp, ..PortConfig::new("a") };
    let mut host = left.enter(|| Host::open(&config, [10, 77, 0, 2]));
    host.mac = host.info.mac.unwrap();
    against_the_kernel(&right, host, "b");
}
