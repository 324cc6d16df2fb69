//! A socket of a stack in this process: ring halves, a doorbell, and when to sleep.
//!
//! Every operation is an attempt, which looks at the ring and at the socket's state and never
//! waits. [`Local::read_side`] and [`Local::write_side`] drive attempts by the rules of
//! [`crate::doorbell`]: what would block prepares the doorbell, announces sleep, and tries once
//! more before it sleeps or says `WouldBlock`. The lock of a ring half is not held during sleep,
//! so several threads may wait on one socket and any may shut it down.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::bytes::{Reader, Writer};
use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::doorbell::{self, Doorbell};
use crate::stack::{LocalSocket, SocketHandle};

/// A local socket of any kind.
pub(crate) struct Local {
    rx: Option<Mutex<Reader>>,
    tx: Option<Mutex<Writer>>,
    doorbell: Doorbell,
    handle: Arc<dyn SocketHandle>,
    nonblocking: AtomicBool,
    /// The connect attempt has not been seen to end.
    connecting: AtomicBool,
    /// Shut down by the application.
    read_ended: AtomicBool,
    write_ended: AtomicBool,
    /// The error that ended the connection was told; after that a read is an end of stream.
    error_told: AtomicBool,
    read_timeout: Timeout,
    write_timeout: Timeout,
}

impl Local {
    pub(crate) fn new(socket: LocalSocket) -> Self {
        let LocalSocket { tx, rx, doorbell, handle, .. } = socket;
        if let Some(rx) = &rx {
            // From here on "waiting or rung" holds, also for who polls before the first read.
            rx.set_waiting(true);
            if !rx.is_empty() || rx.finish_requested() {
                doorbell.bell().ring();
            }
        }
        Self {
            rx: rx.map(Mutex::new),
            tx: tx.map(Mutex::new),
            doorbell,
            handle,
            nonblocking: AtomicBool::new(false),
            connecting: AtomicBool::new(false),
            read_ended: AtomicBool::new(false),
            write_ended: AtomicBool::new(false),
            error_told: AtomicBool::new(false),
            read_timeout: Timeout::default(),
            write_timeout: Timeout::default(),
        }
    }

    /// A socket whose connect attempt has just begun: not writable until it ends.
    pub(crate) fn connecting(socket: LocalSocket) -> Self {
        let local = Self::new(socket);
        local.connecting.store(true, Ordering::Relaxed);
        local.doorbell.fill();
        if local.handle.connect_result().is_some() {
            local.doorbell.bell().open();
        }
        local
    }

