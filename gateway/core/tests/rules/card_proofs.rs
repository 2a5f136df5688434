//! What a card proves, what policy makes of it, and copies that are found out by their counter.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use proptest::prelude::*;
use schoolgate_core::{
    alarm::Alarm,
    entry::{PassFault, Reason, What},
    picture::{Light, Picture},
    policy::Policy,
    proof::{BareNumber, Proof, ProofKind, Proofs},
    roster::Roster,
    school::Input,
};

use crate::support::{Day, Outcome, at, card, document, place, reader};

fn message(counter: u32) -> Proof {
    Proof::SecureMessage { counter }
}

fn shows(day: &mut Day, time: &str, who: &str, proof: Proof) -> Outcome {
    day.give(time, Input::Tap { reader: reader("east-in"), credential: card(who), proof })
}

fn refusal(outcome: &Outcome) -> Option<&Reason> {
    outcome.entries.iter().find_map(|what| match what {
        What::Refused { reason, .. } => Some(reason),
        _ => None,
    })
}

fn students_show(kinds: &[ProofKind]) -> Policy {
    let student = kinds.iter().copied().collect();
    Policy { proofs: Proofs { student, ..Proofs::default() }, ..Policy::default() }
}

#[test]
fn the_entry_tells_what_the_card_proved() {
    for proof in [Proof::Number, message(61), Proof::SecureChannel] {
        let mut day = Day::new();
        let tap = shows(&mut day, "07:40", "ming", proof);
        assert!(matches!(&tap.entries[..], [What::Arrived { tap, .. }] if tap.proof == proof), "{tap:?}");
    }
}

#[test]
fn a_message_that_is_played_back_opens_nothing_and_security_hears() {
    let mut day = Day::new();
    assert!(shows(&mut day, "07:40", "ming", message(61)).opened());

    let replay = shows(&mut day, "07:45", "ming", message(61));

    assert_eq!(refusal(&replay), Some(&Reason::Cloned));
    assert!(!replay.opened());
    assert_eq!(replay.shown(), Some(Picture::CardRefused));
    let alarm = Alarm::ClonedCard { place: place("east-gate") };
    assert!(day.school.state().alarms().contains_key(&alarm));
    let raised =
        day.entries.iter().find(|e| matches!(&e.what, What::AlarmRaised { alarm: raised, .. } if *raised == alarm));
    assert!(raised.is_some());
}

#[test]
fn a_message_that_is_played_back_at_once_is_not_taken_for_the_same_tap_again() {
    let mut day = Day::new();
    shows(&mut day, "07:40:00", "ming", message(61));
    assert_eq!(refusal(&shows(&mut day, "07:40:01", "ming", message(61))), Some(&Reason::Cloned));
}

#[test]
fn an_older_message_is_a_copy_and_the_real_card_is_taken_still() {
    let mut day = Day::new();
    shows(&mut day, "07:40", "ming", message(61));
    assert_eq!(refusal(&shows(&mut day, "07:45", "ming", message(60))), Some(&Reason::Cloned));
    assert!(
        refusal(&shows(&mut day, "07:50", "ming", message(62))).is_none(),
        "a refused copy must not lock the card out"
    );
}

#[test]
fn the_real_card_right_behind_its_copy_is_not_taken_for_the_same_tap() {
    let mut day = Day::new();
    shows(&mut day, "07:40:00", "ming", message(61));
    assert_eq!(refusal(&shows(&mut day, "17:45:00", "ming", message(61))), Some(&Reason::Cloned));
    let real = shows(&mut day, "17:45:01", "ming", message(62));
    assert!(refusal(&real).is_none(), "{real:?}");
    assert_eq!(day.school.state().counter(card("ming")), Some(62));
}

#[test]
fn a_card_read_elsewhere_in_between_is_taken() {
    let mut day = Day::new();
    shows(&mut day, "07:40", "ming", message(61));
    assert!(refusal(&shows(&mut day, "07:45", "ming", message(61 + 5_000))).is_none());
}

#[test]
fn the_counter_outlasts_a_restart() {
    let mut day = Day::new();
    shows(&mut day, "07:40", "ming", message(61));
    day.restart("07:50", document());
    assert_eq!(refusal(&shows(&mut day, "07:55", "ming", message(61))), Some(&Reason::Cloned));
}

