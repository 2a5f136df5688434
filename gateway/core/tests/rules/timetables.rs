//! One timetable for each student (一生一课表), derived from courses, sessions and enrolments.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a failing test should say where it failed")]

use proptest::prelude::*;
use schoolgate_core::{
    roster::{CalendarLine, CourseLine, DayKind, DinnerLine, Document, EnrolmentLine, Roster, SessionLine, Validity},
    time::{Day, Weekday},
};

use crate::support::{
    place,
    service::{self, course, day, hours, session, staff},
    student,
    term::{self, Size},
};

/// Homework every school day of two weeks, chess on Tuesdays in another room, choir (of all grades) on Thursdays.
fn two_weeks() -> Roster {
    taken(lessons())
}

fn lessons() -> Document {
    let mut document = service::document();
    document.sessions.clear();
    document.courses.push(CourseLine { id: course("choir"), name: "choir".into(), institution: None });
    for n in day("2026-09-01").number()..day("2026-09-15").number() {
        let on = Day::from_number(n).unwrap();
        if matches!(on.weekday(), Weekday::Sat | Weekday::Sun) {
            continue;
        }
        add(&mut document, "homework", on, ("16:30", "17:30"), "room-1", "li");
        match on.weekday() {
            Weekday::Tue => add(&mut document, "chess", on, ("17:40", "18:40"), "room-2", "sun"),
            Weekday::Thu => add(&mut document, "choir", on, ("15:00", "16:20"), "room-2", "li"),
            _ => {}
        }
    }
    document
}

fn add(document: &mut Document, of: &str, on: Day, (from, until): (&str, &str), room: &str, who: &str) {
    document.sessions.push(SessionLine {
        id: session(&format!("{of}-{on}")),
        course: course(of),
        day: on,
        hours: hours(from, until),
        place: place(room),
        staff: vec![staff(who)],
    });
}

fn taken(document: Document) -> Roster {
    Roster::try_new(document).unwrap()
}

fn enrol(document: &mut Document, who: &str, of: &str, from: Option<&str>, until: Option<&str>) {
    let valid = Validity { from: from.map(day), until: until.map(day) };
    document.enrolments.push(EnrolmentLine { student: student(who), course: course(of), valid });
}

/// The courses of a student's day, in order.
fn timetable(roster: &Roster, who: &str, on: &str) -> Vec<String> {
    let number = day(on).number();
    roster.timetable(&student(who), number).map(|session| session.course.to_string()).collect()
}

#[test]
fn a_student_goes_from_room_to_room_in_the_order_of_the_hours() {
    let mut document = lessons();
    enrol(&mut document, "ming", "choir", None, None);
    let roster = taken(document);
    assert_eq!(timetable(&roster, "ming", "2026-09-01"), ["homework", "chess"], "Tuesday");
    assert_eq!(timetable(&roster, "ming", "2026-09-02"), ["homework"], "Wednesday");
    assert_eq!(timetable(&roster, "ming", "2026-09-03"), ["choir", "homework"], "Thursday: choir is earlier");
    let rooms: Vec<_> =
        roster.timetable(&student("ming"), day("2026-09-01").number()).map(|s| s.place.to_string()).collect();
    assert_eq!(rooms, ["room-1", "room-2"], "another room, another class (走班)");
}

#[test]
fn students_of_several_classes_and_grades_meet_in_one_course() {
    let mut document = lessons();
    (document.students[0].class, document.students[1].class) = ("3-2".into(), "5-1".into());
    enrol(&mut document, "hong", "chess", None, None);
    let roster = taken(document);
    let chess = roster.session(&session("chess-2026-09-01")).unwrap();
    let expected: Vec<_> = roster.expected_in(chess).map(ToString::to_string).collect();
    assert_eq!(expected, ["hong", "ming"]);
    let classes: Vec<_> = roster.expected_in(chess).map(|id| roster.student(id).unwrap().class.to_string()).collect();
    assert_eq!(classes, ["5-1", "3-2"]);
}

#[test]
fn who_joins_in_mid_term_is_expected_from_that_day_on() {
    let mut document = lessons();
    enrol(&mut document, "lei", "chess", Some("2026-09-08"), None);
    let roster = taken(document);
    assert_eq!(timetable(&roster, "lei", "2026-09-01"), ["homework"]);
    assert_eq!(timetable(&roster, "lei", "2026-09-08"), ["homework", "chess"]);
    let expected = |id: &str| roster.expected_in(roster.session(&session(id)).unwrap()).count();
    assert_eq!((expected("chess-2026-09-01"), expected("chess-2026-09-08")), (1, 2));
}

#[test]
fn who_leaves_in_mid_term_is_expected_through_that_day() {
    let mut document = lessons();
    document.enrolments.clear();
    enrol(&mut document, "hong", "homework", None, Some("2026-09-03"));
    enrol(&mut document, "hong", "homework", Some("2026-09-07"), None);
    let roster = taken(document);
    assert_eq!(timetable(&roster, "hong", "2026-09-03"), ["homework"]);
    assert!(timetable(&roster, "hong", "2026-09-04").is_empty());
    assert_eq!(timetable(&roster, "hong", "2026-09-07"), ["homework"], "joined again");
    let expected = roster.expected_in(roster.session(&session("homework-2026-09-07")).unwrap()).count();
    assert_eq!(expected, 1, "once, however often they joined");
}

