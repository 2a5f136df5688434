//! The publisher against a real broker, over a line that fails, and against brokers that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests are outside of what clippy takes for tests"
)]

#[path = "notify/faults.rs"]
mod faults;
#[path = "notify/observer.rs"]
mod observer;
#[path = "notify/proxy.rs"]
mod proxy;
#[path = "notify/publisher.rs"]
mod publisher;
#[path = "notify/tls.rs"]
mod tls;

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use rand::{RngExt, SeedableRng};
use rumqttc::v5::mqttbytes::v5::PubAckReason;
use schoolgate::notify::Trouble;
use schoolgate_sim::mosquitto::{Mosquitto, free_port};
use schoolgate_tests::seed;
use tokio::{sync::mpsc, time::Instant};

use observer::Observer;
use proxy::Proxy;
use publisher::{AVAILABILITY, Ledger, message, settings, start, start_with};

const EVENTS: &str = "schoolgate/s1/guardian/+/event";
const TOPIC: &str = "schoolgate/s1/guardian/t-1/event";

#[tokio::test]
async fn thousands_of_entries_arrive_through_thirty_cuts() {
    const ENTRIES: u64 = 5_000;
    const CUTS: usize = 30;
    let seed = seed("thousands_of_entries_arrive_through_thirty_cuts");
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let broker = Mosquitto::start("max_queued_messages 0").unwrap();
    let proxy = Proxy::start(broker.addr()).await;
    let mut observer = Observer::start(broker.port(), EVENTS).await;
    let ledger = Ledger::new();
    for seq in 1..=ENTRIES {
        ledger.tell(TOPIC, &format!("{seq}"));
    }

    let mut running = start(settings(proxy.port()), &ledger);
    let mut cuts: Vec<u64> = (0..CUTS).map(|_| random.random_range(1..ENTRIES - 100)).collect();
    cuts.sort_unstable();
    for at in cuts {
        running.until_confirmed(at).await;
        proxy.cut();
        running.until("lost", |status| !status.connected).await;
    }
    let status = running.until_confirmed(ENTRIES).await;
    let cursor = running.stop().await;

    let mut ids = HashMap::new();
    let mut first_arrivals = Vec::new();
    let mut repeats = 0;
    while let Some(publish) = observer.try_next() {
        let seq: u64 = std::str::from_utf8(&publish.payload).unwrap().parse().unwrap();
        let id = publish.properties.unwrap().correlation_data.unwrap();
        match ids.insert(seq, id.clone()) {
            None => first_arrivals.push(seq),
            Some(before) => {
                repeats += 1;
                assert_eq!(before, id, "a repeat has the id of the first");
            }
        }
    }
    println!("{repeats} repeats arrived, {} messages were sent again", status.resends);
    assert_eq!(first_arrivals, (1..=ENTRIES).collect::<Vec<_>>());
    let calls = cursor.0.lock().unwrap().clone();
    assert!(calls.is_sorted(), "the cursor never goes back");
    assert_eq!(calls.last(), Some(&ENTRIES));
    assert_eq!(status.refused + status.expired, 0);
}

#[tokio::test]
async fn a_lost_connection_shows_offline_and_its_return_online() {
    let broker = Mosquitto::start("").unwrap();
    let proxy = Proxy::start(broker.addr()).await;
    let mut observer = Observer::start(broker.port(), AVAILABILITY).await;
    let mut running = start(settings(proxy.port()), &Ledger::new());
    assert_eq!(observer.next_text().await, "online");

    running.until("connected", |status| status.connected).await;
    proxy.cut();
    assert_eq!(observer.next_text().await, "offline");
    assert_eq!(observer.next_text().await, "online");
    running.until("back", |status| status.connected && status.last_error.is_none()).await;

    let retained = Observer::start(broker.port(), AVAILABILITY).await.next().await;
    assert_eq!((retained.retain, &retained.payload[..]), (true, &b"online"[..]));
}

#[tokio::test]
async fn a_stalled_line_is_given_up_and_the_next_one_brings_everything() {
    let broker = Mosquitto::start("").unwrap();
    let proxy = Proxy::start(broker.addr()).await;
    let ledger = Ledger::new();
    ledger.tell(TOPIC, "1");
    let mut settings = settings(proxy.port());
    settings.keep_alive = schoolgate::notify::KEEP_ALIVE_MIN;
    let mut running = start(settings, &ledger);
    running.until_confirmed(1).await;
    proxy.stall();
    ledger.tell(TOPIC, "2");
    running.until("given up", |status| !status.connected).await;
    proxy.mend();
    running.until_confirmed(2).await;
}

