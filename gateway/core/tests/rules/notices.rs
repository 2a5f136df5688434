//! Who is told what of an entry.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use schoolgate_core::{
    alarm::Alarm,
    entry::{
        AttendanceStatus, Correction, ENTRY_VERSION, Entry, MusterCause, PassId, Reason, Recipient, Seq, Tap, What,
    },
    id::ReaderId,
    notice::{GuardianEvent, Matter, Notice, late, notices, statuses},
    roster::{Document, Holder, Roster, StaffRole},
    state::State,
    time::{ClockQuality, Stamp},
};

use crate::support::{at, card, guardian, place, service, site, student};

fn tap(who: &str, where_: &str) -> Tap {
    Tap {
        place: place(where_),
        reader: ReaderId::try_new(where_).unwrap(),
        credential: card(who),
        proof: Default::default(),
    }
}

fn entry(at: Stamp, what: What) -> Entry {
    Entry { v: ENTRY_VERSION, seq: Seq(7), at, what }
}

fn told_under(document: Document, entry: &Entry) -> Vec<Notice> {
    let roster = Roster::try_new(document).unwrap();
    let first = notices(entry, &roster, &site());
    assert_eq!(first, notices(entry, &roster, &site()), "the same again");
    first
}

fn told(time: &str, what: What) -> Vec<Notice> {
    told_under(service::document(), &entry(at(time), what))
}

/// `grandmother: arrived: the sentence`, for each event.
fn events(notices: &[Notice]) -> Vec<String> {
    let event = |notice: &Notice| match notice {
        Notice::Event { token, event, text, .. } => {
            let who = token.as_str().split('-').nth(2).unwrap();
            Some(format!("{who}: {}: {}", event.name(), text.en))
        }
        _ => None,
    };
    notices.iter().filter_map(event).collect()
}

/// `duty_leader (zhao): the sentence`, for each alert.
fn alerts(notices: &[Notice]) -> Vec<String> {
    let alert = |notice: &Notice| match notice {
        Notice::Alert { role, whom, text, .. } => {
            let whom = whom.as_ref().map(|who| format!(" ({who})")).unwrap_or_default();
            Some(format!("{}{whom}: {}", role.name(), text.en))
        }
        _ => None,
    };
    notices.iter().filter_map(alert).collect()
}

fn raised(alarm: Alarm) -> What {
    What::AlarmRaised { alarm, cause: None }
}

fn missing() -> Alarm {
    Alarm::StudentMissing {
        student: student("ming"),
        session: service::session("homework-0901"),
        place: place("room-1"),
    }
}

fn attendance(who: &str, status: AttendanceStatus, minutes: u16) -> What {
    What::Attendance {
        student: student(who),
        session: service::session("homework-0901"),
        course: service::course("homework"),
        day: service::day(service::TODAY),
        status,
        minutes,
        by: None,
    }
}

#[test]
fn a_missing_student_is_told_to_the_guardians_and_to_the_teacher_of_that_session() {
    let notices = told("16:40", raised(missing()));
    let sentence = "not_arrived: ming is expected in homework (16:30–17:30) (room-1) and was not there at 16:40";
    assert_eq!(events(&notices), [format!("grandmother: {sentence}"), format!("mother: {sentence}")]);
    assert_eq!(alerts(&notices), ["teacher (li): room-1: student ming is expected and not there"]);
}

#[test]
fn a_restricted_guardian_hears_nothing_of_the_child_and_nobody_hears_of_other_peoples_children() {
    let arrived = |who: &str| What::Arrived { student: student(who), tap: tap(who, "east-gate"), missed: None };
    for what in [
        arrived("ming"),
        raised(missing()),
        raised(Alarm::NotFetched { student: student("ming"), step: 2 }),
        raised(Alarm::LeftDuringSession { student: student("ming"), session: service::session("homework-0901") }),
        attendance("ming", AttendanceStatus::Present, 55),
        What::Waiting { student: student("ming"), tap: tap("ming", "desk") },
    ] {
        let notices = told("17:00", what);
        let heard = events(&notices);
        assert_eq!(heard.len(), 2, "grandmother and mother, not the uncle: {heard:?}");
        let uncle_or_aunt = |notice: &Notice| matches!(notice, Notice::Status { guardian: g, .. } if *g == guardian("uncle") || *g == guardian("aunt"));
        assert!(!notices.iter().any(uncle_or_aunt));
    }
    assert_eq!(events(&told("07:41", arrived("lei"))).len(), 1, "the aunt alone");
}

#[test]
fn a_student_who_is_missed_no_more_is_told_while_the_session_goes_on() {
    let ended = || What::AlarmEnded { alarm: missing(), raised: Seq(6) };
    let told_then = events(&told("16:50", ended()));
    assert_eq!(
        told_then[0],
        "grandmother: no_longer_missed: homework (16:30–17:30): ming is no longer missed at 16:50"
    );
    assert_eq!(events(&told("17:30", ended())).len(), 0, "at the end, the attendance says more");
}

