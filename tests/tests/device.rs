//! The device is deleted under the daemon and comes back, or is renamed: the daemon says so, sleeps
//! meanwhile, and serves again without a restart.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tests::{Backend, Daemon, Lab, Namespace, STACK_V4, STACK_V6, binary, eventually};

/// Whether ping gets an answer from our addresses within a second.
fn answers(lab: &Lab) -> bool {
    [STACK_V4, STACK_V6]
        .iter()
        .all(|stack| lab.space.shell(&format!("ping -n -c 1 -W 1 {stack}")).status.success())
}

/// Makes the device anew, as [`Lab::wire_queues`] does.
fn make(lab: &Lab, queues: u32) {
    let number = format!("numrxqueues {queues} numtxqueues {queues}");
    let multi = if queues > 1 { "multi_queue" } else { "" };
    let space = &lab.space;
    match lab.backend {
        Backend::Tap => drop(space.ip(&format!("tuntap add tap7 mode tap {multi}"))),
        Backend::Tun => drop(space.ip(&format!("tuntap add tun7 mode tun {multi}"))),
        Backend::Xdp => {
            space.ip(&format!("link add host7 {number} type veth peer name veth7 {number}"));
            space.ip("link set veth7 up");
        }
    }
    address_host(lab);
}

/// Gives the kernel's side its addresses.
fn address_host(lab: &Lab) {
    let device = lab.backend.host_device();
    lab.space.ip(&format!("address add 10.0.1.1/24 dev {device}"));
    lab.space.ip(&format!("address add 2001:db8:0:1::1/64 dev {device} nodad"));
    lab.space.ip(&format!("link set {device} up"));
}

fn descriptors(lab: &Lab) -> usize {
    let folder = format!("/proc/{}/fd", lab.daemon.pid());
    std::fs::read_dir(folder).expect("descriptors").count()
}

/// A connection to the echo service.
struct Echo(TcpStream);

impl Echo {
    fn open(space: &Namespace) -> Self {
        let stream = space.inside(|| {
            let to = (STACK_V4, 7).into();
            TcpStream::connect_timeout(&to, Duration::from_secs(5)).expect("connect")
        });
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
        Self(stream)
    }

    fn exchange(&mut self, byte: u8) {
        let sent = vec![byte; 20_000];
        self.0.write_all(&sent).expect("write");
        let mut back = vec![0; sent.len()];
        self.0.read_exact(&mut back).expect("read");
        assert_eq!(back, sent);
    }
}

/// Whether the daemon's threads sleep within some seconds: none runs, and hardly any wakes. At
/// first connections may end, and threads, whose counts are then missing.
fn is_asleep(lab: &Lab) -> bool {
    (0..5).any(|_| {
        let (ticks, sleeps) = (lab.daemon.ticks(), lab.daemon.sleeps());
        thread::sleep(Duration::from_secs(1));
        let (ran, woke) =
            (lab.daemon.ticks().checked_sub(ticks), lab.daemon.sleeps().checked_sub(sleeps));
        ran.is_some_and(|ran| ran <= 2) && woke.is_some_and(|woke| woke <= 20)
    })
}

/// Deletes the device and makes it again, several times, under a connection.
fn come_back(label: &str, backend: Backend, queues: u32, more: &[&str]) {
    let gateway = ["--gateway", "10.0.1.1"];
    let lab = Lab::with_queues(label, backend, queues, &[&gateway[..], more].concat());
    assert!(eventually(10, || answers(&lab)), "before");
    let default =
        || lab.daemon.records("route").iter().filter(|r| r["destination"] == "default").count();
    let mut echo = Echo::open(&lab.space);
    let mut before = None;
    for round in 1..=3 {
        echo.exchange(round);
        lab.space.ip(&format!("link del {}", backend.host_device()));
        let gone = || lab.link()["state"] == "NOTPRESENT";
        assert!(eventually(5, gone), "{}", lab.link());
        assert_eq!(default(), 0, "nothing leaves by a device that is gone");
        assert!(lab.link()["mtu"] == 1500, "{}", lab.link());
        assert!(is_asleep(&lab), "round {round}: a device that is gone keeps nobody awake");
        make(&lab, queues);
        assert!(eventually(10, || lab.link()["state"] == "UP"), "{}", lab.link());
        assert!(eventually(15, || answers(&lab)), "round {round}: {}", lab.daemon.said());
        assert!(eventually(5, || default() == 1), "the configured route is back");
        echo.exchange(round + 100);
        Echo::open(&lab.space).exchange(round + 200);
        // `ctl` leaves one behind for a moment.
        let most = *before.get_or_insert_with(|| descriptors(&lab));
        let closed = || descriptors(&lab) <= most;
        assert!(eventually(5, closed), "round {round}: {} of {most}", descriptors(&lab));
    }
    assert!(is_asleep(&lab), "all is well");
    let said = lab.daemon.said();
    for what in ["the link is gone", "opened again", "the link is up"] {
        assert_eq!(said.matches(what).count(), 3, "{what}: {said}");
    }
}

