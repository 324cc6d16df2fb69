//! Both layouts carry the same traffic, also pinned and busy-polling.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tests::{Backend, FAMILIES, Lab, Pattern};

/// Sends 64 MiB to the echo service and reads them back.
fn echoes(backend: Backend, more: &[&str]) {
    let lab = Lab::with("layout", backend, more);
    let pattern = &Pattern::default();
    let total = 64 << 20;
    for family in FAMILIES {
        lab.space.inside(|| {
            let stream = TcpStream::connect((family.stack, 7)).expect("connect");
            thread::scope(|scope| {
                scope.spawn(|| {
                    pattern.send(&stream, total).expect("send");
                    stream.shutdown(Shutdown::Write).expect("shutdown");
                });
                assert_eq!(pattern.check(&stream).expect("echo"), total);
            });
        });
    }
}

#[test]
fn fused_over_tap() {
    echoes(Backend::Tap, &["--layout", "fused", "--cores", "1"]);
}

#[test]
fn split_over_tap() {
    echoes(Backend::Tap, &["--layout", "split", "--cores", "0,1"]);
}

#[test]
fn split_over_tun() {
    echoes(Backend::Tun, &["--layout", "split"]);
}

#[test]
fn fused_over_af_xdp_busy_polling() {
    echoes(Backend::Xdp, &["--layout", "fused", "--busy-poll"]);
}

#[test]
fn split_over_af_xdp() {
    echoes(Backend::Xdp, &["--layout", "split", "--cores", "0,1"]);
}

/// A daemon that is told to end says goodbye on every connection, however few frames a port has.
fn ends_in_order(more: &[&str]) {
    let mut lab = Lab::with("goodbye", Backend::Tap, more);
    let family = FAMILIES[0];
    let connect = |_| {
        let mut stream = TcpStream::connect((family.stack, 7)).expect("connect");
        // Its user has it once the echo is back.
        stream.write_all(b"?").and_then(|()| stream.read_exact(&mut [0])).expect("echo");
        stream
    };
    let streams: Vec<TcpStream> = lab.space.inside(|| (0..200).map(connect).collect());
    lab.daemon.signal(Signal::TERM);
    assert!(lab.daemon.wait().success());
    for mut stream in streams {
        stream.set_read_timeout(Some(Duration::from_secs(1))).expect("timeout");
        assert_eq!(stream.read(&mut [0]).expect("the end of the stream"), 0);
    }
}

#[test]
fn every_connection_ends_with_the_daemon_fused() {
    ends_in_order(&["--layout", "fused", "--shards", "2"]);
}

#[test]
fn every_connection_ends_with_the_daemon_split() {
    ends_in_order(&["--layout", "split"]);
    ends_in_order(&["--layout", "split", "--shards", "2"]);
}

/// A daemon without traffic sleeps, however many engines serve its device: engines that wake each
/// other on their way to sleep would run for ever.
fn sleeps_when_idle(backend: Backend, queues: u32, more: &[&str]) {
    let lab = Lab::with_queues("idle", backend, queues, more);
    let family = FAMILIES[0];
    lab.space.inside(|| {
        let mut stream = TcpStream::connect((family.stack, 7)).expect("connect");
        stream.write_all(b"?").and_then(|()| stream.read_exact(&mut [0])).expect("echo");
    });
    // What the start and the connection left to do is over soon; then three seconds in which all
    // threads together wake fewer times than one of them would in a hundredth of a second.
    let quiet = || {
        let (sleeps, ticks) = (lab.daemon.sleeps(), lab.daemon.ticks());
        thread::sleep(Duration::from_secs(3));
        (lab.daemon.sleeps() - sleeps, lab.daemon.ticks() - ticks)
    };
    let mut seen = Vec::new();
    let slept = (0..5).any(|_| {
        let (sleeps, ticks) = quiet();
        seen.push((sleeps, ticks));
        sleeps < 300 && ticks < 30
    });
    assert!(slept, "wake-ups and ticks of 10 ms in three seconds: {seen:?}");
}

#[test]
fn an_idle_daemon_sleeps_fused() {
    sleeps_when_idle(Backend::Tap, 1, &["--layout", "fused"]);
    for shards in ["2", "3", "4"] {
        sleeps_when_idle(Backend::Tap, 1, &["--layout", "fused", "--shards", shards]);
        sleeps_when_idle(Backend::Tap, 4, &["--layout", "fused", "--shards", shards]);
    }
}

#[test]
fn an_idle_daemon_of_many_shards_sleeps_over_af_xdp() {
    sleeps_when_idle(Backend::Xdp, 4, &["--layout", "fused", "--shards", "4"]);
}

#[test]
fn an_idle_daemon_sleeps_split() {
    sleeps_when_idle(Backend::Tap, 4, &["--layout", "split", "--shards", "4"]);
}
