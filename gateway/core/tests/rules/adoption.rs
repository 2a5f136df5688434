//! A new roster comes into force while children are on campus.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "a failing test should say where it failed")]

use proptest::prelude::*;
use schoolgate_core::{
    entry::{Reason, What},
    picture::Picture,
    roster::{Document, Holder, Restriction, Validity},
    school::Input,
};

use crate::support::{Day, card, document, guardian, reader, service, student, term};

/// The same roster without these people, and all lines that name them.
fn without(mut document: Document, students: &[&str], guardians: &[&str]) -> Document {
    let gone = |id: &str| students.contains(&id);
    let away = |id: &str| guardians.contains(&id);
    document.version = format!("without {students:?} {guardians:?}");
    document.students.retain(|line| !gone(line.id.as_str()));
    document.guardians.retain(|line| !away(line.id.as_str()));
    document.authorisations.retain(|line| !gone(line.student.as_str()) && !away(line.guardian.as_str()));
    document.restrictions.retain(|line| !gone(line.student.as_str()) && !away(line.guardian.as_str()));
    document.enrolments.retain(|line| !gone(line.student.as_str()));
    document.dinners.retain(|line| !gone(line.student.as_str()));
    document.leaves.retain(|line| !gone(line.student.as_str()));
    document.revoked_passes.retain(|line| !gone(line.student.as_str()) && !away(line.guardian.as_str()));
    document.credentials.retain(|line| match &line.holder {
        Holder::Student(id) => !gone(id.as_str()),
        Holder::Guardian(id) => !away(id.as_str()),
        Holder::Staff(_) | Holder::Visitor(_) => true,
    });
    document
}

fn left(entries: &[What], who: &str) -> bool {
    entries.iter().any(|what| matches!(what, What::Left { student: id, .. } if *id == student(who)))
}

#[test]
fn the_adoption_of_a_roster_is_an_entry_of_its_own_and_the_same_again_is_none() {
    let mut day = Day::new();
    let next = Document { version: "test-2".into(), ..document() };
    let outcome = day.adopt("12:00", next.clone());
    assert!(matches!(&outcome.entries[..], [What::RosterAdopted { version, students: 3, .. }] if version == "test-2"));
    assert_eq!(day.adopt("12:01", next).kinds(), Vec::<&str>::new());
}

