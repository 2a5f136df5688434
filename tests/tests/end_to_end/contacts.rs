//! Doors, buttons and alarms of an unmodified gateway: their contacts close, open and are lost.

use std::time::Duration;

use schoolgate_core::{
    alarm::Alarm,
    entry::{Entry, OpenCause, What},
    id::PlaceId,
};
use schoolgate_sim::gateway_process::GatewayProcess;
use schoolgate_tests::{Plan, Rig, soon};

/// How long a body takes from one beam to the next: longer than a line must be at rest.
const STEP: Duration = Duration::from_millis(150);
/// The usual length of a release.
const RELEASE: Duration = Duration::from_secs(5);

/// A gate with these inputs, all of them at rest: those that are closed at rest are closed.
async fn with_inputs(kinds: &[&str]) -> (Rig, PlaceId, GatewayProcess) {
    let rig = Rig::set(Plan::default()).await;
    let place = rig.scene.campus.readers[0].place.clone();
    for kind in kinds {
        rig.scene.wire_input(&place, kind).unwrap();
        match *kind {
            "door_contact" | "fire_alarm" | "tamper" => rig.scene.lines.close(&line(&place, kind)),
            _ => rig.scene.lines.open(&line(&place, kind)),
        }
    }
    let release = line(&place, "release");
    let mut lamps = rig.watch();
    let gateway = rig.start().await;
    // Connected, and told how the contacts rest.
    if rig.scene.lines.level(&release).is_none() {
        soon("the gateway's lines", lamps.wait_for(&release, false)).await;
    }
    (rig, place, gateway)
}

fn line(place: &PlaceId, kind: &str) -> String {
    format!("{place}.{kind}")
}

fn opened(entry: &Entry) -> Option<&OpenCause> {
    match &entry.what {
        What::GateOpened { cause, .. } => Some(cause),
        _ => None,
    }
}

fn kinds(rig: &Rig) -> Vec<&'static str> {
    rig.stored().iter().map(|entry| entry.what.kind()).collect()
}

#[tokio::test]
async fn a_door_that_opens_after_a_grant_is_that_grants() {
    let (rig, place, _gateway) = with_inputs(&["door_contact"]).await;
    let child = rig.students().next().unwrap();
    rig.tap_until_green(0, child).await;
    rig.scene.lines.open(&line(&place, "door_contact"));
    let entry = rig.find_stored("the door", |entry| opened(entry).is_some()).await;
    assert!(matches!(opened(&entry), Some(OpenCause::Granted(_))), "{entry:?}");
    rig.scene.lines.close(&line(&place, "door_contact"));
    rig.find_stored("the door's closing", |entry| matches!(entry.what, What::GateClosed { .. })).await;
    assert!(!kinds(&rig).contains(&"alarm_raised"), "{:?}", kinds(&rig));
}

#[tokio::test]
async fn the_exit_button_explains_a_door_and_without_it_the_door_is_forced() {
    let (rig, place, _gateway) = with_inputs(&["exit_request", "door_contact"]).await;
    // Pressed until the door is open, as people do.
    rig.scene.lines.close(&line(&place, "exit_request"));
    rig.scene.lines.open(&line(&place, "door_contact"));
    let asked = |entry: &Entry| opened(entry) == Some(&OpenCause::ExitRequest);
    rig.find_stored("a door that somebody asked for", asked).await;
    rig.scene.lines.open(&line(&place, "exit_request"));
    rig.scene.lines.close(&line(&place, "door_contact"));
    rig.find_stored("the closing", |entry| matches!(entry.what, What::GateClosed { .. })).await;

    rig.scene.lines.open(&line(&place, "door_contact"));
    let forced = |entry: &Entry| matches!(&entry.what, What::AlarmRaised { alarm: Alarm::GateForced { place: at }, .. } if *at == place);
    rig.find_stored("the alarm of a forced door", forced).await;
}

#[tokio::test]
async fn a_cut_fire_alarm_wire_opens_every_gate() {
    let (rig, place, _gateway) = with_inputs(&["fire_alarm"]).await;
    let mut lamps = rig.watch();
    rig.scene.lines.open(&line(&place, "fire_alarm"));
    soon("the gate", lamps.wait_for(&format!("{place}.release"), true)).await;
    rig.find_stored("the muster", |entry| entry.what.kind() == "muster_started").await;
}

#[tokio::test]
async fn a_panic_button_is_an_alarm() {
    let (rig, place, _gateway) = with_inputs(&["panic"]).await;
    rig.scene.lines.close(&line(&place, "panic"));
    rig.find_stored("the alarm", |entry| entry.what.kind() == "alarm_raised").await;
}

#[tokio::test]
async fn inputs_that_can_not_be_read_are_told_and_told_again_when_they_can() {
    let (rig, place, _gateway) = with_inputs(&["door_contact"]).await;
    rig.scene.lines.hang_up();
    let down = rig.find_stored("the lost line", |entry| matches!(entry.what, What::SensorDown { .. })).await;
    let What::SensorDown { place: at, line: name } = &down.what else { unreachable!() };
    assert_eq!((at, name.as_str()), (&place, format!("door_contact {place}.door_contact").as_str()));
    rig.find_stored("the line that is back", |entry| matches!(entry.what, What::SensorUp { .. })).await;
}

#[tokio::test]
async fn a_release_ends_when_the_child_is_through_the_beams() {
    let (rig, place, _gateway) = with_inputs(&["beam_a", "beam_b"]).await;
    let (release, [a, b]) = (line(&place, "release"), ["beam_a", "beam_b"].map(|kind| line(&place, kind)));
    let mut lamps = rig.watch();
    rig.scene.readers[0].tap(rig.students().next().unwrap().card).unwrap();
    soon("the release", lamps.wait_for(&release, true)).await;
    let released = std::time::Instant::now();
    // A body breaks the street's beam, both, and leaves by the campus's. Each step is heard before the next.
    for (beam, broken) in [(&a, true), (&b, true), (&a, false), (&b, false)] {
        match broken {
            true => rig.scene.lines.close(beam),
            false => rig.scene.lines.open(beam),
        }
        tokio::time::sleep(STEP).await;
    }
    let locked = soon("the lock", lamps.wait_for(&release, false)).await;
    assert!(locked.at - released < RELEASE, "before its time: {:?}", locked.at - released);
    assert!(!kinds(&rig).contains(&"tailgated"), "{:?}", kinds(&rig));
}

#[tokio::test]
async fn an_opened_box_is_an_alarm() {
    let (rig, place, _gateway) = with_inputs(&["tamper"]).await;
    rig.scene.lines.open(&line(&place, "tamper"));
    rig.find_stored("the alarm", |entry| entry.what.kind() == "alarm_raised").await;
}
