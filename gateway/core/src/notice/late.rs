//! News that could not be told in time: what is told all the same and says that it is late, and what has lost its meaning
//! and is left to the latest status (domain rule 5).

use core::time::Duration;

use super::{GuardianEvent, Matter, Notice};
use crate::{
    entry::{Entry, Seq, What},
    roster::Roster,
    state::State,
    text,
    text::Bilingual,
    time::{Day, Stamp, Wall},
};

/// For how long after its entry an event means anything; nothing if for ever.
///
/// A wait and a call are over with the release window. That a child has not come to a session is over with the session:
/// how they took part is told then.
pub fn lasts(event: GuardianEvent, entry: &Entry, roster: &Roster) -> Option<Duration> {
    match event {
        GuardianEvent::ReadyForPickup | GuardianEvent::Called => Some(roster.policy.release_window()),
        GuardianEvent::NotArrived => {
            let What::AlarmRaised { alarm: crate::alarm::Alarm::StudentMissing { session, .. }, .. } = &entry.what
            else {
                return None;
            };
            let (day, until) = (entry.at.day()?, roster.session(session)?.hours.until);
            let end = Wall::on(day, until, entry.at.wall.offset_min());
            let left_ms = end.unix_ms().saturating_sub(entry.at.wall.unix_ms());
            u64::try_from(left_ms).ok().map(Duration::from_millis)
        }
        _ => None,
    }
}

/// Whether what a late notice says is still so in `state`, in which later entries are folded. Facts are always.
///
/// An alert is still so if the alarm that it raised or acknowledged is on; one that says that an alarm is over is a fact.
pub fn is_still_so(notice: &Notice, entry: &Entry, state: &State) -> bool {
    match notice {
        Notice::Event { event, student, .. } => event.is_fact() || event_is_still_so(*event, student, entry, state),
        Notice::Alert { matter, raised, on: true, .. } => match matter {
            Matter::Alarm(alarm) => is_on(alarm, *raised, state),
            Matter::Muster(_) => state.muster().is_some_and(|muster| muster.by == *raised),
        },
        Notice::Alert { on: false, .. } | Notice::Status { .. } => true,
    }
}

fn event_is_still_so(event: GuardianEvent, student: &crate::id::StudentId, entry: &Entry, state: &State) -> bool {
    let presence = state.presence(student);
    match event {
        GuardianEvent::ReadyForPickup => {
            presence.and_then(|p| p.waiting.as_ref()).is_some_and(|waiting| waiting.by == entry.seq)
        }
        GuardianEvent::Called => presence.is_some_and(|p| p.calls.contains(&entry.seq)),
        GuardianEvent::LatePickup if !presence.is_some_and(|p| p.in_care()) => false,
        _ => match &entry.what {
            What::AlarmRaised { alarm, .. } => is_on(alarm, entry.seq, state),
            _ => true,
        },
    }
}

fn is_on(alarm: &crate::alarm::Alarm, raised: Seq, state: &State) -> bool {
    state.alarms().get(alarm).is_some_and(|on| on.raised == raised)
}

/// What a late sentence begins with: that it is late, and the day and time of what it tells, if the clock was set then.
pub fn says_late(at: &Stamp) -> Bilingual {
    let when = at.day().and_then(Day::from_number).zip(at.clock_text());
    Bilingual::say(|lang| match &when {
        Some((day, time)) => text!(lang, zh: "（延迟送达，{day} {time}）", en: "(Delayed: {day} {time}) "),
        None => text!(lang, zh: "（延迟送达）", en: "(Delayed) "),
    })
}