#[test]
fn a_child_who_was_dropped_while_on_campus_can_still_be_fetched() {
    let mut day = Day::new();
    day.tap("07:30", "ming", "east-gate");
    day.adopt("12:00", without(document(), &["ming"], &["mother", "uncle"]));
    assert_eq!(day.school.roster().student_count(), 2, "not on the roll");
    assert_eq!(day.tap("17:00", "mother", "east-gate").shown(), Some(Picture::Called), "only Ming's, and dropped too");
    let outcome = day.tap("17:01", "ming", "east-gate");
    assert!(left(&outcome.entries, "ming") && outcome.opened() && outcome.promises_are_kept(), "{outcome:?}");
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_guardian_who_stays_for_a_sibling_can_still_fetch_the_one_who_was_dropped() {
    let mut day = Day::new();
    day.tap("07:30", "ming", "east-gate");
    day.tap("07:31", "hong", "east-gate");
    day.adopt("12:00", without(document(), &["ming"], &[]));
    let outcome = day.tap("17:00", "grandmother", "desk");
    let both = |what: &What| matches!(what, What::Called { students, .. } if students.len() == 2);
    assert!(outcome.entries.iter().any(both), "{outcome:?}");
    let released = day.tap("17:01", "ming", "desk");
    assert_eq!(released.shown(), Some(Picture::Released));
    assert!(left(&day.tap("17:02", "ming", "west-gate").entries, "ming"));
}

#[test]
fn a_restriction_holds_for_a_child_who_was_dropped() {
    let mut day = Day::new();
    day.tap("07:30", "ming", "east-gate");
    day.adopt("12:00", without(document(), &["ming"], &["uncle"]));
    let outcome = day.tap("17:00", "uncle", "desk");
    assert_eq!(outcome.shown(), Some(Picture::SeeTeacher));
    let restricted = |what: &What| matches!(what, What::Refused { reason: Reason::Restricted, .. });
    assert!(outcome.entries.iter().any(restricted), "{outcome:?}");
}

#[test]
fn who_was_dropped_may_walk_home_as_before() {
    let mut day = Day::new();
    day.tap("07:30", "lei", "east-gate");
    day.adopt("12:00", without(document(), &["lei"], &[]));
    assert_eq!(day.tap("17:29", "lei", "east-gate").shown(), Some(Picture::SeeTeacher));
    assert!(left(&day.tap("17:31", "lei", "east-gate").entries, "lei"));
}

#[test]
fn who_was_dropped_does_not_come_in_again() {
    let mut day = Day::new();
    day.tap("07:30", "lei", "east-gate");
    day.adopt("12:00", without(document(), &["lei"], &[]));
    day.tap("17:31", "lei", "east-gate");
    let outcome = day.tap("17:40", "lei", "east-gate");
    assert!(!outcome.opened() && outcome.kinds().contains(&"refused"), "{outcome:?}");
    let picture =
        day.school.without_record(crate::support::at("17:41"), &reader("east-gate"), card("lei"), Default::default());
    assert_eq!(picture, Picture::SeeTeacher);
}

#[test]
fn who_was_dropped_before_they_came_is_unknown() {
    let mut day = Day::new();
    day.adopt("06:30", without(document(), &["lei"], &[]));
    let outcome = day.tap("07:30", "lei", "east-gate");
    assert_eq!(outcome.shown(), Some(Picture::CardRefused));
    assert!(day.school.roster().student(&student("lei")).is_none());
}

#[test]
fn who_was_dropped_is_known_through_a_second_roster_and_forgotten_once_they_have_left() {
    let mut day = Day::new();
    day.tap("07:30", "lei", "east-gate");
    let dropped = without(document(), &["lei"], &[]);
    day.adopt("12:00", dropped.clone());
    day.adopt("13:00", Document { version: "later".into(), ..dropped.clone() });
    assert!(day.school.roster().is_leaver(&student("lei")));
    assert!(left(&day.tap("17:31", "lei", "east-gate").entries, "lei"));
    day.adopt("18:00", Document { version: "evening".into(), ..dropped });
    assert!(day.school.roster().student(&student("lei")).is_none());
}

#[test]
fn a_card_that_was_taken_from_a_guardian_who_stays_is_not_given_back() {
    let mut day = Day::new();
    day.tap("07:30", "ming", "east-gate");
    let mut next = without(document(), &["ming"], &[]);
    next.credentials.retain(|line| line.id != card("grandmother"));
    day.adopt("12:00", next);
    assert_eq!(day.tap("17:00", "grandmother", "desk").shown(), Some(Picture::CardRefused));
}

#[test]
fn a_new_restriction_holds_from_its_adoption() {
    let mut day = Day::new();
    day.tap("07:30", "ming", "east-gate");
    day.tap("17:00", "mother", "desk");
    let (child, who) = (student("ming"), guardian("mother"));
    let mut next = document();
    next.restrictions.push(Restriction { student: child, guardian: who, valid: Validity::ALWAYS });
    day.adopt("17:01", next);
    assert_eq!(day.tap("17:02", "ming", "desk").shown(), Some(Picture::Wait), "the call of before releases nobody");
}

#[test]
fn the_service_goes_on_when_a_child_in_it_is_dropped() {
    let mut day = Day::in_service();
    day.tap("07:30", "ming", "east-gate");
    day.tap("16:20", "li", "room-1");
    day.tap("16:28", "ming", "room-1");
    day.adopt("16:40", without(service::document(), &["ming"], &["mother", "uncle"]));
    day.until("18:00");
    day.tap("18:01", "mother", "east-gate");
    let outcome = day.tap("18:02", "ming", "east-gate");
    assert!(left(&outcome.entries, "ming"), "{outcome:?}");
    assert_eq!(day.replayed(), *day.school.state());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Rosters come and go with anybody missing, between taps of everybody.
    #[test]
    fn whatever_a_roster_drops_nothing_panics_and_the_ledger_gives_the_state(
        steps in prop::collection::vec((0_usize..12, 0_usize..4, any::<u8>()), 1..60),
    ) {
        let full = service::document();
        let mut day = Day::in_service();
        let holders = ["ming", "hong", "lei", "grandmother", "mother", "uncle", "aunt", "li", "sun"];
        let places = ["east-gate", "desk", "room-1", "canteen"];
        for (n, (what, place, mask)) in steps.into_iter().enumerate() {
            let time = format!("16:{:02}", n);
            if let Some(holder) = holders.get(what) {
                day.tap(&time, holder, places[place]);
            } else {
                let out = |names: &[&'static str], shift: u8| -> Vec<&'static str> {
                    names.iter().enumerate().filter(|(n, _)| mask >> shift >> n & 1 == 1).map(|(_, name)| *name).collect()
                };
                let (students, guardians) = (out(&holders[..3], 0), out(&holders[3..7], 3));
                day.adopt(&time, without(full.clone(), &students, &guardians));
            }
            day.give(&time, Input::Timeout);
            let due = day.school.poll_timeout();
            prop_assert!(due.as_ref().is_none_or(|due| due.at > crate::support::at(&time).mono), "{:?}", due);
        }
        prop_assert_eq!(day.replayed(), day.school.state().clone());
    }

    #[test]
    fn a_roster_that_keeps_everybody_is_the_same_whatever_was_before(size in 2_usize..20) {
        let document = term::document(term::Size { students: size, courses: 3, weeks: 1 });
        let mut day = Day::of(document.clone());
        day.adopt("12:00", Document { version: "next".into(), ..document.clone() });
        let alone = schoolgate_core::roster::Roster::try_new(Document { version: "next".into(), ..document }).unwrap();
        prop_assert_eq!(&**day.school.roster(), &alone);
    }
}
