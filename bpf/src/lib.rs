//! The XDP program that steers frames between the stack and the kernel, and its maps as Rust types.
//!
//! `xdp.c` beside this file is the program, `build.rs` compiles it, [`PROGRAM`] is the object to
//! load. This crate loads nothing itself; it says how the maps are called and laid out, so that
//! whoever loads the program (`datapath`) and whoever tests it cannot disagree with it. The layouts
//! are asserted at compile time and by the tests, which run the program in the kernel on frames
//! made for every verdict.
//!
//! Numbers that the program compares with the wire (addresses, ports) are kept as on the wire.

/// The program's name in the object.
pub const PROGRAM_NAME: &str = "steer";
/// The name of the socket filter for frames that the kernel and the stack both are to hear.
pub const FILTER_NAME: &str = "hear";

/// Map: one [`Config`] at index 0.
pub const MAP_CONFIG: &str = "config";
/// Map: our IPv4 addresses and groups, keyed by [`Key4`]; the value is a [`Part`].
pub const MAP_ADDRESSES4: &str = "addresses4";
/// Map: our IPv6 addresses and groups (solicited-node ones as well), keyed by [`Key6`]; the
/// value is a [`Part`].
pub const MAP_ADDRESSES6: &str = "addresses6";
/// Map: ports of ours that are left to the kernel, keyed by [`PortKey`].
pub const MAP_KERNEL_PORTS: &str = "kernel_ports";
/// Map: the AF_XDP socket of each receive queue.
pub const MAP_SOCKETS: &str = "xsks";
/// Map: for each CPU, frames by [`Verdict`].
pub const MAP_VERDICTS: &str = "verdicts";

/// Most entries of each address map.
pub const ADDRESSES_MAX: u32 = 4096;
/// Most ports left to the kernel.
pub const PORTS_MAX: u32 = 1024;
/// Receive queues that can have a socket.
pub const QUEUES_MAX: u32 = 64;

/// Aligned as an ELF loader wants it.
#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

/// The compiled program.
pub static PROGRAM: &[u8] = {
    static OBJECT: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/xdp.o")));
    &OBJECT.0
};

/// The same, bound to one device, whose driver it asks for a VLAN tag that lies beside the frame
/// (`bpf_xdp_metadata_rx_vlan_tag`, Linux 6.8). It has the same maps.
pub static PROGRAM_DRIVER_TAGS: &[u8] = {
    static OBJECT: &Aligned<[u8]> =
        &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/xdp_driver_tags.o")));
    &OBJECT.0
};

/// Which frames the program takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Mode {
    /// Those for our addresses.
    Shared = 0,
    /// All.
    Exclusive = 1,
}

/// What an address is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Part {
    /// Ours alone: frames for it are taken away from the kernel.
    Ours = 1,
    /// A group or broadcast address: frames for it are the kernel's as well.
    Heard = 2,
}

/// What the program knows apart from the sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Config {
    /// A [`Mode`], as a number.
    pub mode: u32,
    /// Whether any port is left to the kernel; 0 saves looking.
    pub kernel_ports: u32,
    /// Our MAC.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved: [u8; 2],
}

/// An IPv4 address as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C, align(4))]
pub struct Key4(pub [u8; 4]);

/// An IPv6 address as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Key6(pub [u8; 16]);

/// A port of a protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct PortKey {
    /// The number, as on the wire.
    pub number: [u8; 2],
    /// 6 for TCP, 17 for UDP.
    pub protocol: u8,
    /// Zero.
    pub reserved: u8,
}

const _: () = {
    assert!(size_of::<Config>() == 16 && align_of::<Config>() == 4);
    assert!(size_of::<Key4>() == 4 && size_of::<Key6>() == 16 && size_of::<PortKey>() == 4);
};

macro_rules! verdicts {
    ($($name:ident = $number:literal, $text:literal, $meaning:literal;)*) => {
        /// What became of a frame, and why. The program counts each frame under one of these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Verdict {
            $(#[doc = $meaning] $name = $number,)*
        }

        impl Verdict {
            /// All, by number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in statistics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

verdicts! {
    RedirectExclusive = 0, "redirect_exclusive", "To the socket: every frame of the queue is.";
    RedirectArp = 1, "redirect_arp", "To the socket: ARP to us about an address of ours.";
    RedirectIpv4 = 2, "redirect_ipv4", "To the socket: IPv4 to an address of ours.";
    RedirectIpv6 = 3, "redirect_ipv6", "To the socket: IPv6 to an address of ours.";
    RedirectNd = 4, "redirect_nd", "To the socket: neighbor discovery for an address of ours.";
    PassMac = 5, "pass_mac", "To the kernel: unicast to another MAC.";
    PassVlan = 6, "pass_vlan", "To the kernel: of a VLAN, and the stack has none.";
    PassEthertype = 7, "pass_ethertype", "To the kernel: neither ARP nor IP.";
    PassArp = 8, "pass_arp", "To the kernel: ARP not about us, or to all (a copy to the stack).";
    PassIpv4 = 9, "pass_ipv4", "To the kernel: IPv4 to an address that is not ours.";
    PassIpv6 = 10, "pass_ipv6", "To the kernel: IPv6 to an address that is not ours.";
    PassGroup = 11, "pass_group", "To the kernel: to a group or to all (a copy to the stack).";
    PassNd = 12, "pass_nd", "To the kernel: neighbor discovery about others, or to all.";
    PassPort = 13, "pass_port", "To the kernel: our address, but a port left to the kernel.";
    PassMalformed = 14, "pass_malformed", "To the kernel: too short, or not what its type says.";
    PassNoSocket = 15, "pass_no_socket", "To the kernel: ours, but no socket is on the queue.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_one_for_the_bpf_machine() {
        assert_eq!(PROGRAM[..4], *b"\x7fELF");
        assert_eq!(u16::from_le_bytes([PROGRAM[18], PROGRAM[19]]), 247, "EM_BPF");
        assert_eq!(PROGRAM.as_ptr().addr() % 8, 0);
    }

    #[test]
    fn verdicts_are_numbered_without_gaps() {
        for (i, verdict) in Verdict::ALL.iter().enumerate() {
            assert_eq!(*verdict as usize, i);
            let redirects = verdict.name().starts_with("redirect_");
            assert_eq!(redirects, *verdict as u32 <= Verdict::RedirectNd as u32);
        }
    }
}
