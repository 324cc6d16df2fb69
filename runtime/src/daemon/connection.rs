//! One control connection: requests in, answers out.
//!
//! The reading thread takes a request, counts it as under way, and posts it to the engine. The
//! writing thread takes answers from a channel and counts them off. The engine never waits for a
//! client that does not read: the channel grows, but never beyond the requests under way, and a
//! client that has too many of those is cut off.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{io, thread};

use client::admin::Request;
use client::call::{ControlCall, ErrorBody, SocketCall};
use client::frame::{self, Kind, Message, op};
use client::socket_request::SocketRequest;
use serde::de::DeserializeOwned;

use super::session::Session;
use crate::bridge::client_id::ClientId;
use crate::bridge::quota::Quota;
use crate::bridge::reply::{Answer, Reply};
use crate::mailbox::Engines;

/// Requests of one connection that may be under way; as many as our own client has at most.
const REQUESTS_MAX: usize = 16 * 1024;

/// Serves a connection until it ends. Its sockets then close.
pub(super) fn serve(stream: UnixStream, engines: &Engines, quota: &Quota) {
    let Some(session) = Session::open(engines, ClientId::unique(), quota) else {
        tracing::warn!("control connection refused: too many, or the stack has stopped");
        return;
    };
    if let Err(error) = converse(&stream, &session) {
        tracing::debug!("control connection ended: {error}");
    }
    // The writing thread may be in the middle of an answer that nobody reads.
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

fn converse(stream: &UnixStream, session: &Session) -> io::Result<()> {
    let (answers, outgoing) = channel();
    let under_way = Arc::new(AtomicUsize::new(0));
    let (out, count) = (stream.try_clone()?, under_way.clone());
    let writer = thread::Builder::new()
        .name("client-out".into())
        .spawn(move || write_answers(&out, &outgoing, &count))?;
    let result = read_requests(stream, session, &answers, &under_way);
    // The engine still holds senders for what is under way; closing the client drops them.
    drop(answers);
    drop(writer);
    result
}

fn read_requests(
    stream: &UnixStream,
    session: &Session,
    answers: &Sender<Answer>,
    under_way: &AtomicUsize,
) -> io::Result<()> {
    // A descriptor that came along means nothing here and is closed.
    while let Some((request, _)) = frame::recv(stream)? {
        if request.kind != Kind::Request {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a request"));
        }
        if under_way.fetch_add(1, Ordering::AcqRel) >= REQUESTS_MAX {
            return Err(io::Error::other("too many requests under way"));
        }
        dispatch(request, session, answers)
            .map_err(|text| io::Error::new(io::ErrorKind::BrokenPipe, text))?;
    }
    Ok(())
}

/// Hands a request to whom it concerns.
fn dispatch(
    request: Message,
    session: &Session,
    answers: &Sender<Answer>,
) -> Result<(), &'static str> {
    let refuse = |request: &Message, error: &ErrorBody| {
        let answer = Answer::Frame(request.refusal(error), None);
        answers.send(answer).map_err(|_| "nobody writes answers any more")
    };
    match request.op {
        op::PING => {
            let (op, id) = (request.op, request.id);
            let message = Message { kind: Kind::Ok, op, id, body: b"PONG".to_vec() };
            answers.send(Answer::Frame(message, None)).map_err(|_| "nobody writes answers any more")
        }
        op::CONTROL_CALL => match read::<ControlCall, Request>(&request) {
            Ok(asked) => {
                let reply = reply(request, answers);
                session.control(asked, reply);
                Ok(())
            }
            Err(error) => refuse(&request, &error),
        },
        op::SOCKET_CALL => match read::<SocketCall, SocketRequest>(&request) {
            Ok(asked) => {
                let reply = reply(request, answers);
                session.socket(asked, reply);
                Ok(())
            }
            Err(error) => refuse(&request, &error),
        },
        unknown => {
            let text = format!("unknown operation {unknown}");
            refuse(&request, &ErrorBody::new("ValueError", text))
        }
    }
}

/// The body of a request as the typed `T`, by way of its JSON form `C`.
fn read<C: DeserializeOwned, T: TryFrom<C, Error = ErrorBody>>(
    request: &Message,
) -> Result<T, ErrorBody> {
    let call: C = request.parse().map_err(|e| ErrorBody::new("ValueError", e.to_string()))?;
    T::try_from(call)
}

fn reply(mut request: Message, answers: &Sender<Answer>) -> Reply {
    // The body may be large and is not needed for the answer.
    request.body = Vec::new();
    Reply::new(request, answers.clone())
}

fn write_answers(stream: &UnixStream, answers: &Receiver<Answer>, under_way: &AtomicUsize) {
    while let Ok(answer) = answers.recv() {
        let (message, fd) = answer.into_frame();
        let sent = frame::send(stream, &message, fd.as_ref().map(AsFd::as_fd));
        under_way.fetch_sub(1, Ordering::AcqRel);
        if let Err(error) = sent {
            tracing::debug!("control connection: {error}");
            // The reading thread finds out too.
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}
