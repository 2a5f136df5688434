//! The after-school service as a checked roster has it: staff, courses, sessions, rota, calendar; and the timetables that
//! are derived from it (一生一课表), never stored twice.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use hashbrown::{HashMap, HashSet};

use super::{
    DayKind, DinnerLine, Document, LeaveLine, PassKey, PatrolLine, Post, Roster, RotaLine, StaffRole, Validity,
};
use crate::{
    entry::PassId,
    id::{CourseId, InstitutionId, PatrolId, PlaceId, SchoolId, SessionId, StaffId, StudentId, VisitorId},
    time::{Day, Hours, Stamp, TimeOfDay, Weekday},
};

/// Somebody who works at the school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// What people call them.
    pub name: String,
    /// What they do.
    pub roles: Vec<StaffRole>,
    /// The outside institution that they teach for.
    pub institution: Option<InstitutionId>,
    /// The school they belong to, if it is another one of the district.
    pub home_school: Option<SchoolId>,
    /// On which days they work here.
    pub valid: Validity,
}

impl Staff {
    /// Whether they do that.
    pub fn is(&self, role: StaffRole) -> bool {
        self.roles.contains(&role)
    }
}

/// An outside institution on the list of those admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// What people call it.
    pub name: String,
    /// On which days it is admitted.
    pub admitted: Validity,
}

/// A visitor who is awaited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// What they come for.
    pub purpose: String,
    /// On which days.
    pub valid: Validity,
    /// At which hours; the whole day if none.
    pub hours: Option<Hours>,
}

/// A course of the term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// What people call it.
    pub name: String,
    /// Who gives it; the school itself, if none.
    pub institution: Option<InstitutionId>,
}

/// One dated occurrence of a course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Of which course.
    pub course: CourseId,
    /// On which day.
    pub day: Day,
    /// From its start to its end.
    pub hours: Hours,
    /// In which room.
    pub place: PlaceId,
    /// Whose it is, first the one who leads it.
    pub staff: Vec<StaffId>,
}

/// A student takes a course.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// What.
    pub course: CourseId,
    /// From when to when.
    pub valid: Validity,
}

/// Somebody has a post at some hours of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Which post.
    pub post: Post,
    /// From when to when.
    pub hours: Hours,
    /// Who.
    pub staff: StaffId,
    /// Whom they stand in for.
    pub instead_of: Option<StaffId>,
}

/// An approved absence or early leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// On which days.
    pub valid: Validity,
    /// At which hours of these days; the whole day, if none.
    pub hours: Option<Hours>,
    /// Whether they may leave the campus alone in that time.
    pub alone: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Service {
    staff: HashMap<StaffId, Staff>,
    institutions: HashMap<InstitutionId, Institution>,
    visitors: HashMap<VisitorId, Visitor>,
    courses: HashMap<CourseId, Course>,
    sessions: HashMap<SessionId, Session>,
    /// By day (days since 1970-01-01), in the order of their start.
    by_day: BTreeMap<i64, Vec<SessionId>>,
    enrolments: HashMap<StudentId, Vec<Enrolment>>,
    takers: HashMap<CourseId, Vec<(StudentId, Validity)>>,
    leaves: HashMap<StudentId, Vec<Leave>>,
    rota: BTreeMap<i64, Vec<Duty>>,
    calendar: BTreeMap<i64, DayKind>,
    dinners: HashMap<StudentId, Vec<(Validity, Vec<Weekday>)>>,
    patrols: BTreeMap<PatrolId, (Hours, Vec<PlaceId>)>,
    pass_keys: BTreeMap<String, [u8; 32]>,
    revoked_passes: HashSet<PassId>,
}

