//! Fuzzes the exercise of the same name.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::run("checksum", bytes));
