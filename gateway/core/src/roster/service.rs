//! The after-school service as a checked roster has it: staff, courses, sessions, rota, calendar; and the timetables that
//! are derived from it (一生一课表), never stored twice.

use alloc::{boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use data_encoding::HEXLOWER_PERMISSIVE;
use hashbrown::HashSet;

use super::{
    CalendarLine, DayKind, DinnerLine, Document, LeaveLine, PassKey, PatrolLine, Post, Roster, RotaLine, SessionLine,
    StaffLine, StaffRole, Validity, VisitorLine,
    people::Student,
    table::{Groups, Table},
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
    /// Whose it is, first the one who leads it; shared by the sessions that have the same.
    pub staff: Arc<[StaffId]>,
}

/// A student takes a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolment<'a> {
    /// What.
    pub course: &'a CourseId,
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
    pub(super) staff: Table<StaffId, Staff>,
    pub(super) visitors: Table<VisitorId, Visitor>,
    institutions: Table<InstitutionId, Institution>,
    courses: Table<CourseId, Course>,
    /// In the order of their day and start.
    sessions: Box<[Session]>,
    /// The numbers of the sessions, sorted by id.
    by_id: Box<[u32]>,
    /// The numbers of each course's sessions, in their order.
    by_course: Groups<u32>,
    /// The numbers of the students of this roster, whom the rows below go by.
    enrolments: Groups<Taken>,
    /// The students of each course, each once.
    takers: Groups<u32>,
    leaves: BTreeMap<u32, Vec<Leave>>,
    dinners: Groups<Dinner>,
    rota: BTreeMap<i64, Vec<Duty>>,
    calendar: BTreeMap<i64, DayKind>,
    patrols: BTreeMap<PatrolId, (Hours, Vec<PlaceId>)>,
    pass_keys: BTreeMap<String, [u8; 32]>,
    revoked_passes: HashSet<PassId>,
}

/// An enrolment, the course by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    course: u32,
    valid: Validity,
}

/// A booking of dinner.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Dinner {
    valid: Validity,
    /// One bit a weekday, Monday the lowest; none means all.
    weekdays: u8,
}

pub(super) fn staff_and_visitors(document: &mut Document) -> (Table<StaffId, Staff>, Table<VisitorId, Visitor>) {
    let staff = |StaffLine { id, name, roles, institution, home_school, valid }| {
        (id, Staff { name, roles, institution, home_school, valid })
    };
    let visitor = |VisitorLine { id, purpose, valid, hours }| (id, Visitor { purpose, valid, hours });
    let (lines, visitors) = (core::mem::take(&mut document.staff), core::mem::take(&mut document.visitors));
    (Table::of(lines.into_iter().map(staff)), Table::of(visitors.into_iter().map(visitor)))
}

impl Service {
    pub(super) fn build(
        document: Document,
        staff: Table<StaffId, Staff>,
        visitors: Table<VisitorId, Visitor>,
        students: &Table<StudentId, Student>,
    ) -> Self {
        let institution =
            |line: super::InstitutionLine| (line.id, Institution { name: line.name, admitted: line.admitted });
        let course = |line: super::CourseLine| (line.id, Course { name: line.name, institution: line.institution });
        let mut service = Self {
            staff,
            visitors,
            institutions: Table::of(document.institutions.into_iter().map(institution)),
            courses: Table::of(document.courses.into_iter().map(course)),
            calendar: document.calendar.into_iter().map(|CalendarLine { day, kind }| (day.number(), kind)).collect(),
            pass_keys: document.pass_keys.iter().filter_map(|key| Some((key.id.clone(), key.bytes()?))).collect(),
            revoked_passes: document.revoked_passes.into_iter().collect(),
            ..Self::default()
        };
        service.take_sessions(document.sessions);
        service.enrol(&document.enrolments, students);
        for RotaLine { post, day, hours, staff, instead_of } in document.rota {
            service.rota.entry(day.number()).or_default().push(Duty { post, hours, staff, instead_of });
        }
        for LeaveLine { student, valid, hours, alone } in document.leaves {
            let Some(student) = students.number(&student) else { continue };
            service.leaves.entry(student).or_default().push(Leave { valid, hours, alone });
        }
        let dinners = document.dinners.iter().filter_map(|DinnerLine { student, valid, weekdays }| {
            let weekdays = weekdays.iter().fold(0, |bits, day| bits | 1 << (*day as u8));
            Some((students.number(student)?, Dinner { valid: *valid, weekdays }))
        });
        service.dinners = Groups::of(students.len(), dinners);
        let round = |PatrolLine { id, hours, points }| (id, (hours, points));
        service.patrols = document.patrols.into_iter().map(round).collect();
        service
    }

