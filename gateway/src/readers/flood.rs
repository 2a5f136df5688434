//! A reader that presents more than people could is held back, and no other reader is.

use std::time::Duration;

use tokio::time::Instant;

/// One more presentation is allowed in this time: two cards that alternate in the field make two a second, and a class
/// that files past one reader makes one.
pub const FLOOD_EVERY: Duration = Duration::from_millis(333);

/// So many presentations may come at once after a quiet time.
pub const FLOOD_BURST: u32 = 10;

/// A flood is over when nothing had to be dropped for so long.
pub const FLOOD_OVER_AFTER: Duration = Duration::from_secs(10);

/// What becomes of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts.
    Pass,
    /// It is dropped, as the first one of a flood.
    FloodBegins,
    /// It is dropped, too.
    Drop,
}

/// A bucket of tokens, as the moment at which it will be full again (GCRA, ITU-T I.371).
#[derive(Debug, Default)]
pub(super) struct Flood {
    full_at: Option<Instant>,
    last_drop: Option<Instant>,
}

impl Flood {
    pub(super) fn take(&mut self, now: Instant) -> Verdict {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + FLOOD_EVERY;
        if full_at <= now + FLOOD_EVERY * FLOOD_BURST {
            self.full_at = Some(full_at);
            return Verdict::Pass;
        }
        match self.last_drop.replace(now) {
            None => Verdict::FloodBegins,
            Some(_) => Verdict::Drop,
        }
    }

    /// When the flood will be over if nothing is dropped any more.
    pub(super) fn over_at(&self) -> Option<Instant> {
        self.last_drop.map(|at| at + FLOOD_OVER_AFTER)
    }

    /// Whether a flood has come to its end, which has still to be told.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.over_at().is_some_and(|at| at <= now)
    }

    /// The end was told.
    pub(super) fn end(&mut self) {
        self.last_drop = None;
    }

    /// The end could not be told now.
    pub(super) fn put_off_end(&mut self, now: Instant) {
        self.last_drop = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passes(flood: &mut Flood, start: Instant, every_ms: u64, count: u64) -> usize {
        let at = |n| start + Duration::from_millis(every_ms * n);
        (0..count).filter(|n| flood.take(at(*n)) == Verdict::Pass).count()
    }

    #[test]
    fn a_class_that_files_past_and_two_cards_that_alternate_are_no_flood() {
        let start = Instant::now();
        assert_eq!(passes(&mut Flood::default(), start, 1_000, 600), 600);
        assert_eq!(passes(&mut Flood::default(), start, 500, 600), 600);
    }

    #[test]
    fn of_a_flood_a_burst_passes_and_then_three_a_second() {
        let passed = passes(&mut Flood::default(), Instant::now(), 10, 6_000);
        assert!((185..=191).contains(&passed), "{passed}");
    }

    #[test]
    fn a_flood_begins_once_and_is_over_when_nothing_was_dropped_for_ten_seconds() {
        let (mut flood, start) = (Flood::default(), Instant::now());
        let verdicts: Vec<_> = (0..13).map(|_| flood.take(start)).collect();
        assert_eq!(verdicts[9..], [Verdict::Pass, Verdict::FloodBegins, Verdict::Drop, Verdict::Drop]);
        assert!(!flood.is_over(start + Duration::from_secs(9)));
        assert!(flood.is_over(start + Duration::from_secs(10)));
        flood.end();
        assert!(!flood.is_over(start + Duration::from_secs(11)));
        assert_eq!(flood.take(start + Duration::from_secs(11)), Verdict::Pass);
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(pauses in prop::collection::vec(0..2_000_u64, 1..200)) {
            let (mut flood, start) = (Flood::default(), Instant::now());
            let (mut now, mut passed) = (start, 0);
            for pause in pauses {
                now += Duration::from_millis(pause);
                passed += u128::from(flood.take(now) == Verdict::Pass);
                prop_assert!(passed <= u128::from(FLOOD_BURST) + (now - start).as_millis() / FLOOD_EVERY.as_millis());
            }
        }
    }
}
