//! Dismissal by classes: whose turn it is at which gate.
//!
//! It only ever keeps somebody a little longer: who may go alone, and when, is for the roster to say. Whom a family fetches
//! waits for no turn.

use core::time::Duration;

use crate::{
    id::{PlaceId, StudentId},
    roster::DayKind,
    school::School,
    time::{Day, TimeOfDay},
};

/// Who wants out so long before their class's turn is told to wait; who wants out earlier has no business at the gate.
const SOON: Duration = Duration::from_secs(3_600);

/// How a student's class stands at a gate.
pub(crate) enum Turn {
    /// No class is called at any gate today, or not this one.
    Free,
    /// It goes now.
    Now,
    /// It goes from that time on, soon or not.
    Later(TimeOfDay, bool),
    /// It goes by another gate.
    Elsewhere(PlaceId),
}

/// Without a set clock nobody can be told to wait, and nobody may go alone anyway.
pub(crate) fn turn(school: &School, student: &StudentId, place: &PlaceId) -> Turn {
    let lines = &school.policy().dismissal;
    if lines.is_empty() {
        return Turn::Free;
    }
    let Some((day, time)) = school.now.day().zip(school.now.time_of_day()) else { return Turn::Free };
    let (Some(student), Some(weekday)) = (school.roster.student(student), Day::from_number(day).map(Day::weekday))
    else {
        return Turn::Free;
    };
    if school.roster.day_kind(day) == DayKind::Closed {
        return Turn::Free;
    }
    let theirs = lines.iter().filter(|line| {
        line.class == student.class.as_str() && (line.weekdays.is_empty() || line.weekdays.contains(&weekday))
    });
    let mut here =
        theirs.clone().filter(|line| line.place.as_ref().is_none_or(|gate| gate == place)).map(|line| line.from);
    let Some(first) = here.clone().min() else {
        let other = theirs.filter_map(|line| line.place.clone()).next();
        return other.map_or(Turn::Free, Turn::Elsewhere);
    };
    let soon = u16::try_from(SOON.as_secs() / 60).unwrap_or(u16::MAX);
    if here.any(|from| from <= time) { Turn::Now } else { Turn::Later(first, first <= time.plus_minutes(soon)) }
}
