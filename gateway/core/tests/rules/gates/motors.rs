//! Gates that a motor moves.

use schoolgate_core::{
    alarm::Alarm,
    entry::{OutCause, What},
    gate::Phase,
    school::Input,
};

use crate::gates::fixture::*;

fn fully_open(day: &mut Day, time: &str, open: bool) -> Outcome {
    day.give(time, Input::FullyOpen { place: place("drive"), open })
}

fn in_the_way(day: &mut Day, time: &str, broken: bool) -> Outcome {
    day.give(time, Input::SafetyBeam { place: place("drive"), broken })
}

#[test]
fn people_have_their_time_from_when_the_gate_is_fully_open() {
    let mut day = with(&[("drive", motor())]);
    day.door("07:00", "drive", false);
    assert_eq!(acts(&day.tap("07:41:00", "ming", "drive")), ["release drive", "show Welcome"]);
    day.door("07:41:01", "drive", true);
    fully_open(&mut day, "07:41:04", true);
    fully_open(&mut day, "07:41:10", false);
    assert_eq!(day.door("07:41:17", "drive", false).kinds(), ["gate_closed"]);
    assert_eq!(day.phase("drive"), Phase::Locked);
}

#[test]
fn the_relay_falls_when_the_time_at_full_opening_is_over() {
    let mut day = with(&[("drive", motor())]);
    day.tap("07:41:00", "ming", "drive");
    day.door("07:41:01", "drive", true);
    fully_open(&mut day, "07:41:04", true);
    let due = day.school.poll_timeout().unwrap().at;
    assert_eq!(due, at("07:41:09").mono, "five seconds from full opening, not from the tap");
    assert_eq!(acts(&day.give_at(at("07:41:09"), Input::Timeout)), ["relock drive"]);
}

#[test]
fn what_is_in_the_way_stops_the_closing_whatever_else_is_so() {
    let mut day = with(&[("drive", motor())]);
    assert_eq!(acts(&in_the_way(&mut day, "07:40", true)), NOTHING, "the gate is closed");
    in_the_way(&mut day, "07:40:10", false);
    day.tap("07:41:00", "ming", "drive");
    day.door("07:41:01", "drive", true);
    assert_eq!(acts(&in_the_way(&mut day, "07:41:15", true)), ["drive Held"]);
    assert_eq!(acts(&day.order("07:41:16", "zhao", serve(false))), NOTHING, "not even being out of service");
    assert_eq!(acts(&in_the_way(&mut day, "07:41:17", false)), ["drive Closed"]);
    day.order("07:41:18", "zhao", serve(true));
    in_the_way(&mut day, "07:41:19", true);
    assert_eq!(acts(&day.door("07:41:30", "drive", false)), ["drive Gate"], "closed, nothing can be crushed");
}

fn serve(in_service: bool) -> schoolgate_core::school::Order {
    schoolgate_core::school::Order::ServeGate { place: place("drive"), in_service }
}

#[test]
fn a_motor_that_does_not_open_takes_its_gate_out_of_service_until_staff_say_otherwise() {
    let mut day = with(&[("drive", motor())]);
    day.door("07:00", "drive", false);
    day.tap("07:41:00", "ming", "drive");
    let happened = day.until("07:41:17");
    assert!(happened.contains(&What::GateOut { place: place("drive"), cause: OutCause::Motor }), "{happened:?}");
    assert!(day.school.state().alarms().contains_key(&Alarm::GateFailed { place: place("drive") }));
    assert_eq!(day.phase("drive"), Phase::OutOfService);
    assert_eq!(day.order("08:00", "zhao", serve(true)).kinds(), ["gate_back", "alarm_ended"]);
    assert_eq!(day.phase("drive"), Phase::Locked);
}
