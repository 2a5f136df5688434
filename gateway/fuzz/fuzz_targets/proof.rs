//! These bytes are refused as a proof.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::ledger::harness::proof(bytes));
