//! UDP over a wire (UDPS, UDP, FRAG rows).

use addr::{Endpoint, Mac};
use wire::ip::{IpEmit, PROTO_UDP};
use wire::offload::{DeviceCaps, RxChecksum, RxMeta};

use crate::drop::DropReason;
use crate::event::Readiness;
use crate::host::fixture::*;
use crate::limits::Limits;
use crate::socket::{SocketError, SocketRings};
use crate::udp::{RECORD_LEN, RECORD_MAX, UdpOptions};

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn bind(pair: &mut Pair, host: usize, local: &str) -> SocketRings {
    pair.hosts[host].udp_bind(pair.now, endpoint(local), UdpOptions::default()).unwrap()
}

#[test]
fn round_trip_of_every_size_both_families() {
    let mut pair = Pair::new();
    for (a, b, most) in
        [("10.0.0.1:4000", "10.0.0.2:9", 65_507), ("[2001:db8::1]:4000", "[2001:db8::2]:9", 65_527)]
    {
        let mut ours = bind(&mut pair, 0, a);
        let mut theirs = bind(&mut pair, 1, b);
        for len in [0, 1, 2, 1452, 1453, 1472, 1473, 2960, 9000, 65_000, most] {
            let data: Vec<u8> = (0..len).map(|i| (i * 7 % 255) as u8).collect();
            write_datagram(&mut ours, Some(endpoint(b)), &data);
            pair.hosts[0].app_wrote(pair.now, ours.id);
            pair.exchange();
            let (from, got) = read_datagram(&mut theirs).unwrap();
            assert_eq!((from, got.len()), (endpoint(a), len));
            assert!(got == data);
            write_datagram(&mut theirs, Some(from), &got);
            pair.hosts[1].app_wrote(pair.now, theirs.id);
            pair.exchange();
            assert!(read_datagram(&mut ours).unwrap() == (endpoint(b), data));
        }
        assert!(read_datagram(&mut ours).is_none());
    }
}

#[test]
fn udp_05_datagram_byte_for_byte() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:4000");
    lab.send_to(&mut ends, "10.0.0.2:9", b"hello");
    #[rustfmt::skip]
    let mut golden = [
        2, 0, 0, 0, 0, 2,  2, 0, 0, 0, 0, 1,  0x08, 0x00,
        0x45, 0,  0, 33,  0, 0,  0x40, 0,  64, 17,  0, 0,
        10, 0, 0, 1,  10, 0, 0, 2,
        0x0f, 0xa0,  0, 9,  0, 13,  0x98, 0x56,  b'h', b'e', b'l', b'l', b'o',
    ];
    let sent = lab.sent_one();
    // The identification is nobody's to foretell (RFC 7739).
    golden[18..20].copy_from_slice(&sent[18..20]);
    let sum = wire::checksum::sum(wire::checksum::Sum::default(), &golden[14..34]).finish();
    golden[24..26].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(sent, golden);
}

#[test]
fn partial_checksum_where_the_device_finishes_it() {
    let caps = DeviceCaps { tx_checksum: true, ..DeviceCaps::default() };
    let config = crate::InterfaceConfig { caps, ..ethernet_config("eth0", MAC) };
    let mut lab = Lab::with(Limits::default(), config);
    lab.host.neighbor_add(lab.now, lab.ifindex, PEER, PEER_MAC).unwrap();
    let mut ends = lab.udp("10.0.0.1:4000");
    for len in [5, 3000] {
        lab.send_to(&mut ends, "10.0.0.2:9", &vec![7; len]);
        // The fixture plays the device.
        let (header, payload) = reassemble(&lab.sent());
        let pseudo =
            wire::checksum::pseudo_header(header.src, header.dst, 17, payload.len() as u32);
        assert!(wire::checksum::sum(pseudo, &payload).is_valid());
    }
}

