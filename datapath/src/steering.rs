//! What an XDP port takes away from the kernel, kept in step with what the stack has.
//!
//! The program (`bpf/src/xdp.c`) decides by maps; [`Steering`] writes them. It may be cloned and
//! used on any thread: it is rare work behind a lock, and the program reads the maps without one.
//! It does not keep the program attached; that is the ports' doing.
//!
//! Sets are changed entry by entry, additions first, so that a frame for an address that stays is
//! never judged by a set without it. Multicast groups are announced to the device as well, because
//! a network card drops what nobody asked for: by a packet socket's memberships, which go when the
//! process dies.

use std::collections::HashSet;
use std::hash::Hash;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use addr::{Ip, Mac};
use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, PerCpuArray, XskMap};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::config::Sharing;
use crate::error::PortError;
use crate::packet_ring::set_option;

/// Steers the frames of an XDP port's interface.
#[derive(Clone)]
pub struct Steering {
    shared: Arc<Mutex<Maps>>,
    interface: Arc<str>,
    sharing: Sharing,
}

struct Maps {
    config: bpf::Config,
    config_map: Array<MapData, PodConfig>,
    addresses4: SetMap<PodKey4>,
    addresses6: SetMap<PodKey6>,
    kernel_ports: SetMap<PodPort>,
    sockets: XskMap<MapData>,
    verdicts: PerCpuArray<MapData, u64>,
    groups: Memberships,
}

// The map types of `bpf`, for the loader. Newtypes, because neither the trait nor the types are
// ours.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct PodConfig(bpf::Config);
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
struct PodKey4(bpf::Key4);
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
struct PodKey6(bpf::Key6);
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
struct PodPort(bpf::PortKey);
// SAFETY: plain data of fixed layout, every bit pattern valid, no padding (asserted where it is
// defined).
unsafe impl aya::Pod for PodConfig {}
// SAFETY: as above.
unsafe impl aya::Pod for PodKey4 {}
// SAFETY: as above.
unsafe impl aya::Pod for PodKey6 {}
// SAFETY: as above.
unsafe impl aya::Pod for PodPort {}

impl Steering {
    /// Takes the maps of the loaded program. Until told more, it takes nothing in shared mode.
    pub(crate) fn new(
        interface: &str,
        ifindex: u32,
        sharing: Sharing,
        mac: Mac,
        ebpf: &mut Ebpf,
    ) -> Result<Self, PortError> {
        let mode = match sharing {
            Sharing::Exclusive => bpf::Mode::Exclusive,
            Sharing::Shared | Sharing::Auto => bpf::Mode::Shared,
        };
        let config =
            bpf::Config { mode: mode as u32, kernel_ports: 0, mac: mac.0, reserved: [0; 2] };
        let mut take = |name| {
            ebpf.take_map(name).ok_or_else(|| loader_error(interface, "finding a map", &name))
        };
        let opened = "opening a map of the XDP program";
        let wrong = |e| loader_error(interface, opened, &e);
        let mut maps = Maps {
            config,
            config_map: take(bpf::MAP_CONFIG)?.try_into().map_err(wrong)?,
            addresses4: SetMap::new(
                take(bpf::MAP_ADDRESSES4)?.try_into().map_err(wrong)?,
                bpf::ADDRESSES_MAX,
            ),
            addresses6: SetMap::new(
                take(bpf::MAP_ADDRESSES6)?.try_into().map_err(wrong)?,
                bpf::ADDRESSES_MAX,
            ),
            kernel_ports: SetMap::new(
                take(bpf::MAP_KERNEL_PORTS)?.try_into().map_err(wrong)?,
                bpf::PORTS_MAX,
            ),
            sockets: take(bpf::MAP_SOCKETS)?.try_into().map_err(wrong)?,
            verdicts: take(bpf::MAP_VERDICTS)?.try_into().map_err(wrong)?,
            groups: Memberships::new(ifindex)
                .map_err(|e| PortError::from_os(interface, "opening a packet socket", e))?,
        };
        maps.write_config(interface)?;
        let shared = Arc::new(Mutex::new(maps));
        Ok(Self { shared, interface: interface.into(), sharing })
    }

