//! Which session is held where, now.

use crate::{
    id::{PlaceId, SessionId, StaffId, StudentId},
    roster::Session,
    school::School,
    state::Lesson,
    time::Wall,
};

/// How a session stands to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its room is not open yet.
    Ahead,
    /// Its room is open, and it has not begun.
    Opening,
    /// It has begun and not ended.
    Running,
    /// It has ended.
    Over,
}

/// Needs a clock that was set.
fn phase(school: &School, session: &Session) -> Option<Phase> {
    let now = school.now.clock.is_set().then_some(school.now.wall)?;
    let moment = |time| Wall::on(session.day.number(), time, now.offset_min()).unix_ms();
    let (start, end) = (moment(session.hours.from), moment(session.hours.until));
    let early = i64::try_from(school.policy().early().as_millis()).unwrap_or(0);
    Some(match now.unix_ms() {
        now if now >= end => Phase::Over,
        now if now >= start => Phase::Running,
        now if now >= start - early => Phase::Opening,
        _ => Phase::Ahead,
    })
}

/// Whether the session has ended; no if the clock can't tell.
pub(crate) fn is_over(school: &School, session: &SessionId) -> bool {
    school.roster.session(session).and_then(|session| phase(school, session)) == Some(Phase::Over)
}

/// Whether the session has begun and not ended; no if the clock can't tell.
pub(crate) fn is_running(school: &School, session: &Session) -> bool {
    phase(school, session) == Some(Phase::Running)
}

/// Open to those who come: it runs, or is about to begin, and is not closed.
fn is_due(school: &School, session: &Session) -> bool {
    let due = matches!(phase(school, session), Some(Phase::Opening | Phase::Running));
    due && !school.state.is_closed(&session.id, session.day)
}

/// The sessions at this place that run or are about to begin, in the order of their start.
pub(crate) fn due_at<'a>(school: &'a School, place: &'a PlaceId) -> impl Iterator<Item = &'a Session> {
    let today = school.now.day().into_iter().flat_map(|day| school.roster.sessions_on(day));
    today.filter(move |session| session.place == *place && is_due(school, session))
}

/// The session that is held at this place now: the one that runs, else the one about to begin.
pub(crate) fn held_at<'a>(school: &'a School, place: &'a PlaceId) -> Option<&'a Session> {
    due_at(school, place).min_by_key(|session| !is_running(school, session))
}

/// A student's own sessions that run or are about to begin, in the order of their start.
pub(crate) fn due_for<'a>(school: &'a School, student: &'a StudentId) -> impl Iterator<Item = &'a Session> {
    let today = school.now.day().into_iter().flat_map(|day| school.roster.timetable(student, day));
    today.filter(|session| is_due(school, session))
}

/// The sessions at this place that were taken up or entered and are not closed, over or not. Few: those of the last hour.
pub(crate) fn open_at<'a>(school: &'a School, place: &'a PlaceId) -> impl Iterator<Item = (&'a SessionId, &'a Lesson)> {
    school.state.lessons().iter().filter(move |(_, lesson)| lesson.place.as_ref() == Some(place))
}

/// The session at this place that this member of staff is in: rather one that is not over.
pub(crate) fn of_staff_at<'a>(school: &'a School, staff: &StaffId, place: &'a PlaceId) -> Option<&'a SessionId> {
    let theirs = open_at(school, place).filter(|(_, lesson)| lesson.has(staff)).map(|(session, _)| session);
    theirs.min_by_key(|session| is_over(school, session))
}

/// Who leads a session at this place, of those that are taken up and not closed: rather of one that is not over.
pub(crate) fn lead_at(school: &School, place: &PlaceId) -> Option<(SessionId, StaffId)> {
    let led = open_at(school, place).filter_map(|(session, lesson)| Some((session, &lesson.lead()?.staff)));
    let (session, lead) = led.min_by_key(|(session, _)| is_over(school, session))?;
    Some((session.clone(), lead.clone()))
}

/// Minutes that somebody who comes now is late beyond the grace; 0 if in time, or if the clock can't tell.
pub(crate) fn late_min(school: &School, session: &SessionId) -> u16 {
    let Some(session) = school.roster.session(session).filter(|_| school.now.clock.is_set()) else { return 0 };
    let now = school.now.wall;
    let start = Wall::on(session.day.number(), session.hours.from, now.offset_min());
    let late_ms = u64::try_from(now.unix_ms().saturating_sub(start.unix_ms())).unwrap_or(0);
    let beyond_s = (late_ms / 1000).saturating_sub(school.policy().late_grace().as_secs());
    u16::try_from(beyond_s.div_ceil(60)).unwrap_or(u16::MAX)
}