#[test]
fn udp_02_03_checksum_rules() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("[::]:9");
    let flawed = |frame: &[u8], at: usize| {
        let mut frame = frame.to_vec();
        frame[at] ^= 1;
        frame
    };
    for (src, dst, header) in
        [("10.0.0.2:1", "10.0.0.1:9", 34), ("[2001:db8::2]:1", "[2001:db8::1]:9", 54)]
    {
        let good = udp_frame(src, dst, b"hello");
        let bad = flawed(&good, header + 9);
        assert_eq!(lab.receive(&bad), Err(DropReason::UdpMalformed));
        let trusted = RxMeta { checksum: RxChecksum::Valid, gso_size: 0 };
        lab.receive_as(trusted, &bad).unwrap();
        assert!(read_datagram(&mut ends).is_some());
        // No checksum: fine over IPv4, not over IPv6.
        let mut none = good.clone();
        none[header + 6..header + 8].fill(0);
        let expected = if header == 34 { Ok(()) } else { Err(DropReason::UdpZeroChecksum) };
        assert_eq!(lab.receive(&none), expected);
        assert_eq!(read_datagram(&mut ends).is_some(), header == 34);
        // A peer on veth left only the pseudo header's sum.
        let mut partial = good.clone();
        let (ip_header, _) = parse_ip(&good);
        let sum = ip_header.pseudo_header().fold();
        partial[header + 6..header + 8].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(lab.receive(&partial), Err(DropReason::UdpMalformed));
        let maybe = RxMeta { checksum: RxChecksum::MaybePartial, gso_size: 0 };
        lab.receive_as(maybe, &partial).unwrap();
        lab.receive_as(maybe, &good).unwrap();
        assert_eq!(lab.receive_as(maybe, &bad), Err(DropReason::UdpMalformed));
        assert!(read_datagram(&mut ends).is_some() && read_datagram(&mut ends).is_some());
        assert!(read_datagram(&mut ends).is_none());
    }
    // A bad checksum gets no answer, though nobody has the port.
    let bad = flawed(&udp_frame("10.0.0.2:1", "10.0.0.1:10", b"hello"), 45);
    assert_eq!(lab.receive(&bad), Err(DropReason::UdpMalformed));
    assert!(lab.sent().is_empty());
}

#[test]
fn udp_01_04_malformed_datagrams() {
    let mut lab = Lab::acquainted();
    let _ends = lab.udp("10.0.0.1:9");
    let header = IpEmit { protocol: PROTO_UDP, ..icmp_header(PEER, US) };
    let good = udp_payload(endpoint("10.0.0.2:1"), endpoint("10.0.0.1:9"), b"hello");
    for (at, value) in [(5, 12), (5, 14), (5, 7)] {
        let mut bad = good.clone();
        bad[at] = value;
        assert_eq!(lab.receive(&ip_frame(&header, &bad)), Err(DropReason::UdpMalformed));
    }
    assert_eq!(lab.receive(&ip_frame(&header, &good[..7])), Err(DropReason::UdpMalformed));
    let zero = udp_payload(endpoint("10.0.0.2:1"), endpoint("10.0.0.1:0"), b"hello");
    assert_eq!(lab.receive(&ip_frame(&header, &zero)), Err(DropReason::UdpMalformed));
}