#[test]
fn a_message_shown_within_the_same_tap_cannot_be_played_back_after_a_restart() {
    let mut day = Day::new();
    shows(&mut day, "07:40:00", "ming", message(61));

    let again = shows(&mut day, "07:40:01", "ming", message(62));

    assert_eq!(again.kinds(), ["counted"]);
    assert_eq!(again.shown(), Some(Picture::Welcome));
    day.restart("07:50", document());
    assert_eq!(refusal(&shows(&mut day, "07:55", "ming", message(62))), Some(&Reason::Cloned));
}

#[test]
fn a_copy_played_on_and_on_leaves_one_entry_within_the_repeat_window() {
    let mut day = Day::new();
    shows(&mut day, "07:40", "ming", message(61));
    let refused_at =
        |day: &mut Day, second: u32| refusal(&shows(day, &format!("07:45:{second:02}"), "ming", message(61))).is_some();
    let refusals = (0..30).filter(|second| refused_at(&mut day, *second)).count();
    assert_eq!(refusals, 1);
}

#[test]
fn a_copy_of_one_card_says_nothing_of_another() {
    let mut day = Day::new();
    shows(&mut day, "07:40", "ming", message(61));
    assert!(refusal(&shows(&mut day, "07:41", "hong", message(7))).is_none());
}

#[test]
fn a_message_of_no_card_of_the_school_is_unknown_and_its_counter_is_kept_nonetheless() {
    let mut day = Day::new();
    assert_eq!(refusal(&shows(&mut day, "07:40", "stranger", message(5))), Some(&Reason::Unknown));
    assert_eq!(day.school.state().counter(card("stranger")), Some(5));
}

#[test]
fn a_message_that_the_card_did_not_make_is_refused_and_does_not_touch_the_counter() {
    let mut day = Day::new();
    let outcome = day.give("07:40", Input::Cloned { reader: reader("east-in"), credential: card("ming") });
    assert_eq!(refusal(&outcome), Some(&Reason::Cloned));
    assert_eq!(day.school.state().counter(card("ming")), None);
}

#[test]
fn a_cards_text_on_a_scanner_or_a_telephone_is_no_card() {
    let mut day = Day::new();
    let text = "https://card.example/t?picc_data=EF963FF7828658A599F3041510671E88&cmac=94EED9EE65337086".into();
    let scan = day.give("07:40", Input::Pass { reader: reader("east-in"), text });
    assert_eq!(refusal(&scan), Some(&Reason::Pass(PassFault::Unreadable)));
    assert!(!scan.opened());
}

#[test]
fn where_policy_takes_no_codes_or_no_passes_they_are_refused_with_that_reason() {
    for (pass, input) in [
        ([ProofKind::Pass].into(), Input::Code { reader: reader("desk"), digits: "12345678".into() }),
        ([].into(), Input::Code { reader: reader("desk"), digits: "12345678".into() }),
    ] {
        let mut day = Day::with(Policy { proofs: Proofs { pass, ..Proofs::default() }, ..Policy::default() });
        let tried = day.give("17:40", input);
        assert_eq!(refusal(&tried), Some(&Reason::WeakProof));
        assert!(matches!(&tried.entries[..], [What::Refused { tap, .. }, ..] if tap.proof == Proof::Code));
    }
}

#[test]
fn by_default_every_proof_counts_for_everybody() {
    for who in ["ming", "grandmother"] {
        for proof in [Proof::Number, message(1), Proof::SecureChannel] {
            let refused = refusal(&shows(&mut Day::new(), "07:40", who, proof)).cloned();
            assert_ne!(refused, Some(Reason::WeakProof), "{who} {proof:?}");
        }
    }
}

#[test]
fn where_students_must_show_messages_a_number_is_refused_with_its_own_reason_and_picture() {
    let mut day = Day::with(students_show(&[ProofKind::SecureMessage]));

    let tap = shows(&mut day, "07:40", "ming", Proof::Number);

    assert_eq!(refusal(&tap), Some(&Reason::WeakProof));
    assert_eq!(tap.shown(), Some(Picture::WeakCard));
    assert_eq!(Picture::WeakCard.light(), Light::Red);
    assert!(!tap.opened() && tap.promises_are_kept());
    let unrecorded = day.school.without_record(at("07:40:10"), &reader("east-in"), card("ming"), Proof::Number);
    assert_eq!(unrecorded, Picture::WeakCard);
    assert!(shows(&mut day, "07:41", "ming", message(1)).opened());
}

