//! A program that is bound to its device, so that it can ask the driver for a VLAN tag that lies
//! beside the frame (Linux 6.8).
//!
//! It is loaded by libbpf, which finds the kernel's function, and shares the maps of the other one.
//! Such a program works on the driver's hook alone. Where anything about it is refused, the port
//! does with the program that sees tags in frames only.
//!
//! `unsafe` here is the call that attaches the program, and its descriptor.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use aya::Ebpf;
use aya::maps::Map;
use libbpf_rs::{Object, ObjectBuilder, libbpf_sys, set_print};

/// `BPF_F_XDP_DEV_BOUND_ONLY`.
const DEV_BOUND_ONLY: u32 = 1 << 6;
/// `XDP_FLAGS_DRV_MODE`.
const DRIVER_MODE: u32 = 1 << 2;

/// The maps of a loaded object, by name.
pub(super) fn maps(ebpf: &Ebpf) -> io::Result<Vec<(String, OwnedFd)>> {
    let descriptor = |(name, map): (&str, &Map)| match map {
        Map::Array(data) | Map::HashMap(data) | Map::PerCpuArray(data) | Map::XskMap(data) => {
            Some(data.fd().as_fd().try_clone_to_owned().map(|fd| (name.to_owned(), fd)))
        }
        _ => None,
    };
    ebpf.maps().filter_map(descriptor).collect()
}

/// Loads the program for a device, on these maps.
pub(super) fn load(ifindex: u32, maps: &[(String, OwnedFd)]) -> libbpf_rs::Result<Object> {
    // What fails is said by our own log.
    let printer = set_print(None);
    let loaded = load_quietly(ifindex, maps);
    set_print(printer);
    loaded
}

fn load_quietly(ifindex: u32, maps: &[(String, OwnedFd)]) -> libbpf_rs::Result<Object> {
    let mut builder = ObjectBuilder::default();
    let mut object = builder.open_memory(bpf::PROGRAM_DRIVER_TAGS)?;
    for mut map in object.maps_mut() {
        if let Some((_, fd)) = maps.iter().find(|(name, _)| map.name() == name.as_str()) {
            map.reuse_fd(fd.as_fd())?;
        }
    }
    for mut program in object.progs_mut() {
        if program.name() == bpf::PROGRAM_NAME {
            program.set_ifindex(ifindex);
            program.set_flags(DEV_BOUND_ONLY);
        } else {
            program.set_autoload(false);
        }
    }
    object.load()
}

/// Attaches the program to the driver's hook, for as long as the link's descriptor is open.
pub(super) fn attach(object: &Object, ifindex: u32) -> io::Result<OwnedFd> {
    let program = object.progs().find(|program| program.name() == bpf::PROGRAM_NAME);
    let program = program.ok_or(io::ErrorKind::NotFound)?;
    let options = libbpf_sys::bpf_link_create_opts {
        sz: size_of::<libbpf_sys::bpf_link_create_opts>() as u64,
        flags: DRIVER_MODE,
        ..Default::default()
    };
    // SAFETY: the options live beyond the call, which only reads them.
    let link = unsafe {
        libbpf_sys::bpf_link_create(
            program.as_fd().as_raw_fd(),
            ifindex as i32,
            libbpf_sys::BPF_XDP,
            &raw const options,
        )
    };
    if link < 0 {
        return Err(io::Error::from_raw_os_error(-link));
    }
    // SAFETY: the call has made the descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(link) })
}
