//! The school day, told in taps.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::{Alarm, ReaderTrouble},
    entry::{CallEnd, Consumer, Missed, Reason, Recipient, What},
    id::ReaderId,
    picture::Picture,
    policy::Policy,
    promise::LedgerPace,
    school::Input,
    state::{Custodian, Whereabouts},
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};

use crate::support::{Day, at, guardian, place, reader, student};

fn whereabouts(day: &Day, who: &str) -> Whereabouts {
    day.school.state().presence(&student(who)).unwrap().whereabouts.clone()
}

#[test]
fn a_student_who_comes_is_welcomed_and_the_gate_duty_answers_for_them() {
    let mut day = Day::new();
    let tap = day.tap("07:41", "ming", "east-gate");
    assert_eq!(tap.kinds(), ["arrived"]);
    assert_eq!(tap.shown(), Some(Picture::Welcome));
    assert!(tap.opened() && tap.promises_are_kept());
    assert_eq!(whereabouts(&day, "ming"), Whereabouts::OnCampus(Custodian::GateDuty));
}

#[test]
fn a_second_tap_within_three_seconds_is_the_same_tap() {
    let mut day = Day::new();
    day.tap("07:41:00", "ming", "east-gate");
    let again = day.tap("07:41:02", "ming", "east-gate");
    assert_eq!(again.kinds(), [""; 0]);
    assert_eq!(again.shown(), Some(Picture::Welcome));
    assert!(!again.opened() && again.promises_are_kept());
    let resting = day.tap("07:41:04", "ming", "east-gate");
    assert_eq!(resting.kinds(), [""; 0], "counted from the last sighting: a wallet on the reader is one tap");
    let later = day.tap("07:41:07", "ming", "east-gate");
    assert_eq!(later.kinds(), ["refused", "alarm_raised"], "after that it is a wish to leave");
}

#[test]
fn a_student_whom_nobody_has_come_for_may_not_leave_and_the_duty_leader_hears_of_it_once() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let tap = day.tap("16:31", "ming", "east-gate");
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::NotReleased, .. }));
    assert_eq!(tap.shown(), Some(Picture::SeeTeacher));
    assert!(!tap.opened());
    let alarm = Alarm::ExitRefused { place: place("east-gate"), student: student("ming") };
    assert!(matches!(&tap.entries[1], What::AlarmRaised { alarm: raised, .. } if *raised == alarm));
    assert_eq!(day.tap("16:31:30", "ming", "east-gate").kinds(), ["refused"], "the alarm is on already");
    assert_eq!(day.until("16:32:29").len(), 0, "60 s after the last try it is over, not before");
    assert!(matches!(&day.until("16:32:30")[..], [What::AlarmEnded { alarm: ended, .. }] if *ended == alarm));
}

#[test]
fn the_guardian_calls_then_the_students_tap_completes_the_release() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:42", "hong", "east-gate");
    let call = day.tap("17:50", "grandmother", "east-gate");
    assert_eq!(call.kinds(), ["called"]);
    assert_eq!(call.entries[0].students(), [student("ming"), student("hong")]);
    assert_eq!(call.shown(), Some(Picture::Called));
    assert!(!call.opened(), "the gate opens for the child");

    let tap = day.tap("17:52", "ming", "east-gate");
    assert_eq!(tap.kinds(), ["released", "left"]);
    assert!(
        matches!(&tap.entries[0], What::Released { to: Recipient::Guardian(g), matched: Some(_), .. } if *g == guardian("grandmother"))
    );
    assert_eq!(tap.shown(), Some(Picture::Goodbye));
    assert!(tap.opened() && tap.promises_are_kept());
    assert_eq!(whereabouts(&day, "ming"), Whereabouts::OffCampus);
    assert_eq!(day.school.state().calls().len(), 1, "Hong is still called");
    day.tap("17:53", "hong", "east-gate");
    assert_eq!(day.school.state().calls().len(), 0);
}

#[test]
fn the_student_may_come_first() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let wait = day.tap("17:40", "ming", "desk");
    assert_eq!((wait.kinds(), wait.shown()), (vec!["waiting"], Some(Picture::Wait)));
    let taken = day.tap("17:49", "mother", "desk");
    assert_eq!((taken.kinds(), taken.shown()), (vec!["released"], Some(Picture::Released)));
    assert_eq!(whereabouts(&day, "ming"), Whereabouts::OnCampus(Custodian::Guardian(guardian("mother"))));
    let out = day.tap("17:55", "ming", "west-gate");
    assert_eq!((out.kinds(), out.opened()), (vec!["left"], true), "in a guardian's care, any gate will do");
}