#[test]
fn a_tap_comes_back() {
    come_back("devtap", Backend::Tap, 1, &[]);
}

/// Its packet socket ends with the device, and must not keep anybody awake.
#[test]
fn a_shared_af_xdp_device_comes_back() {
    come_back("devshare", Backend::Xdp, 1, &["--steering", "shared"]);
    come_back("devshare", Backend::Xdp, 1, &["--steering", "shared", "--layout", "split"]);
}

#[test]
fn a_tun_comes_back() {
    come_back("devtun", Backend::Tun, 1, &[]);
}

#[test]
fn an_af_xdp_device_comes_back() {
    come_back("devxdp", Backend::Xdp, 1, &[]);
}

#[test]
fn a_tap_comes_back_to_threads_of_its_own() {
    come_back("devtaps", Backend::Tap, 2, &["--layout", "split", "--shards", "2"]);
}

#[test]
fn an_af_xdp_device_comes_back_to_threads_of_its_own() {
    come_back("devxdps", Backend::Xdp, 1, &["--layout", "split"]);
}

#[test]
fn an_af_xdp_device_comes_back_to_two_shards() {
    come_back("devxdp2", Backend::Xdp, 2, &["--shards", "2"]);
}

/// MAC and MTU of what comes back are those of the new device.
#[test]
fn a_device_that_comes_back_is_read_anew() {
    let lab = Lab::start("devanew", Backend::Xdp);
    assert!(eventually(10, || answers(&lab)), "before");
    let mac = lab.link()["mac"].clone();
    lab.space.ip("link del host7");
    assert!(eventually(5, || lab.link()["state"] == "NOTPRESENT"), "{}", lab.link());
    lab.space.ip("link add host7 mtu 1400 type veth peer name veth7 mtu 1400");
    lab.space.ip("link set veth7 address 02:00:00:00:12:34");
    address_host(&lab);
    assert!(eventually(15, || answers(&lab)), "after: {}", lab.daemon.said());
    let link = lab.link();
    assert!(link["mtu"] == 1400 && link["mac"] == "02:00:00:00:12:34", "{link}");
    assert_ne!(mac, link["mac"]);
}

/// A device of another kind under the same name is not taken for the one that was lost.
#[test]
fn a_device_of_another_kind_is_not_taken_for_the_lost_one() {
    let lab = Lab::start("devkind", Backend::Tap);
    assert!(eventually(10, || answers(&lab)), "before");
    lab.space.ip("link del tap7");
    assert!(eventually(5, || lab.link()["state"] == "NOTPRESENT"), "{}", lab.link());
    lab.space.ip("link add tap7 type veth peer name host7");
    let said = || lab.daemon.said().contains("is an interface of driver veth, not a TAP device");
    assert!(eventually(5, said), "{}", lab.daemon.said());
    lab.space.ip("link del tap7");
    make(&lab, 1);
    assert!(eventually(15, || answers(&lab)), "the right one: {}", lab.daemon.said());
}

/// A device that the daemon made is made again: nobody else would.
#[test]
fn a_tap_that_the_daemon_made_is_made_again() {
    let space = Namespace::new("devmade");
    let args = ["--iface", "tap7", "--address", "10.0.1.7/24", "--demo"];
    let args = [&args[..], &["--address", "2001:db8:0:1::7/64"]].concat();
    let daemon = Daemon::start(&space, &args);
    let lab = Lab { daemon, space, backend: Backend::Tap };
    address_host(&lab);
    assert!(eventually(10, || answers(&lab)), "before");
    lab.space.ip("link del tap7");
    let back = || lab.space.shell("ip link show dev tap7").status.success();
    assert!(eventually(10, back), "{}", lab.daemon.said());
    address_host(&lab);
    assert!(eventually(10, || answers(&lab)), "after: {}", lab.daemon.said());
    assert!(is_asleep(&lab), "and no more is to be done");
}

