//! A roster with anything wrong is not taken, and everything that is wrong is told.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a failing test should say where it failed")]

use proptest::{prelude::*, sample::Index};
use schoolgate_core::{
    credential::CredentialId,
    id::GuardianToken,
    roster::{
        CalendarLine, DayKind, Document, EnrolmentLine, Fault, Holder, MAX_FAULTS, Post, Roster, RotaLine, SchoolLevel,
        SessionLine, StaffRole, Validity,
    },
    text::Lang,
    time::Hours,
};

use crate::support::{
    guardian,
    service::{self, course, day, hours, institution, session, staff, visitor},
    student,
    term::{self, Size},
};

fn backwards() -> Validity {
    Validity { from: Some(day("2026-12-02")), until: Some(day("2026-12-01")) }
}

fn late_hours() -> Hours {
    hours("18:00", "17:00")
}

/// Adds the line to the list once more and says where it stands then.
macro_rules! again {
    ($document:ident.$list:ident[$n:ident] $field:literal) => {{
        let line = $document.$list[$n % $document.$list.len()].clone();
        $document.$list.push(line);
        format!("{}[{}]{}", stringify!($list), $document.$list.len() - 1, $field)
    }};
}

/// Puts a value into one line of a list and says where.
macro_rules! spoil {
    ($document:ident.$list:ident[$n:ident].$($field:ident).+ = $value:expr) => {
        spoil!($document.$list[$n].$($field).+ = $value, concat!($(".", stringify!($field)),+))
    };
    ($document:ident.$list:ident[$n:ident].$($field:ident).+ = $value:expr, $says:expr) => {{
        let n = $n % $document.$list.len();
        $document.$list[n].$($field).+ = $value;
        format!("{}[{n}]{}", stringify!($list), $says)
    }};
}

type Spoil = fn(&mut Document, usize) -> String;

