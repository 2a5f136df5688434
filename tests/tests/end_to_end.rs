//! The gateway as it is shipped, between virtual readers and a real broker: everything is seen from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unreachable,
    reason = "helpers of tests are outside of what clippy takes for tests"
)]

#[path = "end_to_end/contacts.rs"]
mod contacts;
#[path = "end_to_end/disk.rs"]
mod disk;
#[path = "end_to_end/health.rs"]
mod health;
#[path = "end_to_end/kill.rs"]
mod kill;
#[path = "end_to_end/kills.rs"]
mod kills;
#[path = "end_to_end/line.rs"]
mod line;
#[path = "end_to_end/memory.rs"]
mod memory;
#[path = "end_to_end/old.rs"]
mod old;
#[path = "end_to_end/reply.rs"]
mod reply;
#[path = "end_to_end/rollback.rs"]
mod rollback;
#[path = "end_to_end/stop.rs"]
mod stop;
#[path = "end_to_end/tap.rs"]
mod tap;
