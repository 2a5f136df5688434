//! How the box is, for those who look after it: the payload of `schoolgate/{school}/gateway/{gateway}/health`.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use schoolgate_core::{
    id::{GatewayId, ReaderId, SchoolId},
    time::{ClockQuality, Stamp},
};
use serde::Serialize;

use super::Message;

/// How often it is told when nothing changes.
pub const HEALTH_EVERY: Duration = Duration::from_secs(300);

/// How the box is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Version of the program.
    pub version: String,
    /// How long the program has been running, in seconds.
    pub uptime_s: u64,
    /// The readers.
    pub readers: ReaderHealth,
    /// How far the clock can be believed.
    pub clock: ClockQuality,
    /// What waits to go out.
    pub backlog: Backlog,
    /// Bytes free on the disk that holds the ledger; nothing if it can't be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
    /// The roster in force; nothing if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roster: Option<RosterHealth>,
}

/// The readers of the box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReaderHealth {
    /// How many are heard.
    pub up: usize,
    /// Those that are not.
    pub away: Vec<ReaderId>,
    /// Each of them, for whoever looks after it.
    pub each: Vec<OneReader>,
}

/// One reader of the box.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OneReader {
    /// Which.
    pub reader: String,
    /// Why it can't be heard, or what else is wrong with it, as the box's language has it; missing if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
    /// How long ago it was last heard, in seconds; missing if it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_s: Option<u64>,
    /// Cards, passes and codes presented since the start.
    pub presented: u64,
    /// Presentations that were dropped because the reader made more of them than people could.
    pub dropped: u64,
    /// Times its line was opened again.
    pub reopened: u64,
    /// Faults on its line since the start, by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Entries that wait to go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// For the disk.
    pub disk: u64,
    /// For the broker.
    pub notify: u64,
    /// For the platform.
    pub sync: u64,
}

/// The roster in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RosterHealth {
    /// As its maker calls it.
    pub version: String,
    /// How long ago its maker last had it right, in hours; nothing if it does not say, or the clock can't tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_h: Option<u64>,
}

#[derive(Serialize)]
struct Payload<'a> {
    v: u32,
    id: &'a str,
    at: schoolgate_core::time::Wall,
    gateway: &'a GatewayId,
    #[serde(flatten)]
    health: &'a Health,
}

impl Health {
    /// Whether somebody should be told at once rather than when the next time has come: readers, clock or roster are not
    /// as they were, or a backlog has begun or is over. Figures that always move do not count.
    #[must_use]
    pub fn differs(&self, told: &Self) -> bool {
        let waits = |b: &Backlog| (b.disk > 0, b.notify > 0, b.sync > 0);
        let kind = |clock: &ClockQuality| std::mem::discriminant(clock);
        let version = |health: &Self| health.roster.as_ref().map(|roster| roster.version.clone());
        let readers = |health: &Self| {
            let wrong = |one: &OneReader| (one.reader.clone(), one.wrong.clone());
            let wrong: Vec<_> = health.readers.each.iter().map(wrong).collect();
            (health.readers.up, health.readers.away.clone(), wrong)
        };
        self.version != told.version
            || readers(self) != readers(told)
            || kind(&self.clock) != kind(&told.clock)
            || version(self) != version(told)
            || waits(&self.backlog) != waits(&told.backlog)
    }

    /// The message, retained. `number` counts them since the start: with the boot it makes the id.
    #[must_use]
    pub fn message(&self, school: &SchoolId, gateway: &GatewayId, at: &Stamp, number: u64) -> Option<Message> {
        let id = format!("{}-{}-health-{number}", gateway, at.boot);
        let payload = Payload { v: 1, id: &id, at: at.wall, gateway, health: self };
        Some(Message {
            topic: format!("schoolgate/{school}/gateway/{gateway}/health"),
            payload: Bytes::from(serde_json::to_vec(&payload).ok()?),
            retain: true,
            expires_at: None,
            late_at: None,
            id: Bytes::from(id),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use schoolgate_core::time::{BootId, Mono};
    use serde_json::Value;

    use super::*;

    /// A box whose desk reader is away.
    pub(in crate::notify) fn example() -> (Health, Message) {
        let health = Health {
            version: "0.1.0".into(),
            uptime_s: 86_400,
            readers: ReaderHealth { up: 1, away: vec![ReaderId::try_new("desk").unwrap()], each: readers() },
            clock: ClockQuality::Holdover { error_ms: 900 },
            backlog: Backlog { disk: 0, notify: 0, sync: 12 },
            disk_free_bytes: Some(24_000_000_000),
            roster: Some(RosterHealth { version: "2026-09-01".into(), age_h: Some(5) }),
        };
        let wall = "2026-09-01T17:52:10.125+08:00".parse().unwrap();
        let at = Stamp { wall, boot: BootId(1), mono: Mono(7), clock: health.clock };
        let (school, gateway) = (SchoolId::try_new("dongfeng").unwrap(), GatewayId::try_new("gate-1").unwrap());
        let message = health.message(&school, &gateway, &at, 4).unwrap();
        (health, message)
    }

    fn readers() -> Vec<OneReader> {
        let wrong = Some("the reader was unplugged: check its cable".into());
        let faults = [("bad_checksum", 2), ("garbage_bytes", 31)].into();
        let east = OneReader { reader: "east-in".into(), heard_s: Some(4), presented: 812, ..OneReader::default() };
        let desk = OneReader {
            reader: "desk".into(),
            wrong,
            heard_s: Some(95),
            presented: 40,
            reopened: 3,
            faults,
            dropped: 0,
        };
        vec![east, desk]
    }

    #[test]
    fn the_broker_keeps_the_last_one() {
        let (_, message) = example();
        assert_eq!(message.topic, "schoolgate/dongfeng/gateway/gate-1/health");
        assert!(message.retain);
        let payload: Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(payload["id"].as_str().unwrap().as_bytes(), message.id);
        assert_eq!(payload["readers"]["away"][0], "desk");
    }

    #[test]
    fn what_always_moves_is_no_news_and_a_reader_that_is_gone_is() {
        let (told, _) = example();
        let mut now = told.clone();
        (now.uptime_s, now.backlog.sync, now.disk_free_bytes) = (86_460, 13, Some(23_000_000_000));
        now.clock = ClockQuality::Holdover { error_ms: 1_200 };
        (now.readers.each[0].heard_s, now.readers.each[0].presented) = (Some(7), 813);
        assert!(!now.differs(&told));
        for change in [
            |h: &mut Health| h.readers.up = 2,
            |h: &mut Health| h.readers.each[0].wrong = Some("another kind of reader".into()),
            |h: &mut Health| h.clock = ClockQuality::Unset,
            |h: &mut Health| h.backlog.sync = 0,
            |h: &mut Health| h.roster = None,
        ] {
            let mut now = told.clone();
            change(&mut now);
            assert!(now.differs(&told));
        }
    }
}
