//! How long to wait before trying again.

use std::time::Duration;

/// The wait doubles from the first to the last; a random half is taken off, so that readers that failed together don't
/// all try again together.
pub struct Backoff {
    first: Duration,
    last: Duration,
    next: Duration,
    random: Box<dyn FnMut() -> u32 + Send>,
}

impl Backoff {
    /// Waits from `first` to `last`; `random` gives evenly spread numbers.
    pub fn new(first: Duration, last: Duration, random: impl FnMut() -> u32 + Send + 'static) -> Self {
        Self { first, last, next: first, random: Box::new(random) }
    }

    /// The wait before the next attempt: between half and all of the current step.
    pub fn next_wait(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.last);
        let share = f64::from((self.random)()) / f64::from(u32::MAX);
        full - full.mul_f64(share / 2.0)
    }

    /// What was tried has worked: the next failure starts from the first step again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(random: u32) -> Vec<u128> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), move || random);
        (0..8).map(|_| backoff.next_wait().as_millis()).collect()
    }

    #[test]
    fn waits_double_up_to_the_last() {
        assert_eq!(waits(0), [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    }

    #[test]
    fn chance_takes_off_up_to_half() {
        assert_eq!(waits(u32::MAX), [50, 100, 200, 400, 800, 1_600, 2_500, 2_500]);
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), || 0);
        for _ in 0..5 {
            backoff.next_wait();
        }
        backoff.reset();
        assert_eq!(backoff.next_wait(), Duration::from_millis(100));
    }
}
