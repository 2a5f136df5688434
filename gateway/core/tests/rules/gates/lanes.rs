//! Beams, directions, turnstiles, and releases that end when they have been used.

use schoolgate_core::{
    alarm::Alarm,
    entry::{OpenCause, Seq, What},
    gate::{Gate, Phase},
    school::{Input, Order},
};

use crate::gates::fixture::*;

#[test]
fn a_tap_releases_and_the_passage_ends_the_release() {
    let mut day = with(&[]);
    let tap = day.tap("07:41:00", "ming", "east-gate");
    assert_eq!(acts(&tap), ["release east-gate", "show Welcome"]);
    assert_eq!(day.phase("east-gate"), Phase::Released);
    assert_eq!(kinds(&day.beams("07:41:01", "east-gate", "ABa")), NOTHING);
    assert_eq!(day.phase("east-gate"), Phase::Passing);
    let gone = day.give("07:41:02", beam("east-gate", 'b'));
    assert_eq!(acts(&gone), ["relock east-gate"]);
    assert_eq!(gone.actions[0].after, Some(Seq(day.school.state().last().0)), "never before the release it ends");
    assert_eq!(day.phase("east-gate"), Phase::Locked);
    assert_eq!(day.school.gate_counts(&place("east-gate")).unwrap().entered, 1);
}

fn beam(at: &str, edge: char) -> Input {
    let beam =
        if edge.eq_ignore_ascii_case(&'a') { schoolgate_core::gate::Beam::A } else { schoolgate_core::gate::Beam::B };
    Input::Beam { place: place(at), beam, broken: edge.is_ascii_uppercase() }
}

#[test]
fn a_release_that_is_not_to_be_shortened_lasts_its_time() {
    let mut day = with(&[("east-gate", Gate { shorten_on_passage: false, ..door() })]);
    day.tap("07:41:00", "ming", "east-gate");
    day.beams("07:41:01", "east-gate", "ABa");
    assert_eq!(acts(&day.give("07:41:02", beam("east-gate", 'b'))), NOTHING);
}

#[test]
fn two_who_were_let_in_hold_the_release_until_both_have_gone() {
    let mut day = with(&[]);
    day.tap("07:41:00", "ming", "east-gate");
    day.tap("07:41:01", "hong", "east-gate");
    day.beams("07:41:02", "east-gate", "ABa");
    assert_eq!(acts(&day.give("07:41:02", beam("east-gate", 'b'))), NOTHING);
    day.beams("07:41:03", "east-gate", "ABa");
    assert_eq!(acts(&day.give("07:41:03", beam("east-gate", 'b'))), ["relock east-gate"]);
}

#[test]
fn two_close_together_on_one_grant_are_tailgating() {
    let mut day = with(&[]);
    day.tap("07:41:00", "ming", "east-gate");
    let seen = day.beams("07:41:01", "east-gate", "ABaAbBab");
    assert_eq!(kinds(&seen), ["tailgated", "alarm_raised"]);
    assert!(matches!(&seen[0], What::Tailgated { direction: IN, .. }));
}

#[test]
fn who_slips_out_while_another_is_let_in_is_seen_and_the_grant_is_still_theirs() {
    let mut day = with(&[]);
    day.tap("07:41:00", "ming", "east-gate");
    assert_eq!(kinds(&day.beams("07:41:01", "east-gate", "BAba")), ["tailgated", "alarm_raised"]);
    assert_eq!(kinds(&day.beams("07:41:02", "east-gate", "ABab")), NOTHING);
}