    pub(crate) fn handle(&self) -> &dyn SocketHandle {
        &*self.handle
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    pub(crate) fn read_timeout(&self) -> &Timeout {
        &self.read_timeout
    }

    pub(crate) fn write_timeout(&self) -> &Timeout {
        &self.write_timeout
    }

    /// Waits for the outcome of the connect attempt.
    pub(crate) fn finish_connect(&self, timeout: Option<Duration>) -> io::Result<()> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(result) = self.connect_result() {
                return result;
            }
            self.doorbell.fill();
            if let Some(result) = self.connect_result() {
                self.doorbell.bell().open();
                return result;
            }
            doorbell::wait(self.doorbell.as_fd(), PollFlags::OUT, deadline)?;
        }
    }

    /// Outcome of the connect attempt; `None` while it goes on. A failure is told once.
    fn connect_result(&self) -> Option<io::Result<()>> {
        if !self.connecting.load(Ordering::Acquire) {
            return Some(Ok(()));
        }
        let result = self.handle.connect_result()?;
        self.connecting.store(false, Ordering::Release);
        if result.is_err() {
            self.tell_error();
        }
        Some(result)
    }

    /// SO_ERROR.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        if let Some(Err(error)) = self.connect_result() {
            return Some(error);
        }
        let error = self.handle.take_error();
        if error.is_some() {
            self.error_told.store(true, Ordering::Relaxed);
        }
        error
    }

    /// Takes SO_ERROR of a stream: the error that ended it, once.
    pub(crate) fn take_stream_error(&self) -> Option<io::Error> {
        let told = self.error_told.load(Ordering::Relaxed);
        self.take_error().filter(|_| !told)
    }

    /// Whether the error that ended the connection is still to be told; from then on it is not.
    fn tell_error(&self) -> bool {
        let _ = self.handle.take_error(); // the same one
        !self.error_told.swap(true, Ordering::Relaxed)
    }

    /// Reads bytes of a stream; with `peek` they stay.
    pub(crate) fn read(&self, buf: &mut [u8], peek: bool) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.read_side(|rx| self.try_read(rx, buf, peek))
    }

    fn try_read(&self, rx: &mut Reader, buf: &mut [u8], peek: bool) -> Option<io::Result<usize>> {
        if self.read_ended.load(Ordering::Relaxed) {
            return Some(Ok(0));
        }
        // Looked at first: what a writer left before it went is then seen below.
        let abandoned = rx.writer_gone();
        let n = copy_out(rx, buf);
        if n > 0 {
            if !peek {
                rx.release(n);
                self.handle.consumed();
            }
            return Some(Ok(n));
        }
        if rx.is_finished() {
            return Some(match rx.error() {
                Some(code) if self.tell_error() => {
                    Err(io::Error::from_raw_os_error(i32::from(code)))
                }
                _ => Ok(0),
            });
        }
        (abandoned && !rx.finish_requested()).then(|| Err(Errno::CONNABORTED.into()))
    }

    /// Writes bytes of a stream.
    pub(crate) fn write(&self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.write_side(|tx| {
            if let Some(end) = self.write_end(tx) {
                return end.map(Err);
            }
            let n = tx.write(buf);
            if n == 0 {
                return None;
            }
            // Nobody knows when the next write comes.
            tx.rest();
            self.handle.written();
            Some(Ok(n))
        })
    }

    /// Writes bytes of a stream of which the last is urgent.
    pub(crate) fn send_urgent(&self, buf: &[u8]) -> io::Result<usize> {
        self.write_side(|tx| {
            if let Some(end) = self.write_end(tx) {
                return end.map(Err);
            }
            // Half of it would end in the wrong byte.
            if tx.free() < buf.len() {
                return (buf.len() > tx.limit()).then(|| Err(Errno::MSGSIZE.into()));
            }
            let n = tx.write(buf);
            tx.rest();
            self.handle.urged();
            Some(Ok(n))
        })
    }

    /// Whether the next byte is the one where urgent data was.
    pub(crate) fn at_mark(&self) -> bool {
        self.rx.as_ref().is_some_and(|rx| lock(rx).at_mark())
    }

    /// Why nothing can be written: `Some(None)` while connecting, `Some(error)` for good.
    fn write_end(&self, tx: &Writer) -> Option<Option<io::Error>> {
        if self.write_ended.load(Ordering::Relaxed) {
            return Some(Some(Errno::PIPE.into()));
        }
        match self.connect_result() {
            None => return Some(None),
            Some(Err(error)) => return Some(Some(error)),
            Some(Ok(())) => {}
        }
        if tx.reader_gone() {
            let error = self.take_stream_error();
            return Some(Some(error.unwrap_or_else(|| Errno::PIPE.into())));
        }
        None
    }

    /// Drives an attempt on the receiving half.
    pub(crate) fn read_side<T>(
        &self,
        mut attempt: impl FnMut(&mut Reader) -> Option<io::Result<T>>,
    ) -> io::Result<T> {
        let Some(rx) = &self.rx else { return Err(Errno::NOTCONN.into()) };
        let mut deadline = Deadline::default();
        loop {
            let mut half = lock(rx);
            if let Some(result) = attempt(&mut half) {
                return result;
            }
            self.doorbell.silence();
            half.set_waiting(true);
            if let Some(result) = attempt(&mut half) {
                // The byte for what just came may be among those taken out, and more may be left.
                self.doorbell.bell().ring();
                half.set_waiting(false);
                return result;
            }
            drop(half);
            self.sleep(PollFlags::IN, deadline.within(&self.read_timeout))?;
        }
    }

    /// Drives an attempt on the sending half.
    pub(crate) fn write_side<T>(
        &self,
        mut attempt: impl FnMut(&mut Writer) -> Option<io::Result<T>>,
    ) -> io::Result<T> {
        let Some(tx) = &self.tx else { return Err(Errno::NOTCONN.into()) };
        let mut deadline = Deadline::default();
        loop {
            let mut half = lock(tx);
            if let Some(result) = attempt(&mut half) {
                return result;
            }
            self.doorbell.fill();
            half.set_waiting(true);
            if let Some(result) = attempt(&mut half) {
                self.doorbell.bell().open();
                half.set_waiting(false);
                return result;
            }
            drop(half);
            self.sleep(PollFlags::OUT, deadline.within(&self.write_timeout))?;
        }
    }

    /// The next connection of a listener.
    pub(crate) fn accept(&self) -> io::Result<LocalSocket> {
        let would_block = |result: &io::Result<LocalSocket>| {
            result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        loop {
            let result = self.handle.accept();
            if !would_block(&result) {
                return result;
            }
            self.doorbell.silence();
            let result = self.handle.accept();
            if !would_block(&result) {
                self.doorbell.bell().ring();
                return result;
            }
            self.sleep(PollFlags::IN, None)?;
        }
    }

    /// Waits, unless the socket is non-blocking.
    fn sleep(&self, events: PollFlags, deadline: Option<Instant>) -> io::Result<()> {
        if self.nonblocking.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        doorbell::wait(self.doorbell.as_fd(), events, deadline)
            .map_err(doorbell::timeout_as_would_block)
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Write {
            self.read_ended.store(true, Ordering::Relaxed);
        }
        if how != Shutdown::Read {
            self.write_ended.store(true, Ordering::Relaxed);
            if let Some(tx) = &self.tx {
                lock(tx).finish();
            }
        }
        self.handle.shutdown(how);
        // Who sleeps on this socket finds the new state, and so does who polls it.
        self.doorbell.bell().ring();
        self.doorbell.bell().open();
        Ok(())
    }
}

