//! What a packet costs: nothing on the way in or out allocates, once the buffers are warm.

use std::time::Duration;

use addr::{Ip, Mac};
use pair::{Pair, endpoint};
use stack::udp::{RECORD_LEN, Record, UdpOptions};
use stack::{Limits, Verdict};
use wire::offload::RxMeta;

mod pair;

fn allocations(work: impl FnMut()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn datagrams_out_and_in() {
    let mut pair = Pair::new(&Limits::default());
    let now = pair.now;
    let options = UdpOptions::default();
    let mut ours = pair.hosts[0].udp_bind(now, endpoint("10.0.0.1:1"), options).unwrap();
    let mut theirs = pair.hosts[1].udp_bind(now, endpoint("10.0.0.2:2"), options).unwrap();
    let record = Record { len: 1000, peer: Some(theirs.local) }.write();
    let mut round = |pair: &mut Pair| {
        for _ in 0..32 {
            ours.tx.write(&record);
            ours.tx.write(&[7; 1000]);
        }
        pair.hosts[0].app_wrote(pair.now, ours.id);
        assert_eq!(pair.exchange(), 32);
        assert_eq!(theirs.rx.len(), 32 * (RECORD_LEN + 1000));
        theirs.rx.release(32 * (RECORD_LEN + 1000));
    };
    (0..10).for_each(|_| round(&mut pair));
    assert_eq!(allocations(|| (0..100).for_each(|_| round(&mut pair))), 0);
    assert_eq!(pair.hosts[1].stats().udp_in, 110 * 32);
}

#[test]
fn stream_out_and_in() {
    let mut pair = Pair::new(&Limits::default());
    let listener = pair.listen(80, 4);
    let mut ends = pair.connect(80, listener);
    let mut total = 0u64;
    let mut round = |pair: &mut Pair| {
        let [client, server] = &mut ends;
        client.tx.write(&[7; 65_536]);
        pair.hosts[0].app_wrote(pair.now, client.id);
        pair.exchange();
        total += server.rx.len() as u64;
        server.rx.release(usize::MAX);
        pair.hosts[1].app_read(pair.now, server.id);
        pair.pass(Duration::from_millis(10));
        pair.exchange();
    };
    (0..50).for_each(|_| round(&mut pair));
    assert_eq!(allocations(|| (0..200).for_each(|_| round(&mut pair))), 0);
    assert_eq!(total, 250 * 65_536);
}

#[test]
fn small_replies() {
    use wire::icmp::{Echo, Message};
    use wire::ip::{self, IpEmit, PROTO_ICMP};
    let mut pair = Pair::new(&Limits::default());
    let mut frame = vec![0; 14 + 20 + 8 + 56];
    let ping = Message::EchoRequest(Echo { id: 1, seq: 1, data: &[7; 56] });
    let header = IpEmit {
        src: Ip::v4([10, 0, 0, 2]),
        dst: Ip::v4([10, 0, 0, 1]),
        protocol: PROTO_ICMP,
        payload_len: 64,
        ..IpEmit::default()
    };
    wire::ethernet::emit(&mut frame, Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]), 0x0800)
        .unwrap();
    ip::emit(&mut frame[14..], &header).unwrap();
    wire::icmpv4::emit(&mut frame[34..], &ping).unwrap();
    let mut slot = [0; 1514];
    let mut round = |pair: &mut Pair| {
        let host = &mut pair.hosts[0];
        for _ in 0..8 {
            assert_eq!(
                host.receive(pair.now, pair.ifindex[0], RxMeta::default(), &mut frame),
                Verdict::Consumed
            );
        }
        for _ in 0..8 {
            host.transmit(pair.now, pair.ifindex[0], &mut slot).unwrap();
        }
    };
    round(&mut pair);
    assert_eq!(allocations(|| (0..100).for_each(|_| round(&mut pair))), 0);
}
