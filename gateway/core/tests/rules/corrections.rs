//! Nothing is edited: a mistake is put right by a new entry that names the old one; what the box did not watch is reported.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    entry::{AttendanceStatus, Correction, Entry, OrderFault, Seq, What},
    school::{Input, Order},
};

use crate::support::{
    Day, Outcome,
    service::{self, session, staff},
    student,
};

const WHY: &str = "the teacher's list has her";

fn find(day: &Day, kind: &str) -> Entry {
    day.entries.iter().find(|entry| entry.what.kind() == kind).unwrap().clone()
}

fn correct(day: &mut Day, entry: Entry, to: Correction, why: &str) -> Outcome {
    day.order("17:55", "zhao", Order::Correct { entry: Box::new(entry), to, why: why.into() })
}

fn refused(outcome: &Outcome) -> Option<OrderFault> {
    outcome.entries.iter().find_map(|what| match what {
        What::OrderRefused { reason, .. } => Some(*reason),
        _ => None,
    })
}

fn present(minutes: u16) -> Correction {
    Correction::Attendance { status: AttendanceStatus::Present, minutes }
}

fn after_homework() -> Day {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.until("17:50");
    day
}

#[test]
fn an_absence_is_put_right_by_an_entry_that_names_it() {
    let mut day = after_homework();
    let absence = find(&day, "attendance");
    let corrected = correct(&mut day, absence.clone(), present(60), WHY);
    let What::Attendance { student, .. } = absence.what.clone() else { panic!("found no attendance") };
    let (by, students) = (staff("zhao"), vec![student]); // their guardians hear of it
    let expected = What::Corrected { entry: absence.seq, students, to: present(60), by, why: WHY.into() };
    assert_eq!(corrected.entries, [expected]);
    assert_eq!(day.entries[usize::try_from(absence.seq.0).unwrap() - 1], absence, "the old one stays");
    let counts = Correction::Consumption { counts: true };
    assert_eq!(refused(&correct(&mut day, absence, counts, WHY)), None, "and the lesson counts");
}

#[test]
fn a_correction_fits_its_entry_and_has_a_reason() {
    let mut day = after_homework();
    let (absence, arrival) = (find(&day, "attendance"), find(&day, "arrived"));
    let absent_for_an_hour = Correction::Attendance { status: AttendanceStatus::Absent, minutes: 60 };
    for (entry, to, why) in [
        (&absence, present(60), ""),
        (&absence, present(60), "  "),
        (&absence, present(60), "x".repeat(501).as_str()),
        (&absence, present(1441), WHY),
        (&absence, absent_for_an_hour, WHY),
        (&absence, Correction::StaffHours { minutes: 60 }, WHY),
        (&arrival, present(60), WHY),
        (&find(&day, "day_began"), Correction::NotSo, WHY),
    ] {
        assert_eq!(refused(&correct(&mut day, entry.clone(), to, why)), Some(OrderFault::Senseless), "{why:?}");
    }
    assert_eq!(refused(&correct(&mut day, arrival, Correction::NotSo, &"学".repeat(500))), None);
    let correction = find(&day, "corrected");
    assert_eq!(
        refused(&correct(&mut day, correction, Correction::NotSo, WHY)),
        Some(OrderFault::Senseless),
        "the entry itself is corrected again, not its correction"
    );
}

#[test]
fn an_entry_that_the_ledger_does_not_have_can_not_be_corrected() {
    let mut day = after_homework();
    for seq in [Seq(0), Seq(99_999)] {
        let stranger = Entry { seq, ..find(&day, "attendance") };
        assert_eq!(refused(&correct(&mut day, stranger, present(60), WHY)), Some(OrderFault::NoSuch));
    }
}

#[test]
fn only_the_duty_leader_and_the_principal_correct() {
    let mut day = after_homework();
    let entry = Box::new(find(&day, "attendance"));
    let order = Order::Correct { entry, to: present(60), why: WHY.into() };
    assert_eq!(refused(&day.order("17:55", "li", order)), Some(OrderFault::NotTheirRole));
}

fn report(day: &mut Day, who: &str, status: AttendanceStatus, minutes: u16) -> Outcome {
    let session = session("homework-0901");
    day.order("17:55", "zhao", Order::Report { student: student(who), session, status, minutes })
}

fn unwatched() -> Day {
    let mut day = Day::in_service();
    day.give("16:00", Input::Stopping);
    day.restart("17:50", service::document());
    day
}

#[test]
fn staff_report_how_students_took_part_in_a_session_that_the_box_did_not_watch() {
    let mut day = unwatched();
    let told = report(&mut day, "ming", AttendanceStatus::Present, 60);
    assert_eq!(told.kinds(), ["attendance", "consumption"]);
    for what in &told.entries {
        assert_eq!((what.staff(), what.session()), (Some(&staff("zhao")), Some(&session("homework-0901"))));
    }
    assert_eq!(report(&mut day, "hong", AttendanceStatus::Late, 29).kinds(), ["attendance"], "too short to count");
    assert_eq!(report(&mut day, "lei", AttendanceStatus::Absent, 0).kinds(), ["attendance"]);
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn the_report_may_come_on_another_day() {
    let mut day = unwatched();
    day.give("2026-09-02 07:00", Input::Timeout);
    let order = Order::Report {
        student: student("ming"),
        session: session("homework-0901"),
        status: AttendanceStatus::Present,
        minutes: 60,
    };
    let told = day.order("2026-09-02 08:00", "zhao", order);
    assert!(matches!(&told.entries[0], What::Attendance { day, .. } if *day == service::day("2026-09-01")));
}

#[test]
fn what_is_known_is_not_reported_again() {
    let mut day = unwatched();
    report(&mut day, "ming", AttendanceStatus::Present, 60);
    assert_eq!(refused(&report(&mut day, "ming", AttendanceStatus::Absent, 0)), Some(OrderFault::NoSuch));
    let mut watched = after_homework();
    assert_eq!(refused(&report(&mut watched, "ming", AttendanceStatus::Present, 60)), Some(OrderFault::NoSuch));
}

#[test]
fn a_report_makes_sense() {
    let mut day = unwatched();
    assert_eq!(refused(&report(&mut day, "ming", AttendanceStatus::Present, 61)), Some(OrderFault::Senseless));
    assert_eq!(refused(&report(&mut day, "ming", AttendanceStatus::Excused, 5)), Some(OrderFault::Senseless));
    assert_eq!(refused(&report(&mut day, "nobody", AttendanceStatus::Present, 60)), Some(OrderFault::UnknownPerson));
}
