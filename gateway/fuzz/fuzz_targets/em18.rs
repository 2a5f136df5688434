//! These bytes come over the line of a reader of kind `em18`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::readers::harness::em18(bytes));
