//! What other threads may ask of an engine: a closed list, so that whoever sends a command needs to
//! know neither the engine nor the tables that it keeps.

use client::admin::{Request, Response};
use client::call::ErrorBody;
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
    /// To the control plane.
    Control(Box<ControlCommand>),
    /// A device was opened again, or is not being opened any more.
    DeviceOpened,
    /// The engine ends after this turn.
    Stop,
}

/// Takes the answer to a request to the control plane. It runs on the engine thread, so it must not
/// wait.
pub(crate) type ControlAnswer = Box<dyn FnOnce(Result<Response, ErrorBody>) + Send>;

/// A request to the control plane and who waits for its answer.
pub(crate) struct ControlCommand {
    pub(crate) request: Request,
    pub(crate) answer: ControlAnswer,
}

impl Command {
    /// A request to the control plane.
    pub(crate) fn control(
        request: Request,
        answer: impl FnOnce(Result<Response, ErrorBody>) + Send + 'static,
    ) -> Self {
        Self::Control(Box::new(ControlCommand { request, answer: Box::new(answer) }))
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
