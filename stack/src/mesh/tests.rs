//! Whoever has something that finds no room sleeps until the peer has made some, and is woken then.

use addr::Ip;

use super::*;

/// The ends of two workers, and the shards of both.
fn pair() -> ([Mesh; 2], [ShardIndex; 2]) {
    let meshes = Mesh::connect(2).try_into().expect("two ends");
    let shards: Vec<ShardIndex> = ShardIndex::first(2).collect();
    (meshes, shards.try_into().expect("two shards"))
}

fn update(mtu: u32) -> FibUpdate {
    FibUpdate::PathMtu { ip: Ip::v4([192, 0, 2, 1]), mtu: Some(mtu) }
}

fn fill(mesh: &mut Mesh, to: ShardIndex) {
    for mtu in 0..RING_LEN as u32 {
        mesh.send(to, Message::Fib(update(mtu)));
    }
}

/// Takes what lies in the ring as a worker does, and returns it.
fn take_all(mesh: &mut Mesh, from: ShardIndex) -> Vec<Message> {
    let taken = (0..mesh.waiting(from)).filter_map(|_| mesh.receive(from)).collect();
    mesh.note_taken(from);
    taken
}

#[test]
fn a_long_backlog_wakes_its_worker_each_time_there_is_room() {
    let ([mut a, mut b], [shard_a, shard_b]) = pair();
    let sent = 4 * RING_LEN;
    for mtu in 0..sent as u32 {
        a.send(shard_b, Message::Fib(update(mtu)));
    }
    let mut arrived = 0;
    while arrived < sent {
        assert!(!a.can_flush(), "{arrived} have arrived, and the worker sleeps");
        b.take_woken();
        for message in take_all(&mut b, shard_a) {
            let Message::Fib(FibUpdate::PathMtu { mtu, .. }) = message else {
                panic!("{message:?}")
            };
            assert_eq!(mtu, Some(arrived as u32), "in order");
            arrived += 1;
        }
        if arrived < sent {
            assert!(b.take_woken().iter().any(|shard| shard == shard_a), "after {arrived}");
        }
        a.flush(None);
    }
    assert!(!a.can_flush());
}

#[test]
fn a_peer_that_lags_gets_its_snapshot_once_it_has_room() {
    let ([mut a, mut b], [shard_a, shard_b]) = pair();
    for mtu in 0..2 * RING_LEN as u32 {
        a.send_update(&update(mtu));
    }
    assert!(!a.can_flush(), "the worker sleeps");
    assert_eq!(take_all(&mut b, shard_a).len(), RING_LEN);
    assert!(b.take_woken().iter().any(|shard| shard == shard_a));
    assert!(a.can_flush());
    a.flush(Some(&Fib::default()));
    assert!(a.take_woken().iter().any(|shard| shard == shard_b));
    let last = take_all(&mut b, shard_a);
    assert!(matches!(last[..], [Message::Fib(FibUpdate::Snapshot(_))]), "{last:?}");
}

#[test]
fn who_finds_no_room_is_woken_when_there_is_some() {
    let wishes: [fn(&Mesh, ShardIndex) -> bool; 2] =
        [|mesh, to| mesh.has_room(to), |mesh, _| mesh.has_frame_room()];
    for has_room in wishes {
        let ([mut a, mut b], [shard_a, shard_b]) = pair();
        assert!(has_room(&a, shard_b));
        fill(&mut a, shard_b);
        assert!(!has_room(&a, shard_b), "the worker sleeps");
        take_all(&mut b, shard_a);
        assert!(b.take_woken().iter().any(|shard| shard == shard_a));
        assert!(has_room(&a, shard_b));
        fill(&mut a, shard_b);
        take_all(&mut b, shard_a);
        assert!(b.take_woken().is_empty(), "nobody has asked");
    }
}
