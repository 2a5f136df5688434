//! The gateway's real process on a stage: started, played to, killed, started again, stopped.

use std::{sync::Arc, time::Duration};

use schoolgate_core::{credential::CredentialStatus, entry::What, text::Lang};
use schoolgate_sim::{
    broker::Broker,
    campus::Campus,
    ledger_check::{LedgerView, verify_stopped},
    network::Weather,
    scene::{Scene, Setting},
    school::School,
    watcher::Watcher,
};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_tap_before_a_power_cut_is_on_disk_and_the_family_hears_of_it_when_the_network_is_back() {
    let (school, campus) = (School::generate(1, 10), Campus::for_students(10));
    let student = school.students.iter().find(|s| s.card_status == CredentialStatus::Active).unwrap().clone();
    let broker = Broker::start().unwrap();
    let (watcher, mut news) = Watcher::listen(broker.addr(), &campus.school).await.unwrap();
    let watcher = Arc::new(watcher);
    let setting = Setting {
        school,
        campus,
        broker: Some(broker.addr()),
        platform: None,
        clock: None,
        lang: Lang::En,
        show_ms: None,
    };
    let scene = Scene::set(setting).await.unwrap();

    // Given a gateway without network, when a student taps and the gate turns green, and the power fails,
    scene.set_weather(Weather::Cut);
    let gateway = scene.start_gateway().await.unwrap();
    let mut lamps = scene.lines.watch();
    scene.readers[0].tap(student.card).unwrap();
    timeout(PATIENCE, lamps.wait_for("east-gate.green", true)).await.expect("a green light");
    gateway.kill().await.unwrap();

    // then it is on disk,
    let mut ledger = LedgerView::new(scene.ledger());
    ledger.read_on().unwrap();
    let arrived = |what: &What| matches!(what, What::Arrived { student: who, .. } if *who == student.id);
    assert_eq!(ledger.entries.iter().filter(|entry| arrived(&entry.what)).count(), 1);
    assert_eq!(watcher.inbox().distinct(), 0);

    // and with power and network back, the family hears of it.
    scene.set_weather(Weather::Fair);
    let gateway = scene.start_gateway().await.unwrap();
    let heard = async {
        while let Some(message) = news.recv().await {
            if message.event.as_deref() == Some("arrived") {
                return message.student.map(|student| student.id);
            }
        }
        None
    };
    let heard = timeout(PATIENCE, heard).await.expect("in time");
    assert_eq!(heard.as_deref(), Some(student.id.as_str()));
    gateway.stop().await.unwrap();
    verify_stopped(&scene.ledger()).unwrap();
}
