//! Threads that start after the stack has: those that open a device again, and those that step its
//! ports then. The stack joins them when it ends.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::port::handle::PortThreadHandle;

/// The threads of one stack.
#[derive(Clone, Default)]
pub(crate) struct LateThreads(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    closing: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    threads: Vec<JoinHandle<()>>,
    /// What ends those of them that step a port; they have it as long as they run.
    ports: Vec<Weak<PortThreadHandle>>,
}

impl LateThreads {
    /// Starts a thread that ends by itself, soon after [`LateThreads::wait`] says so.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn start(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(name.into()).spawn(work)?;
        let mut state = self.lock();
        // Those that have ended need no joining.
        state.threads.retain(|thread| !thread.is_finished());
        state.threads.push(thread);
        Ok(())
    }

    /// Starts a thread that steps a port, and ends by its handle.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn start_port(
        &self,
        name: &str,
        handle: &Arc<PortThreadHandle>,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        self.start(name, work)?;
        let mut state = self.lock();
        if state.closed {
            handle.stop();
        }
        state.ports.retain(|port| port.strong_count() > 0);
        state.ports.push(Arc::downgrade(handle));
        Ok(())
    }

    /// Waits; returns whether the stack ends meanwhile.
    pub(crate) fn wait(&self, span: Duration) -> bool {
        let waiting = |state: &mut State| !state.closed;
        let waited = self.0.closing.wait_timeout_while(self.lock(), span, waiting);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Ends and joins all. The engines have ended.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.0.closing.notify_all();
        loop {
            let mut state = self.lock();
            state.ports.drain(..).filter_map(|port| port.upgrade()).for_each(|port| port.stop());
            let Some(thread) = state.threads.pop() else { return };
            drop(state);
            // A thread that panicked has reported it on stderr.
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
