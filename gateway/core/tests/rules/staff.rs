//! What a member of staff's tap means: on and off the campus, the post at the gates, taking up a session, leaving it.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{OrderFault, Reason, What},
    picture::Picture,
    roster::{Document, Holder, Post, RotaLine, StaffRole, Validity},
    school::{Input, Order},
    site::Direction,
    state::Custodian,
    time::ClockQuality,
};

use crate::support::{Day, card, place, reader, service, student};

fn edited(edit: impl FnOnce(&mut Document)) -> Day {
    let mut document = service::document();
    edit(&mut document);
    Day::of(document)
}

fn post(day: &Day, post: Post) -> Option<String> {
    day.school.state().posts().get(&post).map(|held| held.staff.to_string())
}

fn lead(day: &Day, session: &str) -> Option<String> {
    let lesson = day.school.state().lessons().get(&service::session(session))?;
    lesson.lead().map(|charge| charge.staff.to_string())
}

fn is_here(day: &Day, who: &str) -> bool {
    day.school.state().others().contains_key(&Holder::Staff(service::staff(who)))
}

fn custodian(day: &Day, who: &str) -> Custodian {
    day.school.state().presence(&student(who)).unwrap().custodian().unwrap().clone()
}

/// Hu assists Li in homework.
fn with_hu(document: &mut Document) {
    let mut line = document.staff.iter().find(|line| line.id == service::staff("li")).unwrap().clone();
    (line.id, line.name) = (service::staff("hu"), "hu".into());
    document.staff.push(line);
    let mut own = document.credentials.iter().find(|line| line.id == card("li")).unwrap().clone();
    (own.id, own.holder) = (card("hu"), Holder::Staff(service::staff("hu")));
    document.credentials.push(own);
    document.sessions[0].staff.push(service::staff("hu"));
}

#[test]
fn staff_come_and_go_by_their_taps_and_the_gate_opens_each_time() {
    let mut day = Day::in_service();
    let came = day.tap("07:30", "li", "east-gate");
    assert_eq!((came.kinds(), came.shown(), came.opened()), (vec!["came"], Some(Picture::Welcome), true));
    assert!(came.promises_are_kept() && is_here(&day, "li"));
    let went = day.tap("12:00", "li", "west-gate");
    assert_eq!((went.kinds(), went.shown(), went.opened()), (vec!["went"], Some(Picture::Goodbye), true));
    assert!(went.promises_are_kept() && !is_here(&day, "li"));
    for who in ["chen", "head"] {
        assert_eq!(day.tap("12:01", who, "east-gate").kinds(), ["came"], "{who}");
    }
}

#[test]
fn a_reader_that_leads_one_way_is_right() {
    let mut day = Day::in_service();
    let mut site = crate::support::site();
    site.directions.insert(reader("east-gate"), Direction::In);
    site.directions.insert(reader("west-gate"), Direction::Out);
    day.school = schoolgate_core::school::School::new(site);
    day.entries.clear();
    day.adopt("06:00", service::document());
    assert_eq!(day.tap("07:30", "li", "west-gate").kinds(), ["went"], "came in untapped");
    assert_eq!(day.tap("07:31", "li", "east-gate").kinds(), ["came"]);
    assert_eq!(day.tap("07:32", "li", "east-gate").kinds(), ["came"], "went out untapped");
}

#[test]
fn who_did_not_tap_on_the_way_out_yesterday_comes_again_today() {
    let mut day = Day::in_service();
    day.tap("18:00", "li", "east-gate");
    assert_eq!(day.tap("2026-09-02 07:30", "li", "east-gate").kinds(), ["came"]);
}

#[test]
fn who_does_not_work_here_today_is_not_let_in_and_nobody_is_kept_in() {
    let mut day = edited(|document| {
        let until = Validity { from: None, until: Some(service::day("2026-09-01")) };
        document.staff[0].valid = until;
    });
    day.tap("07:30", "li", "east-gate");
    let out = day.tap("2026-09-02 07:30", "li", "east-gate");
    assert!(matches!(&out.entries[..], [What::Refused { reason: Reason::NotForYou, .. }]), "{out:?}");
    assert_eq!((out.shown(), out.opened()), (Some(Picture::SeeTeacher), false));
    let mut late = edited(|document| {
        document.staff[0].valid = Validity { from: None, until: Some(service::day("2026-09-01")) };
    });
    late.tap("23:50", "li", "east-gate");
    late.adopt("23:51", {
        let mut document = service::document();
        document.staff[0].valid = Validity { from: None, until: Some(service::day("2026-08-31")) };
        document
    });
    assert!(late.tap("23:55", "li", "east-gate").opened(), "she is here, and may go");
}

