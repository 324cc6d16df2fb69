//! SYN cookies: listeners that have no room for another embryo (GAP-02, TCPF-04; RFC 4987).

use wire::tcp::SeqNum;
use wire::tcp_options;

use super::harness::*;
use crate::drop::DropReason;
use crate::limits::Limits;
use crate::socket::SocketId;
use crate::tcp::state::State;
use crate::time::Duration;

/// A listener whose room for embryos is taken.
fn crowded(limits: Limits) -> (Lab, SocketId) {
    let limits = Limits { tcp_embryos: 1, tcp_connections: 16, ..limits };
    let mut lab = Lab::with(Host::with("10.0.0.1", limits, Default::default()));
    let listener = lab.host.listen(80, 8);
    lab.theirs.port = 1;
    lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
    lab.one();
    lab.theirs.port = 4000;
    (lab, listener)
}

/// A SYN that finds no room, and the answer to it.
fn cookie(lab: &mut Lab, options: &[u8]) -> Seg {
    lab.send(&Seg::new(SYN, IRS, SeqNum(0)).options(options)).unwrap();
    let syn_ack = lab.one();
    assert_eq!((syn_ack.flags, syn_ack.ack), (SYN_ACK, IRS + 1));
    assert_eq!(lab.host.tcp.sockets().count(), 2, "the listener and the first embryo");
    lab.host.tcp.check();
    syn_ack
}

#[test]
fn a_cookie_opens_a_connection_without_an_embryo_gap_02() {
    let (mut lab, listener) = crowded(Limits::default());
    let syn_ack = cookie(&mut lab, &SYN_OPTIONS);
    // Nothing would remember the window shift without timestamps.
    assert_eq!(syn_ack.options, [2, 4, 5, 180]);
    lab.host.now += Duration::from_secs(30);
    let last = Seg::new(PSH, IRS + 1, syn_ack.seq + 1).data(b"hello").wnd(500);
    lab.send(&last).unwrap();
    let mut ends = lab.host.accept(listener).unwrap();
    assert_eq!(lab.one().ack, IRS + 6);
    assert_eq!(lab.state(&ends), State::Established);
    let mut text = [0; 8];
    assert_eq!(ends.rx.read(&mut text), 5);
    let conn = lab.host.conn(ends.id);
    assert_eq!((conn.snd.mss, conn.snd.wnd), (536, 500), "the nearest MSS below 1000");
    assert_eq!(
        (conn.snd.scale, conn.rcv.scale, conn.sack, conn.timestamps.enabled),
        (0, 0, false, false)
    );
    let stats = &lab.host.stats;
    let counted =
        (stats.tcp_syncookies_sent, stats.tcp_syncookies_received, stats.tcp_syncookies_failed);
    assert_eq!(counted, (1, 1, 0));
    lab.host.tcp.check();
}

#[test]
fn options_come_back_with_the_timestamp_gap_02() {
    for (bytes, scale, sack) in [
        (FULL_OPTIONS.as_slice(), Some(7), true),
        (&[2, 4, 5, 180, 1, 1, 8, 10, 0, 1, 134, 160, 0, 0, 0, 0], None, false),
    ] {
        let (mut lab, listener) = crowded(Limits::default());
        let syn_ack = cookie(&mut lab, bytes);
        let options = tcp_options::parse(&syn_ack.options).unwrap();
        assert_eq!((options.window_scale, options.sack_permitted), (scale, sack));
        let stamps = options.timestamps.unwrap();
        assert_eq!(stamps.echo, THEIR_CLOCK);
        let last = Seg::new(ACK, IRS + 1, syn_ack.seq + 1).stamps(THEIR_CLOCK + 40, stamps.value);
        lab.send(&last.wnd(500)).unwrap();
        let ends = lab.host.accept(listener).unwrap();
        let conn = lab.host.conn(ends.id);
        assert_eq!((conn.timestamps.enabled, conn.timestamps.ts_recent), (true, THEIR_CLOCK + 40));
        assert_eq!((conn.scaling.then_some(conn.snd.scale), conn.sack), (scale, sack));
        assert_eq!(conn.snd.wnd, 500 << scale.unwrap_or(0));
    }
}

