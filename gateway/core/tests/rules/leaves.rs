//! Leaving early, with leave and without.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{OrderFault, Reason, Recipient, What},
    picture::Picture,
    policy::Policy,
    roster::{Document, LeaveLine},
    school::Order,
    time::ClockQuality,
};

use crate::support::{
    Day, Outcome, service,
    service::{hours, leave, session},
    student,
};

fn with_leave(line: LeaveLine) -> Day {
    let mut document = service::document();
    document.leaves.push(line);
    Day::of(document)
}

/// Children are handed over from 17:30 on.
fn with_release_hours(mut document: Document) -> Day {
    document.policy = Policy { release_hours: Some(hours("17:30", "20:30")), ..Policy::default() };
    Day::of(document)
}

fn approve(who: &str, from: &str, until: &str, alone: bool) -> Order {
    Order::ApproveLeave { student: student(who), hours: hours(from, until), alone }
}

fn fault(outcome: &Outcome) -> Option<OrderFault> {
    outcome.entries.iter().find_map(|what| match what {
        What::OrderRefused { reason, .. } => Some(*reason),
        _ => None,
    })
}

fn left_during(who: &str, id: &str) -> Alarm {
    Alarm::LeftDuringSession { student: student(who), session: session(id) }
}

#[test]
fn a_leave_on_the_roster_lets_a_child_go_alone_in_its_hours_and_nobody_is_alarmed() {
    let mut day = with_leave(leave("ming", "16:40", "17:00", true));
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(day.tap("16:39:59", "ming", "east-gate").kinds()[0], "refused");
    let tap = day.tap("16:40:03", "ming", "east-gate");
    assert_eq!(tap.kinds(), ["released", "alarm_ended", "left"]);
    assert!(matches!(tap.entries[0], What::Released { to: Recipient::Alone, matched: None, .. }));
    assert_eq!((tap.shown(), tap.opened()), (Some(Picture::Goodbye), true));
}

#[test]
fn a_leave_is_over_when_its_hours_are() {
    let mut day = with_leave(leave("ming", "16:40", "17:00", true));
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(day.tap("17:01", "ming", "east-gate").kinds()[0], "refused");
}

#[test]
fn of_two_leaves_at_once_the_one_that_permits_more_holds() {
    let mut document = service::document();
    document.leaves.push(LeaveLine { hours: None, ..leave("ming", "00:00", "00:00", false) });
    document.leaves.push(leave("ming", "16:40", "17:00", true));
    let mut day = Day::of(document);
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(day.tap("16:45", "ming", "east-gate").kinds(), ["released", "left"]);
}

#[test]
fn a_leave_that_staff_approve_holds_at_once() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    let order = day.order("16:35", "zhao", approve("ming", "16:30", "17:00", true));
    assert!(matches!(order.entries[..], [What::LeaveApproved { alone: true, .. }]));
    assert_eq!(day.tap("16:36", "ming", "east-gate").kinds(), ["released", "left"]);
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_leave_that_does_not_permit_going_alone_lets_a_guardian_fetch_outside_the_release_hours() {
    let mut day = with_release_hours(service::document());
    day.tap("07:41", "ming", "east-gate");
    let tap = day.tap("16:35", "mother", "east-gate");
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::OutsideHours, .. }));
    day.order("16:36", "zhao", approve("ming", "16:30", "17:00", false));
    assert!(matches!(
        day.tap("16:37:30", "ming", "east-gate").entries[0],
        What::Refused { reason: Reason::NotReleased, .. }
    ));
    assert_eq!(day.tap("16:38", "mother", "east-gate").kinds(), ["released", "alarm_ended", "left"], "and no alarm");
}

#[test]
fn a_leave_on_the_roster_opens_the_release_hours_for_that_child_only() {
    let mut document = service::document();
    document.leaves.push(leave("ming", "10:00", "11:00", false));
    let mut day = with_release_hours(document);
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:41", "hong", "east-gate");
    let tap = day.tap("10:30", "grandmother", "desk");
    assert!(matches!(&tap.entries[..], [What::Called { students, .. }] if *students == [student("ming")]), "{tap:?}");
    let uncle = day.tap("10:31", "uncle", "desk");
    assert!(matches!(uncle.entries[0], What::Refused { reason: Reason::Restricted, .. }), "a restriction beats it");
}

#[test]
fn without_a_clock_no_leave_holds_and_none_can_be_approved() {
    let mut day = with_leave(leave("ming", "16:40", "17:00", true));
    day.tap("07:41", "ming", "east-gate");
    day.clock = ClockQuality::Unset;
    assert_eq!(day.tap("16:45", "ming", "east-gate").kinds()[0], "refused");
    let order = day.order("16:46", "zhao", approve("ming", "16:30", "17:00", true));
    assert_eq!(fault(&order), Some(OrderFault::ClockUnset));
}

