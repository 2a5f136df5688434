//! Pickup passes: one student, one day, one use; here as a signed text.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{CallEnd, OrderFault, PassFault, PassId, Reason, Recipient, What},
    id::{PassKeyId, SchoolId},
    pass::Pass,
    picture::Picture,
    policy::Policy,
    roster::{Restriction, Validity},
    school::Order,
    state::{Custodian, Whereabouts},
    time::{ClockQuality, Hours},
};

use crate::support::{Day, guardian, passes::*, service, student};

#[test]
fn a_pass_calls_its_student_and_their_tap_completes_the_release() {
    let mut day = a_day();
    let shown = day.scan("17:50", "east-gate", &mothers());
    assert_eq!((shown.kinds(), shown.shown()), (vec!["pass_shown"], Some(Picture::Called)));
    assert!(!shown.opened() && shown.promises_are_kept());
    let tap = day.tap("17:52", "ming", "east-gate");
    assert_eq!(tap.kinds(), ["released", "left"]);
    let to = Recipient::Delegate(id("ming", "mother", 0));
    assert!(matches!(&tap.entries[0], What::Released { to: who, matched: Some(_), .. } if *who == to));
    assert!(tap.opened() && tap.promises_are_kept());
    assert_eq!(day.whereabouts("ming"), Whereabouts::OffCampus);
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn a_student_who_waits_at_the_desk_is_released_at_once_and_in_the_delegates_care() {
    let mut day = a_day();
    day.tap("17:40", "ming", "desk");
    let shown = day.scan("17:45", "desk", &mothers());
    assert_eq!((shown.kinds(), shown.shown_last()), (vec!["pass_shown", "released"], Some(Picture::Released)));
    assert!(shown.promises_are_kept());
    let delegate = Custodian::Delegate(Box::new(id("ming", "mother", 0)));
    assert_eq!(day.whereabouts("ming"), Whereabouts::OnCampus(delegate));
    assert!(day.school.state().calls().is_empty());
    assert_eq!(day.tap("17:50", "ming", "west-gate").kinds(), ["left"]);
}

#[test]
fn a_student_stopped_at_the_gate_leaves_when_the_pass_is_shown_there() {
    let mut day = a_day();
    day.tap("17:40", "ming", "east-gate");
    let shown = day.scan("17:40:30", "east-gate", &mothers());
    assert_eq!(shown.kinds(), ["pass_shown", "released", "alarm_ended", "left"]);
    assert!(shown.opened());
    assert_eq!(shown.shown_last(), Some(Picture::Goodbye));
}

#[test]
fn a_pass_is_used_once() {
    let mut day = a_day();
    day.scan("17:50", "east-gate", &mothers());
    day.tap("17:52", "ming", "east-gate");
    assert_eq!(fault(&day.scan("17:53", "east-gate", &mothers())), Some(PassFault::Used));
    day.tap("17:54", "ming", "east-gate");
    assert_eq!(fault(&day.scan("17:55", "desk", &mothers())), Some(PassFault::Used), "though the student is back");
    let second = text(&pass(id("ming", "mother", 1)));
    assert_eq!(day.scan("17:56", "desk", &second).kinds(), ["pass_shown"], "another pass is another use");
}

#[test]
fn shown_again_while_it_calls_a_pass_calls_anew_and_the_same_scan_is_one_scan() {
    let mut day = a_day();
    day.scan("17:50:00", "desk", &mothers());
    assert_eq!(day.scan("17:50:02", "desk", &mothers()).kinds(), [""; 0]);
    let again = day.scan("17:55", "desk", &mothers());
    assert_eq!(again.kinds(), ["call_ended", "pass_shown"]);
    assert!(matches!(again.entries[0], What::CallEnded { why: CallEnd::Renewed, .. }));
    assert_eq!(day.school.state().calls().len(), 1);
    assert_eq!(day.until("18:04:59").len(), 0);
    assert_eq!(day.until("18:05:00").len(), 1, "the call ends with the window");
}

#[test]
fn a_pass_that_is_no_good_is_refused_the_person_sees_no_more_than_whom_to_ask_and_the_duty_leader_hears_of_it() {
    let good = pass(id("ming", "mother", 0));
    let other_day = PassId { day: service::day("2026-09-02"), ..good.id.clone() };
    let forged = mothers().replace("ming", "hong");
    let not_ours = good.sign(&[4; 32]).unwrap();
    let cases = [
        ("https://pay.example/12", PassFault::Unreadable),
        (forged.as_str(), PassFault::Forged),
        (not_ours.as_str(), PassFault::Forged),
        (&text(&Pass { key: PassKeyId::try_new("k2").unwrap(), ..good.clone() }), PassFault::Forged),
        (&text(&Pass { school: SchoolId::try_new("another").unwrap(), ..good.clone() }), PassFault::OtherSchool),
        (&text(&Pass { id: other_day, ..good.clone() }), PassFault::Expired),
        (&text(&Pass { hours: service::hours("16:00", "17:44"), ..good.clone() }), PassFault::Expired),
        (&text(&Pass { hours: service::hours("17:46", "18:30"), ..good }), PassFault::Expired),
        (&text(&pass(id("ming", "uncle", 0))), PassFault::GiverMayNot),
        (&text(&pass(id("hong", "mother", 0))), PassFault::GiverMayNot),
        (&text(&pass(id("ming", "grandmother", 0))), PassFault::Revoked),
    ];
    for (text, why) in cases {
        let mut day = a_day();
        let mut revoked = document();
        revoked.revoked_passes.push(id("ming", "grandmother", 0));
        day.adopt("16:00", revoked);
        let shown = day.scan("17:45", "desk", text);
        assert_eq!(shown.kinds(), ["refused", "alarm_raised"], "{text}");
        assert_eq!(fault(&shown), Some(why), "{text}");
        assert_eq!(shown.shown(), Some(Picture::SeeTeacher));
        assert!(matches!(&shown.entries[1], What::AlarmRaised { alarm: Alarm::PassRefused { .. }, .. }));
        assert!(day.school.state().calls().is_empty() && shown.promises_are_kept());
    }
}

#[test]
fn a_forged_text_does_not_pass_for_the_good_one_that_was_just_shown() {
    let mut day = a_day();
    day.scan("17:45:00", "desk", &mothers());
    let other_end = if mothers().ends_with('A') { "Q" } else { "A" };
    let forged = format!("{}{other_end}", &mothers()[..mothers().len() - 1]);
    assert_eq!(day.scan("17:45:01", "desk", &forged).shown(), Some(Picture::SeeTeacher));
}

#[test]
fn without_a_set_clock_no_day_can_be_told_and_no_pass_is_taken() {
    let mut day = a_day();
    day.clock = ClockQuality::Unset;
    assert_eq!(fault(&day.scan("17:45", "desk", &mothers())), Some(PassFault::ClockUnset));
    assert_eq!(fault(&day.enter("17:46", "desk", &mothers_code())), Some(PassFault::ClockUnset));
}

#[test]
fn a_pass_for_a_student_who_is_not_here_fetches_nobody() {
    let mut day = Day::of(document());
    let shown = day.scan("17:45", "desk", &mothers());
    assert_eq!((shown.kinds(), refusal(&shown)), (vec!["refused"], Some(&Reason::NobodyToFetch)));
}

#[test]
fn a_pass_is_bound_to_the_schools_own_release_hours() {
    let hours: Hours = service::hours("17:30", "18:00");
    let mut day = a_day_with(Policy { release_hours: Some(hours), ..Policy::default() });
    assert_eq!(refusal(&day.scan("17:29", "desk", &mothers())), Some(&Reason::OutsideHours));
    assert_eq!(day.scan("17:30", "desk", &mothers()).kinds(), ["pass_shown"]);
}

#[test]
fn passes_are_shown_where_students_are_fetched_and_nowhere_else() {
    for at in ["room-1", "canteen", "stairs", "playground"] {
        let mut day = a_day();
        assert_eq!(refusal(&day.scan("17:45", at, &mothers())), Some(&Reason::NotForYou), "{at}");
        assert_eq!(refusal(&day.enter("17:46", at, &mothers_code())), Some(&Reason::NotForYou), "{at}");
    }
}

#[test]
fn a_revoked_pass_calls_nobody_any_more() {
    let mut day = a_day();
    day.scan("17:45", "east-gate", &mothers());
    let pass = id("ming", "mother", 0);
    let revoked = day.order("17:46", "zhao", Order::RevokePass { pass: pass.clone() });
    assert_eq!(revoked.kinds(), ["pass_revoked", "call_ended"]);
    assert!(matches!(revoked.entries[1], What::CallEnded { why: CallEnd::Revoked, .. }));
    assert_eq!(refusal(&day.tap("17:47", "ming", "east-gate")), Some(&Reason::NotReleased));
    assert_eq!(fault(&day.scan("17:48", "desk", &mothers())), Some(PassFault::Revoked));
    day.until("17:50");
    assert_eq!(day.order("17:50", "zhao", Order::RevokePass { pass }).kinds(), [""; 0], "it is so already");
    assert_eq!(day.replayed(), day.school.state().clone());
}

#[test]
fn what_can_not_be_revoked_is_told() {
    let mut day = a_day();
    day.tap("17:40", "ming", "desk");
    day.scan("17:41", "desk", &mothers());
    let used = id("ming", "mother", 0);
    let old = PassId { day: service::day("2026-08-31"), ..id("ming", "mother", 1) };
    let cases = [
        ("zhao", used, OrderFault::NoSuch),
        ("zhao", old, OrderFault::Senseless),
        ("zhao", id("nobody", "mother", 0), OrderFault::UnknownPerson),
        ("chen", id("ming", "mother", 1), OrderFault::NotTheirRole),
    ];
    for (who, pass, why) in cases {
        let refused = day.order("17:42", who, Order::RevokePass { pass });
        assert!(matches!(&refused.entries[..], [What::OrderRefused { reason, .. }] if *reason == why), "{refused:?}");
    }
}

#[test]
fn a_student_is_not_given_to_a_pass_that_the_platform_revokes_while_it_calls() {
    let mut day = a_day();
    day.scan("17:45", "east-gate", &mothers());
    let mut revoked = document();
    revoked.revoked_passes.push(id("ming", "mother", 0));
    day.adopt("17:46", revoked);
    assert_eq!(refusal(&day.tap("17:47", "ming", "east-gate")), Some(&Reason::NotReleased));
}

#[test]
fn a_student_is_not_given_to_a_pass_whose_giver_is_restricted_while_it_calls() {
    let mut day = a_day();
    day.scan("17:45", "east-gate", &mothers());
    let mut restricted = document();
    let line = Restriction { student: student("ming"), guardian: guardian("mother"), valid: Validity::ALWAYS };
    restricted.restrictions.push(line);
    day.adopt("17:46", restricted);
    assert_eq!(refusal(&day.tap("17:47", "ming", "east-gate")), Some(&Reason::NotReleased));
}
