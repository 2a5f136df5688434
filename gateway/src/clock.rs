//! Where moments come from. The core gets them as arguments; this is the only place that asks the machine.

mod simulated;
mod system;

use std::time::{Duration, Instant};

use schoolgate_core::time::{Mono, Stamp};

pub use simulated::{SimulatedClock, StartError};
pub use system::SystemClock;

/// A clock for the shell.
pub trait Clock: Send + Sync {
    /// The moment `at`, as fully as the machine knows it. `at` is now or a short while ago.
    fn stamp(&self, at: Instant) -> Stamp;

    /// How long to wait from now, in true time, until this clock's own time reads `deadline`.
    fn wait_until(&self, deadline: Mono) -> Duration;
}
