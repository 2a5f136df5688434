//! What a gate's door and beams do, held against what was granted; and the sensors' own lines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{OpenCause, Seq, What},
    policy::Policy,
    school::{Input, Order, School},
    site::Direction,
    time::{BootId, Mono, Stamp},
};

use crate::support::{Day, Outcome, at, place, site};

trait AtTheGate {
    fn door(&mut self, time: &str, open: bool) -> Outcome;
    fn goes_through(&mut self, time: &str) -> Outcome;
    fn exit_button(&mut self, time: &str) -> Outcome;
    fn line(&mut self, time: &str, heard: bool) -> Outcome;
    fn restarted(self, stamp: Stamp) -> (Day, Outcome);
}

impl AtTheGate for Day {
    fn door(&mut self, time: &str, open: bool) -> Outcome {
        self.until(time);
        self.give(time, Input::Door { place: place("east-gate"), open })
    }

    fn goes_through(&mut self, time: &str) -> Outcome {
        self.until(time);
        self.give(time, Input::Passage { place: place("east-gate"), direction: Direction::In })
    }

    fn exit_button(&mut self, time: &str) -> Outcome {
        self.until(time);
        self.give(time, Input::ExitRequest { place: place("east-gate") })
    }

    fn line(&mut self, time: &str, heard: bool) -> Outcome {
        self.until(time);
        self.give(time, Input::Sensor { place: place("east-gate"), line: "door".into(), heard })
    }

    fn restarted(mut self, stamp: Stamp) -> (Day, Outcome) {
        let mut school = School::new(site());
        self.entries.iter().for_each(|entry| school.replay(entry).unwrap());
        self.school = school;
        let begun = self.give_at(stamp, Input::Started { version: "test".into() });
        (self, begun)
    }
}

fn cause(outcome: &Outcome) -> &OpenCause {
    match &outcome.entries[0] {
        What::GateOpened { cause, .. } => cause,
        other => panic!("the door did not open: {other:?}"),
    }
}

fn is_on(day: &Day, alarm: &Alarm) -> bool {
    day.school.state().alarms().contains_key(alarm)
}

fn held() -> Alarm {
    Alarm::GateHeld { place: place("east-gate") }
}

fn forced() -> Alarm {
    Alarm::GateForced { place: place("east-gate") }
}

fn tailgating() -> Alarm {
    Alarm::Tailgating { place: place("east-gate") }
}

#[test]
fn a_door_that_opens_after_a_grant_was_granted() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    let arrived = day.school.state().last();
    let open = day.door("07:41:05", true);
    assert_eq!((open.kinds(), cause(&open)), (vec!["gate_opened"], &OpenCause::Granted(arrived)));
    assert_eq!(day.goes_through("07:41:06").kinds(), [""; 0]);
    assert_eq!(day.door("07:41:08", false).kinds(), ["gate_closed"]);
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn a_door_that_opens_with_no_grant_and_no_exit_request_was_forced_and_security_hears_of_it_at_once() {
    let mut day = Day::new();
    let open = day.door("07:41", true);
    assert_eq!((open.kinds(), cause(&open)), (vec!["gate_opened", "alarm_raised"], &OpenCause::Forced));
    assert!(is_on(&day, &forced()));
    day.until("07:41:59");
    assert!(is_on(&day, &forced()));
    day.door("07:41:59", false);
    day.until("07:42");
    assert!(!is_on(&day, &forced()), "a minute later it is over");
}

#[test]
fn a_door_that_is_forced_again_and_again_stays_an_alarm() {
    let mut day = Day::new();
    day.door("07:41:00", true);
    day.door("07:41:10", false);
    assert_eq!(day.door("07:41:50", true).kinds(), ["gate_opened"], "the same alarm is on");
    day.until("07:42:49");
    assert!(is_on(&day, &forced()));
}

#[test]
fn a_grant_lapses_and_holds_for_its_own_gate_only() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    assert_eq!(cause(&day.door("07:41:06", true)), &OpenCause::Forced);
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "west-gate");
    assert_eq!(cause(&day.door("07:41:02", true)), &OpenCause::Forced);
    let mut day = Day::with(Policy { passage_s: 10, ..Policy::default() });
    day.tap("07:41:00", "ming", "east-gate");
    assert!(matches!(cause(&day.door("07:41:10", true)), OpenCause::Granted(_)), "by the school's own figure");
}

#[test]
fn a_refused_tap_grants_nothing() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.door("07:41:01", true);
    day.goes_through("07:41:02");
    day.door("07:41:03", false);
    day.tap("16:31", "ming", "east-gate");
    assert_eq!(cause(&day.door("16:31:02", true)), &OpenCause::Forced);
}

