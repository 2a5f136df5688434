//! Classes go in turn.

use schoolgate_core::{
    entry::{Reason, What},
    id::PlaceId,
    picture::{Light, Picture},
    policy::Dismissal,
    roster::{Document, Roster},
    school::Order,
    time::{ClockQuality, Weekday},
};

use crate::gates::fixture::*;

/// Lei walks home from 16:00; Ming and Hong are fetched.
fn document(lines: &[(&str, Option<&str>, &str)]) -> Document {
    let mut document = service::document();
    for student in &mut document.students {
        if student.id.as_str() == "lei" {
            student.class = "3-1".into();
            student.walks_home = Some(service::hours("16:00", "18:00"));
        }
    }
    document.policy.dismissal = lines
        .iter()
        .map(|(class, gate, from)| Dismissal {
            class: (*class).into(),
            place: gate.map(|id| -> PlaceId { place(id) }),
            from: from.parse().unwrap(),
            weekdays: Vec::new(),
        })
        .collect();
    document
}

fn here(lines: &[(&str, Option<&str>, &str)]) -> Day {
    let mut day = school_with(&[], document(lines));
    for who in ["ming", "hong", "lei"] {
        day.tap("07:40", who, "east-gate");
    }
    day
}

fn reason(outcome: &Outcome) -> Option<&Reason> {
    outcome.entries.iter().find_map(|what| if let What::Refused { reason, .. } = what { Some(reason) } else { None })
}

#[test]
fn a_class_goes_when_it_is_its_turn_and_waits_before() {
    let mut day = here(&[("3-2", None, "16:30"), ("3-1", None, "16:40")]);
    let early = day.tap("16:31", "lei", "east-gate");
    assert_eq!(reason(&early), Some(&Reason::NotYourTurn("16:40".parse().unwrap())));
    let shown = early.shown().unwrap();
    assert_eq!((&shown, shown.light()), (&Picture::NotYourTurn("16:40".parse().unwrap()), Light::Amber));
    assert_eq!(early.kinds(), ["refused"], "nobody is alarmed by a child who is ten minutes early");
    assert!(day.tap("16:40", "lei", "east-gate").opened());
}

#[test]
fn whom_a_family_fetches_or_a_leave_lets_go_waits_for_no_turn() {
    let mut day = here(&[("3-1", None, "17:00"), ("3-2", None, "17:00")]);
    day.tap("16:31", "grandmother", "east-gate");
    assert!(day.tap("16:32", "ming", "east-gate").opened());
    let leave = Order::ApproveLeave { student: student("lei"), hours: service::hours("16:30", "16:50"), alone: true };
    day.order("16:33", "zhao", leave);
    assert!(day.tap("16:34", "lei", "east-gate").opened());
}

#[test]
fn a_turn_permits_nothing_that_was_not_permitted() {
    let mut day = here(&[("3-2", None, "16:30")]);
    let tap = day.tap("16:31", "ming", "east-gate");
    assert_eq!((reason(&tap), tap.kinds()), (Some(&Reason::NotReleased), vec!["refused", "alarm_raised"]));
}

#[test]
fn who_wants_out_hours_before_is_an_alarm_and_no_matter_of_turns() {
    let mut day = here(&[("3-2", None, "16:30")]);
    assert_eq!(reason(&day.tap("10:00", "hong", "east-gate")), Some(&Reason::NotReleased));
    assert_eq!(reason(&day.tap("15:45", "ming", "east-gate")), Some(&Reason::NotYourTurn("16:30".parse().unwrap())));
}

#[test]
fn a_family_that_comes_while_the_child_waits_for_its_turn_takes_it_along() {
    let mut day = here(&[("3-2", None, "16:40")]);
    day.tap("16:31", "hong", "east-gate");
    let came = day.tap("16:32", "grandmother", "east-gate");
    assert!(came.opened(), "{came:?}");
}

#[test]
fn a_class_goes_by_its_own_gate() {
    let mut day = here(&[("3-1", Some("west-gate"), "16:30")]);
    let tap = day.tap("16:31", "lei", "east-gate");
    assert_eq!(
        (reason(&tap), tap.shown()),
        (Some(&Reason::OtherGate(place("west-gate"))), Some(Picture::GoTo(place("west-gate"))))
    );
    assert!(day.tap("16:32", "lei", "west-gate").opened());
}

#[test]
fn on_other_weekdays_without_a_clock_and_in_an_emergency_there_are_no_turns() {
    let mut other_day = document(&[("3-1", None, "17:30")]);
    other_day.policy.dismissal[0].weekdays = vec![Weekday::Mon];
    let mut day = school_with(&[], other_day);
    day.tap("07:40", "lei", "east-gate");
    assert!(day.tap("16:31", "lei", "east-gate").opened(), "it is Tuesday");

    let mut day = here(&[("3-1", None, "17:30")]);
    day.clock = ClockQuality::Unset;
    assert_eq!(reason(&day.tap("16:31", "lei", "east-gate")), Some(&Reason::NotReleased), "nobody goes alone then");

    let mut day = here(&[("3-1", None, "17:30")]);
    day.order("16:30", "zhao", Order::StartMuster { drill: false });
    assert!(day.tap("16:31", "lei", "east-gate").opened());
}

#[test]
fn a_class_that_nobody_is_in_is_a_fault_of_the_roster() {
    let faults = Roster::try_new(document(&[("3-1", None, "16:30"), ("3-11", None, "16:30")])).unwrap_err();
    assert!(format!("{faults:?}").contains("policy.dismissal[1].class"), "{faults:?}");
}