impl AsFd for Local {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.doorbell.as_fd()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(tx) = &self.tx {
            lock(tx).finish();
        }
        self.handle.close();
    }
}

/// Copies from the start of the ring as much as `buf` takes, and leaves it there.
pub(crate) fn copy_out(rx: &Reader, buf: &mut [u8]) -> usize {
    copy_out_at(rx, 0, buf)
}

/// Copies from `offset` on as much as `buf` takes, and leaves it there.
pub(crate) fn copy_out_at(rx: &Reader, offset: usize, buf: &mut [u8]) -> usize {
    rx.read_at(offset, buf)
}

fn lock<T>(half: &Mutex<T>) -> MutexGuard<'_, T> {
    half.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A timeout that may be changed while another thread waits; none at first.
#[derive(Debug, Default)]
pub(crate) struct Timeout(AtomicU64);

impl Timeout {
    /// A timeout of zero is refused, as by `std::net`.
    pub(crate) fn set(&self, timeout: Option<Duration>) -> io::Result<()> {
        let nanos = match timeout {
            Some(Duration::ZERO) => return Err(Errno::INVAL.into()),
            Some(timeout) => u64::try_from(timeout.as_nanos()).unwrap_or(0),
            None => 0,
        };
        self.0.store(nanos, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn value(&self) -> Option<Duration> {
        let nanos = self.0.load(Ordering::Relaxed);
        (nanos != 0).then(|| Duration::from_nanos(nanos))
    }
}

/// When an operation must give up; the clock is read only when it first sleeps.
#[derive(Default)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn within(&mut self, timeout: &Timeout) -> Option<Instant> {
        if self.0.is_none() {
            self.0 = timeout.value().and_then(|timeout| Instant::now().checked_add(timeout));
        }
        self.0
    }
}

#[cfg(test)]
mod tests;
