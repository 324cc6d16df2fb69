//! Tests of `cidr`.
