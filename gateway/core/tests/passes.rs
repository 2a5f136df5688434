//! Pickup passes: one student, one day, one use; as a signed text or as a code of eight digits.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use schoolgate_core::{
    alarm::Alarm,
    credential::CredentialStatus,
    entry::{CallEnd, OrderFault, PassFault, PassId, Reason, Recipient, What},
    id::{PassKeyId, SchoolId},
    pass::Pass,
    picture::Picture,
    policy::Policy,
    roster::{CredentialLine, Document, Holder, PassKey, Restriction, Validity},
    school::{Input, Order},
    state::{Custodian, Whereabouts},
    time::{BootId, ClockQuality, Hours, Mono, Stamp, Wall},
};
use support::{Day, Outcome, PASS_SECRET, at, card, guardian, place, reader, school_id, service, student};

const PLATFORM: [u8; 32] = [3; 32];
/// Of the secret above, by RFC 8032 §5.1.5.
const PUBLIC: &str = "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1";

fn document() -> Document {
    let mut document = service::document();
    document.pass_keys.push(PassKey { id: "k1".into(), public: PUBLIC.into() });
    document
}

/// Ming and Hong have come to school.
fn a_day() -> Day {
    a_day_with(Policy::default())
}

fn a_day_with(policy: Policy) -> Day {
    let mut day = Day::of(Document { policy, ..document() });
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:42", "hong", "east-gate");
    day
}

fn id(who: &str, giver: &str, serial: u8) -> PassId {
    PassId { student: student(who), day: service::day(service::TODAY), serial, guardian: guardian(giver) }
}

fn pass(id: PassId) -> Pass {
    let hours = service::hours("16:00", "18:30");
    Pass { key: PassKeyId::try_new("k1").unwrap(), school: school_id(), id, hours }
}

fn mothers() -> String {
    text(&pass(id("ming", "mother", 0)))
}

fn text(pass: &Pass) -> String {
    pass.sign(&PLATFORM).unwrap()
}

fn code(id: &PassId) -> String {
    PASS_SECRET.code(&school_id(), id).expose()
}

fn mothers_code() -> String {
    code(&id("ming", "mother", 0))
}

/// Deadlines that pass by then are dealt with first, so that an outcome is that of the one input.
trait AtTheReader {
    fn scan(&mut self, time: &str, at: &str, text: &str) -> Outcome;
    fn enter(&mut self, time: &str, at: &str, digits: &str) -> Outcome;
    fn whereabouts(&self, who: &str) -> Whereabouts;
}

impl AtTheReader for Day {
    fn scan(&mut self, time: &str, at: &str, text: &str) -> Outcome {
        self.until(time);
        self.give(time, Input::Pass { reader: reader(at), text: text.into() })
    }

    fn enter(&mut self, time: &str, at: &str, digits: &str) -> Outcome {
        self.until(time);
        self.give(time, Input::Code { reader: reader(at), digits: digits.into() })
    }

    fn whereabouts(&self, who: &str) -> Whereabouts {
        self.school.state().presence(&student(who)).unwrap().whereabouts.clone()
    }
}

fn refusal(outcome: &Outcome) -> Option<&Reason> {
    outcome.entries.iter().find_map(|what| match what {
        What::Refused { reason, .. } => Some(reason),
        _ => None,
    })
}

fn fault(outcome: &Outcome) -> Option<PassFault> {
    match refusal(outcome)? {
        Reason::Pass(fault) => Some(*fault),
        _ => None,
    }
}

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

#[test]
fn a_code_is_kept_until_its_student_taps_there() {
    let mut day = a_day();
    let typed = day.enter("17:45", "east-gate", &mothers_code());
    assert_eq!((typed.kinds(), typed.shown()), (vec![], Some(Picture::Wait)));
    assert!(typed.promises_are_kept());
    assert_eq!(refusal(&day.tap("17:46", "hong", "east-gate")), Some(&Reason::NotReleased), "it is Ming's");
    day.until("17:47");
    let tap = day.tap("17:47", "ming", "east-gate");
    assert_eq!(tap.kinds(), ["pass_shown", "released", "left"]);
    assert!(tap.opened() && tap.promises_are_kept());
    assert!(
        matches!(&tap.entries[1], What::Released { to: Recipient::Delegate(pass), .. } if *pass == id("ming", "mother", 0))
    );
    assert_eq!(day.until("18:30").iter().filter(|what| what.kind() == "refused").count(), 0, "it was a right one");
}

#[test]
fn a_code_finds_a_student_who_waits_there() {
    for serial in 0..schoolgate_core::pass::MAX_SERIALS {
        let mut day = a_day();
        day.tap("17:40", "hong", "desk");
        day.tap("17:41", "ming", "desk");
        let typed = day.enter("17:45", "desk", &code(&id("ming", "mother", serial)));
        assert_eq!((typed.kinds(), typed.shown_last()), (vec!["pass_shown", "released"], Some(Picture::Released)));
        assert_eq!(typed.entries[1].students(), [student("ming")]);
    }
}