impl Service {
    pub(super) fn build(document: &Document) -> Self {
        let mut service = Self::default();
        for line in &document.staff {
            let staff = Staff {
                name: line.name.clone(),
                roles: line.roles.clone(),
                institution: line.institution.clone(),
                home_school: line.home_school.clone(),
                valid: line.valid,
            };
            service.staff.insert(line.id.clone(), staff);
        }
        for line in &document.institutions {
            let institution = Institution { name: line.name.clone(), admitted: line.admitted };
            service.institutions.insert(line.id.clone(), institution);
        }
        for line in &document.visitors {
            let visitor = Visitor { purpose: line.purpose.clone(), valid: line.valid, hours: line.hours };
            service.visitors.insert(line.id.clone(), visitor);
        }
        for line in &document.courses {
            let course = Course { name: line.name.clone(), institution: line.institution.clone() };
            service.courses.insert(line.id.clone(), course);
        }
        service.build_sessions(document);
        for line in &document.enrolments {
            let enrolment = Enrolment { course: line.course.clone(), valid: line.valid };
            service.enrolments.entry(line.student.clone()).or_default().push(enrolment);
            service.takers.entry(line.course.clone()).or_default().push((line.student.clone(), line.valid));
        }
        for LeaveLine { student, valid, hours, alone } in document.leaves.clone() {
            service.leaves.entry(student).or_default().push(Leave { valid, hours, alone });
        }
        for RotaLine { post, day, hours, staff, instead_of } in document.rota.clone() {
            service.rota.entry(day.number()).or_default().push(Duty { post, hours, staff, instead_of });
        }
        service.calendar = document.calendar.iter().map(|line| (line.day.number(), line.kind)).collect();
        for DinnerLine { student, valid, weekdays } in document.dinners.clone() {
            service.dinners.entry(student).or_default().push((valid, weekdays));
        }
        let round = |PatrolLine { id, hours, points }: PatrolLine| (id, (hours, points));
        service.patrols = document.patrols.iter().cloned().map(round).collect();
        let key = |key: &PassKey| Some((key.id.clone(), key.bytes()?));
        service.pass_keys = document.pass_keys.iter().filter_map(key).collect();
        service.revoked_passes = document.revoked_passes.iter().cloned().collect();
        service
    }

    fn build_sessions(&mut self, document: &Document) {
        for line in &document.sessions {
            let session = Session {
                id: line.id.clone(),
                course: line.course.clone(),
                day: line.day,
                hours: line.hours,
                place: line.place.clone(),
                staff: line.staff.clone(),
            };
            self.by_day.entry(line.day.number()).or_default().push(line.id.clone());
            self.sessions.insert(line.id.clone(), session);
        }
        for ids in self.by_day.values_mut() {
            ids.sort_by_key(|id| self.sessions.get(id).map(|session| (session.hours, id.clone())));
        }
    }
}

impl PassKey {
    /// The key; nothing unless it is written as 64 hex digits.
    pub fn bytes(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        if self.public.len() != 64 || !self.public.is_ascii() {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(self.public.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(key)
    }
}

/// Days are counted since 1970-01-01, as [`Stamp::day`] has them.
impl Roster {
    /// Somebody who works here.
    pub fn staff(&self, id: &StaffId) -> Option<&Staff> {
        self.service.staff.get(id)
    }

    /// Everybody who works here, in no order.
    pub fn all_staff(&self) -> impl Iterator<Item = (&StaffId, &Staff)> {
        self.service.staff.iter()
    }

    /// An institution on the list.
    pub fn institution(&self, id: &InstitutionId) -> Option<&Institution> {
        self.service.institutions.get(id)
    }

    /// A visitor who is awaited.
    pub fn visitor(&self, id: &VisitorId) -> Option<&Visitor> {
        self.service.visitors.get(id)
    }

    /// A course.
    pub fn course(&self, id: &CourseId) -> Option<&Course> {
        self.service.courses.get(id)
    }

    /// A session.
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.service.sessions.get(id)
    }

    /// The sessions of a day, in the order of their start.
    pub fn sessions_on(&self, day: i64) -> impl Iterator<Item = &Session> {
        self.service.by_day.get(&day).into_iter().flatten().filter_map(|id| self.service.sessions.get(id))
    }

    /// What a student takes.
    pub fn enrolments(&self, student: &StudentId) -> &[Enrolment] {
        self.service.enrolments.get(student).map(Vec::as_slice).unwrap_or_default()
    }

    /// The students who are expected at a session, leave or not.
    pub fn expected_in<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = &'a StudentId> {
        let takers = self.service.takers.get(&session.course).into_iter().flatten();
        let day = session.day.number();
        takers.filter(move |(_, valid)| valid.covers_day(day)).map(|(student, _)| student)
    }