#[test]
fn an_instructor_whose_institution_is_not_admitted_is_refused_at_the_gate_and_in_the_room() {
    let mut day = Day::in_service();
    for at in ["east-gate", "room-2"] {
        let tap = day.tap("17:35", "qian", at);
        assert!(matches!(&tap.entries[0], What::Refused { reason: Reason::NotAdmitted, .. }), "{tap:?}");
        let alarm = Alarm::NotAdmitted { place: place(at), staff: service::staff("qian") };
        assert!(matches!(&tap.entries[1], What::AlarmRaised { alarm: raised, .. } if *raised == alarm));
        assert!(!tap.opened());
    }
}

#[test]
fn an_inspector_comes_for_an_inspection() {
    let mut day = Day::in_service();
    let tap = day.tap("16:00", "bai", "east-gate");
    assert!(matches!(&tap.entries[..], [What::Came { purpose: Some(purpose), .. }] if purpose == "inspection"));
    assert_eq!(day.tap("16:35", "bai", "room-1").kinds(), ["seen"], "and takes up nothing");
    assert_eq!(day.tap("17:00", "bai", "desk").kinds(), ["seen"]);
}

#[test]
fn whoever_has_the_gates_by_the_rota_takes_the_post_by_tapping_there() {
    let mut day = Day::in_service();
    let early = day.tap("06:50", "zhou", "east-gate");
    assert_eq!(early.kinds(), ["came"], "the rota begins at 07:00");
    let tap = day.tap("07:00", "zhou", "east-gate");
    assert_eq!((tap.kinds(), tap.shown(), tap.opened()), (vec!["post_taken"], Some(Picture::TakenUp), false));
    assert_eq!(post(&day, Post::Gate).unwrap(), "zhou");
    let arriving = Day::in_service().tap("07:10", "zhou", "east-gate");
    assert_eq!((arriving.kinds(), arriving.opened()), (vec!["came", "post_taken"], true));
    assert_eq!(day.tap("07:11", "li", "east-gate").kinds(), ["came"], "who is not on the rota does not take it");
    assert_eq!(post(&day, Post::Gate).unwrap(), "zhou");
}

#[test]
fn a_substitute_on_the_rota_takes_the_post_instead_of_the_other() {
    let mut day = edited(|document| document.rota[0] = substitute());
    let tap = day.tap("07:10", "li", "east-gate");
    assert!(
        matches!(&tap.entries[1], What::PostTaken { instead_of: Some(other), .. } if *other == service::staff("zhou"))
    );
}

fn substitute() -> RotaLine {
    RotaLine {
        post: Post::Gate,
        day: service::day(service::TODAY),
        hours: service::hours("07:00", "20:30"),
        staff: service::staff("li"),
        instead_of: Some(service::staff("zhou")),
    }
}

#[test]
fn who_answers_for_children_is_not_off_by_one_tap() {
    let mut day = Day::in_service();
    day.tap("16:25", "li", "room-1");
    day.tap("16:30", "ming", "room-1");
    let first = day.tap("16:40", "li", "east-gate");
    assert_eq!((first.kinds(), first.shown()), (vec!["handover_offered"], Some(Picture::HandoverWaits)));
    assert!(!first.opened());
    let second = day.tap("16:40:10", "li", "east-gate");
    assert_eq!(second.kinds(), ["session_left", "went"], "nobody is kept in");
    assert!(second.opened() && second.promises_are_kept());
    assert_eq!(custodian(&day, "ming"), Custodian::Staff(service::staff("li")), "until somebody takes over");
    assert!(day.until("16:42").iter().any(|what| what.kind() == "alarm_raised"), "the duty leader is told");
}

