//! What a user sees who types the wrong thing, and what the command line can do.
//! Rows: DAEMON-03, DAEMON-07, DAEMON-08, LIFE-10.

use std::process::{Command, Output};

use rustix::process::Signal;
use tests::{Backend, Daemon, Lab, Namespace, binary, eventually};

fn run(space: &Namespace, args: &str) -> Output {
    let program = binary("pytcp-xdp");
    let mut command = space.command("timeout");
    command.arg("10").arg(program).args(args.split_whitespace()).output().expect("timeout(1)")
}

/// Exactly one line on standard error that says `what`, and a failure.
fn refuses(space: &Namespace, args: &str, what: &str) {
    let out = run(space, args);
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success() && out.status.code() != Some(124), "{args}: {:?}", out.status);
    assert_eq!(said.lines().count(), 1, "{args}: {said}");
    assert!(said.to_lowercase().contains(what), "{args} should speak of {what:?}: {said}");
}

#[test]
fn bad_values_get_one_clear_line() {
    let space = Namespace::new("cli");
    let socket = std::env::temp_dir().join(format!("{}.sock", space.name()));
    let socket = socket.to_str().expect("path");
    let with = |args: &str| format!("{args} --ipc-socket {socket}");
    refuses(&space, &with("--iface tap7 --address 10.0.1.300/24"), "10.0.1.300");
    refuses(&space, &with("--iface tap7 --address 10.0.1.7/33"), "33");
    refuses(&space, &with("--iface tap7 --gateway nowhere"), "nowhere");
    refuses(&space, &with("--iface tap7 --mtu 20"), "mtu");
    refuses(&space, &with("--iface tap7 --mac 01:00:5e:00:00:01"), "mac");
    refuses(&space, &with("--iface tap7 --backend carrier-pigeon"), "carrier-pigeon");
    refuses(&space, &with("--iface tap7 --layout sideways"), "sideways");
    refuses(&space, &with("--iface tap7 --cores 99"), "99");
    refuses(&space, &with("--iface a-name-that-is-too-long"), "name");
    let missing = with("--iface nosuch0 --backend xdp");
    refuses(&space, &missing, "nosuch0");
    assert_eq!(run(&space, &missing).status.code(), Some(1));
    refuses(&space, &with("--iface lo"), "without ethernet");
    space.ip("link add veth7 type veth peer name host7");
    refuses(&space, &with("--iface veth7 --mtu 3000"), "mtu 3000: the device's is 1500");
    refuses(&space, &with("--iface veth7 --mtu 9000"), "mtu 9000 is too large for xdp frames");
    refuses(&space, &with("--address 10.0.1.7/24"), "--iface");
    refuses(&space, "--iface tap7 --ipc-socket /nonexistent/x.sock", "/nonexistent/x.sock");
    refuses(&space, &with("--frobnicate"), "frobnicate");
}

#[test]
fn without_permission_it_says_so() {
    let space = Namespace::new("cli-perm");
    let program = binary("pytcp-xdp");
    let copy = std::env::temp_dir().join(format!("{}-pytcp-xdp", space.name()));
    std::fs::copy(program, &copy).expect("copy");
    let out = space
        .command("setpriv")
        .args(["--reuid=65534", "--clear-groups", "--inh-caps=-all"])
        .arg(&copy)
        .args(["--iface", "tap7", "--ipc-socket", "/tmp/pyx-perm.sock"])
        .output()
        .expect("setpriv(1)");
    std::fs::remove_file(&copy).expect("remove");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success());
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.to_lowercase().contains("permi"), "{said}");
}

/// DAEMON-01.
#[test]
fn a_tap_that_does_not_exist_is_created_and_goes_again() {
    let space = Namespace::new("cli-make");
    let mut daemon = Daemon::start(&space, &["--iface", "tap7", "--address", "10.0.1.7/24"]);
    space.ip("address add 10.0.1.1/24 dev tap7");
    space.ip("link set tap7 up");
    assert!(space.shell("ping -n -c 2 -i 0.1 -W 2 10.0.1.7").status.success());
    let socket = daemon.socket().to_owned();
    daemon.signal(Signal::INT);
    assert!(daemon.wait().success(), "Ctrl-C ends cleanly: {}", daemon.said());
    assert!(!socket.exists(), "the control socket is unlinked");
    assert!(!space.ip("-o link").contains("tap7"), "the device went with its owner");
}

#[test]
fn daemon_04_a_tun_that_does_not_exist_is_created_by_its_name() {
    let space = Namespace::new("cli-tun");
    let daemon = Daemon::start(&space, &["--iface", "tun3", "--address", "172.16.1.2/24"]);
    space.ip("address add 172.16.1.1/24 dev tun3");
    space.ip("link set tun3 up");
    assert!(space.shell("ping -n -c 1 -W 2 172.16.1.2").status.success(), "{}", daemon.said());
    assert!(space.ip("-d link show tun3").contains("tun type tun"));
}

