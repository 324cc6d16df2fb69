//! AF_XDP: receive and drop, transmit only, reflect.
use std::io;
use std::time::Instant;

use super::{IPS, PORTS, SLEEP, SOURCE_MAC, START, for_a_while};
use crate::cli::LimitArgs;
use crate::frame;
use crate::os::failed;
use crate::xsk::{Descriptor, Xsk, frame_of, kick_send, wait_receive};

const BATCH: u32 = 64;
const SEND_BATCH: u32 = 256;

/// Frames that arrive and go straight back to the fill ring.
pub fn receive(args: &LimitArgs) -> io::Result<f64> {
    let mut socket = Xsk::open(&args.interface, true)?;
    wait_first(&mut socket)?;
    for_a_while(args, || {
        let count = socket.rx.ready(BATCH);
        if count == 0 {
            wait_receive(&socket.fd, SLEEP);
            return Ok(0);
        }
        socket.fill.room(count);
        for _ in 0..count {
            let packet = socket.rx.take();
            socket.fill.put(frame_of(packet.addr));
        }
        socket.rx.release();
        socket.fill.submit();
        Ok(u64::from(count))
    })
}

/// Frames that the kernel took and gave back.
pub fn transmit(args: &LimitArgs) -> io::Result<f64> {
    let mut socket = Xsk::open(&args.interface, false)?;
    let mut free = Xsk::send_frames();
    for addr in &free {
        // SAFETY: the frame is in no ring yet, and this is the only slice of it.
        let bytes = unsafe { socket.memory.bytes(*addr, args.len) };
        frame::udp(bytes, args.len, [SOURCE_MAC, args.to.0], IPS, PORTS);
    }
    for_a_while(args, || {
        let done = socket.completion.ready(SEND_BATCH * 4);
        for _ in 0..done {
            free.push(frame_of(socket.completion.take()));
        }
        socket.completion.release();
        let count = socket.tx.room(SEND_BATCH).min(SEND_BATCH).min(free.len() as u32);
        for addr in free.drain(free.len() - count as usize..) {
            socket.tx.put(Descriptor { addr, len: args.len as u32, options: 0 });
        }
        socket.tx.submit();
        if socket.tx.need_wakeup() {
            kick_send(&socket.fd);
        }
        Ok(u64::from(done))
    })
}

/// Frames that arrive and are sent back with their addresses exchanged.
pub fn reflect(args: &LimitArgs) -> io::Result<f64> {
    let mut socket = Xsk::open(&args.interface, true)?;
    wait_first(&mut socket)?;
    let mut away = 0_u32;
    for_a_while(args, || {
        let done = socket.completion.ready(BATCH * 4);
        if done > 0 {
            socket.fill.room(done);
            for _ in 0..done {
                socket.fill.put(frame_of(socket.completion.take()));
            }
            socket.completion.release();
            socket.fill.submit();
            away -= done;
        }
        let there = socket.rx.ready(BATCH);
        let count = there.min(socket.tx.room(there));
        for _ in 0..count {
            let packet = socket.rx.take();
            // SAFETY: the frame came out of the receive ring and goes into the send ring below.
            let addresses = unsafe { socket.memory.bytes(packet.addr, 12) };
            for i in 0..6 {
                addresses.swap(i, i + 6);
            }
            socket.tx.put(packet);
        }
        if count > 0 {
            socket.rx.release();
            socket.tx.submit();
            away += count;
        }
        if away > 0 {
            kick_send(&socket.fd);
        } else if count == 0 {
            wait_receive(&socket.fd, SLEEP);
        }
        Ok(u64::from(done))
    })
}

fn wait_first(socket: &mut Xsk) -> io::Result<()> {
    let begin = Instant::now();
    while socket.rx.ready(1) == 0 {
        // Asleep: a spinning wait would hold the core that the load may need to start on.
        wait_receive(&socket.fd, SLEEP);
        if begin.elapsed() > START {
            return Err(failed("AF_XDP", "no frame came"));
        }
    }
    Ok(())
}
