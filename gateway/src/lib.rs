//! gw
pub mod notify;