#[test]
fn a_code_is_not_tried_against_students_who_are_elsewhere() {
    let mut day = a_day();
    day.tap("17:40", "ming", "desk");
    assert_eq!(day.enter("17:41", "east-gate", &mothers_code()).kinds(), [""; 0]);
    assert_eq!(refusal(&day.tap("17:42", "ming", "west-gate")), Some(&Reason::NotReleased));
    day.until("17:43:30");
    assert_eq!(day.tap("17:43:30", "ming", "east-gate").kinds()[0], "pass_shown");
}

#[test]
fn a_code_that_found_nobody_counts_as_wrong_and_nothing_is_shown_to_whoever_stands_there_then() {
    let mut day = a_day();
    day.enter("17:45", "desk", &mothers_code());
    assert_eq!(day.until("17:54:59").len(), 0);
    let late = day.give("17:55", Input::Timeout);
    assert_eq!(late.kinds(), ["refused", "alarm_raised"]);
    assert_eq!((fault(&late), late.shown()), (Some(PassFault::WrongCode), None));
    day.until("17:57");
    assert_eq!(day.tap("17:57", "ming", "desk").kinds(), ["waiting"], "it is forgotten");
}

/// Two students whose passes from one mother have the same code today: found by trying thousands of names.
const SAME_CODE: [&str; 2] = ["s-00121", "s-10946"];

#[test]
fn a_code_that_fits_two_who_wait_is_nobodys_until_one_of_them_taps() {
    let mut document = document();
    for twin in SAME_CODE {
        let mut line = document.students[0].clone();
        line.id = student(twin);
        document.students.push(line);
        let mut may = document.authorisations.iter().find(|a| a.guardian == guardian("mother")).unwrap().clone();
        may.student = student(twin);
        document.authorisations.push(may);
        let holder = Holder::Student(student(twin));
        document.credentials.push(CredentialLine { id: card(twin), holder, status: CredentialStatus::Active });
    }
    let [one, other] = SAME_CODE;
    let digits = code(&id(one, "mother", 0));
    assert_eq!(digits, code(&id(other, "mother", 0)));
    let mut day = Day::of(document);
    day.tap("17:40", one, "desk");
    day.tap("17:41", other, "desk");
    assert_eq!(day.enter("17:42", "desk", &digits).kinds(), [""; 0]);
    let tap = day.tap("17:43", one, "desk");
    assert_eq!(tap.kinds(), ["pass_shown", "released"]);
    assert_eq!(tap.entries[1].students(), [student(one)]);
}

#[test]
fn a_code_typed_again_is_kept_for_longer_and_is_one_try() {
    let mut day = a_day();
    day.enter("17:45", "desk", &mothers_code());
    day.enter("17:50", "desk", &mothers_code());
    assert_eq!(day.until("17:59:59").len(), 0);
    assert_eq!(day.tap("17:59:59", "ming", "desk").kinds(), ["pass_shown", "released"]);
    assert_eq!(day.until("18:30").iter().filter(|what| what.kind() == "refused").count(), 0);
}

#[test]
fn what_can_not_be_a_code_is_wrong_at_once() {
    for digits in ["", "1234567", "123456789", "1234567x", "-1234567"] {
        let mut day = a_day();
        let typed = day.enter("17:45", "desk", digits);
        assert_eq!((fault(&typed), typed.shown()), (Some(PassFault::WrongCode), Some(Picture::SeeTeacher)), "{digits}");
    }
}

#[test]
fn a_code_of_another_day_or_of_a_guardian_who_may_not_is_not_taken() {
    let yesterdays = PassId { day: service::day("2026-08-31"), ..id("ming", "mother", 0) };
    let mut day = a_day();
    day.tap("17:40", "ming", "desk");
    assert_eq!(day.enter("17:41", "desk", &code(&yesterdays)).shown(), Some(Picture::Wait), "it fits nobody here");
    let uncles = day.enter("17:42", "desk", &code(&id("ming", "uncle", 0)));
    assert_eq!((fault(&uncles), uncles.shown()), (Some(PassFault::GiverMayNot), Some(Picture::SeeTeacher)));
}

#[test]
fn a_code_and_the_text_of_a_pass_are_one_use() {
    let mut day = a_day();
    day.tap("17:40", "ming", "desk");
    day.enter("17:41", "desk", &mothers_code());
    assert_eq!(fault(&day.scan("17:42", "desk", &mothers())), Some(PassFault::Used));
    day.tap("17:43", "ming", "east-gate");
    day.tap("17:44", "ming", "east-gate");
    day.enter("17:45", "desk", &mothers_code());
    let tap = day.tap("17:46", "ming", "desk");
    assert_eq!(fault(&tap), Some(PassFault::Used));
    assert_eq!(tap.shown(), Some(Picture::Wait), "the student waits for somebody else");
}

