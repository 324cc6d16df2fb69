//! Tests of `ndp`.
