//! Frames of a VLAN are not ours, whether the tag is in the frame or travels beside it, as it does
//! behind a bridge and behind most network cards.

use std::time::{Duration, Instant};

use middlebox::Socket;
use tests::{Backend, Daemon, Lab, Namespace};

const PEER: [u8; 6] = [2, 0, 0, 0, 0, 0x50];
const OURS: [u8; 6] = [2, 0, 0, 0, 0, 0x07];
const OTHER_VLAN: [u8; 4] = [0x81, 0, 0, 10];
/// Priority 5 on the untagged network.
const PRIORITY: [u8; 4] = [0x81, 0, 0xa0, 0];

/// A wire to the daemon's device: `in7`, and behind a bridge `host7` and `veth7`.
struct Wire {
    space: Namespace,
    daemon: Daemon,
    socket: Socket,
}

impl Wire {
    fn new(label: &str, more: &[&str], beside: bool) -> Self {
        let space = Lab::wire(label, Backend::Xdp);
        space.ip("link set veth7 address 02:00:00:00:00:07");
        space.ip("link add br7 type bridge");
        space.ip("link add in7 type veth peer name out7");
        for device in ["host7", "out7"] {
            space.ip(&format!("link set {device} master br7"));
        }
        for device in ["br7", "in7", "out7"] {
            space.ip(&format!("link set {device} up"));
        }
        if !beside {
            // Then the last device of the way writes the tag into the frame.
            assert!(space.shell("ethtool -K host7 txvlan off").status.success());
        }
        let args = ["--iface", "veth7", "--backend", "xdp", "--address", "10.0.1.7/24", "--demo"];
        let daemon = Daemon::start(&space, &[&args[..], more].concat());
        let peer = "neighbor add 10.0.1.50 lladdr 02:00:00:00:00:50 dev veth7";
        assert!(daemon.ctl(peer).status.success());
        let socket = space.inside(|| Socket::open("in7").expect("a packet socket"));
        Self { space, daemon, socket }
    }

    /// Sends a frame with a tag, or none, and tells whether an answer comes for which `is` holds.
    fn asks(&mut self, to: [u8; 6], tag: &[u8], rest: &[u8], is: impl Fn(&[u8]) -> bool) -> bool {
        let frame = [&to[..], &PEER, tag, rest].concat();
        assert_eq!(self.socket.send(&[frame]).expect("sent"), 1);
        let until =
            Instant::now() + Duration::from_millis(if tag == OTHER_VLAN { 500 } else { 3000 });
        let mut came = false;
        while !came && Instant::now() < until {
            self.socket
                .receive(|frame| came |= frame[6..12] == OURS && is(frame))
                .expect("a packet socket");
            std::thread::sleep(Duration::from_millis(5));
        }
        came
    }

    /// Whether an echo request, an ARP question and a SYN are answered.
    fn answers(&mut self, tag: &[u8]) -> [bool; 3] {
        let marker = b"the marker of an echo request";
        let echo = [&[8, 0, 0, 0, 0, 1, 0, 1], &marker[..]].concat();
        let echo = ipv4(1, &with_sum(echo, 2, 0));
        let arp = [
            &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
            &PEER[..],
            &[10, 0, 1, 50, 0, 0, 0, 0, 0, 0, 10, 0, 1, 7],
        ];
        let arp = arp.concat();
        let syn = vec![0x10, 1, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
        // The pseudo-header: both addresses, protocol, length.
        let pseudo = 0x0a00 + 0x0132 + 0x0a00 + 0x0107 + 6 + 20;
        let syn = ipv4(6, &with_sum(syn, 16, pseudo));
        [
            self.asks(OURS, tag, &echo, |frame| frame.ends_with(marker)),
            self.asks([0xff; 6], tag, &arp, |frame| frame[12..14] == [8, 6] && frame[21] == 2),
            self.asks(OURS, tag, &syn, |frame| frame[23] == 6 && frame[47] == 0x12),
        ]
    }
}

/// The octets with a checksum at `at`, over them and `more`.
fn with_sum(mut octets: Vec<u8>, at: usize, more: u32) -> Vec<u8> {
    let words = octets
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word.get(1).copied().unwrap_or_default()));
    let sum = words.sum::<u32>() + more;
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    octets[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    octets
}

/// An IPv4 packet from 10.0.1.50 to us, behind its EtherType.
fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len()) as u16;
    let [high, low] = len.to_be_bytes();
    let header =
        vec![0x45, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 1, 50, 10, 0, 1, 7];
    [&[8, 0], &with_sum(header, 10, 0)[..], payload].concat()
}

fn only_untagged(label: &str, more: &[&str], beside: bool) {
    let mut wire = Wire::new(label, more, beside);
    let mut taps = wire.space.inside(|| Socket::open("veth7").expect("a packet socket"));
    for _ in 0..2 {
        assert_eq!(wire.answers(&[]), [true; 3], "untagged: {}", wire.daemon.said());
        assert_eq!(wire.answers(&PRIORITY), [true; 3], "a priority tag is no VLAN");
        taps.receive(|_| ()).expect("a packet socket");
        assert_eq!(wire.answers(&OTHER_VLAN), [false; 3], "of a VLAN");
        // What is beside the frame cannot be handed to the stack, so the kernel gets it.
        let mut kernel = 0;
        taps.receive(|frame| kernel += usize::from(frame[6..12] == PEER)).expect("a packet socket");
        let shared = more.contains(&"shared");
        assert_eq!(kernel, if beside || shared { 3 } else { 0 }, "{}", wire.daemon.said());
    }
}

#[test]
fn a_tag_in_the_frame_is_seen() {
    only_untagged("vlanin", &[], false);
}

#[test]
fn a_tag_beside_the_frame_is_seen() {
    only_untagged("vlanby", &[], true);
}

#[test]
fn tags_are_seen_beside_the_kernel() {
    only_untagged("vlanshr", &["--steering", "shared"], false);
    only_untagged("vlanshr", &["--steering", "shared"], true);
}
