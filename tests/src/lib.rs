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

mod cli;
mod listener;
mod rig;

use std::time::Duration;

use tokio::time::timeout;

pub use cli::{Output, schoolgate};
pub use listener::{Heard, Listener};
pub use rig::{Plan, Rig, students};

/// Far beyond what anything here takes; reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for what must come, and says what did not.
pub async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    timeout(PATIENCE, coming).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// A seed taken from `SCHOOLGATE_SEED` to repeat a failure, else new; always printed.
pub fn seed(test: &str) -> u64 {
    let given = std::env::var("SCHOOLGATE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| getrandom::u64().expect("the system gives random numbers"));
    println!("{test}: SCHOOLGATE_SEED={seed}");
    seed
}
