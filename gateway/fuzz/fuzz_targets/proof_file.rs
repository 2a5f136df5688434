//! A proof file of any bytes, or a genuine one with any bytes changed: parsed and checked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::evidence::harness::proof_file(bytes));
