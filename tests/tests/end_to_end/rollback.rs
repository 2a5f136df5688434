//! A box that is put back to an older copy of its disk: it is noticed, staff are told, and nothing more is lost.

use std::{fs, io, path::Path};

use schoolgate_core::{
    alarm::Alarm,
    entry::{Entry, What},
};
use schoolgate_sim::ledger_check::verify_stopped;
use schoolgate_tests::{Plan, Rig, schoolgate};

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        let target = to.join(item.file_name());
        if item.file_type()?.is_dir() {
            copy(&item.path(), &target)?;
        } else {
            fs::copy(item.path(), target)?;
        }
    }
    Ok(())
}

fn refuses(entry: &Entry) -> bool {
    matches!(entry.what, What::AlarmRaised { alarm: Alarm::PlatformRefuses {}, .. })
}

#[tokio::test]
async fn a_box_put_back_to_an_older_copy_of_its_disk_is_noticed_and_loses_nothing_more() {
    let rig = Rig::set(Plan::default()).await;
    let gateway_id = rig.scene.campus.gateway.to_string();
    let mut children = rig.students();
    let mut next_child = || children.next().unwrap();
    let (copied, data) = (rig.scene.folder().join("copy"), rig.scene.data());
    let it = rig.topic("staff/it_admin/alert");
    let mut listener = rig.listen(&["staff/it_admin/alert", "gateway/+/health"]).await;

    // Given a gateway that worked, was copied, and worked on,
    let gateway = rig.start().await;
    rig.tap_until_green(0, next_child()).await;
    gateway.stop().await.unwrap();
    copy(&data, &copied).unwrap();
    let gateway = rig.start().await;
    for _ in 0..3 {
        rig.tap_until_green(0, next_child()).await;
    }
    let true_last = rig.ledger().len() as u64;
    rig.find_stored("all of it", |entry| entry.seq.0 >= true_last).await;
    gateway.stop().await.unwrap();
    let true_history = rig.stored();

    // when the copy is put back and children come,
    fs::remove_dir_all(&data).unwrap();
    copy(&copied, &data).unwrap();
    let gateway = rig.start().await;
    let late = next_child();
    rig.tap_until_green(0, late).await;

    // then staff are told,
    let alert = listener.find_on(&it, "the alarm", |alert| alert["on"] == true).await;
    assert_eq!(alert["text"]["en"], "the platform does not take the ledger's entries; a person must look");
    let health = rig.topic(&format!("gateway/{gateway_id}/health"));
    let says_why = |health: &serde_json::Value| health["sync_refused"].is_string();
    let health = listener.find_on(&health, "why", says_why).await;
    // and the platform keeps what it had. The box may have asked about entries that both have, and heard that the platform
    // has more than it; or it sent others.
    assert!(matches!(health["sync_refused"].as_str(), Some("platform_ahead" | "chain_conflict")), "{health}");
    assert_eq!(rig.stored(), true_history);
    // The gates go on, across a restart as well.
    rig.tap_until_green(0, next_child()).await;
    gateway.stop().await.unwrap();
    let gateway = rig.start().await;
    rig.tap_until_green(0, next_child()).await;
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
    let entries = rig.ledger();
    assert_eq!(entries.iter().filter(|entry| refuses(entry)).count(), 1, "one alarm for one refusal");
    let came_late = |entry: &Entry| matches!(&entry.what, What::Arrived { student, .. } if *student == late.id);
    assert!(entries.iter().any(came_late));
    assert_eq!(rig.stored(), true_history, "the other history never takes its place");
    let verified = schoolgate(["--lang", "en", "ledger", "verify", "--data-dir", &data.to_string_lossy()]).await;
    assert_eq!(verified.code, Some(0), "by itself it is a sound ledger; only the platform can tell: {}", verified.out);
}
