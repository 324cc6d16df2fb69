//! A TUN device carries IP packets and nothing else.

use std::io;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_ipv6_unicast_hops, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, recv, sendto, socket};
use tests::{Backend, Lab, STACK_V6, eventually};

const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;

/// Sends a neighbour solicitation for our address to it, with a link address option or without, and
/// returns what advertisements come back (the whole ICMPv6 messages).
fn solicit(option: bool) -> io::Result<Vec<Vec<u8>>> {
    let fd = socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6))?;
    set_ipv6_unicast_hops(&fd, Some(255))?;
    set_socket_timeout(&fd, Timeout::Recv, Some(Duration::from_millis(300)))?;
    let std::net::IpAddr::V6(target) = STACK_V6 else { unreachable!("it is IPv6") };
    // The kernel fills in the checksum.
    let mut message = vec![NEIGHBOR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    message.extend(target.octets());
    if option {
        message.extend([1, 1, 0x46, 0, 0, 0x28, 0, 0]);
    }
    sendto(&fd, &message, SendFlags::empty(), &SocketAddrV6::new(target, 0, 0, 0))?;
    let began = Instant::now();
    let mut answers = Vec::new();
    while began.elapsed() < Duration::from_secs(1) {
        let mut answer = [0; 1500];
        match recv(&fd, &mut answer[..], RecvFlags::empty()) {
            Ok((len, _)) if answer[0] == NEIGHBOR_ADVERTISEMENT => {
                answers.push(answer[..len].to_vec());
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(answers)
}

/// What the kernel counts of the device: packets that came from us, and those it threw away.
fn received(lab: &Lab) -> (u64, u64) {
    let shown = lab.space.ip("-j -s link show dev tun7");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let rx = &shown[0]["stats64"]["rx"];
    let lost = ["errors", "dropped"].iter().filter_map(|name| rx[name].as_u64()).sum();
    (rx["packets"].as_u64().expect("a counter"), lost)
}

/// The answer is what Linux gives on such a device: solicited, without the override flag and
/// without a link address.
#[test]
fn a_neighbor_solicitation_on_a_tun_is_answered_by_a_bare_packet() {
    let lab = Lab::start("bareip", Backend::Tun);
    let ping = || lab.space.shell(&format!("ping -n -c 1 -W 1 {STACK_V6}")).status.success();
    assert!(eventually(10, ping), "before");
    let (packets, lost) = received(&lab);
    for option in [false, true] {
        let answers = lab.space.inside(|| solicit(option)).expect("a raw socket");
        assert_eq!(answers.len(), 1, "{answers:?}");
        let solicited = 0x40;
        assert_eq!((answers[0].len(), answers[0][4]), (24, solicited), "{answers:?}");
        let target: [u8; 16] = answers[0][8..24].try_into().expect("16 bytes");
        assert_eq!(std::net::IpAddr::from(Ipv6Addr::from(target)), STACK_V6);
    }
    let (now, now_lost) = received(&lab);
    assert_eq!((now - packets, now_lost), (2, lost), "nothing else was sent");
    assert!(lab.daemon.records("neighbor").is_empty(), "a bare IP link has no neighbors");
}
