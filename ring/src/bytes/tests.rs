//! Tests of the ring of bytes.
