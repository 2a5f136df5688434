//! A session is closed: attendance, consumption and staff hours are written down.
//!
//! What is written is evidence, so it says no more than the box knows. It counts as having watched a session if it was at
//! work from the time at which the room opened to the end, but for short gaps
//! ([`SHORT_GAP`](crate::state::SHORT_GAP)). Of a session that it did not watch it tells who was seen, and nobody's absence;
//! whoever was still there when it was cut off was there until then. Staff report the rest.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::{
    alarm::Alarm,
    entry::{AttendanceStatus, What},
    id::{CourseId, InstitutionId, SessionId, StaffId, StudentId},
    roster::{Roster, Session},
    rules::{agenda::millis, day, student},
    school::School,
    state::{Lesson, Stay},
    time::{Day, Hours, Stamp},
};

/// After days on which the box was off, the sessions of so many of them are closed, for staff to report.
const MISSED_DAYS: i64 = 7;
const MINUTE_MS: i64 = 60_000;

/// Closes a session whose time has come.
pub(crate) fn close(school: &mut School, session: &SessionId) {
    school.agenda.strike();
    if let Some(session) = school.roster.session(session).cloned() {
        settle(school, &session);
    }
}

/// Closes the sessions of earlier days that are not closed yet, before that day begins: the box was off when they ended.
pub(crate) fn close_left_over(school: &mut School, next: Day) {
    let Some(today) = school.state.today().day else { return };
    let missed = today.number().saturating_add(1).max(next.number() - MISSED_DAYS)..next.number();
    let missed = missed.filter(|day| Day::from_number(*day).is_some_and(|day| !school.state.has_begun(day)));
    let due = core::iter::once(today.number()).chain(missed).flat_map(|day| school.roster.sessions_on(day));
    let going_on = school.state.lessons().keys().filter_map(|id| school.roster.session(id));
    let going_on = going_on.filter(|session| session.day < next);
    let left = due.chain(going_on).filter(|session| !is_settled(school, session));
    let left: BTreeMap<_, Session> =
        left.map(|session| ((session.day, session.hours, session.id.clone()), session.clone())).collect();
    left.values().for_each(|session| settle(school, session));
}

/// Closes the sessions that are going on and that the next roster does not have any more, or has on another day: it could
/// not tell when they were.
pub(crate) fn close_dropped(school: &mut School, next: &Roster) {
    let stays = |session: &Session| next.session(&session.id).is_some_and(|same| same.day == session.day);
    let going_on = school.state.lessons().keys().filter_map(|id| school.roster.session(id));
    let dropped = going_on.filter(|session| !stays(session) && !is_settled(school, session));
    let dropped: Vec<Session> = dropped.cloned().collect();
    dropped.iter().for_each(|session| settle(school, session));
}

/// Whether a session is closed, or its day was lived through and is over: whatever is told of it since is told too late.
fn is_settled(school: &School, session: &Session) -> bool {
    let state = &school.state;
    let is_remembered =
        core::iter::once(state.today()).chain(state.other_days()).any(|day| day.day == Some(session.day));
    let is_over = !is_remembered && state.has_begun(session.day);
    is_over || state.is_closed(&session.id, session.day) || state.unwatched().contains_key(&session.id)
}

/// One session, and how far the box knows what happened in it.
struct Closing<'a> {
    session: &'a Session,
    lesson: Lesson,
    institution: Option<InstitutionId>,
    /// From when to when it was due, in milliseconds since 1970.
    start: i64,
    end: i64,
    /// The end, or when the box was cut off before.
    seen_until: i64,
    watched: bool,
    now: Stamp,
    /// Who comes no later than this after the start is in time, and who goes no earlier than this before the end stayed.
    grace: i64,
}

fn settle(school: &mut School, session: &Session) {
    let closing = Closing::of(school, session);
    let rows = closing.rows(school);
    let present = rows.iter().filter(|(_, status, _)| took_part(*status)).count();
    let expected = school.roster.expected_in(session).collect::<BTreeSet<_>>().len();
    school.record(What::SessionClosed {
        session: session.id.clone(),
        course: session.course.clone(),
        institution: closing.institution.clone(),
        day: session.day,
        hours: session.hours,
        expected: u32::try_from(expected).unwrap_or(u32::MAX),
        present: u32::try_from(present).unwrap_or(u32::MAX),
        watched: closing.watched,
    });
    let closed = closing.closed();
    for (student, status, minutes) in rows {
        attend(school, &closed, student, (status, minutes), None);
    }
    for (staff, minutes, instead_of) in closing.staff_hours() {
        let institution = school.roster.staff(&staff).and_then(|known| known.institution.clone());
        let (course, day) = (session.course.clone(), session.day);
        let session = session.id.clone();
        school.record(What::StaffHours { staff, session, course, institution, day, minutes, instead_of });
    }
    day::end_all(school, |alarm| matches!(alarm, Alarm::StudentMissing { session: of, .. } if *of == session.id));
    student::session_over(school, &session.id);
}

/// A session as it was closed.
pub(crate) struct Closed {
    pub(crate) session: SessionId,
    pub(crate) course: CourseId,
    pub(crate) institution: Option<InstitutionId>,
    pub(crate) day: Day,
    pub(crate) hours: Hours,
}

