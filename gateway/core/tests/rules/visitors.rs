//! Visitors: in with a purpose while their pass is good, out always.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    credential::CredentialStatus,
    entry::{Reason, What},
    picture::Picture,
    roster::{Document, Holder, Validity},
    time::ClockQuality,
};

use crate::support::{Day, Outcome, card, place, reader, service, service::visitor};

fn electrician() -> Holder {
    Holder::Visitor(visitor("electrician"))
}

fn refused(outcome: &Outcome, why: Reason) -> bool {
    assert!(!outcome.opened());
    outcome.entries.iter().any(|what| matches!(what, What::Refused { reason, .. } if *reason == why))
}

fn is_here(day: &Day) -> bool {
    day.school.state().others().contains_key(&electrician())
}

fn expected(change: impl Fn(&mut Document)) -> Day {
    let mut document = service::document();
    change(&mut document);
    Day::of(document)
}

#[test]
fn a_visitor_comes_with_a_purpose_and_goes() {
    let mut day = Day::in_service();
    let came = day.tap("09:00", "electrician", "east-gate");
    assert!(
        matches!(&came.entries[..], [What::Came { holder, purpose: Some(purpose), .. }] if *holder == electrician() && purpose == "repair")
    );
    assert_eq!((came.shown(), came.opened()), (Some(Picture::Welcome), true));
    assert!(is_here(&day));
    let went = day.tap("11:00", "electrician", "west-gate");
    assert_eq!((went.kinds(), went.shown(), went.opened()), (vec!["went"], Some(Picture::Goodbye), true));
    assert!(!is_here(&day) && came.promises_are_kept() && went.promises_are_kept());
    assert_eq!(day.tap("13:00", "electrician", "east-gate").kinds(), ["came"], "and may come back");
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_pass_whose_time_is_over_lets_nobody_in() {
    let mut day = Day::in_service();
    for time in ["17:01", "2026-09-02 09:00"] {
        let tap = day.tap(time, "electrician", "east-gate");
        assert!(refused(&tap, Reason::Expired), "{tap:?}");
        assert_eq!(tap.shown(), Some(Picture::CardRefused));
    }
    assert!(!is_here(&day));
}

#[test]
fn a_visitor_who_is_early_is_sent_to_the_teacher_and_nobody_is_alarmed() {
    let mut day = Day::in_service();
    let tap = day.tap("07:59", "electrician", "east-gate");
    assert!(refused(&tap, Reason::NotForYou));
    assert_eq!((tap.kinds(), tap.shown()), (vec!["refused"], Some(Picture::SeeTeacher)));
    let tomorrow = Some(service::day("2026-09-02"));
    let mut day = expected(|document| document.visitors[0].valid = Validity { from: tomorrow, until: tomorrow });
    assert!(refused(&day.tap("09:00", "electrician", "east-gate"), Reason::NotForYou), "a day early");
}

#[test]
fn whose_time_is_over_may_go_out_all_the_same() {
    let mut day = Day::in_service();
    day.tap("16:00", "electrician", "east-gate");
    let went = day.tap("17:30", "electrician", "east-gate");
    assert_eq!((went.kinds(), went.opened()), (vec!["went"], true));
}

#[test]
fn not_even_a_card_that_ran_out_keeps_a_visitor_in() {
    let mut day = Day::in_service();
    day.tap("09:00", "electrician", "east-gate");
    let mut document = service::document();
    let line = document.credentials.iter_mut().find(|line| line.id == card("electrician")).unwrap();
    line.status = CredentialStatus::Expired;
    day.adopt("10:00", document);
    let inside = day.tap("10:30", "electrician", "desk");
    assert!(refused(&inside, Reason::Expired), "of no other use");
    let unrecorded = day.school.without_record(
        crate::support::at("10:30:20"),
        &reader("east-gate"),
        card("electrician"),
        Default::default(),
    );
    assert_eq!(unrecorded, Picture::Degraded, "not even without a record");
    assert_eq!(day.tap("10:30:30", "electrician", "east-gate").kinds(), ["went"]);
    let unrecorded = day.school.without_record(
        crate::support::at("10:31"),
        &reader("east-gate"),
        card("electrician"),
        Default::default(),
    );
    assert_eq!(unrecorded, Picture::CardRefused);
    assert!(refused(&day.tap("11:10", "electrician", "east-gate"), Reason::Expired));
}

#[test]
fn a_reader_of_one_way_is_believed() {
    let mut day = Day::in_service();
    assert_eq!(day.tap("09:00", "electrician", "east-out").kinds(), ["went"], "came in without a tap");
    assert_eq!(day.tap("10:00", "electrician", "east-in").kinds(), ["came"]);
    assert_eq!(day.tap("11:00", "electrician", "east-in").kinds(), ["came"], "went out without a tap");
    let late = day.tap("17:30", "electrician", "east-in");
    assert!(refused(&late, Reason::Expired));
    assert_eq!(day.tap("17:30:30", "electrician", "east-out").kinds(), ["went"]);
}

#[test]
fn who_went_home_yesterday_without_a_tap_comes_in_today() {
    let mut day = expected(|document| document.visitors[0].valid.until = Some(service::day("2026-09-02")));
    day.tap("09:00", "electrician", "east-gate");
    assert_eq!(day.tap("2026-09-02 09:00", "electrician", "east-gate").kinds().last(), Some(&"came"));
}

#[test]
fn a_visitor_elsewhere_is_seen_and_known_to_be_there() {
    let mut day = Day::in_service();
    day.tap("09:00", "electrician", "east-gate");
    let tap = day.tap("09:30", "electrician", "canteen");
    assert_eq!((tap.kinds(), tap.shown()), (vec!["seen"], Some(Picture::Noted)));
    assert_eq!(day.school.state().others()[&electrician()].place, Some(place("canteen")));
    let mut document = service::document();
    document.credentials.iter_mut().for_each(|line| line.status = CredentialStatus::Lost);
    day.adopt("09:40", document);
    assert!(refused(&day.tap("09:45", "electrician", "desk"), Reason::Lost));
    assert_eq!(day.school.state().others()[&electrician()].place, Some(place("desk")), "refused, and seen");
}

#[test]
fn without_a_clock_a_dated_pass_lets_nobody_in_and_everybody_out() {
    let mut day = Day::in_service();
    day.tap("09:00", "electrician", "east-gate");
    day.clock = ClockQuality::Unset;
    assert_eq!(day.tap("10:00", "electrician", "east-gate").kinds(), ["went"]);
    let tap = day.tap("10:10", "electrician", "east-gate");
    assert!(refused(&tap, Reason::NotForYou));
    assert_eq!(tap.kinds(), ["refused"]);
    let mut day = expected(|document| {
        document.visitors[0].valid = Validity::ALWAYS;
        document.visitors[0].hours = None;
    });
    day.clock = ClockQuality::Unset;
    assert_eq!(day.tap("09:00", "electrician", "east-gate").kinds(), ["came"], "nothing of this pass needs a clock");
}
