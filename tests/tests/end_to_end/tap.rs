//! What a tap brings about: the lamp, the message to the family, the entry at the platform, the line in the export.

use schoolgate_core::{
    entry::{Recipient, What},
    site::PlaceRole,
};
use schoolgate_sim::ledger_check::verify_stopped;
use schoolgate_tests::{Plan, Rig, schoolgate, soon};

#[tokio::test]
async fn a_childs_tap_opens_the_gate_and_reaches_the_family_the_board_and_the_platform() {
    let rig = Rig::set(Plan::default()).await;
    let mut listener = rig.listen(&["guardian/+/event", "guardian/+/status", "place/+/event"]).await;
    let gateway = rig.start().await;
    let (_, child, mother) = rig.family_with("mother");

    // When the child taps at the gate, the lamp is green and the gate is released.
    let (mut lamps, mut locks) = (rig.watch(), rig.watch());
    rig.scene.readers[0].tap(child.card).unwrap();
    soon("green", lamps.wait_for("east-gate.green", true)).await;
    soon("release", locks.wait_for("east-gate.release", true)).await;

    // Then the platform has the entry, the mother is told, the board is told, and what she may look up is so.
    let is_arrival = |what: &What| matches!(what, What::Arrived { student, .. } if *student == child.id);
    let entry = rig.find_stored("the arrival", |entry| is_arrival(&entry.what)).await;
    let tap = entry.what.tap().unwrap();
    assert_eq!((tap.place.as_str(), tap.reader.as_str()), ("east-gate", "east-gate-1"));
    assert_eq!(tap.credential, rig.scene.school.credential(child.card));

    let (name, at) = (&child.name, entry.at.clock_text().unwrap());
    let hers = rig.topic(&format!("guardian/{}/event", mother.token));
    let told = listener.find_on(&hers, "arrived", |message| message["event"] == "arrived").await;
    assert_eq!(told["text"]["zh"], format!("{name}{at}已到校（东门）"));
    assert_eq!(told["text"]["en"], format!("{name} arrived at {at} (East gate)"));
    assert_eq!(told["student"]["id"], child.id.as_str());
    assert_eq!((&told["v"], &told["seq"], &told["place"]), (&1.into(), &entry.seq.0.into(), &"east-gate".into()));
    assert_eq!(told["at"], entry.at.wall.to_string());

    let boards = rig.topic("place/east-gate/event");
    let shown = listener.find_on(&boards, "the entry", |message| message["entry"]["seq"] == entry.seq.0).await;
    assert_eq!(shown["entry"], serde_json::to_value(&entry).unwrap());

    let status = rig.topic(&format!("guardian/{}/status", mother.token));
    listener.find_on(&status, "on campus", |message| message["children"][0]["state"] == "on_campus").await;

    // And nobody else's guardian was told anything.
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
    let own: Vec<_> = rig.family_with("mother").0.guardians.iter().map(|guardian| guardian.token.as_str()).collect();
    let strangers = |topic: &str| topic.contains("/guardian/") && !own.iter().any(|token| topic.contains(token));
    assert!(!listener.heard().iter().any(|heard| strangers(&heard.topic)));
}

