//! Two members of staff, one group: who offers, who takes over, who is missing, and what if nobody comes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{OrderFault, Reason, What},
    id::StudentId,
    picture::{Light, Picture},
    roster::Post,
    school::Order,
    state::Custodian,
};

use crate::support::{Day, place, service, student};

/// Li leads homework in room 1; Ming and Hong are there.
fn homework() -> Day {
    let mut day = Day::in_service();
    for who in ["zhou", "li", "wang", "zhao", "sun"] {
        day.tap("07:00", who, "east-gate");
    }
    day.tap("16:20", "li", "room-1");
    day.tap("16:25", "ming", "room-1");
    day.tap("16:26", "hong", "room-1");
    day
}

fn custodian(day: &Day, who: &str) -> Custodian {
    day.school.state().presence(&student(who)).unwrap().custodian().unwrap().clone()
}

fn of(staff: &str) -> Custodian {
    Custodian::Staff(service::staff(staff))
}

fn lead(day: &Day) -> String {
    day.school.state().lessons()[&service::session("homework-0901")].lead().unwrap().staff.to_string()
}

/// From whom to whom, the group and who is missing of it.
fn handed(entries: &[What]) -> (String, String, Vec<StudentId>, Vec<StudentId>) {
    let handed = entries.iter().find_map(|what| match what {
        What::HandedOver { from, to, students, missing, .. } => {
            Some((from.to_string(), to.to_string(), students.clone(), missing.clone()))
        }
        _ => None,
    });
    handed.unwrap_or_else(|| panic!("no handover in {entries:?}"))
}

fn incomplete(from: &str, at: &str) -> Alarm {
    Alarm::HandoverIncomplete { from: service::staff(from), place: place(at) }
}

fn order(to: &str, present: &[&str]) -> Order {
    Order::HandOver { to: service::staff(to), present: present.iter().map(|who| student(who)).collect() }
}