    /// Which frames are taken: [`Sharing::Exclusive`] or [`Sharing::Shared`].
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Sets the MAC that unicast frames must be for. At first it is the device's own.
    ///
    /// # Errors
    /// [`PortError::Program`] where the kernel refuses to change the program's map.
    pub fn set_mac(&mut self, mac: Mac) -> Result<(), PortError> {
        let mut maps = self.lock();
        maps.config.mac = mac.0;
        maps.write_config(&self.interface)
    }

    /// Replaces the addresses that a shared port is about: `own` are our unicast addresses, whose
    /// frames are taken from the kernel; `heard` are the groups we are in and the broadcast
    /// addresses, whose frames the kernel gets as well.
    ///
    /// # Errors
    /// [`PortError::BadConfig`] for more than 4096 addresses of one family; otherwise where the
    /// kernel refuses to change the program's maps or the device's multicast filter.
    pub fn set_addresses(&mut self, own: &[Ip], heard: &[Ip]) -> Result<(), PortError> {
        let (mut four, mut six) = (Entries::new(), Entries::new());
        let own = own.iter().map(|ip| (ip, bpf::Part::Ours));
        for (address, part) in heard.iter().map(|ip| (ip, bpf::Part::Heard)).chain(own) {
            match address.as_v4() {
                Some(v4) => drop(four.insert(PodKey4(bpf::Key4(v4.octets())), part as u8)),
                None => drop(six.insert(PodKey6(bpf::Key6(*address.octets())), part as u8)),
            }
        }
        let bad = |what| PortError::BadConfig { interface: self.interface.to_string(), what };
        if four.len().max(six.len()) > bpf::ADDRESSES_MAX as usize {
            return Err(bad("more addresses than the steering program can hold"));
        }
        let mut maps = self.lock();
        maps.addresses4
            .replace(four)
            .map_err(|e| loader_error(&self.interface, "steering IPv4", &e))?;
        maps.addresses6
            .replace(six)
            .map_err(|e| loader_error(&self.interface, "steering IPv6", &e))?;
        let groups = heard.iter().filter(|ip| ip.is_multicast());
        let groups = groups.map(|ip| Mac::multicast_for(*ip)).collect();
        maps.groups
            .replace(groups)
            .map_err(|e| PortError::from_os(&self.interface, "joining multicast groups", e))
    }

    /// Replaces the ports of our addresses that are left to the kernel (shared mode): IP protocol
    /// (6 or 17) and number.
    ///
    /// # Errors
    /// [`PortError::BadConfig`] for more than 1024 ports; [`PortError::Program`] where the kernel
    /// refuses to change the program's maps.
    pub fn set_kernel_ports(&mut self, ports: &[(u8, u16)]) -> Result<(), PortError> {
        let key = |&(protocol, number): &(u8, u16)| {
            PodPort(bpf::PortKey { number: number.to_be_bytes(), protocol, reserved: 0 })
        };
        let wanted: Entries<_> = ports.iter().map(|port| (key(port), 1)).collect();
        if wanted.len() > bpf::PORTS_MAX as usize {
            let what = "more ports than the steering program can hold";
            return Err(PortError::BadConfig { interface: self.interface.to_string(), what });
        }
        let mut maps = self.lock();
        maps.config.kernel_ports = u32::from(!wanted.is_empty());
        maps.kernel_ports
            .replace(wanted)
            .map_err(|e| loader_error(&self.interface, "steering ports", &e))?;
        maps.write_config(&self.interface)
    }

    /// How many frames got each verdict since the program was loaded, by name, summed over CPUs.
    ///
    /// # Errors
    /// [`PortError::Program`] where the kernel refuses to read the program's map.
    pub fn verdicts(&self) -> Result<Vec<(&'static str, u64)>, PortError> {
        let maps = self.lock();
        let count = |verdict: &bpf::Verdict| {
            let counts = maps.verdicts.get(&(*verdict as u32), 0);
            let counts =
                counts.map_err(|e| loader_error(&self.interface, "reading verdicts", &e))?;
            Ok((verdict.name(), counts.iter().sum()))
        };
        bpf::Verdict::ALL.iter().map(count).collect()
    }

