//! A reader that presents more than people could is told of, and held back before it fills the disk.
//!
//! Two measures, for they err differently. To tell of a flood too early costs a look at the reader; to drop a card too
//! early costs a child their record. So the one is narrow, and the other has room for a whole school that comes through
//! one reader.

use std::time::Duration;

use tokio::time::Instant;

/// What people make in the long run: two cards that alternate in the field make two presentations a second, and a class
/// that files past one reader makes one.
pub const FLOOD_EVERY: Duration = Duration::from_millis(333);

/// So many presentations beyond that are told as a flood.
pub const FLOOD_TOLD_BEYOND: u32 = 30;

/// So many presentations beyond that are the last that count. A broken reader can have no more than these and 260,000 a
/// day recorded: some 150 MB.
pub const FLOOD_DROPPED_BEYOND: u32 = 6_000;

/// A flood is over when no presentation was part of it for so long.
pub const FLOOD_OVER_AFTER: Duration = Duration::from_secs(10);

/// What becomes of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It counts.
    Pass,
    /// It is one too many.
    Drop,
}

/// What one reader presents.
#[derive(Debug, Default)]
pub(super) struct Flood {
    told: Bucket,
    dropped: Bucket,
    /// When the latest presentation beyond what people make came.
    last_beyond: Option<Instant>,
}

/// A bucket of tokens, as the moment at which it will be full again (GCRA, ITU-T I.371).
#[derive(Debug, Default)]
struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    fn take(&mut self, now: Instant, tokens: u32) -> bool {
        let full_at = self.full_at.map_or(now, |at| at.max(now)) + FLOOD_EVERY;
        let has_one = full_at <= now + FLOOD_EVERY * tokens;
        if has_one {
            self.full_at = Some(full_at);
        }
        has_one
    }
}

impl Flood {
    /// What becomes of a presentation at `now`, and whether a flood begins with it, which is to be told.
    pub(super) fn take(&mut self, now: Instant) -> (Verdict, bool) {
        let begins = !self.told.take(now, FLOOD_TOLD_BEYOND) && self.last_beyond.replace(now).is_none();
        let verdict = if self.dropped.take(now, FLOOD_DROPPED_BEYOND) { Verdict::Pass } else { Verdict::Drop };
        (verdict, begins)
    }

    /// When the flood will be over if it does not go on.
    pub(super) fn over_at(&self) -> Option<Instant> {
        self.last_beyond.map(|at| at + FLOOD_OVER_AFTER)
    }

    /// Whether a flood has come to its end, which has still to be told.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.over_at().is_some_and(|at| at <= now)
    }

    /// The end was told.
    pub(super) fn end(&mut self) {
        self.last_beyond = None;
    }

    /// The end could not be told now.
    pub(super) fn put_off_end(&mut self, now: Instant) {
        self.last_beyond = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many of so many presentations count, and whether they are told as a flood.
    fn passes(every_ms: u64, count: u64) -> (usize, bool) {
        let (mut flood, start) = (Flood::default(), Instant::now());
        let taken: Vec<_> = (0..count).map(|n| flood.take(start + Duration::from_millis(every_ms * n))).collect();
        (taken.iter().filter(|(verdict, _)| *verdict == Verdict::Pass).count(), taken.iter().any(|(_, begins)| *begins))
    }

    #[test]
    fn a_class_that_files_past_and_two_cards_that_alternate_are_no_flood() {
        assert_eq!(passes(1_000, 600), (600, false));
        assert_eq!(passes(500, 600), (600, false));
    }

    #[test]
    fn a_school_that_comes_through_one_reader_is_told_of_and_nobody_is_dropped() {
        assert_eq!(passes(65, 5_000), (5_000, true));
    }

    #[test]
    fn of_an_endless_flood_three_a_second_pass_in_the_end() {
        let (passed, told) = passes(10, 60_000);
        let expected = 6_000 + 600_000 / 333;
        assert!(told && (expected - 5..=expected + 5).contains(&passed), "{passed}");
    }

    #[test]
    fn a_flood_begins_once_and_is_over_when_it_did_not_go_on_for_ten_seconds() {
        let (mut flood, start) = (Flood::default(), Instant::now());
        let begins: Vec<_> = (0..33).map(|_| flood.take(start).1).collect();
        assert_eq!(begins[28..], [false, false, true, false, false]);
        assert!(!flood.is_over(start + Duration::from_secs(9)));
        assert!(flood.is_over(start + Duration::from_secs(10)));
        flood.end();
        assert!(!flood.is_over(start + Duration::from_secs(11)));
        assert_eq!(flood.take(start + Duration::from_secs(11)), (Verdict::Pass, false));
    }

    proptest! {
        #[test]
        fn never_more_than_the_tokens_and_the_rate(
            (tokens, pauses) in (1..40_u32, prop::collection::vec(0..2_000_u64, 1..200))
        ) {
            let (mut bucket, start) = (Bucket::default(), Instant::now());
            let (mut now, mut passed) = (start, 0);
            for pause in pauses {
                now += Duration::from_millis(pause);
                passed += u128::from(bucket.take(now, tokens));
                prop_assert!(passed <= u128::from(tokens) + (now - start).as_millis() / FLOOD_EVERY.as_millis());
            }
        }
    }
}
