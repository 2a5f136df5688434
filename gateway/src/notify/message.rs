//! One message, and whether the broker could ever take it.

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use tokio::time::Instant;

use super::late;

/// The largest packet that is sent or accepted, in bytes; a broker may allow less.
pub const PACKET_LIMIT_BYTES: u32 = 256 * 1024;

/// MQTT 5 §1.5.4 and §1.5.6: a string or binary field has a length of two bytes.
const FIELD_LIMIT_BYTES: usize = u16::MAX as usize;

/// Upper bound of all that a PUBLISH carries beside topic, id and payload: fixed header 5, length of the topic 2,
/// packet identifier 2, length of the properties 4, payload format 2, expiry 5, content type 19, correlation 3.
const OVERHEAD_BYTES: usize = 42;

/// MQTT 5 §3.3.2.3.2: the payload is UTF-8.
const PAYLOAD_IS_UTF8: u8 = 1;

const CONTENT_TYPE: &str = "application/json";

/// One message to publish, with QoS 1.
#[derive(Clone)]
pub struct Message {
    /// Where to; no wildcards. May hold a guardian's token, so it never reaches a log.
    pub topic: String,
    /// JSON in UTF-8.
    pub payload: Bytes,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
    /// When it loses its meaning. What is left of the time is sent as the message's expiry, reckoned anew at every
    /// repeat; once it is over the message is passed over.
    pub expires_at: Option<Instant>,
    /// From when on it is late. Sent then, it says so: `"delayed": true`, and its text begins with the time of what it
    /// tells; the id stays. For payloads with `at`, `clock` and `text`.
    pub late_at: Option<Instant>,
    /// The same id as in the payload, sent as correlation data: receivers drop repeats by it.
    pub id: Bytes,
}

/// Why no broker could take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// MQTT 5 §4.7.3: at least one character.
    #[error("its topic is empty")]
    TopicEmpty,
    /// MQTT 5 §4.7.3: at most 65,535 bytes.
    #[error("its topic has {0} bytes, at most 65535 are possible")]
    TopicTooLong(usize),
    /// MQTT 5 §3.3.2.1 and §4.7.3.
    #[error("its topic has a wildcard or a null character")]
    TopicCharacter,
    /// The payload is announced as UTF-8.
    #[error("its payload is not UTF-8")]
    PayloadNotUtf8,
    /// MQTT 5 §1.5.6: at most 65,535 bytes.
    #[error("its id has {0} bytes, at most 65535 are possible")]
    IdTooLong(usize),
    /// Larger than [`PACKET_LIMIT_BYTES`] or than what the broker allows.
    #[error("it has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// What it would take on the wire, at most.
        bytes: usize,
        /// What both sides allow.
        limit: u32,
    },
}

impl Message {
    /// Checks all that would make the packet malformed or oversized, for a limit in bytes.
    pub(super) fn check(&self, limit: u32) -> Result<(), Unfit> {
        let mark = if self.late_at.is_some() { late::LATE_MARK_BYTES } else { 0 };
        let bytes = OVERHEAD_BYTES + self.topic.len() + self.id.len() + self.payload.len() + mark;
        if self.topic.is_empty() {
            Err(Unfit::TopicEmpty)
        } else if self.topic.len() > FIELD_LIMIT_BYTES {
            Err(Unfit::TopicTooLong(self.topic.len()))
        } else if self.topic.bytes().any(|byte| matches!(byte, b'+' | b'#' | 0)) {
            Err(Unfit::TopicCharacter)
        } else if self.id.len() > FIELD_LIMIT_BYTES {
            Err(Unfit::IdTooLong(self.id.len()))
        } else if bytes > limit as usize {
            Err(Unfit::TooLarge { bytes, limit })
        } else if std::str::from_utf8(&self.payload).is_err() {
            Err(Unfit::PayloadNotUtf8)
        } else {
            Ok(())
        }
    }

    /// The payload to send at `now`.
    pub(super) fn payload_at(&self, now: Instant) -> Bytes {
        let is_late = self.late_at.is_some_and(|late_at| now >= late_at);
        if is_late { late::mark(&self.payload) } else { self.payload.clone() }
    }

    /// Whole seconds, rounded up, that the message still has at `now`; `Some(None)` when it never expires, `None` when
    /// it has.
    pub(super) fn expiry_secs(&self, now: Instant) -> Option<Option<u32>> {
        let Some(expires_at) = self.expires_at else {
            return Some(None);
        };
        let left = expires_at.checked_duration_since(now).filter(|left| !left.is_zero())?;
        let secs = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        Some(Some(u32::try_from(secs).unwrap_or(u32::MAX)))
    }