#[tokio::test]
async fn a_graceful_stop_finishes_what_is_under_way_and_says_offline() {
    let broker = Mosquitto::start("").unwrap();
    let mut observer = Observer::start(broker.port(), "schoolgate/#").await;
    let ledger = Ledger::new();
    let mut running = start(settings(broker.port()), &ledger);
    assert_eq!(observer.next_text().await, "online");
    running.until("connected", |status| status.connected).await;
    ledger.tell(TOPIC, "last words");
    running.until("under way or done", |status| status.in_flight > 0 || status.confirmed_through == 1).await;

    let began = Instant::now();
    let cursor = running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(*cursor.0.lock().unwrap(), [1]);
    assert_eq!(observer.next_text().await, "last words");
    let offline = observer.next().await;
    assert_eq!((&offline.topic[..], &offline.payload[..]), (AVAILABILITY.as_bytes(), &b"offline"[..]));
    // The broker writes its log when it gets round to it.
    let left_in_order = "Client schoolgate-s1-g1 disconnected.";
    while !broker.log().contains(left_in_order) {
        assert!(began.elapsed() < publisher::PATIENCE, "no DISCONNECT seen:\n{}", broker.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_broker_that_is_down_at_the_start_gets_everything_later() {
    let port = free_port().unwrap();
    let ledger = Ledger::new();
    ledger.tell(TOPIC, "early");
    let mut running = start(settings(port), &ledger);
    let status = running.until("failed", |status| status.last_error.is_some()).await;
    assert!(matches!(status.last_error, Some(Trouble::Connection(_))));
    assert!(!status.connected);

    let _broker = Mosquitto::start_on(port, "").unwrap();
    let status = running.until_confirmed(1).await;
    assert!(status.connected && status.last_error.is_none());
}

#[tokio::test]
async fn a_broker_that_restarts_empty_gets_what_it_had_not_acknowledged() {
    let mut broker = Mosquitto::start("").unwrap();
    let ledger = Ledger::new();
    ledger.tell(TOPIC, "1");
    let mut running = start(settings(broker.port()), &ledger);
    running.until_confirmed(1).await;
    broker.kill().unwrap();
    running.until("lost", |status| !status.connected).await;
    ledger.tell(TOPIC, "2");

    broker.run().unwrap();
    running.until_confirmed(2).await;
    assert_eq!(*running.stop().await.0.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_forbidden_topic_holds_the_cursor_until_it_is_allowed() {
    const FORBIDDEN: &str = "topic readwrite #\ntopic deny schoolgate/s1/guardian/t-2/event\n";
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("acl"), FORBIDDEN).unwrap();
    let broker = Mosquitto::start_in(dir, free_port().unwrap(), "acl_file {dir}/acl").unwrap();
    let mut observer = Observer::start(broker.port(), EVENTS).await;
    let ledger = Ledger::new();
    let mut running = start(settings(broker.port()), &ledger);
    ledger.tell(TOPIC, "1");
    ledger.tell("schoolgate/s1/guardian/t-2/event", "2");
    ledger.tell(TOPIC, "3");

    let status = running.until("held back", |status| status.last_error.is_some()).await;
    let held = Trouble::HeldBack { seq: 2, class: "guardian", reason: PubAckReason::NotAuthorized };
    assert_eq!(status.last_error, Some(held));
    assert_eq!((status.confirmed_through, status.connected, status.refused), (1, true, 0));

    broker.write("acl", "topic readwrite #\n").unwrap();
    broker.reload().unwrap();
    let status = running.until_confirmed(3).await;
    assert_eq!(status.last_error, None);
    running.stop().await;
    let mut texts = Vec::new();
    while let Some(publish) = observer.try_next() {
        texts.push(publish.payload);
    }
    assert_eq!(texts.first().unwrap(), "1");
    assert!(texts.ends_with(&[Bytes::from("2"), Bytes::from("3")]), "{texts:?}");
}

#[tokio::test]
async fn a_message_that_the_broker_finds_too_large_does_not_dam_up_the_others() {
    // Without max_packet_size the broker says so only when it gets the message.
    let broker = Mosquitto::start("message_size_limit 1000").unwrap();
    let mut observer = Observer::start(broker.port(), EVENTS).await;
    let ledger = Ledger::new();
    for seq in 1..=9 {
        ledger.tell(TOPIC, &if seq == 5 { "x".repeat(1001) } else { seq.to_string() });
    }
    let mut running = start(settings(broker.port()), &ledger);
    let status = running.until_confirmed(9).await;
    assert_eq!(status.refused, 1);
    running.stop().await;
    let mut arrived = Vec::new();
    while let Some(publish) = observer.try_next() {
        arrived.push(String::from_utf8(publish.payload.to_vec()).unwrap());
    }
    arrived.sort();
    arrived.dedup();
    assert_eq!(arrived, ["1", "2", "3", "4", "6", "7", "8", "9"]);
}

#[tokio::test]
async fn what_can_never_be_sent_is_refused_beforehand() {
    let broker = Mosquitto::start("max_packet_size 2000").unwrap();
    let mut observer = Observer::start(broker.port(), EVENTS).await;
    let ledger = Ledger::new();
    ledger.tell(TOPIC, &"x".repeat(2000));
    ledger.tell("schoolgate/s1/guardian/#", "wildcard");
    ledger.tell("", "nowhere");
    ledger.tell(TOPIC, "fine");
    let mut running = start(settings(broker.port()), &ledger);
    let status = running.until_confirmed(4).await;
    assert_eq!((status.refused, status.resends), (3, 0));
    assert_eq!(observer.next_text().await, "fine");
}

#[tokio::test]
async fn a_message_carries_its_properties_and_the_time_it_has_left() {
    let broker = Mosquitto::start("").unwrap();
    let mut observer = Observer::start(broker.port(), EVENTS).await;
    let ledger = Ledger::new();
    let now = Instant::now();
    let mut over = message(TOPIC, "too late", "a");
    over.expires_at = Some(now);
    let mut fresh = message(TOPIC, "{}", "b");
    fresh.expires_at = Some(now + Duration::from_secs(600));
    ledger.write(vec![over, fresh]);
    let mut running = start(settings(broker.port()), &ledger);
    let status = running.until_confirmed(1).await;
    assert_eq!((status.expired, status.refused), (1, 0));

    let publish = observer.next().await;
    assert_eq!(&publish.payload[..], b"{}");
    let properties = publish.properties.unwrap();
    assert_eq!(properties.content_type.as_deref(), Some("application/json"));
    assert_eq!(properties.payload_format_indicator, Some(1));
    assert_eq!(properties.correlation_data.as_deref(), Some(&b"b"[..]));
    assert!((540..=600).contains(&properties.message_expiry_interval.unwrap()));
}

#[tokio::test]
async fn a_narrow_window_is_enough() {
    let broker = Mosquitto::start("max_inflight_messages 1").unwrap();
    let ledger = Ledger::new();
    for seq in 1..=200 {
        // Every third entry tells nobody anything, every fifth tells three.
        let count = if seq % 3 == 0 {
            0
        } else if seq % 5 == 0 {
            3
        } else {
            1
        };
        ledger.write((0..count).map(|place| message(TOPIC, "{}", &format!("{seq}-{place}"))).collect());
    }
    let mut running = start(settings(broker.port()), &ledger);
    running.until_confirmed(200).await;
    assert!(running.stop().await.0.lock().unwrap().is_sorted());
}

#[tokio::test]
async fn replies_reach_the_inbox_also_after_a_lost_connection() {
    let broker = Mosquitto::start("").unwrap();
    let proxy = Proxy::start(broker.addr()).await;
    let observer = Observer::start(broker.port(), AVAILABILITY).await;
    let (inbox, mut received) = mpsc::channel(8);
    let mut settings = settings(proxy.port());
    settings.subscriptions = vec!["schoolgate/s1/guardian/+/reply".to_owned()];
    let mut running = start_with(settings, &Ledger::new(), |notifier| notifier.with_inbox(inbox));
    for round in 1..=2 {
        // Retained, so that it does not matter which of subscription and reply comes first.
        let reply = format!("on_my_way {round}");
        let topic = "schoolgate/s1/guardian/t-1/reply";
        let qos = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
        observer.client.publish(topic, qos, true, reply.clone()).await.unwrap();
        loop {
            let received = tokio::time::timeout(publisher::PATIENCE, received.recv()).await.unwrap().unwrap();
            assert_eq!(received.topic, topic);
            if received.payload == reply {
                break;
            }
        }
        proxy.cut();
        running.until("lost", |status| !status.connected).await;
    }
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_is_tried_again() {
    let broker = Mosquitto::start("").unwrap();
    let ledger = Ledger::new();
    ledger.tell(TOPIC, "1");
    ledger.fail(1);
    let mut running = start(settings(broker.port()), &ledger);
    let status = running.until("failed", |status| status.last_error.is_some()).await;
    assert!(status.last_error.unwrap().to_string().contains("disk on fire"));
    let status = running.until_confirmed(1).await;
    assert_eq!(status.last_error, None);
}

#[tokio::test]
async fn what_stands_is_told_at_once_again_after_a_lost_connection_and_kept_by_the_broker() {
    const HEALTH: &str = "schoolgate/s1/gateway/g1/health";
    let broker = Mosquitto::start("").unwrap();
    let proxy = Proxy::start(broker.addr()).await;
    let mut observer = Observer::start(broker.port(), HEALTH).await;
    let standing = |text: &str| Some(schoolgate::notify::Message { retain: true, ..message(HEALTH, text, text) });
    let (tell, latest) = tokio::sync::watch::channel(standing("well"));
    let ledger = Ledger::new();
    let mut running = start_with(settings(proxy.port()), &ledger, |notifier| notifier.with_standing(latest));
    assert_eq!(observer.next_text().await, "well");
    tell.send_replace(standing("a reader is away"));
    assert_eq!(observer.next_text().await, "a reader is away");

    proxy.cut();
    running.until("lost", |status| !status.connected).await;
    assert_eq!(observer.next_text().await, "a reader is away", "the broker may have lost it");
    ledger.tell(TOPIC, "1");
    running.until_confirmed(1).await;
    let mut later = Observer::start(broker.port(), HEALTH).await;
    assert_eq!(later.next_text().await, "a reader is away");
    running.stop().await;
}
