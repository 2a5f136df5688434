//! Given what comes from the broker, this is what the core hears of.

use bytes::Bytes;
use proptest::prelude::*;
use schoolgate_core::{
    id::GuardianToken,
    roster::{Document, GuardianLine},
};

use super::*;

const TOKEN: &str = "token-of-grandmother-0123";

fn roster() -> Roster {
    let mut document = Document { v: 1, version: "t".into(), ..Document::default() };
    for (id, token) in [("grandmother", TOKEN), ("mother", "token-of-mother-0123456")] {
        let (id, token) = (GuardianId::try_new(id).unwrap(), GuardianToken::try_new(token).unwrap());
        document.guardians.push(GuardianLine { name: id.to_string(), id, token });
    }
    Roster::try_new(document).unwrap()
}

fn desk() -> ReplyDesk {
    ReplyDesk::new(SchoolId::try_new("dongfeng").unwrap(), GatewayId::try_new("gate-1").unwrap())
}

fn from(token: &str, payload: impl Into<Bytes>) -> Received {
    Received { topic: format!("schoolgate/dongfeng/guardian/{token}/reply"), payload: payload.into(), retain: false }
}

fn take(desk: &mut ReplyDesk, received: &Received) -> Option<GuardianReply> {
    desk.take(received, &roster(), Instant::now()).map(|(guardian, reply)| {
        assert_eq!(guardian.as_str(), "grandmother");
        reply
    })
}