#[test]
fn a_policy_for_students_is_none_for_their_guardians() {
    let mut day = Day::with(students_show(&[ProofKind::SecureMessage]));
    shows(&mut day, "07:40", "ming", message(1));
    assert_eq!(shows(&mut day, "17:40", "grandmother", Proof::Number).kinds(), ["called"]);
}

#[test]
fn a_lost_card_is_lost_whatever_it_proves() {
    let mut day = Day::with(students_show(&[ProofKind::SecureMessage]));
    assert_eq!(refusal(&shows(&mut day, "07:40", "lost", Proof::Number)), Some(&Reason::Lost));
}

#[test]
fn the_bare_number_of_a_card_that_spoke_is_a_copy_only_where_policy_says_so() {
    for (bare_number, expected) in [(BareNumber::LetThrough, None), (BareNumber::Refuse, Some(Reason::Cloned))] {
        let mut day = Day::with(Policy { bare_number, ..Policy::default() });
        shows(&mut day, "07:40", "ming", message(61));
        assert_eq!(refusal(&shows(&mut day, "07:50", "ming", Proof::Number)).cloned(), expected);
        assert_eq!(refusal(&shows(&mut day, "07:51", "hong", Proof::Number)), None, "hong's card never spoke");
        assert_eq!(refusal(&shows(&mut day, "07:52", "ming", Proof::SecureChannel)), None);
    }
}

#[test]
fn nothing_is_let_through_on_a_copy_while_nothing_can_be_recorded() {
    let mut day = Day::new();
    shows(&mut day, "07:40", "ming", message(61));
    let mut show = |counter| day.school.without_record(at("07:50"), &reader("east-in"), card("ming"), message(counter));
    assert_eq!(show(61), Picture::CardRefused);
    assert_ne!(show(62), Picture::CardRefused);
}

#[test]
fn a_policy_that_names_the_impossible_or_leaves_cards_out_is_refused() {
    let faults_of = |proofs| {
        let mut document = document();
        document.policy.proofs = proofs;
        let faults = Roster::try_new(document).err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.at).collect::<Vec<_>>()
    };
    let any = Proofs::default;
    assert_eq!(
        faults_of(Proofs { staff: [ProofKind::Number, ProofKind::Code].into(), ..any() }),
        ["policy.proofs.staff"]
    );
    assert_eq!(faults_of(Proofs { pass: [ProofKind::Number].into(), ..any() }), ["policy.proofs.pass"]);
    assert_eq!(faults_of(Proofs { visitor: [].into(), ..any() }), ["policy.proofs.visitor"]);
    assert!(faults_of(Proofs { pass: [].into(), ..any() }).is_empty(), "no passes at all is a policy");
}

#[test]
fn the_policy_reads_as_the_guide_has_it() {
    let policy: Policy = serde_json::from_str(
        r#"{"proofs":{"student":["secure_message","secure_channel"],"pass":[]},"bare_number":"refuse"}"#,
    )
    .unwrap();
    assert!(!policy.proofs.student.contains(&ProofKind::Number));
    assert!(policy.proofs.guardian.contains(&ProofKind::Number));
    assert!(policy.proofs.pass.is_empty());
    assert_eq!(policy.bare_number, BareNumber::Refuse);
}

proptest! {
    #[test]
    fn a_message_is_taken_once_and_no_counter_goes_back(
        steps in prop::collection::vec((0..3_usize, 0..12_u32, 1..8_u32, prop::bool::weighted(0.1)), 1..60)
    ) {
        let mut day = Day::new();
        let mut seen = [None; 3];
        let mut second = 0;
        for (who, counter, pause, restart) in steps {
            second += pause;
            let time = format!("08:{:02}:{:02}", second / 60, second % 60);
            if restart {
                day.restart(&time, document());
            }
            let name = ["ming", "hong", "lei"][who];
            let tap = shows(&mut day, &time, name, message(counter));
            let fresh = seen[who].is_none_or(|last| counter > last);
            if fresh {
                prop_assert_ne!(refusal(&tap), Some(&Reason::Cloned));
                seen[who] = Some(counter);
            } else {
                prop_assert!(!tap.opened());
                prop_assert_eq!(tap.shown(), Some(Picture::CardRefused));
            }
            prop_assert_eq!(day.school.state().counter(card(name)), seen[who]);
            prop_assert_eq!(&day.replayed(), day.school.state());
        }
    }
}