#[test]
fn steering_is_chosen_by_what_the_kernel_has_unless_told() {
    let space = Lab::wire("cli-steer", Backend::Xdp);
    space.ip("address add 10.0.1.5/24 dev veth7");
    for (told, mode) in [("auto", "shared"), ("exclusive", "exclusive"), ("shared", "shared")] {
        let args = ["--iface", "veth7", "--address", "10.0.1.7/24", "--steering", told];
        let daemon = Daemon::start(&space, &args);
        let shown = daemon.records("link")[1]["mode"].to_string();
        assert!(shown.contains(&format!(" {mode} ")), "{told}: {shown}");
    }
    refuses(
        &space,
        "--iface tap7 --steering shared --ipc-socket /tmp/pyx-steer.sock",
        "only an xdp",
    );
}

#[test]
fn a_device_that_is_set_down_or_deleted_is_shown_so() {
    for backend in [Backend::Tap, Backend::Tun, Backend::Xdp] {
        let lab = Lab::start("cli-down", backend);
        let (space, device) = (&lab.space, backend.device());
        let shown = |lab: &Lab| (lab.link()["state"].clone(), lab.link()["flags"].to_string());
        let (state, flags) = shown(&lab);
        assert!(state == "UP" && flags.contains("LOWER_UP"), "{backend:?}: {state} {flags}");
        space.ip(&format!("link set {device} down"));
        let (state, flags) = shown(&lab);
        assert!(state == "DOWN" && !flags.contains("UP"), "{backend:?}: {state} {flags}");
        space.ip(&format!("link set {device} up"));
        assert!(eventually(5, || shown(&lab).0 == "UP"), "{backend:?}");
        space.ip(&format!("link delete {device}"));
        assert_eq!(shown(&lab).0, "NOTPRESENT", "{backend:?}");
    }
}

#[test]
fn names_of_pytcp_work_as_aliases() {
    let space = Lab::wire("cli-alias", Backend::Tap);
    let args = "-i tap7 --ip4-address 10.0.1.7/24 --ip6-address 2001:db8:0:1::7/64 \
                --mac-address 02:00:00:12:34:56";
    let daemon = Daemon::start(&space, &args.split_whitespace().collect::<Vec<_>>());
    assert!(space.shell("ping -n -c 1 -W 2 10.0.1.7").status.success());
    assert!(space.shell("ping -n -c 1 -W 2 2001:db8:0:1::7").status.success());
    assert_eq!(daemon.records("link")[1]["mac"], "02:00:00:12:34:56");
}

/// EX-10, DIFF-23.
#[test]
fn several_interfaces_each_with_its_own_options() {
    let space = Lab::wire("cli-multi", Backend::Tap);
    space.ip("tuntap add tun3 mode tun");
    space.ip("address add 172.16.1.1/24 dev tun3");
    space.ip("link set tun3 up");
    let args = "--iface tap7 --address 10.0.1.7/24 --mtu 1400 --iface tun3 --address 172.16.1.2/24";
    let daemon = Daemon::start(&space, &args.split_whitespace().collect::<Vec<_>>());
    assert!(space.shell("ping -n -c 1 -W 2 10.0.1.7").status.success());
    assert!(space.shell("ping -n -c 1 -W 2 172.16.1.2").status.success());
    let links = daemon.records("link");
    let mtu = |name: &str| links.iter().find(|l| l["name"] == name).expect("listed")["mtu"].clone();
    assert_eq!((mtu("tap7"), mtu("tun3")), (1400.into(), 1500.into()));
}

/// GAP-07.
#[test]
fn a_second_daemon_does_not_take_the_control_socket() {
    let space = Lab::wire("cli-second", Backend::Tap);
    let daemon = Daemon::start(&space, &["--iface", "tap7", "--address", "10.0.1.7/24"]);
    let path = daemon.socket().to_str().expect("path").to_owned();
    // DAEMON-06: it says where it listens.
    assert!(eventually(5, || daemon.said().contains(&format!("control socket {path}"))));
    refuses(&space, &format!("--iface tap8 --ipc-socket {path}"), &path.to_lowercase());
    assert!(daemon.ctl("link").status.success(), "the first one lives on");
}

#[test]
fn a_stale_control_socket_is_replaced() {
    let space = Lab::wire("cli-stale", Backend::Tap);
    let mut daemon = Daemon::start(&space, &["--iface", "tap7", "--address", "10.0.1.7/24"]);
    daemon.signal(Signal::KILL);
    daemon.wait();
    assert!(daemon.socket().exists(), "SIGKILL leaves the path behind");
    let out = daemon.ctl("link");
    assert_eq!(out.status.code(), Some(1), "no daemon: exit status 1");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    let again = Daemon::start(&space, &["--iface", "tap7", "--address", "10.0.1.7/24"]);
    assert!(eventually(5, || space.shell("ping -n -c 1 -W 1 10.0.1.7").status.success()));
    drop(again);
}

#[test]
fn help_and_version_exit_with_success() {
    for flag in ["--help", "--version"] {
        for name in ["pytcp-xdp", "ctl"] {
            let out = Command::new(binary(name)).arg(flag).output().expect("runs");
            assert!(out.status.success() && !out.stdout.is_empty(), "{name} {flag}");
        }
    }
}
