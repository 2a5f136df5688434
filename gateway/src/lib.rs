//! The gateway at the school gate: readers, ledger, notifications and sync around `schoolgate-core`.

pub mod cli;
pub mod config;
