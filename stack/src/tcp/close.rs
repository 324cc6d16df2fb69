//! What is left of a connection that has closed (RFC 9293 §3.6): its TIME-WAIT record, or the reason
//! why it failed.

pub(super) mod pending_errors;
pub(super) mod time_wait;
