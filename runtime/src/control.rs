//! Requests to the control plane from any thread, answered by one engine or by all.
//!
//! The first engine has the control plane, so it carries out what changes something and shows what
//! the control plane knows. What the shards count is asked of every engine, and the one that
//! answers last adds the parts up. Sockets are asked for in pages, shard after shard, so that no
//! turn of an engine has more than one page to show, however many sockets there are.

use std::sync::{Arc, Mutex, PoisonError};

use client::admin::{Request, Response, Socket, SocketCursor, SocketShow};
use client::call::ErrorBody;
use rustix::io::Errno;

use crate::admin;
use crate::command::{Command, ControlAnswer};
use crate::mailbox::{Engines, Remote};

/// Sends a request. `answer` runs on an engine thread, so it must not wait. Not for engine threads:
/// it waits while an engine's queue is full.
pub(crate) fn request(
    engines: &Engines,
    request: Request,
    answer: impl FnOnce(Result<Response, ErrorBody>) + Send + 'static,
) {
    send(engines, request, Box::new(answer), Remote::post);
}

/// The same from an engine thread.
pub(crate) fn request_from_engine(
    engines: &Engines,
    request: Request,
    answer: impl FnOnce(Result<Response, ErrorBody>) + Send + 'static,
) {
    send(engines, request, Box::new(answer), Remote::hand_over);
}

fn send(
    engines: &Engines,
    request: Request,
    answer: ControlAnswer,
    send: impl Fn(&Remote, Command),
) {
    if let Request::SocketShow(show) = request {
        return match show.is_page() {
            true => send_page(engines, show, answer, send),
            false => walk(engines, None, Vec::new(), answer, send),
        };
    }
    if engines.len() == 1 || !admin::is_per_shard(&request) {
        return send(engines.first(), Command::control(request, answer));
    }
    let gather =
        Arc::new(Mutex::new(Gather { parts: vec![None; engines.len()], answer: Some(answer) }));
    for (shard, engine) in engines.iter().enumerate() {
        let gather = gather.clone();
        let part = move |result| Gather::add(&gather, shard, result);
        send(engine, Command::control(request.clone(), part));
    }
}

/// Sends a request for one page to the shard that has it. The last page of a shard is followed by
/// the first one of the next shard.
fn send_page(
    engines: &Engines,
    show: SocketShow,
    answer: ControlAnswer,
    send: impl Fn(&Remote, Command),
) {
    let shard = show.after.map_or(0, |after| after.shard);
    if shard as usize >= engines.len() {
        let text = format!("socket show: there is no shard {shard}");
        return answer(Err(ErrorBody::from_errno(Errno::INVAL.raw_os_error(), text)));
    }
    let shards = engines.len();
    let on_page = move |result: Result<Response, ErrorBody>| {
        answer(result.map(|response| match response {
            Response::SocketPage(mut page) => {
                let follows = shard + 1;
                if page.next.is_none() && (follows as usize) < shards {
                    page.next = Some(SocketCursor { shard: follows, position: 0 });
                }
                if shards > 1 {
                    page.sockets.iter_mut().for_each(|socket| socket.shard = Some(shard));
                }
                Response::SocketPage(page)
            }
            other => other,
        }));
    };
    send(engines.of_shard(shard as usize), Command::control(Request::SocketShow(show), on_page));
}

/// Asks for one page after another, and answers with all sockets: those in `sockets` and those from
/// `after` on.
fn walk(
    engines: &Engines,
    after: Option<SocketCursor>,
    mut sockets: Vec<Socket>,
    answer: ControlAnswer,
    send: impl Fn(&Remote, Command),
) {
    let all = engines.clone();
    let on_page = move |result| match result {
        Ok(Response::SocketPage(page)) => {
            sockets.extend(page.sockets);
            match page.next {
                // This runs on the engine that has shown the page.
                Some(next) => walk(&all, Some(next), sockets, answer, Remote::hand_over),
                None => answer(Ok(Response::Sockets(sockets))),
            }
        }
        other => answer(other),
    };
    send_page(engines, SocketShow::page(after), Box::new(on_page), send);
}

/// The parts of an answer that have come.
struct Gather {
    parts: Vec<Option<Response>>,
    /// Taken by the last part, or by the first refusal.
    answer: Option<ControlAnswer>,
}

impl Gather {
    fn add(gather: &Mutex<Self>, shard: usize, part: Result<Response, ErrorBody>) {
        let mut gather = gather.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match part {
            Err(error) => Err(error),
            Ok(part) => {
                gather.parts[shard] = Some(part);
                if gather.parts.iter().any(Option::is_none) {
                    return;
                }
                let parts = gather.parts.iter_mut().filter_map(Option::take).collect();
                Ok(admin::add_up(parts))
            }
        };
        let answer = gather.answer.take();
        drop(gather);
        if let Some(answer) = answer {
            answer(result);
        }
    }
}
