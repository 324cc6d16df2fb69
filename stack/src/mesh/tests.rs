//! A worker that falls behind gets everything in the end, and wakes the sender when it makes room.

use addr::Ip;

use super::*;

const A: ShardIndex = ShardIndex::ZERO;

fn pair() -> (Mesh, Mesh) {
    let [a, b] = Mesh::connect(2).try_into().unwrap();
    (a, b)
}

fn destination(n: u32) -> Ip {
    Ip::v4(n.to_be_bytes())
}

/// Takes all messages that are there, as a worker does in a turn.
fn take_all(mesh: &mut Mesh, from: ShardIndex) -> Vec<Message> {
    let messages = core::iter::from_fn(|| mesh.receive(from)).collect();
    mesh.note_taken(from);
    messages
}

#[test]
fn a_peer_that_missed_changes_wakes_control_and_gets_a_snapshot() {
    let (mut control, mut peer) = pair();
    for n in 0..=RING_LEN as u32 {
        control.send_update(&FibUpdate::PathMtu { ip: destination(n), mtu: Some(1400) });
    }
    assert!(!control.can_flush(), "the ring is full");
    assert_eq!(take_all(&mut peer, A).len(), RING_LEN);
    assert!(peer.take_woken().contains(A), "control sleeps, and has a snapshot to send");
    control.flush(Some(&Fib::default()));
    let messages = take_all(&mut peer, A);
    assert!(matches!(messages[..], [Message::Fib(FibUpdate::Snapshot(_))]), "{messages:?}");
    assert!(!peer.take_woken().contains(A), "nothing waits any more");
}

#[test]
fn a_backlog_of_several_rings_is_sent_in_order() {
    let (mut sender, mut peer) = pair();
    let count = 3 * RING_LEN as u32 + 5;
    for n in 0..count {
        sender.send(ShardIndex::new(1).unwrap(), Message::Request(request(n)));
    }
    let mut expected = 0;
    while expected < count {
        for message in take_all(&mut peer, A) {
            let Message::Request(got) = message else { panic!("{message:?}") };
            assert_eq!(got, request(expected));
            expected += 1;
        }
        let woken = peer.take_woken().contains(A);
        assert!(woken || expected == count, "the sender sleeps with a backlog after {expected}");
        sender.flush(None);
    }
    assert!(sender.take_woken().contains(ShardIndex::new(1).unwrap()));
}

fn request(n: u32) -> Request {
    Request::PathMtu(destination(n), 1400)
}
