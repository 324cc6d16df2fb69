//! Any segments in any state: no panic, and the invariants hold.

use proptest::prelude::*;
use wire::offload::{RxChecksum, RxMeta};
use wire::tcp::{Flags, SeqNum};

use super::harness::*;
use crate::limits::Limits;
use crate::socket::SocketRings;
use crate::tcp::user::socket_options::TcpOption;
use crate::time::Duration;

/// One thing that happens to the host.
#[derive(Clone, Debug)]
enum Step {
    /// A segment whose numbers are relative to what the peer would say.
    Segment {
        flags: u16,
        seq: i32,
        ack: i32,
        wnd: u16,
        options: Vec<u8>,
        len: usize,
    },
    /// Bytes as they come.
    Raw(Vec<u8>),
    Write(usize),
    Read(usize),
    Finish,
    ShutdownRead,
    Close,
    NoDelay(bool),
    Pass(u32),
    Transmit(usize),
}

fn offset() -> impl Strategy<Value = i32> {
    prop_oneof![
        4 => Just(0),
        4 => -3..3i32,
        2 => -5000..5000i32,
        1 => any::<i32>(),
    ]
}

fn options() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(SYN_OPTIONS.to_vec()),
        1 => Just(FULL_OPTIONS.to_vec()),
        2 => (offset(), any::<u32>()).prop_map(|(ahead, echo)| {
            let value = THEIR_CLOCK.wrapping_add_signed(ahead);
            Seg::new(ACK, IRS, IRS).stamps(value, echo).options
        }),
        1 => prop::collection::vec(any::<u8>(), 0..10).prop_map(|words| {
            words.iter().flat_map(|w| [*w, 4, w ^ 3, 1]).collect()
        }),
    ]
}

fn segment() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![6 => Just(0x10u16), 2 => Just(0x11), 1 => 0..0x40u16];
    let len = prop_oneof![3 => Just(0usize), 2 => 1..3000usize];
    (flags, offset(), offset(), any::<u16>(), options(), len).prop_map(
        |(flags, seq, ack, wnd, options, len)| Step::Segment { flags, seq, ack, wnd, options, len },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => segment(),
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Step::Raw),
        3 => (0..20_000usize).prop_map(Step::Write),
        3 => (0..20_000usize).prop_map(Step::Read),
        1 => Just(Step::Finish),
        1 => Just(Step::ShutdownRead),
        1 => Just(Step::Close),
        1 => any::<bool>().prop_map(Step::NoDelay),
        3 => (0..3000u32).prop_map(Step::Pass),
        1 => (0..70_000u32).prop_map(|ms| Step::Pass(ms * 10)),
        4 => (0..4000usize).prop_map(Step::Transmit),
    ]
}

fn apply(lab: &mut Lab, ends: &mut SocketRings, step: Step) {
    let id = ends.id;
    match step {
        Step::Segment { flags, seq, ack, wnd, options, len } => {
            // Aim at the connection's real numbers where there is one.
            let (nxt, una) = match lab.host.tcp.conn(id) {
                Some(conn) => (conn.rcv.nxt, conn.snd.nxt),
                None => (lab.seq, lab.ack),
            };
            (lab.seq, lab.ack) = (nxt, una);
            let seq = SeqNum(nxt.0.wrapping_add_signed(seq));
            let ack = SeqNum(una.0.wrapping_add_signed(ack));
            let seg = Seg::new(Flags(flags), seq, ack).wnd(wnd).options(&options);
            let _ = lab.send(&seg.data(&vec![0x55; len]));
        }
        Step::Raw(bytes) => {
            let seg = Seg::new(Flags::ACK, lab.seq, lab.ack).data(&bytes);
            let mut packet = seg.packet(lab.theirs, lab.ours);
            // Overwrite the TCP header with the bytes, except for the ports.
            for (to, from) in packet[24..].iter_mut().zip(bytes) {
                *to = from;
            }
            let meta = RxMeta { checksum: RxChecksum::Valid, gso_size: 7 };
            let _ = lab.host.receive(&packet, meta);
        }
        Step::Write(n) => {
            ends.tx.write(&vec![1; n]);
            lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
        }
        Step::Read(n) => {
            ends.rx.release(n);
            lab.host.act(|tcp, cx| tcp.app_read(cx, id));
        }
        Step::Finish => {
            ends.tx.finish();
            lab.host.act(|tcp, cx| tcp.app_wrote(cx, id));
        }
        Step::ShutdownRead => lab.host.act(|tcp, cx| tcp.shutdown_read(cx, id)),
        Step::Close => lab.host.act(|tcp, cx| tcp.close(cx, id)),
        Step::NoDelay(on) => {
            let _ = lab.host.act(|tcp, cx| tcp.set_option(cx, id, TcpOption::NoDelay(on)));
        }
        Step::Pass(ms) => {
            let end = lab.host.now + Duration::from_millis(ms.into());
            for _ in 0..50 {
                match lab.host.tcp.next_deadline().filter(|at| *at <= end) {
                    Some(at) => {
                        let now = lab.host.now.max(at);
                        lab.host.expire(now);
                    }
                    None => break,
                }
                lab.host.transmit();
            }
        }
        Step::Transmit(slot) => {
            let mut slot = vec![0; slot];
            while lab.host.act(|tcp, cx| tcp.transmit(cx, IFINDEX, &mut slot)).is_some() {}
        }
    }
    lab.host.tcp.check();
    lab.host.events();
    lab.host.requests();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_open_connection_survives_anything(steps in prop::collection::vec(step(), 1..60)) {
        let (mut lab, mut ends) = Lab::established();
        for step in steps {
            apply(&mut lab, &mut ends, step);
        }
    }

    #[test]
    fn a_connection_with_all_options_survives_anything(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let (mut lab, mut ends) = Lab::stamped();
        for step in steps {
            apply(&mut lab, &mut ends, step);
        }
    }

    #[test]
    fn an_attempt_survives_anything(steps in prop::collection::vec(step(), 1..40)) {
        let mut lab = Lab::new();
        let mut ends = lab.host.connect(lab.theirs).unwrap();
        lab.ours = ends.local;
        for step in steps {
            apply(&mut lab, &mut ends, step);
        }
    }

    #[test]
    fn a_listener_survives_anything(steps in prop::collection::vec((step(), 0..6u16), 1..60)) {
        // So little of everything that it runs out.
        let limits = Limits {
            tcp_embryos: 2,
            tcp_connections: 3,
            tcp_time_wait: 2,
            tcp_max_orphans: 1,
            ..Limits::default()
        };
        let host = Host::with("10.0.0.1", limits, Default::default());
        let (mut lab, mut ends) = Lab::with(host).open(&SYN_OPTIONS);
        for (step, port) in steps {
            lab.theirs.port = 4000 + port;
            apply(&mut lab, &mut ends, step);
        }
    }
}