#[test]
fn a_lead_who_goes_home_leaves_the_group_to_the_second_teacher() {
    let mut day = edited(with_hu);
    day.tap("16:20", "li", "room-1");
    day.tap("16:25", "ming", "room-1");
    day.tap("16:28", "hu", "room-1");
    day.tap("16:40", "li", "east-gate");
    assert_eq!(day.tap("16:40:10", "li", "east-gate").kinds(), ["handed_over", "went"]);
    assert_eq!(custodian(&day, "ming"), Custodian::Staff(service::staff("hu")));
    assert!(day.until("16:59").is_empty(), "and there is nothing to be alarmed at");
}

#[test]
fn a_teacher_whose_lesson_is_over_and_whose_children_are_gone_goes_home_by_one_tap() {
    let mut day = Day::in_service();
    day.tap("16:25", "li", "room-1");
    assert_eq!(day.tap("17:35", "li", "east-gate").kinds(), ["session_left", "went"]);
}

#[test]
fn the_teacher_takes_up_their_session() {
    let mut day = Day::in_service();
    day.tap("07:30", "li", "east-gate");
    assert_eq!(day.tap("16:14:59", "li", "room-1").kinds(), ["seen"], "the room is not open yet");
    let tap = day.tap("16:15:05", "li", "room-1");
    assert!(
        matches!(&tap.entries[..], [What::SessionTaken { course, instead_of: None, .. }] if *course == service::course("homework"))
    );
    assert_eq!(tap.shown(), Some(Picture::TakenUp));
    assert_eq!(lead(&day, "homework-0901").unwrap(), "li");
    assert!(tap.promises_are_kept());
}

#[test]
fn who_shows_up_inside_has_come_tapped_or_not() {
    let mut day = Day::in_service();
    assert_eq!(day.tap("16:25", "li", "room-1").kinds(), ["came", "session_taken"]);
    assert_eq!(day.tap("16:26", "wang", "desk").kinds(), ["came", "seen"]);
    assert_eq!(day.tap("16:27", "chen", "canteen").kinds(), ["came", "seen"]);
}

#[test]
fn a_substitute_is_recorded_as_such() {
    let mut day = Day::in_service();
    day.tap("16:25", "wang", "room-1");
    let taken = day.entries.iter().rev().find_map(|entry| match &entry.what {
        What::SessionTaken { instead_of, .. } => Some(instead_of.clone()),
        _ => None,
    });
    assert_eq!(taken, Some(Some(service::staff("li"))));
}

#[test]
fn an_instructor_takes_up_lessons_of_their_own_institution_only() {
    let mut day = Day::in_service();
    day.tap("16:20", "sun", "east-gate");
    let homework = day.tap("16:25", "sun", "room-1");
    assert!(matches!(homework.entries[..], [What::Refused { reason: Reason::NotForYou, .. }]), "{homework:?}");
    assert_eq!(day.tap("17:35", "sun", "room-2").kinds(), ["session_taken"]);
    let mut colleague = edited(|document| {
        document.sessions[1].staff = vec![service::staff("wang")];
    });
    colleague.tap("16:20", "sun", "east-gate");
    let taken = colleague.tap("17:35", "sun", "room-2");
    assert!(matches!(&taken.entries[..], [What::SessionTaken { instead_of: Some(_), .. }]), "of the same institution");
}

#[test]
fn security_and_it_take_up_nothing() {
    let mut day = Day::in_service();
    day.tap("07:00", "chen", "east-gate");
    assert_eq!(day.tap("16:25", "chen", "room-1").kinds(), ["seen"]);
}

#[test]
fn a_second_teacher_of_the_session_joins_and_custody_stays() {
    let mut day = edited(with_hu);
    day.tap("16:20", "li", "room-1");
    day.tap("16:25", "ming", "room-1");
    let hu = day.tap("16:28", "hu", "room-1");
    assert_eq!(hu.kinds(), ["came", "session_taken"]);
    assert_eq!(lead(&day, "homework-0901").unwrap(), "li");
    assert_eq!(custodian(&day, "ming"), Custodian::Staff(service::staff("li")));
}

#[test]
fn after_the_end_the_teacher_leaves_by_a_tap_and_still_answers_for_who_is_there() {
    let mut day = Day::in_service();
    day.tap("16:25", "li", "room-1");
    day.tap("16:30", "hong", "room-1");
    let out = day.tap("17:31", "li", "room-1");
    assert_eq!((out.kinds(), out.shown()), (vec!["session_left"], Some(Picture::CheckedOut)));
    assert_eq!(custodian(&day, "hong"), Custodian::Staff(service::staff("li")));
}