/// `ip link set NAME name OTHER`, which Linux lets pass while the device is up.
#[test]
fn a_new_name_is_followed() {
    let (device, backend) = ("veth7", Backend::Xdp);
    let lab = Lab::start("devname", backend);
    assert!(eventually(10, || answers(&lab)), "before");
    let mut echo = Echo::open(&lab.space);
    lab.space.ip(&format!("link set {device} name lan0"));
    let names = || -> Vec<String> {
        let links = lab.daemon.records("link");
        links.iter().map(|l| l["name"].as_str().unwrap_or_default().to_string()).collect()
    };
    assert!(eventually(5, || names().contains(&"lan0".to_string())), "{:?}", names());
    assert!(!names().contains(&device.to_string()), "{:?}", names());
    assert!(lab.daemon.said().contains("renamed to lan0"), "{}", lab.daemon.said());
    echo.exchange(1);
    let added = lab.daemon.ctl("address add 10.0.1.9/24 dev lan0");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    // It is waited for under its last name, and under the configured one.
    for name in ["lan0", device] {
        lab.space.ip("link del host7");
        lab.space.ip(&format!("link add host7 type veth peer name {name}"));
        address_host(&lab);
        assert!(eventually(15, || answers(&lab)), "{name}: {}", lab.daemon.said());
        assert!(names().contains(&name.to_string()), "{:?}", names());
        echo.exchange(2);
    }
}

/// A TAP that is moved into another network namespace goes on passing frames.
#[test]
fn a_tap_that_is_moved_goes_on() {
    let lab = Lab::start("devmove", Backend::Tap);
    assert!(eventually(10, || answers(&lab)), "before");
    let other = Namespace::new("devmoved");
    lab.space.ip(&format!("link set tap7 netns {}", other.name()));
    other.ip("address add 10.0.1.1/24 dev tap7");
    other.ip("link set tap7 up");
    let reached = || other.shell("ping -n -c 1 -W 1 10.0.1.7").status.success();
    assert!(eventually(10, reached), "{}", lab.daemon.said());
    assert!(lab.daemon.said().contains("another network namespace"), "{}", lab.daemon.said());
}

/// A second daemon would take a part of the first one's flows.
#[test]
fn a_second_daemon_on_a_multi_queue_tap_is_refused() {
    let lab = Lab::with_queues("devtwo", Backend::Tap, 2, &[]);
    assert!(eventually(10, || answers(&lab)), "before");
    let socket = std::env::temp_dir().join(format!("{}-2.sock", lab.space.name()));
    let program = binary("pytcp-xdp");
    let second = lab
        .space
        .command(program.to_str().expect("path"))
        .args(["--iface", "tap7", "--address", "10.0.1.8/24"])
        .args(["--ipc-socket", socket.to_str().expect("path")])
        .output()
        .expect("pytcp-xdp");
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "{said}");
    assert!(said.contains("tap7") && said.contains("another user has queues of it"), "{said}");
    for byte in 0..20 {
        Echo::open(&lab.space).exchange(byte);
    }
}

/// Two hosts that each have a `tap7` may meet on one LAN; one host has the same MAC each time.
#[test]
fn the_mac_of_a_tap_is_the_hosts_own() {
    let mut other = None;
    for label in ["devmaca", "devmacb"] {
        let lab = Lab::start(label, Backend::Tap);
        let mac = lab.link()["mac"].as_str().expect("a MAC").to_string();
        let first = u8::from_str_radix(&mac[..2], 16).expect("hexadecimal");
        assert_eq!(first & 3, 2, "{mac}: locally administered, of one station");
        let Lab { daemon, space, .. } = lab;
        drop(daemon);
        let daemon = Daemon::start(&space, &["--iface", "tap7", "--address", "10.0.1.7/24"]);
        let lab = Lab { daemon, space, backend: Backend::Tap };
        assert_eq!(lab.link()["mac"], mac.as_str(), "the same at every start");
        assert_ne!(other.replace(mac.clone()), Some(mac), "another namespace's");
    }
}
