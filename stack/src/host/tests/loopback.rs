//! What the host sends to itself (LO, IPTX-10).

use addr::Endpoint;

use crate::drop::DropReason;
use crate::event::Readiness;
use crate::fib::Fib;
use crate::host::fixture::*;
use crate::tcp::ListenOptions;
use crate::time::Instant;

/// DIFF-01.
#[test]
fn iptx_10_lo_03_datagrams_to_ourselves_never_leave() {
    let mut lab = Lab::new();
    let destinations = [
        ("10.0.0.1:9", "10.0.0.1"),
        ("127.0.0.1:9", "127.0.0.1"),
        ("127.1.2.3:9", "127.0.0.1"),
        ("[::1]:9", "::1"),
        ("[2001:db8::1]:9", "2001:db8::1"),
        ("[fe80::ff:fe00:1]:9", "fe80::ff:fe00:1"),
    ];
    let mut server = lab.udp("[::]:9");
    let mut client = lab.udp("[::]:0");
    for (dst, src) in destinations {
        for len in [0, 5, 1473, 65_507] {
            lab.send_to(&mut client, dst, &vec![7; len]);
            assert_eq!(lab.host.next_deadline(), Some(Instant::ZERO));
            lab.host.expire(lab.now);
            let (from, data) = read_datagram(&mut server).unwrap();
            assert_eq!((from, data.len()), (Endpoint::new(ip(src), client.local.port), len));
            lab.host.app_read(lab.now, server.id);
        }
    }
    assert!(lab.sent().is_empty());
    assert!(lab.host.stats().is_balanced());
    assert!(lab.host.interfaces()[0].counters.rx_packets >= 24);
    assert_eq!(lab.host.interfaces()[0].ifindex, Fib::LOOPBACK);
}

#[test]
fn refusal_by_ourselves() {
    let mut lab = Lab::new();
    let mut client = lab.udp("0.0.0.0:0");
    lab.host.udp_connect(lab.now, client.id, Some("127.0.0.1:9".parse().unwrap())).unwrap();
    lab.send_to(&mut client, "127.0.0.1:9", b"x");
    lab.host.expire(lab.now);
    lab.host.expire(lab.now);
    let refused = crate::SocketError::ConnectionRefused;
    assert_eq!(lab.host.take_error(client.id), Some(refused));
}

/// RUN-06.
#[test]
fn work_per_call_is_bounded() {
    let mut lab = Lab::new();
    let mut server = lab.udp("127.0.0.1:9");
    let mut client = lab.udp("127.0.0.1:0");
    for n in 0..200u8 {
        write_datagram(&mut client, Some(server.local), &[n]);
    }
    lab.host.app_wrote(lab.now, client.id);
    lab.host.expire(lab.now);
    let mut got = 0;
    while read_datagram(&mut server).is_some() {
        got += 1;
    }
    assert_eq!(got, 64);
    assert_eq!(lab.host.next_deadline(), Some(Instant::ZERO));
    lab.host.expire(lab.now);
    lab.host.expire(lab.now);
    lab.host.expire(lab.now);
    while read_datagram(&mut server).is_some() {
        got += 1;
    }
    assert_eq!(got, 200);
    assert_ne!(lab.host.next_deadline(), Some(Instant::ZERO));
}

#[test]
fn tcp_connects_to_our_own_address() {
    for (listen, connect) in [
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("[::]:80", "127.0.0.1:80"),
        ("[::]:80", "[2001:db8::1]:80"),
    ] {
        let mut lab = Lab::new();
        let options = ListenOptions { backlog: 16, only_v6: false };
        let listener = lab.host.tcp_listen(lab.now, listen.parse().unwrap(), options).unwrap();
        let mut client = lab.host.tcp_connect(lab.now, None, connect.parse().unwrap()).unwrap();
        lab.host.expire(lab.now);
        let events = lab.events();
        assert!(
            events.iter().any(|(id, what)| *id == client.id && what.has(Readiness::CONNECTED)),
            "{events:?}"
        );
        let mut server = lab.host.tcp_accept(lab.now, listener).unwrap().unwrap();
        let data: Vec<u8> = (0..300_000u32).map(|i| (i % 253) as u8).collect();
        assert_eq!(client.tx.write(&data), data.len());
        client.tx.finish();
        lab.host.app_wrote(lab.now, client.id);
        let mut got = Vec::new();
        for _ in 0..100 {
            lab.host.expire(lab.now);
            let mut buffer = vec![0; 65_536];
            loop {
                let n = server.rx.read(&mut buffer);
                if n == 0 {
                    break;
                }
                got.extend_from_slice(&buffer[..n]);
                lab.host.app_read(lab.now, server.id);
            }
            if server.rx.is_finished() {
                break;
            }
            lab.now += crate::time::Duration::from_millis(1);
        }
        assert!(got == data, "{} of {}", got.len(), data.len());
        assert!(server.rx.is_finished());
        assert!(lab.sent().is_empty());
    }
}

/// STAT-25, STAT-90.
#[test]
fn loopback_addresses_do_not_leave_the_host() {
    let mut lab = Lab::acquainted();
    let mut client = lab.udp("127.0.0.1:0");
    lab.send_to(&mut client, "10.0.0.2:9", b"x");
    assert!(lab.sent().is_empty());
    assert_eq!(lab.host.take_error(client.id), Some(crate::SocketError::InvalidArgument));
    assert_eq!(lab.host.stats().dropped(DropReason::NoRoute), 1);
}
