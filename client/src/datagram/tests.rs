//! Datagram headers: golden bytes, and malformed packets.

use super::*;

/// IPC-25: the very bytes.
#[test]
fn headers_are_tag_port_address_count() {
    let mut buf = [0; HEADER_MAX];
    assert_eq!(emit(&mut buf, None), 2);
    assert_eq!(buf[..2], [0, 0]);
    assert_eq!(emit(&mut buf, "10.0.1.7:258".parse().ok()), 8);
    assert_eq!(buf[..8], [4, 1, 2, 10, 0, 1, 7, 0]);
    assert_eq!(emit(&mut buf, "[2001:db8::9]:258".parse().ok()), 20);
    let expected = [6, 1, 2, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0];
    assert_eq!(buf[..20], expected);
}

/// IPC-25: control messages stand between address and payload.
#[test]
fn control_messages_are_skipped() {
    let packet = [0, 2, 0, 0, 0, 8, 0, 1, 0xff, 0, 1, 0, 2, 0, 0, b'x'];
    assert_eq!(parse(&packet), Some((None, &b"x"[..])));
}

#[test]
fn cut_packets_are_malformed() {
    let mut packet = vec![6, 1, 2];
    packet.extend([7; 16]);
    packet.extend([1, 0, 0, 0, 8, 0, 2, 5, 5]);
    assert_eq!(parse(&packet).unwrap().1, b"");
    for len in 0..packet.len() {
        assert_eq!(parse(&packet[..len]), None, "{len} bytes");
    }
    assert_eq!(parse(&[5, 0, 0, 0, 0, 0, 0, 0]), None);
}

#[test]
fn records_are_of_fixed_length() {
    let record = emit_record(258, "10.0.1.7:772".parse().ok());
    assert_eq!(record[..8], [2, 1, 4, 0, 4, 3, 0, 0]);
    assert_eq!(record[8..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 1, 7]);
    for addr in [None, "10.0.1.7:772".parse().ok(), "[2001:db8::9]:1".parse().ok()] {
        assert_eq!(parse_record(&emit_record(9, addr)), Some((9, addr)));
    }
}

#[test]
fn broken_records_are_refused() {
    let mut record = emit_record(1, "[2001:db8::9]:1".parse().ok());
    record[2] = 4; // not a mapped address
    assert_eq!(parse_record(&record), None);
    record[2] = 5;
    assert_eq!(parse_record(&record), None);
}
