//! These bytes are a card's bits, keys pressed, and a key file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::readers::osdp::harness::values(bytes));
