//! What a student's tap at a classroom means, and what staff can say in its place.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{Missed, OrderFault, Reason, What},
    picture::{Light, Picture},
    roster::{Document, SessionLine},
    school::Order,
    state::{Custodian, MAX_BREAKS, Stay},
    time::{ClockQuality, Stamp},
};

use crate::support::{Day, place, service, student};

fn stay<'a>(day: &'a Day, who: &str, session: &str) -> &'a Stay {
    &day.school.state().lessons()[&service::session(session)].students[&student(who)]
}

fn custodian(day: &Day, who: &str) -> Custodian {
    day.school.state().presence(&student(who)).unwrap().custodian().unwrap().clone()
}

fn ms(stamp: &Stamp) -> i64 {
    stamp.wall.unix_ms()
}

/// Minutes of homework (16:30 to 17:30) that the student was there, as they are counted when it closes.
fn minutes(day: &mut Day, who: &str) -> u16 {
    day.until("17:45");
    let counted = day.entries.iter().find_map(|entry| match &entry.what {
        What::Attendance { student: of, session, minutes, .. }
            if *of == student(who) && *session == service::session("homework-0901") =>
        {
            Some(*minutes)
        }
        _ => None,
    });
    counted.unwrap()
}

/// Ming came at 07:41, Hong at 07:42.
fn at_school() -> Day {
    let mut day = Day::in_service();
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:42", "hong", "east-gate");
    day
}

/// With drawing, in room 1 from 17:40 to 18:40, in place of chess: its students are those of `homework` as well.
fn drawing(mut document: Document) -> Document {
    document.sessions.retain(|line| line.course == service::course("homework"));
    let drawing = service::session("drawing-0901");
    let (day, hours) = (service::day(service::TODAY), service::hours("17:40", "18:40"));
    let (course, staff) = (service::course("homework"), vec![service::staff("wang")]);
    document.sessions.push(SessionLine { id: drawing, course, day, hours, place: place("room-1"), staff });
    document
}

#[test]
fn a_student_in_their_room_in_time_is_checked_in() {
    let mut day = at_school();
    let tap = day.tap("16:29", "ming", "room-1");
    assert!(
        matches!(&tap.entries[..], [What::CheckedIn { session, late_min: 0, by: None, tap: Some(_), .. }] if *session == service::session("homework-0901"))
    );
    assert_eq!(tap.shown(), Some(Picture::CheckedIn));
    assert!(tap.promises_are_kept() && !tap.opened());
}

#[test]
fn the_room_is_open_from_a_quarter_of_an_hour_before_the_start_to_the_end() {
    for (time, kind) in
        [("16:14:59", "unexpected"), ("16:15:00", "checked_in"), ("17:29:59", "checked_in"), ("17:30:00", "unexpected")]
    {
        let tap = at_school().tap(time, "hong", "room-1");
        assert_eq!(tap.entries[0].kind(), kind, "{time}");
        let found = |what: &What| matches!(what, What::AlarmEnded { alarm: Alarm::StudentMissing { .. }, .. });
        assert!(tap.entries[1..].iter().all(found), "{time}: {tap:?}");
    }
}

#[test]
fn who_comes_after_the_grace_is_late_by_so_many_minutes() {
    for (time, late) in [("16:35:00", 0), ("16:35:01", 1), ("16:36:00", 1), ("16:36:01", 2), ("16:50:00", 15)] {
        let tap = at_school().tap(time, "ming", "room-1");
        assert!(matches!(tap.entries[0], What::CheckedIn { late_min, .. } if late_min == late), "{time}: {tap:?}");
        assert_eq!(tap.shown(), Some(if late == 0 { Picture::CheckedIn } else { Picture::Late }));
    }
}

#[test]
fn a_student_at_the_wrong_room_is_shown_the_right_one() {
    let mut day = at_school();
    let tap = day.tap("16:32", "ming", "room-2");
    assert!(
        matches!(&tap.entries[..], [What::Refused { reason: Reason::SessionElsewhere(to), .. }] if *to == place("room-1"))
    );
    assert_eq!(tap.shown(), Some(Picture::GoTo(place("room-1"))));
    assert_eq!(tap.shown().unwrap().light(), Light::Amber);
    let next = day.tap("17:31", "ming", "room-1");
    assert_eq!(next.shown(), Some(Picture::GoTo(place("room-2"))), "the next one is about to begin");
}

