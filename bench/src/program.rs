//! Two XDP programs assembled by hand, so that the bare tools need no loader and no compiler.
//!
//! One redirects every frame of a queue to an AF_XDP socket, the other returns a constant verdict.
//! Both are attached by a BPF link in native mode: the kernel takes them off when the descriptor
//! closes, however the process ends. `unsafe` is the bpf(2) system call and the descriptors it
//! returns.
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::os::failed;

/// What a constant program returns.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    /// The frame goes on to the kernel.
    Pass = 2,
}

/// A program on an interface; it goes when this goes.
pub struct Attached {
    _descriptors: Vec<OwnedFd>,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    immediate: i32,
}

const fn op(code: u8, registers: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction { code, registers, offset, immediate }
}

const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_long = 2;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PROG_TYPE_XDP: u64 = 6;
const BPF_MAP_TYPE_XSKMAP: u64 = 17;
const BPF_XDP: u64 = 37;
const XDP_FLAGS_DRV_MODE: u64 = 4;
const BPF_FUNC_REDIRECT_MAP: i32 = 51;
/// Entries of the socket map: more queues than any device here has.
const QUEUES_MAX: u64 = 64;

/// Index of the interface `name` in the current namespace.
pub fn interface_index(name: &str) -> io::Result<u32> {
    let c_name = CString::new(name)?;
    // SAFETY: `c_name` is a terminated string for the length of the call.
    match unsafe { libc::if_nametoindex(c_name.as_ptr()) } {
        0 => Err(failed(name, io::Error::last_os_error())),
        index => Ok(index),
    }
}

/// Redirects what arrives on `queue` of the interface to `socket`.
pub fn redirect(ifindex: u32, queue: u32, socket: BorrowedFd<'_>) -> io::Result<Attached> {
    let mut create = [0; 16];
    create[0] = BPF_MAP_TYPE_XSKMAP | (4 << 32);
    create[1] = 4 | (QUEUES_MAX << 32);
    let map = bpf_fd(BPF_MAP_CREATE, &mut create).map_err(|e| failed("XSKMAP", e))?;
    let (key, value) = (queue, socket.as_raw_fd());
    let mut update = [0; 4];
    update[0] = map.as_raw_fd() as u64;
    update[1] = &raw const key as u64;
    update[2] = &raw const value as u64;
    bpf(BPF_MAP_UPDATE_ELEM, &mut update).map_err(|e| failed("XSKMAP entry", e))?;
    let program = load(&[
        op(0x61, 0x12, 16, 0),              // r2 = ctx->rx_queue_index
        op(0x18, 0x11, 0, map.as_raw_fd()), // r1 = map
        op(0, 0, 0, 0),
        op(0xb7, 3, 0, Verdict::Pass as i32), // r3: when the queue has no socket
        op(0x85, 0, 0, BPF_FUNC_REDIRECT_MAP),
        op(0x95, 0, 0, 0),
    ])?;
    let link = link(&program, ifindex)?;
    Ok(Attached { _descriptors: vec![link, program, map] })
}

/// Returns `verdict` for every frame of the interface.
pub fn constant(ifindex: u32, verdict: Verdict) -> io::Result<Attached> {
    let program = load(&[op(0xb7, 0, 0, verdict as i32), op(0x95, 0, 0, 0)])?;
    let link = link(&program, ifindex)?;
    Ok(Attached { _descriptors: vec![link, program] })
}

fn load(instructions: &[Instruction]) -> io::Result<OwnedFd> {
    let license = c"Dual MIT/GPL";
    let mut log = vec![0u8; 1 << 16];
    let mut attributes = [0; 16];
    attributes[0] = BPF_PROG_TYPE_XDP | ((instructions.len() as u64) << 32);
    attributes[1] = instructions.as_ptr() as u64;
    attributes[2] = license.as_ptr() as u64;
    attributes[3] = 1 | ((log.len() as u64) << 32);
    attributes[4] = log.as_mut_ptr() as u64;
    bpf_fd(BPF_PROG_LOAD, &mut attributes).map_err(|e| {
        let end = log.iter().position(|b| *b == 0).unwrap_or(log.len());
        failed("XDP program", format!("{e} {}", String::from_utf8_lossy(&log[..end])))
    })
}

fn link(program: &OwnedFd, ifindex: u32) -> io::Result<OwnedFd> {
    let mut attributes = [0; 8];
    attributes[0] = program.as_raw_fd() as u64 | (u64::from(ifindex) << 32);
    attributes[1] = BPF_XDP | (XDP_FLAGS_DRV_MODE << 32);
    bpf_fd(BPF_LINK_CREATE, &mut attributes).map_err(|e| failed("attach the XDP program", e))
}

fn bpf_fd(command: libc::c_long, attributes: &mut [u64]) -> io::Result<OwnedFd> {
    let fd = bpf(command, attributes)?;
    // SAFETY: the three commands this is called with return a descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf(command: libc::c_long, attributes: &mut [u64]) -> io::Result<i32> {
    let size = size_of_val(attributes);
    // SAFETY: `attributes` is valid for `size` bytes, and every address in it is that of a live
    // object of the calling function, with its true length beside it where the command takes one.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as i32) }
}
