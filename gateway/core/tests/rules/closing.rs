//! Closing a session: what is written down as evidence for attendance, settlement and pay.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use AttendanceStatus::{Absent, Excused, Late, LeftEarly, Present};
use schoolgate_core::{
    entry::{AttendanceStatus, Recipient, Tap, What},
    roster::Document,
    school::Input,
    time::ClockQuality,
};

use crate::support::{
    Day, card, guardian, place, reader,
    service::{self, session, staff},
    student,
};

fn tap(at: &str, who: &str) -> Tap {
    Tap { place: place(at), reader: reader(at), credential: card(who), proof: Default::default() }
}

fn comes(day: &mut Day, time: &str, who: &str, late_min: u16) {
    let (student, session) = (student(who), session("homework-0901"));
    let tap = Some(tap("room-1", who));
    day.write(time, What::CheckedIn { student, session, late_min, tap, by: None });
}

fn goes(day: &mut Day, time: &str, who: &str) {
    let (student, session) = (student(who), session("homework-0901"));
    day.write(time, What::CheckedOut { student, session, tap: tap("room-1", who) });
}

fn teaches(day: &mut Day, time: &str, who: &str, instead_of: Option<&str>) {
    day.write(
        time,
        What::SessionTaken {
            session: session("homework-0901"),
            course: service::course("homework"),
            staff: staff(who),
            instead_of: instead_of.map(staff),
            tap: tap("room-1", who),
        },
    );
}

fn attendance(happened: &[What]) -> Vec<(String, AttendanceStatus, u16)> {
    let rows = happened.iter().filter_map(|what| match what {
        What::Attendance { student, status, minutes, session, .. } if session.as_str() == "homework-0901" => {
            Some((student.to_string(), *status, *minutes))
        }
        _ => None,
    });
    rows.collect()
}

fn consumed(happened: &[What]) -> Vec<String> {
    let who = happened.iter().filter_map(|what| match what {
        What::Consumption { student, .. } => Some(student.to_string()),
        _ => None,
    });
    who.collect()
}

fn hours(happened: &[What]) -> Vec<(String, u16, bool)> {
    let rows = happened.iter().filter_map(|what| match what {
        What::StaffHours { staff, minutes, instead_of, .. } => {
            Some((staff.to_string(), *minutes, instead_of.is_some()))
        }
        _ => None,
    });
    rows.collect()
}

fn row(who: &str, status: AttendanceStatus, minutes: u16) -> (String, AttendanceStatus, u16) {
    (who.to_owned(), status, minutes)
}

fn four_more(document: &mut Document) {
    for who in ["an", "bo", "cui", "dan"] {
        let mut line = document.students[0].clone();
        line.id = student(who);
        document.students.push(line);
        let mut enrolment = document.enrolments[0].clone();
        enrolment.student = student(who);
        document.enrolments.push(enrolment);
    }
}

fn closed(day: &mut Day) -> Vec<What> {
    let happened = day.until("17:45");
    let at = happened.iter().position(|what| matches!(what, What::SessionClosed { .. })).unwrap();
    happened[at..].to_vec()
}

