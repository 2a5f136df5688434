//! The platform and the roster that comes from it: how long away, how old.
//!
//! A contact leaves no entry: it is remembered in memory, and after a restart taken from what the ledger does tell, the
//! marks of what the platform has acknowledged and the roster's adoption. So that a restart after quiet days raises no
//! alarm about a platform that is there, it is first given [`TIME_TO_CALL`].

use core::time::Duration;

use crate::{
    alarm::Alarm,
    entry::Consumer,
    rules::agenda,
    school::School,
    time::{Mono, Stamp},
    timer::{Timeout, Timer},
};

/// How long the platform has for its first word after a start.
const TIME_TO_CALL: Duration = Duration::from_secs(600);

/// When the platform was last heard.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    began: Option<Stamp>,
    reached: Option<Stamp>,
    /// When it said that the roster in force is the right one.
    confirmed: Option<Stamp>,
}

impl Contact {
    pub(crate) fn begin(&mut self, now: Stamp) {
        self.began = Some(now);
    }
}

/// When the platform will have been away, or the roster in force, for too long.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let began = school.contact.began.as_ref().filter(|_| school.site.has_platform)?;
    let earliest = began.mono.plus(TIME_TO_CALL);
    let is_on = |alarm: &Alarm| school.state.alarms().contains_key(alarm);
    let unreached = || Some(Timeout { at: unreached_at(school, began).max(earliest), why: Timer::PlatformUnreached });
    let old = || Some(Timeout { at: old_at(school)?.max(earliest), why: Timer::RosterOld });
    let unreached = if is_on(&Alarm::PlatformUnreached {}) { None } else { unreached() };
    let old = if is_on(&Alarm::RosterOld {}) { None } else { old() };
    unreached.into_iter().chain(old).min_by_key(|timeout| timeout.at)
}

/// From the last contact, else from what the ledger tells, else from the start.
fn unreached_at(school: &School, began: &Stamp) -> Mono {
    let told = [school.state.clockwork().synced.as_ref(), school.state.roster_adopted()];
    let told = || told.into_iter().flatten().filter_map(|at| at.elapsed(&school.now)).min();
    let gone = match &school.contact.reached {
        Some(reached) => reached.elapsed(&school.now),
        None => told().or_else(|| began.elapsed(&school.now)),
    };
    due_in(school, school.policy().platform_unreached(), gone.unwrap_or_default())
}

/// By its maker's date if it has one, else by its adoption; from its confirmation, if that is later.
fn old_at(school: &School) -> Option<Mono> {
    if !school.agenda.is_ready() {
        return None;
    }
    let limit = school.policy().roster_old();
    if let Some(confirmed) = &school.contact.confirmed {
        return Some(due_in(school, limit, confirmed.elapsed(&school.now).unwrap_or_default()));
    }
    if let Some(made_at) = school.roster.made_at {
        let due = made_at.shifted(agenda::millis(limit));
        return agenda::mono_of(school, due.unix_ms().saturating_add(offset_ms(school)));
    }
    let gone = school.state.roster_adopted()?.elapsed(&school.now)?;
    Some(due_in(school, limit, gone))
}

fn offset_ms(school: &School) -> i64 {
    i64::from(school.now.wall.offset_min()) * 60_000
}

/// When `limit` will have passed, so much of it being gone: before now if all of it is.
fn due_in(school: &School, limit: Duration, gone: Duration) -> Mono {
    school.now.mono.shifted(agenda::millis(limit).saturating_sub(agenda::millis(gone)))
}

/// The platform was reached.
pub(crate) fn reached(school: &mut School) {
    school.contact.reached = Some(school.now);
    school.end_alarm(&Alarm::PlatformUnreached {});
}

/// The platform takes none of the ledger's entries. The gates go on; people decide.
pub(crate) fn refuses(school: &mut School) {
    school.raise(Alarm::PlatformRefuses {}, None);
}

/// A consumer's receiver has acknowledged something; the platform is one of them.
pub(crate) fn delivered(school: &mut School, consumer: Consumer) {
    if consumer == Consumer::Sync {
        reached(school);
        school.end_alarm(&Alarm::PlatformRefuses {});
    }
}

/// The platform says that the roster in force is the right one.
pub(crate) fn roster_confirmed(school: &mut School) {
    school.contact.confirmed = Some(school.now);
    reached(school);
    school.end_alarm(&Alarm::RosterOld {});
}

/// A roster came into force: its age counts from now on.
pub(crate) fn roster_adopted(school: &mut School) {
    school.contact.confirmed = None;
    if old_at(school).is_some_and(|at| at > school.now.mono) {
        school.end_alarm(&Alarm::RosterOld {});
    }
}

/// The platform has been away for too long.
pub(crate) fn unreached(school: &mut School) {
    school.raise(Alarm::PlatformUnreached {}, None);
}

/// The roster is too old.
pub(crate) fn roster_old(school: &mut School) {
    school.raise(Alarm::RosterOld {}, None);
}