#[tokio::test]
async fn a_grandmother_calls_the_child_comes_and_the_family_is_told_who_took_it() {
    // While the gate's lamp shows the arrival (2 s), ten seconds go by: the child's second tap there is another one.
    let rig = Rig::set(Plan::default().at_speed(5)).await;
    let gateway = rig.start().await;
    let (_, child, grandmother) = rig.family_with("grandmother");
    let desk = rig.scene.campus.lanes(PlaceRole::HandoverDesk).next().unwrap();
    let mut listener = rig.listen(&["guardian/+/event", "guardian/+/status"]).await;
    let hers = rig.topic(&format!("guardian/{}/event", grandmother.token));

    // Given a child at school, when the grandmother taps at the desk, it is called.
    rig.tap_until_green(0, child).await;
    rig.scene.readers[desk].tap(grandmother.card).unwrap();
    let called = listener.find_on(&hers, "called", |message| message["event"] == "called").await;
    let name = &child.name;
    assert_eq!(called["text"]["zh"], format!("已通知{name}到交接处"));
    assert_eq!(called["text"]["en"], format!("{name} has been called to: Handover desk"));

    // When the child taps there, it is released to her, and everybody of the family reads by whom.
    rig.tap_until_green(desk, child).await;
    let entry = rig.find_stored("the release", |entry| matches!(entry.what, What::Released { .. })).await;
    let What::Released { student, to, matched, .. } = &entry.what else { unreachable!() };
    assert_eq!((student, to), (&child.id, &Recipient::Guardian(grandmother.id.clone())));
    assert_eq!(called["seq"], matched.unwrap().0, "matched with her call");
    let at = entry.at.clock_text().unwrap();
    let grandmother_zh = &grandmother.relation.zh;
    let released = listener.find_on(&hers, "released", |message| message["event"] == "released").await;
    assert_eq!(released["text"]["zh"], format!("{name}{at}由{grandmother_zh}接走"));
    assert_eq!(released["text"]["en"], format!("{name} was picked up by grandmother at {at}"));

    // When it leaves by the gate, its state says so, also to a phone that was off meanwhile.
    rig.tap_until_green(0, child).await;
    let topic = format!("guardian/{}/status", grandmother.token);
    let has_left = |message: &serde_json::Value| message["children"][0]["state"] == "off_campus";
    listener.find_on(&rig.topic(&topic), "off campus", has_left).await;
    let late = rig.listen(&[&topic]).await.next().await;
    assert!(late.retained && has_left(&late.json()), "{late:?}");
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
}

#[tokio::test]
async fn the_gateway_says_that_it_is_there_and_its_will_says_when_it_is_not() {
    let rig = Rig::set(Plan::default()).await;
    let mut listener = rig.listen(&["gateway/gate-1/availability"]).await;
    let gateway = rig.start().await;
    assert_eq!(listener.next().await.text, "online");
    gateway.stop().await.unwrap();
    assert_eq!(listener.next().await.text, "offline", "a stop in good order");

    let gateway = rig.start().await;
    assert_eq!(listener.next().await.text, "online");
    gateway.kill().await.unwrap();
    assert_eq!(listener.next().await.text, "offline", "the last will");
    let late = rig.listen(&["gateway/+/availability"]).await.next().await;
    assert_eq!((late.retained, late.text.as_str()), (true, "offline"));
}

#[tokio::test]
async fn the_ledger_can_be_verified_shown_and_exported() {
    let rig = Rig::set(Plan::default()).await;
    let gateway = rig.start().await;
    let (_, child, _) = rig.family_with("mother");
    rig.tap_until_green(0, child).await;
    let arrival = rig.find_stored("the arrival", |entry| entry.what.kind() == "arrived").await;
    let (seq, id) = (arrival.seq.to_string(), child.id.as_str());
    let data = rig.scene.data().to_string_lossy().into_owned();
    let ledger = async |arguments: &[&str]| {
        let output = schoolgate(["--lang", "en", "ledger"].iter().chain(arguments).chain(&["--data-dir", &data])).await;
        assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "{arguments:?}");
        output.out
    };

    // Beside the running gateway:
    let shown = ledger(&["show", "--subject", id]).await;
    let line = shown.lines().next().unwrap();
    let words = [&seq, &arrival.at.wall.to_string(), "arrived", &format!("student {id} arrived by east-gate")];
    assert!(words.iter().all(|word| line.contains(*word)), "{line}");
    assert_eq!(shown.lines().count(), 1);
    assert!(!shown.contains(&child.name), "ids, not names");

    let json = ledger(&["export", "--format", "ndjson", "--subject", id]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["entry"], serde_json::to_value(&arrival).unwrap());

    let table = ledger(&["export", "--format", "csv", "--subject", id]).await;
    let table = table.strip_prefix('\u{feff}').expect("marked as UTF-8, for spreadsheets");
    let rows: Vec<Vec<&str>> = table.lines().map(|row| row.split(',').collect()).collect();
    assert_eq!(rows[0][..7], ["seq", "wall", "clock", "boot", "mono_ms", "kind", "students"]);
    assert_eq!((rows[1][0], rows[1][5], rows[1][6]), (seq.as_str(), "arrived", id));
    assert_eq!(rows.len(), 2);

    // And after its end:
    gateway.stop().await.unwrap();
    let verified = ledger(&["verify"]).await;
    let entries = rig.ledger().len();
    assert!(
        verified.contains(&format!("{entries} entries (1 to {entries})")) && verified.contains("sound"),
        "{verified}"
    );
}
