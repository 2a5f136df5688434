//! Gates whose readers lead one way, and cards that are not what they seem.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{Missed, Reason, Recipient, What},
    picture::Picture,
    policy::{AntiPassback, Policy},
    roster::StaffRole,
    school::Input,
    state::{Custodian, Whereabouts},
    time::{BootId, ClockQuality, Mono, Stamp},
};

use crate::support::{Day, Outcome, card, place, reader, student};

fn strict() -> Day {
    Day::with(Policy { anti_passback: AntiPassback::Refuse, ..Policy::default() })
}

fn whereabouts(day: &Day, who: &str) -> Whereabouts {
    day.school.state().presence(&student(who)).unwrap().whereabouts.clone()
}

fn here() -> Whereabouts {
    Whereabouts::OnCampus(Custodian::GateDuty)
}

fn refused(outcome: &Outcome, why: Reason) -> bool {
    outcome.entries.iter().any(|what| matches!(what, What::Refused { reason, .. } if *reason == why))
}

#[test]
fn a_reader_that_leads_in_is_right_and_the_exit_before_it_was_missed() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let arrived = day.school.state().last();
    let tap = day.tap("12:30", "ming", "east-in");
    assert!(
        matches!(tap.entries[..], [What::Arrived { missed: Some(Missed::Exit { since }), .. }] if since == arrived),
        "{tap:?}"
    );
    assert_eq!((tap.shown(), tap.opened()), (Some(Picture::Welcome), true));
    assert_eq!(whereabouts(&day, "ming"), here());
    assert_eq!(day.replayed(), *day.school.state());
}

#[test]
fn a_child_released_at_the_desk_who_comes_in_again_is_in_the_schools_care_again() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("16:30", "mother", "desk");
    day.tap("16:31", "ming", "desk");
    let tap = day.tap("16:50", "ming", "east-in");
    assert!(matches!(tap.entries[..], [What::Arrived { missed: Some(Missed::Exit { .. }), .. }]), "{tap:?}");
    assert_eq!(whereabouts(&day, "ming"), here());
}

#[test]
fn a_child_is_not_let_out_because_the_ledger_did_not_see_it_come_in() {
    let mut day = Day::new();
    let tap = day.tap("16:31", "ming", "east-out");
    assert_eq!(tap.kinds(), ["arrived", "refused", "alarm_raised"]);
    assert!(matches!(tap.entries[0], What::Arrived { missed: Some(Missed::Entry), .. }));
    assert!(refused(&tap, Reason::NotReleased));
    assert!(matches!(&tap.entries[2], What::AlarmRaised { alarm: Alarm::ExitRefused { .. }, .. }));
    assert_eq!((tap.shown(), tap.opened()), (Some(Picture::SeeTeacher), false));
    assert_eq!(whereabouts(&day, "ming"), here(), "and somebody answers for it now");
    assert_eq!(day.tap("16:31:40", "mother", "east-gate").kinds(), ["released", "alarm_ended", "left"]);
}

#[test]
fn a_child_who_walks_home_leaves_though_its_entry_was_missed() {
    let mut day = Day::new();
    let tap = day.tap("17:31", "lei", "east-out");
    assert_eq!(tap.kinds(), ["arrived", "released", "left"]);
    assert_eq!((tap.shown(), tap.opened()), (Some(Picture::Goodbye), true));
}

#[test]
fn a_reader_that_leads_out_lets_out_who_was_called_at_that_gate() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-in");
    day.tap("17:40", "mother", "east-gate");
    assert_eq!(day.tap("17:41", "ming", "east-out").kinds(), ["released", "left"]);
}

#[test]
fn who_went_home_yesterday_without_a_tap_and_wants_out_today_came_without_one_too() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    let tap = day.tap("2026-09-02 16:30", "ming", "east-out");
    assert_eq!(tap.kinds(), ["arrived", "refused", "alarm_raised"]);
    assert!(matches!(tap.entries[0], What::Arrived { missed: Some(Missed::Entry), .. }));
    assert!(refused(&tap, Reason::NotReleased));
}

#[test]
fn where_the_clock_has_jumped_over_midnight_who_came_today_is_here_still() {
    for mut day in [Day::new(), strict()] {
        day.tap("07:41", "ming", "east-gate");
        let jumped = Stamp { mono: crate::support::at("16:30").mono, ..crate::support::at("2026-09-02 16:30") };
        let out = Input::Tap { reader: reader("east-out"), credential: card("ming"), proof: Default::default() };
        let tap = day.give_at(jumped, out);
        assert_eq!(tap.kinds(), ["day_began", "refused", "alarm_raised"]);
        assert!(refused(&tap, Reason::NotReleased));
    }
}

