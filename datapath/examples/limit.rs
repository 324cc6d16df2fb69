//! How fast a port alone is: frames received and given back, sent, or turned round, on one thread.
//!
//! `ip netns exec NS limit INTERFACE rx|tx|fwd [SECONDS [LENGTH [CPU]]]`. An existing interface is
//! opened by XDP unless it is a TAP. What is sent are UDP packets that nobody waits for; what is
//! turned round has its MACs swapped. Prints one line. Give the interface a peer that sends or
//! drops.

use std::env;
use std::process::exit;
use std::time::{Duration, Instant};

use datapath::{Port, PortConfig, PortLink, TxFrame, open, single_shard};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use wire::offload::TxMeta;

/// A batch, as a shard would take it.
const BATCH: usize = 64;

fn main() {
    let mut args = env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let mode = args.next().unwrap_or_default();
    let seconds: f64 = args.next().and_then(|s| s.parse().ok()).unwrap_or(3.0);
    let len: usize = args.next().and_then(|s| s.parse().ok()).unwrap_or(60);
    if let Some(cpu) = args.next().and_then(|s| s.parse().ok()) {
        let mut set = CpuSet::new();
        set.set(cpu);
        let _ = sched_setaffinity(None, &set);
    }
    let step: fn(&mut Port, &mut PortLink, usize) -> usize = match mode.as_str() {
        "rx" => receive,
        "tx" => send,
        "fwd" => turn_round,
        _ => {
            eprintln!("limit INTERFACE rx|tx|fwd [SECONDS [LENGTH [CPU]]]");
            exit(2);
        }
    };
    let (mut port, mut link, info) = match open(&PortConfig::new(name)) {
        Ok(opened) => opened,
        Err(error) => {
            eprintln!("{error}");
            exit(1);
        }
    };
    let (mut frames, mut turns) = (0, 0u64);
    let (started, cpu) = (Instant::now(), cpu_time());
    let end = Duration::from_secs_f64(seconds);
    while turns & 15 != 0 || started.elapsed() < end {
        turns += 1;
        frames += step(&mut port, &mut link, len);
    }
    let (elapsed, cpu) = (started.elapsed().as_secs_f64(), cpu_time() - cpu);
    let (rate, share) = (frames as f64 / elapsed, cpu / elapsed);
    let (mode_of, stats) = (&info.mode, port.stats());
    println!("{mode} {len} on {mode_of}: {rate:.0} frames/s, {share:.2} of a CPU, {stats:?}");
    assert!(port.frames().is_conserved());
}

/// Seconds of CPU time of this thread.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn receive(port: &mut Port, link: &mut PortLink, _: usize) -> usize {
    let received = port.turn(BATCH, single_shard).received;
    while let Some(received) = link.rx.pop() {
        let _ = link.rx_done.push(received.frame);
    }
    received
}

fn send(port: &mut Port, link: &mut PortLink, len: usize) -> usize {
    for _ in 0..BATCH {
        let Some(mut frame) = link.tx_free.pop() else { break };
        frame.set_len(len);
        emit(frame.bytes_mut());
        let _ = link.tx.push(TxFrame { frame, meta: TxMeta::default() });
    }
    port.turn(BATCH, single_shard).sent
}

fn turn_round(port: &mut Port, link: &mut PortLink, _: usize) -> usize {
    let received = port.turn(BATCH, single_shard).received;
    while let Some(received) = link.rx.pop() {
        let mut frame = received.frame;
        if let Some((dst, src)) = frame.bytes_mut().get_mut(..12).map(|macs| macs.split_at_mut(6)) {
            dst.swap_with_slice(src);
        }
        let _ = link.tx.push(TxFrame { frame, meta: TxMeta::default() });
    }
    received
}

/// A UDP packet between two addresses of nobody.
fn emit(frame: &mut [u8]) {
    let Some(ip_len) = frame.len().checked_sub(14).filter(|&len| len >= 28) else { return };
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 0x98, 8, 0]);
    frame[14..34]
        .copy_from_slice(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]);
    frame[16..18].copy_from_slice(&(ip_len as u16).to_be_bytes());
    let sum = wire::checksum::checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame[34..42].copy_from_slice(&[0x1b, 0x58, 0x1b, 0x59, 0, 0, 0, 0]);
    frame[38..40].copy_from_slice(&((ip_len - 20) as u16).to_be_bytes());
}
