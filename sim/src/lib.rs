//! sim

pub mod platform;