    fn take_sessions(&mut self, lines: Vec<SessionLine>) {
        let mut teams: HashSet<Arc<[StaffId]>> = HashSet::new();
        let mut team = |staff: &[StaffId]| {
            teams.get(staff).cloned().unwrap_or_else(|| {
                let team: Arc<[StaffId]> = staff.into();
                teams.insert(Arc::clone(&team));
                team
            })
        };
        let session = |SessionLine { id, course, day, hours, place, staff }| Session {
            id,
            course,
            day,
            hours,
            place,
            staff: team(&staff),
        };
        let mut sessions: Vec<_> = lines.into_iter().map(session).collect();
        sessions.sort_unstable_by(|one, other| (one.day, one.hours, &one.id).cmp(&(other.day, other.hours, &other.id)));
        self.sessions = sessions.into_boxed_slice();
        let numbers = || (0..).zip(&self.sessions);
        let mut by_id: Vec<(u32, &Session)> = numbers().collect();
        by_id.sort_unstable_by_key(|(_, session)| &session.id);
        self.by_id = by_id.into_iter().map(|(n, _)| n).collect();
        let of_course = numbers().filter_map(|(n, session)| Some((self.courses.number(&session.course)?, n)));
        self.by_course = Groups::of(self.courses.len(), of_course);
    }

    fn enrol(&mut self, lines: &[super::EnrolmentLine], students: &Table<StudentId, Student>) {
        let numbers = |line: &super::EnrolmentLine| {
            Some((students.number(&line.student)?, self.courses.number(&line.course)?, line.valid))
        };
        let rows: Vec<_> = lines.iter().filter_map(numbers).collect();
        let mut takers: Vec<_> = rows.iter().map(|(student, course, _)| (*course, *student)).collect();
        takers.sort_unstable();
        takers.dedup(); // who left and joined again takes the course once
        self.takers = Groups::of(self.courses.len(), takers.into_iter());
        let taken = rows.into_iter().map(|(student, course, valid)| (student, Taken { course, valid }));
        self.enrolments = Groups::of(students.len(), taken);
    }

    fn session(&self, number: u32) -> Option<&Session> {
        self.sessions.get(number as usize)
    }

    fn find_session(&self, id: &SessionId) -> Option<&Session> {
        let found = self.by_id.binary_search_by(|n| self.session(*n).map(|session| &session.id).cmp(&Some(id)));
        found.ok().and_then(|at| self.session(*self.by_id.get(at)?))
    }

    fn sessions_on(&self, day: i64) -> &[Session] {
        let Some(day) = Day::from_number(day) else { return &[] };
        let first = self.sessions.partition_point(|session| session.day < day);
        let rest = self.sessions.get(first..).unwrap_or_default();
        let count = rest.partition_point(|session| session.day == day);
        rest.get(..count).unwrap_or_default()
    }

    /// The numbers of the course's sessions of that day.
    fn course_on(&self, course: u32, day: Day) -> impl Iterator<Item = u32> {
        let all = self.by_course.get(course);
        let day_of = |n: &u32| self.session(*n).map(|session| session.day);
        let first = all.partition_point(|n| day_of(n) < Some(day));
        all.get(first..).unwrap_or_default().iter().copied().take_while(move |n| day_of(n) == Some(day))
    }

    fn takes(&self, student: u32, course: u32, day: i64) -> bool {
        self.enrolments.get(student).iter().any(|taken| taken.course == course && taken.valid.covers_day(day))
    }

    /// Where sessions are held and patrols go.
    pub(super) fn places(&self) -> impl Iterator<Item = &PlaceId> {
        let points = self.patrols.values().flat_map(|(_, points)| points);
        self.sessions.iter().map(|session| &session.place).chain(points)
    }
}

impl DayKind {
    /// What a day is that the calendar does not tell of.
    pub(super) fn by_weekday(day: i64) -> Self {
        match Day::from_number(day).map(Day::weekday) {
            Some(Weekday::Sat | Weekday::Sun) | None => Self::Closed,
            Some(_) => Self::SchoolDay,
        }
    }
}

impl PassKey {
    /// The key; nothing unless it is written as 64 hex digits.
    pub fn bytes(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        let digits = self.public.as_bytes();
        (digits.len() == 64 && HEXLOWER_PERMISSIVE.decode_mut(digits, &mut key).is_ok()).then_some(key)
    }
}

