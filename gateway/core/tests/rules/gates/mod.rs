//! What gates do: lanes and their beams, turnstiles, airlocks, motors, schedules, turns at dismissal, and whatever happens
//! to them in any order.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops where it fails")]
#![allow(clippy::indexing_slicing, unreachable_pub, missing_docs, reason = "a test tells what it did")]

mod airlocks;
mod dismissal;
mod fixture;
mod lanes;
mod modes;
mod motors;
mod random;
mod signs;
mod witness;
