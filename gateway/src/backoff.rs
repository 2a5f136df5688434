//! How long to wait before trying again: exponential, with jitter, so that what failed together does not come back
//! together, be it ten readers on one hub or 332 gateways on one broker.

use std::time::Duration;

/// Waits that grow: each is drawn between the shortest and a ceiling that doubles up to the longest.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    ceiling: Duration,
}

impl Backoff {
    /// Waits between `shortest` and `longest`; the first ceiling is twice the shortest.
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, ceiling: shortest }
    }

    /// The wait before the next attempt, from an evenly spread random number.
    pub fn next_wait(&mut self, random: u32) -> Duration {
        self.ceiling = self.ceiling.saturating_mul(2).min(self.longest).max(self.shortest);
        let share = f64::from(random) / f64::from(u32::MAX);
        self.shortest + (self.ceiling - self.shortest).mul_f64(share)
    }

    /// What was tried has worked: the next failure starts with short waits again.
    pub fn reset(&mut self) {
        self.ceiling = self.shortest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(5);

    #[test]
    fn the_longest_wait_doubles_up_to_its_limit_and_starts_over() {
        let mut backoff = Backoff::new(SHORTEST, LONGEST);
        let mut longest = || backoff.next_wait(u32::MAX).as_millis();
        assert_eq!([longest(), longest(), longest()], [200, 400, 800]);
        assert_eq!([longest(), longest(), longest(), longest()], [1_600, 3_200, 5_000, 5_000]);
        backoff.reset();
        assert_eq!(backoff.next_wait(u32::MAX).as_millis(), 200);
    }

    proptest! {
        #[test]
        fn a_wait_is_always_within_its_bounds(randoms: Vec<u32>) {
            let mut backoff = Backoff::new(SHORTEST, LONGEST);
            for random in randoms {
                let wait = backoff.next_wait(random);
                prop_assert!(wait >= SHORTEST && wait <= LONGEST + Duration::from_micros(1));
            }
        }
    }
}
