//! Afternoons on which something goes wrong, and nobody may be sent to the wrong person, shut in, or shown as here when
//! they are gone.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{Missed, Reason, What},
    id::ReaderId,
    picture::Picture,
    policy::Policy,
    promise::LedgerPace,
    roster::{Document, Restriction, Validity},
    school::Input,
    state::Whereabouts,
    time::{BootId, ClockQuality, Hours, Mono, Stamp, Wall},
};

use crate::support::{Day, card, document, guardian, reader, student};

fn mother_restricted() -> Document {
    let mut document = document();
    let (student, guardian) = (student("ming"), guardian("mother"));
    document.restrictions.push(Restriction { student, guardian, valid: Validity::ALWAYS });
    document
}

#[test]
fn a_child_is_not_sent_to_somebody_who_has_been_restricted_since_the_call() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("16:31", "mother", "desk");
    day.adopt("16:33", mother_restricted());
    let tap = day.tap("16:34", "ming", "east-gate");
    assert_eq!(tap.shown(), Some(Picture::SeeTeacher));
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::NotReleased, .. }));
    assert_eq!(day.tap("16:34:30", "ming", "desk").kinds(), ["waiting"], "nor released to her at the desk");
}

#[test]
fn a_child_is_not_sent_to_where_it_stands_already() {
    let hours = Hours { from: "16:30".parse().unwrap(), until: "18:00".parse().unwrap() };
    let mut day = Day::with(Policy { release_hours: Some(hours), ..Policy::default() });
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:58", "mother", "east-gate");
    let tap = day.tap("18:01", "ming", "east-gate");
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::NotReleased, .. }));
}

#[test]
fn a_restricted_person_is_noticed_though_they_may_fetch_another_child() {
    let mut both = document();
    let mut also_hong = both.authorisations.iter().find(|a| a.guardian == guardian("uncle")).unwrap().clone();
    also_hong.student = student("hong");
    both.authorisations.push(also_hong);
    let mut day = Day::new();
    day.adopt("06:30", both);
    day.tap("07:41", "hong", "east-gate");
    let tap = day.tap("17:40", "uncle", "east-gate");
    assert_eq!(tap.kinds(), ["alarm_raised", "called"]);
    assert!(matches!(&tap.entries[0], What::AlarmRaised { alarm: Alarm::RestrictedGuardian { .. }, .. }));
}

#[test]
fn a_restricted_person_is_noticed_though_their_authorisation_was_taken_away() {
    let mut removed = document();
    removed.authorisations.retain(|a| a.guardian != guardian("uncle"));
    let mut day = Day::new();
    day.adopt("06:30", removed);
    day.tap("07:41", "ming", "east-gate");
    let tap = day.tap("17:40", "uncle", "east-gate");
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::Restricted, .. }));
    assert_eq!(tap.kinds(), ["refused", "alarm_raised"]);
}

#[test]
fn a_child_taken_through_the_gate_who_taps_on_the_way_out_has_not_arrived_again() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40:00", "ming", "east-gate");
    day.tap("17:40:10", "mother", "east-gate");
    let tap = day.tap("17:40:14", "ming", "east-gate");
    assert_eq!((tap.kinds(), tap.shown(), tap.opened()), (vec![], Some(Picture::Goodbye), true));
    assert_eq!(day.school.state().presence(&student("ming")).unwrap().whereabouts, Whereabouts::OffCampus);
    assert_eq!(day.tap("17:41", "ming", "east-gate").kinds(), ["arrived"], "who comes back later arrives");
}

#[test]
fn a_child_who_forgot_something_and_comes_back_at_once_arrives() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40:00", "mother", "east-gate");
    day.tap("17:40:05", "ming", "east-gate");
    assert_eq!(day.tap("17:40:20", "ming", "east-gate").kinds(), ["arrived"]);
}

#[test]
fn a_release_does_not_hold_for_ever() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("12:00", "mother", "desk");
    day.tap("12:01", "ming", "desk");
    let back = day.tap("13:30", "ming", "east-gate");
    assert!(matches!(back.entries[0], What::Arrived { missed: Some(Missed::Exit { .. }), .. }), "{back:?}");
    assert_eq!(day.tap("17:00", "mother", "east-gate").kinds(), ["called"], "and can be fetched again");
}