    /// Whether a student is expected at a session, leave or not.
    pub fn expects(&self, session: &Session, student: &StudentId) -> bool {
        let day = session.day.number();
        self.enrolments(student).iter().any(|e| e.course == session.course && e.valid.covers_day(day))
    }

    /// The sessions that a student is expected at on a day, in the order of their start (一生一课表).
    pub fn timetable<'a>(&'a self, student: &'a StudentId, day: i64) -> impl Iterator<Item = &'a Session> {
        self.sessions_on(day).filter(move |session| self.expects(session, student))
    }

    /// The sessions that a member of staff has on a day, in the order of their start.
    pub fn staff_timetable<'a>(&'a self, staff: &'a StaffId, day: i64) -> impl Iterator<Item = &'a Session> {
        self.sessions_on(day).filter(move |session| session.staff.contains(staff))
    }

    /// The approved leave of a student at that moment.
    pub fn leave_at(&self, student: &StudentId, day: i64, time: TimeOfDay) -> Option<&Leave> {
        self.leaves_at(student, day, time).next()
    }

    /// Every approved leave of a student at that moment.
    pub fn leaves_at(&self, student: &StudentId, day: i64, time: TimeOfDay) -> impl Iterator<Item = &Leave> {
        let leaves = self.service.leaves.get(student).map(Vec::as_slice).unwrap_or_default();
        leaves.iter().filter(move |l| l.valid.covers_day(day) && l.hours.is_none_or(|hours| hours.contain(time)))
    }

    /// Who has the post by the rota at that moment.
    pub fn on_rota(&self, post: Post, day: i64, time: TimeOfDay) -> Option<&Duty> {
        self.rota_on(day).filter(|duty| duty.post == post && duty.hours.contain(time)).last()
    }

    /// The rota of a day.
    pub fn rota_on(&self, day: i64) -> impl Iterator<Item = &Duty> {
        self.service.rota.get(&day).into_iter().flatten()
    }

    /// What a day is by the calendar.
    pub fn day_kind(&self, day: i64) -> DayKind {
        let weekday = || match Day::from_number(day).map(Day::weekday) {
            Some(Weekday::Sat | Weekday::Sun) | None => DayKind::Closed,
            Some(_) => DayKind::SchoolDay,
        };
        self.service.calendar.get(&day).copied().unwrap_or_else(weekday)
    }

    /// Whether dinner is booked for a student on a day.
    pub fn dinner_booked(&self, student: &StudentId, day: i64) -> bool {
        let Some(weekday) = Day::from_number(day).map(Day::weekday) else { return false };
        let bookings = self.service.dinners.get(student).map(Vec::as_slice).unwrap_or_default();
        let fits = |days: &[Weekday]| days.is_empty() || days.contains(&weekday);
        bookings.iter().any(|(valid, days)| valid.covers_day(day) && fits(days))
    }

    /// Whether any dinner is booked for a student, today or another day: all that can be told without a clock.
    pub fn has_dinners(&self, student: &StudentId) -> bool {
        self.service.dinners.contains_key(student)
    }

    /// The rounds of the safety patrol: window and points.
    pub fn patrols(&self) -> &BTreeMap<PatrolId, (Hours, Vec<PlaceId>)> {
        &self.service.patrols
    }

    /// The public key of that name that signs pickup passes.
    pub fn pass_key(&self, id: &str) -> Option<&[u8; 32]> {
        self.service.pass_keys.get(id)
    }

    /// Whether the platform has revoked this pass.
    pub fn is_pass_revoked(&self, pass: &PassId) -> bool {
        self.service.revoked_passes.contains(pass)
    }

    /// Whether the institution of this member of staff, if they have one, is admitted now; not if the clock can't tell.
    pub fn is_admitted(&self, staff: &Staff, now: &Stamp) -> bool {
        let Some(id) = &staff.institution else { return true };
        self.institution(id).is_some_and(|institution| institution.admitted.covers(now).unwrap_or(false))
    }
}
