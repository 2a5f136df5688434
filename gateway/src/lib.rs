//! gw
pub mod ledger;
pub mod store;
