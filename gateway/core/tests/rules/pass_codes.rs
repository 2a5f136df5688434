//! The code of a pickup pass: eight digits, which can be guessed, and so are tried against few and not often.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    credential::CredentialStatus,
    entry::{PassFault, PassId, Reason, Recipient, What},
    picture::Picture,
    policy::Policy,
    roster::{CredentialLine, Holder},
    school::{Input, Order},
    time::{BootId, Mono, Stamp, Wall},
};

use crate::support::{Day, at, card, guardian, passes::*, service, student};

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
    let late = day.give_at(at("17:55"), Input::Timeout);
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
    after.school = schoolgate_core::school::School::new(crate::support::site());
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
    assert!(!kept.contains(&format!("{:?}", [7u8; 32])));
}
