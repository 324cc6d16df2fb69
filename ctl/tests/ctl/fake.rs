//! A daemon of canned records on a real control socket, and `ctl` as a process.

use std::collections::BTreeMap;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use client::admin::{
    Address, DaemonInfo, Frames, Link, LinkStats, Neighbor, Route, Socket, Stats, TcpDetail, Timer,
};
use client::call::{ControlCall, ErrorBody};
use client::frame::{self, Message};
use serde_json::{Value, json};

/// What `ctl` did.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The daemon. It lives as long as the process; its socket goes when this is dropped.
pub struct Daemon {
    pub path: PathBuf,
    calls: Arc<Mutex<Vec<ControlCall>>>,
}

type Answer = Result<Value, ErrorBody>;

impl Daemon {
    /// One that shows the canned records and lets everything be changed.
    pub fn new() -> Self {
        Self::answering(|call| Ok(canned(call)))
    }

    /// One that answers as told.
    pub fn answering(answer: impl Fn(&ControlCall) -> Answer + Send + 'static) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = calls.clone();
        let path = Self::serving(move |sock, message| {
            let call: ControlCall = message.parse().unwrap();
            seen.lock().unwrap().push(call.clone());
            let reply = match answer(&call) {
                Ok(value) => message.answer(&value),
                Err(body) => message.refusal(&body),
            };
            frame::send(sock, &reply, None).unwrap();
        });
        Self { path, calls }
    }

    /// One that does with each message whatever `serve` does.
    pub fn serving(serve: impl Fn(&UnixStream, &Message) + Send + 'static) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pytcp-ctl-{}-{number}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            for sock in listener.incoming() {
                let sock = sock.unwrap();
                while let Ok(Some((message, _))) = frame::recv(&sock) {
                    serve(&sock, &message);
                }
            }
        });
        path
    }

    /// Runs `ctl` with the words of `line`.
    pub fn ctl(&self, line: &str) -> Ran {
        run(&self.path, line)
    }

    /// Runs it and wants it to succeed in silence on standard error.
    pub fn text(&self, line: &str) -> String {
        let ran = self.ctl(line);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{line}");
        ran.stdout
    }

    /// The same, and the output is JSON.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.text(line)).unwrap()
    }

    /// The calls since the last look.
    pub fn calls(&self) -> Vec<ControlCall> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// `ctl` with a control socket and the words of `line`.
pub fn command(path: &std::path::Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl"));
    command.arg("--ipc-socket").arg(path).args(line.split_whitespace());
    command.stdin(Stdio::null());
    command
}

pub fn run(path: &std::path::Path, line: &str) -> Ran {
    let output = command(path, line).output().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn canned(call: &ControlCall) -> Value {
    let value = match (call.api.as_str(), call.method.as_str()) {
        ("link", "show") => serde_json::to_value(links()),
        ("address", "show") => serde_json::to_value(addresses()),
        ("route", "show") => serde_json::to_value(routes()),
        ("neighbor", "show") => serde_json::to_value(neighbors()),
        ("socket", "show") => serde_json::to_value(sockets()),
        ("stats", "show") => serde_json::to_value(stats()),
        ("daemon", "info") => {
            serde_json::to_value(DaemonInfo { version: "0.1.0".into(), pid: 4711, uptime: 90 })
        }
        _ => Ok(json!(null)),
    };
    value.unwrap()
}

fn text(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, n)| (name.to_string(), *n)).collect()
}

pub fn links() -> Vec<Link> {
    let tap = Link {
        ifindex: 2,
        name: "tap7".into(),
        kind: "tap".into(),
        mode: "tap vnet_hdr tso4 tso6".into(),
        mac: Some("02:00:00:00:00:07".into()),
        mtu: 1500,
        flags: text(&["BROADCAST", "MULTICAST", "UP"]),
        state: "UP".into(),
        offload: text(&["tx-checksum", "tso4"]),
        stats: LinkStats {
            rx_packets: 12,
            rx_bytes: 3456,
            tx_packets: 7,
            tx_bytes: 890,
            rx_dropped: 1,
            ..LinkStats::default()
        },
        frames: Some(Frames { total: 64, fill: 32, free: 32, ..Frames::default() }),
        losses: counts(&[("queue_full", 1)]),
        xdp: None,
        shards: Vec::new(),
    };
    let xdp = Link {
        ifindex: 3,
        name: "eth1".into(),
        kind: "xdp".into(),
        mode: "xdp driver copy".into(),
        mac: Some("02:00:00:00:00:01".into()),
        losses: counts(&[("rx_dropped", 0), ("rx_ring_full", 1)]),
        xdp: Some(counts(&[("ours", 5), ("pass", 9)])),
        frames: None,
        offload: Vec::new(),
        ..tap.clone()
    };
    let tun = Link {
        ifindex: 4,
        name: "tun0".into(),
        kind: "tun".into(),
        mode: String::new(),
        mac: None,
        flags: text(&["POINTOPOINT", "UP"]),
        frames: None,
        ..tap.clone()
    };
    vec![tap, xdp, tun]
}

