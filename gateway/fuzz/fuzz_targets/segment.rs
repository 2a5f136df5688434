//! A ledger of one segment with these bytes is opened, read and checked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| schoolgate::ledger::harness::segment(bytes));
