//! The rules: one file for each thing that can happen.

pub(crate) mod guardian;
pub(crate) mod marks;
pub(crate) mod reader;
pub(crate) mod refusal;
pub(crate) mod start;
pub(crate) mod student;
pub(crate) mod tap;
pub(crate) mod timeouts;