#[test]
fn a_guess_is_reset_and_counted() {
    let (mut lab, listener) = crowded(Limits::default());
    let syn_ack = cookie(&mut lab, &[]);
    for (seq, ack) in [(IRS + 1, syn_ack.seq + 5000), (IRS + 2, syn_ack.seq + 1)] {
        assert_eq!(lab.send(&Seg::new(ACK, seq, ack)), Err(DropReason::TcpBadAck));
        assert_eq!(lab.one().flags, RST);
    }
    lab.theirs.port += 1;
    let last = Seg::new(ACK, IRS + 1, syn_ack.seq + 1);
    assert_eq!(lab.send(&last), Err(DropReason::TcpBadAck), "another flow's");
    assert_eq!(lab.host.stats.tcp_syncookies_failed, 3);
    assert!(lab.host.accept(listener).is_none());
}

#[test]
fn a_cookie_lasts_for_less_than_two_minutes() {
    let (mut lab, listener) = crowded(Limits::default());
    let syn_ack = cookie(&mut lab, &[]);
    let last = Seg::new(ACK, IRS + 1, syn_ack.seq + 1);
    lab.host.now += Duration::from_secs(120);
    assert_eq!(lab.send(&last), Err(DropReason::TcpNoSocket));
    assert_eq!(lab.one().flags, RST);
    // Others keep cookies expected; this one is too old all the same.
    lab.theirs.port = 5000;
    cookie(&mut lab, &[]);
    lab.host.drain();
    lab.theirs.port = 4000;
    assert_eq!(lab.send(&last), Err(DropReason::TcpBadAck));
    assert!(lab.host.accept(listener).is_none());
}

#[test]
fn without_cookies_abroad_an_ack_is_a_stray() {
    let (mut lab, _) = crowded(Limits::default());
    assert_eq!(lab.send(&Seg::new(ACK, IRS + 1, SeqNum(9))), Err(DropReason::TcpNoSocket));
    assert_eq!(lab.one().flags, RST);
    assert_eq!(lab.host.stats.tcp_syncookies_failed, 0);
}

#[test]
fn a_full_accept_queue_takes_no_cookie_either_tcpf_04() {
    let (mut lab, listener) = crowded(Limits::default());
    let syn_ack = cookie(&mut lab, &[]);
    for port in 0..9 {
        lab.theirs.port = 6000 + port;
        let other = cookie_of(&mut lab);
        lab.send(&Seg::new(ACK, IRS + 1, other + 1)).unwrap();
    }
    lab.theirs.port = 4000;
    let last = Seg::new(ACK, IRS + 1, syn_ack.seq + 1);
    assert_eq!(lab.send(&last), Err(DropReason::TcpListenOverflow));
    lab.none();
    assert!(lab.host.accept(listener).is_some());
    lab.send(&last).unwrap();
}

fn cookie_of(lab: &mut Lab) -> SeqNum {
    lab.send(&Seg::new(SYN, IRS, SeqNum(0))).unwrap();
    lab.one().seq
}

/// The flood of the issue: peers that never answer.
#[test]
fn a_flood_leaves_bounded_state_and_lets_others_in_gap_02() {
    let mut lab = Lab::new();
    let listener = lab.host.listen(80, 128);
    for peer in 0..20_000u32 {
        lab.theirs.ip = addr::Ip::v4((0x0b00_0000 + peer).to_be_bytes());
        lab.send(&Seg::new(SYN, IRS + peer, SeqNum(0)).options(&FULL_OPTIONS)).ok();
        if peer % 100 == 0 {
            lab.host.drain();
        }
    }
    lab.host.drain();
    assert_eq!(lab.host.tcp.sockets().count(), 1 + 129, "listener, backlog and one");
    assert_eq!(lab.host.stats.tcp_syncookies_sent, 20_000 - 129);
    lab.theirs.ip = "10.0.0.2".parse().unwrap();
    let iss = cookie_of(&mut lab);
    lab.send(&Seg::new(ACK, IRS + 1, iss + 1)).unwrap();
    assert!(lab.host.accept(listener).is_some());
    // Half of the old embryos give way after two more tries, sooner than at other times.
    lab.host.pass(Duration::from_secs(10));
    assert_eq!(lab.host.tcp.sockets().count(), 1 + 64 + 1);
    lab.host.tcp.check();
}
