//! tcpdump at the peer's device.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Namespace;

/// A capture in progress; its file goes with it.
#[derive(Debug)]
pub struct Tcpdump {
    child: Child,
    file: PathBuf,
}

impl Tcpdump {
    /// Starts to capture what matches `filter` on `device`; once this returns nothing is missed.
    ///
    /// # Panics
    /// Where tcpdump does not start.
    #[must_use]
    pub fn start(space: &Namespace, device: &str, filter: &str) -> Self {
        let file = std::env::temp_dir().join(format!("{}.pcap", space.name()));
        let mut child = space
            .command("tcpdump")
            .args(["-n", "-U", "--immediate-mode", "-s", "128", "-Z", "root", "-i", device, "-w"])
            .arg(&file)
            .arg(filter)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tcpdump");
        let mut said = String::new();
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr"));
        while !said.contains("listening on") {
            said.clear();
            assert!(stderr.read_line(&mut said).expect("tcpdump talks") > 0, "tcpdump ended");
        }
        Self { child, file }
    }

    /// Ends it and returns its packets as tcpdump prints them, one a line, without times.
    ///
    /// # Panics
    /// Where tcpdump cannot read its own file.
    #[must_use]
    pub fn lines(mut self) -> Vec<String> {
        // The last packets may still be on their way to tcpdump.
        std::thread::sleep(Duration::from_millis(200));
        self.end();
        let out = Command::new("tcpdump").args(["-n", "-t", "-r"]).arg(&self.file).output();
        let out = out.expect("tcpdump");
        assert!(out.status.success(), "tcpdump: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
    }

    fn end(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Tcpdump {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
        let _ = std::fs::remove_file(&self.file);
    }
}
