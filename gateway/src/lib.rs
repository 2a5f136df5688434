//! gw
pub mod cli;
pub mod config;
pub mod gates;
pub mod notify;
pub mod readers;
pub mod sync;
pub mod clock;
pub mod keeper;
pub mod ledger;
pub mod ledger_cli;
pub mod roster_file;
pub mod run;
pub mod shell;
pub mod store;
