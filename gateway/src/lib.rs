//! The gateway at the school gate: readers, ledger, notifications and sync around `schoolgate-core`.

pub mod cli;
pub mod config;
pub mod gates;
pub mod notify;
pub mod readers;
