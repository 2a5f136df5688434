//! One contact, freed of its bounces: a pure machine that is told edges and the time.

use std::time::{Duration, Instant};

/// A line that has not been at rest for so long is taken for active: standards ask that activity of more than 400 ms is
/// always seen (IEC 60839-11-1), and an alarm must not hide behind a loose wire.
pub const UNREST: Duration = Duration::from_millis(400);

/// The contact has come to rest on the other side, or restless for [`UNREST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether it is active now.
    pub active: bool,
    /// Since when.
    pub at: Instant,
}

/// A contact.
///
/// It is what it last was for the time of rest without a break. What comes back sooner is a glitch: counted, not told.
/// Before [`level`](Self::level), and at [`poll_timeout`](Self::poll_timeout), call [`advance`](Self::advance) until it
/// gives nothing; then again after it. Time never goes back: an earlier moment counts as the last one.
#[derive(Clone, Debug)]
pub struct Debounce {
    rest: Duration,
    /// As it is, and since when.
    now: Option<(bool, Instant)>,
    /// As it was told.
    told: Option<bool>,
    /// Since when it has not been at rest as told.
    restless: Option<Instant>,
    glitches: u64,
}

impl Debounce {
    /// A contact of which nothing is known. `rest` longer than [`UNREST`] is taken for that.
    pub fn new(rest: Duration) -> Self {
        Self { rest: rest.min(UNREST), now: None, told: None, restless: None, glitches: 0 }
    }

    /// It was seen active, or not, at this moment: an edge, or a look at the level.
    pub fn level(&mut self, at: Instant, active: bool) {
        let at = self.now.map_or(at, |(_, since)| at.max(since));
        if self.now.is_some_and(|(now, _)| now == active) {
            return;
        }
        self.now = Some((active, at));
        match self.told {
            Some(told) if told == active => self.glitches = self.glitches.saturating_add(1),
            _ => _ = self.restless.get_or_insert(at),
        }
    }

    /// It can't be seen: whatever it will be when it is seen again is told then.
    pub fn forget(&mut self) {
        (self.now, self.told, self.restless) = (None, None, None);
    }

    /// The next change by `now`, if there is one.
    pub fn advance(&mut self, now: Instant) -> Option<Change> {
        while let Some(due) = self.poll_timeout().filter(|due| *due <= now) {
            let (active, since) = self.now?;
            if self.rests_at() == Some(due) {
                self.restless = None;
                if self.told.replace(active) != Some(active) {
                    return Some(Change { active, at: since });
                }
            } else {
                self.told = Some(true);
                // Where it is now, it may rest yet.
                return Some(Change { active: true, at: self.restless.unwrap_or(due) });
            }
        }
        None
    }