#[test]
fn a_session_that_was_cancelled_is_expected_of_nobody() {
    let mut document = lessons();
    document.sessions.retain(|line| line.id != session("homework-2026-09-02"));
    let roster = taken(document);
    assert!(timetable(&roster, "ming", "2026-09-02").is_empty());
    assert!(roster.session(&session("homework-2026-09-02")).is_none());
    assert_eq!(roster.sessions_on(day("2026-09-02").number()).count(), 0);
}

#[test]
fn a_teachers_timetable_has_their_sessions_in_the_order_of_the_hours() {
    let roster = two_weeks();
    let of = |who: &str, on: &str| -> Vec<String> {
        roster.staff_timetable(&staff(who), day(on).number()).map(|s| s.course.to_string()).collect()
    };
    assert_eq!(of("li", "2026-09-03"), ["choir", "homework"]);
    assert_eq!(of("sun", "2026-09-01"), ["chess"]);
    assert!(of("sun", "2026-09-02").is_empty() && of("nobody", "2026-09-01").is_empty());
}

#[test]
fn a_day_is_what_the_calendar_says_and_else_what_its_weekday_is() {
    let mut document = lessons();
    for (on, kind) in [
        ("2026-09-12", DayKind::WeekendDay),
        ("2026-09-19", DayKind::SchoolDay),
        ("2026-09-21", DayKind::Closed),
        ("2027-01-25", DayKind::HolidayOpening),
    ] {
        document.calendar.push(CalendarLine { day: day(on), kind });
    }
    let on = day("2026-09-19");
    add(&mut document, "homework", on, ("16:30", "17:30"), "room-1", "li");
    let roster = taken(document);
    let kind = |on: &str| roster.day_kind(day(on).number());
    assert_eq!(kind("2026-09-11"), DayKind::SchoolDay, "Friday");
    assert_eq!(kind("2026-09-12"), DayKind::WeekendDay, "the weekend day of 5+2+1");
    assert_eq!(kind("2026-09-13"), DayKind::Closed, "Sunday");
    assert_eq!(kind("2026-09-19"), DayKind::SchoolDay, "a Saturday on which school is made up for");
    assert_eq!(kind("2026-09-21"), DayKind::Closed, "a Monday that is closed");
    assert_eq!(kind("2027-01-25"), DayKind::HolidayOpening);
    assert_eq!(timetable(&roster, "ming", "2026-09-19"), ["homework"]);
    assert_eq!(roster.day_kind(i64::MAX), DayKind::Closed, "beyond every calendar");
}

#[test]
fn dinner_is_booked_for_the_weekdays_and_the_days_named() {
    let mut document = lessons();
    let valid = Validity { from: None, until: Some(day("2026-09-10")) };
    document.dinners = vec![DinnerLine { student: student("hong"), valid, weekdays: vec![Weekday::Mon, Weekday::Thu] }];
    let roster = taken(document);
    let booked = |who: &str, on: &str| roster.dinner_booked(&student(who), day(on).number());
    assert!(booked("hong", "2026-09-07") && booked("hong", "2026-09-10"));
    assert!(!booked("hong", "2026-09-08") && !booked("hong", "2026-09-14") && !booked("ming", "2026-09-07"));
}

#[test]
fn an_approved_leave_holds_on_its_days_and_at_its_hours() {
    let mut document = lessons();
    document.leaves.push(service::leave("hong", "17:00", "17:20", true));
    let roster = taken(document);
    let leave =
        |who: &str, on: &str, at: &str| roster.leave_at(&student(who), day(on).number(), at.parse().unwrap()).is_some();
    assert!(leave("hong", "2026-09-01", "17:20"));
    assert!(!leave("hong", "2026-09-01", "17:21") && !leave("hong", "2026-09-02", "17:10"));
    assert!(!leave("ming", "2026-09-01", "17:10") && !leave("nobody", "2026-09-01", "17:10"));
}

proptest! {
    /// The lines themselves, asked one by one, give the same.
    #[test]
    fn a_timetable_is_what_the_lines_say(students in 2_usize..20, courses in 2_usize..=10, weeks in 1_i64..4, cut in 0_i64..28) {
        let mut document = term::document(Size { students, courses, weeks });
        let first = day(term::FIRST).number();
        let middle = Day::from_number(first + cut);
        for (n, line) in document.enrolments.iter_mut().enumerate() {
            line.valid = match n % 3 {
                0 => Validity { from: middle, until: None },
                1 => Validity { from: None, until: middle },
                _ => Validity::ALWAYS,
            };
        }
        let roster = Roster::try_new(document.clone()).unwrap();
        for number in first..first + 7 * weeks {
            let mut lines: Vec<_> = document.sessions.iter().filter(|line| line.day.number() == number).collect();
            lines.sort_by_key(|line| (line.hours, line.id.clone()));
            for child in &document.students {
                let takes = |line: &SessionLine| document.enrolments.iter().any(|e| {
                    e.student == child.id && e.course == line.course && e.valid.covers_day(number)
                });
                let expected: Vec<_> = lines.iter().filter(|line| takes(line)).map(|line| &line.id).collect();
                let found: Vec<_> = roster.timetable(&child.id, number).map(|session| &session.id).collect();
                prop_assert_eq!(found, expected);
                for line in &lines {
                    let session = roster.session(&line.id).unwrap();
                    prop_assert_eq!(roster.expects(session, &child.id), takes(line));
                    prop_assert_eq!(roster.expected_in(session).any(|id| *id == child.id), takes(line));
                }
            }
        }
    }
}
