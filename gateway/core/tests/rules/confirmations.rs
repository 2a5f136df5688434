//! Releases that are completed by the duty teacher, and those to somebody with a pickup pass.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    action::Act,
    alarm::Alarm,
    credential::CredentialId,
    entry::{OrderFault, PassId, Reason, Recipient, Seq, Tap, What},
    picture::Picture,
    roster::{Document, Holder, Restriction, Validity},
    school::{Input, Order},
    state::{Custodian, Whereabouts},
};

use crate::support::{Day, Outcome, card, guardian, place, reader, service, service::staff, student};

fn confirm(who: &str) -> Order {
    Order::ConfirmRelease { student: student(who) }
}

fn fault(outcome: &Outcome) -> Option<OrderFault> {
    match &outcome.entries[..] {
        [What::OrderRefused { reason, .. }] => Some(*reason),
        _ => None,
    }
}

fn whereabouts(day: &Day, who: &str) -> Whereabouts {
    day.school.state().presence(&student(who)).unwrap().whereabouts.clone()
}

fn mothers_pass() -> PassId {
    PassId { student: student("ming"), day: service::day(service::TODAY), serial: 1, guardian: guardian("mother") }
}

/// Somebody shows a pickup pass that is good.
fn shows_pass(day: &mut Day, time: &str, at: &str) -> Seq {
    day.give(time, Input::Timeout);
    let tap =
        Tap { place: place(at), reader: reader(at), credential: CredentialId([7; 16]), proof: Default::default() };
    day.write(time, What::PassShown { pass: mothers_pass(), tap })
}

fn with_restriction() -> Document {
    let mut document = service::document();
    let (student, guardian) = (student("ming"), guardian("mother"));
    document.restrictions.push(Restriction { student, guardian, valid: Validity::ALWAYS });
    document
}

#[test]
fn the_duty_teacher_completes_a_release_at_the_desk_without_the_childs_tap() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "mother", "desk");
    let call = day.school.state().last();
    let order = day.order("17:45", "li", confirm("ming"));
    let What::Released { to, tap, matched, confirmed_by, .. } = &order.entries[0] else { panic!("{order:?}") };
    assert_eq!(*to, Recipient::Guardian(guardian("mother")));
    assert_eq!((tap.credential, &tap.place), (card("mother"), &place("desk")), "the tap is the caller's");
    assert_eq!((*matched, confirmed_by), (Some(call), &Some(staff("li"))));
    assert_eq!(order.kinds(), ["released"]);
    assert!(matches!(&order.actions[..], [action] if action.after == Some(day.school.state().last())
            && matches!(&action.act, Act::Show { reader: at, picture: Picture::Released, .. } if *at == reader("desk"))));
    assert_eq!(whereabouts(&day, "ming"), Whereabouts::OnCampus(Custodian::Guardian(guardian("mother"))));
    assert!(day.school.state().calls().is_empty());
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn confirmed_at_a_gate_the_child_goes_out_and_may_tap_on_the_way() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("18:41:00", "mother", "east-gate");
    let order = day.order("18:41:10", "li", confirm("ming"));
    assert_eq!((order.kinds(), order.shown()), (vec!["released", "left"], Some(Picture::Goodbye)));
    assert!(order.opened() && order.promises_are_kept());
    assert_eq!(whereabouts(&day, "ming"), Whereabouts::OffCampus);
    let tap = day.tap("18:41:20", "ming", "east-gate");
    assert_eq!((tap.kinds(), tap.shown()), (vec![], Some(Picture::Goodbye)), "no second arrival");
    let elsewhere = day.tap("18:41:25", "ming", "west-gate");
    assert_eq!(elsewhere.kinds(), ["arrived"], "at another gate it is one");
}

#[test]
fn a_confirmation_is_for_the_latest_who_called_and_may_still_fetch() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "grandmother", "desk");
    day.tap("17:41", "mother", "east-gate");
    day.adopt("17:42", with_restriction());
    let order = day.order("17:43", "li", confirm("ming"));
    assert!(
        matches!(&order.entries[0], What::Released { to: Recipient::Guardian(g), .. } if *g == guardian("grandmother"))
    );
    assert_eq!(order.kinds(), ["released"], "at the desk, where she waits");
}

#[test]
fn a_confirmation_that_rests_on_nothing_is_refused_and_written_down() {
    let mut day = Day::in_service();
    assert_eq!(fault(&day.order("07:30", "li", confirm("nobody"))), Some(OrderFault::UnknownPerson));
    assert_eq!(fault(&day.order("07:30", "li", confirm("ming"))), Some(OrderFault::NotHere));
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(fault(&day.order("17:39", "li", confirm("ming"))), Some(OrderFault::NobodyCame));
    day.tap("17:40", "mother", "desk");
    day.adopt("17:41", with_restriction());
    assert_eq!(fault(&day.order("17:42", "li", confirm("ming"))), Some(OrderFault::MayNotFetch));
    assert_eq!(fault(&day.order("17:42", "chen", confirm("ming"))), Some(OrderFault::NotTheirRole));
    day.until("17:50");
    assert_eq!(fault(&day.order("17:50", "li", confirm("ming"))), Some(OrderFault::NobodyCame), "the window is over");
    assert_eq!(whereabouts(&day, "ming"), Whereabouts::OnCampus(Custodian::GateDuty));
}

