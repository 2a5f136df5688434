//! Starts and stops, orderly and not, and what a person who made a mistake is told.

use rustix::process::Signal;
use schoolgate_core::{
    entry::{Entry, What},
    roster::{Authorisation, CredentialLine, Document, Holder},
};
use schoolgate_sim::{ledger_check::verify_stopped, school::Student};
use schoolgate_tests::{Plan, Rig, schoolgate, soon};

#[tokio::test]
async fn a_stop_in_good_order_leaves_everything_on_disk_and_says_so_last() {
    let rig = Rig::set(Plan::default()).await;
    let gateway = rig.start().await;
    // Given children who tap until the very end,
    let children: Vec<_> = rig.students().take(20).collect();
    for child in &children {
        rig.scene.readers[0].tap(child.card).unwrap();
    }
    rig.tap_until_green(1, rig.students().nth(20).unwrap()).await;

    // when it is told to stop, then it ends without an error and its ledger ends with that.
    gateway.stop().await.unwrap();
    let report = verify_stopped(&rig.scene.ledger()).unwrap();
    let entries = rig.ledger();
    assert_eq!(report.records, entries.len() as u64);
    let end: Vec<_> = entries.iter().rev().take(2).map(|entry| entry.what.kind()).collect();
    assert_eq!(end, ["checkpoint", "stopped"], "the last signature covers the stop");
    assert_eq!(rig.scene.lines.level("east-gate.green"), Some(false), "the lamps are off");

    // And the next one goes on where it ended, with everybody still there.
    let gateway = rig.start().await;
    let started =
        async |count| rig.find_stored("the next start", |entry: &Entry| starts(entry) && entry.seq.0 > count).await;
    let next = started(report.records).await;
    assert_eq!(next.seq.0, report.records + 1);
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
}

fn starts(entry: &Entry) -> bool {
    matches!(entry.what, What::Started { .. })
}

#[tokio::test]
async fn a_faulty_configuration_is_refused_with_all_its_faults() {
    let rig = Rig::set(Plan::default()).await;
    let good = std::fs::read_to_string(rig.scene.config()).unwrap();
    let bad = good.replace("keep_alive_s = 5", "keep_alive_s = 1").replace("kind = \"rdm6300\"", "kind = \"rdm6400\"");
    assert_ne!(good, bad);
    let file = rig.scene.folder().join("bad.toml");
    std::fs::write(&file, bad).unwrap();
    for (lang, found) in [("en", "rdm6400"), ("zh", "错误")] {
        let output = schoolgate(["--lang", lang, "run", "--config", &file.to_string_lossy()]).await;
        assert_eq!(output.code, Some(1));
        assert!(output.err.contains("keep_alive_s") && output.err.contains("kind"), "{}", output.err);
        assert!(output.err.contains(found) || lang == "zh", "{}", output.err);
        assert!(output.err.contains("bad.toml:"), "the file and the line: {}", output.err);
    }
    assert!(!rig.scene.ledger().exists(), "nothing was begun");
}

#[tokio::test]
async fn a_faulty_roster_leaves_the_last_good_one_in_force() {
    let rig = Rig::set(Plan::default()).await;
    rig.start().await.stop().await.unwrap();
    for bad in [
        "{\"v\":1,",
        "{\"v\":1,\"version\":\"bad\",\"students\":[{\"id\":\"a\",\"name\":\"a\"},{\"id\":\"a\",\"name\":\"b\"}]}",
    ] {
        std::fs::write(rig.scene.folder().join("roster.json"), bad).unwrap();
        let gateway = rig.start().await;
        let log = gateway.log_tail();
        assert!(log.contains("the roster was refused; the last good one stays in force"), "{log}");
        gateway.stop().await.unwrap();
    }
    let gateway = rig.start().await;
    rig.tap_until_green(0, rig.students().next().unwrap()).await;

    // Also while it runs: what is no good changes nothing.
    std::fs::write(rig.scene.folder().join("roster.json"), "not even JSON").unwrap();
    gateway.signal(Signal::HUP).unwrap();
    rig.tap_until_green(0, rig.students().nth(1).unwrap()).await;
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
}

#[tokio::test]
async fn a_new_student_is_known_without_a_restart() {
    let rig = Rig::set(Plan::default()).await;
    let full = rig.scene.school.document();
    let (_, child, mother) = rig.family_with("mother");
    rig.scene.write_roster(&without(&full, child)).unwrap();
    let mut listener = rig.listen(&["guardian/+/event"]).await;
    let gateway = rig.start().await;
    let mut lamps = rig.watch();
    rig.scene.readers[0].tap(child.card).unwrap();
    soon("red", lamps.wait_for("east-gate.red", true)).await;

    let full = Document { version: "with the new one".to_owned(), ..full };
    rig.scene.write_roster(&full).unwrap();
    gateway.signal(Signal::HUP).unwrap();
    let is_new = |entry: &Entry| matches!(&entry.what, What::RosterAdopted { version, .. } if *version == full.version);
    rig.find_stored("the new roster", is_new).await;

    // At another place, where the refused tap was not.
    let desk = rig.scene.campus.readers.iter().position(|reader| reader.place.as_str() == "handover-desk").unwrap();
    rig.scene.readers[desk].tap(child.card).unwrap();
    let hers = rig.topic(&format!("guardian/{}/event", mother.token));
    listener.find_on(&hers, "arrived", |message| message["student"]["id"] == child.id.as_str()).await;
    gateway.stop().await.unwrap();
}

/// The same roster before this student came.
fn without(document: &Document, student: &Student) -> Document {
    let mut document = document.clone();
    document.version = "before".to_owned();
    document.students.retain(|line| line.id != student.id);
    document.authorisations.retain(|Authorisation { student: who, .. }| *who != student.id);
    document.restrictions.retain(|line| line.student != student.id);
    let theirs = Holder::Student(student.id.clone());
    document.credentials.retain(|CredentialLine { holder, .. }| *holder != theirs);
    document
}

#[tokio::test]
async fn a_second_gateway_on_the_same_folder_does_not_start() {
    let rig = Rig::set(Plan::default()).await;
    let mut gateway = rig.start().await;
    let second = schoolgate(["--lang", "en", "run", "--config", &rig.scene.config().to_string_lossy()]).await;
    assert_eq!(second.code, Some(1));
    assert!(second.err.contains("the gateway did not start: ") && second.err.contains("in use"), "{}", second.err);

    // The first one goes on as if nothing had been.
    gateway.check().unwrap();
    rig.tap_until_green(0, rig.students().next().unwrap()).await;
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
}