#[test]
fn the_exit_button_opens_for_whom_its_user_sees_and_for_one_opening() {
    let mut day = Day::new();
    day.exit_button("07:41:00");
    let open = day.door("07:41:02", true);
    assert_eq!((open.kinds(), cause(&open)), (vec!["gate_opened"], &OpenCause::ExitRequest));
    for second in 10..20 {
        assert_eq!(day.goes_through(&format!("07:41:{second}")).kinds(), [""; 0]);
    }
    day.door("07:41:20", false);
    day.exit_button("07:42:00");
    day.door("07:42:01", true);
    day.door("07:42:02", false);
    assert_eq!(cause(&day.door("07:42:03", true)), &OpenCause::Forced);
    day.door("07:42:04", false);
    day.exit_button("07:43:00");
    assert_eq!(cause(&day.door("07:43:06", true)), &OpenCause::Forced, "a press lapses as a grant does");
}

#[test]
fn a_door_held_open_is_an_alarm_once_until_it_closes() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    day.door("07:41:01", true);
    assert_eq!(day.until("07:41:30").len(), 0);
    let held_open = day.until("07:41:31");
    assert!(matches!(&held_open[..], [What::AlarmRaised { alarm, cause: Some(Seq(_)) }] if *alarm == held()));
    assert_eq!(day.until("08:41").len(), 0, "once");
    assert_eq!(day.door("08:41", true).kinds(), [""; 0], "it stands open already");
    assert_eq!(day.door("08:42", false).kinds(), ["gate_closed", "alarm_ended"]);
    assert_eq!(day.door("08:43", false).kinds(), [""; 0], "it is closed already");
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn each_grant_lets_one_through_and_whoever_follows_is_tailgating() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    day.door("07:41:01", true);
    assert_eq!(day.goes_through("07:41:02").kinds(), [""; 0]);
    assert_eq!(day.goes_through("07:41:03").kinds(), ["tailgated", "alarm_raised"]);
    assert_eq!(day.goes_through("07:41:04").kinds(), ["tailgated"], "the alarm is on");
    day.until("07:42:03");
    assert!(is_on(&day, &tailgating()));
    day.door("07:41:05", false);
    day.until("07:42:04");
    assert!(!is_on(&day, &tailgating()), "a minute after the last");
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn those_who_tap_while_the_door_stands_open_are_granted_too_however_slowly_they_walk() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    day.door("07:41:01", true);
    day.tap("07:41:03", "hong", "east-gate");
    day.goes_through("07:41:04");
    assert_eq!(day.goes_through("07:41:20").kinds(), [""; 0]);
    assert_eq!(day.goes_through("07:41:21").kinds()[0], "tailgated");
}

#[test]
fn what_was_granted_and_not_used_holds_for_the_next_opening_until_it_lapses() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    day.door("07:41:01", true);
    day.goes_through("07:41:02");
    day.tap("07:41:03", "hong", "east-gate");
    day.door("07:41:04", false);
    assert!(matches!(cause(&day.door("07:41:07", true)), OpenCause::Granted(_)));
    day.goes_through("07:41:08");
    day.door("07:41:09", false);
    assert_eq!(cause(&day.door("07:41:10", true)), &OpenCause::Forced, "both have gone through");
}

#[test]
fn a_lane_without_a_door_is_watched_by_its_beams_alone() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    assert_eq!(day.goes_through("07:41:02").kinds(), [""; 0]);
    assert_eq!(day.goes_through("07:41:03").kinds()[0], "tailgated");
    day.tap("07:43:00", "hong", "east-gate");
    assert_eq!(day.goes_through("07:43:06").kinds()[0], "tailgated", "the grant had lapsed");
}

#[test]
fn in_an_emergency_nothing_is_forced_held_or_tailgating() {
    let mut day = Day::in_service();
    day.door("09:59:50", true);
    day.order("10:00", "zhao", Order::StartMuster { drill: false });
    day.until("10:30");
    assert!(!is_on(&day, &held()));
    assert_eq!(day.goes_through("10:31").kinds(), [""; 0]);
    day.door("10:31:10", false);
    let open = day.door("10:31:20", true);
    assert_eq!((open.kinds(), cause(&open)), (vec!["gate_opened"], &OpenCause::Free));
    day.order("10:40", "zhao", Order::EndMuster);
    assert_eq!(day.goes_through("10:40:10").kinds(), [""; 0], "who was on the way through an open gate");
    day.until("10:40:29");
    assert!(!is_on(&day, &held()), "it is counted from the muster's end");
    day.until("10:40:30");
    assert!(is_on(&day, &held()));
}