#[test]
fn a_child_stopped_at_the_gate_is_taken_when_the_guardian_comes_and_the_alarm_is_over() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "ming", "east-gate");
    let taken = day.tap("17:40:40", "mother", "east-gate");
    assert_eq!(taken.kinds(), ["released", "alarm_ended", "left"]);
    assert!(taken.opened());
}

#[test]
fn a_wait_longer_than_the_release_window_is_over() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "ming", "desk");
    assert_eq!(day.tap("17:50", "mother", "desk").kinds(), ["called"]);
}

#[test]
fn a_call_ends_with_the_release_window() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "mother", "east-gate");
    assert_eq!(day.until("17:49:59").len(), 0);
    assert!(
        matches!(&day.until("17:50")[..], [What::CallEnded { why: CallEnd::Expired, students, .. }] if *students == [student("ming")])
    );
    assert_eq!(day.tap("17:50:01", "ming", "east-gate").kinds()[0], "refused");
}

#[test]
fn calling_again_renews_the_call() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "mother", "east-gate");
    assert_eq!(day.tap("17:45", "mother", "east-gate").kinds(), ["call_ended", "called"]);
    assert_eq!(day.tap("17:54", "ming", "east-gate").kinds(), ["released", "left"]);
}

#[test]
fn a_child_at_the_wrong_gate_is_told_where_the_family_waits() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("17:40", "mother", "west-gate");
    let tap = day.tap("17:41", "ming", "east-gate");
    assert_eq!(tap.kinds(), ["refused"], "no alarm: nothing is wrong");
    assert_eq!(tap.shown(), Some(Picture::GoTo(place("west-gate"))));
}

#[test]
fn a_restriction_beats_every_authorisation_and_staff_hear_of_it() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let tap = day.tap("17:40", "uncle", "east-gate");
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::Restricted, .. }));
    assert!(matches!(tap.entries[1], What::AlarmRaised { alarm: Alarm::RestrictedGuardian { .. }, .. }));
    assert_eq!(tap.shown(), Some(Picture::SeeTeacher), "the person learns no reason");
}

#[test]
fn an_authorisation_holds_on_its_days_only() {
    let mut day = Day::new();
    day.tap("07:41", "lei", "east-gate");
    assert_eq!(day.tap("17:00", "aunt", "east-gate").kinds(), ["called"]);
    day.tap("2026-09-02 07:41", "lei", "east-gate");
    let tap = day.tap("2026-09-02 17:00", "aunt", "east-gate");
    assert!(matches!(tap.entries.last().unwrap(), What::Refused { reason: Reason::NotAuthorised, .. }));
}

#[test]
fn children_are_handed_over_within_the_release_hours() {
    let hours = schoolgate_core::time::Hours { from: "16:30".parse().unwrap(), until: "20:30".parse().unwrap() };
    let mut day = Day::with(Policy { release_hours: Some(hours), ..Policy::default() });
    day.tap("07:41", "ming", "east-gate");
    let early = day.tap("10:00", "mother", "east-gate");
    assert!(matches!(early.entries[0], What::Refused { reason: Reason::OutsideHours, .. }));
    assert_eq!(day.tap("16:30", "mother", "east-gate").kinds(), ["called"]);
}

#[test]
fn a_guardian_with_no_child_here_is_sent_to_the_teacher() {
    let mut day = Day::new();
    let tap = day.tap("17:40", "mother", "desk");
    assert!(matches!(tap.entries[0], What::Refused { reason: Reason::NobodyToFetch, .. }));
    assert_eq!(tap.shown(), Some(Picture::SeeTeacher));
}

#[test]
fn a_child_with_permission_walks_home_within_the_hours() {
    let mut day = Day::new();
    day.tap("07:41", "lei", "east-gate");
    assert_eq!(day.tap("17:28", "lei", "east-gate").kinds()[0], "refused");
    day.until("17:29:59");
    let tap = day.tap("17:30", "lei", "east-gate");
    assert!(matches!(&tap.entries[0], What::Released { to: Recipient::Alone, .. }));
    assert!(tap.opened());
}

