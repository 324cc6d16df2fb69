//! Processes that the runner starts: roles of this executable, and through one of them the daemon.
//!
//! Each gets a log for what it says on stderr, is waited for with a bound, and is ended when its
//! value goes. A result is the last line of output, a JSON object.
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::netns::is_stale;
use crate::os::{failed, interrupted};

/// How long a process may take to end when asked.
const END: Duration = Duration::from_secs(2);
/// Lines of a log shown with an error.
const LOG_LINES: usize = 6;

/// The run's own directory for logs and control sockets; removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes it, and removes those of runs whose process is gone.
    pub fn new() -> io::Result<Self> {
        for entry in fs::read_dir(std::env::temp_dir())?.flatten() {
            if entry.file_name().to_str().is_some_and(is_stale) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let path = std::env::temp_dir().join(format!("pyx-bench-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process of ours.
pub struct Child {
    process: std::process::Child,
    log: PathBuf,
}

impl Child {
    /// Starts this executable in the role that `arguments` say.
    pub fn start(arguments: &[String], log: &Path) -> io::Result<Self> {
        let process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()?;
        Ok(Self { process, log: log.to_owned() })
    }

    /// Waits for the end and returns the result.
    pub fn result(mut self, patience: Duration) -> io::Result<Value> {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait()? {
                break status;
            }
            if interrupted() {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            if begin.elapsed() > patience {
                return Err(failed("did not end in time", self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let mut output = String::new();
        if let Some(mut pipe) = self.process.stdout.take() {
            pipe.read_to_string(&mut output)?;
        }
        if !status.success() {
            // An interrupt from a terminal reaches the roles too.
            if interrupted() {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            return Err(io::Error::other(self.last_words()));
        }
        let line = output.lines().last().unwrap_or_default();
        serde_json::from_str(line).map_err(|e| failed("result", e))
    }

    /// Whether it is still there.
    pub fn alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// The end of what it said on stderr.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        match lines.len() {
            0 => "it said nothing".into(),
            count => lines[count.saturating_sub(LOG_LINES)..].join(" | "),
        }
    }

    fn end(&mut self) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let begin = Instant::now();
        while self.alive() && begin.elapsed() < END {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.alive() {
            self.end();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
