//! The gateway at the school gate: readers, ledger, notifications and sync around `schoolgate-core`.
//!
//! Everything here is an adapter: it knows a path, a port or a topic, and decides nothing. [`run`] puts the parts
//! together, [`shell`] brings inputs to the core and carries out what it wants.

pub mod backoff;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod config;
pub mod evidence;
pub mod gates;
mod hex;
pub mod keeper;
pub mod ledger;
pub mod ledger_cli;
pub mod memory;
pub mod mentions;
pub mod notify;
pub mod readers;
pub mod report_cli;
pub mod retention;
pub mod roster_cli;
pub mod roster_file;
pub mod run;
pub mod shell;
pub mod snapshot;
pub mod spreadsheet;
pub mod store;
pub mod sync;
pub mod who_cli;