#[test]
fn a_guardian_on_the_way_and_one_who_denies_are_heard() {
    let mut desk = desk();
    let way = from(TOKEN, r#"{"v":1,"id":"r-1","reply":"on_my_way","minutes":10}"#);
    assert_eq!(take(&mut desk, &way), Some(GuardianReply::OnMyWay { minutes: 10 }));
    let denied = from(TOKEN, r#"{"v":1,"id":"r-2","reply":"not_me","gateway":"gate-1","entry":417}"#);
    assert_eq!(take(&mut desk, &denied), Some(GuardianReply::NotMe { entry: Seq(417) }));
}

#[test]
fn an_answer_that_comes_again_is_taken_once() {
    let mut desk = desk();
    let way = from(TOKEN, r#"{"v":1,"id":"r-1","reply":"on_my_way","minutes":10}"#);
    assert!(take(&mut desk, &way).is_some());
    assert!(take(&mut desk, &way).is_none());
    assert_eq!(desk.counts().repeated, 1);
}

#[test]
fn what_is_not_taken_is_counted_by_its_reason() {
    let mut desk = desk();
    let good = r#"{"v":1,"id":"r-1","reply":"on_my_way","minutes":10}"#;
    let big = format!(r#"{{"v":1,"id":"r-1","reply":"on_my_way","minutes":10{}}}"#, " ".repeat(REPLY_MAX_BYTES));
    let (mut old, mut elsewhere) = (from(TOKEN, good), from(TOKEN, good));
    old.retain = true;
    elsewhere.topic = "schoolgate/other/guardian/x/reply".into();
    for received in [
        old,
        elsewhere,
        from("nobody", good),
        from(TOKEN, big),
        from(TOKEN, "{}"),
        from(TOKEN, r#"{"v":2,"id":"r","reply":"on_my_way","minutes":10}"#),
        from(TOKEN, r#"{"v":1,"id":"","reply":"on_my_way","minutes":10}"#),
        from(TOKEN, r#"{"v":1,"id":"r","reply":"on_my_way","minutes":241}"#),
        from(TOKEN, r#"{"v":1,"id":"r","reply":"on_my_way","minutes":10,"name":"x"}"#),
        from(TOKEN, r#"{"v":1,"id":"r","reply":"on_my_way"}"#),
        from(TOKEN, r#"{"v":1,"id":"r","reply":"not_me","gateway":"gate-1","entry":0}"#),
        from(TOKEN, r#"{"v":1,"id":"r","reply":"not_me","gateway":"gate-2","entry":7}"#),
        from(TOKEN, r#"{"v":1,"id":"r","reply":"pass_request","student":"ming","day":"2026-09-01"}"#),
    ] {
        assert!(take(&mut desk, &received).is_none(), "{:?}", received.payload);
    }
    let expected = ReplyCounts {
        retained: 1,
        unknown_token: 1,
        malformed: 9,
        other_gateway: 1,
        pass_requests: 1,
        ..ReplyCounts::default()
    };
    assert_eq!(desk.counts(), expected);
}

#[tokio::test(start_paused = true)]
async fn no_guardian_is_heard_more_than_a_few_times_and_later_is_heard_again() {
    let mut desk = desk();
    let way = |n: usize| from(TOKEN, format!(r#"{{"v":1,"id":"r-{n}","reply":"on_my_way","minutes":10}}"#));
    let taken = (0..100).filter(|n| take(&mut desk, &way(*n)).is_some()).count();
    assert_eq!((taken, desk.counts().too_many), (REPLIES_OF_ONE, 80));
    tokio::time::advance(REMEMBERED).await;
    assert!(take(&mut desk, &way(100)).is_some());
    assert_eq!(desk.recent.len(), 1);
}

#[tokio::test]
async fn a_core_that_has_no_time_loses_the_answer_and_nothing_hangs() {
    let (sender, inbox) = mpsc::channel(8);
    let (_keep, seen) = watch::channel(Arc::new(roster()));
    let (answers, mut heard) = mpsc::channel(1);
    for n in 0..3 {
        let payload = format!(r#"{{"v":1,"id":"r-{n}","reply":"on_my_way","minutes":{n}}}"#);
        sender.send(from(TOKEN, payload)).await.unwrap();
    }
    drop(sender);
    desk().run(inbox, seen, answers).await;
    assert!(matches!(heard.recv().await, Some((_, GuardianReply::OnMyWay { minutes: 0 }))));
    assert!(heard.recv().await.is_none());
}

proptest! {
    #[test]
    fn whatever_comes_is_an_answer_or_counted(topic in "\\PC{0,80}", payload in prop::collection::vec(any::<u8>(), 0..1500)) {
        let mut desk = desk();
        let received = Received { topic, payload: payload.clone().into(), retain: false };
        prop_assert!(desk.take(&received, &roster(), Instant::now()).is_none());
        prop_assert!(desk.take(&from(TOKEN, payload), &roster(), Instant::now()).is_none());
        prop_assert_eq!(desk.counts().malformed, 2);
    }

    #[test]
    fn whatever_json_of_the_right_kind_comes_is_within_bounds_when_it_is_taken(
        v in 0u32..3, id in "\\PC{0,40}", minutes in prop::option::of(any::<u16>()), entry in prop::option::of(any::<u64>()),
        reply in prop_oneof![Just("on_my_way"), Just("not_me"), Just("pass_request"), Just("x")],
    ) {
        let payload = serde_json::json!({"v": v, "id": id, "reply": reply, "minutes": minutes, "entry": entry});
        match desk().take(&from(TOKEN, payload.to_string()), &roster(), Instant::now()) {
            Some((_, GuardianReply::OnMyWay { minutes })) => prop_assert!(minutes <= LONGEST_WAY_MIN && v == 1),
            Some((_, GuardianReply::NotMe { .. })) => prop_assert!(false, "without a gateway it is nobody's entry"),
            None => {}
        }
    }
}

#[test]
fn the_answers_of_the_guide_are_taken() {
    use crate::notify::docs_tests::example;
    let mut desk = desk();
    let way = take(&mut desk, &from(TOKEN, example("r-1").to_string()));
    assert_eq!(way, Some(GuardianReply::OnMyWay { minutes: 10 }));
    let denied = take(&mut desk, &from(TOKEN, example("r-2").to_string()));
    assert_eq!(denied, Some(GuardianReply::NotMe { entry: Seq(7) }));
}