#[test]
fn the_fire_alarm_frees_the_gates_even_when_the_muster_is_over() {
    let mut day = Day::in_service();
    day.give("10:00", Input::FireAlarm { on: true });
    day.order("10:20", "zhao", Order::EndMuster);
    assert_eq!(cause(&day.door("10:21", true)), &OpenCause::Free);
    day.until("10:29:59");
    day.give("10:30", Input::FireAlarm { on: false });
    day.until("10:30:29");
    assert!(!is_on(&day, &held()));
    day.until("10:30:30");
    assert!(is_on(&day, &held()));
}

#[test]
fn who_was_let_through_just_before_a_restart_has_not_forced_the_door() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    let arrived = day.school.state().last();
    let (mut day, _) = day.restarted(at("07:41:02"));
    day.give("07:41:02", Input::Door { place: place("east-gate"), open: false });
    assert_eq!(cause(&day.door("07:41:03", true)), &OpenCause::Granted(arrived));
}

#[test]
fn a_door_that_is_found_open_at_the_start_was_not_watched_and_is_held_open_all_the_same() {
    let (mut day, _) = Day::new().restarted(at("07:41:00"));
    let open = day.door("07:41:01", true);
    assert_eq!((open.kinds(), cause(&open)), (vec!["gate_opened"], &OpenCause::Unwatched));
    day.until("07:41:31");
    assert!(is_on(&day, &held()));
    let (mut day, _) = Day::new().restarted(at("07:41:00"));
    day.door("07:41:01", false);
    assert_eq!(cause(&day.door("07:41:02", true)), &OpenCause::Forced, "it was seen closed");
    let (mut day, _) = Day::new().restarted(at("07:41:00"));
    assert_eq!(cause(&day.door("07:41:11", true)), &OpenCause::Forced, "levels come in at once");
}

#[test]
fn a_door_that_stands_open_over_a_reboot_is_still_open() {
    let mut day = Day::new();
    day.exit_button("07:41:00");
    day.door("07:41:01", true);
    let wall = at("07:42").wall;
    let rebooted = Stamp { wall, boot: BootId(2), mono: Mono(9_000), ..at("07:42") };
    let (mut day, begun) = day.restarted(rebooted);
    assert_eq!(begun.kinds(), ["alarm_raised", "started"]);
    let closing = Input::Door { place: place("east-gate"), open: false };
    assert_eq!(day.give_at(rebooted, closing).kinds(), ["gate_closed", "alarm_ended"]);
}

#[test]
fn what_is_known_of_a_gate_that_the_configuration_has_no_longer_is_ended() {
    let mut day = Day::new();
    day.exit_button("07:41:00");
    day.door("07:41:01", true);
    day.line("07:41:02", false);
    day.until("07:42");
    let mut smaller = site();
    smaller.places.remove(&place("east-gate"));
    let mut school = School::new(smaller);
    day.entries.iter().for_each(|entry| school.replay(entry).unwrap());
    day.school = school;
    let begun = day.give("07:43", Input::Started { version: "test".into() });
    assert_eq!(begun.kinds(), ["started", "gate_closed", "alarm_ended", "sensor_up", "alarm_ended"]);
    assert_eq!(day.door("07:44", true).kinds(), [""; 0], "and nothing more is taken from there");
    assert_eq!(day.goes_through("07:45").kinds(), [""; 0]);
    assert_eq!(day.line("07:46", false).kinds(), [""; 0]);
}

#[test]
fn a_sensors_line_that_stays_away_is_an_alarm_until_it_is_heard() {
    let mut day = Day::new();
    assert_eq!(day.line("09:59", true).kinds(), [""; 0], "it was heard all along");
    assert_eq!(day.line("10:00:00", false).kinds(), ["sensor_down"]);
    assert_eq!(day.line("10:00:05", false).kinds(), [""; 0]);
    assert_eq!(day.until("10:00:09").len(), 0);
    let lost = Alarm::SensorLost { place: place("east-gate"), line: "door".into() };
    assert!(matches!(&day.until("10:00:10")[..], [What::AlarmRaised { alarm, cause: Some(_) }] if *alarm == lost));
    assert_eq!(day.replayed(), day.school.state().clone());
    assert_eq!(day.line("10:05", true).kinds(), ["sensor_up", "alarm_ended"]);
    day.line("10:06:00", false);
    assert_eq!(day.line("10:06:09", true).kinds(), ["sensor_up"], "back in time");
}
