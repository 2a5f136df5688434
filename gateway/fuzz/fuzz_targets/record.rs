//! These bytes are judged as a record.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::ledger::harness::record(bytes));
