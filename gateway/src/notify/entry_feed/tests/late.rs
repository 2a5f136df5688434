//! After a time without a line: what still goes out, and what has lost its meaning.

use super::*;

#[test]
fn after_three_days_offline_facts_come_as_late_and_what_is_over_does_not_come() {
    for at_once in [1, 2, 100] {
        let mut desk = Desk::open();
        let waited = desk.write(stamp("07:40", 1), What::Arrived { student: ming(), tap: at_gate(1), missed: None });
        assert_eq!(waited, Seq(3));
        desk.write(stamp("17:40", 36_000_000), What::Waiting { student: ming(), tap: at_gate(1) });
        let guardian = GuardianId::try_new("g1").unwrap();
        let students = vec![ming()];
        desk.write(stamp("17:50", 36_600_000), What::Called { guardian: guardian.clone(), students, tap: at_gate(2) });
        let to = Recipient::Guardian(guardian);
        let released =
            What::Released { student: ming(), to, tap: at_gate(1), matched: Some(Seq(5)), confirmed_by: None };
        let released = desk.write(stamp("17:52", 36_720_000), released);
        desk.write(stamp("17:52", 36_720_000), What::Left { student: ming(), tap: at_gate(1), released });

        desk.clock.set(days_later(stamp("17:53", 36_780_000), 3));
        let letters = desk.letters_by(1, at_once);

        let events: Vec<_> = sent(&letters, "-0123456789/event").collect();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["arrived", "arrived", "released", "released"], "{at_once} at once");
        assert!(events.iter().all(|event| event["delayed"] == true));
        assert_eq!(events[2]["text"]["en"], "(Delayed: 2026-09-01 17:52) 王小明 was picked up by grandmother at 17:52");
        let statuses: Vec<_> = sent(&letters, "/status").collect();
        assert_eq!(statuses.len(), 2, "one for each guardian, {at_once} at once");
        assert!(statuses.iter().all(|status| status["children"][0]["state"] == "off_campus"));
        assert_eq!(sent(&letters, "place/east-gate/event").count(), 5, "boards get every entry as it is");
    }
}

#[test]
fn news_in_time_say_nothing_of_late() {
    let mut desk = Desk::open();
    an_afternoon(&mut desk);
    desk.clock.set(stamp("17:56", 36_960_000));
    let letters = desk.letters(3);
    assert!(sent(&letters, "/event").filter(|event| event["event"] == "released").all(|e| e.get("delayed").is_none()));
    assert_eq!(sent(&letters, "/event").filter(|event| event["event"] == "released").count(), 2);
}

#[test]
fn a_child_who_still_waits_is_told_late_within_the_window_and_not_after_it() {
    for (now, told) in [("17:46", 2), ("17:51", 0)] {
        let mut desk = Desk::open();
        desk.write(stamp("07:40", 1), What::Arrived { student: ming(), tap: at_gate(1), missed: None });
        desk.write(stamp("17:40", 36_000_000), What::Waiting { student: ming(), tap: at_gate(1) });
        let minutes = if now == "17:46" { 6 } else { 11 };
        desk.clock.set(stamp(now, 36_000_000 + minutes * 60_000));
        let letters = desk.letters(1);
        let waits: Vec<_> = sent(&letters, "/event").filter(|event| event["event"] == "ready_for_pickup").collect();
        assert_eq!(waits.len(), told, "{now}");
        assert!(waits.iter().all(|event| event["delayed"] == true));
    }
}

#[test]
fn a_wait_ends_at_the_broker_with_the_release_window() {
    let mut desk = Desk::open();
    desk.write(stamp("07:40", 1), What::Arrived { student: ming(), tap: at_gate(1), missed: None });
    desk.write(stamp("17:40", 36_000_000), What::Waiting { student: ming(), tap: at_gate(1) });
    desk.clock.set(stamp("17:41", 36_060_000));
    let now = tokio::time::Instant::now();
    assert_eq!(desk.feed.letters_after(2, 100).unwrap().len(), 0, "the oldest is late: first all the others are read");
    let letters = desk.feed.letters_after(2, 100).unwrap();
    let left = |n: usize| letters[n].messages[0].expires_at.map(|at| at.duration_since(now).as_secs());
    assert_eq!(left(0), None, "that the child came stays so");
    assert!((540..=541).contains(&left(1).unwrap()), "ten minutes less the one that has passed");
}

