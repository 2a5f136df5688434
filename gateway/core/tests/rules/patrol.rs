//! The safety patrol: rounds, points, and what was missed.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{Check, What},
    picture::Picture,
    school::Input,
};

use crate::support::{
    Day,
    service::{self, hours, patrol},
};

fn missed() -> Alarm {
    Alarm::PatrolMissed { patrol: patrol("evening") }
}

fn round(outcome: &crate::support::Outcome) -> Option<String> {
    outcome.entries.iter().find_map(|what| match what {
        What::Patrolled { patrol, .. } => Some(patrol.as_ref().map(ToString::to_string).unwrap_or_default()),
        _ => None,
    })
}

#[test]
fn a_round_whose_points_are_all_visited_is_no_alarm() {
    let mut day = Day::in_service();
    let visit = day.tap("17:00", "chen", "stairs");
    assert_eq!((round(&visit).as_deref(), visit.shown()), (Some("evening"), Some(Picture::Noted)));
    assert!(visit.promises_are_kept());
    day.tap("17:59", "li", "boiler-room"); // within the grace
    day.until("19:00");
    assert!(!day.school.state().alarms().contains_key(&missed()));
    let checked = day.entries.iter().filter(|e| matches!(&e.what, What::Checked { check: Check::Patrol(_), found: 0 }));
    assert_eq!(checked.count(), 1);
}

#[test]
fn a_point_that_was_left_out_is_an_alarm_until_it_is_made_up_for() {
    let mut day = Day::in_service();
    day.tap("17:10", "chen", "stairs");
    day.until("17:59:59");
    assert!(!day.school.state().alarms().contains_key(&missed()));
    let looked = day.until("18:00");
    assert!(looked.iter().any(|what| matches!(what, What::Checked { check: Check::Patrol(_), found: 1 })));
    assert!(day.school.state().alarms().contains_key(&missed()));
    assert_eq!(round(&day.tap("18:10", "chen", "stairs")).as_deref(), Some(""), "that point was not missed");
    let late = day.tap("18:20", "chen", "boiler-room");
    assert_eq!((round(&late).as_deref(), late.kinds()), (Some("evening"), vec!["patrolled", "alarm_ended"]));
}

#[test]
fn a_missed_round_ends_with_the_day() {
    let mut day = Day::in_service();
    day.until("18:00");
    assert!(day.school.state().alarms().contains_key(&missed()));
    day.until("2026-09-02 00:00");
    assert!(!day.school.state().alarms().contains_key(&missed()));
}

#[test]
fn a_visit_long_before_the_round_counts_for_none() {
    let mut day = Day::in_service();
    assert_eq!(round(&day.tap("16:44", "chen", "stairs")).as_deref(), Some(""));
    assert_eq!(round(&day.tap("16:45", "chen", "stairs")).as_deref(), Some("evening"));
}

#[test]
fn of_two_rounds_that_are_due_the_one_that_lacks_the_point_is_served() {
    let mut document = service::document();
    let mut second = document.patrols[0].clone();
    (second.id, second.hours) = (patrol("second"), hours("17:20", "18:30"));
    document.patrols.push(second);
    let mut day = Day::of(document);
    assert_eq!(round(&day.tap("17:30", "chen", "stairs")).as_deref(), Some("evening"));
    assert_eq!(round(&day.tap("17:35", "chen", "stairs")).as_deref(), Some("second"));
}

#[test]
fn an_inspector_is_seen_and_patrols_nothing() {
    let mut day = Day::in_service();
    day.until("17:10");
    assert_eq!(day.tap("17:10", "bai", "stairs").kinds(), ["seen"]);
}

#[test]
fn a_round_that_the_box_could_not_see_is_not_said_to_be_missed() {
    let mut day = Day::in_service();
    day.give("16:50", Input::Stopping);
    day.restart("18:10", service::document());
    assert!(!day.school.state().alarms().contains_key(&missed()));
}

#[test]
fn on_a_day_without_service_no_round_is_due() {
    let mut day = Day::in_service();
    day.give("2026-09-05 06:00", Input::Timeout); // a Saturday
    day.until("2026-09-05 19:00");
    assert!(!day.school.state().alarms().contains_key(&missed()));
    assert_eq!(round(&day.tap("2026-09-05 19:10", "chen", "stairs")).as_deref(), Some(""));
}
