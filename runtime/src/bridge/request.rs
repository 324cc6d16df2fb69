//! Reading requests and wording answers.

use std::net::SocketAddr;

use addr::Endpoint;
use client::call::{ErrorBody, Name, SocketCall};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stack::SocketError;

/// The arguments of a request.
pub(super) fn args<T: DeserializeOwned>(call: &SocketCall) -> Result<T, ErrorBody> {
    T::deserialize(&call.args)
        .map_err(|error| ErrorBody::new("ValueError", format!("{}: {error}", call.method)))
}

/// The address and port that a request names.
pub(super) fn endpoint(name: &Name) -> Result<Endpoint, ErrorBody> {
    let addr =
        SocketAddr::try_from(name).map_err(|e| ErrorBody::new("ValueError", e.to_string()))?;
    Ok(Endpoint::from(addr))
}

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
