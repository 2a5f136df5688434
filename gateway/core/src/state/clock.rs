//! What the ledger tells of the clock that it was written by: the runs of the box, and the entries whose time is not known.
//!
//! When the clock is set at last, every stamp that is kept gets its true time, so that no rule has to know that it ever
//! was wrong.

use core::time::Duration;

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Consumer, Entry, Seq, What},
    state::State,
    time::{BootId, Stamp},
};

/// A clock that moves by more than this against the time since boot has jumped; less is slewing and leap seconds.
pub const CLOCK_JUMP: Duration = Duration::from_secs(60);
/// The box was away, and nobody's tap can have been missed for longer: a restart, an update, a power cut that people waited
/// out at the reader.
pub const SHORT_GAP: Duration = Duration::from_secs(300);
/// So many runs of the box are remembered; a box that restarts more often in a day watches nothing.
pub const MAX_RUNS: usize = 32;

/// What is known of the clock and of when the box was at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clockwork {
    /// The entries of the latest boot whose time is not known yet.
    pub unset: Option<UnsetSpan>,
    /// When a mark of the platform's was last written down: it was reached then.
    pub synced: Option<Stamp>,
    runs: VecDeque<Run>,
}

/// Entries that were written before the clock was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsetSpan {
    /// In which boot.
    pub boot: BootId,
    /// The first of them.
    pub first: Seq,
    /// Its stamp.
    pub at: Stamp,
    /// How many.
    pub count: u64,
}

/// A time of which the ledger tells that the box was at work, without a restart and without a jump of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    start: Stamp,
    last: Stamp,
}

impl Run {
    fn goes_on_at(&self, at: &Stamp) -> bool {
        let jumped =
            self.last.clock_moved(at).unsigned_abs() > u64::try_from(CLOCK_JUMP.as_millis()).unwrap_or(u64::MAX);
        self.last.boot == at.boot && self.last.mono <= at.mono && !jumped
    }

    /// From when to when, in milliseconds since 1970, if its clock was set at either end.
    fn span(&self) -> Option<(i64, i64)> {
        let lasted = self.last.mono.ahead_of(self.start.mono);
        let (start, last) = (self.start.wall.unix_ms(), self.last.wall.unix_ms());
        match (self.start.clock.is_set(), self.last.clock.is_set()) {
            (true, true) => Some((start, last)),
            (true, false) => Some((start, start.saturating_add(lasted))),
            (false, true) => Some((last.saturating_sub(lasted), last)),
            (false, false) => None,
        }
    }
}

/// When the box was at work, short gaps left out: from and until in milliseconds since 1970, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch(Vec<(i64, i64)>);

impl Watch {
    /// Whether the box was at work from one moment to another (milliseconds since 1970), but for gaps of [`SHORT_GAP`].
    pub fn covers(&self, from_ms: i64, until_ms: i64) -> bool {
        self.0.iter().any(|&(start, end)| start <= from_ms && until_ms <= end)
    }

    /// The last moment up to this one at which the box was at work.
    pub fn last_before(&self, ms: i64) -> Option<i64> {
        self.0.iter().filter(|(start, _)| *start <= ms).map(|(_, end)| ms.min(*end)).max()
    }
}

impl Clockwork {
    /// When the box was at work, up to now if it has been since its last entry.
    pub fn watch(&self, now: &Stamp) -> Watch {
        let mut runs = self.runs.clone();
        if let Some(run) = runs.back_mut().filter(|run| run.goes_on_at(now)) {
            run.last = *now;
        }
        let mut spans: Vec<_> = runs.iter().filter_map(Run::span).collect();
        spans.sort_unstable();
        let short = i64::try_from(SHORT_GAP.as_millis()).unwrap_or(i64::MAX);
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (start, end) in spans {
            match joined.last_mut() {
                Some(before) if start <= before.1.saturating_add(short) => before.1 = before.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        Watch(joined)
    }

    /// The moment of the last entry.
    pub fn last(&self) -> Option<&Stamp> {
        self.runs.back().map(|run| &run.last)
    }

    fn see(&mut self, entry: &Entry) {
        let restarted = matches!(entry.what, What::Started { .. });
        match self.runs.back_mut() {
            Some(run) if !restarted && run.goes_on_at(&entry.at) => run.last = entry.at,
            _ => {
                if self.runs.len() == MAX_RUNS {
                    self.runs.pop_front();
                }
                self.runs.push_back(Run { start: entry.at, last: entry.at });
            }
        }
        if entry.at.clock.is_set() {
            return;
        }
        match &mut self.unset {
            Some(span) if span.boot == entry.at.boot => span.count += 1,
            _ => self.unset = Some(UnsetSpan { boot: entry.at.boot, first: entry.seq, at: entry.at, count: 1 }),
        }
    }
}

impl State {
    pub(super) fn fold_clock(&mut self, entry: &Entry) {
        self.clockwork.see(entry);
        match entry.what {
            What::ClockSet { .. } => {
                self.clockwork.unset = None;
                self.each_stamp(|stamp| {
                    if stamp.boot == entry.at.boot
                        && !stamp.clock.is_set()
                        && let Some(wall) = stamp.seen_from(&entry.at)
                    {
                        (stamp.wall, stamp.clock) = (wall, entry.at.clock);
                    }
                });
            }
            What::Delivered { consumer: Consumer::Sync, .. } => self.clockwork.synced = Some(entry.at),
            _ => {}
        }
    }

    /// What is known of the clock and of when the box was at work.
    pub fn clockwork(&self) -> &Clockwork {
        &self.clockwork
    }

    /// Every stamp that is kept. Whoever keeps a new one adds it here.
    fn each_stamp(&mut self, mut each: impl FnMut(&mut Stamp)) {
        for presence in self.presences.values_mut().map(Arc::make_mut) {
            each(&mut presence.since);
            each(&mut presence.seen.at);
            presence.waiting.as_deref_mut().into_iter().for_each(|waiting| each(&mut waiting.at));
        }
        self.others.values_mut().for_each(|sighting| each(&mut sighting.at));
        self.calls.values_mut().for_each(|call| each(&mut call.at));
        self.alarms.stamps_mut().for_each(&mut each);
        self.readers_away.values_mut().for_each(|away| each(&mut away.since));
        self.sensors_away.values_mut().for_each(|away| each(&mut away.since));
        self.doors.values_mut().for_each(|door| each(&mut door.since));
        self.recent.stamps_mut().for_each(&mut each);
        self.posts.values_mut().for_each(|held| each(&mut held.since));
        self.offers.values_mut().for_each(|offer| each(&mut offer.at));
        self.muster.iter_mut().for_each(|muster| each(&mut muster.at));
        for lesson in self.lessons.values_mut() {
            for charge in &mut lesson.staff {
                each(&mut charge.from);
                charge.until.iter_mut().for_each(&mut each);
            }
            for stay in lesson.students.values_mut() {
                each(&mut stay.from);
                stay.until.iter_mut().for_each(&mut each);
                for (went, came) in &mut stay.breaks {
                    each(went);
                    each(came);
                }
            }
        }
        self.wrong_codes.values_mut().flatten().for_each(&mut each);
        self.freed_until.iter_mut().for_each(&mut each);
        self.gates.values_mut().filter_map(|run| run.freed_until.as_mut()).for_each(&mut each);
        self.today.dined.values_mut().for_each(&mut each);
        self.roster_adopted.iter_mut().for_each(&mut each);
        self.clockwork.synced.iter_mut().for_each(&mut each);
        for run in &mut self.clockwork.runs {
            each(&mut run.start);
            each(&mut run.last);
        }
    }
}
