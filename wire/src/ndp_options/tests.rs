//! Tests of `ndp_options`.