    /// Puts a socket on a queue.
    pub(crate) fn set_socket(&self, queue: u32, socket: impl AsRawFd) -> Result<(), PortError> {
        let mut maps = self.lock();
        maps.sockets
            .set(queue, socket, 0)
            .map_err(|e| loader_error(&self.interface, "steering to the socket", &e))
    }

    fn lock(&self) -> MutexGuard<'_, Maps> {
        // Whoever panicked left maps that are consistent entry by entry.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Steering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Steering")
            .field("interface", &self.interface)
            .field("sharing", &self.sharing)
            .finish_non_exhaustive()
    }
}

impl Maps {
    fn write_config(&mut self, interface: &str) -> Result<(), PortError> {
        self.config_map
            .set(0, PodConfig(self.config), 0)
            .map_err(|e| loader_error(interface, "configuring the XDP program", &e))
    }
}

/// What is in a map of the program.
type Entries<K> = std::collections::HashMap<K, u8>;

/// A map of the program, and what is in it.
struct SetMap<K: aya::Pod> {
    map: HashMap<MapData, K, u8>,
    entries: Entries<K>,
    capacity: u32,
}

impl<K: aya::Pod + Eq + Hash> SetMap<K> {
    fn new(map: HashMap<MapData, K, u8>, capacity: u32) -> Self {
        Self { map, entries: Entries::new(), capacity }
    }

    fn replace(&mut self, wanted: Entries<K>) -> Result<(), aya::maps::MapError> {
        // A full map has to lose entries before it can take others.
        let new = wanted.keys().filter(|key| !self.entries.contains_key(key)).count();
        if self.entries.len() + new > self.capacity as usize {
            self.remove_all_but(&wanted)?;
        }
        for (key, value) in &wanted {
            if self.entries.get(key) != Some(value) {
                self.map.insert(key, value, 0)?;
                self.entries.insert(*key, *value);
            }
        }
        self.remove_all_but(&wanted)
    }

    fn remove_all_but(&mut self, wanted: &Entries<K>) -> Result<(), aya::maps::MapError> {
        let stale = self.entries.keys().filter(|key| !wanted.contains_key(key));
        for key in stale.copied().collect::<Vec<K>>() {
            self.map.remove(&key)?;
            self.entries.remove(&key);
        }
        Ok(())
    }
}

/// The multicast MACs that the device is asked to receive.
struct Memberships {
    ifindex: u32,
    socket: OwnedFd,
    joined: HashSet<Mac>,
}

impl Memberships {
    /// Opens the socket at once: later calls may come from a thread in another network namespace.
    fn new(ifindex: u32) -> io::Result<Self> {
        // Of protocol 0: it receives nothing itself.
        let (raw, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
        let socket = socket_with(AddressFamily::PACKET, raw, flags, None)?;
        Ok(Self { ifindex, socket, joined: HashSet::new() })
    }

    fn replace(&mut self, wanted: HashSet<Mac>) -> io::Result<()> {
        for &mac in wanted.difference(&self.joined) {
            membership(&self.socket, self.ifindex, mac, libc::PACKET_ADD_MEMBERSHIP)?;
        }
        for &mac in self.joined.difference(&wanted) {
            membership(&self.socket, self.ifindex, mac, libc::PACKET_DROP_MEMBERSHIP)?;
        }
        self.joined = wanted;
        Ok(())
    }
}

fn membership(socket: &OwnedFd, ifindex: u32, mac: Mac, change: libc::c_int) -> io::Result<()> {
    let mut address = [0; 8];
    address[..6].copy_from_slice(&mac.0);
    let request = libc::packet_mreq {
        mr_ifindex: ifindex as libc::c_int,
        mr_type: libc::PACKET_MR_MULTICAST as libc::c_ushort,
        mr_alen: 6,
        mr_address: address,
    };
    set_option(socket, change, &request)
}

/// An error of the loader, on one line.
pub(crate) fn loader_error(
    interface: &str,
    what: &'static str,
    error: &dyn std::fmt::Display,
) -> PortError {
    let text = error.to_string();
    let message = text.lines().map(str::trim).collect::<Vec<_>>().join("; ");
    PortError::Program { interface: interface.to_owned(), what, message }
}
