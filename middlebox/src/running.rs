//! A middlebox on a thread of its own, in a network namespace of its own.
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::forward::Middlebox;
use crate::link::Counters;
use crate::path::Paths;

/// A middlebox that forwards until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<[Counters; 2]>>>,
}

impl Running {
    /// Joins two devices of the namespace that `ip netns` calls `namespace`; once this returns, no
    /// frame is missed.
    ///
    /// # Errors
    /// Where the namespace cannot be entered or a device not be opened.
    pub fn start(namespace: &str, devices: [&str; 2], paths: &Paths) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (opened, is_open) = channel();
        let (path, paths, stopped) = (format!("/var/run/netns/{namespace}"), *paths, stop.clone());
        let devices = devices.map(str::to_owned);
        let thread = thread::Builder::new().name("middlebox".into()).spawn(move || {
            let open = || {
                let file = File::open(&path)
                    .map_err(|e| io::Error::new(e.kind(), format!("namespace {path}: {e}")))?;
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
                Middlebox::open([&devices[0], &devices[1]], &paths)
            };
            let open = open();
            // The receiver waits below.
            let _ = opened.send(open.as_ref().map(|_| ()).map_err(ToString::to_string));
            open?.run(&stopped)
        })?;
        match is_open.recv() {
            Ok(Ok(())) => Ok(Self { stop, thread: Some(thread) }),
            Ok(Err(why)) => Err(io::Error::other(why)),
            Err(_) => Err(io::Error::other("the middlebox ended while it started")),
        }
    }

    /// Ends it; what each direction did.
    ///
    /// # Errors
    /// What ended it before.
    pub fn stop(mut self) -> io::Result<[Counters; 2]> {
        self.end()
    }

    fn end(&mut self) -> io::Result<[Counters; 2]> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(io::Error::other("the middlebox panicked")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _ = self.end();
        }
    }
}