fn fault(entries: &[What]) -> Option<OrderFault> {
    entries.iter().find_map(|what| match what {
        What::OrderRefused { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[test]
fn the_teacher_offers_and_the_next_takes_over_the_whole_group() {
    let mut day = homework();
    let offer = day.tap("17:00:00", "li", "room-1");
    assert_eq!((offer.kinds(), offer.shown()), (vec!["handover_offered"], Some(Picture::HandoverWaits)));
    assert_eq!(custodian(&day, "ming"), of("li"), "an offer passes nothing");
    let taken = day.tap("17:00:59", "wang", "room-1");
    assert_eq!(taken.kinds(), ["handed_over"]);
    assert_eq!(handed(&taken.entries), ("li".into(), "wang".into(), vec![student("hong"), student("ming")], vec![]));
    assert_eq!(taken.shown(), Some(Picture::HandedOver { students: 2, missing: 0 }));
    assert!(taken.promises_are_kept());
    assert_eq!((custodian(&day, "ming"), lead(&day)), (of("wang"), "wang".into()));
    assert_eq!(day.school.state().offers().len(), 0);
    assert!(day.until("17:10").is_empty(), "and nobody is alarmed");
}

#[test]
fn whoever_takes_over_may_come_first() {
    let mut day = homework();
    let ask = day.tap("17:00:00", "wang", "room-1");
    assert!(
        matches!(&ask.entries[..], [What::HandoverOffered { to: Some(wang), .. }] if *wang == service::staff("wang"))
    );
    let given = day.tap("17:00:30", "li", "room-1");
    assert_eq!(handed(&given.entries).1, "wang");
    assert_eq!(lead(&day), "wang");
}

#[test]
fn after_the_window_the_offer_is_not_taken_and_a_new_pair_of_taps_is_needed() {
    let mut day = homework();
    day.tap("17:00:00", "li", "room-1");
    let late = day.tap("17:01:00", "wang", "room-1");
    assert_eq!(late.kinds(), ["handover_lapsed", "handover_offered"]);
    assert_eq!(custodian(&day, "ming"), of("li"));
    assert_eq!(day.tap("17:01:20", "li", "room-1").kinds(), ["handed_over"]);
}

#[test]
fn an_offer_at_another_reader_is_not_this_one() {
    let mut day = homework();
    day.tap("17:00:00", "li", "room-1");
    assert_eq!(day.tap("17:00:10", "zhao", "desk").kinds(), ["seen"]);
    assert_eq!(custodian(&day, "ming"), of("li"));
}

#[test]
fn who_comes_after_the_handover_is_in_the_new_teachers_custody() {
    let mut day = homework();
    day.tap("17:00:00", "li", "room-1");
    day.tap("17:00:20", "wang", "room-1");
    day.tap("17:05", "lei", "room-1");
    assert_eq!(custodian(&day, "lei"), of("wang"));
}

#[test]
fn who_signed_out_or_was_seen_elsewhere_is_missing_and_passes_all_the_same() {
    let mut day = homework();
    day.tap("16:28", "lei", "room-1");
    day.tap("16:50", "hong", "room-1");
    day.tap("16:55", "ming", "canteen");
    day.tap("17:00:00", "li", "room-1");
    let taken = day.tap("17:00:20", "wang", "room-1");
    let (_, _, students, missing) = handed(&taken.entries);
    assert_eq!(students, [student("hong"), student("lei"), student("ming")]);
    assert_eq!(missing, [student("hong"), student("ming")]);
    assert_eq!(taken.shown().unwrap().light(), Light::Amber);
    assert_eq!(custodian(&day, "ming"), of("wang"), "who has to look for them now");
}

#[test]
fn a_child_checked_in_by_the_teachers_word_is_not_missing() {
    let mut day = homework();
    day.tap("16:30", "lei", "east-gate");
    day.order("16:40", "li", Order::CheckIn { student: student("lei"), place: place("room-1") });
    day.tap("17:00:00", "li", "room-1");
    assert_eq!(handed(&day.tap("17:00:20", "wang", "room-1").entries).3, []);
}

#[test]
fn at_the_desk_those_who_have_not_shown_up_there_are_missing() {
    let mut day = homework();
    day.tap("17:31", "ming", "desk");
    day.tap("17:32:00", "li", "desk");
    let taken = day.tap("17:32:20", "wang", "desk");
    assert_eq!(handed(&taken.entries).3, [student("hong")]);
}

#[test]
fn at_the_desk_the_one_who_answers_for_children_hands_over_whoever_taps_first() {
    let mut day = homework();
    assert_eq!(day.tap("17:32:00", "zhao", "desk").kinds(), ["seen"]);
    let given = day.tap("17:32:30", "li", "desk");
    assert_eq!((handed(&given.entries).0, handed(&given.entries).1), ("li".into(), "zhao".into()));
    let mut late = homework();
    late.tap("17:32:00", "zhao", "desk");
    assert_eq!(late.tap("17:33:00", "li", "desk").kinds(), ["handover_offered"]);
}

#[test]
fn who_begins_extended_care_at_the_desk_offers_nothing_and_is_given_the_children_there() {
    let mut day = homework();
    let begins = day.tap("17:32:00", "wang", "desk");
    assert_eq!((begins.kinds(), begins.shown()), (vec!["post_taken"], Some(Picture::TakenUp)));
    let given = day.tap("17:32:30", "li", "desk");
    assert_eq!((handed(&given.entries).0, handed(&given.entries).1), ("li".into(), "wang".into()));
    let mut alone = homework();
    alone.tap("17:32:00", "wang", "desk");
    assert!(alone.until("17:40").iter().all(|what| what.kind() != "alarm_raised"), "and nobody is alarmed");
}

#[test]
fn children_pass_to_extended_care_though_its_holder_taps_first() {
    let mut day = homework();
    day.tap("17:10", "wang", "desk");
    assert_eq!(day.tap("17:32:00", "wang", "desk").kinds(), ["handover_offered"]);
    let given = day.tap("17:32:30", "li", "desk");
    assert_eq!(given.kinds(), ["handover_lapsed", "handed_over"]);
    assert_eq!((handed(&given.entries).0, handed(&given.entries).1), ("li".into(), "wang".into()));
    assert_eq!(day.school.state().posts()[&Post::ExtendedCare].staff, service::staff("wang"), "the post stays");
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn if_both_answer_for_children_the_first_hands_over() {
    let mut day = homework();
    day.tap("17:30", "sun", "room-2");
    day.tap("17:40", "ming", "room-2");
    day.tap("17:42:00", "li", "desk");
    let taken = day.tap("17:42:20", "sun", "desk");
    assert!(
        matches!(taken.entries[0], What::Refused { reason: Reason::NotForYou, .. }),
        "an instructor does not take over another's lesson: {taken:?}"
    );
    day.tap("17:43:00", "sun", "desk");
    let taken = day.tap("17:43:20", "li", "desk");
    assert_eq!((handed(&taken.entries).0, handed(&taken.entries).1), ("sun".into(), "li".into()));
    assert_eq!(custodian(&day, "ming"), of("li"));
}

#[test]
fn the_post_at_the_gates_passes_with_its_holder() {
    let mut day = homework();
    let offer = day.tap("17:10:00", "zhou", "east-gate");
    assert_eq!((offer.kinds(), offer.opened()), (vec!["handover_offered"], false));
    let taken = day.tap("17:10:30", "wang", "east-gate");
    assert!(matches!(&taken.entries[..], [What::HandedOver { posts, .. }] if *posts == [Post::Gate]), "{taken:?}");
    assert!(!taken.opened(), "Wang was on campus and stays");
    assert_eq!(day.school.state().posts()[&Post::Gate].staff, service::staff("wang"));
    assert_eq!(day.tap("17:12", "zhou", "east-gate").kinds(), ["went"], "and is not taken back by going home");
}

#[test]
fn whoever_happens_to_pass_the_gate_after_the_gate_duty_does_not_become_it() {
    let mut day = homework();
    day.tap("17:10:00", "zhou", "east-gate");
    assert_eq!(day.tap("17:10:20", "head", "east-gate").kinds(), ["came"]);
    assert_eq!(day.tap("17:10:30", "sun", "east-gate").kinds(), ["went"]);
    assert_eq!(day.school.state().posts()[&Post::Gate].staff, service::staff("zhou"));
}

#[test]
fn who_may_not_answer_for_children_does_not_take_over() {
    let mut day = homework();
    day.tap("07:00", "chen", "west-gate");
    day.tap("17:00:00", "li", "room-1");
    assert_eq!(day.tap("17:00:10", "chen", "room-1").kinds(), ["seen"]);
    let sun = day.tap("17:00:20", "sun", "room-1");
    assert!(matches!(sun.entries[..], [What::Refused { reason: Reason::NotForYou, .. }]), "{sun:?}");
    assert_eq!(custodian(&day, "ming"), of("li"));
    assert_eq!(day.tap("17:00:40", "wang", "room-1").kinds(), ["handed_over"], "the offer still stands");
}

#[test]
fn a_handover_that_nobody_takes_is_an_alarm_after_two_minutes_and_lapses_a_minute_later() {
    let mut day = homework();
    day.tap("17:00:00", "li", "room-1");
    assert!(day.until("17:01:59").is_empty());
    let raised = day.until("17:02:00");
    assert!(
        matches!(&raised[..], [What::AlarmRaised { alarm, cause: Some(_) }] if *alarm == incomplete("li", "room-1"))
    );
    assert!(day.until("17:02:59").is_empty());
    let over = day.until("17:03:00");
    assert_eq!(over.iter().map(What::kind).collect::<Vec<_>>(), ["handover_lapsed", "alarm_ended"]);
    assert!(day.until("17:20").is_empty(), "ended once");
    assert_eq!(custodian(&day, "ming"), of("li"));
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn the_alarm_ends_when_the_handover_is_made_after_all() {
    let mut day = homework();
    day.tap("17:00:00", "li", "room-1");
    day.until("17:02:00");
    let ask = day.tap("17:02:20", "wang", "room-1");
    assert_eq!(ask.kinds(), ["handover_lapsed", "alarm_ended", "handover_offered"]);
    assert_eq!(day.tap("17:02:30", "li", "room-1").kinds(), ["handed_over"]);
    assert!(day.until("17:20").is_empty());
    let mut screen = homework();
    screen.tap("17:00:00", "li", "room-1");
    screen.until("17:02:00");
    let done = screen.order("17:02:10", "li", order("wang", &["ming", "hong"]));
    assert_eq!(done.kinds(), ["handed_over", "alarm_ended"]);
}

#[test]
fn nobody_has_two_offers_open() {
    let mut day = homework();
    day.tap("17:00:00", "li", "room-1");
    assert_eq!(day.tap("17:00:30", "li", "desk").kinds(), ["handover_lapsed", "handover_offered"]);
    assert_eq!(day.school.state().offers().len(), 1);
}

#[test]
fn an_offer_with_nothing_left_to_hand_over_lapses_without_an_alarm() {
    let mut day = homework();
    day.order("17:31", "li", order("zhao", &["ming", "hong"]));
    day.tap("17:32:00", "zhao", "desk");
    for who in ["ming", "hong"] {
        day.tap("17:32:10", who, "desk");
    }
    day.tap("17:32:20", "grandmother", "desk");
    let left = day.tap("17:32:30", "zhao", "room-1");
    assert_eq!(left.kinds(), ["session_left"]);
    let after = day.until("17:40");
    assert_eq!(after.iter().map(What::kind).collect::<Vec<_>>(), ["handover_lapsed"]);
}

#[test]
fn who_has_just_taken_a_group_over_is_not_given_the_next_one_unasked() {
    let mut day = homework();
    day.tap("17:00", "zhou", "room-1"); // asks; Li does not come
    day.order("17:05", "zhao", Order::TakePost { post: Post::ExtendedCare });
    day.tap("17:32:00", "wang", "desk");
    assert_eq!(day.tap("17:32:20", "li", "desk").kinds(), ["handed_over"]);
    assert_eq!(day.tap("17:32:40", "zhao", "desk").kinds(), ["handover_offered"], "Wang did not tap again");
}

#[test]
fn whoever_takes_over_from_the_lead_leads_though_another_has_been_there_for_longer() {
    let mut day = homework();
    day.adopt("16:27", {
        let mut document = service::document();
        document.sessions[0].staff.push(service::staff("zhou"));
        document
    });
    assert_eq!(day.tap("16:30", "zhou", "room-1").kinds(), ["session_taken"]);
    day.tap("17:00:00", "li", "room-1");
    day.tap("17:00:20", "wang", "room-1");
    assert_eq!((custodian(&day, "ming"), lead(&day)), (of("wang"), "wang".into()));
    day.tap("17:05", "lei", "room-1");
    assert_eq!(custodian(&day, "lei"), of("wang"));
}

#[test]
fn in_a_room_without_a_lesson_extended_care_passes_like_at_a_desk() {
    let mut day = homework();
    assert_eq!(day.tap("18:00", "wang", "desk").kinds(), ["post_taken"]);
    day.tap("19:00:00", "wang", "room-2");
    let taken = day.tap("19:00:30", "zhao", "room-2");
    assert!(matches!(&taken.entries[..], [What::HandedOver { posts, .. }] if *posts == [Post::ExtendedCare]));
}

#[test]
fn at_the_screen_heads_are_counted() {
    let mut day = homework();
    let done = day.order("17:00", "li", order("wang", &["hong"]));
    assert!(matches!(&done.entries[..], [What::HandedOver { tap: None, .. }]));
    assert_eq!(handed(&done.entries).3, [student("ming")]);
    assert_eq!(lead(&day), "wang");
}

#[test]
fn a_handover_at_the_screen_that_cannot_be_right_is_refused() {
    for (who, to, present, why) in [
        ("li", "wang", vec!["lei"], OrderFault::NotInCustody),
        ("li", "li", vec!["ming"], OrderFault::Senseless),
        ("li", "nobody", vec!["ming"], OrderFault::UnknownPerson),
        ("li", "chen", vec!["ming"], OrderFault::NotTheirRole),
        ("li", "sun", vec!["ming"], OrderFault::NotTheirRole),
        ("zhao", "wang", vec![], OrderFault::NoSuch),
    ] {
        let mut day = homework();
        let outcome = day.order("17:00", who, order(to, &present));
        assert_eq!(fault(&outcome.entries), Some(why), "{who} to {to}");
        assert_eq!(custodian(&day, "ming"), of("li"));
    }
}
