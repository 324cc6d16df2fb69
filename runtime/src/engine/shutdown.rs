//! The end of an engine, in an order in which no connection is left without a FIN or a RST.
//!
//! 1. The engine closes its sockets. Connections that other engines have accepted for it meanwhile
//!    are in its mailbox: they are closed too, until no engine hands any over.
//! 2. For [`GRACE`] at most, connections send what was written, and their FINs are acknowledged.
//! 3. What has not come so far, because the peer's window is closed or nobody answers, is reset:
//!    a peer that waits must not take us for alive.
//! 4. The frames leave. Another engine may send by a port that this one steps, so an engine goes on
//!    until all have ended.

use std::time::{Duration, Instant};

use super::Engine;
use crate::bridge::command::BridgeCommand;
use crate::command::Command;
use crate::local::command::LocalCommand;

/// How long connections may take to send what was written and to hear that it has arrived.
const GRACE: Duration = Duration::from_secs(1);
/// How long the last frames may take, and then the other engines.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an engine that waits sleeps between two looks at what no descriptor tells.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

impl Engine {
    pub(super) fn shut_down(&mut self) {
        let began = Instant::now();
        self.core.now = self.clock.now();
        self.close_arriving();
        self.bridges.close_all(&mut self.core);
        self.locals.close_all(&mut self.core);
        self.ending.note_closed();
        while began.elapsed() < GRACE && self.is_closing() {
            if self.closing_turn() == 0 {
                self.doze();
            }
        }
        self.core.worker.tcp_abort_unfinished(self.core.now);
        self.send_rest();
        self.ending.note_ended();
        let began = Instant::now();
        while !self.engines.have_all_ended() && began.elapsed() < SHUTDOWN_TIMEOUT {
            if self.closing_turn() == 0 {
                std::thread::yield_now();
            }
        }
        self.closing_turn();
        self.mailbox.close();
        for port in &self.ports {
            port.stop_threads();
        }
    }

    /// Whether a connection may still come, or has not ended in order yet.
    fn is_closing(&self) -> bool {
        !self.engines.have_all_closed() || self.core.worker.tcp_has_unfinished()
    }

    /// Closes what other engines hand over and answers nothing, because whoever asks learns from
    /// the dropped request that the stack has stopped. Returns how many commands there were.
    fn close_arriving(&mut self) -> usize {
        let mut taken = 0;
        while let Some(command) = self.mailbox.pop() {
            taken += 1;
            match command {
                Command::Abort(id) => self.core.abort(id),
                Command::Bridge(command) => {
                    if let BridgeCommand::Adopt(adoption) = *command {
                        self.core.close(adoption.rings.id);
                    }
                }
                Command::Local(command) => match *command {
                    LocalCommand::Adopt { rings, .. } => self.core.close(rings.id),
                    LocalCommand::AdoptInline { id, .. } => self.core.close(id),
                    _ => {}
                },
                Command::AppProgress(_)
                | Command::Control(_)
                | Command::DeviceOpened
                | Command::Stop => {}
            }
        }
        taken
    }

    /// A turn for connections that end. Returns how much there was to do.
    fn closing_turn(&mut self) -> usize {
        self.core.now = self.clock.now();
        let mut done = self.close_arriving();
        done += self.move_frames();
        self.core.worker.expire(self.core.now);
        // A bridge whose client has left more than the ring takes goes on when there is room.
        done += self.dispatch_events();
        done
    }

    /// Moves frames and messages, and returns how many.
    fn move_frames(&mut self) -> usize {
        let mut moved = 0;
        for port in &mut self.ports {
            moved += port.transmit(&mut self.core);
            port.take(&self.core, |step| moved += step.done);
            port.deliver(&mut self.core);
        }
        moved += self.core.worker.exchange_messages(self.core.now);
        self.wake_shards();
        moved
    }

    /// Sleeps until a frame comes, and not for long.
    fn doze(&mut self) {
        if !self.prepare_sleep() {
            self.poll_descriptors(Some(LOOK_INTERVAL));
        }
        self.end_sleep();
    }

    /// Sends what there is to send.
    fn send_rest(&mut self) {
        let began = Instant::now();
        while began.elapsed() < SHUTDOWN_TIMEOUT {
            if self.move_frames() > 0 {
                continue;
            }
            // Whoever steps the port has the frames that the rest is to leave in.
            if !self.ports.iter().any(|port| port.awaits_frames(&self.core)) {
                return;
            }
            std::thread::yield_now();
        }
    }
}