/// Everything that can be wrong, one at a time: what it does to a good document, at the line chosen, and where it is told.
const FAULTS: &[(&str, Spoil)] = &[
    ("another form", |d, _| {
        d.v = 2;
        "v".into()
    }),
    ("no name", |d, _| {
        d.version.clear();
        "version".into()
    }),
    ("student twice", |d, n| again!(d.students[n] ".id")),
    ("guardian twice", |d, n| again!(d.guardians[n] ".id")),
    ("token twice", |d, n| {
        let token = d.guardians[0].token.clone();
        let n = 1 + n % (d.guardians.len() - 1);
        spoil!(d.guardians[n].token = token)
    }),
    ("token that can be guessed", |d, n| spoil!(d.guardians[n].token = GuardianToken::try_new("short").unwrap())),
    ("staff twice", |d, n| again!(d.staff[n] ".id")),
    ("institution twice", |d, n| again!(d.institutions[n] ".id")),
    ("visitor twice", |d, n| again!(d.visitors[n] ".id")),
    ("course twice", |d, n| again!(d.courses[n] ".id")),
    ("session twice", |d, n| again!(d.sessions[n] ".id")),
    ("credential twice", |d, n| again!(d.credentials[n] ".id")),
    ("card of two people", |d, n| {
        let id: CredentialId = d.credentials[0].id;
        let n = 1 + n % (d.credentials.len() - 1);
        spoil!(d.credentials[n].id = id)
    }),
    ("day twice", |d, n| again!(d.calendar[n] ".day")),
    ("patrol twice", |d, n| again!(d.patrols[n] ".id")),
    ("pass key twice", |d, n| again!(d.pass_keys[n] ".id")),
    ("pass key under two names", |d, _| {
        d.pass_keys[1].public = d.pass_keys[0].public.to_uppercase();
        "pass_keys[1].public".into()
    }),
    ("revoked twice", |d, n| again!(d.revoked_passes[n] "")),
    ("authorisation twice", |d, n| again!(d.authorisations[n] "")),
    ("restriction twice", |d, n| again!(d.restrictions[n] "")),
    ("enrolment twice", |d, n| again!(d.enrolments[n] "")),
    ("authorisation of nobody", |d, n| spoil!(d.authorisations[n].student = student("nobody"))),
    ("authorisation for nobody", |d, n| spoil!(d.authorisations[n].guardian = guardian("nobody"))),
    ("restriction of nobody", |d, n| spoil!(d.restrictions[n].student = student("nobody"))),
    ("restriction for nobody", |d, n| spoil!(d.restrictions[n].guardian = guardian("nobody"))),
    ("card of no student", |d, n| {
        spoil!(d.credentials[n].holder = Holder::Student(student("nobody")), ".holder.student")
    }),
    ("card of no guardian", |d, n| {
        spoil!(d.credentials[n].holder = Holder::Guardian(guardian("nobody")), ".holder.guardian")
    }),
    ("card of no staff", |d, n| spoil!(d.credentials[n].holder = Holder::Staff(staff("nobody")), ".holder.staff")),
    ("card of no visitor", |d, n| {
        spoil!(d.credentials[n].holder = Holder::Visitor(visitor("nobody")), ".holder.visitor")
    }),
    ("staff of no institution", |d, n| spoil!(d.staff[n].institution = Some(institution("nowhere")))),
    ("instructor without institution", |d, _| {
        d.staff[0].institution = None;
        "staff[0].institution".into()
    }),
    ("no roles", |d, n| spoil!(d.staff[n].roles = Vec::<StaffRole>::new())),
    ("course of no institution", |d, n| spoil!(d.courses[n].institution = Some(institution("nowhere")))),
    ("session of no course", |d, n| spoil!(d.sessions[n].course = course("nothing"))),
    ("session of no staff", |d, n| spoil!(d.sessions[n].staff = vec![staff("nobody")], ".staff[0]")),
    ("session with somebody twice", |d, n| {
        spoil!(d.sessions[n].staff = vec![staff("coach"), staff("coach")], ".staff[1]")
    }),
    ("session that ends before it starts", |d, n| spoil!(d.sessions[n].hours = late_hours())),
    ("session of no length", |d, n| spoil!(d.sessions[n].hours = hours("17:30", "17:30"))),
    ("session on a Sunday", |d, n| spoil!(d.sessions[n].day = day("2026-09-13"))),
    ("session on a holiday", |d, n| spoil!(d.sessions[n].day = day("2026-10-01"))),
    ("session that ends too early", |d, n| spoil!(d.sessions[n].hours = hours("16:30", "17:29"), ".hours.until")),
    ("session too late for junior high", |d, n| {
        d.students.iter_mut().for_each(|student| student.level = SchoolLevel::Junior);
        // One that somebody takes: in a small school there are some that nobody does.
        let taken = |session: &SessionLine| {
            let takes = |line: &schoolgate_core::roster::EnrolmentLine| line.course == session.course;
            d.enrolments.iter().any(|line| takes(line) && line.valid.covers_day(session.day.number()))
        };
        let taken: Vec<usize> = (0..d.sessions.len()).filter(|n| taken(&d.sessions[*n])).collect();
        let n = taken[n % taken.len()];
        spoil!(d.sessions[n].hours.until = "20:31".parse().unwrap())
    }),
    ("two sessions in a room", |d, n| {
        let taken = d.sessions[n % d.sessions.len()].clone();
        d.courses.push(schoolgate_core::roster::CourseLine { id: course("new"), ..d.courses[0].clone() });
        d.sessions.push(SessionLine { id: session("new"), course: course("new"), staff: vec![], ..taken });
        format!("sessions[{}].place", d.sessions.len() - 1)
    }),
    ("two sessions of a teacher", |d, n| {
        let taken = d.sessions[n % d.sessions.len()].clone();
        d.courses.push(schoolgate_core::roster::CourseLine { id: course("new"), ..d.courses[0].clone() });
        let place = crate::support::place("elsewhere");
        d.sessions.push(SessionLine { id: session("new"), course: course("new"), place, ..taken });
        format!("sessions[{}].staff", d.sessions.len() - 1)
    }),
    ("two sessions of a course", |d, n| {
        let taken = d.sessions[n % d.sessions.len()].clone();
        d.sessions.push(SessionLine {
            id: session("new"),
            place: crate::support::place("elsewhere"),
            staff: vec![],
            ..taken
        });
        format!("sessions[{}].hours", d.sessions.len() - 1)
    }),
    ("two sessions of a student", |d, n| {
        let (who, what) = (&d.enrolments[n % d.enrolments.len()].student, &d.enrolments[n % d.enrolments.len()].course);
        let taken = d.sessions.iter().find(|session| session.course == *what).unwrap().clone();
        let (student, course, valid) = (who.clone(), course("new"), Validity::ALWAYS);
        d.courses.push(schoolgate_core::roster::CourseLine { id: course.clone(), ..d.courses[0].clone() });
        d.enrolments.push(EnrolmentLine { student, course: course.clone(), valid });
        let at = Hours { from: "17:29".parse().unwrap(), until: "17:41".parse().unwrap() };
        let place = crate::support::place("elsewhere");
        d.sessions.push(SessionLine { id: session("new"), course, place, staff: vec![], hours: at, ..taken });
        format!("enrolments[{}]", d.enrolments.len() - 1)
    }),
    ("enrolment of nobody", |d, n| spoil!(d.enrolments[n].student = student("nobody"))),
    ("enrolment in nothing", |d, n| spoil!(d.enrolments[n].course = course("nothing"))),
    ("leave of nobody", |d, n| spoil!(d.leaves[n].student = student("nobody"))),
    ("leave that ends before it begins", |d, n| spoil!(d.leaves[n].hours = Some(late_hours()))),
    ("leave of no day", |d, n| spoil!(d.leaves[n].valid = backwards())),
    ("dinner of nobody", |d, n| spoil!(d.dinners[n].student = student("nobody"))),
    ("dinner of no day", |d, n| spoil!(d.dinners[n].valid = backwards())),
    ("rota of nobody", |d, n| spoil!(d.rota[n].staff = staff("nobody"))),
    ("standing in for nobody", |d, n| spoil!(d.rota[n].instead_of = Some(staff("nobody")))),
    ("standing in for oneself", |d, n| {
        let own = d.rota[n % d.rota.len()].staff.clone();
        spoil!(d.rota[n].instead_of = Some(own))
    }),
    ("duty that ends before it begins", |d, n| spoil!(d.rota[n].hours = late_hours())),
    ("two on duty", |d, n| {
        let taken = d.rota[n % d.rota.len()].clone();
        let hours = hours("19:59", "21:00");
        d.rota.push(RotaLine { staff: d.staff[2].id.clone(), hours, instead_of: None, ..taken });
        let other = if d.rota[n % (d.rota.len() - 1)].staff == d.staff[2].id { 1 } else { 2 };
        d.rota.last_mut().unwrap().staff = d.staff[other].id.clone();
        format!("rota[{}]", d.rota.len() - 1)
    }),
    ("visitor of no day", |d, n| spoil!(d.visitors[n].valid = backwards())),
    ("visitor of no hour", |d, n| spoil!(d.visitors[n].hours = Some(late_hours()))),
    ("staff of no day", |d, n| spoil!(d.staff[n].valid = backwards())),
    ("institution of no day", |d, n| spoil!(d.institutions[n].admitted = backwards())),
    ("authorisation of no day", |d, n| spoil!(d.authorisations[n].valid = backwards())),
    ("restriction of no day", |d, n| spoil!(d.restrictions[n].valid = backwards())),
    ("enrolment of no day", |d, n| spoil!(d.enrolments[n].valid = backwards())),
    ("walking home before it begins", |d, n| spoil!(d.students[n].walks_home = Some(late_hours()))),
    ("patrol of no hour", |d, n| spoil!(d.patrols[n].hours = late_hours())),
    ("patrol to nowhere", |d, n| spoil!(d.patrols[n].points = vec![])),
    ("pass key too short", |d, n| spoil!(d.pass_keys[n].public = "ab".repeat(31))),
    ("pass key that is no hex", |d, n| spoil!(d.pass_keys[n].public = "xy".repeat(32))),
    ("pass key with signs", |d, n| spoil!(d.pass_keys[n].public = "+f".repeat(32))),
    ("pass revoked of nobody", |d, n| spoil!(d.revoked_passes[n].student = student("nobody"))),
    ("pass revoked from nobody", |d, n| spoil!(d.revoked_passes[n].guardian = guardian("nobody"))),
    ("release hours reversed", |d, _| {
        d.policy.release_hours = Some(late_hours());
        "policy.release_hours".into()
    }),
    ("dinner hours reversed", |d, _| {
        d.policy.dinner_hours = Some(late_hours());
        "policy.dinner_hours".into()
    }),
    ("second step no later than the first", |d, _| {
        d.policy.not_fetched_2_min = d.policy.not_fetched_1_min;
        "policy.not_fetched_2_min".into()
    }),
    ("third step before the second", |d, _| {
        d.policy.not_fetched_3_min = d.policy.not_fetched_2_min - 1;
        "policy.not_fetched_3_min".into()
    }),
    ("figure out of range", |d, _| {
        d.policy.late_grace_s = 3_601;
        "policy.late_grace_s".into()
    }),
    ("share of more than the whole", |d, _| {
        d.policy.consumption_share_pct = 101;
        "policy.consumption_share_pct".into()
    }),
    ("ends that exclude each other", |d, _| {
        d.policy.latest_end.primary = "17:00".parse().ok();
        "policy.latest_end.primary".into()
    }),
];