#[test]
fn a_leave_that_can_not_be_right_is_not_approved() {
    let mut day = Day::in_service();
    for (order, reason) in [
        (approve("nobody", "16:30", "17:00", true), OrderFault::UnknownPerson),
        (approve("ming", "17:00", "16:30", true), OrderFault::Senseless),
        (approve("ming", "08:00", "09:00", true), OrderFault::Senseless),
    ] {
        assert_eq!(fault(&day.order("16:20", "zhao", order)), Some(reason));
    }
    assert_eq!(
        fault(&day.order("16:21", "li", approve("ming", "16:30", "17:00", true))),
        Some(OrderFault::NotTheirRole)
    );
    assert!(day.school.state().today().leaves.is_empty());
}

#[test]
fn the_same_leave_is_approved_once_and_leaves_have_a_bound() {
    let mut day = Day::in_service();
    day.order("16:20", "zhao", approve("ming", "16:30", "17:00", true));
    assert_eq!(day.order("16:20", "zhao", approve("ming", "16:30", "17:00", true)).kinds(), [""; 0]);
    let faults: Vec<_> = (0..20)
        .map(|n| fault(&day.order("16:21", "zhao", approve("ming", "16:30", &format!("18:{n:02}"), true))))
        .collect();
    assert_eq!(faults.iter().filter(|fault| fault.is_none()).count(), 15);
    assert_eq!(faults.last(), Some(&Some(OrderFault::Senseless)));
}

#[test]
fn a_child_fetched_during_its_session_without_leave_is_an_alarm_at_once() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("16:40", "mother", "east-gate");
    let tap = day.tap("16:41", "ming", "east-gate");
    assert_eq!(tap.kinds(), ["released", "left", "alarm_raised"]);
    let left = day.entries[day.entries.len() - 2].seq;
    let alarm = left_during("ming", "homework-0901");
    assert!(
        matches!(&tap.entries[2], What::AlarmRaised { alarm: raised, cause } if *raised == alarm && *cause == Some(left))
    );
    assert!(tap.opened(), "nobody is kept from their family");
}

#[test]
fn a_child_released_at_the_desk_is_an_alarm_when_it_leaves_not_before() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("16:40", "mother", "desk");
    assert_eq!(day.tap("16:41", "ming", "desk").kinds(), ["released"]);
    assert_eq!(day.tap("16:45", "ming", "west-gate").kinds(), ["left", "alarm_raised"]);
}

#[test]
fn a_child_who_walks_home_during_its_session_is_an_alarm_too() {
    let mut document = service::document();
    document.students.iter_mut().find(|s| s.id == student("lei")).unwrap().walks_home = Some(hours("17:00", "18:00"));
    let mut day = Day::of(document);
    day.tap("07:41", "lei", "east-gate");
    assert_eq!(day.tap("17:29", "lei", "east-gate").kinds(), ["released", "left", "alarm_raised"]);
}

#[test]
fn who_leaves_before_or_after_their_session_or_has_none_is_no_alarm() {
    for (time, who, by) in
        [("16:29", "ming", "mother"), ("17:30", "hong", "grandmother"), ("17:44", "hong", "grandmother")]
    {
        let mut day = Day::in_service();
        day.tap("07:41", who, "east-gate");
        day.tap(time, who, "east-gate");
        let taken = day.tap(time, by, "east-gate");
        assert_eq!(taken.kinds(), ["released", "alarm_ended", "left"], "{who} at {time}");
    }
}

#[test]
fn the_alarm_is_over_when_the_child_is_back_and_the_next_one_is_told_again() {
    let mut day = Day::in_service();
    for who in ["ming", "hong"] {
        day.tap("07:41", who, "east-gate");
        day.tap("16:35", who, "east-gate");
    }
    day.tap("16:36", "grandmother", "east-gate");
    assert_eq!(day.school.state().alarms().len(), 2);
    let back = day.tap("16:38", "hong", "east-gate");
    assert_eq!(back.kinds(), ["arrived", "alarm_ended"]);
    assert!(!day.school.state().alarms().contains_key(&left_during("hong", "homework-0901")));
    assert!(day.school.state().alarms().contains_key(&left_during("ming", "homework-0901")), "Ming is away still");
    day.tap("16:39", "hong", "east-gate");
    assert_eq!(
        day.tap("16:39:30", "grandmother", "east-gate").kinds(),
        ["released", "alarm_ended", "left", "alarm_raised"]
    );
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn without_a_clock_a_family_that_fetches_its_child_is_no_alarm() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.clock = ClockQuality::Unset;
    day.tap("16:40", "mother", "east-gate");
    assert_eq!(day.tap("16:41", "ming", "east-gate").kinds(), ["released", "left"]);
}