/// Days are counted since 1970-01-01, as [`Stamp::day`] has them.
impl Roster {
    /// Somebody who works here.
    pub fn staff(&self, id: &StaffId) -> Option<&Staff> {
        self.service.staff.get(id)
    }

    /// Everybody who works here, by id.
    pub fn all_staff(&self) -> impl Iterator<Item = (&StaffId, &Staff)> {
        self.service.staff.rows().iter().map(|(id, staff)| (id, staff))
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
        self.service.find_session(id)
    }

    /// The sessions of a day, in the order of their start.
    pub fn sessions_on(&self, day: i64) -> impl Iterator<Item = &Session> {
        self.service.sessions_on(day).iter()
    }

    /// What a student takes, in the order of its lines.
    pub fn enrolments(&self, student: &StudentId) -> impl Iterator<Item = Enrolment<'_>> {
        let course = |taken: &Taken| Some((&self.service.courses.row(taken.course)?.0, taken.valid));
        self.taken(student).iter().filter_map(course).map(|(course, valid)| Enrolment { course, valid })
    }

    /// The students who are expected at a session, leave or not; by id.
    pub fn expected_in<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = &'a StudentId> {
        let (service, day) = (&self.service, session.day.number());
        let course = service.courses.number(&session.course);
        let takers = course.map(|course| service.takers.get(course)).unwrap_or_default();
        let expected = takers.iter().filter(move |n| course.is_some_and(|course| service.takes(**n, course, day)));
        expected.filter_map(|n| self.people.students.row(*n)).map(|(id, _)| id)
    }

    /// Whether a student is expected at a session, leave or not.
    pub fn expects(&self, session: &Session, student: &StudentId) -> bool {
        let numbers = self.people.students.number(student).zip(self.service.courses.number(&session.course));
        numbers.is_some_and(|(student, course)| self.service.takes(student, course, session.day.number()))
    }

    /// The sessions that a student is expected at on a day, in the order of their start (一生一课表).
    pub fn timetable(&self, student: &StudentId, day: i64) -> impl Iterator<Item = &Session> {
        let on = Day::from_number(day);
        let taken = self.taken(student).iter().filter(|taken| taken.valid.covers_day(day));
        let of_course = |taken: &Taken| on.map(|on| self.service.course_on(taken.course, on));
        let mut numbers: Vec<u32> = taken.filter_map(of_course).flatten().collect();
        numbers.sort_unstable(); // sessions go by number in the order of their start
        numbers.into_iter().filter_map(|n| self.service.session(n))
    }

    fn taken(&self, student: &StudentId) -> &[Taken] {
        self.people.students.number(student).map(|n| self.service.enrolments.get(n)).unwrap_or_default()
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
        let leaves = self.people.students.number(student).and_then(|student| self.service.leaves.get(&student));
        let fits = move |l: &&Leave| l.valid.covers_day(day) && l.hours.is_none_or(|hours| hours.contain(time));
        leaves.into_iter().flatten().filter(fits)
    }

    /// Who has the post by the rota at that moment: whoever stands in, before the one they stand in for.
    pub fn on_rota(&self, post: Post, day: i64, time: TimeOfDay) -> Option<&Duty> {
        let duties = self.rota_on(day).filter(|duty| duty.post == post && duty.hours.contain(time));
        duties.max_by_key(|duty| (duty.instead_of.is_some(), duty.hours.from))
    }

    /// The rota of a day.
    pub fn rota_on(&self, day: i64) -> impl Iterator<Item = &Duty> {
        self.service.rota.get(&day).into_iter().flatten()
    }

    /// What a day is by the calendar.
    pub fn day_kind(&self, day: i64) -> DayKind {
        self.service.calendar.get(&day).copied().unwrap_or_else(|| DayKind::by_weekday(day))
    }

    /// Whether dinner is booked for a student on a day.
    pub fn dinner_booked(&self, student: &StudentId, day: i64) -> bool {
        let Some(weekday) = Day::from_number(day).map(Day::weekday) else { return false };
        let student = self.people.students.number(student);
        let bookings = student.map(|n| self.service.dinners.get(n)).unwrap_or_default();
        let fits = |days: u8| days == 0 || days & 1 << (weekday as u8) != 0;
        bookings.iter().any(|dinner| dinner.valid.covers_day(day) && fits(dinner.weekdays))
    }

    /// Whether any dinner is booked for a student, today or another day: all that can be told without a clock.
    pub fn has_dinners(&self, student: &StudentId) -> bool {
        let student = self.people.students.number(student);
        student.is_some_and(|n| !self.service.dinners.get(n).is_empty())
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
