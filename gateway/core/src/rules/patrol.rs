//! The safety patrol visits its points.

use alloc::collections::BTreeSet;

use crate::{
    alarm::Alarm,
    entry::{Tap, What},
    id::{PatrolId, PlaceId, StaffId},
    picture::Picture,
    roster::{DayKind, Holder, StaffRole},
    rules::{
        agenda::{local, millis},
        day,
        tap::{note, show},
    },
    school::School,
    time::{Hours, Wall},
};

/// Whose rounds count.
const PATROLS: [StaffRole; 3] = [StaffRole::Security, StaffRole::Teacher, StaffRole::DutyLeader];

/// A member of staff at a patrol point: the round that is due here now, or one that was missed and is made up for.
pub(crate) fn visit(school: &mut School, staff: StaffId, tap: Tap) {
    if !school.roster.staff(&staff).is_some_and(|known| PATROLS.iter().any(|role| known.is(*role))) {
        return note(school, Holder::Staff(staff), tap);
    }
    let patrol = due_here(school, &tap.place);
    let seq = school.record(What::Patrolled { patrol: patrol.clone(), staff, tap: tap.clone() });
    show(school, seq, tap, Picture::Noted);
    if let Some(patrol) = patrol.filter(|patrol| unvisited(school, patrol) == 0) {
        school.end_alarm(&Alarm::PatrolMissed { patrol });
    }
}

/// The round to which a visit of this point counts: within its window and the grace at both ends, one that lacks this
/// point before one that does not; else one that was missed today.
fn due_here(school: &School, point: &PlaceId) -> Option<PatrolId> {
    let today = school.state.today();
    let day = today.day.filter(|day| school.roster.day_kind(day.number()) != DayKind::Closed)?;
    let now = school.now.clock.is_set().then(|| school.now.wall.local_ms())?;
    let grace = millis(school.policy().patrol_grace());
    let is_due = |hours: &Hours| {
        local(day.number(), hours.from) - grace <= now && now <= local(day.number(), hours.until) + grace
    };
    let lacks = |patrol: &PatrolId| !today.patrolled.get(patrol).is_some_and(|visited| visited.contains(point));
    let here = || school.roster.patrols().iter().filter(|(_, (_, points))| points.contains(point));
    let due = || here().filter(|(_, (hours, _))| is_due(hours)).map(|(patrol, _)| patrol);
    let missed =
        |patrol: &&PatrolId| school.state.alarms().contains_key(&Alarm::PatrolMissed { patrol: (*patrol).clone() });
    let made_up_for = || here().map(|(patrol, _)| patrol).find(|patrol| missed(patrol) && lacks(patrol));
    due().find(|patrol| lacks(patrol)).or_else(made_up_for).or_else(|| due().next()).cloned()
}

/// How many points of a round were not visited today.
fn unvisited(school: &School, patrol: &PatrolId) -> usize {
    let Some((_, points)) = school.roster.patrols().get(patrol) else { return 0 };
    let visited = school.state.today().patrolled.get(patrol);
    let points: BTreeSet<&PlaceId> = points.iter().collect();
    points.into_iter().filter(|point| !visited.is_some_and(|visited| visited.contains(*point))).count()
}

/// Whether every point of a round was visited. If the box was off in its window, nobody can say that it was missed.
pub(crate) fn look(school: &mut School, patrol: &PatrolId) -> usize {
    let Some(day) = school.state.today().day else { return 0 };
    let Some((hours, _)) = school.roster.patrols().get(patrol).cloned() else { return 0 };
    let moment = |time| Wall::on(day.number(), time, school.now.wall.offset_min()).unix_ms();
    if !day::watched(school, moment(hours.from), moment(hours.until)) {
        return 0;
    }
    let unvisited = unvisited(school, patrol);
    if unvisited > 0 {
        school.raise(Alarm::PatrolMissed { patrol: patrol.clone() }, None);
    }
    unvisited
}