/// Writes down how a student took part, and that the lesson counts if they were there for the policy's share of it.
pub(crate) fn attend(
    school: &mut School,
    closed: &Closed,
    student: StudentId,
    (status, minutes): (AttendanceStatus, u16),
    by: Option<StaffId>,
) {
    let share = u32::from(school.policy().consumption_share_pct) * u32::from(closed.hours.minutes());
    let counts = took_part(status) && u32::from(minutes) * 100 >= share;
    let Closed { session, course, institution, day, .. } = closed;
    let attendance = school.record(What::Attendance {
        student: student.clone(),
        session: session.clone(),
        course: course.clone(),
        day: *day,
        status,
        minutes,
        by: by.clone(),
    });
    if counts {
        school.record(What::Consumption {
            student,
            session: session.clone(),
            course: course.clone(),
            institution: institution.clone(),
            day: *day,
            attendance,
            by,
        });
    }
}

fn whole_minutes(ms: i64) -> u16 {
    u16::try_from((ms + MINUTE_MS / 2) / MINUTE_MS).unwrap_or(0)
}

pub(crate) fn took_part(status: AttendanceStatus) -> bool {
    match status {
        AttendanceStatus::Present | AttendanceStatus::Late | AttendanceStatus::LeftEarly => true,
        AttendanceStatus::Absent | AttendanceStatus::Excused => false,
    }
}

impl<'a> Closing<'a> {
    fn of(school: &School, session: &'a Session) -> Self {
        let (start, end) = day::span(school, session);
        let watch = school.state.clockwork().watch(&school.now);
        Self {
            session,
            lesson: school.state.lessons().get(&session.id).cloned().unwrap_or_default(),
            institution: school.roster.course(&session.course).and_then(|course| course.institution.clone()),
            start,
            end,
            seen_until: watch.last_before(end).unwrap_or(end).max(start),
            watched: watch.covers(start - millis(school.policy().early()), end),
            now: school.now,
            grace: millis(school.policy().late_grace()),
        }
    }

    fn closed(&self) -> Closed {
        Closed {
            session: self.session.id.clone(),
            course: self.session.course.clone(),
            institution: self.institution.clone(),
            day: self.session.day,
            hours: self.session.hours,
        }
    }

    /// How everybody took part who was expected or seen, in the order of their ids.
    fn rows(&self, school: &School) -> Vec<(StudentId, AttendanceStatus, u16)> {
        let expected: BTreeSet<&StudentId> = school.roster.expected_in(self.session).collect();
        let everybody: BTreeSet<&StudentId> = expected.into_iter().chain(self.lesson.students.keys()).collect();
        let row = |student: &StudentId| match self.lesson.students.get(student) {
            Some(stay) => Some((student.clone(), self.status(stay), self.minutes_of(stay))),
            None if !self.watched => None,
            None if day::is_excused(school, student, self.session) => {
                Some((student.clone(), AttendanceStatus::Excused, 0))
            }
            None => Some((student.clone(), AttendanceStatus::Absent, 0)),
        };
        everybody.into_iter().filter_map(row).collect()
    }

    /// Of one who came late and went early, it is told that they went early: their minutes tell the rest.
    fn status(&self, stay: &Stay) -> AttendanceStatus {
        let went = stay.until.as_ref().and_then(|until| self.moment(until));
        let came = self.moment(&stay.from);
        if went.is_some_and(|went| went < self.end - self.grace) {
            AttendanceStatus::LeftEarly
        } else if stay.late_min > 0 || came.is_some_and(|came| came > self.start + self.grace) {
            AttendanceStatus::Late // the clock may have been set after they came
        } else {
            AttendanceStatus::Present
        }
    }

    /// Minutes that a student was there, to the nearest; what they were out in between does not count.
    fn minutes_of(&self, stay: &Stay) -> u16 {
        whole_minutes(stay.lasted(|from, until| self.between(from, until)))
    }

    fn minutes(&self, from: &Stamp, until: Option<&Stamp>) -> u16 {
        whole_minutes(self.between(from, until))
    }

    /// Milliseconds between two moments that lie within the session's hours. A moment that nobody knows is taken for the
    /// start or the end.
    fn between(&self, from: &Stamp, until: Option<&Stamp>) -> i64 {
        let from = self.moment(from).unwrap_or(self.start).clamp(self.start, self.end);
        let until = until.and_then(|until| self.moment(until)).unwrap_or(self.seen_until).clamp(self.start, self.end);
        until.saturating_sub(from).max(0)
    }

    fn moment(&self, at: &Stamp) -> Option<i64> {
        Some(at.seen_from(&self.now)?.unix_ms())
    }

    /// Everybody who taught, in the order in which they took it up: minutes, and whom they stood in for.
    fn staff_hours(&self) -> Vec<(StaffId, u16, Option<StaffId>)> {
        let mut hours: Vec<(StaffId, u16, Option<StaffId>)> = Vec::new();
        for charge in &self.lesson.staff {
            let minutes = self.minutes(&charge.from, charge.until.as_ref());
            match hours.iter_mut().find(|(staff, ..)| *staff == charge.staff) {
                Some((_, sum, _)) => *sum += minutes, // who went and came back
                // Whose session it is stands in for nobody, though they took it over from somebody.
                None if self.session.staff.contains(&charge.staff) => hours.push((charge.staff.clone(), minutes, None)),
                None => hours.push((charge.staff.clone(), minutes, charge.instead_of.clone())),
            }
        }
        hours
    }
}