/// SOCK-06, UDPS-06.
#[test]
fn udps_01_the_closest_fit_gets_the_datagram() {
    let mut lab = Lab::acquainted();
    lab.host.address_add(lab.now, lab.ifindex, cidr("10.0.0.3/24")).unwrap();
    lab.host.address_add(lab.now, lab.ifindex, cidr("10.0.0.4/24")).unwrap();
    lab.sent();
    let mut wildcard6 =
        lab.host.udp_bind(lab.now, endpoint("[::]:9"), UdpOptions { only_v6: true }).unwrap();
    let mut specific = lab.udp("10.0.0.3:9");
    let mut connected = lab.udp("10.0.0.4:9");
    lab.host.udp_connect(lab.now, connected.id, Some(endpoint("10.0.0.2:7"))).unwrap();
    lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.4:9", b"c")).unwrap();
    lab.receive(&udp_frame("10.0.0.2:8", "10.0.0.3:9", b"s")).unwrap();
    lab.receive(&udp_frame("[2001:db8::2]:8", "[2001:db8::1]:9", b"6")).unwrap();
    assert_eq!(read_datagram(&mut connected), Some((endpoint("10.0.0.2:7"), b"c".to_vec())));
    assert_eq!(read_datagram(&mut specific), Some((endpoint("10.0.0.2:8"), b"s".to_vec())));
    assert_eq!(read_datagram(&mut wildcard6), Some((endpoint("[2001:db8::2]:8"), b"6".to_vec())));
    // Not the connected peer, not the family, not the address.
    for (src, dst) in [("10.0.0.2:8", "10.0.0.4:9"), ("10.0.0.2:8", "10.0.0.1:9")] {
        assert_eq!(lab.receive(&udp_frame(src, dst, b"?")), Err(DropReason::UdpNoSocket));
    }
}

#[test]
fn udps_05_gap_62_a_wildcard_v6_socket_takes_both_families() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("[::]:9");
    lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.1:9", b"4")).unwrap();
    lab.receive(&udp_frame("[2001:db8::2]:7", "[2001:db8::1]:9", b"6")).unwrap();
    assert_eq!(read_datagram(&mut ends).unwrap().0, endpoint("10.0.0.2:7"));
    assert_eq!(read_datagram(&mut ends).unwrap().0, endpoint("[2001:db8::2]:7"));
    lab.send_to(&mut ends, "10.0.0.2:7", b"4");
    lab.send_to(&mut ends, "[2001:db8::2]:7", b"6");
    let frames = lab.sent();
    let sources: Vec<_> = frames.iter().map(|f| parse_ip(f).0.src).collect();
    assert_eq!(sources, [US, us6()]);
}

/// SOCK-60, SOPT-36.
#[test]
fn sock_20_60_address_in_use_rules() {
    type Case = (&'static str, bool, &'static str, bool, bool);
    let cases: [Case; 11] = [
        ("10.0.0.1:9", false, "10.0.0.1:9", false, true),
        ("0.0.0.0:9", false, "10.0.0.1:9", false, true),
        ("10.0.0.1:9", false, "0.0.0.0:9", false, true),
        ("10.0.0.1:9", false, "127.0.0.1:9", false, false),
        ("0.0.0.0:9", false, "[::]:9", false, true),
        ("[::]:9", false, "0.0.0.0:9", false, true),
        ("0.0.0.0:9", false, "[::]:9", true, false),
        ("[::]:9", true, "10.0.0.1:9", false, false),
        ("[::]:9", false, "10.0.0.1:9", false, true),
        ("[::]:9", true, "[2001:db8::1]:9", false, true),
        ("[2001:db8::1]:9", false, "10.0.0.1:9", false, false),
    ];
    for (first, only_first, second, only_second, conflict) in cases {
        let mut lab = Lab::new();
        let options = |only_v6| UdpOptions { only_v6 };
        let a = lab.host.udp_bind(lab.now, endpoint(first), options(only_first)).unwrap();
        let b = lab.host.udp_bind(lab.now, endpoint(second), options(only_second));
        assert_eq!(b.is_err(), conflict, "{first} {second}");
        if let Err(error) = b {
            assert_eq!(error, SocketError::AddressInUse);
            lab.host.close(lab.now, a.id);
            lab.host.udp_bind(lab.now, endpoint(second), options(only_second)).unwrap();
        }
    }
    let mut lab = Lab::new();
    let foreign = lab.host.udp_bind(lab.now, endpoint("10.0.0.7:9"), UdpOptions::default());
    assert_eq!(foreign.unwrap_err(), SocketError::AddressNotAvailable);
}

