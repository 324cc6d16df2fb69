//! Tests of `udp`.
