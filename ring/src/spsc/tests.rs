//! Tests of the ring of values.
