//! Wording answers.

use addr::Endpoint;
use client::call::{ErrorBody, Name};
use rustix::io::Errno;
use serde_json::Value;
use stack::SocketError;

/// An address and port as an answer.
pub(super) fn name(endpoint: Endpoint) -> Value {
    to_value(&Name::from(endpoint.to_std()))
}

/// A record as an answer.
pub(super) fn to_value<T: serde::Serialize>(value: &T) -> Value {
    // The records have string keys and finite numbers, so this does not fail.
    serde_json::to_value(value).unwrap_or_default()
}

/// A refusal by errno.
pub(super) fn errno(error: Errno) -> ErrorBody {
    ErrorBody::from_io(&error.into())
}

/// A refusal by the stack.
pub(super) fn refusal(error: SocketError) -> ErrorBody {
    ErrorBody::from_errno(i32::from(error.code()), error.to_string())
}
