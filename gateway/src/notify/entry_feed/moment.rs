//! One moment, by the school's clock and by the runtime's.

use std::time::Duration;

use schoolgate_core::time::Stamp;
use tokio::time::Instant;

use crate::clock::Clock;

/// Waits of more than this are cut: the runtime's time ends somewhere.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

pub(super) struct Moment {
    pub(super) stamp: Stamp,
    instant: Instant,
}

impl Moment {
    pub(super) fn now(clock: &dyn Clock) -> Self {
        let instant = Instant::now();
        Self { stamp: clock.stamp(instant.into_std()), instant }
    }

    /// When so much time will have passed by the school's clock, which may be faster than the true one.
    pub(super) fn in_a_while(&self, clock: &dyn Clock, after: Duration) -> Instant {
        let wait = clock.wait_until(self.instant.into_std(), self.stamp.mono.plus(after));
        self.instant + wait.min(LONGEST)
    }
}