#[test]
fn the_next_lesson_may_begin_while_the_last_one_ends() {
    let mut day = at_school();
    day.tap("16:30", "ming", "room-1");
    let tap = day.tap("17:28", "ming", "room-2");
    assert!(
        matches!(&tap.entries[..], [What::CheckedIn { session, .. }] if *session == service::session("chess-0901"))
    );
    assert_eq!(minutes(&mut day, "ming"), 58, "it ended the stay in the last");
}

#[test]
fn a_second_tap_before_the_end_is_an_early_leave_and_a_third_resumes() {
    let mut day = at_school();
    for who in ["ming", "hong"] {
        day.tap("16:30", who, "room-1");
    }
    for who in ["ming", "hong"] {
        let out = day.tap("16:50", who, "room-1");
        assert_eq!((out.kinds(), out.shown()), (vec!["checked_out"], Some(Picture::CheckedOut)));
    }
    let back = day.tap("17:20", "ming", "room-1");
    assert!(matches!(back.entries[..], [What::CheckedIn { late_min: 0, .. }]), "coming back is not coming late");
    assert_eq!(minutes(&mut day, "ming"), 30, "whoever was out for half an hour was not there for it");
    assert_eq!(minutes(&mut day, "hong"), 20, "who did not come back");
}

#[test]
fn what_lies_outside_of_the_session_does_not_count_and_takes_nothing_away() {
    let mut day = at_school();
    day.tap("16:16", "ming", "room-1");
    day.tap("16:20", "ming", "room-1");
    day.tap("16:40", "ming", "room-1");
    assert_eq!(minutes(&mut day, "ming"), 50);
}

#[test]
fn signing_out_after_the_end_is_no_early_leave() {
    let mut day = at_school();
    day.tap("16:30", "ming", "room-1");
    let out = day.tap("17:32", "ming", "room-1");
    assert_eq!(out.kinds(), ["checked_out"]);
    assert_eq!(day.tap("17:33", "ming", "room-1").shown(), Some(Picture::GoTo(place("room-2"))));
    assert_eq!(minutes(&mut day, "ming"), 60);
}

#[test]
fn two_lessons_in_one_room_need_one_tap_each() {
    let mut day = Day::of(drawing(service::document()));
    day.tap("16:30", "hong", "room-1");
    let next = day.tap("17:38", "hong", "room-1");
    assert!(
        matches!(&next.entries[..], [What::CheckedIn { session, .. }] if *session == service::session("drawing-0901"))
    );
    assert_eq!(minutes(&mut day, "hong"), 60);
}