/// TCPO-14.
#[test]
fn sock_20_port_zero_picks_a_free_one_until_none_is_left() {
    let limits = Limits {
        ephemeral_port_first: 40_000,
        ephemeral_port_last: 40_063,
        udp_buffer: 1,
        ..Limits::default()
    };
    let mut lab = Lab::with(limits, ethernet_config("eth0", MAC));
    let ends: Vec<SocketRings> = (0..64).map(|_| lab.udp("0.0.0.0:0")).collect();
    let mut ports: Vec<u16> = ends.iter().map(|e| e.local.port).collect();
    assert!(!ports.is_sorted(), "not in order (RFC 6056)");
    ports.sort_unstable();
    assert_eq!(ports, (40_000..40_064).collect::<Vec<u16>>());
    let none = lab.host.udp_bind(lab.now, endpoint("0.0.0.0:0"), UdpOptions::default());
    assert_eq!(none.unwrap_err(), SocketError::AddressInUse);
    lab.host.close(lab.now, ends[5].id);
    assert_eq!(lab.udp("0.0.0.0:0").local.port, ends[5].local.port);
}

/// SOCK-54.
#[test]
fn gap_03_a_full_receive_ring_drops_and_counts() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:9");
    let mut taken = 0;
    loop {
        match lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.1:9", &[7; 1400])) {
            Ok(()) => taken += 1,
            Err(reason) => break assert_eq!(reason, DropReason::UdpBufferFull),
        }
    }
    assert_eq!(taken, (1 << 18) / (RECORD_LEN + 1400));
    assert!(lab.sent().is_empty(), "no port unreachable");
    read_datagram(&mut ends).unwrap();
    lab.receive(&udp_frame("10.0.0.2:7", "10.0.0.1:9", &[7; 1400])).unwrap();
}

#[test]
fn ready_sockets_send_in_turn_and_tell_when_there_is_room() {
    let mut lab = Lab::acquainted();
    let mut sockets = [lab.udp("10.0.0.1:1"), lab.udp("10.0.0.1:2"), lab.udp("10.0.0.1:3")];
    for ends in &mut sockets {
        for n in 0..3u8 {
            write_datagram(ends, Some(endpoint("10.0.0.2:9")), &[n]);
        }
    }
    sockets.iter().for_each(|ends| lab.host.app_wrote(lab.now, ends.id));
    assert!(lab.host.has_output(lab.ifindex));
    let order: Vec<(u8, u8)> = lab.sent().iter().map(|f| (f[35], f[42])).collect();
    let expected: Vec<(u8, u8)> = (0..3).flat_map(|n| [(1, n), (2, n), (3, n)]).collect();
    assert_eq!(order, expected);
    assert!(!lab.host.has_output(lab.ifindex));
    // Fill one up, then drain it.
    lab.events();
    let ends = &mut sockets[0];
    while ends.tx.free() >= RECORD_LEN + 60_000 {
        write_datagram(ends, Some(endpoint("10.0.0.2:9")), &[7; 60_000]);
    }
    lab.host.app_wrote(lab.now, sockets[0].id);
    lab.sent();
    let id = sockets[0].id;
    assert!(lab.events().iter().any(|(i, what)| *i == id && what.has(Readiness::WRITABLE)));
}

/// SOCK-62.
/// RUN-05.
#[test]
fn errors_of_sending_are_told_and_skip_one_datagram() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:1");
    let too_long = vec![7; 65_508];
    let cases: [(Option<&str>, &[u8], SocketError); 5] = [
        (Some("192.0.2.1:9"), b"x", SocketError::NetworkUnreachable),
        (None, b"x", SocketError::NotConnected),
        (Some("10.0.0.2:0"), b"x", SocketError::InvalidArgument),
        (Some("[2001:db8::2]:9"), b"x", SocketError::InvalidArgument),
        (Some("10.0.0.2:9"), &too_long, SocketError::MessageTooLong),
    ];
    for (remote, payload, expected) in cases {
        write_datagram(&mut ends, remote.map(endpoint), payload);
        write_datagram(&mut ends, Some(endpoint("10.0.0.2:9")), b"good");
        lab.host.app_wrote(lab.now, ends.id);
        assert_eq!(lab.host.take_error(ends.id), Some(expected), "{remote:?}");
        assert_eq!(lab.sent_one()[42..], *b"good");
    }
}

