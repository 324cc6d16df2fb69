//! Frames that nobody would send: no panic, and every one accounted for (IPRX-12, GAP-01).

use proptest::prelude::*;

use addr::Mac;
use wire::arp::REQUEST;
use wire::icmp::{Echo, Message};
use wire::offload::{Medium, RxChecksum, RxMeta};

use crate::host::fixture::*;
use crate::limits::Limits;
use crate::tcp::ListenOptions;
use crate::time::Duration;

fn meta() -> impl Strategy<Value = RxMeta> {
    let checksum = prop_oneof![
        Just(RxChecksum::Unverified),
        Just(RxChecksum::Valid),
        Just(RxChecksum::Partial),
        Just(RxChecksum::MaybePartial),
    ];
    (checksum, prop_oneof![Just(0u16), any::<u16>()])
        .prop_map(|(checksum, gso_size)| RxMeta { checksum, gso_size })
}

/// Bytes behind a link header of the host's.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let ethertype = prop_oneof![Just(0x0800u16), Just(0x0806), Just(0x86dd), Just(0x8100)];
    (ethertype, prop::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(ethertype, bytes)| eth(MAC, ethertype, &bytes))
}

/// A good frame with some bytes changed and perhaps cut.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let flips = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (0..9usize, flips, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(kind, flips, cut, is_cut)| {
            let mut frame = sample(kind);
            for (at, value) in flips {
                let at = at.index(frame.len());
                frame[at] = value;
            }
            if is_cut {
                frame.truncate(cut.index(frame.len()));
            }
            frame
        },
    )
}

fn sample(kind: usize) -> Vec<u8> {
    let ping = Message::EchoRequest(Echo { id: 1, seq: 2, data: b"data" });
    let group = us6().solicited_node();
    match kind {
        0 => arp_frame(Mac::BROADCAST, &arp_from_peer(REQUEST, PEER, US)),
        1 => icmp_frame(PEER, US, &ping),
        2 => icmp_frame(peer6(), us6(), &ping),
        3 => udp_frame("10.0.0.2:7", "10.0.0.1:9", b"hello"),
        4 => udp_frame("[2001:db8::2]:7", "[2001:db8::1]:9", b"hello"),
        5 => {
            let quote = udp_frame("10.0.0.1:9", "10.0.0.2:7", b"hello");
            let message = Message::Unreachable { code: 3, quote: &quote[14..] };
            icmp_frame(PEER, US, &message)
        }
        6 => {
            let mut buf = [0; 32];
            wire::ndp::emit_ns(&mut buf, peer6(), group, us6(), Some(PEER_MAC), None).unwrap();
            let header = wire::ip::IpEmit { hop_limit: 255, ..icmp_header(peer6(), group) };
            ip_frame(&header, &buf)
        }
        7 => fragment_frame(&icmp_header(PEER, US), &[7; 64], (8, true), 3),
        _ => fragment_frame(&icmp_header(peer6(), us6()), &[7; 64], (0, true), 3),
    }
}

fn run(mut lab: Lab, frames: Vec<(RxMeta, Vec<u8>)>) {
    let ends = lab.udp("[::]:9");
    let options = ListenOptions { backlog: 4, only_v6: false };
    lab.host.tcp_listen(lab.now, "[::]:80".parse().unwrap(), options).unwrap();
    let mut slot = [0; 1514];
    for (meta, frame) in frames {
        // `receive_as` checks that the frame is accounted for.
        lab.receive_as(meta, &frame).ok();
        while lab.host.transmit(lab.now, lab.ifindex, &mut slot).is_some() {}
        lab.now += Duration::from_millis(700);
        lab.host.expire(lab.now);
        lab.events();
    }
    drop(ends);
}

proptest! {
    #[test]
    fn noise_on_ethernet(frames in prop::collection::vec((meta(), noise()), 1..20)) {
        run(Lab::new(), frames);
    }

    #[test]
    fn noise_on_bare_ip(
        frames in prop::collection::vec((meta(), prop::collection::vec(any::<u8>(), 0..200)), 1..20)
    ) {
        let medium = Medium::Ip;
        let config = crate::InterfaceConfig { medium, ..ethernet_config("tun0", MAC) };
        run(Lab::with(Limits::default(), config), frames);
    }

    #[test]
    fn damaged_frames(frames in prop::collection::vec((meta(), damaged()), 1..40)) {
        run(Lab::new(), frames);
    }

    #[test]
    fn damaged_frames_with_narrow_limits(
        frames in prop::collection::vec((meta(), damaged()), 1..40)
    ) {
        let limits = Limits {
            neighbors: 1,
            neighbor_queue_bytes: 0,
            outbox: 1,
            reassemblies: 1,
            reassembly_bytes: 100,
            icmp_error_burst: 0,
            icmp_errors_per_second: 0,
            ..Limits::default()
        };
        run(Lab::with(limits, ethernet_config("eth0", MAC)), frames);
    }
}
