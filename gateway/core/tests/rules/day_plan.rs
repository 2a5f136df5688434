//! What comes by the clock on a day of service: who is missing, who was not fetched, who has which post, and the day's turn.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{Check, Tap, What},
    roster::{Document, Holder, Post, RotaLine},
    school::{Input, School},
    state::{Custodian, Whereabouts},
};

use crate::support::{
    Day, at, card, place, reader, service,
    service::{session, staff},
    student,
};

fn raised(happened: &[What]) -> Vec<Alarm> {
    let alarms = happened.iter().filter_map(|what| match what {
        What::AlarmRaised { alarm, .. } => Some(alarm.clone()),
        _ => None,
    });
    alarms.collect()
}

fn ended(happened: &[What]) -> Vec<Alarm> {
    let alarms = happened.iter().filter_map(|what| match what {
        What::AlarmEnded { alarm, .. } => Some(alarm.clone()),
        _ => None,
    });
    alarms.collect()
}

fn kinds(happened: &[What]) -> Vec<&'static str> {
    happened.iter().map(What::kind).collect()
}

fn missing(who: &str) -> Alarm {
    Alarm::StudentMissing { student: student(who), session: session("homework-0901"), place: place("room-1") }
}

fn not_fetched(who: &str, step: u8) -> Alarm {
    Alarm::NotFetched { student: student(who), step }
}

fn tap(at: &str, who: &str) -> Tap {
    Tap { place: place(at), reader: reader(at), credential: card(who), proof: Default::default() }
}

fn check_in(day: &mut Day, time: &str, who: &str) {
    let (student, session) = (student(who), session("homework-0901"));
    let tap = Some(tap("room-1", who));
    day.write(time, What::CheckedIn { student, session, late_min: 0, tap, by: None });
}

fn holder_of(day: &Day, post: Post) -> Option<String> {
    day.school.state().posts().get(&post).map(|held| held.staff.to_string())
}

fn without_deadlines() -> Document {
    let mut document = service::document();
    document.rota.clear();
    document.patrols.clear();
    document
}

#[test]
fn a_day_begins_with_the_first_input_that_tells_of_it() {
    let mut day = Day::in_service();
    assert_eq!(
        kinds(&day.entries.iter().map(|e| e.what.clone()).collect::<Vec<_>>()),
        ["started", "roster_adopted", "day_began"]
    );
    assert!(matches!(day.entries[2].what, What::DayBegan { sessions: 2, .. }));
    assert_eq!(day.tap("07:41", "ming", "east-gate").kinds().last(), Some(&"arrived"));
    let restarted = day.restart("07:50", service::document());
    assert_eq!(kinds(&restarted), ["started"], "a restart begins no day again");
}

#[test]
fn without_a_roster_there_is_nothing_to_plan_and_no_day_begins() {
    let mut day = Day { school: School::new(crate::support::site()), ..Day::new() };
    day.entries.clear();
    let started = day.give("07:00", Input::Started { version: "test".into() });
    assert_eq!(started.kinds(), ["started"]);
    assert_eq!(day.school.poll_timeout(), None);
}

