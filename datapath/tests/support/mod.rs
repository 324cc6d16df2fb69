//! Network namespaces for a test, and a host so small that it fits into one: it answers ARP and
//! sends and receives frames that the test crafts.
//!
//! A namespace is removed when its handle is dropped, also by a failing test. Its name bears the
//! process's number, so that test programs can run side by side.

#![allow(dead_code, reason = "each test program uses its part")]

pub mod tcp;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use addr::{Ip, Mac};
use datapath::{Port, PortConfig, PortInfo, PortLink, TxFrame, single_shard};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use wire::ip::IpEmit;
use wire::offload::{Medium, RxMeta, TxMeta};
use wire::{arp, ethernet, ip};

/// How long a frame may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A network namespace of this test.
pub struct Netns(String);

impl Netns {
    /// Makes one, with its loopback up.
    pub fn new(tag: &str) -> Self {
        let ns = Self(format!("pyx-{}-{tag}", std::process::id()));
        run("ip", &["netns", "add", &ns.0]);
        ns.ip("link set lo up");
        ns
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// Runs `ip` in it and returns what it printed.
    pub fn ip(&self, args: &str) -> String {
        let mut all = vec!["-n", &self.0];
        all.extend(args.split_whitespace());
        run("ip", &all)
    }

    /// Runs a program in it and returns what it printed.
    pub fn exec(&self, command: &str) -> String {
        let mut all = vec!["netns", "exec", &self.0];
        all.extend(command.split_whitespace());
        run("ip", &all)
    }

    /// Runs a function on a thread of its own in the namespace.
    pub fn enter<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.0)).expect("the namespace exists");
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(file.as_fd(), kind).expect("root may enter a namespace");
                f()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

/// Two namespaces with a veth between them: `a` in the first, `b` in the second.
pub fn veth(tag: &str) -> (Netns, Netns) {
    veth_queues(tag, 1)
}

/// The same, with so many queues in each direction.
pub fn veth_queues(tag: &str, queues: u32) -> (Netns, Netns) {
    let (left, right) = (Netns::new(&format!("{tag}l")), Netns::new(&format!("{tag}r")));
    let queues = format!("numrxqueues {queues} numtxqueues {queues}");
    let end = right.name();
    left.ip(&format!("link add name a {queues} type veth peer name b {queues} netns {end}"));
    for (ns, dev) in [(&left, "a"), (&right, "b")] {
        // Without IPv6 the kernel says nothing by itself, and frames can be counted.
        ns.exec(&format!("sysctl -qw net.ipv6.conf.{dev}.disable_ipv6=1"));
        ns.ip(&format!("link set dev {dev} up"));
    }
    (left, right)
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("the program is installed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {error}", args.join(" "));
    String::from_utf8(output.stdout).expect("it prints text")
}

/// A port with a host behind it.
pub struct Host {
    pub port: Port,
    pub link: PortLink,
    pub info: PortInfo,
    pub mac: Mac,
    pub ip: Ip,
}

impl Host {
    pub fn open(config: &PortConfig, ip: [u8; 4]) -> Self {
        let opened = datapath::open(config).expect("the port opens");
        Self::new(opened, ip)
    }

    pub fn new((port, link, info): (Port, PortLink, PortInfo), ip: [u8; 4]) -> Self {
        let mac = Mac([2, 0, 0, 0, 9, 1]);
        Self { port, link, info, mac, ip: Ip::v4(ip) }
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: &[u8], meta: TxMeta) {
        let deadline = Instant::now() + PATIENCE;
        let mut frame = loop {
            match self.link.tx_free.pop() {
                Some(frame) => break frame,
                None => self.port.turn(64, single_shard),
            };
            assert!(Instant::now() < deadline, "no frame to send from: {:?}", self.port.frames());
        };
        frame.buffer_mut()[..bytes.len()].copy_from_slice(bytes);
        frame.set_len(bytes.len());
        let meta = TxMeta { len: bytes.len() as u32, ..meta };
        self.link.tx.push(TxFrame { frame, meta }).expect("the ring has room for every frame");
        self.port.transmit(64);
        self.check();
    }

    /// Receives until `wanted` finds what it looks for in a frame. Answers ARP meanwhile.
    pub fn receive<T>(&mut self, mut wanted: impl FnMut(&[u8], RxMeta) -> Option<T>) -> T {
        self.try_receive(PATIENCE, &mut wanted).unwrap_or_else(|| {
            panic!("nothing came: {:?} {:?}", self.port.stats(), self.port.frames())
        })
    }

