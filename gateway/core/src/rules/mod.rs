//! The rules: one file for each thing that can happen.

pub(crate) mod canteen;
pub(crate) mod clock;
pub(crate) mod closing;
pub(crate) mod correction;
pub(crate) mod day;
pub(crate) mod gate;
pub(crate) mod guardian;
pub(crate) mod handover;
pub(crate) mod lesson;
pub(crate) mod marks;
pub(crate) mod muster;
pub(crate) mod orders;
pub(crate) mod pass;
pub(crate) mod patrol;
pub(crate) mod platform;
pub(crate) mod reader;
pub(crate) mod refusal;
pub(crate) mod release;
pub(crate) mod sensor;
pub(crate) mod sessions;
pub(crate) mod staff;
pub(crate) mod start;
pub(crate) mod student;
pub(crate) mod tap;
pub(crate) mod timeouts;
pub(crate) mod visitor;
