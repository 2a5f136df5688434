//! What the families, boards and staff have received, with repeats told from news.

use std::collections::{HashMap, HashSet};

use schoolgate_core::text::Bilingual;
use serde::Deserialize;

/// Most different messages remembered; those beyond are counted only, and the verdict says so.
pub const MAX_MESSAGES: usize = 2_000_000;

/// Which message: its topic and its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    /// Where it was published.
    pub topic: Box<str>,
    /// Its id, unique on that topic.
    pub id: Box<str>,
}

/// Everything received.
#[derive(Debug, Default)]
pub struct Inbox {
    seen: HashSet<MessageKey>,
    /// How often the same thing was said under different ids.
    said: HashMap<Said, u32>,
    repeats: u64,
    unreadable: u64,
    unremembered: u64,
}

/// What a message says, whatever its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Said {
    topic: Box<str>,
    seq: u64,
    event: Option<Box<str>>,
    student: Option<Box<str>>,
}

/// As much of a message as every kind has; the rest where it has it.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Version of its form.
    pub v: u32,
    /// Its id.
    pub id: Box<str>,
    /// When it happened.
    pub at: Box<str>,
    /// The entry's number.
    #[serde(default)]
    pub seq: Option<u64>,
    /// What of: arrived, released.
    #[serde(default)]
    pub event: Option<Box<str>>,
    /// Whom it concerns.
    #[serde(default)]
    pub student: Option<StudentPart>,
    /// The sentence.
    #[serde(default)]
    pub text: Option<Bilingual>,
    /// The entry itself, for boards.
    #[serde(default)]
    pub entry: Option<schoolgate_core::entry::Entry>,
}

/// The student in a message.
#[derive(Debug, Deserialize)]
pub struct StudentPart {
    /// Their id.
    pub id: Box<str>,
}

impl Inbox {
    /// Takes a message in; gives it back if it is news.
    pub fn take(&mut self, topic: &str, payload: &[u8]) -> Option<Message> {
        let readable = serde_json::from_slice::<Message>(payload).ok().filter(|message| message.v == 1);
        let Some(message) = readable else {
            self.unreadable += 1;
            return None;
        };
        if self.seen.len() >= MAX_MESSAGES {
            self.unremembered += 1;
            return None;
        }
        let key = MessageKey { topic: topic.into(), id: message.id.clone() };
        if !self.seen.insert(key) {
            self.repeats += 1;
            return None;
        }
        *self.said.entry(Said::of(topic, &message)).or_default() += 1;
        Some(message)
    }

    /// Whether this message has come.
    pub fn has(&self, key: &MessageKey) -> bool {
        self.seen.contains(key)
    }

    /// Every message that has come.
    pub fn keys(&self) -> impl Iterator<Item = &MessageKey> {
        self.seen.iter()
    }

    /// How many different messages have come.
    pub fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// How often a message came again under the same id, which is allowed.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// How often something was said again under another id, which is not.
    pub fn said_twice(&self) -> u64 {
        self.said.values().map(|&times| u64::from(times) - 1).sum()
    }

    /// How many messages could not be read, or were too many to be remembered.
    pub fn not_understood(&self) -> u64 {
        self.unreadable + self.unremembered
    }
}

impl Said {
    fn of(topic: &str, message: &Message) -> Self {
        let entry_seq = message.entry.as_ref().map(|entry| entry.seq.0);
        // Alerts have no number of their own: the one in their id tells raised from ended.
        let id_seq = || message.id.split('-').nth(1).and_then(|seq| seq.parse().ok());
        Self {
            topic: topic.into(),
            seq: entry_seq.or(message.seq).or_else(id_seq).unwrap_or_default(),
            event: message.event.clone(),
            student: message.student.as_ref().map(|student| student.id.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(id: &str) -> Vec<u8> {
        format!(
            r#"{{"v":1,"id":"{id}","at":"2026-09-01T16:31:05.000+08:00","event":"arrived","seq":7,
                "student":{{"id":"S1","name":"x"}},"place":"east-gate","text":{{"zh":"到","en":"here"}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn a_repeat_is_no_news_and_is_counted() {
        let mut inbox = Inbox::default();
        assert!(inbox.take("t/1", &event("a-7-arrived-S1")).is_some());
        assert!(inbox.take("t/1", &event("a-7-arrived-S1")).is_none());
        assert!(inbox.take("t/2", &event("a-7-arrived-S1")).is_some(), "another guardian's");
        assert_eq!((inbox.distinct(), inbox.repeats(), inbox.said_twice()), (2, 1, 0));
    }

    #[test]
    fn the_same_said_under_another_id_is_found() {
        let mut inbox = Inbox::default();
        inbox.take("t/1", &event("a-7-arrived-S1"));
        inbox.take("t/1", &event("b-7-arrived-S1"));
        assert_eq!(inbox.said_twice(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_counted(payload: Vec<u8>) {
            let mut inbox = Inbox::default();
            prop_assert!(inbox.take("t", &payload).is_none());
            prop_assert_eq!(inbox.not_understood(), 1);
        }
    }
}