#[test]
fn whoever_turns_back_has_not_passed_and_that_is_written_down_when_the_grant_lapses() {
    let mut day = with(&[]);
    day.tap("07:41:00", "ming", "east-gate");
    let arrived = day.school.state().last();
    assert_eq!(kinds(&day.beams("07:41:01", "east-gate", "ABba")), NOTHING);
    assert_eq!(day.school.gate_counts(&place("east-gate")).unwrap().turned_back, 1);
    let lapsed = day.until("07:41:06");
    assert_eq!(lapsed, [What::NotPassed { place: place("east-gate"), grant: arrived }]);
    assert_eq!(kinds(&day.beams("07:41:07", "east-gate", "ABab")), ["tailgated", "alarm_raised"]);
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn a_door_that_was_granted_and_not_opened_is_written_down_where_its_contact_is_heard() {
    let mut day = with(&[]);
    day.tap("07:41:00", "ming", "east-gate");
    assert_eq!(kinds(&day.until("07:42")), NOTHING, "nobody can know");
    day.door("07:43", "west-gate", false);
    day.tap("07:43:10", "hong", "west-gate");
    assert_eq!(kinds(&day.until("07:44")), ["not_passed"]);
}

#[test]
fn without_beams_a_door_that_has_closed_again_was_used() {
    let mut day = with(&[]);
    day.door("07:40", "east-gate", false);
    day.tap("07:41:00", "ming", "east-gate");
    day.door("07:41:01", "east-gate", true);
    assert_eq!(acts(&day.door("07:41:02", "east-gate", false)), ["relock east-gate"]);
    assert_eq!(cause(&day.door("07:41:03", "east-gate", true)), OpenCause::Forced);
}

#[test]
fn a_beam_that_stays_broken_is_an_alarm_until_it_clears() {
    let mut day = with(&[]);
    let blocked = Alarm::BeamBlocked { place: place("east-gate") };
    day.beams("10:00:00", "east-gate", "A");
    assert_eq!(kinds(&day.until("10:00:59")), NOTHING);
    day.until("10:01:00");
    assert!(day.school.state().alarms().contains_key(&blocked));
    day.beams("10:05", "east-gate", "a");
    assert!(!day.school.state().alarms().contains_key(&blocked));
}

#[test]
fn a_turnstile_lets_one_through_at_a_time_and_whoever_follows_waits_their_turn() {
    let mut day = with(&[("west-gate", turnstile())]);
    assert_eq!(acts(&day.tap("07:41:00", "ming", "west-gate")), ["release west-gate", "show Welcome"]);
    assert_eq!(acts(&day.tap("07:41:01", "hong", "west-gate")), ["show GateBusy"], "amber: ming has not gone yet");
    let turned = day.turned("07:41:02", "west-gate");
    assert_eq!(acts(&turned), ["relock west-gate", "release west-gate", "show Welcome"], "hong's turn");
    assert!(turned.actions[1].after.is_some_and(|seq| Some(seq) == turned.actions[2].after));
    assert_eq!(acts(&day.turned("07:41:03", "west-gate")), ["relock west-gate"]);
    assert_eq!(day.school.gate_counts(&place("west-gate")).unwrap().entered, 2);
}

#[test]
fn a_turnstile_goes_on_to_the_next_when_somebody_does_not_go() {
    let mut day = with(&[("west-gate", turnstile())]);
    day.tap("07:41:00", "ming", "west-gate");
    day.tap("07:41:01", "hong", "west-gate");
    day.until("07:41:05");
    assert_eq!(acts(&day.tap("07:41:05", "hong", "west-gate")), ["show GateBusy"]);
    let next = day.give_at(at("07:41:05.550"), Input::Timeout);
    assert_eq!(
        (next.kinds(), acts(&next)),
        (vec!["not_passed"], vec!["release west-gate".into(), "show Welcome".into()])
    );
}

#[test]
fn a_turnstile_takes_who_goes_in_and_who_goes_out_each_for_themselves() {
    let mut day = with(&[("west-gate", turnstile())]);
    day.tap("07:00", "li", "west-gate");
    day.turned("07:00:01", "west-gate");
    day.tap("16:00:00", "li", "west-gate");
    day.tap("16:00:01", "ming", "west-gate");
    day.turned("16:00:02", "west-gate");
    day.turned("16:00:03", "west-gate");
    let counts = day.school.gate_counts(&place("west-gate")).unwrap();
    assert_eq!((counts.entered, counts.left, counts.tailgated), (2, 1, 0));
}

#[test]
fn arms_that_turn_for_nobody_were_forced() {
    let mut day = with(&[("west-gate", turnstile())]);
    let forced = day.turned("07:41", "west-gate");
    assert_eq!(forced.kinds(), ["gate_opened", "alarm_raised", "gate_closed"]);
    assert_eq!(cause(&forced), OpenCause::Forced);
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn no_more_wait_than_there_is_room_for_and_nobody_is_forgotten() {
    let mut day = with(&[("west-gate", turnstile())]);
    for _ in 0..80 {
        day.order("10:00:00", "chen", Order::ReleaseGate { place: place("west-gate") });
    }
    let not_passed = |day: &Day| day.entries.iter().filter(|e| matches!(e.what, What::NotPassed { .. })).count();
    assert_eq!(not_passed(&day), 80 - 1 - schoolgate_core::gate::MAX_GRANTS);
    day.until("10:05");
    assert_eq!(not_passed(&day), 80);
}

#[test]
fn an_exit_button_that_the_gateway_serves_releases_at_once_and_says_so_once() {
    let mut day = with(&[("east-gate", Gate { exit_button_releases: true, ..door() })]);
    let first = day.exit("10:00:00", "east-gate");
    assert_eq!((first.kinds(), acts(&first)), (vec!["gate_released"], vec!["release east-gate".into()]));
    assert_eq!(first.actions[0].after, None, "the way out waits for no disk");
    let second = day.exit("10:00:01", "east-gate");
    assert_eq!((second.kinds(), acts(&second)), (vec![], vec!["release east-gate".into()]));
    assert_eq!(cause(&day.door("10:00:02", "east-gate", true)), OpenCause::ExitRequest);
    let mut wired = with(&[]);
    assert_eq!(acts(&wired.exit("10:00:00", "east-gate")), NOTHING, "it opens the door by its own wire");
}

#[test]
fn a_grant_holds_as_long_as_the_gates_own_release() {
    let release = std::time::Duration::from_secs(20);
    let mut day = with(&[("east-gate", Gate { release, ..door() })]);
    day.door("07:40", "east-gate", false);
    day.tap("07:41:00", "ming", "east-gate");
    assert!(matches!(cause(&day.door("07:41:19", "east-gate", true)), OpenCause::Granted(_)));
}

#[test]
fn a_door_may_stand_open_as_long_as_it_is_told() {
    let held_after = Some(std::time::Duration::from_secs(120));
    let mut day = with(&[("east-gate", Gate { held_after, ..door() })]);
    day.tap("07:41:00", "ming", "east-gate");
    day.door("07:41:01", "east-gate", true);
    day.until("07:43:00");
    assert_eq!(day.phase("east-gate"), Phase::Passing);
    day.until("07:43:01");
    assert_eq!(day.phase("east-gate"), Phase::Held);
}

#[test]
fn an_opened_case_is_an_alarm_until_it_is_closed() {
    use schoolgate_core::input::Tampered;
    let mut day = with(&[]);
    let gate = |on| Input::Tamper { at: Tampered::Place(place("east-gate")), on };
    let of_reader = |on| Input::Tamper { at: Tampered::Reader(reader("east-in")), on };
    assert_eq!(day.give("10:00", gate(false)).kinds(), NOTHING, "a level that is known");
    assert_eq!(day.give("10:01", gate(true)).kinds(), ["alarm_raised"]);
    assert_eq!(day.give("10:02", gate(true)).kinds(), NOTHING);
    assert_eq!(day.give("10:03", of_reader(true)).kinds(), ["alarm_raised"]);
    day.until("11:00");
    let on = |day: &Day, alarm| day.school.state().alarms().contains_key(&alarm);
    assert!(on(&day, Alarm::GateTampered { place: place("east-gate") }), "it does not end by itself");
    day.give("11:01", gate(false));
    day.give("11:01", of_reader(false));
    assert!(day.school.state().alarms().is_empty());
}
