//! These bytes are what two readers on an OSDP bus say, piece by piece, with and without a secure channel asked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::readers::osdp::harness::bus(bytes));
