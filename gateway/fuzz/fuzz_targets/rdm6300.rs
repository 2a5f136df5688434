//! These bytes come over the line of a reader of kind `rdm6300`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::readers::harness::rdm6300(bytes));