    /// As [`Host::receive`], but gives up.
    pub fn try_receive<T>(
        &mut self,
        patience: Duration,
        wanted: &mut impl FnMut(&[u8], RxMeta) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        loop {
            self.port.turn(64, single_shard);
            self.check();
            while let Some(received) = self.link.rx.pop() {
                let bytes = received.frame.bytes().to_vec();
                self.link.rx_done.push(received.frame).expect("the ring has room for every frame");
                self.check();
                if let Some(found) = wanted(&bytes, received.meta) {
                    return Some(found);
                }
                if self.info.medium == Medium::Ethernet {
                    self.answer_arp(&bytes);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let mut fds = [PollFd::new(&self.port, PollFlags::IN)];
            let timeout = Timespec::try_from(left.min(Duration::from_millis(50))).unwrap();
            let _ = poll(&mut fds, Some(&timeout));
        }
    }

    fn answer_arp(&mut self, bytes: &[u8]) {
        let Some(our_ip) = self.ip.as_v4() else { return };
        let Ok(frame) = ethernet::parse(bytes) else { return };
        let Ok(question) = arp::parse(frame.payload) else { return };
        if frame.ethertype != ethernet::ETHERTYPE_ARP
            || question.operation != arp::REQUEST
            || question.target_ip != our_ip
        {
            return;
        }
        let answer = arp::Arp {
            operation: arp::REPLY,
            sender_mac: self.mac,
            sender_ip: our_ip,
            target_mac: question.sender_mac,
            target_ip: question.sender_ip,
        };
        let mut bytes = [0; ethernet::HEADER_LEN + arp::LEN];
        ethernet::emit(&mut bytes, question.sender_mac, self.mac, ethernet::ETHERTYPE_ARP).unwrap();
        arp::emit(&mut bytes[ethernet::HEADER_LEN..], &answer).unwrap();
        self.send(&bytes, TxMeta::default());
    }

    /// Asks for a MAC and waits for the answer.
    pub fn resolve(&mut self, target: Ip) -> Mac {
        let question = arp::Arp {
            operation: arp::REQUEST,
            sender_mac: self.mac,
            sender_ip: self.ip.as_v4().unwrap(),
            target_mac: Mac([0; 6]),
            target_ip: target.as_v4().unwrap(),
        };
        let mut bytes = [0; ethernet::HEADER_LEN + arp::LEN];
        ethernet::emit(&mut bytes, Mac([0xff; 6]), self.mac, ethernet::ETHERTYPE_ARP).unwrap();
        arp::emit(&mut bytes[ethernet::HEADER_LEN..], &question).unwrap();
        self.send(&bytes, TxMeta::default());
        self.receive(|bytes, _| {
            let frame = ethernet::parse(bytes).ok()?;
            let answer = arp::parse(frame.payload).ok()?;
            (answer.operation == arp::REPLY && answer.sender_ip == question.target_ip)
                .then_some(answer.sender_mac)
        })
    }

    /// A packet to `dst`, with the link header if the medium has one.
    pub fn packet(&self, mac: Mac, dst: Ip, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 60];
        let mut len = match self.info.medium {
            Medium::Ethernet => {
                ethernet::emit(&mut bytes, mac, self.mac, ethernet::ETHERTYPE_IPV4).unwrap()
            }
            Medium::Ip => 0,
        };
        let header = IpEmit {
            src: self.ip,
            dst,
            protocol,
            hop_limit: 64,
            traffic_class: 0,
            identification: 7,
            dont_fragment: true,
            payload_len: payload.len(),
            flow_label: 0,
        };
        len += ip::emit(&mut bytes[len..], &header).unwrap();
        bytes.truncate(len);
        bytes.extend_from_slice(payload);
        bytes
    }

    /// Bytes of the link header.
    pub fn link_header(&self) -> usize {
        match self.info.medium {
            Medium::Ethernet => ethernet::HEADER_LEN,
            Medium::Ip => 0,
        }
    }

    /// Pings `dst` and waits for the echo of exactly this data.
    pub fn ping(&mut self, mac: Mac, dst: Ip, data: &[u8]) -> RxMeta {
        let mut echo = vec![8, 0, 0, 0, 0x12, 0x34, 0, 1];
        echo.extend_from_slice(data);
        let sum = wire::checksum::checksum(&echo);
        echo[2..4].copy_from_slice(&sum.to_be_bytes());
        let request = self.packet(mac, dst, ip::PROTO_ICMP, &echo);
        self.send(&request, TxMeta::default());
        let skip = self.link_header();
        self.receive(|bytes, meta| {
            let packet = bytes.get(skip..)?;
            let header = ip::parse(packet).ok()?;
            let message = header.payload(packet);
            (header.src == dst && message.first() == Some(&0) && message[4..] == echo[4..])
                .then_some(meta)
        })
    }

    /// No frame is lost, ever.
    pub fn check(&self) {
        let account = self.port.frames();
        assert!(account.is_conserved(), "{account:?}");
    }
}

/// Prints a measurement where `cargo test -- --nocapture` shows it.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
