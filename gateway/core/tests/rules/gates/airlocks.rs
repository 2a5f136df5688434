//! Two doors of which one opens when the other is closed and locked.

use schoolgate_core::{
    entry::OpenCause,
    gate::{Gate, Phase},
    school::{Input, Order},
};

use crate::gates::fixture::*;

#[test]
fn the_second_door_is_released_when_the_first_is_closed_and_locked() {
    let mut day = with(&airlock());
    assert_eq!(acts(&day.tap("07:41:00", "ming", "outer")), ["release outer", "show Welcome"]);
    assert_eq!(acts(&day.tap("07:41:01", "hong", "inner")), ["show GateBusy"], "the outer door is released");
    day.door("07:41:02", "outer", true);
    assert_eq!(acts(&day.tap("07:41:04", "li", "inner")), ["show GateBusy"], "the outer door is open");
    let closed = day.door("07:41:05", "outer", false);
    assert_eq!(
        acts(&closed),
        ["relock outer", "release inner", "show Welcome", "release inner", "show Welcome"],
        "one after the other, and never before the outer door is locked"
    );
    assert_eq!(day.phase("outer"), Phase::Locked);
    assert_eq!(acts(&day.tap("07:41:06", "wang", "outer")), ["show GateBusy"], "and the other way round");
}

#[test]
fn a_release_that_nobody_used_lets_the_other_door_go_when_it_is_over() {
    let mut day = with(&airlock());
    day.tap("07:41:00", "ming", "outer");
    day.tap("07:41:01", "hong", "inner");
    day.until("07:41:05");
    assert_eq!(day.phase("inner"), Phase::Locked);
    day.until("07:41:06");
    assert_eq!((day.phase("outer"), day.phase("inner")), (Phase::Locked, Phase::Released));
}

#[test]
fn a_release_that_is_not_shortened_keeps_the_other_door_for_its_whole_time() {
    let gates = airlock().map(|(id, gate)| (id, Gate { shorten_on_passage: false, ..gate }));
    let mut day = with(&gates);
    day.tap("07:41:00", "ming", "outer");
    day.door("07:41:01", "outer", true);
    day.door("07:41:02", "outer", false);
    day.tap("07:41:03", "hong", "inner");
    assert_eq!((day.phase("outer"), day.phase("inner")), (Phase::Released, Phase::Locked), "its relay still holds");
    day.until("07:41:06");
    assert_eq!(day.phase("inner"), Phase::Released);
}

#[test]
fn whoever_waits_too_long_is_told_nothing_more_and_it_is_written_down() {
    let mut day = with(&airlock());
    day.tap("07:41:00", "ming", "outer");
    day.door("07:41:01", "outer", true);
    day.tap("07:41:02", "hong", "inner");
    let waited = day.until("07:41:32");
    assert!(kinds(&waited).contains(&"not_passed"), "{waited:?}");
    assert_eq!(acts(&day.door("07:42:00", "outer", false)), NOTHING, "nobody waits any more");
}

#[test]
fn an_emergency_opens_both_and_when_it_is_over_one_keeps_the_other_locked() {
    let mut day = with(&airlock());
    day.tap("07:41:00", "ming", "outer");
    day.door("07:41:01", "outer", true);
    day.tap("07:41:02", "hong", "inner");
    let fire = day.give("07:41:03", Input::FireAlarm { on: true });
    assert_eq!(acts(&fire), ["free true", "release inner", "show Welcome"], "whoever waits goes");
    assert_eq!((day.phase("outer"), day.phase("inner")), (Phase::Free, Phase::Free));
    assert_eq!(cause(&day.door("07:41:04", "inner", true)), OpenCause::Free);
    day.give("07:50", Input::FireAlarm { on: false });
    let over = day.order("07:50", "zhao", Order::EndMuster);
    assert_eq!(acts(&over), ["free false", "relock inner", "relock outer"]);
    assert_eq!(acts(&day.tap("07:51", "li", "inner")), ["show GateBusy"]);
    day.door("07:51:01", "inner", false);
    assert_eq!(acts(&day.door("07:51:02", "outer", false)), ["release inner", "show Welcome"]);
}

#[test]
fn the_exit_button_waits_for_the_other_door_too() {
    let gates = airlock().map(|(id, gate)| (id, Gate { exit_button_releases: true, ..gate }));
    let mut day = with(&gates);
    day.tap("07:41:00", "ming", "outer");
    day.door("07:41:01", "outer", true);
    assert_eq!(acts(&day.exit("07:41:02", "inner")), NOTHING);
    let closed = day.door("07:41:03", "outer", false);
    assert_eq!(acts(&closed), ["relock outer", "release inner"]);
}

#[test]
fn neither_door_is_ever_set_free_but_in_an_emergency() {
    let order = |mode| Order::SetGate { place: place("inner"), mode: Some(mode) };
    let mut day = with(&airlock());
    assert_eq!(day.order("10:00", "zhao", order(schoolgate_core::gate::Mode::Free)).kinds(), ["order_refused"]);
    let gates = airlock()
        .map(|(id, gate)| (id, Gate { interlock_with: gate.interlock_with, ..scheduled(&["daily 08:00-09:00 free"]) }));
    let mut day = with(&gates);
    day.until("08:30");
    assert_eq!((day.phase("outer"), day.phase("inner")), (Phase::Locked, Phase::Locked));
}

#[test]
fn a_door_out_of_service_that_the_exit_button_opens_keeps_the_other_locked() {
    let gates = airlock().map(|(id, gate)| (id, Gate { exit_button_releases: true, ..gate }));
    let mut day = with(&gates);
    day.order("07:40", "zhao", Order::ServeGate { place: place("inner"), in_service: false });
    assert_eq!(acts(&day.exit("07:41:00", "inner")), ["release inner"]);
    assert_eq!(acts(&day.tap("07:41:01", "ming", "outer")), ["show GateBusy"]);
    day.until("07:41:06");
    assert_eq!(day.phase("outer"), Phase::Released);
}
