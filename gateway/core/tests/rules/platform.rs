//! The platform that is away, and the roster that grows old.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{Consumer, Seq},
    roster::Document,
    school::{Input, School},
    site::Site,
    time::ClockQuality,
};

use crate::support::{Day, document, site};

const UNREACHED: Alarm = Alarm::PlatformUnreached {};
const OLD: Alarm = Alarm::RosterOld {};

fn connected(document: Document) -> Day {
    let site = Site { has_platform: true, ..site() };
    let mut day = Day { school: School::new(site), entries: Vec::new(), clock: ClockQuality::Synchronised };
    day.give("06:00", Input::Started { version: "test".into() });
    day.adopt("06:00", document);
    day
}

fn is_on(day: &Day, alarm: &Alarm) -> bool {
    day.school.state().alarms().contains_key(alarm)
}

#[test]
fn a_platform_that_was_not_reached_for_a_day_is_an_alarm_until_it_is() {
    let mut day = connected(document());
    day.give("08:00", Input::PlatformReached);
    day.until("2026-09-02 07:59:59");
    assert!(!is_on(&day, &UNREACHED));
    day.until("2026-09-02 08:00");
    assert!(is_on(&day, &UNREACHED));
    let reached = day.give("2026-09-02 09:00", Input::PlatformReached);
    assert_eq!(reached.kinds(), ["alarm_ended"]);
    assert_eq!(day.give("2026-09-02 09:01", Input::PlatformReached).kinds(), [""; 0], "a contact leaves no entry");
}

#[test]
fn what_the_platform_acknowledges_shows_that_it_is_there() {
    let mut day = connected(document());
    let delivered = |consumer| Input::Delivered { consumer, through: Seq(1) };
    day.give("20:00", delivered(Consumer::Sync));
    day.give("22:00", delivered(Consumer::Notify));
    day.until("2026-09-02 19:59:59");
    assert!(!is_on(&day, &UNREACHED));
    day.until("2026-09-02 20:00");
    assert!(is_on(&day, &UNREACHED), "the broker is not the platform");
}

#[test]
fn a_platform_that_refuses_the_ledger_is_one_alarm_until_it_takes_entries_again() {
    let refuses = Alarm::PlatformRefuses {};
    let mut day = connected(document());
    assert_eq!(day.give("08:00", Input::PlatformRefuses).kinds(), ["alarm_raised"]);
    assert_eq!(day.give("08:05", Input::PlatformRefuses).kinds(), [""; 0]);
    day.give("08:06", Input::PlatformReached);
    day.restart("09:00", document());
    assert!(is_on(&day, &refuses), "an answer is not enough, nor is a restart");
    day.give("10:00", Input::Delivered { consumer: Consumer::Sync, through: Seq(1) });
    assert!(!is_on(&day, &refuses));
}

#[test]
fn restarts_do_not_put_the_alarm_off_and_raise_none_before_the_platform_had_time_to_call() {
    let mut day = connected(document());
    for hour in ["12:00", "18:00", "23:00"] {
        day.restart(hour, document());
    }
    day.until("2026-09-02 05:59:59");
    assert!(!is_on(&day, &UNREACHED));
    day.until("2026-09-02 06:00");
    assert!(is_on(&day, &UNREACHED), "counted from the roster's adoption, whose entry is in the ledger");

    let mut after_the_holidays = connected(document());
    after_the_holidays.restart("2026-09-20 08:00", document());
    assert!(!is_on(&after_the_holidays, &UNREACHED));
    after_the_holidays.give("2026-09-20 08:00:30", Input::PlatformReached);
    after_the_holidays.until("2026-09-20 09:00");
    assert!(!is_on(&after_the_holidays, &UNREACHED));
}

#[test]
fn a_roster_that_nobody_confirms_grows_old() {
    let mut day = connected(document());
    day.give("20:00", Input::RosterConfirmed);
    day.until("2026-09-03 19:59:59");
    assert!(!is_on(&day, &OLD));
    day.until("2026-09-03 20:00");
    assert!(is_on(&day, &OLD));
    day.give("2026-09-03 21:00", Input::RosterConfirmed);
    assert!(!is_on(&day, &OLD) && !is_on(&day, &UNREACHED));
}

#[test]
fn the_age_of_a_roster_is_that_of_its_making() {
    let made = |on: &str| Document { made_at: Some(on.parse().unwrap()), version: on.into(), ..document() };
    let mut day = connected(made("2026-08-30T12:00:00+08:00"));
    day.until("11:59:59");
    assert!(!is_on(&day, &OLD));
    day.until("12:00");
    assert!(is_on(&day, &OLD));
    day.adopt("13:00", made("2026-08-30T11:00:00+08:00"));
    assert!(is_on(&day, &OLD), "one that is as old changes nothing");
    day.adopt("14:00", made("2026-09-01T13:00:00+08:00"));
    assert!(!is_on(&day, &OLD));
}

#[test]
fn a_school_without_a_platform_waits_for_none() {
    let mut day = Day::new();
    day.until("2026-09-20 08:00");
    assert!(!is_on(&day, &UNREACHED) && !is_on(&day, &OLD));
}

#[test]
fn when_the_platform_is_taken_out_of_the_configuration_its_alarms_end() {
    let mut day = connected(document());
    day.until("2026-09-03 08:00");
    assert!(is_on(&day, &UNREACHED) && is_on(&day, &OLD));
    let mut without = Day { school: School::new(site()), entries: day.entries, clock: day.clock };
    without.restart("2026-09-03 08:01", document());
    assert!(!is_on(&without, &UNREACHED) && !is_on(&without, &OLD));
}
