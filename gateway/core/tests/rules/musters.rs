//! An emergency: everybody is to be accounted for, and nobody is kept inside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use schoolgate_core::{
    action::{Act, Action},
    alarm::Alarm,
    entry::{MusterCause, OrderFault, Reason, What},
    id::PlaceId,
    muster::{self, Person},
    picture::Picture,
    roster::Holder,
    school::{Input, Order, School},
    state::{Custodian, Whereabouts},
};

use crate::support::{Day, Outcome, at, place, service, site, student};

fn child(id: &str) -> Holder {
    Holder::Student(student(id))
}

/// Ming and Hong are in school; Lei is not.
fn a_day() -> Day {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:42", "hong", "west-gate");
    day
}

fn mustered() -> Day {
    let mut day = a_day();
    day.order("10:00", "chen", Order::StartMuster { drill: false });
    day
}

fn free(on: bool) -> Action {
    Action { after: None, act: Act::Free { on } }
}

fn missing(day: &Day) -> Vec<(Holder, Option<PlaceId>)> {
    muster::unaccounted(day.school.state()).into_iter().map(|person| (person.holder, person.place)).collect()
}

fn fault(outcome: &Outcome) -> Option<OrderFault> {
    match &outcome.entries[..] {
        [What::OrderRefused { reason, .. }] => Some(*reason),
        _ => None,
    }
}

#[test]
fn staff_start_a_muster_the_gates_stand_open_at_once_and_everybody_on_campus_is_looked_for() {
    let mut day = a_day();
    let started = day.order("10:00", "chen", Order::StartMuster { drill: false });
    let by = MusterCause::Staff(service::staff("chen"));
    assert!(matches!(&started.entries[..], [What::MusterStarted { cause, drill: false, people: 2 }] if *cause == by));
    assert_eq!(started.actions, [free(true)], "an emergency waits for no disk");
    let expected = [(child("ming"), Some(place("east-gate"))), (child("hong"), Some(place("west-gate")))];
    assert_eq!(missing(&day), expected);
}

