//! A worker that falls behind gets everything in the end, and wakes the sender when it makes room.

use addr::Ip;

use super::*;
use crate::socket::{SocketId, SocketKind};
use crate::tcp::{ListenerChange, SocketOptions, TcpOption};

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

/// A client that sets options and makes listeners while another shard is stalled.
#[test]
fn listener_changes_in_a_backlog_are_bounded() {
    let (mut sender, mut peer) = pair();
    let to = ShardIndex::new(1).unwrap();
    for n in 0..RING_LEN as u32 {
        sender.send(to, Message::Request(request(n)));
    }
    let change = |index: u32, port: u16| {
        let mut options = SocketOptions::default();
        options.set(TcpOption::MaxSegment(port));
        Message::Listener(ListenerMessage::Change(ListenerChange::Options(id(index), options)))
    };
    for round in 0..10_000 {
        sender.send(to, change(round % 3, 500 + round as u16));
    }
    let backlog = |mesh: &Mesh| mesh.peers[1].as_ref().unwrap().backlog.len();
    assert_eq!(backlog(&sender), 3, "the latest options of each listener");
    assert!(!sender.is_crowded());
    for index in 3..BACKLOG_MAX as u32 {
        assert!(!sender.is_crowded());
        sender.send(to, Message::Listener(ListenerMessage::Abort(id(index))));
    }
    assert!(sender.is_crowded(), "no new listener until the peer has caught up");
    let mut options = Vec::new();
    while sender.can_flush() || options.is_empty() {
        for message in take_all(&mut peer, A) {
            if let Message::Listener(ListenerMessage::Change(ListenerChange::Options(id, set))) =
                message
            {
                options.push((id.index, set.max_segment));
            }
        }
        sender.flush(None);
    }
    assert_eq!(options, [(0, 500 + 9_999), (1, 500 + 9_997), (2, 500 + 9_998)]);
    assert!(!sender.is_crowded());
}

fn id(index: u32) -> SocketId {
    SocketId { kind: SocketKind::TcpListener, shard: A, index, generation: 0 }
}

fn request(n: u32) -> Request {
    Request::PathMtu(destination(n), 1400)
}
