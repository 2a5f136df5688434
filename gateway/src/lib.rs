//! gw

pub mod sync;