#[test]
fn a_tap_at_an_assembly_point_in_a_muster_makes_safe_and_outside_of_one_is_a_sighting() {
    let mut day = a_day();
    let before = day.tap("09:59", "ming", "playground");
    assert_eq!((before.kinds(), before.shown()), (vec!["seen"], Some(Picture::Noted)));
    day.order("10:00", "chen", Order::StartMuster { drill: false });
    for who in ["ming", "li", "grandmother", "electrician"] {
        let tap = day.tap("10:02", who, "playground");
        assert_eq!((tap.kinds(), tap.shown()), (vec!["safe"], Some(Picture::Safe)), "{who}");
        assert!(tap.promises_are_kept());
    }
    let again = day.tap("10:09", "ming", "playground");
    assert_eq!((again.kinds(), again.shown()), (vec![], Some(Picture::Safe)), "once is enough");
    assert_eq!(missing(&day), [(child("hong"), Some(place("west-gate")))]);
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn staff_account_for_those_without_a_card_in_hand() {
    let mut day = mustered();
    let marked = day.order("10:05", "li", Order::MarkSafe { holder: child("hong") });
    assert!(matches!(&marked.entries[..], [What::Safe { tap: None, by: Some(by), .. }] if *by == service::staff("li")));
    assert_eq!(missing(&day).len(), 1);
    assert_eq!(day.order("10:06", "sun", Order::MarkSafe { holder: child("hong") }).kinds(), [""; 0], "twice is once");
    let nobody = day.order("10:07", "li", Order::MarkSafe { holder: child("nobody") });
    assert_eq!(fault(&nobody), Some(OrderFault::UnknownPerson));
}

#[test]
fn the_fire_alarm_starts_a_muster_and_does_not_end_it() {
    let mut day = a_day();
    let fire = day.give("10:00", Input::FireAlarm { on: true });
    assert_eq!((fire.kinds(), &fire.actions[..]), (vec!["muster_started", "alarm_raised"], &[free(true)][..]));
    assert!(matches!(&fire.entries[0], What::MusterStarted { cause: MusterCause::FireAlarm, .. }));
    assert_eq!(day.give("10:00:01", Input::FireAlarm { on: true }).kinds(), [""; 0]);
    let off = day.give("10:10", Input::FireAlarm { on: false });
    assert_eq!((off.kinds(), off.actions.len()), (vec!["alarm_ended"], 0));
    assert!(day.school.state().muster().is_some());
    let end = day.order("10:20", "zhao", Order::EndMuster);
    assert_eq!((end.kinds(), &end.actions[..]), (vec!["muster_ended"], &[free(false)][..]));
}

#[test]
fn whoever_ends_a_muster_does_not_shut_the_gates_while_the_line_says_fire() {
    let mut day = a_day();
    day.give("10:00", Input::FireAlarm { on: true });
    let end = day.order("10:20", "zhao", Order::EndMuster);
    assert_eq!((end.kinds(), end.actions.len()), (vec!["muster_ended"], 0));
    let off = day.give("10:30", Input::FireAlarm { on: false });
    assert_eq!((off.kinds(), &off.actions[..]), (vec!["alarm_ended"], &[free(false)][..]));
    assert_eq!(day.give("10:31", Input::FireAlarm { on: false }).actions.len(), 0);
}

#[test]
fn a_panic_button_starts_a_muster_and_staff_hear_where() {
    let mut day = a_day();
    let pressed = day.give("10:00", Input::Panic { place: place("room-1") });
    assert_eq!((pressed.kinds(), &pressed.actions[..]), (vec!["muster_started", "alarm_raised"], &[free(true)][..]));
    assert!(day.school.state().alarms().contains_key(&Alarm::Panic { place: place("room-1") }));
    let elsewhere = day.give("10:00:30", Input::Panic { place: place("room-2") });
    assert_eq!((elsewhere.kinds(), elsewhere.actions.len()), (vec!["alarm_raised"], 0), "one muster at a time");
}

#[test]
fn one_muster_at_a_time_but_an_exercise_gives_way_to_an_emergency() {
    let mut day = a_day();
    day.order("10:00", "zhao", Order::StartMuster { drill: true });
    day.tap("10:01", "ming", "playground");
    let second = day.order("10:02", "li", Order::StartMuster { drill: true });
    assert_eq!(fault(&second), Some(OrderFault::AlreadySo));
    assert_eq!(day.give("10:05", Input::FireAlarm { on: true }).kinds()[0], "muster_started");
    assert_eq!(missing(&day).len(), 2, "everybody is counted anew");
    assert!(!day.school.state().muster().unwrap().drill);
    let late = day.order("10:06", "li", Order::StartMuster { drill: false });
    assert_eq!(fault(&late), Some(OrderFault::AlreadySo));
}

#[test]
fn nobody_is_kept_inside() {
    let mut day = mustered();
    let tap = day.tap("10:01", "ming", "east-gate");
    assert_eq!((tap.kinds(), tap.shown()), (vec!["safe"], Some(Picture::Safe)));
    assert!(tap.promises_are_kept());
    let state = day.school.state();
    assert!(!state.alarms().contains_key(&Alarm::ExitRefused { place: place("east-gate"), student: student("ming") }));
    let here = Whereabouts::OnCampus(Custodian::GateDuty);
    assert_eq!(state.presence(&student("ming")).unwrap().whereabouts, here, "nobody has come for them");
    assert_eq!(missing(&day), [(child("hong"), Some(place("west-gate")))]);
    day.order("10:30", "zhao", Order::EndMuster);
    let after = day.tap("10:31", "hong", "east-gate");
    assert!(matches!(&after.entries[0], What::Refused { reason: Reason::NotReleased, .. }), "a gate is a gate again");
}

#[test]
fn a_release_in_a_muster_is_a_release_and_whoever_left_is_not_looked_for() {
    let mut day = mustered();
    day.tap("10:01", "mother", "east-gate");
    assert_eq!(day.tap("10:02", "ming", "east-gate").kinds(), ["released", "left"]);
    assert_eq!(missing(&day).len(), 1);
}

#[test]
fn whoever_comes_in_during_a_muster_is_looked_for() {
    let mut day = mustered();
    assert_eq!(day.tap("10:01", "lei", "east-gate").kinds(), ["arrived"]);
    assert_eq!(missing(&day).len(), 3);
}

#[test]
fn the_list_is_sorted_by_place_and_those_whose_families_have_them_come_last() {
    let mut day = a_day();
    day.tap("07:43", "lei", "west-gate");
    day.tap("09:50", "ming", "desk");
    day.tap("09:51", "mother", "desk");
    day.tap("09:52", "lei", "desk");
    day.order("10:00", "chen", Order::StartMuster { drill: false });
    let list = muster::unaccounted(day.school.state());
    let person = |who: &str, at_place: &str, time: &str, released: bool| Person {
        holder: child(who),
        place: Some(place(at_place)),
        at: at(time),
        released,
    };
    let expected = [
        person("lei", "desk", "09:52", false),
        person("hong", "west-gate", "07:42", false),
        person("ming", "desk", "09:50", true),
    ];
    assert_eq!(list, expected);
    let report = muster::report(day.school.state()).unwrap();
    assert_eq!((report.unaccounted, report.safe, report.drill), (expected.to_vec(), vec![], false));
}

#[test]
fn the_end_tells_how_many_were_safe_and_how_many_never_were() {
    let mut day = mustered();
    let started = day.school.state().muster().unwrap().by;
    day.tap("10:01", "ming", "playground");
    assert_eq!(fault(&day.order("10:02", "li", Order::EndMuster)), Some(OrderFault::NotTheirRole));
    let end = day.order("10:30", "zhao", Order::EndMuster);
    assert_eq!(end.actions, [free(false)]);
    let [What::MusterEnded { muster, by, safe: 1, unaccounted: 1 }] = &end.entries[..] else { panic!("{end:?}") };
    assert_eq!((*muster, by), (started, &service::staff("zhao")));
    assert_eq!(muster::report(day.school.state()), None);
    for order in [Order::EndMuster, Order::MarkSafe { holder: child("hong") }] {
        assert_eq!(fault(&day.order("10:31", "zhao", order)), Some(OrderFault::NoSuch));
    }
}

#[test]
fn the_list_of_a_muster_that_is_over_comes_from_the_ledger() {
    let mut day = mustered();
    day.tap("10:01", "ming", "playground");
    let then = muster::report(day.school.state());
    day.order("10:30", "zhao", Order::EndMuster);
    let mut school = School::new(site());
    let before_the_end = day.entries.iter().take_while(|entry| entry.what.kind() != "muster_ended");
    before_the_end.for_each(|entry| school.replay(entry).unwrap());
    assert_eq!(muster::report(school.state()), then);
}

#[test]
fn after_a_restart_in_the_middle_of_it_the_gates_stand_open_again() {
    let mut day = mustered();
    day.tap("10:01", "ming", "playground");
    let restart = |day: &mut Day, time: &str| {
        let mut school = School::new(site());
        day.entries.iter().for_each(|entry| school.replay(entry).unwrap());
        day.school = school;
        day.give(time, Input::Started { version: "test".into() })
    };
    assert_eq!(restart(&mut day, "10:02").actions, [free(true)]);
    assert_eq!(missing(&day).len(), 1, "who was safe is safe");
    day.adopt("10:02", service::document());
    day.order("10:30", "zhao", Order::EndMuster);
    assert_eq!(restart(&mut day, "10:31").actions, []);
}
