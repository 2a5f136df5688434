//! The integrator's guide shows what really goes out.

use std::collections::BTreeSet;

use serde_json::Value;

/// Every example of the guide.
fn examples() -> Vec<Value> {
    let guide = include_str!("../../docs/messages.md");
    let blocks = guide.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error} in {block}"))).collect()
}

/// The example of that id.
pub(super) fn example(id: &str) -> Value {
    examples().into_iter().find(|example| example["id"] == id).unwrap_or_else(|| panic!("the guide has no {id}"))
}

#[test]
fn every_example_is_held_against_the_code_by_some_test() {
    let ids: BTreeSet<String> = examples().iter().map(|example| example["id"].as_str().unwrap().to_owned()).collect();
    let here =
        [include_str!("entry_feed/tests/guide.rs"), include_str!("reply_tests.rs"), include_str!("docs_tests.rs")];
    for id in ids {
        let used = format!("example(\"{id}\")");
        assert!(here.iter().any(|file| file.contains(&used)), "nothing checks the example {id}");
    }
}

#[test]
fn the_health_of_the_guide_is_the_health_that_goes_out() {
    let (_, message) = super::health::tests::example();
    let sent: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(sent, example("gate-1-0000000000000001-health-4"));
}

#[test]
fn every_event_and_role_is_in_the_guide() {
    use schoolgate_core::{notice::GuardianEvent, roster::StaffRole};
    let guide = include_str!("../../docs/messages.md");
    for event in GuardianEvent::ALL {
        assert!(guide.contains(&format!("| `{}` |", event.name())), "{event:?}");
    }
    for role in StaffRole::ALL {
        assert!(guide.contains(&format!("`{}`", role.name())), "{role:?}");
    }
}
