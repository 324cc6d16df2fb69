//! Tests of `ipv6_ext`.
