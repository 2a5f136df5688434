//! How long to wait before trying again: exponential, with jitter, so that 332 gateways do not return at once.

use std::time::Duration;

/// The shortest pause before a new attempt.
pub const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest pause before a new attempt.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Pauses that grow: each is drawn between [`BACKOFF_MIN`] and a ceiling that doubles up to [`BACKOFF_MAX`].
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next pause, from a random number.
    pub(super) fn next(&mut self, random: u64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let growth = 2u32.saturating_pow(self.failures);
        let ceiling = BACKOFF_MIN.saturating_mul(growth).min(BACKOFF_MAX);
        let span_ms = u64::try_from((ceiling - BACKOFF_MIN).as_millis()).unwrap_or(u64::MAX - 1);
        BACKOFF_MIN + Duration::from_millis(random % (span_ms + 1))
    }

    /// It works again: start over with short pauses.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_pause_doubles_up_to_a_minute_and_starts_over() {
        let mut backoff = Backoff::default();
        let longest = |backoff: &mut Backoff, span_ms: u64| backoff.next(span_ms).as_millis();
        assert_eq!(longest(&mut backoff, 250), 500);
        assert_eq!(longest(&mut backoff, 750), 1000);
        for _ in 0..20 {
            backoff.next(0);
        }
        assert_eq!(longest(&mut backoff, 59_750), 60_000);
        backoff.reset();
        assert_eq!(longest(&mut backoff, 250), 500);
    }

    proptest! {
        #[test]
        fn a_pause_is_always_within_its_bounds(random in any::<u64>(), failures in any::<u32>()) {
            let pause = Backoff { failures }.next(random);
            prop_assert!((BACKOFF_MIN..=BACKOFF_MAX).contains(&pause));
        }
    }
}
