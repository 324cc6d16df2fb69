//! A running stack: [`Stack`], what it was started with, and why one did not start.

use std::io;
use std::thread::JoinHandle;

use addr::Cidr;
use datapath::PortError;

use crate::command::Command;
use crate::late::LateThreads;
use crate::mailbox::Engines;

/// Why a stack did not start. One line for people.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A device cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The stack does not take an interface, an address or a gateway.
    #[error("{interface}: {what}: {why}")]
    Refused {
        /// The interface.
        interface: String,
        /// What was to be added.
        what: String,
        /// Why not.
        why: String,
    },
    /// There cannot be so many shards.
    #[error("{0} shards: their number must be 1 to {max}", max = datapath::SHARDS_MAX)]
    Shards(usize),
    /// A service could not be opened.
    #[error("service on port {port}: {why}")]
    Service {
        /// Its port.
        port: u16,
        /// Why not.
        why: stack::SocketError,
    },
    /// The operating system refused a thread or a descriptor.
    #[error("cannot start: {0}")]
    Os(#[from] io::Error),
}

/// An interface of a running stack, as it was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its name.
    pub name: String,
    /// How the device is driven.
    pub mode: String,
    /// How many queues of the device are open.
    pub queues: usize,
    /// Receive queues of the device that the stack does not serve.
    pub unserved_queues: u32,
    /// The addresses it was started with.
    pub addresses: Vec<Cidr>,
}

/// A running stack. It stops when this is dropped: connections are closed, devices let go.
pub struct Stack {
    engines: Engines,
    threads: Vec<JoinHandle<()>>,
    sockets: client::Stack,
    opened: Vec<Opened>,
    late: LateThreads,
}

impl Stack {
    pub(crate) fn new(
        engines: Engines,
        sockets: client::Stack,
        opened: Vec<Opened>,
        late: LateThreads,
    ) -> Self {
        Self { engines, threads: Vec::new(), sockets, opened, late }
    }

    /// One of its threads has started.
    pub(crate) fn add_thread(&mut self, thread: JoinHandle<()>) {
        self.threads.push(thread);
    }

    /// What sockets are opened on, and control calls made to.
    #[must_use]
    pub fn sockets(&self) -> client::Stack {
        self.sockets.clone()
    }

    /// The interfaces it was started with.
    #[must_use]
    pub fn interfaces(&self) -> &[Opened] {
        &self.opened
    }

    /// How many shards it has.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.engines.len()
    }

    pub(crate) fn engines(&self) -> Engines {
        self.engines.clone()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        for engine in self.engines.iter() {
            engine.post(Command::Stop);
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has reported it on stderr.
            let _ = thread.join();
        }
        self.late.close();
    }
}
