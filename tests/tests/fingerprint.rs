//! Our SYN and SYN-ACK beside those of the kernel in the same namespace: the same options in the
//! same order, the same values, the same window (TCPO-01, TCPO-02, TCPO-05, TCPI-14).

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use client::Stack;
use tests::{Backend, Capture, FAMILIES, Family, Header, Lab};

const SYN: u8 = 2;
const ACK: u8 = 16;

/// The kernel's knobs at their defaults, which machines like to change.
const DEFAULTS: [(&str, &str); 5] = [
    ("tcp_rmem", "4096 131072 6291456"),
    ("tcp_sack", "1"),
    ("tcp_timestamps", "1"),
    ("tcp_window_scaling", "1"),
    ("tcp_ecn", "2"),
];

fn set(lab: &Lab, name: &str, value: &str) {
    let line = format!("echo {value} > /proc/sys/net/ipv4/{name}");
    assert!(lab.space.shell(&line).status.success(), "{line}");
}

/// What a SYN, or a SYN-ACK, of `source` looks like; what cannot be alike is left out.
fn syn_of(capture: &mut Capture, source: IpAddr, flags: u8) -> Header {
    let header = capture.find(source, |header| header.flags & (SYN | ACK) == flags).timeless();
    Header { source: IpAddr::from([0; 4]), ..header }
}

/// SYN and SYN-ACK of the kernel as client and server, then of ours.
fn handshakes(lab: &Lab, family: Family) -> [[Header; 2]; 2] {
    let mut capture = Capture::start(&lab.space);
    let Family { host, stack, .. } = family;
    let echo = SocketAddr::new(stack, 7);
    let theirs = lab.space.inside(|| TcpStream::connect_timeout(&echo, Duration::from_secs(5)));
    let _theirs = theirs.expect("the kernel connects");
    let kernel_syn = syn_of(&mut capture, host, SYN);
    let our_syn_ack = syn_of(&mut capture, stack, SYN | ACK);

    capture.clear();
    let listener = lab.space.inside(|| TcpListener::bind((host, 0))).expect("bind");
    let address = listener.local_addr().expect("address");
    let daemon = Stack::connect(Some(lab.daemon.socket())).expect("the daemon answers");
    let _ours = client::TcpStream::connect(&daemon, address).expect("we connect");
    let our_syn = syn_of(&mut capture, stack, SYN);
    let kernel_syn_ack = syn_of(&mut capture, host, SYN | ACK);
    [[kernel_syn, kernel_syn_ack], [our_syn, our_syn_ack]]
}

fn alike(backend: Backend) {
    let lab = Lab::start("print", backend);
    for (name, value) in DEFAULTS {
        set(&lab, name, value);
    }
    for family in FAMILIES {
        let [kernel, ours] = handshakes(&lab, family);
        assert_eq!(ours, kernel, "SYN, SYN-ACK over {backend:?} to {}", family.host);
        assert_eq!(ours[0].options.len(), 20, "all four options");
    }
    // What the peer leaves out of its SYN is left out of our SYN-ACK as the kernel would.
    for (knob, len) in [("tcp_sack", 20), ("tcp_window_scaling", 16), ("tcp_timestamps", 12)] {
        set(&lab, knob, "0");
        let [[kernel_syn, _], [_, our_syn_ack]] = handshakes(&lab, FAMILIES[0]);
        assert_eq!(our_syn_ack.options.len(), len, "without {knob}");
        assert_eq!(our_syn_ack.options, kernel_syn.options, "without {knob}");
        set(&lab, knob, "1");
    }
}

#[test]
fn our_handshake_looks_like_the_kernel_s_over_tap() {
    alike(Backend::Tap);
}

#[test]
fn our_handshake_looks_like_the_kernel_s_over_af_xdp() {
    alike(Backend::Xdp);
}
