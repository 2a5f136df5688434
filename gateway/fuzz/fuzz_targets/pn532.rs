//! These bytes are what a PN532 says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::readers::harness::pn532(bytes));
