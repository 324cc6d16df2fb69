//! Tests of `hash_key`.
