//! Network namespaces that a test makes and removes.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A namespace of this test's own, removed when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace with loopback up; its name holds `label` and is unique on the machine.
    ///
    /// # Panics
    /// Where `ip netns add` fails: without root, say.
    #[must_use]
    pub fn new(label: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let space = Self { name: format!("pyx-{label}-{}-{number}", std::process::id()) };
        let made = Command::new("ip").args(["netns", "add", &space.name]).output().expect("ip(8)");
        assert!(made.status.success(), "ip netns add: {}", String::from_utf8_lossy(&made.stderr));
        space.ip("link set lo up");
        space
    }

    /// Its name, as `ip netns` shows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip -n NAME args`.
    ///
    /// # Panics
    /// Where the command fails.
    pub fn ip(&self, args: &str) -> String {
        let out = Command::new("ip")
            .args(["-n", &self.name])
            .args(args.split_whitespace())
            .output()
            .expect("ip(8)");
        assert!(out.status.success(), "ip {args}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// A command that will run inside.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs `line` by a shell inside and returns what came of it.
    ///
    /// # Panics
    /// Where the shell cannot be started.
    #[must_use]
    pub fn shell(&self, line: &str) -> Output {
        self.command("sh").args(["-c", line]).output().expect("sh")
    }

    /// Runs `work` on a thread that lives inside: sockets that it opens are the namespace's.
    ///
    /// # Panics
    /// With `work`, or where the namespace cannot be entered.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let file = File::open(format!("/run/netns/{}", self.name)).expect("namespace");
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("setns");
                work()
            });
            match inside.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}
