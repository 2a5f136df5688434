//! gw
pub mod gates;
pub mod readers;
