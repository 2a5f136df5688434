//! What the end-to-end tests share: the real gateway, broker and platform on one stage, and those who listen.
//!
//! Nothing here looks into a process: whatever a test knows it knows from lamps, messages, the platform and the disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests, which end with the first thing that fails"
)]

/// A seed taken from `SCHOOLGATE_SEED` to repeat a failure, else new; always printed.
pub fn seed(test: &str) -> u64 {
    let given = std::env::var("SCHOOLGATE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| getrandom::u64().expect("the system gives random numbers"));
    println!("{test}: SCHOOLGATE_SEED={seed}");
    seed
}
