//! How the box is, on the broker for whoever looks, whenever they look.

use schoolgate_tests::{Plan, Rig};

#[tokio::test]
async fn whoever_looks_after_the_box_finds_how_it_is_also_later() {
    let rig = Rig::set(Plan::default()).await;
    let gateway = rig.start().await;
    rig.find_stored("the start", |entry| entry.what.kind() == "started").await;

    // The first is told soon after the start; the broker keeps it for those who subscribe only then.
    let mut listener = rig.listen(&["gateway/+/health"]).await;
    let topic = rig.topic(&format!("gateway/{}/health", rig.scene.campus.gateway));
    let health = listener.find_on(&topic, "how the box is", |health| health["v"] == 1).await;
    let readers = &health["readers"];
    let away = readers["away"].as_array().unwrap().len();
    assert_eq!(readers["up"].as_u64(), Some((rig.devices().len() - away) as u64), "{readers}");
    assert_eq!(health["roster"]["version"], rig.scene.school.document().version);
    assert!(health["disk_free_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    gateway.stop().await.unwrap();
}
