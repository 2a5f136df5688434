#![no_std]
//! Every decision that schoolgate takes.
//!
//! Inputs go in with the moment they happened, entries and actions come out; see [`school::School`] for the contract.
//! This crate must never reach a clock, a file, a socket, a thread or a source of chance: it is compiled for a target
//! that has none of them. State is the fold of the ledger's entries and of nothing else.

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod action;
pub mod alarm;
pub mod credential;
pub mod custody;
pub mod entry;
pub mod gate;
pub mod id;
pub mod input;
pub mod muster;
pub mod notice;
pub mod pass;
pub mod picture;
pub mod policy;
pub mod promise;
pub mod report;
pub mod roster;
mod rules;
pub mod school;
pub mod site;
pub mod state;
pub mod text;
pub mod time;
pub mod timeline;
pub mod timer;
