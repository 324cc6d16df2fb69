//! Requests to the control plane from any thread, answered by one engine or by all.
//!
//! The first engine has the control plane, so it carries out what changes something and shows what
//! the control plane knows. What the shards count and hold is asked of every engine, and the one
//! that answers last adds the parts up.

use std::sync::{Arc, Mutex, PoisonError};

use client::admin::{Request, Response};
use client::call::ErrorBody;

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
