//! A TAP queue as the subjects hold it: a file, two settings, reads and writes.
//!
//! The device itself is made beforehand with the kernel's address on it (see `netns`), so a subject
//! only attaches. `unsafe` is confined to the three ioctls.
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

/// Length of the virtio header in front of a frame when [`attach`] was asked for one.
pub const VNET_LEN: usize = 10;

const IFF_TAP: i16 = 2;
const IFF_NO_PI: i16 = 0x1000;
const IFF_VNET_HDR: i16 = 0x4000;
const TUNSETIFF: libc::Ioctl = 0x4004_54ca;
const TUNSETOFFLOAD: libc::Ioctl = 0x4004_54d0;
const TUNSETVNETHDRSZ: libc::Ioctl = 0x4004_54d8;
const TUN_F_CSUM: libc::c_ulong = 1;
const TUN_F_TSO4: libc::c_ulong = 2;
const TUN_F_TSO6: libc::c_ulong = 4;
/// How often an attach is tried while the previous holder is still going away.
const BUSY_TRIES: u32 = 200;

#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: i16,
    padding: [u8; 22],
}

/// Attaches, non-blocking, to the TAP device `name`; with `vnet` frames carry a virtio header and
/// the kernel is told that unfinished checksums and 64 KiB TCP frames are welcome.
pub fn attach(name: &str, vnet: bool) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    let mut request = InterfaceRequest {
        name: [0; 16],
        flags: IFF_TAP | IFF_NO_PI | if vnet { IFF_VNET_HDR } else { 0 },
        padding: [0; 22],
    };
    if name.len() > 15 {
        return Err(io::Error::other(format!("{name}: name too long")));
    }
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    for tries in 0.. {
        // SAFETY: TUNSETIFF reads and writes one `ifreq`, whose layout and size `request` has.
        if unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF, &raw mut request) } == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EBUSY) || tries == BUSY_TRIES {
            return Err(io::Error::new(error.kind(), format!("TUNSETIFF {name}: {error}")));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    if vnet {
        let len = VNET_LEN as libc::c_int;
        // SAFETY: TUNSETVNETHDRSZ reads one int.
        if unsafe { libc::ioctl(file.as_raw_fd(), TUNSETVNETHDRSZ, &raw const len) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
        // SAFETY: TUNSETOFFLOAD takes its argument by value.
        if unsafe { libc::ioctl(file.as_raw_fd(), TUNSETOFFLOAD, offload) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(file)
}
