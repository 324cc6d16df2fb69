//! Tests of `tcp_options`.
