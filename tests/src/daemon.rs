//! The daemon as a child process, and the other programs of the project.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::Namespace;

/// The path of one of the project's programs, built beside this test.
///
/// # Panics
/// Where it has not been built.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("own path");
    let folder = test.ancestors().nth(2).expect("target folder");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: build the workspace first", path.display());
    path
}

/// Asks `what` every 20 ms until it holds, for at most `seconds`; whether it did.
pub fn eventually(seconds: u64, mut what: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if what() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A running `pytcp-xdp`. Ended by SIGTERM when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    socket: PathBuf,
    said: Arc<Mutex<String>>,
}

impl Daemon {
    /// Starts it inside `space` with `args`, and waits until its control socket answers.
    ///
    /// # Panics
    /// Where it ends early or does not answer within ten seconds; what it said is shown.
    #[must_use]
    pub fn start(space: &Namespace, args: &[&str]) -> Self {
        let socket = std::env::temp_dir().join(format!("{}.sock", space.name()));
        let program = binary("pytcp-xdp");
        let mut child = space
            .command(program.to_str().expect("path"))
            .args(args)
            .args(["--ipc-socket", socket.to_str().expect("path")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("pytcp-xdp");
        let said = Arc::new(Mutex::new(String::new()));
        let (log, stderr) = (said.clone(), child.stderr.take().expect("stderr"));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = log.lock().expect("log");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut daemon = Self { child, socket, said };
        let up = eventually(10, || {
            daemon.child.try_wait().expect("wait").is_some() || daemon.ctl("link").status.success()
        });
        let alive = daemon.child.try_wait().expect("wait").is_none();
        assert!(up && alive, "pytcp-xdp {args:?} did not start: {}", daemon.said());
        daemon
    }

    /// How often its threads have gone to sleep since each began: the sum of what
    /// `/proc/PID/task/TID/status` calls voluntary context switches.
    ///
    /// # Panics
    /// Where the process is gone.
    #[must_use]
    pub fn sleeps(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("tasks");
        let status =
            tasks.map(|task| std::fs::read_to_string(task.expect("task").path().join("status")));
        let count = |status: std::io::Result<String>| {
            let status = status.ok()?;
            let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"))?;
            line.trim().parse::<u64>().ok()
        };
        status.filter_map(count).sum()
    }

    /// How long its threads have run since it began, in clock ticks of 10 ms.
    ///
    /// # Panics
    /// Where the process is gone.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("stat");
        // utime and stime, counted from behind the program's name, which may have spaces.
        let after = stat.rsplit(')').next().expect("fields");
        after.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().expect("ticks")).sum()
    }

    /// The path of its control socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it wrote to standard error so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.said.lock().expect("log").clone()
    }

    /// Its process id. (`ip netns exec` replaces itself by the program.)
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs `ctl` against it with `args`, split at white space.
    ///
    /// # Panics
    /// Where `ctl` cannot be started.
    #[must_use]
    pub fn ctl(&self, args: &str) -> Output {
        std::process::Command::new(binary("ctl"))
            .args(["--ipc-socket", self.socket.to_str().expect("path")])
            .args(args.split_whitespace())
            .output()
            .expect("ctl")
    }

    /// `ctl -j args` as records.
    ///
    /// # Panics
    /// Where the command fails or its output is no list.
    #[must_use]
    pub fn records(&self, args: &str) -> Vec<Value> {
        let out = self.ctl(&format!("-j {args}"));
        assert!(out.status.success(), "ctl {args}: {}", String::from_utf8_lossy(&out.stderr));
        match serde_json::from_slice(&out.stdout).expect("JSON") {
            Value::Array(records) => records,
            other => vec![other],
        }
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// Where the process is gone already.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("pid");
        kill_process(pid, signal).expect("kill");
    }

    /// Waits for its end, at most ten seconds.
    ///
    /// # Panics
    /// Where it lives on.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually(10, || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("pytcp-xdp ends")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let ended = eventually(5, || !matches!(self.child.try_wait(), Ok(None)));
            if !ended {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
        // A killed one leaves it behind.
        let _ = std::fs::remove_file(&self.socket);
        if thread::panicking() {
            eprintln!("--- pytcp-xdp said:\n{}", self.said());
        }
    }
}