pub fn addresses() -> Vec<Address> {
    let v4 = Address {
        ifindex: 2,
        ifname: "tap7".into(),
        family: 4,
        address: "10.0.1.7".into(),
        prefix: 24,
        scope: "global".into(),
        flags: text(&["permanent"]),
        ..Address::default()
    };
    let v6 = Address {
        family: 6,
        address: "fe80::7".into(),
        prefix: 64,
        scope: "link".into(),
        flags: text(&["permanent", "tentative"]),
        protocol: Some("kernel_ll".into()),
        valid_life_time: Some(u32::MAX),
        preferred_life_time: Some(600),
        ..v4.clone()
    };
    let other =
        Address { ifindex: 3, ifname: "eth1".into(), address: "192.0.2.3".into(), ..v4.clone() };
    vec![v4, v6, other]
}

pub fn routes() -> Vec<Route> {
    let default = Route {
        destination: "default".into(),
        family: 4,
        gateway: Some("10.0.1.1".into()),
        ifindex: 2,
        ifname: "tap7".into(),
        metric: 100,
        protocol: "static".into(),
        scope: "global".into(),
        source: None,
    };
    let connected = Route {
        destination: "10.0.1.0/24".into(),
        gateway: None,
        metric: 0,
        protocol: "kernel".into(),
        scope: "link".into(),
        source: Some("10.0.1.7".into()),
        ..default.clone()
    };
    let v6 = Route {
        family: 6,
        gateway: Some("fe80::1".into()),
        ifname: "eth1".into(),
        ifindex: 3,
        metric: 1024,
        protocol: "ra".into(),
        ..default.clone()
    };
    vec![default, connected, v6]
}

pub fn neighbors() -> Vec<Neighbor> {
    let reachable = Neighbor {
        address: "10.0.1.1".into(),
        family: 4,
        ifindex: 2,
        ifname: "tap7".into(),
        lladdr: Some("02:00:00:00:00:01".into()),
        state: "REACHABLE".into(),
    };
    let incomplete = Neighbor {
        address: "10.0.1.99".into(),
        lladdr: None,
        state: "INCOMPLETE".into(),
        ..reachable.clone()
    };
    let v6 = Neighbor {
        address: "fe80::1".into(),
        family: 6,
        ifindex: 3,
        ifname: "eth1".into(),
        state: "STALE".into(),
        ..reachable.clone()
    };
    vec![reachable, incomplete, v6]
}

pub fn sockets() -> Vec<Socket> {
    let listener = Socket {
        kind: "tcp".into(),
        family: 4,
        state: "LISTEN".into(),
        local: "0.0.0.0:80".into(),
        remote: "0.0.0.0:*".into(),
        send_queue: 128,
        ..Socket::default()
    };
    let connection = Socket {
        state: "ESTAB".into(),
        local: "10.0.1.7:80".into(),
        remote: "10.0.1.1:40000".into(),
        recv_queue: 0,
        send_queue: 1448,
        info: Some(TcpDetail {
            rtt_us: 120,
            rttvar_us: 30,
            rto_us: 200_000,
            cwnd: 14_480,
            mss: 1448,
            retransmits: 2,
            in_flight: 1448,
            bytes_sent: 100_000,
            bytes_received: 512,
            send_window: 65_535,
            recv_window: 65_160,
            congestion: "cubic".into(),
            options: text(&["sack", "ts"]),
            ssthresh: None,
            retries: 1,
            backoff: 1,
            sacked: 1000,
            lost: 500,
            reordering: 4,
            pacing_rate: Some(9_000),
            min_rtt_us: 90,
            rcv_rtt_us: 200,
            rcv_mss: 536,
            rcv_space: 14_600,
            rcv_buffer: 131_072,
            snd_buffer: 65_536,
            not_sent: 7,
            timer: Some(Timer { name: "on".into(), left_us: 4_500 }),
        }),
        ..listener.clone()
    };
    let udp = Socket {
        kind: "udp".into(),
        family: 6,
        state: "UNCONN".into(),
        local: "[::]:53".into(),
        remote: "[::]:*".into(),
        send_queue: 0,
        ifname: Some("tap7".into()),
        ..listener.clone()
    };
    vec![listener, connection, udp]
}

pub fn stats() -> Stats {
    Stats {
        counters: counts(&[("ip_received", 1234), ("tcp_resets_sent", 0), ("udp_received", 7)]),
        drops: counts(&[("ip_not_ours", 3), ("tcp_no_socket", 0)]),
        shards: Vec::new(),
    }
}
