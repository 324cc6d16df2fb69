//! A peer that goes away in the middle of a transfer, without a word.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use tests::{Backend, HOST_V4, Lab, STACK_V4, eventually};

fn vanish(backend: Backend) {
    let lab = Lab::start("vanish", backend);
    let device = backend.host_device();
    let mut stream = lab.space.inside(|| {
        TcpStream::connect_timeout(&(STACK_V4, 19).into(), Duration::from_secs(5)).expect("connect")
    });
    let mut some = [0; 65_536];
    stream.read_exact(&mut some).expect("chargen talks");
    let open = || {
        let sockets = lab.daemon.records("socket");
        sockets.iter().filter(|s| s["state"] == "ESTAB").count()
    };
    assert_eq!(open(), 1);

    // The address goes first, so that neither FIN nor RST of the dying socket can leave.
    lab.space.ip(&format!("address del {HOST_V4}/24 dev {device}"));
    lab.space.ip(&format!("link set {device} down"));
    drop(stream);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(open(), 1, "the stack cannot know yet");

    // It comes back without memory of the connection and answers our retransmissions with RST.
    lab.space.ip(&format!("link set {device} up"));
    lab.space.ip(&format!("address add {HOST_V4}/24 dev {device}"));
    let alive = || lab.space.shell("ping -n -c 1 -W 1 10.0.1.7").status.success();
    assert!(eventually(10, alive), "the daemon is healthy");
    assert!(eventually(60, || open() == 0), "the dead connection goes");
}

#[test]
fn a_peer_vanishes_over_tap() {
    vanish(Backend::Tap);
}

#[test]
fn a_peer_vanishes_over_af_xdp() {
    vanish(Backend::Xdp);
}
