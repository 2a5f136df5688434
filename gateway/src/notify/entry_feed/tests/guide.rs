//! The integrator's guide shows what really goes out.

use super::*;

/// What went out under that id on the first topic with that end.
fn under(letters: &[(u64, Vec<(String, Value)>)], end: &str, id: &str) -> Value {
    sent(letters, end).find(|payload| payload["id"] == id).unwrap_or_else(|| panic!("no {id}: {letters:#?}")).clone()
}

#[test]
fn the_events_of_the_guide_are_what_goes_out() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    let letters = desk.letters(1);
    assert_eq!(under(&letters, "place/east-gate/event", "07070707-3"), example("07070707-3"));
    desk.clock.set(stamp("08:00", 19 * 60_000));
    let arrived = under(&desk.letters(1), "/event", "07070707-3-arrived-ming");
    assert_eq!(arrived, example("07070707-3-arrived-ming"));
}

#[test]
fn the_release_of_the_guide_is_what_goes_out() {
    let mut desk = Desk::open();
    an_afternoon(&mut desk);
    let letters = desk.letters(1);
    let released = under(&letters, "g1-0123456789/event", "07070707-8-released-ming");
    assert_eq!(released, example("07070707-8-released-ming"));
}

#[test]
fn the_session_of_the_guide_is_what_goes_out() {
    let mut desk = Desk::open();
    let attendance = What::Attendance {
        by: None,
        student: ming(),
        session: SessionId::try_new("homework-0901").unwrap(),
        course: CourseId::try_new("homework").unwrap(),
        day: "2026-09-01".parse().unwrap(),
        status: AttendanceStatus::Late,
        minutes: 40,
    };
    desk.tap("07:41", 1, card(1));
    desk.write(stamp("17:44", 36_000_000), What::Stopped {});
    desk.write(stamp("17:45", 36_060_000), attendance);
    let ended = under(&desk.letters(1), "/event", "07070707-5-session_ended-ming");
    assert_eq!(ended, example("07070707-5-session_ended-ming"));
}

#[test]
fn the_alerts_of_the_guide_are_what_goes_out() {
    let mut desk = Desk::open();
    let at = |time: &str, minute: u64| stamp(time, 36_000_000 + minute * 60_000);
    desk.write(at("17:39", 0), What::Stopped {});
    let alarm = Alarm::ExitRefused { place: PlaceId::try_new("east-gate").unwrap(), student: ming() };
    let raised = desk.write(at("17:40", 1), What::AlarmRaised { alarm: alarm.clone(), cause: None });
    let by = StaffId::try_new("zhao").unwrap();
    desk.write(at("17:41", 2), What::AlarmAcknowledged { alarm, raised, by });
    let letters = desk.letters(1);
    let alert = |id: &str| under(&letters, "duty_leader/alert", id);
    assert_eq!(alert("07070707-4-alert-duty_leader"), example("07070707-4-alert-duty_leader"));
    assert_eq!(alert("07070707-5-alert-duty_leader"), example("07070707-5-alert-duty_leader"));

    let mut desk = Desk::open();
    let muster = What::MusterStarted { cause: MusterCause::FireAlarm, drill: false, people: 412 };
    desk.write(stamp("10:00", 36_000_000), muster);
    let started = under(&desk.letters(1), "security/alert", "07070707-3-alert-security");
    assert_eq!(started, example("07070707-3-alert-security"));
}

#[test]
fn the_status_of_the_guide_is_what_goes_out() {
    let mut desk = Desk::open();
    an_afternoon(&mut desk);
    let status = under(&desk.letters(1), "g1-0123456789/status", "07070707-9-status-g1");
    assert_eq!(status, example("07070707-9-status-g1"));
}
