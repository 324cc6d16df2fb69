//! The Makefile's network targets, in a namespace: devices, addresses, the stack on each of them.
//! Rows: EX-01, EX-02, EX-03, EX-04, EX-05, EX-06.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tests::{Namespace, binary, eventually};

/// A `make TARGET NETNS=..` with the programs of this build, in a process group of its own.
struct Make {
    child: Child,
    runtime: PathBuf,
}

/// `make` without its building: the programs are those beside this test.
fn make(space: &Namespace, targets: &[&str]) -> Command {
    let programs = binary("pytcp-xdp");
    let programs = programs.parent().and_then(Path::to_str).expect("folder");
    let mut command = Command::new("make");
    command
        .arg("--directory")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["--silent", "--old-file=deps", "--old-file=build"])
        .args([format!("NETNS={}", space.name()), format!("BIN={programs}")])
        .args(targets);
    command
}

fn set_up(space: &Namespace, targets: &[&str]) {
    let out = make(space, targets).output().expect("make");
    assert!(out.status.success(), "{targets:?}: {}", String::from_utf8_lossy(&out.stderr));
}

impl Make {
    fn run(space: &Namespace, target: &str) -> Self {
        let runtime = std::env::temp_dir().join(format!("{}-{target}", space.name()));
        std::fs::create_dir(&runtime).expect("folder");
        let child = make(space, &[target])
            .env("XDG_RUNTIME_DIR", &runtime)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("make");
        Self { child, runtime }
    }

    fn socket(&self) -> PathBuf {
        self.runtime.join("pytcp.sock")
    }

    fn interrupt(&self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("pid");
        let _ = kill_process_group(group, Signal::INT);
    }
}

impl Drop for Make {
    fn drop(&mut self) {
        self.interrupt();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.runtime);
    }
}

/// Starts `target` and pings every address; Ctrl-C then ends it and its control socket goes.
fn serves(target: &str, addresses: &[&str]) {
    let space = Namespace::new("make");
    let running = Make::run(&space, target);
    for address in addresses {
        let line = format!("ping -n -c 1 -W 1 {address}");
        assert!(eventually(10, || space.shell(&line).status.success()), "{target}: {address}");
    }
    let first = addresses[0];
    let page = space.shell(&format!("curl -sS --fail --max-time 5 http://{first}/"));
    assert!(page.status.success(), "{target}: {}", String::from_utf8_lossy(&page.stderr));
    assert!(running.socket().exists());
    running.interrupt();
    assert!(eventually(10, || !running.socket().exists()), "{target}: Ctrl-C ends it");
}

#[test]
fn run_on_tap7() {
    serves("run", &["10.0.1.7", "2001:db8:0:1::7"]);
}

#[test]
fn run_on_two_taps() {
    serves("run_multi", &["10.0.1.7", "10.0.1.9", "2001:db8:0:1::7", "2001:db8:0:1::9"]);
}

#[test]
fn run_on_tun3() {
    serves("run_tun", &["172.16.1.2", "2001:db8:1::2"]);
}

#[test]
fn run_on_tun5() {
    serves("run_tun5", &["172.16.2.2", "2001:db8:2::2"]);
}

#[test]
fn run_on_veth7_by_af_xdp() {
    serves("run_xdp", &["10.0.1.7", "2001:db8:0:1::7"]);
}

/// Both ways of `10.0.1.1` to the stack, one after the other, as somebody would who tries each.
#[test]
fn the_bridge_and_the_veth_pair_do_not_get_in_each_other_s_way() {
    let space = Namespace::new("make-turn");
    for target in ["run", "run_xdp", "run"] {
        let running = Make::run(&space, target);
        for address in ["10.0.1.7", "2001:db8:0:1::7"] {
            let line = format!("ping -n -c 1 -W 1 {address}");
            assert!(eventually(10, || space.shell(&line).status.success()), "{target}: {address}");
        }
        drop(running);
    }
}

#[test]
fn devices_can_be_made_twice_and_removed() {
    let space = Namespace::new("make-net");
    let targets = ["bridge", "tap7", "tap9", "tun3", "tun5"];
    for _ in 0..2 {
        set_up(&space, &targets);
    }
    let links = space.ip("-o address");
    for part in ["10.0.1.1/24", "2001:db8:0:1::1/64", "172.16.1.1/24", "2001:db8:1::1/64"] {
        assert!(links.contains(part), "{part}: {links}");
    }
    for part in ["172.16.2.1/24", "2001:db8:2::1/64"] {
        assert!(links.contains(part), "{part}: {links}");
    }
    for tap in ["tap7", "tap9"] {
        assert!(space.ip(&format!("-o link show {tap}")).contains("master br0"), "{tap}");
    }
    set_up(&space, &["clean_net"]);
    let names = Command::new("ip").args(["netns", "list"]).output().expect("ip(8)");
    assert!(!String::from_utf8_lossy(&names.stdout).contains(space.name()));
}