#[test]
fn what_lay_under_way_while_the_line_was_cut_is_late_when_it_goes_out() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    let letters = desk.feed.letters_after(2, 100).unwrap();
    let arrived = &letters[0].messages[0];
    let text = |after_s| {
        let at = tokio::time::Instant::now() + Duration::from_secs(after_s);
        String::from_utf8(arrived.payload_at(at).to_vec()).unwrap()
    };
    assert!(!text(299).contains("delayed") && text(301).contains("delayed"));
}

#[test]
fn without_a_set_clock_age_is_told_by_the_boots_time_and_across_boots_not_at_all() {
    for (boot, delayed) in [(1, true), (2, false)] {
        let mut desk = Desk::open();
        let unset = Stamp { clock: ClockQuality::Unset, ..stamp("07:41", 1) };
        desk.write(unset, What::Arrived { student: ming(), tap: at_gate(1), missed: None });
        desk.clock.set(Stamp { boot: BootId(boot), mono: Mono(3 * HOUR_MS), ..unset });
        let letters = desk.letters(1);
        let event = sent(&letters, "-0123456789/event").next().unwrap();
        assert_eq!(event.get("delayed").is_some(), delayed, "boot {boot}");
        assert!(!event["text"]["en"].as_str().unwrap().contains("07:41"), "no time that is not so");
    }
}

#[test]
fn of_an_alarm_that_came_and_went_long_ago_only_its_end_is_told() {
    let mut desk = Desk::open();
    let alarm = |place: &str| Alarm::GateHeld { place: PlaceId::try_new(place).unwrap() };
    let at = stamp("09:00", 3 * HOUR_MS);
    let raised = desk.write(at, What::AlarmRaised { alarm: alarm("east-gate"), cause: None });
    desk.write(at, What::AlarmEnded { alarm: alarm("east-gate"), raised });
    let raised = desk.write(at, What::AlarmRaised { alarm: alarm("west-gate"), cause: None });
    let by = StaffId::try_new("chen").unwrap();
    desk.write(at, What::AlarmAcknowledged { alarm: alarm("west-gate"), raised, by });
    let told = |letters: &[(u64, Vec<(String, Value)>)]| -> Vec<(bool, bool)> {
        let standing = |alert: &Value| (alert["on"] == true, alert.get("acknowledged_by").is_some());
        sent(letters, "/alert").map(standing).collect()
    };
    assert_eq!(told(&desk.letters(1)), [(true, false), (false, false), (true, false), (true, true)]);

    let mut desk = {
        // the same, read a day later
        let mut later = Desk::open();
        let raised = later.write(at, What::AlarmRaised { alarm: alarm("east-gate"), cause: None });
        later.write(at, What::AlarmEnded { alarm: alarm("east-gate"), raised });
        let raised = later.write(at, What::AlarmRaised { alarm: alarm("west-gate"), cause: None });
        let by = StaffId::try_new("chen").unwrap();
        later.write(at, What::AlarmAcknowledged { alarm: alarm("west-gate"), raised, by });
        later
    };
    desk.clock.set(days_later(at, 1));
    let letters = desk.letters_by(1, 1);
    assert_eq!(told(&letters), [(false, false), (true, true)]);
    assert!(sent(&letters, "/alert").all(|alert| alert["delayed"] == true));
}

#[test]
fn a_missing_child_who_came_is_not_said_to_be_missing_an_hour_later_and_one_who_did_not_is() {
    for came in [true, false] {
        let mut desk = Desk::open();
        let alarm = Alarm::StudentMissing {
            student: ming(),
            session: SessionId::try_new("chess").unwrap(),
            place: PlaceId::try_new("east-gate").unwrap(),
        };
        let at = stamp("16:40", 10 * HOUR_MS);
        let raised = desk.write(at, What::AlarmRaised { alarm: alarm.clone(), cause: None });
        if came {
            desk.write(at, What::AlarmEnded { alarm, raised });
        }
        desk.clock.set(stamp("17:40", 11 * HOUR_MS));
        let letters = desk.letters_by(1, 1);
        let events: Vec<_> = sent(&letters, "-0123456789/event").map(|e| e["event"].as_str().unwrap()).collect();
        let expected = if came { "no_longer_missed" } else { "not_arrived" };
        assert_eq!(events, [expected; 2]);
    }
}
