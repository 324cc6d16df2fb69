//! What other threads may ask of an engine: a closed list, so that whoever sends a command needs to
//! know neither the engine nor the tables that it keeps.

use client::call::{ControlCall, ErrorBody};
use serde_json::Value;
use stack::SocketId;

use crate::bridge::command::BridgeCommand;
use crate::local::command::LocalCommand;

/// One message to an engine. What is rare is boxed, so that a message stays small.
pub(crate) enum Command {
    /// The application of this local socket wrote or read.
    AppProgress(SocketId),
    /// From a socket of this process, or to open one.
    Local(Box<LocalCommand>),
    /// From a control connection, about its sockets.
    Bridge(Box<BridgeCommand>),
    /// Nobody took this accepted connection: RST.
    Abort(SocketId),
    /// A control call.
    Control(Box<ControlCommand>),
    /// The engine ends after this turn.
    Stop,
}

/// Takes the answer to a control call. It runs on the engine thread, so it must not wait.
pub(crate) type ControlAnswer = Box<dyn FnOnce(Result<Value, ErrorBody>) + Send>;

/// A control call and who waits for its answer.
pub(crate) struct ControlCommand {
    pub(crate) call: ControlCall,
    pub(crate) answer: ControlAnswer,
}

impl Command {
    /// A control call.
    pub(crate) fn control(
        call: ControlCall,
        answer: impl FnOnce(Result<Value, ErrorBody>) + Send + 'static,
    ) -> Self {
        Self::Control(Box::new(ControlCommand { call, answer: Box::new(answer) }))
    }
}

impl From<LocalCommand> for Command {
    fn from(command: LocalCommand) -> Self {
        Self::Local(Box::new(command))
    }
}

impl From<BridgeCommand> for Command {
    fn from(command: BridgeCommand) -> Self {
        Self::Bridge(Box::new(command))
    }
}
