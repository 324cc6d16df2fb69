//! What sockets hear of ICMP errors: every code against Linux 6.18, measured with a datagram of a
//! connected socket and with the SYN of an attempt (ICMPS-09, ERR-04, ERR-05).

use addr::{Endpoint, Ip};

use crate::SocketError as E;
use crate::drop::DropReason;
use crate::host::fixture::*;

/// What is heard, of errors to datagrams and to a SYN.
#[derive(Clone, Copy)]
enum Heard {
    /// Both fail.
    Hard(E),
    /// The attempt fails, and datagrams go on.
    Soft(E),
    /// Nobody's.
    Nothing,
}

use Heard::{Hard, Nothing, Soft};

const V4: [(u8, u8, Heard); 20] = [
    (3, 0, Soft(E::NetworkUnreachable)),
    (3, 1, Soft(E::HostUnreachable)),
    (3, 2, Hard(E::ProtocolNotAvailable)),
    (3, 3, Hard(E::ConnectionRefused)),
    (3, 5, Soft(E::NotSupported)),
    (3, 6, Hard(E::NetworkUnreachable)),
    (3, 7, Hard(E::HostDown)),
    (3, 8, Hard(E::NotOnNetwork)),
    (3, 9, Hard(E::NetworkUnreachable)),
    (3, 10, Hard(E::HostUnreachable)),
    (3, 11, Soft(E::NetworkUnreachable)),
    (3, 12, Soft(E::HostUnreachable)),
    (3, 13, Hard(E::HostUnreachable)),
    (3, 14, Hard(E::HostUnreachable)),
    (3, 15, Hard(E::HostUnreachable)),
    (3, 16, Nothing),
    (11, 0, Soft(E::HostUnreachable)),
    (11, 1, Nothing),
    (12, 0, Hard(E::Protocol)),
    (12, 1, Hard(E::Protocol)),
];

const V6: [(u8, u8, Heard); 14] = [
    (1, 0, Soft(E::NetworkUnreachable)),
    (1, 1, Hard(E::PermissionDenied)),
    (1, 2, Soft(E::HostUnreachable)),
    (1, 3, Soft(E::HostUnreachable)),
    (1, 4, Hard(E::ConnectionRefused)),
    (1, 5, Hard(E::PermissionDenied)),
    (1, 6, Hard(E::PermissionDenied)),
    (1, 7, Hard(E::Protocol)),
    (3, 0, Soft(E::HostUnreachable)),
    (3, 1, Soft(E::HostUnreachable)),
    (4, 0, Hard(E::Protocol)),
    (4, 1, Hard(E::Protocol)),
    (4, 2, Hard(E::Protocol)),
    (4, 3, Hard(E::Protocol)),
];

/// The error as a frame from the peer.
fn error(peer: Ip, us: Ip, (kind, code): (u8, u8), quote: &[u8]) -> Vec<u8> {
    let mut message = [&[kind, code, 0, 0, 0, 0, 0, 0], quote].concat();
    if peer.is_v4() {
        let checksum = wire::checksum::checksum(&message);
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    } else {
        wire::icmpv6::set_checksum(&mut message, peer, us);
    }
    ip_frame(&icmp_header(peer, us), &message)
}

/// Every case with our address and the peer's.
fn cases() -> impl Iterator<Item = (Ip, Ip, (u8, u8), Heard)> {
    let v4 = V4.into_iter().map(|(kind, code, heard)| (US, PEER, (kind, code), heard));
    v4.chain(V6.into_iter().map(|(kind, code, heard)| (us6(), peer6(), (kind, code), heard)))
}

#[test]
fn icmps_09_a_connected_socket_hears_of_hard_errors() {
    for (us, peer, code, heard) in cases() {
        let mut lab = Lab::acquainted();
        let remote = Endpoint::new(peer, 4000);
        let mut ends = lab.udp(&Endpoint::new(us, 9).to_string());
        lab.host.udp_connect(lab.now, ends.id, Some(remote)).unwrap();
        write_datagram(&mut ends, None, b"hello");
        lab.host.app_wrote(lab.now, ends.id);
        let sent = lab.sent_one();
        let got = lab.receive(&error(peer, us, code, &sent[14..]));
        assert_eq!(got.is_ok(), !matches!(heard, Nothing), "{us} {code:?}: {got:?}");
        let expected = if let Hard(error) = heard { Some(error) } else { None };
        assert_eq!(lab.host.take_error(ends.id), expected, "{us} {code:?}");
    }
}

#[test]
fn tcpf_17_every_error_ends_an_attempt() {
    for (us, peer, code, heard) in cases() {
        let mut lab = Lab::acquainted();
        let remote = Endpoint::new(peer, 80);
        let client = lab.host.tcp_connect(lab.now, None, remote).unwrap();
        let syn = lab.sent_one();
        // Eight octets of the segment are needed: ports and sequence number.
        let eight = 14 + parse_ip(&syn).0.header_len + 8;
        let cut = error(peer, us, code, &syn[14..eight - 1]);
        assert_eq!(lab.receive(&cut), Err(DropReason::IcmpUnwanted), "{us} {code:?}");
        assert_eq!(client.rx.error(), None);
        let got = lab.receive(&error(peer, us, code, &syn[14..eight]));
        assert_eq!(got.is_ok(), !matches!(heard, Nothing), "{us} {code:?}: {got:?}");
        let expected = match heard {
            Hard(error) | Soft(error) => Some(error.code()),
            Nothing => None,
        };
        assert_eq!(client.rx.error(), expected, "{us} {code:?}");
    }
}
