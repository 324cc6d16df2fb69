//! How the answer to a request leaves the engine.
//!
//! Each control connection has a thread that writes answers, fed by a channel; so handing over an
//! answer never blocks. The channel is bounded by the requests that may be under way.

use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;

use client::admin::Response;
use client::call::ErrorBody;
use client::frame::{HEADER_LEN, MAX_LEN, Message};
use rustix::io::Errno;
use serde::Serialize;
use serde_json::Value;

/// An answer on its way to the client.
pub(crate) enum Answer {
    /// A frame that is ready, with the descriptor that goes with it.
    Frame(Message, Option<OwnedFd>),
    /// A response of the control plane to this request. It may be long, so the thread that writes
    /// it makes its JSON, not the engine.
    Control(Message, Box<Response>),
}

impl Answer {
    /// The frame to send, and the descriptor with it.
    pub(crate) fn into_frame(self) -> (Message, Option<OwnedFd>) {
        let (request, response) = match self {
            Self::Frame(message, fd) => return (message, fd),
            Self::Control(request, response) => (request, response),
        };
        let answer = request.answer(&response);
        let len = HEADER_LEN + answer.body.len();
        if len <= MAX_LEN {
            return (answer, None);
        }
        let text = format!(
            "the answer has {len} bytes, a frame at most {MAX_LEN}: ask for a page (\"limit\")"
        );
        (request.refusal(&ErrorBody::from_errno(Errno::MSGSIZE.raw_os_error(), text)), None)
    }
}

/// The right to answer one request, once. Dropped without an answer it says that the socket is
/// gone.
pub(crate) struct Reply {
    request: Option<Message>,
    answers: Sender<Answer>,
}

impl Reply {
    /// `request` need not have its body any more.
    pub(crate) fn new(request: Message, answers: Sender<Answer>) -> Self {
        Self { request: Some(request), answers }
    }

    pub(crate) fn value<T: Serialize>(self, value: &T) {
        self.with_fd(value, None);
    }

    pub(crate) fn with_fd<T: Serialize>(mut self, value: &T, fd: Option<OwnedFd>) {
        if let Some(request) = self.request.take() {
            self.send(Answer::Frame(request.answer(value), fd));
        }
    }

    pub(crate) fn refuse(mut self, error: &ErrorBody) {
        if let Some(request) = self.request.take() {
            self.send(Answer::Frame(request.refusal(error), None));
        }
    }

    pub(crate) fn control(mut self, answer: Result<Response, ErrorBody>) {
        match answer {
            Ok(response) => {
                if let Some(request) = self.request.take() {
                    self.send(Answer::Control(request, Box::new(response)));
                }
            }
            Err(error) => self.refuse(&error),
        }
    }

    pub(crate) fn result(self, result: Result<Value, ErrorBody>) {
        match result {
            Ok(value) => self.value(&value),
            Err(error) => self.refuse(&error),
        }
    }

    fn send(&self, answer: Answer) {
        // If the connection is over, nobody waits for it.
        let _ = self.answers.send(answer);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            let error =
                ErrorBody::from_errno(Errno::CONNABORTED.raw_os_error(), "the socket was closed");
            self.send(Answer::Frame(request.refusal(&error), None));
        }
    }
}
