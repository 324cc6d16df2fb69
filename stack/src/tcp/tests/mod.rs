//! Tests of TCP: one host against segments written by hand, and two hosts in virtual time.

mod harness;
mod transfer;
