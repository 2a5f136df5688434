//! gw
pub mod gates;
pub mod readers;
pub mod cli;
pub mod config;
pub mod notify;
