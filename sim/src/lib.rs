//! sim
pub mod virtual_lines;
pub mod virtual_reader;