/// Whoever stopped because the largest record did not fit is told, wherever in the ring that was.
#[test]
fn a_socket_is_writable_again_when_the_largest_record_fits() {
    for size in [0, 1, 16, 40, 76, 100, 101, 500, 1400] {
        let mut lab = Lab::acquainted();
        let mut ends = lab.udp("10.0.0.1:4000");
        let data = vec![7; size];
        let mut written = 0;
        while ends.tx.free() >= RECORD_MAX.min(ends.tx.limit()) {
            write_datagram(&mut ends, Some(endpoint("10.0.0.2:9")), &data);
            written += 1;
        }
        lab.host.app_wrote(lab.now, ends.id);
        assert_eq!(lab.sent().len(), written);
        let writable =
            |(id, what): &(_, Readiness)| *id == ends.id && what.has(Readiness::WRITABLE);
        let told = lab.events().iter().any(writable);
        assert!(told && ends.tx.free() >= RECORD_MAX.min(ends.tx.limit()), "{size} bytes");
    }
}

/// A socket that has written more than is looked at in one go is not held up for good.
#[test]
fn datagrams_without_a_route_go_as_more_are_written() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:4000");
    for _ in 0..200 {
        write_datagram(&mut ends, Some(endpoint("192.0.2.1:9")), b"nowhere");
    }
    lab.host.app_wrote(lab.now, ends.id);
    let gone = |lab: &Lab| {
        let stats = lab.host.stats();
        let mut drops = stats.drops();
        drops.find(|(reason, _)| *reason == DropReason::NoRoute).map_or(0, |(_, count)| count)
    };
    assert!((1..200).contains(&gone(&lab)), "others have their turn");
    for _ in 0..3 {
        write_datagram(&mut ends, Some(endpoint("192.0.2.1:9")), b"nowhere");
        lab.host.app_wrote(lab.now, ends.id);
    }
    assert_eq!(gone(&lab), 203);
    lab.send_to(&mut ends, "10.0.0.2:9", b"somewhere");
    assert!(lab.sent_one().ends_with(b"somewhere"));
}

#[test]
fn a_ring_out_of_step_harms_nobody_else() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:1");
    // Half a record waits for the rest.
    ends.tx.write(&[5, 0, 4, 0, 9, 0]);
    lab.host.app_wrote(lab.now, ends.id);
    assert!(lab.sent().is_empty());
    ends.tx.write(&[0; 2]);
    ends.tx.write(PEER.octets());
    ends.tx.write(b"hel");
    lab.host.app_wrote(lab.now, ends.id);
    assert!(lab.sent().is_empty());
    ends.tx.write(b"lo");
    lab.host.app_wrote(lab.now, ends.id);
    assert_eq!(lab.sent_one()[42..], *b"hello");
}

/// SOCK-32.
#[test]
fn close_sends_what_was_written_and_then_is_gone() {
    let mut lab = Lab::new();
    let mut ends = lab.udp("10.0.0.1:1");
    lab.send_to(&mut ends, "10.0.0.2:9", b"last words");
    let id = ends.id;
    lab.host.close(lab.now, id);
    drop(ends);
    lab.host.close(lab.now, id);
    // The datagram waits for its neighbour, the socket need not.
    assert_eq!(lab.events(), [(id, Readiness::GONE)]);
    assert!(lab.host.sockets().is_empty());
    let _second = lab.udp("10.0.0.1:1");
    lab.sent();
    lab.receive(&arp_frame(MAC, &arp_from_peer(wire::arp::REPLY, PEER, US))).unwrap();
    assert_eq!(&lab.sent_one()[42..], b"last words");
    assert!(lab.events().is_empty());
    assert_eq!(lab.host.local(id), None);
}

