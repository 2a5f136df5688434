//! A term of any size: every list has lines, nothing is wrong, and no two sessions of anybody meet.

use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    entry::PassId,
    id::{GuardianToken, PlaceId, StaffId},
    policy::Policy,
    roster::{
        Authorisation, CalendarLine, CourseLine, CredentialLine, DayKind, DinnerLine, Document, EnrolmentLine,
        GuardianLine, Holder, InstitutionLine, LeaveLine, PassKey, PatrolLine, Post, Restriction, RotaLine,
        SchoolLevel, SessionLine, StaffLine, StaffRole, StudentLine, Validity, VisitorLine,
    },
    text::Bilingual,
    time::{Day, Weekday},
};

use super::{
    guardian, place,
    service::{course, day, hours, institution, patrol, session, staff, visitor},
    student,
};

/// How large a term is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub students: usize,
    /// At most 10: two slots on each weekday.
    pub courses: usize,
    pub weeks: i64,
}

/// The Monday with which the term begins.
pub const FIRST: &str = "2026-09-07";

pub fn document(size: Size) -> Document {
    let mut document = Document { v: 1, version: "term".into(), policy: Policy::default(), ..Document::default() };
    document.policy.earliest_end = "17:30".parse().ok();
    for n in 0..size.students.max(2) {
        family(n, &mut document);
    }
    people(size, &mut document);
    for n in 0..size.courses.clamp(2, 10) {
        lessons(n, size.weeks.max(1), &mut document);
    }
    bookings(&mut document);
    document
}

fn card(n: usize) -> CredentialId {
    CredentialId((n as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes())
}

fn family(n: usize, document: &mut Document) {
    let child = student(&format!("s{n}"));
    let level = [SchoolLevel::Primary, SchoolLevel::Junior, SchoolLevel::Senior][n % 3];
    document.students.push(StudentLine {
        id: child.clone(),
        name: format!("学生{n}"),
        class: format!("{}班", n % 7),
        walks_home: n.is_multiple_of(4).then(|| hours("17:30", "18:00")),
        level,
        home_school: None,
    });
    let holder = Holder::Student(child.clone());
    document.credentials.push(CredentialLine { id: card(3 * n), holder, status: CredentialStatus::Active });
    for (m, relation) in ["母亲", "父亲"].into_iter().enumerate() {
        let who = guardian(&format!("g{}", 2 * n + m));
        let token = GuardianToken::try_new(&format!("token-{:016x}", 2 * n + m)).unwrap();
        document.guardians.push(GuardianLine { id: who.clone(), name: format!("家长{n}"), token });
        let holder = Holder::Guardian(who.clone());
        document.credentials.push(CredentialLine { id: card(3 * n + 1 + m), holder, status: CredentialStatus::Active });
        let relation = Bilingual { zh: relation.into(), en: "parent".into() };
        let valid = Validity { from: Some(day(FIRST)), until: Some(day("2027-01-20")) };
        document.authorisations.push(Authorisation { student: child.clone(), guardian: who, relation, valid });
    }
}

fn people(size: Size, document: &mut Document) {
    document.institutions.push(InstitutionLine {
        id: institution("club"),
        name: "club".into(),
        admitted: Validity::ALWAYS,
    });
    let teacher = |id: StaffId, role, institution| StaffLine {
        name: id.to_string(),
        id,
        roles: vec![role],
        institution,
        home_school: None,
        valid: Validity::ALWAYS,
    };
    document.staff.push(teacher(staff("coach"), StaffRole::Instructor, Some(institution("club"))));
    for n in 0..size.courses.clamp(2, 10) {
        document.staff.push(teacher(staff(&format!("t{n}")), StaffRole::Teacher, None));
    }
    let today = Validity { from: Some(day(FIRST)), until: Some(day(FIRST)) };
    let hours = Some(hours("09:00", "11:00"));
    document.visitors.push(VisitorLine { id: visitor("v0"), purpose: "inspection".into(), valid: today, hours });
    for (n, holder) in [Holder::Staff(staff("coach")), Holder::Visitor(visitor("v0"))].into_iter().enumerate() {
        let id = CredentialId([n as u8; 16]);
        document.credentials.push(CredentialLine { id, holder, status: CredentialStatus::Active });
    }
}

fn lessons(n: usize, weeks: i64, document: &mut Document) {
    let institution = (n == 1).then(|| institution("club"));
    document.courses.push(CourseLine { id: course(&format!("c{n}")), name: format!("课程{n}"), institution });
    let at = if n < 5 { hours("16:30", "17:30") } else { hours("17:40", "18:40") };
    for week in 0..weeks {
        let on = Day::from_number(day(FIRST).number() + 7 * week + n as i64 % 5).unwrap();
        document.sessions.push(SessionLine {
            id: session(&format!("c{n}-w{week}")),
            course: course(&format!("c{n}")),
            day: on,
            hours: at,
            place: place(&format!("room-{n}")),
            staff: vec![staff(&format!("t{n}"))],
        });
    }
}

fn bookings(document: &mut Document) {
    let courses = document.courses.len();
    for (n, line) in document.students.iter().enumerate() {
        for m in [n % courses, (n + 1) % courses] {
            let (student, course) = (line.id.clone(), course(&format!("c{m}")));
            document.enrolments.push(EnrolmentLine { student, course, valid: Validity::ALWAYS });
        }
    }
    let (child, today) = (student("s0"), Validity { from: Some(day(FIRST)), until: Some(day(FIRST)) });
    document.leaves.push(LeaveLine {
        student: child.clone(),
        valid: today,
        hours: Some(hours("17:00", "17:30")),
        alone: false,
    });
    document.dinners.push(DinnerLine { student: child.clone(), valid: today, weekdays: vec![Weekday::Mon] });
    document.restrictions.push(Restriction { student: child.clone(), guardian: guardian("g3"), valid: today });
    for (post, who) in [(Post::Gate, "t0"), (Post::ExtendedCare, "t1"), (Post::Leader, "coach")] {
        let line =
            RotaLine { post, day: day(FIRST), hours: hours("07:00", "20:00"), staff: staff(who), instead_of: None };
        document.rota.push(line);
    }
    document.calendar.push(CalendarLine { day: day("2026-09-12"), kind: DayKind::WeekendDay });
    document.calendar.push(CalendarLine { day: day("2026-10-01"), kind: DayKind::Closed });
    let points: Vec<PlaceId> = vec![place("stairs"), place("roof")];
    document.patrols.push(PatrolLine { id: patrol("evening"), hours: hours("17:00", "18:00"), points });
    for n in [1, 2] {
        document.pass_keys.push(PassKey { id: format!("k{n}"), public: format!("{n:064x}") });
    }
    let pass = PassId { student: child, day: day(FIRST), serial: 1, guardian: guardian("g0") };
    document.revoked_passes.push(pass);
    // National Day and the days before it fall on sessions of a long term.
    document.sessions.retain(|line| line.day != day("2026-10-01"));
}