/// Tries wrong codes of the wrong length, one a minute.
fn wrong_codes(day: &mut Day, at: &str, minutes: core::ops::Range<u32>) {
    for minute in minutes {
        assert_eq!(fault(&day.enter(&format!("17:{minute:02}"), at, "0")), Some(PassFault::WrongCode));
    }
}

#[test]
fn after_five_wrong_codes_a_place_takes_none_for_a_quarter_of_an_hour() {
    let mut day = a_day();
    wrong_codes(&mut day, "desk", 0..5);
    day.tap("17:05", "ming", "desk");
    let right = day.enter("17:06", "desk", &mothers_code());
    assert_eq!((fault(&right), right.shown()), (Some(PassFault::TooManyTries), Some(Picture::SeeTeacher)));
    assert_eq!(day.school.state(), &day.replayed(), "a restart does not open it");
    let elsewhere = day.enter("17:07", "east-gate", &mothers_code());
    assert_eq!(elsewhere.shown(), Some(Picture::Wait), "another place is open");
    assert_eq!(fault(&day.enter("17:18:59", "desk", &mothers_code())), Some(PassFault::TooManyTries));
    day.tap("17:18:59", "ming", "desk");
    assert_eq!(day.enter("17:19", "desk", &mothers_code()).kinds(), ["pass_shown", "released"]);
}

#[test]
fn wrong_codes_that_lie_far_apart_close_nothing() {
    let mut day = a_day();
    wrong_codes(&mut day, "desk", 0..4);
    day.enter("17:15", "desk", "0");
    assert_eq!(fault(&day.enter("17:16", "desk", "0")), Some(PassFault::WrongCode));
}

#[test]
fn a_school_may_allow_fewer_wrong_codes() {
    let mut day = a_day_with(Policy { wrong_codes: 1, ..Policy::default() });
    wrong_codes(&mut day, "desk", 0..1);
    assert_eq!(fault(&day.enter("17:01", "desk", "0")), Some(PassFault::TooManyTries));
    let mut day = a_day_with(Policy { wrong_codes: 2, ..Policy::default() });
    wrong_codes(&mut day, "desk", 0..2);
    assert_eq!(fault(&day.enter("17:02", "desk", "0")), Some(PassFault::TooManyTries));
}

#[test]
fn one_code_too_many_and_the_oldest_counts_as_wrong() {
    let mut day = a_day();
    for (second, serial) in (1..=4).zip(0..) {
        assert_eq!(
            day.enter(&format!("17:45:0{second}"), "desk", &code(&id("ming", "mother", serial))).kinds(),
            [""; 0]
        );
    }
    assert_eq!(fault(&day.enter("17:45:05", "desk", "12345678")), Some(PassFault::WrongCode));
}

#[test]
fn a_restart_forgets_typed_codes_and_they_are_typed_again() {
    let mut day = a_day();
    day.enter("17:45", "desk", &mothers_code());
    let mut after = Day::of(document());
    after.school = schoolgate_core::school::School::new(support::site());
    day.entries.iter().for_each(|entry| after.school.replay(entry).unwrap());
    let rebooted = Stamp { boot: BootId(2), mono: Mono(9_000), ..at("17:47") };
    after.give_at(rebooted, Input::Started { version: "test".into() });
    let window = Stamp { mono: Mono(700_000), wall: Wall::new(rebooted.wall.unix_ms() + 691_000, 480), ..rebooted };
    assert_eq!(after.give_at(window, Input::Timeout).kinds(), [""; 0]);
}

#[test]
fn whom_staff_name_is_tried_with_the_codes_that_were_typed() {
    let mut day = a_day();
    day.enter("17:45", "east-gate", &mothers_code());
    let hongs = day.order("17:46", "zhao", Order::ConfirmRelease { student: student("hong") });
    assert!(!hongs.kinds().contains(&"pass_shown"));
    let mings = day.order("17:46", "zhao", Order::ConfirmRelease { student: student("ming") });
    assert_eq!(mings.kinds()[0], "pass_shown");
}

#[test]
fn neither_code_nor_signature_is_ever_in_the_ledger_or_in_a_debug_text() {
    let mut day = a_day();
    day.enter("17:40", "desk", &mothers_code());
    let kept = format!("{:?}", day.school);
    day.until("17:55");
    day.tap("17:56", "ming", "desk");
    day.enter("17:57", "desk", &mothers_code());
    let ledger: String = day.entries.iter().map(|entry| String::from_utf8(entry.encode().unwrap()).unwrap()).collect();
    assert!(ledger.contains("pass_shown") && ledger.contains("wrong_code"));
    let signature = mothers();
    let (_, signature) = signature.rsplit_once(':').unwrap();
    for secret in [mothers_code().as_str(), mothers_code().trim_start_matches('0'), signature] {
        assert!(!ledger.contains(secret) && !kept.contains(secret));
    }
    assert!(place("desk").as_str() == "desk" && !kept.contains(&format!("{:?}", [7u8; 32])));
}