#[test]
fn when_the_lead_goes_the_second_teacher_answers_for_the_group() {
    let mut day = edited(with_hu);
    day.tap("16:20", "li", "room-1");
    day.tap("16:25", "ming", "room-1");
    day.tap("16:28", "hu", "room-1");
    let out = day.tap("17:31", "li", "room-1");
    assert!(
        matches!(&out.entries[..], [What::HandedOver { to, students, .. }] if *to == service::staff("hu") && *students == [student("ming")])
    );
    assert_eq!(custodian(&day, "ming"), Custodian::Staff(service::staff("hu")));
    assert_eq!(day.tap("17:32", "hu", "room-1").kinds(), ["session_left"]);
}

#[test]
fn the_next_teacher_takes_up_the_next_lesson_while_the_last_one_is_still_there() {
    let mut day = edited(|document| document.sessions[1].place = place("room-1"));
    day.tap("16:20", "li", "room-1");
    let sun = day.tap("17:28", "sun", "room-1");
    assert_eq!(sun.kinds(), ["came", "session_taken"]);
    assert_eq!(lead(&day, "chess-0901").unwrap(), "sun");
    assert_eq!(day.tap("17:29", "li", "room-1").kinds(), ["session_left"], "another session begins here");
}

#[test]
fn with_an_unset_clock_nothing_new_is_taken_up_but_a_lesson_that_goes_on_can_be_handed_over() {
    let mut day = Day::in_service();
    day.tap("16:20", "li", "room-1");
    day.tap("16:21", "wang", "east-gate");
    day.clock = ClockQuality::Unset;
    assert_eq!(day.tap("16:50", "li", "room-1").kinds(), ["handover_offered"]);
    assert_eq!(day.tap("16:50:20", "wang", "room-1").kinds(), ["handed_over"]);
    assert_eq!(lead(&day, "homework-0901").unwrap(), "wang");
    let mut idle = Day::in_service();
    idle.clock = ClockQuality::Unset;
    assert_eq!(idle.tap("16:25", "li", "room-1").kinds(), ["came", "seen"]);
}

#[test]
fn a_post_can_be_taken_at_the_screen() {
    let mut day = Day::in_service();
    let order = day.order("12:00", "li", Order::TakePost { post: Post::Gate });
    assert!(
        matches!(&order.entries[..], [What::PostTaken { instead_of: Some(zhou), tap: None, .. }] if *zhou == service::staff("zhou"))
    );
    assert_eq!(day.order("12:01", "li", Order::TakePost { post: Post::Gate }).kinds(), [""; 0], "it is theirs");
    let chen = day.order("12:02", "chen", Order::TakePost { post: Post::Gate });
    assert!(matches!(chen.entries[..], [What::OrderRefused { reason: OrderFault::NotTheirRole, .. }]));
    assert_eq!(post(&day, Post::Gate).unwrap(), "li");
}

#[test]
fn staff_are_let_through_a_gate_even_if_nothing_can_be_written() {
    let mut day = Day::in_service();
    let mut show = |who: &str, at: &str| {
        day.school.without_record(crate::support::at("07:30"), &reader(at), card(who), Default::default())
    };
    assert_eq!(show("li", "east-gate"), Picture::Degraded);
    assert_eq!(show("qian", "east-gate"), Picture::SeeTeacher);
    assert_eq!(show("li", "room-1"), Picture::SeeTeacher, "no promise is made where no gate has to open");
}

#[test]
fn a_teacher_with_another_role_still_is_a_teacher() {
    let mut day = edited(|document| document.staff[0].roles = vec![StaffRole::Security, StaffRole::Teacher]);
    day.tap("07:00", "li", "east-gate");
    assert_eq!(day.tap("16:25", "li", "room-1").kinds(), ["session_taken"]);
}

#[test]
fn a_card_whose_holder_is_not_on_the_roster_any_more_opens_nothing() {
    let mut day = Day::in_service();
    let tap = day.give(
        "07:30",
        Input::Tap { reader: reader("east-gate"), credential: card("stranger"), proof: Default::default() },
    );
    assert_eq!((tap.shown(), tap.opened()), (Some(Picture::CardRefused), false));
}
