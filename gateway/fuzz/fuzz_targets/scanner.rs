//! These bytes come over the line of a reader of kind `scanner`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::readers::harness::scanner(bytes));