#[test]
fn the_end_of_a_session_tells_how_the_child_took_part() {
    let sentence = |status, minutes| events(&told("17:45", attendance("hong", status, minutes))).concat();
    let begin = "grandmother: session_ended: homework (16:30–17:30) is over: hong ";
    for (status, minutes, end) in [
        (AttendanceStatus::Present, 55, "was there (55 min)"),
        (AttendanceStatus::Late, 40, "came late (40 min)"),
        (AttendanceStatus::LeftEarly, 20, "left early (20 min)"),
        (AttendanceStatus::Absent, 0, "was absent"),
        (AttendanceStatus::Excused, 0, "was on leave"),
    ] {
        assert_eq!(sentence(status, minutes), format!("{begin}{end}"));
    }
}

#[test]
fn a_release_says_by_whom_also_by_whose_pass() {
    let pass =
        PassId { student: student("ming"), day: service::day(service::TODAY), serial: 1, guardian: guardian("mother") };
    for (to, by) in [
        (Recipient::Guardian(guardian("grandmother")), "was picked up by grandmother at 17:52"),
        (Recipient::Delegate(pass), "was picked up by somebody with a pickup pass of mother at 17:52"),
        (Recipient::Alone, "set off home alone at 17:52"),
    ] {
        let what = What::Released {
            student: student("ming"),
            to,
            tap: tap("ming", "desk"),
            matched: None,
            confirmed_by: None,
        };
        let heard = events(&told("17:52", what));
        assert_eq!(heard, [format!("grandmother: released: ming {by}"), format!("mother: released: ming {by}")]);
    }
}

#[test]
fn only_the_caller_or_the_giver_of_the_pass_hears_of_a_call_and_everybody_sees_it() {
    let called =
        What::Called { guardian: guardian("mother"), students: vec![student("ming")], tap: tap("mother", "desk") };
    let notices = told("17:40", called);
    assert_eq!(events(&notices), ["mother: called: ming has been called to: desk"]);
    assert_eq!(notices.iter().filter(|n| matches!(n, Notice::Status { .. })).count(), 2);
    let pass =
        PassId { student: student("ming"), day: service::day(service::TODAY), serial: 1, guardian: guardian("mother") };
    let notices = told("17:40", What::PassShown { pass, tap: tap("x", "desk") });
    assert_eq!(
        events(&notices),
        ["mother: called: somebody came with your pickup pass at 17:40 (desk); ming has been called"]
    );
}

#[test]
fn guardians_hear_of_a_child_not_fetched_from_the_second_step_on() {
    let not_fetched = |step| told("19:00", raised(Alarm::NotFetched { student: student("hong"), step }));
    assert_eq!(events(&not_fetched(1)).len(), 0);
    assert_eq!(alerts(&not_fetched(1)), ["teacher (wang): student hong has not been fetched"]);
    let second =
        "grandmother: late_pickup: hong has not been fetched 30 minutes after the last session and waits at school";
    assert_eq!(events(&not_fetched(2)), [second]);
    assert_eq!(alerts(&not_fetched(2)), ["duty_leader (zhao): student hong has not been fetched"]);
    assert!(events(&not_fetched(3))[0].contains("60 minutes"));
    assert_eq!(alerts(&not_fetched(3)), ["principal: student hong has not been fetched"]);
}

#[test]
fn a_student_who_left_during_a_session_is_told_to_guardians_and_a_refused_exit_is_not() {
    let alarm = Alarm::LeftDuringSession { student: student("hong"), session: service::session("homework-0901") };
    let notices = told("16:50", raised(alarm));
    assert_eq!(
        events(&notices),
        ["grandmother: left_without_release: hong left school at 16:50 during homework (16:30–17:30), without leave"]
    );
    assert_eq!(alerts(&notices).len(), 2);
    let refused = What::Refused {
        holder: Some(Holder::Student(student("hong"))),
        tap: tap("hong", "east-gate"),
        reason: Reason::NotReleased,
    };
    assert_eq!(events(&told("16:50", refused)).len(), 0);
    let exit = Alarm::ExitRefused { place: place("east-gate"), student: student("hong") };
    assert_eq!(events(&told("16:50", raised(exit))).len(), 0);
}

#[test]
fn guardians_hear_of_a_correction_of_what_they_were_told_and_not_of_fees_or_pay() {
    let corrected = |to| What::Corrected {
        entry: Seq(5),
        to,
        by: service::staff("zhao"),
        why: "secret".into(),
        students: vec![student("hong")],
    };
    let attendance = told("18:00", corrected(Correction::Attendance { status: AttendanceStatus::Late, minutes: 40 }));
    assert_eq!(events(&attendance), ["grandmother: correction: correction of attendance: hong came late (40 min)"]);
    assert!(matches!(&attendance[0], Notice::Event { facts, .. } if facts.corrects == Some(Seq(5))));
    let not_so = events(&told("18:00", corrected(Correction::NotSo)));
    assert_eq!(not_so, ["grandmother: correction: correction: an earlier message about hong was wrong"]);
    assert!(!format!("{not_so:?}").contains("secret"), "why is for staff");
    assert_eq!(told("18:00", corrected(Correction::Consumption { counts: true })), []);
    assert_eq!(told("18:00", corrected(Correction::StaffHours { minutes: 1 })), []);
}