#[test]
fn with_an_unset_clock_nobody_walks_home_alone_but_families_still_fetch() {
    let mut day = Day::new();
    day.tap("07:41", "lei", "east-gate");
    day.tap("07:42", "ming", "east-gate");
    day.clock = ClockQuality::Unset;
    assert_eq!(day.tap("17:40", "lei", "east-gate").kinds()[0], "refused");
    assert_eq!(day.tap("17:40", "mother", "east-gate").kinds(), ["called"]);
    let dated = day.tap("17:40:30", "aunt", "east-gate");
    assert!(matches!(dated.entries[0], What::Refused { reason: Reason::NotAuthorised, .. }));
}

#[test]
fn cards_that_are_unknown_lost_blocked_or_expired_are_refused_with_one_alarm_for_the_place() {
    let mut day = Day::new();
    let mut alarms = 0;
    for (time, card, reason) in [
        ("08:00:00", "nobody", Reason::Unknown),
        ("08:00:10", "lost", Reason::Lost),
        ("08:00:20", "blocked", Reason::Blocked),
        ("08:00:30", "expired", Reason::Expired),
    ] {
        let tap = day.tap(time, card, "east-gate");
        assert!(matches!(&tap.entries[0], What::Refused { reason: why, .. } if *why == reason), "{card}");
        assert_eq!(tap.shown(), Some(Picture::CardRefused));
        alarms += tap.kinds().iter().filter(|kind| **kind == "alarm_raised").count();
    }
    assert_eq!(alarms, 1);
    assert!(matches!(day.until("08:01:30")[..], [What::AlarmEnded { .. }]));
}

#[test]
fn a_student_who_went_home_without_a_tap_arrives_again_the_next_day() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let midnight: Vec<_> = day.until("2026-09-02 00:00").iter().map(What::kind).collect();
    assert_eq!(midnight, ["left_unseen", "day_began"]);
    assert_eq!(day.tap("2026-09-02 07:39", "ming", "east-gate").kinds(), ["arrived"]);
}

#[test]
fn a_student_at_the_desk_who_never_tapped_in_is_on_campus_all_the_same() {
    let mut day = Day::new();
    let tap = day.tap("17:30", "ming", "desk");
    assert!(matches!(tap.entries[0], What::Arrived { missed: Some(Missed::Entry), .. }));
    assert_eq!(tap.kinds(), ["arrived", "waiting"]);
}

#[test]
fn a_place_without_a_rule_keeps_the_sighting() {
    let mut day = Day::new();
    let tap = day.tap("15:00", "mother", "room-1");
    assert_eq!((tap.kinds(), tap.shown(), tap.opened()), (vec!["seen"], Some(Picture::Noted), false));
}

#[test]
fn a_reader_away_for_ten_seconds_is_an_alarm_until_it_is_back() {
    let mut day = Day::new();
    let down = Input::ReaderDown { reader: reader("desk"), reason: "unplugged".into() };
    assert_eq!(day.give("09:00:00", down.clone()).kinds(), ["reader_down"]);
    assert_eq!(day.give("09:00:01", down).kinds(), [""; 0], "told once");
    assert_eq!(day.until("09:00:09").len(), 0);
    assert!(matches!(day.until("09:00:10")[..], [What::AlarmRaised { alarm: Alarm::ReaderLost { .. }, .. }]));
    let up = Input::ReaderUp { reader: reader("desk") };
    assert_eq!(day.give("09:05", up.clone()).kinds(), ["reader_up", "alarm_ended"]);
    assert_eq!(day.give("09:06", up).kinds(), [""; 0]);
    let stranger = ReaderId::try_new("stranger").unwrap();
    assert_eq!(day.give("09:07", Input::ReaderUp { reader: stranger }).kinds(), [""; 0]);
}

#[test]
fn trouble_with_a_reader_is_an_alarm_until_it_is_over_or_the_gateway_starts_anew() {
    let mut day = Day::new();
    let trouble = |on| Input::ReaderTrouble { reader: reader("desk"), trouble: ReaderTrouble::Flood, on };
    assert_eq!(day.give("09:00", trouble(true)).kinds(), ["alarm_raised"]);
    assert_eq!(day.give("09:01", trouble(true)).kinds(), [""; 0], "told once");
    assert_eq!(day.give("09:02", trouble(false)).kinds(), ["alarm_ended"]);
    assert_eq!(day.give("09:03", trouble(true)).kinds(), ["alarm_raised"]);
    assert_eq!(day.give("09:04", Input::Started { version: "2".into() }).kinds()[..2], ["started", "alarm_ended"]);
}

