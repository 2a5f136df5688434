//! gw
pub mod cli;
pub mod config;
pub mod gates;
pub mod notify;
pub mod readers;
pub mod sync;