#[test]
fn an_acknowledged_alarm_says_by_whom_and_stays_on_until_it_ends() {
    let (alarm, raised, by) = (missing(), Seq(6), service::staff("li"));
    let acknowledged = told("16:42", What::AlarmAcknowledged { alarm: alarm.clone(), raised, by });
    assert_eq!(alerts(&acknowledged), ["teacher (li): li sees to it: room-1: student ming is expected and not there"]);
    assert!(matches!(&acknowledged[0], Notice::Alert { on: true, raised: Seq(6), acknowledged_by: Some(_), .. }));
    assert_eq!(events(&acknowledged).len(), 0);
    let ended = told("16:43", What::AlarmEnded { alarm, raised });
    let over = ended.iter().find(|notice| matches!(notice, Notice::Alert { .. })).unwrap();
    assert!(matches!(over, Notice::Alert { on: false, raised: Seq(6), .. }));
}

#[test]
fn a_muster_is_told_to_every_role_with_its_figures() {
    let started = told("10:00", What::MusterStarted { cause: MusterCause::FireAlarm, drill: false, people: 412 });
    assert_eq!(alerts(&started).len(), StaffRole::ALL.len());
    assert_eq!(alerts(&started)[0], "duty_leader: EMERGENCY, muster: 412 people are on campus");
    let ended =
        told("10:30", What::MusterEnded { muster: Seq(3), by: service::staff("zhao"), safe: 410, unaccounted: 2 });
    assert_eq!(alerts(&ended)[1], "security: the muster is over: 410 are safe, 2 were not accounted for");
    let figures = |notice: &Notice| match notice {
        Notice::Alert { matter: Matter::Muster(facts), raised: Seq(3), on: false, .. } => facts.unaccounted,
        _ => None,
    };
    assert!(ended.iter().all(|notice| figures(notice) == Some(2)));
}

#[test]
fn every_sentence_is_in_both_languages() {
    for what in [
        raised(missing()),
        What::AlarmEnded { alarm: missing(), raised: Seq(1) },
        attendance("ming", AttendanceStatus::LeftEarly, 3),
        What::MusterStarted { cause: MusterCause::FireAlarm, drill: true, people: 4 },
    ] {
        for notice in told("16:45", what) {
            if let Notice::Event { text, .. } | Notice::Alert { text, .. } = notice {
                let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert!(is_chinese(&text.zh) && !is_chinese(&text.en), "{text:?}");
            }
        }
    }
}

#[test]
fn a_clock_that_was_not_set_gives_no_time_of_day() {
    let unset = Stamp { clock: ClockQuality::Unset, ..at("16:40") };
    let notices = told_under(service::document(), &entry(unset, raised(missing())));
    assert!(events(&notices)[0].ends_with("and was not there"));
    assert_eq!(alerts(&notices), ["teacher (li): room-1: student ming is expected and not there"]);
}

#[test]
fn a_status_tells_the_session_that_the_child_is_in() {
    let roster = Roster::try_new(service::document()).unwrap();
    let mut state = State::default();
    let mut fold = |seq, what| {
        state.apply(&Entry { v: ENTRY_VERSION, seq: Seq(seq), at: at("16:30"), what }).unwrap();
        statuses(&guardian("mother"), &state, &roster, &at("16:30"))[0].text.en.clone()
    };
    let arrived = What::Arrived { student: student("ming"), tap: tap("ming", "east-gate"), missed: None };
    assert_eq!(fold(1, arrived), "ming came to school at 16:30");
    let session = service::session("homework-0901");
    let checked_in =
        What::CheckedIn { student: student("ming"), session, late_min: 0, tap: Some(tap("ming", "room-1")), by: None };
    assert_eq!(fold(2, checked_in), "ming is in homework");
    assert_eq!(fold(3, What::ExtendedCare { student: student("ming") }), "ming is in extended care");
}

#[test]
fn facts_last_and_calls_last_for_the_release_window() {
    let roster = Roster::try_new(service::document()).unwrap();
    let missing = entry(at("16:40"), raised(missing()));
    let minutes = |event| late::lasts(event, &missing, &roster).map(|span| span.as_secs() / 60);
    assert_eq!(minutes(GuardianEvent::Released), None);
    assert_eq!(minutes(GuardianEvent::LatePickup), None, "over when the child is fetched");
    assert_eq!(minutes(GuardianEvent::Called), Some(10));
    assert_eq!(minutes(GuardianEvent::NotArrived), Some(50), "until the session's end at 17:30");
}

#[test]
fn an_old_correction_names_no_students_and_tells_nobody() {
    let old = r#"{"corrected":{"entry":5,"to":"not_so","by":"zhao","why":"x"}}"#;
    let what: What = serde_json::from_str(old).unwrap();
    assert_eq!(told("18:00", what.clone()), []);
    assert_eq!(serde_json::to_string(&what).unwrap(), old);
}