#[test]
fn a_clock_put_back_makes_no_tap_a_repeat_and_holds_no_call_open() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("16:39", "mother", "east-gate");
    let wall: Wall = "2026-09-01T16:35:00+08:00".parse().unwrap();
    let rebooted = Stamp { wall, boot: BootId(2), mono: Mono(20_000), clock: ClockQuality::Synchronised };
    assert!(day.give_at(rebooted, Input::Started { version: "t".into() }).kinds().contains(&"call_ended"));
    let mut early = Day::new();
    early.tap("16:39:59", "ming", "east-gate");
    early.give_at(rebooted, Input::Started { version: "t".into() });
    let tap = Input::Tap { reader: reader("east-gate"), credential: card("ming"), proof: Default::default() };
    assert_eq!(early.give_at(rebooted, tap).kinds()[0], "refused", "a wish to leave, not the same tap again");
}

#[test]
fn without_a_clock_a_night_is_told_by_its_length() {
    let mut day = Day::new();
    day.clock = ClockQuality::Unset;
    day.tap("17:00", "ming", "east-gate");
    let tap = day.tap("2026-09-02 08:00", "ming", "east-gate");
    assert!(matches!(tap.entries.last().unwrap(), What::Arrived { missed: Some(Missed::Exit { .. }), .. }), "{tap:?}");
}

#[test]
fn a_child_who_went_home_yesterday_without_a_tap_is_not_called_today() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let tap = day.tap("2026-09-02 17:00", "mother", "east-gate");
    assert!(matches!(tap.entries.last().unwrap(), What::Refused { reason: Reason::NobodyToFetch, .. }), "{tap:?}");
}

#[test]
fn a_start_ends_the_alarms_that_can_not_end_by_themselves() {
    let mut day = Day::new();
    day.give("09:00", Input::Ledger(LedgerPace::Slow));
    let started = day.give("09:05", Input::Started { version: "t".into() });
    assert_eq!(started.kinds(), ["started", "alarm_ended"]);
    assert_eq!(day.give("09:06", Input::Ledger(LedgerPace::Slow)).kinds(), ["alarm_raised"], "the next one is told");
}

#[test]
fn when_nothing_can_be_recorded_only_those_pass_who_would_be_let_through() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let shows = |day: &mut Day, who: &str| {
        day.school.without_record(crate::support::at("16:00"), &reader("east-gate"), card(who), Default::default())
    };
    assert_eq!(shows(&mut day, "hong"), Picture::Degraded, "who comes");
    assert_eq!(shows(&mut day, "ming"), Picture::SeeTeacher, "who has not been released");
    assert_eq!(shows(&mut day, "nobody"), Picture::CardRefused);
    assert_eq!(shows(&mut day, "blocked"), Picture::CardRefused);
    assert_eq!(shows(&mut day, "mother"), Picture::SeeTeacher);
    assert_eq!(
        day.school.without_record(
            crate::support::at("16:00"),
            &ReaderId::try_new("x").unwrap(),
            card("hong"),
            Default::default()
        ),
        Picture::SeeTeacher
    );
}

#[test]
fn without_a_record_a_guardian_goes_out_with_a_child_who_waits_at_that_gate_and_with_no_other() {
    let shows = |day: &mut Day, who: &str, at: &str| {
        day.school.without_record(crate::support::at("16:01"), &reader(at), card(who), Default::default())
    };
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(shows(&mut day, "mother", "east-gate"), Picture::SeeTeacher);
    day.tap("16:00", "ming", "east-gate");
    assert_eq!(shows(&mut day, "mother", "east-gate"), Picture::Degraded);
    assert_eq!(shows(&mut day, "mother", "west-gate"), Picture::SeeTeacher);
    assert_eq!(shows(&mut day, "mother", "desk"), Picture::SeeTeacher);
    assert_eq!(shows(&mut day, "uncle", "east-gate"), Picture::SeeTeacher);
}

#[test]
fn in_a_muster_nobody_is_sent_back_because_nothing_can_be_recorded() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.give("10:00", Input::FireAlarm { on: true });
    let picture =
        day.school.without_record(crate::support::at("10:01"), &reader("east-gate"), card("ming"), Default::default());
    assert_eq!(picture, Picture::Degraded);
}

#[test]
fn a_tap_without_a_record_hides_no_jump_of_the_clock() {
    let mut day = Day::in_service();
    day.until("12:00");
    let jumped = Stamp { mono: crate::support::at("12:00").mono, ..crate::support::at("20:00") };
    day.school.without_record(jumped, &reader("east-gate"), card("lei"), Default::default());
    let told = day.give_at(jumped, Input::Timeout);
    assert!(!told.kinds().contains(&"session_closed"), "lessons that may still be to come: {told:?}");
}
