//! A network namespace with a TAP device, and the daemon in it. Needs root.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A namespace in which the kernel is 10.0.1.1 on tap7, and a daemon that is 10.0.1.7.
pub struct Lab {
    pub space: String,
    pub socket: PathBuf,
    pub daemon: Child,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Lab {
    pub fn start(more: &[&str]) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let space = format!("pyx-rt-{}-{number}", std::process::id());
        run(&format!("ip netns add {space}"));
        for step in [
            "link set lo up",
            "tuntap add tap7 mode tap",
            "address add 10.0.1.1/24 dev tap7",
            "address add 2001:db8:0:1::1/64 dev tap7 nodad",
            "link set tap7 up",
        ] {
            run(&format!("ip -n {space} {step}"));
        }
        let socket = std::env::temp_dir().join(format!("{space}.sock"));
        let daemon = Command::new("ip")
            .args(["netns", "exec", &space, env!("CARGO_BIN_EXE_pytcp-xdp")])
            .args(["--iface", "tap7", "--address", "10.0.1.7/24"])
            .args(["--address", "2001:db8:0:1::7/64", "--demo", "--ipc-socket"])
            .arg(&socket)
            .args(more)
            .stdout(Stdio::null())
            .spawn()
            .expect("pytcp-xdp");
        let lab = Self { space, socket, daemon };
        assert!(eventually(|| lab.stack().is_ok()), "the control socket answers");
        lab
    }

    pub fn stack(&self) -> std::io::Result<client::Stack> {
        client::Stack::connect(Some(&self.socket))
    }

    /// Runs a program inside, split at white space.
    pub fn inside(&self, command: &str) -> Output {
        self.command(command).output().expect("runs")
    }

    pub fn command(&self, command: &str) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.space]).args(command.split_whitespace());
        inside
    }

    pub fn signal(&self, signal: &str) {
        run(&format!("kill -{signal} {}", self.daemon.id()));
    }

    pub fn pings(&self) -> bool {
        self.inside("ping -n -c 1 -W 2 10.0.1.7").status.success()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if matches!(self.daemon.try_wait(), Ok(None)) {
            self.signal("TERM");
            let _ = self.daemon.wait();
        }
        run(&format!("ip netns del {}", self.space));
        let _ = std::fs::remove_file(&self.socket);
    }
}

pub fn run(command: &str) {
    let mut words = command.split_whitespace();
    let status = Command::new(words.next().expect("a program")).args(words).status();
    assert!(status.expect("runs").success(), "{command}");
}

/// Asks until it holds, for ten seconds at most.
pub fn eventually(mut what: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(10);
    while !what() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}