    pub(super) fn properties(&self, expiry_secs: Option<u32>) -> PublishProperties {
        PublishProperties {
            payload_format_indicator: Some(PAYLOAD_IS_UTF8),
            message_expiry_interval: expiry_secs,
            correlation_data: Some(self.id.clone()),
            content_type: Some(CONTENT_TYPE.to_owned()),
            ..PublishProperties::default()
        }
    }
}

/// Shows sizes only: topics hold guardians' tokens, payloads hold children's data.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("class", &topic_class(&self.topic))
            .field("payload_bytes", &self.payload.len())
            .field("retain", &self.retain)
            .finish_non_exhaustive()
    }
}

/// Who a topic speaks to, without saying which one: `guardian`, `staff`, `place` or `gateway`.
pub(super) fn topic_class(topic: &str) -> &'static str {
    match topic.split('/').nth(2) {
        Some("guardian") => "guardian",
        Some("staff") => "staff",
        Some("place") => "place",
        Some("gateway") => "gateway",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rumqttc::v5::mqttbytes::{QoS, v5::Publish};

    use super::*;

    fn message(topic: &str, payload: Vec<u8>) -> Message {
        Message {
            topic: topic.to_owned(),
            payload: payload.into(),
            retain: false,
            expires_at: None,
            late_at: None,
            id: "e-1".into(),
        }
    }

    #[test]
    fn what_no_broker_could_take_is_named() {
        let check = |topic: &str, payload: &[u8]| message(topic, payload.to_vec()).check(1000);
        assert_eq!(check("a/b", b"{}"), Ok(()));
        assert_eq!(check("", b"{}"), Err(Unfit::TopicEmpty));
        assert_eq!(check("a/+/b", b"{}"), Err(Unfit::TopicCharacter));
        assert_eq!(check("a/#", b"{}"), Err(Unfit::TopicCharacter));
        assert_eq!(check("a/\0", b"{}"), Err(Unfit::TopicCharacter));
        assert_eq!(check(&"a".repeat(65_536), b"{}"), Err(Unfit::TopicTooLong(65_536)));
        assert_eq!(check("a/b", &[0xFF]), Err(Unfit::PayloadNotUtf8));
        assert!(matches!(check("a/b", &[b' '; 1000]), Err(Unfit::TooLarge { limit: 1000, .. })));
    }

    #[test]
    fn the_time_left_is_rounded_up_and_ends() {
        let now = Instant::now();
        let mut message = message("a", vec![]);
        assert_eq!(message.expiry_secs(now), Some(None));
        message.expires_at = Some(now + Duration::from_millis(1500));
        assert_eq!(message.expiry_secs(now), Some(Some(2)));
        assert_eq!(message.expiry_secs(now + Duration::from_millis(500)), Some(Some(1)));
        assert_eq!(message.expiry_secs(now + Duration::from_millis(1500)), None);
        assert_eq!(message.expiry_secs(now + Duration::from_secs(9)), None);
    }

    #[test]
    fn a_message_is_marked_when_it_is_sent_late_and_not_before() {
        let now = Instant::now();
        let json = br#"{"at":"2026-09-01T17:52:10.125+08:00","clock":"synchronised","text":{"zh":"a","en":"b"}}"#;
        let mut message = message("a", json.to_vec());
        message.late_at = Some(now + Duration::from_secs(300));
        let is_marked = |at| message.payload_at(at).windows(7).any(|part| part == b"delayed");
        assert!(!is_marked(now + Duration::from_secs(299)));
        assert!(is_marked(now + Duration::from_secs(300)));
    }

    #[test]
    fn debug_output_tells_neither_token_nor_content() {
        let shown = format!("{:?}", message("schoolgate/s/guardian/SECRET/event", b"CHILD".to_vec()));
        assert!(!shown.contains("SECRET") && !shown.contains("CHILD"), "{shown}");
        assert!(shown.contains("guardian"), "{shown}");
    }

    proptest! {
        #[test]
        fn a_message_that_passes_the_check_is_never_larger_on_the_wire(
            topic in "[a-z/]{1,300}", payload in "\\PC{0,600}", id in "[a-z0-9]{0,40}", limit in 50u32..2000,
        ) {
            let message = Message { id: id.into(), ..message(&topic, payload.into_bytes()) };
            let mut publish = Publish::new(
                topic, QoS::AtLeastOnce, message.payload.clone(), Some(message.properties(Some(u32::MAX))),
            );
            publish.pkid = 1;
            if message.check(limit).is_ok() {
                prop_assert!(publish.size() <= limit as usize);
            }
        }

        #[test]
        fn any_topic_has_a_class(topic in "\\PC{0,80}") {
            prop_assert!(!topic_class(&topic).is_empty());
        }
    }
}
