//! How the answer to a request leaves the engine.
//!
//! Each control connection has a thread that writes answers, fed by a channel; so handing over an
//! answer never blocks. The channel is bounded by the requests that may be under way.

use std::os::fd::OwnedFd;
use std::sync::mpsc::Sender;

use client::call::ErrorBody;
use client::frame::Message;
use serde::Serialize;
use serde_json::Value;

/// An answer on its way to the client.
pub(crate) struct Answer {
    pub(crate) message: Message,
    pub(crate) fd: Option<OwnedFd>,
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
            self.send(Answer { message: request.answer(value), fd });
        }
    }

    pub(crate) fn refuse(mut self, error: &ErrorBody) {
        if let Some(request) = self.request.take() {
            self.send(Answer { message: request.refusal(error), fd: None });
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
            let error = ErrorBody::from_errno(
                rustix::io::Errno::CONNABORTED.raw_os_error(),
                "the socket was closed",
            );
            self.send(Answer { message: request.refusal(&error), fd: None });
        }
    }
}
