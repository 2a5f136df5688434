#![no_std]
//! Every decision that schoolgate takes.

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod credential;
pub mod id;
pub mod text;
