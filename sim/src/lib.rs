//! A school without hardware.

pub mod platform;
pub mod virtual_lines;
pub mod virtual_reader;