    /// When [`advance`](Self::advance) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let unrest = self.restless.filter(|_| self.told != Some(true)).map(|since| since + UNREST);
        [self.rests_at(), unrest].into_iter().flatten().min()
    }

    /// As it was last told; nothing before the first time.
    pub fn is_active(&self) -> Option<bool> {
        self.told
    }

    /// How often it left where it was and came back too soon to be told.
    pub fn glitches(&self) -> u64 {
        self.glitches
    }

    /// When it will have been at rest, if that is news.
    fn rests_at(&self) -> Option<Instant> {
        let (active, since) = self.now?;
        let is_news = self.told != Some(active) || self.restless.is_some();
        is_news.then(|| since + self.rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REST_MS: u64 = 20;

    /// Levels at milliseconds, and the changes told, with the millisecond at which each was told.
    fn told(rest_ms: u64, levels: &[(u64, bool)], until_ms: u64) -> (Vec<(u64, bool)>, u64) {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut line = Debounce::new(Duration::from_millis(rest_ms));
        let mut changes = Vec::new();
        let mut levels = levels.iter().peekable();
        for ms in 0..=until_ms {
            while let Some(change) = line.advance(at(ms)) {
                changes.push((ms, change.active));
            }
            while let Some((_, active)) = levels.next_if(|(level_ms, _)| *level_ms == ms) {
                line.level(at(ms), *active);
                while let Some(change) = line.advance(at(ms)) {
                    changes.push((ms, change.active));
                }
            }
        }
        (changes, line.glitches())
    }

    /// The same by counting milliseconds, without a thought for efficiency.
    fn reference(rest_ms: u64, levels: &[(u64, bool)], until_ms: u64) -> Vec<(u64, bool)> {
        let (mut now, mut told, mut changes) = (None, None, Vec::new());
        let (mut same_for, mut restless_for) = (0, 0);
        let mut levels = levels.iter().peekable();
        for ms in 0..=until_ms {
            same_for += 1;
            restless_for += 1;
            // What the last millisecond has brought to its end comes before what this one begins.
            for with_edges in [false, true] {
                if with_edges {
                    while let Some((_, active)) = levels.next_if(|(level_ms, _)| *level_ms == ms) {
                        if now != Some(*active) {
                            if told == now && now.is_some() && same_for >= rest_ms || now.is_none() {
                                restless_for = 0;
                            }
                            (now, same_for) = (Some(*active), 0);
                        }
                    }
                }
                let rested = now.is_some() && same_for >= rest_ms;
                if rested && told != now {
                    told = now;
                    changes.push((ms, now.unwrap()));
                }
                let is_unrest = now.is_some() && !rested && restless_for >= UNREST.as_millis() as u64;
                if is_unrest && told != Some(true) {
                    told = Some(true);
                    changes.push((ms, true));
                }
            }
        }
        changes
    }

    #[test]
    fn a_door_that_bounces_opens_once_and_when_it_first_did() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut door = Debounce::new(Duration::from_millis(REST_MS));
        door.level(at(0), false);
        assert_eq!(door.advance(at(20)), Some(Change { active: false, at: at(0) }));
        for (ms, open) in [(1_000, true), (1_002, false), (1_003, true)] {
            door.level(at(ms), open);
            assert_eq!(door.advance(at(ms)), None);
        }
        assert_eq!(door.poll_timeout(), Some(at(1_023)));
        assert_eq!(door.advance(at(1_022)), None);
        assert_eq!(door.advance(at(1_500)), Some(Change { active: true, at: at(1_003) }));
        assert_eq!(door.poll_timeout(), None);
        assert_eq!(door.glitches(), 1);
    }

    #[test]
    fn a_short_glitch_is_counted_and_not_told() {
        let (changes, glitches) =
            told(REST_MS, &[(0, false), (100, true), (119, false), (300, true), (320, false)], 500);
        assert_eq!(changes, [(20, false), (320, true), (340, false)]);
        assert_eq!(glitches, 1);
    }

    #[test]
    fn a_wire_that_never_rests_is_active_after_400_ms_and_stays_so_until_it_rests() {
        let mut levels = vec![(0, false)];
        levels.extend((0..100).map(|n| (1_000 + 10 * n, n % 2 == 0)));
        let (changes, _) = told(REST_MS, &levels, 3_000);
        assert_eq!(changes, [(20, false), (1_400, true), (2_010, false)]);
    }

    #[test]
    fn without_a_time_of_rest_every_edge_is_told_at_once() {
        let (changes, glitches) = told(0, &[(0, false), (5, true), (6, false)], 10);
        assert_eq!((changes, glitches), (vec![(0, false), (5, true), (6, false)], 0));
    }

    #[test]
    fn edges_that_come_in_late_are_told_by_their_own_times() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut button = Debounce::new(Duration::from_millis(REST_MS));
        button.level(at(0), false);
        assert!(button.advance(at(100)).is_some());
        // Read a second later: pressed for 50 ms.
        assert_eq!(button.advance(at(200)), None);
        button.level(at(200), true);
        assert_eq!(button.advance(at(250)), Some(Change { active: true, at: at(200) }));
        button.level(at(250), false);
        assert_eq!(button.advance(at(1_250)), Some(Change { active: false, at: at(250) }));
    }

    #[test]
    fn what_was_out_of_sight_is_told_anew() {
        let start = Instant::now();
        let mut door = Debounce::new(Duration::ZERO);
        door.level(start, true);
        assert!(door.advance(start).is_some());
        door.forget();
        assert_eq!(door.is_active(), None);
        door.level(start, true);
        assert_eq!(door.advance(start), Some(Change { active: true, at: start }));
    }

    /// A run of levels, often short, sometimes long.
    fn edges() -> impl Strategy<Value = Vec<(u64, bool)>> {
        let gap = prop_oneof![4 => 1_u64..25, 1 => 1_u64..600];
        prop::collection::vec((gap, any::<bool>()), 1..120).prop_map(|steps| {
            steps
                .into_iter()
                .scan(0, |ms, (gap, level)| {
                    *ms += gap;
                    Some((*ms, level))
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn it_tells_what_counting_milliseconds_tells(rest_ms in 0_u64..=60, levels in edges()) {
            let until_ms = levels.last().unwrap().0 + 1_000;
            prop_assert_eq!(told(rest_ms, &levels, until_ms).0, reference(rest_ms, &levels, until_ms));
        }

        #[test]
        fn activity_of_400_ms_is_always_told(rest_ms in 0_u64..=400, before in edges(), bounces in prop::collection::vec(0_u64..=390, 0..40)) {
            let begins = before.last().unwrap().0 + 1_000;
            let mut levels = before;
            levels.push((begins - 900, false));
            // Active at both ends, and in between it may bounce as it likes.
            levels.push((begins, true));
            let mut bounces = bounces;
            bounces.sort_unstable();
            levels.extend(bounces.iter().enumerate().map(|(n, ms)| (begins + ms, n % 2 == 1)));
            levels.push((begins + 391, true));
            let (changes, _) = told(rest_ms, &levels, begins + 1_500);
            prop_assert!(changes.iter().any(|(ms, active)| *active && (begins..=begins + 800).contains(ms)), "{:?}", changes);
        }

        #[test]
        fn changes_alternate_and_the_last_is_the_level(levels in edges()) {
            let (changes, _) = told(REST_MS, &levels, levels.last().unwrap().0 + 1_000);
            prop_assert!(changes.windows(2).all(|pair| pair[0].1 != pair[1].1), "{:?}", changes);
            prop_assert_eq!(changes.last().unwrap().1, levels.last().unwrap().1);
        }
    }
}
