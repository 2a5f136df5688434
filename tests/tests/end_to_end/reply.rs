//! What a guardian answers over the broker reaches the ledger, and the staff if it is grave.

use schoolgate_core::entry::{GuardianReply, Seq, What};
use schoolgate_tests::{Plan, Rig};
use serde_json::json;

#[tokio::test]
async fn a_mother_who_denies_an_arrival_is_written_down_and_alarms_the_duty_leader() {
    let rig = Rig::set(Plan::default()).await;
    let mut listener = rig.listen(&["guardian/+/event", "staff/+/alert"]).await;
    let gateway = rig.start().await;
    let (_, child, mother) = rig.family_with("mother");

    // Given a mother who was told that her child has come. The gateway has subscribed before it told her.
    rig.tap_until_green(0, child).await;
    let hers = rig.topic(&format!("guardian/{}/event", mother.token));
    let arrived = listener.find_on(&hers, "arrived", |message| message["event"] == "arrived").await;

    // When she says that it was not so, twice as QoS 1 may, and somebody without a token says so, too.
    let reply = |id: &str| {
        json!({"v": 1, "id": id, "reply": "not_me", "gateway": arrived["gateway"], "entry": arrived["seq"]}).to_string()
    };
    let topic = format!("guardian/{}/reply", mother.token);
    rig.publish("guardian/stranger/reply", &reply("r-0")).await;
    rig.publish(&topic, &reply("r-1")).await;
    rig.publish(&topic, &reply("r-1")).await;
    rig.publish(&topic, r#"{"v":1,"id":"r-2","reply":"on_my_way","minutes":10}"#).await;

    // Then the duty leader is alarmed, and each answer is in the ledger once.
    let leader = rig.topic("staff/duty_leader/alert");
    let alert = listener.find_on(&leader, "the alarm", |alert| alert["alarm"].get("not_me").is_some()).await;
    assert_eq!(alert["alarm"]["not_me"]["guardian"], mother.id.as_str());
    let on_my_way =
        |what: &What| matches!(what, What::GuardianReplied { reply: GuardianReply::OnMyWay { minutes: 10 }, .. });
    rig.find_stored("on my way", |entry| on_my_way(&entry.what)).await;
    gateway.stop().await.unwrap();
    let denied = Seq(arrived["seq"].as_u64().unwrap());
    let replies: Vec<_> = rig
        .ledger()
        .into_iter()
        .filter_map(|entry| match entry.what {
            What::GuardianReplied { guardian, reply } => Some((guardian, reply)),
            _ => None,
        })
        .collect();
    let of_hers = |reply| (mother.id.clone(), reply);
    let expected = [GuardianReply::NotMe { entry: denied }, GuardianReply::OnMyWay { minutes: 10 }].map(of_hers);
    assert_eq!(replies, expected);
}
