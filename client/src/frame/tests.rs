//! Framing: what both sides write, and what a hostile peer may try.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::thread;

use super::*;

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

fn ping(id: u32) -> Message {
    Message { kind: Kind::Request, op: op::PING, id, body: Vec::new() }
}

/// IPC-01, IPC-02: the very bytes on the stream.
#[test]
fn a_frame_is_length_kind_operation_id_body() {
    let (ours, mut theirs) = pair();
    let message =
        Message { kind: Kind::Error, op: op::SOCKET_CALL, id: 0x0102_0304, body: b"{}".to_vec() };
    send(&ours, &message, None).unwrap();
    let mut bytes = [0; 13];
    theirs.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, [0, 0, 0, 9, 2, 0, 2, 1, 2, 3, 4, b'{', b'}']);
}

#[test]
fn frames_come_out_as_they_went_in() {
    let (ours, theirs) = pair();
    let big = Message { kind: Kind::Ok, op: op::CONTROL_CALL, id: 9, body: vec![7; 300_000] };
    let expected = [ping(1), big.clone(), ping(u32::MAX)];
    let sent = expected.clone();
    let writer = thread::spawn(move || {
        for message in &sent {
            send(&ours, message, None).unwrap();
        }
    });
    for message in &expected {
        let (got, fd) = recv(&theirs).unwrap().unwrap();
        assert!(&got == message && fd.is_none());
    }
    writer.join().unwrap();
    assert!(recv(&theirs).unwrap().is_none());
}

/// IPC-06.
#[test]
fn a_descriptor_comes_with_its_frame() {
    let (ours, theirs) = pair();
    let (mut near, far) = pair();
    send(&ours, &ping(1), None).unwrap();
    send(&ours, &ping(2), Some(far.as_fd())).unwrap();
    send(&ours, &ping(3), None).unwrap();
    drop(far);
    let fds: Vec<_> = (0..3).map(|_| recv(&theirs).unwrap().unwrap().1).collect();
    assert!(fds[0].is_none() && fds[2].is_none());
    let mut far = UnixStream::from(fds.into_iter().nth(1).unwrap().unwrap());
    far.write_all(b"through").unwrap();
    drop(far);
    let mut text = String::new();
    near.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through");
}

fn send_with_fds(sock: &UnixStream, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(fds)));
    sendmsg(sock, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::empty()).unwrap();
}

const PING: [u8; 11] = [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1];

/// IPC-06: whatever the number, all of them are closed, which the other ends see as end of file.
#[test]
fn extra_descriptors_are_closed_and_an_error() {
    for count in 2..=8 {
        let (ours, theirs) = pair();
        let (mut near, far): (Vec<_>, Vec<_>) = (0..count).map(|_| pair()).unzip();
        let fds: Vec<_> = far.iter().map(AsFd::as_fd).collect();
        send_with_fds(&ours, &PING, &fds);
        drop(far);
        let error = recv(&theirs).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        for near in &mut near {
            assert_eq!(near.read(&mut [0]).unwrap(), 0, "one of {count} is still open");
        }
    }
}

#[test]
fn a_descriptor_on_each_part_of_the_prefix_is_one_too_many() {
    let (ours, theirs) = pair();
    let (_near, far) = pair();
    send_with_fds(&ours, &PING[..2], &[far.as_fd()]);
    send_with_fds(&ours, &PING[2..], &[far.as_fd()]);
    assert_eq!(recv(&theirs).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn a_descriptor_behind_the_prefix_is_closed() {
    let (mut ours, theirs) = pair();
    let (mut near, far) = pair();
    ours.write_all(&PING[..8]).unwrap();
    send_with_fds(&ours, &PING[8..], &[far.as_fd()]);
    drop(far);
    let (message, fd) = recv(&theirs).unwrap().unwrap();
    assert!(message.id == 1 && fd.is_none());
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
}

/// IPC-01, IPC-02: over the limit, short, of an unknown kind.
#[test]
fn malformed_frames_are_errors() {
    let over = (MAX_LEN as u32 + 1).to_be_bytes();
    let cases: [(&str, &[u8], ErrorKind); 8] = [
        ("over the limit", &over, ErrorKind::InvalidData),
        ("largest length", &[0xff; 4], ErrorKind::InvalidData),
        ("empty", &[0, 0, 0, 0], ErrorKind::InvalidData),
        ("too short for a header", &[0, 0, 0, 6, 0, 0, 0, 0, 0, 0], ErrorKind::InvalidData),
        ("unknown kind", &[0, 0, 0, 7, 3, 0, 0, 0, 0, 0, 1], ErrorKind::InvalidData),
        ("cut in the prefix", &[0, 0], ErrorKind::UnexpectedEof),
        ("cut in the header", &[0, 0, 0, 7, 0], ErrorKind::UnexpectedEof),
        ("cut in the body", &[0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9], ErrorKind::UnexpectedEof),
    ];
    for (name, bytes, kind) in cases {
        let (mut ours, theirs) = pair();
        ours.write_all(bytes).unwrap();
        drop(ours);
        assert_eq!(recv(&theirs).unwrap_err().kind(), kind, "{name}");
    }
}

#[test]
fn a_prefix_may_arrive_byte_by_byte() {
    let (mut ours, theirs) = pair();
    let writer = thread::spawn(move || {
        for byte in PING {
            ours.write_all(&[byte]).unwrap();
        }
    });
    assert_eq!(recv(&theirs).unwrap().unwrap().0, ping(1));
    writer.join().unwrap();
}

#[test]
fn a_body_over_the_limit_is_not_sent() {
    let (ours, theirs) = pair();
    let mut message = ping(1);
    message.body = vec![0; MAX_LEN - HEADER_LEN + 1];
    assert_eq!(send(&ours, &message, None).unwrap_err().kind(), ErrorKind::InvalidData);
    send(&ours, &ping(2), None).unwrap();
    assert_eq!(recv(&theirs).unwrap().unwrap().0.id, 2);
}

#[test]
fn random_bytes_never_panic() {
    let mut state = 1u64;
    for _ in 0..2000 {
        let (mut ours, theirs) = pair();
        let mut bytes = Vec::new();
        for _ in 0..24 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            bytes.push((state >> 56) as u8);
        }
        (bytes[0], bytes[1], bytes[2]) = (0, 0, 0);
        ours.write_all(&bytes).unwrap();
        drop(ours);
        while let Ok(Some(_)) = recv(&theirs) {}
    }
}
