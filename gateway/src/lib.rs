//! gw
pub mod ledger;
