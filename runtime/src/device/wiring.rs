//! Opens the queues of a device and joins them to the engines.

use addr::IfIndex;
use datapath::OpenPort;

use crate::config::{Interface, Layout, Pace};
use crate::mailbox::Engines;
use crate::port::PortEnd;
use crate::port::queue::{PortDriver, Queue};
use crate::port::steer::Steer;
use crate::port::thread::PortThread;
use crate::running::StartError;

/// How ports are stepped, and by whom.
#[derive(Clone)]
pub(crate) struct Wiring {
    pub(crate) engines: Engines,
    pub(crate) layout: Layout,
    pub(crate) pace: Pace,
    /// Which shard a frame belongs to.
    pub(crate) steering: stack::steer::Steering,
    /// The cores to pin threads to: the engines' first.
    pub(crate) cores: Vec<usize>,
}

/// A device that is joined to the engines.
pub(crate) struct Wired {
    /// The end of each engine, in the order of their shards.
    pub(crate) ends: Vec<PortEnd>,
    /// The threads that step the ports in the split layout.
    pub(crate) threads: Vec<PortThread>,
}

impl Wiring {
    /// Opens the queues of an interface's device.
    ///
    /// # Errors
    /// Where the device cannot be opened so.
    pub(crate) fn open(&self, interface: &Interface) -> Result<Vec<OpenPort>, StartError> {
        let shards = self.engines.len();
        let queues = match interface.queues {
            Some(queues) => queues,
            None => datapath::default_queues(&interface.port, shards)?,
        };
        let mut ports = datapath::open_queues(&interface.port, queues, shards)?;
        for (_, _, info) in &mut ports {
            info.name = interface.name().to_string();
        }
        Ok(ports)
    }

    /// Joins ports to the engines; `earlier` threads of other devices step ports.
    pub(crate) fn wire(&self, ifindex: IfIndex, mut ports: Vec<OpenPort>, earlier: usize) -> Wired {
        let shards = self.engines.len();
        let mut steering = ports.first_mut().and_then(|port| port.0.control().cloned());
        let info = ports.first().map(|port| port.2.clone());
        let mut queues: Vec<Vec<Queue>> = (0..shards).map(|_| Vec::new()).collect();
        let mut threads = Vec::new();
        for (number, (port, links, info)) in ports.into_iter().enumerate() {
            let backend = info.backend;
            let steer = Steer::new(self.steering, info.medium);
            let mut fused = None;
            let thread = match self.layout {
                Layout::Fused => {
                    fused = Some(Box::new(port));
                    None
                }
                Layout::Split => {
                    let core = self.cores.get(shards + earlier + number).copied();
                    let engines = self.engines.clone();
                    let thread = PortThread::new(port, &info, self.pace, engines, steer, core);
                    let handle = thread.handle();
                    threads.push(thread);
                    Some(handle)
                }
            };
            // The engine that steps the port in the fused layout.
            let home = number % shards;
            for (shard, link) in links.into_iter().enumerate() {
                let driver = match &thread {
                    Some(handle) => PortDriver::Thread(handle.clone()),
                    None => match fused.take_if(|_| shard == home) {
                        Some(port) => PortDriver::Here(port),
                        None => PortDriver::Engine(self.engines.of_shard(home).clone()),
                    },
                };
                queues[shard].push(Queue::new(link, driver, backend, self.engines.clone(), steer));
            }
        }
        let handles: Vec<_> = threads.iter().map(PortThread::handle).collect();
        let end = |(shard, queues)| {
            let end = PortEnd::new(ifindex, info.clone()?, queues, shard);
            Some(match shard {
                0 => end.with_steering(steering.take()).with_threads(handles.clone()),
                _ => end,
            })
        };
        let ends = queues.into_iter().enumerate().filter_map(end).collect();
        Wired { ends, threads }
    }
}