fn told(document: Document) -> Vec<Fault> {
    Roster::try_new(document).map(|_| ()).err().unwrap_or_default()
}

fn places(faults: &[Fault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.at.as_str()).collect()
}

const SMALL: Size = Size { students: 4, courses: 3, weeks: 2 };

#[test]
fn each_fault_is_told_where_it_is_in_both_languages() {
    for (name, spoil) in FAULTS {
        let mut document = term::document(SMALL);
        let at = spoil(&mut document, 0);
        let faults = told(document);
        assert!(places(&faults).contains(&at.as_str()), "{name}: {at} is not among {faults:#?}");
        for fault in &faults {
            assert!(fault.render(Lang::En).is_ascii() && !fault.render(Lang::Zh).is_ascii(), "{name}: {fault:?}");
            assert!(fault.says.en.len() > 10 && fault.says.zh != fault.says.en, "{name}: {fault:?}");
        }
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut document = term::document(SMALL);
    let spoils = ["student twice", "course of no institution", "no roles", "pass key too short", "patrol to nowhere"];
    let spoilt: Vec<String> =
        FAULTS.iter().filter(|(name, _)| spoils.contains(name)).map(|(_, spoil)| spoil(&mut document, 1)).collect();
    let faults = told(document);
    assert_eq!(spoilt.len(), spoils.len());
    assert!(spoilt.iter().all(|at| places(&faults).contains(&at.as_str())), "{spoilt:?} in {faults:#?}");
}

#[test]
fn no_more_faults_are_told_than_anybody_reads() {
    let mut document = term::document(Size { students: 2_000, ..SMALL });
    document.students.clear();
    assert_eq!(told(document).len(), MAX_FAULTS);
}

#[test]
fn sessions_may_follow_each_other_to_the_minute() {
    let mut document = term::document(SMALL);
    let first = document.sessions[0].clone();
    document.sessions.push(SessionLine { id: session("next"), hours: hours("17:30", "18:30"), ..first });
    assert_eq!(told(document), []);
}

#[test]
fn who_left_one_course_may_join_another_at_the_same_time() {
    let mut document = service::document();
    let mut second = document.sessions[0].clone();
    (second.id, second.course, second.place, second.staff) =
        (session("new"), course("chess"), crate::support::place("x"), vec![]);
    document.sessions.push(second);
    let faults = told(document.clone());
    assert_eq!(places(&faults), ["enrolments[1]"], "Ming takes both");
    document.enrolments[0].valid.until = Some(day("2026-08-31"));
    assert_eq!(told(document), []);
}

#[test]
fn who_left_a_course_may_join_it_again() {
    let mut document = service::document();
    let again = EnrolmentLine {
        valid: Validity { from: Some(day("2026-11-01")), until: None },
        ..document.enrolments[0].clone()
    };
    document.enrolments[0].valid = Validity { from: None, until: Some(day("2026-10-31")) };
    document.enrolments.push(again);
    assert_eq!(told(document.clone()), []);
    document.enrolments[0].valid.until = Some(day("2026-11-01"));
    assert_eq!(places(&told(document)), ["enrolments[4]"]);
}

#[test]
fn the_strictest_level_of_those_who_attend_that_day_sets_the_latest_end() {
    let mut document = service::document();
    document.policy.latest_end.primary = "19:00".parse().ok();
    document.sessions[1].hours.until = "20:00".parse().unwrap();
    assert_eq!(places(&told(document.clone())), ["sessions[1].hours.until"]);
    document.students.iter_mut().for_each(|student| student.level = SchoolLevel::Junior);
    assert_eq!(told(document.clone()), [], "20:30 for junior high");
    document.students[0].level = SchoolLevel::Primary;
    assert_eq!(places(&told(document.clone())), ["sessions[1].hours.until"], "Ming is in it");
    let ming = document.enrolments.iter_mut().find(|line| line.course == course("chess")).unwrap();
    ming.valid.from = Some(day("2026-09-02"));
    assert_eq!(told(document), [], "Ming joins the day after");
}

#[test]
fn a_substitute_may_be_on_the_rota_beside_the_one_they_stand_in_for() {
    let mut document = service::document();
    let gate = document.rota[0].clone();
    assert_eq!(gate.post, Post::Gate);
    document.rota.push(RotaLine { staff: staff("li"), hours: hours("06:30", "14:00"), ..gate });
    assert_eq!(places(&told(document.clone())), ["rota[3]"]);
    document.rota[3].instead_of = Some(staff("zhou"));
    assert_eq!(told(document.clone()), []);
    let roster = Roster::try_new(document).unwrap();
    let (today, who) = (day(service::TODAY).number(), |time: &str, roster: &Roster, today| {
        roster.on_rota(Post::Gate, today, time.parse().unwrap()).map(|duty| duty.staff.clone())
    });
    assert_eq!(who("13:00", &roster, today), Some(staff("li")));
    assert_eq!(who("15:00", &roster, today), Some(staff("zhou")));
}

#[test]
fn a_saturday_is_a_day_of_service_when_the_calendar_says_so() {
    let mut document = service::document();
    document.sessions[0].day = day("2026-09-05");
    assert_eq!(places(&told(document.clone())), ["sessions[0].day"]);
    document.calendar.push(CalendarLine { day: day("2026-09-05"), kind: DayKind::WeekendDay });
    assert_eq!(told(document.clone()), []);
    document.policy.earliest_end = "17:45".parse().ok();
    assert_eq!(told(document.clone()), [], "earliest_end is for school days");
    document.calendar[0].kind = DayKind::SchoolDay;
    assert_eq!(places(&told(document)), ["sessions[0].hours.until"]);
}

#[test]
fn places_that_the_gateway_does_not_have_are_named() {
    let mut document = service::document();
    assert!(Roster::try_new(document.clone()).unwrap().places_unknown_to(&crate::support::site()).is_empty());
    document.sessions[0].place = crate::support::place("attic");
    document.patrols[0].points.push(crate::support::place("moat"));
    let roster = Roster::try_new(document).unwrap();
    let unknown: Vec<_> =
        roster.places_unknown_to(&crate::support::site()).into_iter().map(|place| place.as_str()).collect();
    assert_eq!(unknown, ["attic", "moat"]);
}

fn sizes() -> impl Strategy<Value = Size> {
    (2_usize..40, 2_usize..=10, 1_i64..6).prop_map(|(students, courses, weeks)| Size { students, courses, weeks })
}

proptest! {
    #[test]
    fn a_good_roster_is_taken_and_one_fault_is_named(size in sizes(), fault: Index, line: Index) {
        let mut document = term::document(size);
        prop_assert_eq!(told(document.clone()), []);
        let (name, spoil) = fault.get(FAULTS);
        let at = spoil(&mut document, line.index(10_000));
        let faults = told(document);
        prop_assert!(places(&faults).contains(&at.as_str()), "{}: {} is not among {:?}", name, at, faults);
    }

    #[test]
    fn a_document_reads_back_as_written(size in sizes()) {
        let document = term::document(size);
        let text = serde_json::to_string(&document).unwrap();
        let back: Document = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
        prop_assert_eq!(Roster::try_new(back).unwrap(), Roster::try_new(document).unwrap());
    }

    #[test]
    fn bytes_changed_at_random_never_panic(size in sizes(), changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8)) {
        let mut text = serde_json::to_vec(&term::document(size)).unwrap();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        if let Ok(document) = serde_json::from_slice::<Document>(&text) {
            let _ = Roster::try_new(document);
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(document) = serde_json::from_slice::<Document>(&bytes) {
            let _ = Roster::try_new(document);
        }
    }
}