#[test]
fn going_in_and_out_without_end_keeps_a_bounded_memory() {
    let mut day = at_school();
    for second in 0..80 * 30 {
        if second % 30 == 0 {
            day.tap(&format!("16:{:02}:{:02}", 15 + second / 60, second % 60), "ming", "room-1");
        }
    }
    let stay = stay(&day, "ming", "homework-0901");
    assert_eq!(stay.breaks.len(), MAX_BREAKS);
    assert!(stay.breaks.is_sorted_by(|(a, b), (c, d)| ms(a) <= ms(b) && ms(b) <= ms(c) && ms(c) <= ms(d)));
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_student_whom_nobody_expects_is_seen_by_the_teacher_who_teaches_there() {
    let mut day = at_school();
    let empty = day.tap("12:00", "ming", "room-2");
    assert!(matches!(empty.entries[..], [What::Unexpected { session: None, .. }]));
    let tap = day.tap("17:41", "hong", "room-2");
    assert!(
        matches!(&tap.entries[..], [What::Unexpected { session: Some(session), .. }] if *session == service::session("chess-0901"))
    );
    assert_eq!(tap.shown().unwrap().light(), Light::Amber);
    assert_eq!(custodian(&day, "hong"), Custodian::GateDuty, "nobody has taken them over");
}

#[test]
fn who_came_in_without_a_tap_is_on_campus_when_they_show_up_in_class() {
    let mut day = Day::in_service();
    let tap = day.tap("16:30", "ming", "room-1");
    assert_eq!(tap.kinds(), ["arrived", "checked_in"]);
    assert!(matches!(tap.entries[0], What::Arrived { missed: Some(Missed::Entry), .. }));
    assert!(!tap.opened() && tap.promises_are_kept());
    assert_eq!(day.tap("16:30:30", "lei", "room-2").kinds(), ["arrived", "refused"], "in the wrong room, too");
}

#[test]
fn a_student_in_a_guardians_care_is_not_taken_back_by_a_tap() {
    let mut day = at_school();
    day.tap("16:00", "mother", "desk");
    day.tap("16:01", "ming", "desk");
    let tap = day.tap("16:30", "ming", "room-1");
    assert_eq!((tap.kinds(), tap.shown()), (vec!["unexpected"], Some(Picture::Unexpected)));
    assert!(!custodian(&day, "ming").is_school());
}

#[test]
fn leave_keeps_nobody_from_coming() {
    let mut document = service::document();
    document.leaves.push(service::leave("ming", "16:00", "20:00", false));
    assert_eq!(Day::of(document).tap("16:30", "ming", "room-1").kinds(), ["arrived", "checked_in"]);
}

#[test]
fn without_a_clock_a_lesson_that_was_taken_up_here_is_the_one() {
    let mut day = at_school();
    day.tap("16:25", "li", "room-1");
    day.clock = ClockQuality::Unset;
    let tap = day.tap("16:50", "ming", "room-1");
    assert!(matches!(tap.entries[..], [What::CheckedIn { late_min: 0, .. }]), "{tap:?}");
    assert_eq!(day.tap("16:51", "ming", "room-1").kinds(), ["checked_out"]);
    assert_eq!(day.tap("16:52", "ming", "room-2").kinds(), ["seen"], "no lesson was taken up there");
    let mut idle = at_school();
    idle.clock = ClockQuality::Unset;
    assert_eq!(idle.tap("16:50", "ming", "room-1").kinds(), ["seen"]);
}

fn check_in(who: &str, at: &str) -> Order {
    Order::CheckIn { student: student(who), place: place(at) }
}

#[test]
fn the_teacher_checks_in_a_student_without_a_card() {
    let mut day = at_school();
    day.tap("16:25", "li", "room-1");
    let order = day.order("16:38", "li", check_in("ming", "room-1"));
    assert!(
        matches!(&order.entries[..], [What::CheckedIn { tap: None, by: Some(li), late_min: 3, .. }] if *li == service::staff("li"))
    );
    assert_eq!(custodian(&day, "ming"), Custodian::Staff(service::staff("li")));
    assert_eq!(day.order("16:39", "li", check_in("ming", "room-1")).kinds(), [""; 0], "they are in it");
}

#[test]
fn a_child_who_forgot_the_card_at_home_is_on_campus_by_the_teachers_word_and_in_custody() {
    let mut day = Day::in_service();
    day.tap("16:25", "li", "room-1");
    day.order("16:30", "li", check_in("lei", "room-1"));
    assert_eq!(custodian(&day, "lei"), Custodian::Staff(service::staff("li")));
    assert_eq!(day.school.state().on_campus(), 1);
    day.order("16:31", "zhao", check_in("hong", "room-1"));
    assert_eq!(custodian(&day, "hong"), Custodian::Staff(service::staff("li")));
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn only_those_in_charge_of_the_lesson_and_the_duty_leader_check_in() {
    let mut day = at_school();
    let fault = |day: &mut Day, time, who, order| match day.order(time, who, order).entries.as_slice() {
        [What::OrderRefused { reason, .. }] => Some(*reason),
        _ => None,
    };
    assert_eq!(fault(&mut day, "16:31", "wang", check_in("ming", "room-1")), Some(OrderFault::NotTheirRole));
    assert_eq!(fault(&mut day, "16:31", "li", check_in("ming", "room-1")), None, "it is hers, tapped or not");
    assert_eq!(fault(&mut day, "16:31", "zhao", check_in("hong", "room-1")), None);
    assert_eq!(fault(&mut day, "16:32", "zhao", check_in("hong", "room-2")), Some(OrderFault::NoSuch));
    assert_eq!(fault(&mut day, "16:32", "zhao", check_in("nobody", "room-1")), Some(OrderFault::UnknownPerson));
    day.tap("16:40", "mother", "desk");
    day.tap("16:41", "ming", "desk");
    assert_eq!(fault(&mut day, "16:42", "li", check_in("ming", "room-1")), Some(OrderFault::NotHere), "released");
}

#[test]
fn who_was_released_and_never_seen_to_leave_is_checked_in_hours_later_all_the_same() {
    let mut day = at_school();
    day.tap("12:00", "mother", "desk");
    day.tap("12:01", "ming", "desk");
    let order = day.order("16:31", "li", check_in("ming", "room-1"));
    assert_eq!(order.kinds(), ["left_unseen", "checked_in"]);
    assert_eq!(custodian(&day, "ming"), Custodian::GateDuty, "until Li takes the lesson up");
}
