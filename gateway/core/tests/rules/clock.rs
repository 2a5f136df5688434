//! Clocks lie: they are set late, they jump, and they are put back. Nothing is lost by it and nothing happens twice.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    entry::{AttendanceStatus, Check, Entry, Tap, What},
    roster::Roster,
    school::{Input, School},
    state::{MAX_DAYS, Whereabouts},
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
    timeline::{Timeline, TrueTime},
};
use std::sync::Arc;

use crate::support::{
    Day, at, card, place, reader,
    service::{self, session, staff},
    site, student,
};

/// That moment on a box whose clock was never set: it thinks that it is 1970.
fn dark(time: &str) -> Stamp {
    let true_time = at(time);
    let wall = Wall::new(i64::try_from(true_time.mono.0).unwrap(), 480);
    Stamp { wall, clock: ClockQuality::Unset, ..true_time }
}

/// That moment on a box whose clock is ahead by so many milliseconds.
fn ahead(time: &str, by_ms: i64) -> Stamp {
    let true_time = at(time);
    Stamp { wall: Wall::new(true_time.wall.unix_ms() + by_ms, 480), ..true_time }
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn roster() -> Input {
    let roster = Arc::new(Roster::try_new(service::document()).unwrap());
    Input::Roster { roster, digest: "one".into() }
}

fn tapped(holder: &str, at: &str) -> Input {
    Input::Tap { reader: reader(at), credential: card(holder), proof: Default::default() }
}

fn in_the_dark() -> Day {
    let mut day = Day { school: School::new(site()), entries: Vec::new(), clock: ClockQuality::Synchronised };
    day.give_at(dark("07:00"), Input::Started { version: "test".into() });
    day.give_at(dark("07:00"), roster());
    day
}

fn write_at(day: &mut Day, at: Stamp, what: What) {
    let seq = day.school.state().last().next();
    let entry = Entry { v: 1, seq, at, what };
    day.school.replay(&entry).unwrap();
    day.entries.push(entry);
}

fn check_in(day: &mut Day, at: Stamp, who: &str) {
    let tap = Some(Tap {
        place: place("room-1"),
        reader: reader("room-1"),
        credential: card(who),
        proof: Default::default(),
    });
    let (student, session) = (student(who), session("homework-0901"));
    write_at(day, at, What::CheckedIn { student, session, late_min: 0, tap, by: None });
}

fn days_begun(day: &Day) -> Vec<String> {
    let days = day.entries.iter().filter_map(|entry| match &entry.what {
        What::DayBegan { day, .. } => Some(day.to_string()),
        _ => None,
    });
    days.collect()
}

fn count(day: &Day, kind: &str) -> usize {
    day.entries.iter().filter(|entry| entry.what.kind() == kind).count()
}

#[test]
fn a_day_that_starts_in_1970_is_put_right_when_the_clock_is_set_at_16_20() {
    let mut day = in_the_dark();
    assert_eq!(day.give_at(dark("07:41"), tapped("ming", "east-gate")).kinds(), ["arrived"]);
    day.give_at(dark("07:42"), tapped("hong", "east-gate"));
    assert_eq!(day.give_at(dark("12:00"), tapped("grandmother", "desk")).kinds(), ["called"], "families still fetch");
    assert_eq!(day.give_at(dark("12:01"), tapped("hong", "desk")).kinds(), ["released"]);
    assert_eq!(days_begun(&day), [""; 0]);

    let set = day.give_at(at("16:20"), Input::Timeout);
    assert_eq!(set.kinds()[..2], ["clock_set", "day_began"]);
    let offset = at("07:00").wall.unix_ms() - dark("07:00").wall.unix_ms();
    assert!(matches!(set.entries[0], What::ClockSet { first, offset_ms } if first.0 == 1 && offset_ms == offset));
    let ming = day.school.state().presence(&student("ming")).unwrap();
    assert_eq!((ming.since, ming.seen.at), (at("07:41"), at("07:41")));
    assert_eq!(day.school.state().calls().values().next().map(|call| call.at), None);
    assert!(day.school.state().posts().contains_key(&schoolgate_core::roster::Post::Gate), "the rota is made up for");

    day.tap("16:25", "lei", "east-gate");
    let closed = day.until("17:45");
    let watched = |what: &What| matches!(what, What::SessionClosed { watched: true, .. });
    assert!(closed.iter().any(watched), "the box was at work all day, whatever its clock said");
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn minutes_of_a_session_that_began_in_the_dark_are_right() {
    let mut day = in_the_dark();
    check_in(&mut day, dark("16:30"), "ming");
    check_in(&mut day, dark("16:50"), "hong");
    day.give("17:00", Input::Timeout);
    let closed = day.until("17:45");
    let rows: Vec<_> = closed
        .iter()
        .filter_map(|what| match what {
            What::Attendance { student, status, minutes, .. } => Some((student.to_string(), *status, *minutes)),
            _ => None,
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("hong".to_owned(), AttendanceStatus::Late, 40),
            ("lei".to_owned(), AttendanceStatus::Absent, 0),
            ("ming".to_owned(), AttendanceStatus::Present, 60)
        ]
    );
}

#[test]
fn a_clock_that_is_set_a_boot_later_gives_no_true_time_to_the_boot_before() {
    let mut day = in_the_dark();
    day.give_at(dark("07:41"), tapped("ming", "east-gate"));
    let rebooted = Stamp { boot: BootId(2), mono: Mono(10_000), ..at("08:00") };
    let started = day.give_at(rebooted, Input::Started { version: "test".into() });
    assert!(!started.kinds().contains(&"clock_set"));
    let mut timeline = Timeline::default();
    day.entries.iter().for_each(|entry| timeline.fold(entry));
    let arrived = day.entries.iter().find(|entry| entry.what.kind() == "arrived").unwrap();
    let between = TrueTime::Between { earliest: None, latest: Some(rebooted.wall) };
    assert_eq!(timeline.true_time(arrived), between);
    assert_eq!(between.wall(), None);
}

#[test]
fn the_timeline_tells_when_everything_happened() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    let known = at("07:41").wall;
    let boot = |stamp: Stamp| Stamp { boot: BootId(2), ..stamp };
    day.give_at(boot(dark("09:00")), Input::Started { version: "test".into() });
    day.give_at(boot(dark("09:30")), tapped("hong", "east-gate"));
    let fold = |day: &Day| {
        let mut timeline = Timeline::default();
        day.entries.iter().for_each(|entry| timeline.fold(entry));
        timeline
    };
    let hong = day.entries.last().unwrap().clone();
    assert_eq!(fold(&day).true_time(&hong), TrueTime::Between { earliest: Some(known), latest: None });
    day.give_at(boot(at("10:00")), Input::Timeout);
    let timeline = fold(&day);
    let times = |entry: &Entry| timeline.true_time(entry).wall();
    assert_eq!(times(&hong), Some(at("09:30").wall));
    let all: Vec<_> = day.entries.iter().map(|entry| times(entry).unwrap().unix_ms()).collect();
    assert!(all.is_sorted(), "{all:?}");
}

#[test]
fn the_true_time_does_not_hang_on_what_the_unset_clock_said() {
    let mut day = in_the_dark();
    let odd = Stamp { wall: Wall::new(HOUR_MS * 500_000, 480), ..dark("07:41") };
    day.give_at(odd, tapped("ming", "east-gate"));
    day.give("08:00", Input::Timeout);
    assert_eq!(day.school.state().presence(&student("ming")).unwrap().since, at("07:41"));
}

#[test]
fn a_clock_put_back_to_a_day_that_is_long_over_begins_no_old_day() {
    let mut day = Day::in_service();
    for n in 2..=6 {
        day.give(&format!("2026-09-0{n} 06:00"), Input::Timeout);
    }
    let begun = days_begun(&day);
    for back in [5 * DAY_MS, 7 * DAY_MS, 400 * DAY_MS] {
        day.give_at(ahead("2026-09-06 07:00", -back), Input::Timeout);
        assert_eq!(days_begun(&day), begun, "{back}");
    }
    day.give("2026-09-07 06:00", Input::Timeout);
    assert_eq!(days_begun(&day).last().map(String::as_str), Some("2026-09-07"));
    assert!(days_begun(&day).len() <= MAX_DAYS);
}

#[test]
fn a_clock_put_back_to_yesterday_does_nothing_of_yesterday_again() {
    let mut day = Day::in_service();
    day.until("2026-09-02 06:00");
    let before = [count(&day, "checked"), count(&day, "session_closed"), count(&day, "alarm_raised")];
    day.give_at(ahead("2026-09-02 21:00", -DAY_MS), Input::Timeout);
    assert_eq!(days_begun(&day), ["2026-09-01", "2026-09-02", "2026-09-01"], "it goes on");
    assert_eq!([count(&day, "checked"), count(&day, "session_closed"), count(&day, "alarm_raised")], before);
    day.give("2026-09-02 21:10", Input::Timeout);
    assert_eq!(days_begun(&day).len(), 4);
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_clock_put_back_by_seconds_at_midnight_brings_no_old_day_back() {
    let mut day = Day::in_service();
    day.until("2026-09-02 00:00");
    day.give_at(ahead("2026-09-02 00:00:10", -70_000), Input::Timeout);
    assert_eq!(days_begun(&day), ["2026-09-01", "2026-09-02"]);
}

#[test]
fn a_clock_that_jumps_for_years_and_back_costs_the_day_nothing() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    let years = 1_200 * DAY_MS;
    day.give_at(ahead("12:00", years), Input::Timeout);
    assert_eq!(days_begun(&day).len(), 2);
    let here = &day.school.state().presence(&student("ming")).unwrap().whereabouts;
    assert_ne!(*here, Whereabouts::OffCampus, "who came this morning is still here");
    day.give("12:10", Input::Timeout);
    assert_eq!(days_begun(&day).last().map(String::as_str), Some("2026-09-01"), "the day goes on");
    assert_eq!(count(&day, "session_closed"), 0);
    let afternoon = day.until("20:00");
    let found =
        |check: Check| afternoon.iter().filter(|w| matches!(w, What::Checked { check: c, .. } if *c == check)).count();
    assert_eq!(found(Check::Absence(session("homework-0901"))), 1);
    let closed = afternoon.iter().filter(|what| matches!(what, What::SessionClosed { watched: true, .. })).count();
    assert_eq!(closed, 2);
    assert_eq!(count(&day, "left_unseen"), 0);
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_clock_that_was_wrong_for_days_does_not_stop_the_days_that_follow() {
    let mut day = Day::in_service();
    let years = 1_200 * DAY_MS;
    for time in ["12:00", "2026-09-02 12:00", "2026-09-03 12:00"] {
        day.give_at(ahead(time, years), Input::Timeout);
    }
    day.give("2026-09-04 12:00", Input::Timeout);
    assert_eq!(days_begun(&day).last().map(String::as_str), Some("2026-09-04"));
}

#[test]
fn sessions_that_the_clock_jumped_over_are_closed_at_the_days_end_and_not_before() {
    let mut day = Day::in_service();
    day.give_at(ahead("12:00", 8 * HOUR_MS), Input::Timeout);
    assert_eq!(count(&day, "session_closed"), 0);
    day.give_at(ahead("16:00", 8 * HOUR_MS), Input::Timeout);
    assert_eq!(days_begun(&day).last().map(String::as_str), Some("2026-09-02"));
    let closed: Vec<_> =
        day.entries.iter().filter(|e| matches!(e.what, What::SessionClosed { watched: false, .. })).collect();
    assert_eq!(closed.len(), 2, "nobody knows what happened in them");
    assert_eq!(count(&day, "attendance"), 0);
}

#[test]
fn a_clock_that_jumps_back_within_the_day_fires_nothing_twice_and_loses_nothing() {
    let mut day = Day::in_service();
    day.until("16:45");
    let checked = count(&day, "checked");
    day.give_at(ahead("16:46", -3 * HOUR_MS), Input::Timeout);
    day.give_at(ahead("17:46", -3 * HOUR_MS), Input::Timeout);
    assert_eq!(count(&day, "checked"), checked, "nothing is due before 16:45 that was not done");
    day.give("18:00", Input::Timeout);
    day.until("2026-09-02 00:00");
    let mut checks: Vec<_> = day
        .entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Checked { check, .. } => Some(check.clone()),
            _ => None,
        })
        .collect();
    let all = checks.len();
    checks.sort();
    checks.dedup();
    assert_eq!((checks.len(), all), (15, 15), "each of the day's, once");
}