#[test]
fn a_quarter_after_its_end_a_session_closes_and_says_how_everybody_took_part() {
    let mut document = service::document();
    four_more(&mut document);
    document.leaves.push(service::leave("dan", "16:00", "20:00", false));
    let mut day = Day::of(document);
    teaches(&mut day, "16:25", "li", None);
    comes(&mut day, "16:20", "an", 0);
    comes(&mut day, "16:40", "bo", 5);
    comes(&mut day, "16:28", "cui", 0);
    comes(&mut day, "16:28", "hong", 0);
    comes(&mut day, "16:30", "lei", 0);
    goes(&mut day, "17:00", "cui");
    goes(&mut day, "16:59:20", "hong");
    goes(&mut day, "17:26", "lei");
    assert!(!day.until("17:44:59").iter().any(|what| matches!(what, What::SessionClosed { .. })));
    let happened = closed(&mut day);
    assert!(matches!(happened[0], What::SessionClosed { expected: 7, present: 5, watched: true, .. }), "{happened:?}");
    assert_eq!(
        attendance(&happened),
        [
            row("an", Present, 60),
            row("bo", Late, 50),
            row("cui", LeftEarly, 30),
            row("dan", Excused, 0),
            row("hong", LeftEarly, 29),
            row("lei", Present, 56),
            row("ming", Absent, 0),
        ]
    );
    assert_eq!(consumed(&happened), ["an", "bo", "cui", "lei"], "half of it is enough, less is not");
    assert_eq!(hours(&happened), [("li".to_owned(), 60, false)]);
    assert!(day.school.state().lessons().is_empty());
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn every_lesson_that_counts_names_its_attendance() {
    let mut day = Day::in_service();
    comes(&mut day, "16:20", "ming", 0);
    day.until("17:45");
    let consumption = day.entries.iter().find_map(|entry| match &entry.what {
        What::Consumption { student, attendance, .. } => Some((student.clone(), *attendance)),
        _ => None,
    });
    let (who, attendance) = consumption.unwrap();
    let named = &day.entries[usize::try_from(attendance.0).unwrap() - 1].what;
    assert!(matches!(named, What::Attendance { student, .. } if *student == who));
}

#[test]
fn a_guest_whom_staff_let_in_takes_part_though_nobody_expected_them() {
    let mut document = service::document();
    document.enrolments.retain(|line| line.student != student("lei"));
    let mut day = Day::of(document);
    let (who, session) = (student("lei"), session("homework-0901"));
    day.write("16:31", What::CheckedIn { student: who, session, late_min: 0, tap: None, by: Some(staff("li")) });
    let happened = closed(&mut day);
    assert!(matches!(happened[0], What::SessionClosed { expected: 2, present: 1, .. }));
    assert!(attendance(&happened).contains(&row("lei", Present, 59)));
    assert_eq!(consumed(&happened), ["lei"]);
}

#[test]
fn a_child_that_is_fetched_early_took_part_until_then() {
    let mut day = Day::in_service();
    day.tap("07:41", "hong", "east-gate");
    comes(&mut day, "16:25", "hong", 0);
    let to = Recipient::Guardian(guardian("grandmother"));
    let tap = tap("desk", "hong");
    day.write("16:50", What::Released { student: student("hong"), to, tap, matched: None, confirmed_by: None });
    assert!(attendance(&closed(&mut day)).contains(&row("hong", LeftEarly, 20)));
}

#[test]
fn who_teaches_gets_the_minutes_within_the_hours_and_a_stand_in_says_for_whom() {
    let mut day = Day::in_service();
    teaches(&mut day, "16:20", "li", None);
    day.write(
        "16:50",
        What::SessionLeft { session: session("homework-0901"), staff: staff("li"), tap: tap("room-1", "li") },
    );
    teaches(&mut day, "16:55", "wang", Some("li"));
    teaches(&mut day, "17:20", "li", None);
    let happened = closed(&mut day);
    assert_eq!(hours(&happened), [("li".to_owned(), 30, false), ("wang".to_owned(), 35, true)]);
}

#[test]
fn of_a_session_that_the_box_did_not_watch_nobody_is_written_down_as_absent() {
    let mut day = Day::in_service();
    comes(&mut day, "16:25", "ming", 0);
    day.give("16:50", Input::Stopping);
    let back = day.restart("17:50", service::document());
    assert!(
        back.iter().any(|what| matches!(what, What::SessionClosed { watched: false, expected: 3, present: 1, .. }))
    );
    assert_eq!(attendance(&back), [row("ming", Present, 20)], "seen until the box was cut off");
}

#[test]
fn a_restart_of_seconds_does_not_make_a_session_unwatched() {
    let mut day = Day::in_service();
    comes(&mut day, "16:25", "ming", 0);
    day.tap("16:50", "mother", "east-gate");
    day.restart("16:50:40", service::document());
    assert_eq!(
        attendance(&closed(&mut day)),
        [row("hong", Absent, 0), row("lei", Absent, 0), row("ming", Present, 60)]
    );
}

#[test]
fn a_session_that_ended_while_the_box_was_off_is_closed_on_the_next_day() {
    let mut day = Day::in_service();
    comes(&mut day, "16:25", "ming", 0);
    day.give("17:35", Input::Stopping);
    let back = day.restart("2026-09-02 07:00", service::document());
    let closed: Vec<_> = back.iter().filter(|what| matches!(what, What::SessionClosed { .. })).collect();
    assert!(matches!(
        closed[..],
        [What::SessionClosed { watched: true, .. }, What::SessionClosed { watched: false, .. }]
    ));
    assert_eq!(attendance(&back), [row("hong", Absent, 0), row("lei", Absent, 0), row("ming", Present, 60)]);
    let began = back.iter().position(|what| matches!(what, What::DayBegan { .. })).unwrap();
    let last = back.iter().rposition(|what| matches!(what, What::SessionClosed { .. })).unwrap();
    assert!(last < began, "they belong to the day that is over");
    assert!(day.school.state().lessons().is_empty());
}

#[test]
fn the_sessions_of_days_on_which_the_box_was_off_are_closed_for_staff_to_report() {
    let mut document = service::document();
    for (n, on) in ["2026-09-02", "2026-09-03"].into_iter().enumerate() {
        let mut line = document.sessions[0].clone();
        (line.id, line.day) = (session(&format!("homework-{n}")), service::day(on));
        document.sessions.push(line);
    }
    let mut day = Day::of(document.clone());
    day.until("19:00");
    let back = day.restart("2026-09-04 07:00", document);
    let closed = back.iter().filter(|what| matches!(what, What::SessionClosed { watched: false, .. })).count();
    assert_eq!((closed, attendance(&back).len()), (2, 0));
}

#[test]
fn a_session_that_the_next_roster_does_not_have_is_closed_by_the_one_that_has() {
    let mut day = Day::in_service();
    comes(&mut day, "16:30", "ming", 0);
    let mut without = service::document();
    without.sessions.remove(0);
    let adopted = day.adopt("17:00", without).entries;
    assert_eq!(attendance(&adopted), [row("ming", Present, 30)]);
    assert!(!day.until("18:00").iter().any(|what| matches!(what, What::SessionClosed { .. })), "once");
}

#[test]
fn with_a_clock_that_was_never_set_nothing_closes() {
    let mut day = Day::in_service();
    comes(&mut day, "16:30", "ming", 0);
    day.clock = ClockQuality::Unset;
    day.give("16:31", Input::Timeout);
    assert!(!day.until("19:00").iter().any(|what| matches!(what, What::SessionClosed { .. })));
}
