//! The plan of one day: every moment of its wall clock at which something has to be looked at, in order.
//!
//! No part of the state: it is derived from the roster, and from the entries that say what was dealt with. It is made anew
//! when a roster comes into force, when the day turns and when the clock has jumped.

use core::time::Duration;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use crate::{
    entry::Check,
    id::{SessionId, StudentId},
    roster::{DayKind, Post, Roster},
    school::School,
    state::{CLOCK_JUMP, State},
    time::{Day, Mono, TimeOfDay},
    timer::{Timeout, Timer},
};

const DAY_MS: i64 = 86_400_000;
const MINUTE: Duration = Duration::from_secs(60);

/// What is to be done at a moment of the day. What closes goes before what looks at who is left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Close(SessionId),
    Check(Check),
}

/// The plan of the day that goes on. Moments are milliseconds of the school's own calendar ([`local`]).
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    /// Whether a roster has come: without one there is nothing to plan, and no day begins.
    ready: bool,
    due: VecDeque<(i64, Item)>,
    /// The part of the day that the clock has jumped over: nobody knows yet whether it was or is still to come.
    jumped: Option<(i64, i64)>,
    /// How far the clock has jumped ahead today in all; behind, if negative.
    ahead_ms: i64,
}

impl Agenda {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    pub(crate) fn roster_came(&mut self) {
        self.ready = true;
    }

    /// The clock has jumped to this moment, by so many milliseconds.
    pub(crate) fn clock_jumped(&mut self, to: i64, by_ms: i64) {
        let from = self.jumped.map_or(to.saturating_sub(by_ms), |(from, _)| from);
        self.ahead_ms = self.ahead_ms.saturating_add(by_ms);
        let ahead = self.ahead_ms > millis(CLOCK_JUMP) && from < to;
        self.jumped = ahead.then_some((from, to));
    }

    /// Whether the clock has jumped over that moment.
    pub(crate) fn was_jumped_over(&self, moment: i64) -> bool {
        self.jumped.is_some_and(|(from, to)| from < moment && moment <= to)
    }

    pub(crate) fn forget_jump(&mut self) {
        (self.jumped, self.ahead_ms) = (None, 0);
    }

    /// The first is dealt with.
    pub(crate) fn strike(&mut self) {
        self.due.pop_front();
    }
}

/// Makes the plan of today's deadlines anew, without those that were dealt with.
///
/// Sessions that the clock has jumped over are left out: if it was right to jump, the day's turn closes them, not watched;
/// if it jumps back, they are still to come.
pub(crate) fn rebuild(school: &mut School) {
    let Some(day) = school.state.today().day.filter(|_| school.agenda.ready) else { return school.agenda.due.clear() };
    let mut due = plan(&school.roster, day.number());
    due.retain(|(moment, item)| !is_done(&school.state, day, item) && !skips(&school.agenda, *moment, item));
    due.sort_unstable();
    school.agenda.due = due.into();
}

/// The next deadline of the plan; none while the clock is not set.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let (moment, item) = school.agenda.due.front()?;
    let why = match item {
        Item::Close(session) => Timer::SessionClose { session: session.clone() },
        Item::Check(check) => Timer::Check(check.clone()),
    };
    Some(Timeout { at: mono_of(school, *moment)?, why })
}

/// A moment of the school's own calendar on this boot's time, if the clock is set.
pub(crate) fn mono_of(school: &School, moment: i64) -> Option<Mono> {
    let now = school.now.clock.is_set().then(|| school.now.wall.local_ms())?;
    Some(school.now.mono.shifted(moment.saturating_sub(now)))
}

/// That time of that day (days since 1970-01-01), in milliseconds of the school's own calendar.
pub(crate) fn local(day: i64, time: TimeOfDay) -> i64 {
    day * DAY_MS + i64::from(time.minute()) * 60_000
}

fn plan(roster: &Roster, day: i64) -> Vec<(i64, Item)> {
    let policy = &roster.policy;
    let mut due = Vec::new();
    let mut add = |time: TimeOfDay, after: Duration, item: Item| {
        due.push((local(day, time).saturating_add(millis(after)), item));
    };
    for session in roster.sessions_on(day) {
        add(session.hours.from, policy.absence_after(), Item::Check(Check::Absence(session.id.clone())));
        add(session.hours.until, policy.close_after(), Item::Close(session.id.clone()));
    }
    for end in last_ends(roster, day) {
        for (step, after) in (1..).zip(policy.not_fetched()) {
            add(end, after, Item::Check(Check::NotFetched { end, step }));
        }
    }
    let mut over: BTreeMap<Post, TimeOfDay> = BTreeMap::new();
    for duty in roster.rota_on(day) {
        let from = duty.hours.from;
        add(from, Duration::ZERO, Item::Check(Check::Rota { post: duty.post, from }));
        over.entry(duty.post).and_modify(|end| *end = duty.hours.until.max(*end)).or_insert(duty.hours.until);
    }
    for (post, end) in over {
        add(end, MINUTE, Item::Check(Check::RotaOver { post })); // the last minute counts
    }
    if roster.day_kind(day) != DayKind::Closed {
        for (patrol, (hours, _)) in roster.patrols() {
            add(hours.until, policy.patrol_grace(), Item::Check(Check::Patrol(patrol.clone())));
        }
    }
    due.sort_unstable();
    due.dedup(); // two people on one post from the same minute
    due
}

/// The times of day at which somebody's last session ends.
fn last_ends(roster: &Roster, day: i64) -> BTreeSet<TimeOfDay> {
    let mut last: BTreeMap<&StudentId, TimeOfDay> = BTreeMap::new();
    for session in roster.sessions_on(day) {
        for student in roster.expected_in(session) {
            last.entry(student).and_modify(|end| *end = session.hours.until.max(*end)).or_insert(session.hours.until);
        }
    }
    last.into_values().collect()
}

fn is_done(state: &State, today: Day, item: &Item) -> bool {
    match item {
        Item::Close(session) => state.is_closed(session, today),
        Item::Check(check) => state.today().checks.contains(check),
    }
}

fn skips(agenda: &Agenda, moment: i64, item: &Item) -> bool {
    let of_a_session = matches!(item, Item::Close(_) | Item::Check(Check::Absence(_)));
    of_a_session && agenda.was_jumped_over(moment)
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