#[test]
fn abort_drops_what_was_written() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:1");
    lab.send_to(&mut ends, "10.0.0.2:9", b"last words");
    lab.host.abort(lab.now, ends.id);
    assert!(lab.sent().is_empty());
    assert_eq!(lab.events().last(), Some(&(ends.id, Readiness::GONE)));
}

#[test]
fn iptx_05_broadcast_leaves_and_arrives() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("0.0.0.0:9");
    for dst in ["10.0.0.255:9", "255.255.255.255:9"] {
        lab.send_to(&mut ends, dst, b"all");
        let frame = lab.sent_one();
        assert_eq!(frame[..6], Mac::BROADCAST.0);
        assert_eq!(parse_ip(&frame).0.src, US);
        let mut incoming = udp_frame("10.0.0.2:7", dst, b"all");
        incoming[..6].copy_from_slice(&Mac::BROADCAST.0);
        lab.receive(&incoming).unwrap();
        assert!(read_datagram(&mut ends).is_some());
    }
    // Bound to one address it hears no broadcast.
    let _one = lab.udp("10.0.0.1:10");
    let mut incoming = udp_frame("10.0.0.2:7", "10.0.0.255:10", b"all");
    incoming[..6].copy_from_slice(&Mac::BROADCAST.0);
    assert_eq!(lab.receive(&incoming), Err(DropReason::UdpNoSocket));
}

/// DIFF-18.
#[test]
fn iptx_06_groups_get_hop_limit_one_and_the_mapped_link_address() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("[::]:9");
    for dst in ["224.1.2.3:9", "[ff02::1:3]:9"] {
        lab.send_to(&mut ends, dst, b"group");
        let frame = lab.sent_one();
        let (header, _) = parse_ip(&frame);
        assert_eq!(header.hop_limit, 1);
        assert_eq!(frame[..6], Mac::multicast_for(endpoint(dst).ip).0);
    }
}

/// SOCK-21, SOCK-34.
#[test]
fn connecting_fixes_the_source_and_forgetting_frees_it() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("[::]:9");
    let id = ends.id;
    lab.host.udp_connect(lab.now, id, Some(endpoint("10.0.0.2:7"))).unwrap();
    assert_eq!(lab.host.local(id), Some(endpoint("10.0.0.1:9")));
    assert_eq!(lab.host.remote(id), Some(endpoint("10.0.0.2:7")));
    write_datagram(&mut ends, None, b"connected");
    lab.host.app_wrote(lab.now, id);
    assert_eq!(&lab.sent_one()[42..], b"connected");
    lab.host.udp_connect(lab.now, id, None).unwrap();
    assert_eq!(lab.host.local(id), Some(endpoint("[::]:9")));
    lab.receive(&udp_frame("[2001:db8::2]:8", "[2001:db8::1]:9", b"6")).unwrap();
    for (remote, error) in [
        ("192.0.2.1:9", SocketError::NetworkUnreachable),
        ("10.0.0.2:0", SocketError::InvalidArgument),
        ("0.0.0.0:9", SocketError::InvalidArgument),
    ] {
        assert_eq!(lab.host.udp_connect(lab.now, id, Some(endpoint(remote))), Err(error));
    }
}

/// FRAG-09.
#[test]
fn frag_08_09_identification_and_df() {
    let mut lab = Lab::acquainted();
    let mut ends = lab.udp("10.0.0.1:1");
    let mut ids = Vec::new();
    for _ in 0..3 {
        lab.send_to(&mut ends, "10.0.0.2:9", &[7; 4000]);
        let frames = lab.sent();
        assert_eq!(frames.len(), 3);
        let (header, payload) = reassemble(&frames);
        assert!(!header.dont_fragment && payload.len() == 4008);
        ids.push(header.identification);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    lab.send_to(&mut ends, "10.0.0.2:9", &[7; 1472]);
    assert!(parse_ip(&lab.sent_one()).0.dont_fragment);
}