#[test]
fn where_policy_believes_the_ledger_nobody_goes_against_it_and_the_duty_leader_hears() {
    for (who, at) in [("ming", "east-in"), ("hong", "east-out")] {
        let mut day = strict();
        day.tap("07:41", "ming", "east-gate");
        let before = day.school.state().presence(&student(who)).map(|p| p.whereabouts.clone());
        let tap = day.tap("12:30", who, at);
        assert_eq!(tap.kinds(), ["refused", "alarm_raised"]);
        assert!(refused(&tap, Reason::WrongWay));
        let alarm = Alarm::WrongWay { place: place("east-gate"), student: student(who) };
        assert_eq!(alarm.roles(), [StaffRole::DutyLeader]);
        assert!(matches!(&tap.entries[1], What::AlarmRaised { alarm: raised, .. } if *raised == alarm));
        assert_eq!((tap.shown(), tap.opened()), (Some(Picture::SeeTeacher), false));
        assert_eq!(day.school.state().presence(&student(who)).map(|p| p.whereabouts.clone()), before);
        assert_eq!(day.tap("12:30:30", who, at).kinds(), ["refused"], "one alarm");
        assert!(matches!(day.until("12:31:30")[..], [What::AlarmEnded { .. }]), "until it is quiet");
    }
}

#[test]
fn where_policy_believes_the_ledger_a_new_morning_is_not_against_it() {
    let mut day = strict();
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(day.tap("2026-09-02 07:39", "ming", "east-in").kinds(), ["arrived"]);
}

#[test]
fn who_taps_again_because_the_gate_has_closed_before_them_has_not_moved_twice() {
    let mut day = Day::new();
    day.tap("07:41:00", "lei", "east-in");
    let again = day.tap("07:41:10", "lei", "east-in");
    assert_eq!((again.kinds(), again.shown(), again.opened()), (vec![], Some(Picture::Welcome), true));
    day.tap("17:31:00", "lei", "east-out");
    let again = day.tap("17:31:10", "lei", "east-out");
    assert_eq!((again.kinds(), again.shown(), again.opened()), (vec![], Some(Picture::Goodbye), true));
    assert!(again.promises_are_kept());
    assert_eq!(day.tap("17:31:30", "lei", "east-in").kinds(), ["arrived"], "the other way is a movement");
}

#[test]
fn where_policy_believes_the_ledger_a_card_passed_back_opens_nothing() {
    let mut day = strict();
    day.tap("07:41:00", "lei", "east-in");
    assert!(refused(&day.tap("07:41:10", "lei", "east-in"), Reason::WrongWay));
    day.tap("17:31:00", "lei", "east-out");
    assert!(refused(&day.tap("17:31:10", "lei", "east-out"), Reason::WrongWay));
}

#[test]
fn a_child_taken_out_by_a_guardian_may_tap_at_the_reader_on_the_way() {
    for mut day in [Day::new(), strict()] {
        day.tap("07:41", "ming", "east-in");
        day.tap("17:40:00", "ming", "east-out");
        day.tap("17:40:10", "mother", "east-gate");
        let tap = day.tap("17:40:14", "ming", "east-out");
        assert_eq!((tap.kinds(), tap.shown(), tap.opened()), (vec![], Some(Picture::Goodbye), true));
    }
}

#[test]
fn when_nothing_can_be_recorded_a_reader_of_one_way_lets_pass_who_would_be_let_through() {
    let shows = |day: &mut Day, who: &str, at: &str| {
        day.school.without_record(crate::support::at("17:35"), &reader(at), card(who), Default::default())
    };
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(shows(&mut day, "ming", "east-in"), Picture::Degraded);
    assert_eq!(shows(&mut day, "hong", "east-out"), Picture::SeeTeacher);
    assert_eq!(shows(&mut day, "lei", "east-out"), Picture::Degraded, "they walk home at this hour");
    let mut day = strict();
    day.tap("07:41", "ming", "east-gate");
    assert_eq!(shows(&mut day, "ming", "east-in"), Picture::SeeTeacher);
    assert_eq!(shows(&mut day, "lei", "east-out"), Picture::SeeTeacher);
    assert_eq!(shows(&mut day, "ming", "desk"), Picture::SeeTeacher, "a desk hands nobody out without a record");
}