#[test]
fn the_day_turns_at_midnight_and_takes_its_alarms_posts_and_visitors_with_it() {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.write(
        "08:00",
        What::Came { holder: Holder::Staff(staff("chen")), purpose: None, tap: tap("east-gate", "chen") },
    );
    day.until("2026-09-01 23:59:59");
    let open: Vec<Alarm> = day.school.state().alarms().keys().cloned().collect();
    assert!(open.contains(&not_fetched("ming", 3)));
    let turn = day.until("2026-09-02 00:00");
    let last = day.school.state().last();
    assert_eq!(turn.last().unwrap().kind(), "day_began");
    assert!(turn.iter().any(|what| matches!(what, What::LeftUnseen { student: who, .. } if *who == student("ming"))));
    let mut over = ended(&turn);
    over.sort();
    assert_eq!(over, open, "each alarm of the day ends, once");
    let state = day.school.state();
    assert!(
        state.alarms().is_empty() && state.posts().is_empty() && state.others().is_empty() && state.on_campus() == 0
    );
    day.until("2026-09-02 05:00");
    assert_eq!(day.school.state().last(), last, "the night is quiet");
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn who_is_expected_and_not_there_after_ten_minutes_is_missing() {
    let mut day = Day::of(without_deadlines());
    day.tap("07:41", "ming", "east-gate");
    check_in(&mut day, "16:29", "ming");
    assert_eq!(raised(&day.until("16:39:59")), []);
    let looked = day.until("16:40");
    assert_eq!(raised(&looked), [missing("hong"), missing("lei")]);
    let check = Check::Absence(session("homework-0901"));
    assert!(matches!(looked.last(), Some(What::Checked { check: of, found: 2 }) if *of == check));
    let closed = day.until("17:45");
    assert_eq!(ended(&closed), [missing("hong"), missing("lei")], "closing the session ends what nobody could mend");
}

#[test]
fn who_has_leave_is_not_missed() {
    let mut document = without_deadlines();
    document.leaves.push(service::leave("hong", "16:00", "18:00", false));
    document.leaves.push(service::leave("lei", "16:35", "18:00", false));
    let mut day = Day::of(document);
    let ming = What::LeaveApproved {
        student: student("ming"),
        hours: service::hours("16:00", "17:00"),
        alone: false,
        by: staff("zhao"),
    };
    day.write("09:00", ming);
    assert_eq!(raised(&day.until("16:45")), []);
}

#[test]
fn nobody_is_missed_whom_the_box_could_not_have_seen() {
    let mut off_at_the_start = Day::of(without_deadlines());
    off_at_the_start.give("16:20", Input::Stopping);
    let back = off_at_the_start.restart("16:45", without_deadlines());
    assert_eq!(raised(&back), []);
    assert!(back.iter().any(|what| matches!(what, What::Checked { found: 0, .. })));

    let mut off_for_a_moment = Day::of(without_deadlines());
    off_for_a_moment.give("16:20", Input::Stopping);
    off_for_a_moment.restart("16:22", without_deadlines());
    assert_eq!(raised(&off_for_a_moment.until("16:40")).len(), 3);

    let mut off_when_it_was_due = Day::of(without_deadlines());
    off_when_it_was_due.give("16:35", Input::Stopping);
    assert_eq!(
        raised(&off_when_it_was_due.restart("16:50", without_deadlines())).len(),
        3,
        "looked for while there is time"
    );

    let mut too_late = Day::of(without_deadlines());
    too_late.give("16:35", Input::Stopping);
    let back = too_late.restart("17:31", without_deadlines());
    assert!(!raised(&back).iter().any(|alarm| matches!(alarm, Alarm::StudentMissing { .. })));
}

#[test]
fn a_session_that_is_moved_is_looked_at_when_it_is_held() {
    let mut day = Day::of(without_deadlines());
    let mut moved = without_deadlines();
    moved.sessions[0].hours = service::hours("16:40", "17:40");
    day.adopt("16:00", moved);
    assert_eq!(raised(&day.until("16:49:59")), []);
    assert_eq!(raised(&day.until("16:50")).len(), 3);
}

#[test]
fn a_child_that_is_not_fetched_moves_to_extended_care_and_more_people_are_told() {
    let mut day = Day::of(without_deadlines());
    day.tap("07:41", "hong", "east-gate");
    check_in(&mut day, "16:29", "hong");
    day.until("17:44:59");
    let first = day.until("17:45");
    let care = first.iter().position(|what| matches!(what, What::ExtendedCare { .. })).unwrap();
    let alarm = first.iter().position(|what| matches!(what, What::AlarmRaised { .. })).unwrap();
    assert!(care < alarm);
    assert_eq!(raised(&first), [not_fetched("hong", 1)]);
    let here = Whereabouts::OnCampus(Custodian::ExtendedCare);
    assert_eq!(day.school.state().presence(&student("hong")).unwrap().whereabouts, here);
    assert!(raised(&day.until("18:00")).contains(&not_fetched("hong", 2)));
    assert_eq!(raised(&day.until("18:30")), [not_fetched("hong", 3)]);
    day.tap("18:31", "grandmother", "east-gate");
    let taken = day.tap("18:32", "hong", "east-gate");
    assert_eq!(ended(&taken.entries), [1, 2, 3].map(|step| not_fetched("hong", step)));
}

#[test]
fn a_child_is_awaited_after_the_last_of_its_sessions_not_the_first() {
    let mut day = Day::of(without_deadlines());
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(day.until("18:54:59").iter().filter(|what| matches!(what, What::ExtendedCare { .. })).count(), 0);
    assert_eq!(raised(&day.until("18:55")), [not_fetched("ming", 1)]);
}

#[test]
fn a_child_that_was_let_into_a_later_session_is_not_left_over() {
    let mut day = Day::of(without_deadlines());
    day.tap("07:41", "hong", "east-gate");
    let by = Some(staff("sun"));
    let (student, session) = (student("hong"), session("chess-0901"));
    day.write("17:41", What::CheckedIn { student, session, late_min: 0, tap: None, by });
    assert!(!raised(&day.until("17:45")).contains(&not_fetched("hong", 1)));
}

#[test]
fn what_was_due_while_the_box_was_off_is_looked_at_when_it_is_back_on_the_same_day_only() {
    let mut day = Day::of(without_deadlines());
    day.tap("07:41", "hong", "east-gate");
    day.until("17:40");
    let back = day.restart("18:10", without_deadlines());
    assert_eq!(raised(&back), [not_fetched("hong", 1), not_fetched("hong", 2)]);
    let again = day.restart("18:12", without_deadlines());
    assert_eq!(kinds(&again), ["started"], "once");

    let mut next = Day::of(without_deadlines());
    next.tap("07:41", "hong", "east-gate");
    next.until("17:40");
    let back = next.restart("2026-09-02 07:00", without_deadlines());
    assert_eq!(raised(&back), []);
    assert!(kinds(&back).contains(&"left_unseen"));
}

#[test]
fn a_post_passes_by_the_rota_to_whom_has_not_taken_it() {
    let mut day = Day::in_service();
    day.until("06:59:59");
    assert_eq!(holder_of(&day, Post::Gate), None);
    day.until("07:00");
    assert_eq!(holder_of(&day, Post::Gate).as_deref(), Some("zhou"));
    day.until("20:30:59");
    assert_eq!(holder_of(&day, Post::Gate).as_deref(), Some("zhou"), "its last minute counts");
    let over = day.until("20:31");
    assert_eq!(over.iter().filter(|what| matches!(what, What::PostLeft { .. })).count(), 3);
}

#[test]
fn a_post_that_was_taken_by_card_is_not_taken_away_by_the_rota() {
    let post = Post::Gate;
    for (who, instead_of) in [("zhou", None), ("wang", Some(staff("zhou")))] {
        let mut day = Day::in_service();
        let tap = Some(tap("east-gate", who));
        let seq = day.write("06:50", What::PostTaken { post, staff: staff(who), instead_of, tap });
        day.until("07:00");
        assert_eq!(holder_of(&day, post).as_deref(), Some(who));
        assert_eq!(day.school.state().posts()[&post].by, seq);
    }
    let mut day = Day::in_service();
    let tap = Some(tap("east-gate", "wang"));
    day.write("06:50", What::PostTaken { post, staff: staff("wang"), instead_of: None, tap });
    day.until("07:00");
    assert_eq!(holder_of(&day, post).as_deref(), Some("zhou"), "who was there before is relieved");
}

#[test]
fn a_substitute_on_the_rota_is_relieved_when_their_hours_are_over() {
    let mut document = service::document();
    document.rota[0].hours = service::hours("12:00", "20:30");
    let (hours, instead_of) = (service::hours("07:00", "12:00"), Some(staff("zhou")));
    let morning = RotaLine { hours, staff: staff("li"), instead_of, ..document.rota[0].clone() };
    document.rota.push(morning);
    let mut day = Day::of(document);
    assert_eq!(day.tap("07:10", "li", "east-gate").kinds(), ["came", "post_taken"]);
    day.until("11:59");
    assert_eq!(holder_of(&day, Post::Gate).as_deref(), Some("li"));
    day.until("12:00");
    assert_eq!(holder_of(&day, Post::Gate).as_deref(), Some("zhou"));
}

#[test]
fn a_post_is_kept_while_children_are_in_its_care() {
    let mut day = Day::in_service();
    day.tap("07:41", "hong", "east-gate");
    day.until("20:40");
    assert_eq!(holder_of(&day, Post::ExtendedCare).as_deref(), Some("wang"));
    assert_eq!(holder_of(&day, Post::Gate), None);
    day.until("2026-09-02 00:00");
    assert_eq!(holder_of(&day, Post::ExtendedCare), None);
}

#[test]
fn a_rota_line_that_is_over_gives_nobody_a_post() {
    let mut document = service::document();
    document.rota[0].hours = service::hours("07:00", "09:00");
    let mut day = Day::of(document.clone());
    day.give("06:30", Input::Stopping);
    day.restart("10:00", document);
    assert_eq!(holder_of(&day, Post::Gate), None);
    assert_eq!(at("10:00").clock_text().as_deref(), Some("10:00"));
}

#[test]
fn whom_their_family_has_fetched_is_not_missed_in_the_lesson() {
    let mut day = Day::in_service();
    day.tap("07:40", "hong", "east-gate");
    day.tap("16:20", "grandmother", "desk");
    day.tap("16:21", "hong", "desk");
    day.tap("16:22", "hong", "east-gate");
    let missed = |day: &Day, who: &str| {
        let alarm = |alarm: &Alarm| matches!(alarm, Alarm::StudentMissing { student: of, .. } if *of == student(who));
        day.school.state().alarms().keys().any(alarm)
    };
    day.until("16:45");
    assert!(!missed(&day, "hong"), "their grandmother has them");
    assert!(missed(&day, "ming"), "nobody has seen Ming today");
    day.tap("17:35", "ming", "east-gate");
    assert_eq!(day.replayed(), day.school.state().clone());
}