#[test]
fn a_child_is_not_handed_out_twice() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "mother", "desk");
    day.tap("17:40", "grandmother", "desk");
    day.order("17:41", "li", confirm("ming"));
    assert_eq!(fault(&day.order("17:42", "li", confirm("ming"))), Some(OrderFault::NotHere));
}

#[test]
fn a_confirmation_during_a_session_without_leave_is_an_alarm_as_any_other_leaving() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("16:40", "mother", "east-gate");
    assert_eq!(day.order("16:41", "li", confirm("ming")).kinds(), ["released", "left", "alarm_raised"]);
}

#[test]
fn a_child_is_released_to_the_bearer_of_a_pass() {
    for (at, kinds) in [("desk", vec!["released"]), ("east-gate", vec!["released", "left"])] {
        let mut day = Day::in_service();
        day.tap("07:41", "ming", "east-gate");
        let shown = shows_pass(&mut day, "18:41", at);
        let tap = day.tap("18:43", "ming", at);
        assert_eq!(tap.kinds(), kinds);
        assert!(matches!(&tap.entries[0], What::Released { to: Recipient::Delegate(pass), matched, .. }
                if *pass == mothers_pass() && *matched == Some(shown)));
        assert!(day.school.state().today().used_passes.contains(&mothers_pass()));
        assert_eq!(day.replayed(), *day.school.state());
    }
}

#[test]
fn the_duty_teacher_may_confirm_the_bearer_of_a_pass() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    shows_pass(&mut day, "18:41", "desk");
    let order = day.order("18:43", "li", confirm("ming"));
    assert!(
        matches!(&order.entries[..], [What::Released { to: Recipient::Delegate(_), confirmed_by: Some(by), .. }] if *by == staff("li"))
    );
}

#[test]
fn a_pass_is_only_as_good_as_the_right_of_whoever_gave_it() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    shows_pass(&mut day, "18:41", "east-gate");
    day.adopt("18:42", with_restriction());
    let tap = day.tap("18:43", "ming", "east-gate");
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::NotReleased, .. }), "{tap:?}");
    assert_eq!(fault(&day.order("18:43", "li", confirm("ming"))), Some(OrderFault::MayNotFetch));
}

#[test]
fn a_pass_that_is_revoked_while_its_bearer_waits_fetches_nobody() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    shows_pass(&mut day, "18:41", "desk");
    let mut document = service::document();
    document.revoked_passes.push(mothers_pass());
    day.adopt("18:42", document);
    assert_eq!(day.tap("18:43", "ming", "desk").kinds(), ["waiting"]);
    assert_eq!(fault(&day.order("18:43", "li", confirm("ming"))), Some(OrderFault::MayNotFetch));
}

#[test]
fn the_window_of_a_pass_is_over_like_any_other() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    shows_pass(&mut day, "18:41", "desk");
    assert!(day.until("18:51").iter().any(|what| what.kind() == "call_ended"));
    assert_eq!(day.tap("18:51:01", "ming", "desk").kinds(), ["waiting"]);
}

#[test]
fn who_was_missed_at_the_gate_is_not_any_more_once_they_are_released() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("18:50", "mother", "desk");
    assert!(day.until("18:55").iter().any(|what| what.kind() == "extended_care"), "fifteen minutes after chess");
    let order = day.order("18:56", "li", confirm("ming"));
    assert_eq!(order.kinds(), ["released", "alarm_ended"], "once, and the call of before holds");
    let not_fetched =
        |alarm: &Alarm| matches!(alarm, Alarm::NotFetched { student: who, .. } if *who == student("ming"));
    assert!(!day.school.state().alarms().keys().any(not_fetched));
}

#[test]
fn a_guardian_who_calls_again_renews_their_own_call_only() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:41", "hong", "east-gate");
    day.tap("17:45", "mother", "desk");
    day.tap("17:46", "grandmother", "desk");
    assert_eq!(day.tap("17:47", "grandmother", "east-gate").kinds(), ["call_ended", "called"]);
    let callers: Vec<_> = day.school.state().calls().values().map(|call| call.caller.guardian().clone()).collect();
    assert_eq!(callers, [guardian("mother"), guardian("grandmother")]);
}

#[test]
fn a_leaver_whom_the_roster_forgot_in_a_restart_is_handed_to_whoever_had_called() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("18:41", "mother", "east-gate");
    let mut document = service::document();
    document.students.retain(|line| line.id != student("ming"));
    document.authorisations.retain(|line| line.student != student("ming"));
    document.restrictions.clear();
    document.enrolments.retain(|line| line.student != student("ming"));
    document.dinners.clear();
    document.credentials.retain(|line| line.holder != Holder::Student(student("ming")));
    day.restart("18:42", document);
    assert!(day.school.roster().student(&student("ming")).is_none());
    let order = day.order("18:43", "li", confirm("ming"));
    assert_eq!((order.kinds(), order.opened()), (vec!["released", "left"], true), "{order:?}");
    assert_eq!(fault(&day.order("18:44", "li", confirm("ming"))), Some(OrderFault::NotHere));
    assert_eq!(day.replayed(), *day.school.state());
}