#[test]
fn a_slow_ledger_is_one_alarm_until_it_has_caught_up() {
    let mut day = Day::new();
    assert_eq!(day.give("09:00", Input::Ledger(LedgerPace::Slow)).kinds(), ["alarm_raised"]);
    assert_eq!(day.give("09:01", Input::Ledger(LedgerPace::Slow)).kinds(), [""; 0]);
    assert_eq!(day.give("09:02", Input::Ledger(LedgerPace::CaughtUp)).kinds(), ["alarm_ended"]);
}

#[test]
fn consumers_leave_marks_that_do_not_feed_each_other() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let news = day.school.state().last();
    for consumer in Consumer::ALL {
        day.give("07:42", Input::Delivered { consumer, through: news });
    }
    let marks = day.until("07:52");
    assert_eq!(marks.len(), 2);
    assert_eq!(day.school.state().delivered(Consumer::Notify), news);
    for consumer in Consumer::ALL {
        day.give("07:53", Input::Delivered { consumer, through: day.school.state().last() });
    }
    assert_eq!(day.until("20:00"), [], "marks alone are not news");
    day.tap("20:01", "hong", "east-gate");
    let news = day.school.state().last();
    for consumer in Consumer::ALL {
        day.give("20:01", Input::Delivered { consumer, through: news });
    }
    assert_eq!(day.give("20:02", Input::Stopping).kinds(), ["delivered", "delivered", "stopped"]);
    assert_eq!(day.school.state().delivered(Consumer::Sync), news);
}

#[test]
fn a_checkpoint_is_written_once_for_what_it_covers_and_calls_for_no_other() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let checkpoint =
        |size| Input::Checkpoint { size, root: "5a".repeat(32), key: "6b".repeat(32), signature: "7c".repeat(64) };
    let news = day.school.state().last();
    assert_eq!(day.give("07:42", checkpoint(news.next())).kinds(), [""; 0], "there is no such entry yet");
    assert_eq!(day.give("07:42", checkpoint(news)).kinds(), ["checkpoint"]);
    assert_eq!(day.school.state().checkpointed(), news);
    assert_eq!(day.give("07:43", checkpoint(news)).kinds(), [""; 0], "said already");
    assert_eq!(day.give("07:44", checkpoint(news.next())).kinds(), [""; 0], "a checkpoint is no news");
    day.give("07:45", Input::Delivered { consumer: Consumer::Sync, through: news.next() });
    assert_eq!(day.until("07:56").len(), 1, "a mark of the news, and no more");
    assert_eq!(day.give("07:57", checkpoint(day.school.state().last())).kinds(), [""; 0], "nor is a mark");
    day.tap("07:58", "hong", "east-gate");
    assert_eq!(day.give("07:59", checkpoint(day.school.state().last())).kinds(), ["checkpoint"]);
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_call_survives_a_reboot_by_wall_time_and_ends_if_the_clock_is_lost() {
    for (clock, ends_at_once) in [(ClockQuality::Synchronised, false), (ClockQuality::Unset, true)] {
        let mut day = Day::new();
        day.tap("07:41", "ming", "east-gate");
        day.tap("17:40", "mother", "east-gate");
        let wall: Wall = "2026-09-01T17:42:00+08:00".parse().unwrap();
        let rebooted = Stamp { wall, boot: BootId(2), mono: Mono(20_000), clock };
        let started = day.give_at(rebooted, Input::Started { version: "test".into() });
        assert_eq!(started.kinds().contains(&"call_ended"), ends_at_once, "{clock:?}");
        if !ends_at_once {
            assert_eq!(day.school.poll_timeout().unwrap().at, Mono(20_000 + 8 * 60_000));
        }
    }
}

#[test]
fn the_ledger_alone_gives_the_same_state() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:42", "hong", "west-gate");
    day.tap("17:40", "hong", "desk");
    day.tap("17:50", "grandmother", "desk");
    day.tap("17:51", "nobody", "desk");
    assert_eq!(day.replayed(), *day.school.state());
    assert_eq!(at("17:50").clock_text().as_deref(), Some("17:50"));
}
