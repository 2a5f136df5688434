//! A message that goes out late says so.

use bytes::Bytes;
use schoolgate_core::{
    notice::late::says_late,
    text::Lang,
    time::{ClockQuality, Stamp, Wall},
};
use serde_json::{Value, json};

/// By how much a message may grow when it is marked as late, in bytes.
pub(super) const LATE_MARK_BYTES: usize = 192;

/// The payload with `"delayed": true` and a text that begins with it; the payload as it is, if it has no text.
pub(super) fn mark(payload: &Bytes) -> Bytes {
    marked(payload).map_or_else(|| payload.clone(), Bytes::from)
}

fn marked(payload: &[u8]) -> Option<Vec<u8>> {
    let mut message: Value = serde_json::from_slice(payload).ok()?;
    let wall: Wall = message.get("at")?.as_str()?.parse().ok()?;
    let clock: ClockQuality = serde_json::from_value(message.get("clock")?.clone()).ok()?;
    let says = says_late(&Stamp { wall, clock, ..Stamp::default() });
    let object = message.as_object_mut()?;
    for (key, lang) in [("zh", Lang::Zh), ("en", Lang::En)] {
        let text = object.get_mut("text")?.get_mut(key)?;
        *text = Value::String(format!("{}{}", says.get(lang), text.as_str()?));
    }
    object.insert("delayed".into(), json!(true));
    serde_json::to_vec(&message).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(clock: Value) -> Bytes {
        let at = "2026-09-01T17:52:10.125+08:00";
        let text = json!({"zh": "王小明17:52由外婆接走", "en": "picked up at 17:52"});
        Bytes::from(json!({"v": 1, "id": "a-1", "at": at, "clock": clock, "text": text}).to_string())
    }

    #[test]
    fn a_late_message_says_when_it_happened_and_keeps_its_id() {
        let late: Value = serde_json::from_slice(&mark(&event(json!("synchronised")))).unwrap();
        assert_eq!((&late["id"], &late["delayed"]), (&json!("a-1"), &json!(true)));
        assert_eq!(late["text"]["zh"], "（延迟送达，2026-09-01 17:52）王小明17:52由外婆接走");
        assert_eq!(late["text"]["en"], "(Delayed: 2026-09-01 17:52) picked up at 17:52");
    }

    #[test]
    fn without_a_set_clock_no_time_is_said() {
        let late: Value = serde_json::from_slice(&mark(&event(json!("unset")))).unwrap();
        assert_eq!(late["text"]["en"], "(Delayed) picked up at 17:52");
    }

    proptest! {
        #[test]
        fn whatever_the_payload_is_it_grows_by_no_more_than_is_allowed_for(text in "\\PC{0,60}", n in 0u32..9) {
            let quality = json!({"holdover": {"error_ms": n}});
            let at = "2026-09-01T17:52:10.125+08:00";
            let both = json!({"zh": text, "en": text});
            let payload = Bytes::from(json!({"v": 1, "at": at, "clock": quality, "text": both}).to_string());
            prop_assert!(mark(&payload).len() <= payload.len() + LATE_MARK_BYTES);
            let raw = Bytes::from(text.into_bytes());
            prop_assert_eq!(mark(&raw), raw, "what is no message stays as it is");
        }
    }
}
