//! Dinner: once, and only if booked.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    entry::{Missed, Reason, What},
    picture::Picture,
    policy::Policy,
    roster::{DinnerLine, Validity},
    school::Input,
    time::{BootId, ClockQuality, Mono, Stamp, Weekday},
};

use crate::support::{Day, Outcome, card, reader, service, service::hours, student};

fn refused(outcome: &Outcome, why: Reason) -> bool {
    assert_eq!(outcome.shown(), Some(Picture::NoDinner));
    matches!(outcome.entries.last(), Some(What::Refused { reason, .. }) if *reason == why)
}

fn served() -> Day {
    let mut day = Day::in_service();
    for who in ["ming", "hong"] {
        day.tap("07:41", who, "east-gate");
    }
    day
}

#[test]
fn a_booked_dinner_is_given_out_once() {
    let mut day = served();
    let tap = day.tap("18:00", "ming", "canteen");
    assert_eq!((tap.kinds(), tap.shown()), (vec!["dined"], Some(Picture::Dinner)));
    assert!(tap.promises_are_kept() && !tap.opened());
    assert!(refused(&day.tap("18:10", "ming", "canteen"), Reason::DinnerTaken));
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn who_has_no_dinner_booked_gets_none() {
    let mut day = served();
    assert!(refused(&day.tap("18:00", "hong", "canteen"), Reason::NoDinnerBooked));
}

#[test]
fn a_dinner_is_booked_for_its_days_of_the_week() {
    let mut document = service::document();
    let line = DinnerLine { student: student("hong"), valid: Validity::ALWAYS, weekdays: vec![Weekday::Wed] };
    document.dinners.push(line);
    let mut day = Day::of(document);
    day.tap("07:41", "hong", "east-gate");
    assert!(refused(&day.tap("18:00", "hong", "canteen"), Reason::NoDinnerBooked), "it is Tuesday");
    day.tap("2026-09-02 07:41", "hong", "east-gate");
    assert_eq!(day.tap("2026-09-02 18:00", "hong", "canteen").kinds(), ["dined"]);
}

#[test]
fn dinner_is_given_out_in_its_hours() {
    let mut document = service::document();
    document.policy = Policy { dinner_hours: Some(hours("17:30", "18:30")), ..Policy::default() };
    let mut day = Day::of(document);
    day.tap("07:41", "ming", "east-gate");
    assert!(refused(&day.tap("17:29", "ming", "canteen"), Reason::NotDinnerTime));
    assert_eq!(day.tap("17:30", "ming", "canteen").kinds(), ["dined"]);
    assert!(refused(&day.tap("18:31", "ming", "canteen"), Reason::DinnerTaken), "the nearer reason is told");
}

#[test]
fn who_shows_up_for_dinner_and_never_tapped_in_is_on_campus_all_the_same() {
    let mut day = Day::in_service();
    let tap = day.tap("18:00", "ming", "canteen");
    assert_eq!(tap.kinds(), ["arrived", "dined"]);
    assert!(matches!(tap.entries[0], What::Arrived { missed: Some(Missed::Entry), .. }));
    let tap = day.tap("18:00", "hong", "canteen");
    assert_eq!(tap.kinds(), ["arrived", "refused"], "dinner or none");
}

#[test]
fn without_a_clock_who_ever_has_dinner_here_is_fed_and_fed_once() {
    let mut document = service::document();
    document.policy = Policy { dinner_hours: Some(hours("17:30", "18:30")), ..Policy::default() };
    let mut day = Day::of(document);
    day.clock = ClockQuality::Unset;
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:41", "hong", "east-gate");
    assert_eq!(day.tap("12:00", "ming", "canteen").kinds(), ["dined"], "hours can't be told");
    assert!(refused(&day.tap("12:10", "ming", "canteen"), Reason::DinnerTaken));
    assert!(refused(&day.tap("12:10", "hong", "canteen"), Reason::NoDinnerBooked));
}

#[test]
fn yesterdays_dinner_keeps_nobody_hungry_though_no_clock_tells_the_day() {
    let mut day = served();
    day.tap("18:00", "ming", "canteen");
    let rebooted = Stamp {
        boot: BootId(2),
        mono: Mono(20_000),
        clock: ClockQuality::Unset,
        ..crate::support::at("2026-09-02 17:50")
    };
    day.give_at(rebooted, Input::Started { version: "t".into() });
    let tap = Input::Tap { reader: reader("canteen"), credential: card("ming"), proof: Default::default() };
    let later = Stamp { mono: Mono(60_000), ..rebooted };
    assert_eq!(day.give_at(later, tap).kinds().last(), Some(&"dined"));
}