#[test]
fn an_alarm_and_a_post_from_the_dark_get_their_true_time_too() {
    let mut day = in_the_dark();
    let tap = Some(Tap {
        place: place("east-gate"),
        reader: reader("east-gate"),
        credential: card("zhou"),
        proof: Default::default(),
    });
    let post = schoolgate_core::roster::Post::Gate;
    write_at(&mut day, dark("07:30"), What::PostTaken { post, staff: staff("zhou"), instead_of: None, tap });
    day.give_at(dark("07:41"), tapped("nobody", "east-gate"));
    day.give("07:41:30", Input::Timeout);
    assert_eq!(day.school.state().posts()[&post].since, at("07:30"));
    assert_eq!(day.school.state().alarms().values().next().unwrap().last, at("07:41"));
}

#[test]
fn when_summer_time_begins_the_day_goes_on_by_the_new_hour() {
    let mut day = Day::in_service();
    let summer = |time: &str| Stamp { wall: Wall::new(at(time).wall.unix_ms(), 540), ..at(time) };
    day.give_at(summer("15:39"), Input::Timeout); // 16:39 on the school's wall
    assert_eq!(count(&day, "alarm_raised"), 0);
    day.give_at(summer("15:40"), Input::Timeout);
    assert_eq!(count(&day, "alarm_raised"), 3, "an hour that the clock was put on is no jump: it was watched");
    day.give_at(summer("23:00"), Input::Timeout);
    assert_eq!(days_begun(&day), ["2026-09-01", "2026-09-02"]);
}
