//! Gates that stand open, are locked, or are out of service: by schedule, by order, by failure.

use schoolgate_core::{
    alarm::Alarm,
    entry::{OpenCause, Reason, What},
    gate::{Mode, Phase},
    picture::Picture,
    proof::Proof,
    roster::{CalendarLine, DayKind},
    school::{Input, Order},
    time::{BootId, ClockQuality, Mono, Stamp},
};

use crate::gates::fixture::*;

const DISMISSAL: &[&str] = &["school_day 16:30-17:30 free", "mon-fri 08:00-11:30 locked"];

fn set(mode: Option<Mode>) -> Order {
    Order::SetGate { place: place("east-gate"), mode }
}

fn serve(in_service: bool) -> Order {
    Order::ServeGate { place: place("east-gate"), in_service }
}

fn refusal(outcome: &Outcome) -> Option<&Reason> {
    outcome.entries.iter().find_map(|what| match what {
        What::Refused { reason, .. } => Some(reason),
        _ => None,
    })
}

fn mode_of(day: &Day) -> Mode {
    day.school.state().gates().get(&place("east-gate")).map(|run| run.mode).unwrap_or_default()
}

#[test]
fn a_gate_stands_open_at_dismissal_and_is_a_gate_again_after_it() {
    let mut day = with(&[("east-gate", scheduled(DISMISSAL))]);
    day.until("16:29:59");
    assert_eq!(day.phase("east-gate"), Phase::Locked);
    let opened = day.school.poll_timeout().unwrap().at;
    assert_eq!(opened, at("16:30").mono);
    let free = day.give_at(at("16:30"), Input::Timeout);
    assert!(acts(&free).contains(&"east-gate Open".to_string()), "{free:?}");
    assert_eq!(cause(&day.door("16:40", "east-gate", true)), OpenCause::Scheduled);
    assert_eq!(kinds(&day.beams("16:41", "east-gate", "ABabBAbaBAba")), NOTHING, "nobody is tailgating");
    let held = |day: &Day| day.school.state().alarms().contains_key(&Alarm::GateHeld { place: place("east-gate") });
    day.until("17:29");
    assert!(!held(&day), "nor is the door held open");
    let over = day.give_at(at("17:30"), Input::Timeout);
    assert!(acts(&over).contains(&"east-gate Gate".to_string()), "{over:?}");
    day.until("17:30:29");
    assert!(!held(&day), "counted from the end of it");
    day.until("17:30:30");
    assert!(held(&day));
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn who_may_leave_is_asked_at_an_open_gate_all_the_same() {
    let mut day = with(&[("east-gate", scheduled(DISMISSAL))]);
    day.tap("07:40", "ming", "east-gate");
    let tap = day.tap("16:31", "ming", "east-gate");
    assert_eq!((refusal(&tap), tap.shown()), (Some(&Reason::NotReleased), Some(Picture::SeeTeacher)));
}

#[test]
fn no_gate_is_free_on_a_day_without_school_and_the_calendar_that_comes_later_counts() {
    let mut closed = crate::support::document();
    let holiday = CalendarLine { day: service::day(service::TODAY), kind: DayKind::Closed };
    closed.calendar.push(holiday);
    let mut day = school_with(&[("east-gate", scheduled(&["daily 16:30-17:30 free"]))], closed);
    day.until("16:45");
    assert_eq!(mode_of(&day), Mode::Controlled);
    let school_again = day.adopt("16:46", service::document());
    assert!(school_again.kinds().contains(&"gate_mode"), "{school_again:?}");
    assert_eq!(mode_of(&day), Mode::Free);
}

#[test]
fn a_locked_gate_lets_staff_through_and_whom_a_family_or_a_leave_takes_out() {
    let mut document = service::document();
    document.leaves.push(service::leave("hong", "09:00", "10:00", true));
    let mut day = school_with(&[("east-gate", scheduled(DISMISSAL))], document);
    day.tap("07:40", "hong", "east-gate");
    day.tap("07:41", "ming", "east-gate");
    day.until("08:00");
    assert_eq!(mode_of(&day), Mode::Locked);
    let late = day.tap("08:10", "lei", "east-gate");
    assert_eq!((refusal(&late), late.shown()), (Some(&Reason::GateLocked), Some(Picture::GateClosed)));
    assert!(!late.opened());
    let visitor = day.tap("08:11", "electrician", "east-gate");
    assert_eq!(refusal(&visitor), Some(&Reason::GateLocked));
    assert!(day.tap("08:12", "li", "east-gate").opened(), "staff");
    assert!(day.tap("09:10", "hong", "east-gate").opened(), "leave");
    day.tap("09:20", "grandmother", "east-gate");
    assert!(day.tap("09:21", "ming", "east-gate").opened(), "fetched");
    assert!(day.tap("09:30", "lei", "west-gate").opened(), "the other gate has no schedule");
}

#[test]
fn in_an_emergency_no_gate_is_locked_or_out_of_service() {
    let mut day = with(&[("east-gate", scheduled(DISMISSAL))]);
    day.order("08:30", "zhao", serve(false));
    day.order("09:00", "zhao", Order::StartMuster { drill: false });
    assert_eq!(day.phase("east-gate"), Phase::Free);
    assert_eq!(refusal(&day.tap("09:01", "lei", "east-gate")), None);
    day.order("09:30", "zhao", Order::EndMuster);
    assert_eq!(day.phase("east-gate"), Phase::OutOfService);
}

#[test]
fn while_the_clock_is_unset_no_schedule_holds() {
    let mut day = with(&[("east-gate", scheduled(DISMISSAL))]);
    day.until("16:31");
    assert_eq!(mode_of(&day), Mode::Free);
    day.clock = ClockQuality::Unset;
    assert_eq!(acts(&day.give("16:32", Input::Timeout)), ["east-gate Gate"]);
    assert_eq!(mode_of(&day), Mode::Controlled);
    day.clock = ClockQuality::Synchronised;
    day.give("16:33", Input::Timeout);
    assert_eq!(mode_of(&day), Mode::Free);
}

#[test]
fn a_clock_that_is_put_right_takes_the_schedule_with_it() {
    let mut day = with(&[("east-gate", scheduled(DISMISSAL))]);
    let ahead = Stamp { mono: at("15:00").mono, ..at("16:45") };
    day.until("14:59");
    day.give_at(ahead, Input::Timeout);
    assert_eq!(mode_of(&day), Mode::Free);
    day.give_at(Stamp { mono: Mono(ahead.mono.0 + 1_000), ..at("15:01") }, Input::Timeout);
    assert_eq!(mode_of(&day), Mode::Controlled);
}

#[test]
fn an_order_goes_before_the_schedule_until_it_is_lifted() {
    let mut day = with(&[("east-gate", scheduled(DISMISSAL))]);
    assert_eq!(acts(&day.order("10:00", "zhao", set(Some(Mode::Free)))), ["east-gate Open"]);
    day.until("16:00");
    assert_eq!(mode_of(&day), Mode::Free, "though locked until 11:30");
    assert_eq!(day.order("16:01", "zhao", set(Some(Mode::Free))).kinds(), ["order_refused"]);
    assert_eq!(acts(&day.order("16:02", "chen", set(None))), ["east-gate Gate"]);
    assert_eq!(day.order("16:03", "zhao", set(None)).kinds(), ["order_refused"]);
    assert_eq!(day.order("16:04", "li", set(Some(Mode::Free))).kinds(), ["order_refused"], "no teacher's say");
    day.until("16:31");
    assert_eq!(mode_of(&day), Mode::Free, "the schedule holds again");
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn what_was_so_before_a_restart_is_so_after_it_and_the_lines_are_told_again() {
    let mut day = with(&[("east-gate", scheduled(DISMISSAL))]);
    day.until("16:45");
    day.order("16:45", "zhao", Order::SetGate { place: place("west-gate"), mode: Some(Mode::Free) });
    let begun = day.restarted(at("16:46"));
    assert!(!begun.kinds().contains(&"gate_mode"), "{begun:?}");
    let told = acts(&begun);
    assert!(told.contains(&"east-gate Open".into()) && told.contains(&"west-gate Open".into()), "{told:?}");
    let mut day = with(&[]);
    day.order("10:00", "zhao", serve(false));
    let begun = day.restarted(Stamp { boot: BootId(2), mono: Mono(9_000), ..at("10:10") });
    assert!(acts(&begun).contains(&"east-gate Closed".into()), "{begun:?}");
    assert_eq!(day.phase("east-gate"), Phase::OutOfService);
}

#[test]
fn a_gate_out_of_service_sends_everybody_to_another_and_releases_for_nobody() {
    let mut day = with(&[]);
    assert_eq!(acts(&day.order("10:00", "chen", serve(false))), ["east-gate Closed"]);
    for who in ["ming", "li", "grandmother", "electrician"] {
        let tap = day.tap("10:01", who, "east-gate");
        assert_eq!(
            (refusal(&tap), tap.shown(), tap.opened()),
            (Some(&Reason::OutOfService), Some(Picture::GateClosed), false)
        );
    }
    assert_eq!(day.order("10:02", "chen", Order::ReleaseGate { place: place("east-gate") }).kinds(), ["order_refused"]);
    assert!(day.tap("10:03", "ming", "west-gate").opened());
    assert_eq!(day.order("10:04", "chen", serve(false)).kinds(), ["order_refused"], "it is so already");
    day.exit("10:05:00", "east-gate");
    assert_eq!(cause(&day.door("10:05:01", "east-gate", true)), OpenCause::ExitRequest, "nobody is kept in");
    day.door("10:05:02", "east-gate", false);
    assert_eq!(acts(&day.order("10:06", "chen", serve(true))), ["east-gate Gate"]);
    assert!(day.tap("10:07", "lei", "east-gate").opened());
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn a_release_that_cannot_be_driven_takes_its_gate_out_of_service_until_it_can() {
    let line = |works| Input::Actuator { place: place("east-gate"), works };
    let failed = Alarm::GateFailed { place: place("east-gate") };
    let mut day = with(&[]);
    assert_eq!(day.give("09:59", line(true)).kinds(), NOTHING);
    assert_eq!(day.give("10:00", line(false)).kinds(), ["gate_out", "alarm_raised"]);
    assert_eq!(day.give("10:00", line(false)).kinds(), NOTHING, "told once");
    assert_eq!(refusal(&day.tap("10:01", "ming", "east-gate")), Some(&Reason::OutOfService));
    let begun = day.restarted(at("10:02"));
    assert!(begun.kinds().contains(&"gate_back"), "it is tried anew: {begun:?}");
    day.give("10:03", line(false));
    assert_eq!(day.give("10:04", line(true)).kinds(), ["gate_back", "alarm_ended"]);
    assert!(!day.school.state().alarms().contains_key(&failed));
    day.order("10:05", "zhao", serve(false));
    assert_eq!(day.give("10:06", line(true)).kinds(), NOTHING, "what staff closed, staff open");
    assert_eq!(day.phase("east-gate"), Phase::OutOfService);
}

#[test]
fn staff_let_somebody_through_and_it_is_on_disk_first() {
    let mut day = with(&[]);
    let released = day.order("10:00", "chen", Order::ReleaseGate { place: place("east-gate") });
    assert_eq!((released.kinds(), acts(&released)), (vec!["gate_released"], vec!["release east-gate".to_string()]));
    assert_eq!(released.actions[0].after, Some(day.school.state().last()));
    assert_eq!(kinds(&day.beams("10:00:01", "east-gate", "BAba")), NOTHING, "either way");
    assert_eq!(day.order("10:01", "li", Order::ReleaseGate { place: place("east-gate") }).kinds(), ["order_refused"]);
    assert_eq!(day.order("10:01", "chen", Order::ReleaseGate { place: place("room-1") }).kinds(), ["order_refused"]);
}

#[test]
fn without_a_disk_a_gate_out_of_service_still_sends_people_to_another() {
    let mut day = with(&[]);
    let seen = |day: &mut Day| day.school.without_record(at("10:01"), &reader("east-gate"), card("li"), Proof::Number);
    assert_eq!(seen(&mut day), Picture::Degraded);
    day.order("10:00", "zhao", serve(false));
    assert_eq!(seen(&mut day), Picture::GateClosed);
}