#[test]
fn three_unknown_cards_within_a_minute_are_three_refusals_and_one_alarm() {
    let mut day = Day::new();
    let taps: Vec<_> =
        ["08:00:00", "08:00:20", "08:00:40"].iter().map(|time| day.tap(time, "nobody", "east-gate").kinds()).collect();
    assert_eq!(taps, [vec!["refused", "alarm_raised"], vec!["refused"], vec!["refused"]]);
    assert_eq!(day.tap("08:00:45", "nobody", "west-gate").kinds(), ["refused", "alarm_raised"], "each place its own");
    assert_eq!(day.until("08:01:39").len(), 0);
    assert_eq!(day.until("08:01:45").len(), 2, "a quiet minute after the last try it is over");
}

#[test]
fn a_card_that_may_be_a_clone_is_refused_and_security_hears_of_it() {
    let mut day = Day::new();
    let cloned = |who: &str| Input::Cloned { reader: reader("east-gate"), credential: card(who) };
    for who in ["ming", "nobody"] {
        let tap = day.give("07:41", cloned(who));
        assert!(refused(&tap, Reason::Cloned));
        assert_eq!((tap.shown(), tap.opened()), (Some(Picture::CardRefused), false));
    }
    let alarm = Alarm::ClonedCard { place: place("east-gate") };
    assert!(day.school.state().alarms().contains_key(&alarm));
    assert_eq!(alarm.roles(), [StaffRole::Security]);
    assert_eq!(day.entries.iter().filter(|entry| entry.what.kind() == "alarm_raised").count(), 1);
    assert!(day.school.state().presence(&student("ming")).is_none(), "it moves nobody");
    assert_eq!(day.tap("07:41:30", "ming", "east-gate").kinds(), ["arrived"], "the card itself is still good");
}

#[test]
fn a_guardian_elsewhere_is_only_seen() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    for at in ["room-1", "canteen", "stairs"] {
        let tap = day.tap("17:00", "mother", at);
        assert_eq!((tap.kinds(), tap.shown()), (vec!["seen"], Some(Picture::Noted)), "{at}");
    }
}

#[test]
fn a_guardian_is_told_no_reason_whatever_it_is() {
    let mut day = Day::with(Policy {
        release_hours: Some(crate::support::service::hours("16:30", "20:30")),
        ..Policy::default()
    });
    day.tap("07:41", "ming", "east-gate");
    let reasons = [
        (day.tap("10:00", "mother", "desk"), Reason::OutsideHours),
        (day.tap("17:00", "uncle", "desk"), Reason::Restricted),
        (day.tap("17:00", "aunt", "desk"), Reason::NobodyToFetch),
    ];
    for (tap, reason) in reasons {
        assert!(refused(&tap, reason));
        assert_eq!(tap.shown(), Some(Picture::SeeTeacher));
    }
}

#[test]
fn after_a_reboot_a_call_whose_time_can_not_be_told_is_over_though_an_older_one_goes_on() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:41", "lei", "east-gate");
    day.tap("17:10", "aunt", "desk");
    day.clock = ClockQuality::Unset;
    day.tap("17:11", "mother", "desk");
    let rebooted = Stamp { boot: BootId(2), mono: Mono(20_000), ..crate::support::at("17:12") };
    let started = day.give_at(rebooted, Input::Started { version: "t".into() });
    assert!(
        matches!(&started.entries[..], [What::CallEnded { students, .. }, What::Started { .. }] if *students == [student("ming")]),
        "{started:?}"
    );
    assert_eq!(day.school.state().calls().len(), 1, "Lei is called still");
}

#[test]
fn each_tap_shows_one_picture() {
    let mut day = Day::new();
    day.tap("07:41", "ming", "east-gate");
    day.tap("07:41", "hong", "east-gate");
    day.tap("17:40", "ming", "desk");
    let both = day.tap("17:41", "grandmother", "desk");
    assert_eq!(
        (both.kinds(), both.shown(), both.actions.len()),
        (vec!["released", "called"], Some(Picture::Called), 1)
    );
    let last = day.tap("17:42", "hong", "desk");
    assert_eq!((last.shown(), last.actions.len()), (Some(Picture::Released), 1));
    assert!(matches!(&last.entries[0], What::Released { to: Recipient::Guardian(_), .. }));
}
