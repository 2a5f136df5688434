//! How the box is, told when it changes and now and then.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use schoolgate_core::{
    id::{GatewayId, ReaderId, SchoolId},
    roster::Roster,
    school::School,
    text::Lang,
    time::Stamp,
};
use tokio::sync::watch;

use super::parts::{NotifyPart, SyncPart};
use crate::{
    notify::{Backlog, HEALTH_EVERY, Health, Message, OneReader, ReaderHealth, RosterHealth},
    readers::ReaderCounters,
};

/// However much changes, it is not told more often: in a rush every tap makes a backlog, and its message ends it.
const APART: Duration = Duration::from_secs(30);
const HOUR_MS: u64 = 3_600_000;

/// Looks at the box, and says how it is.
pub(super) struct HealthDesk {
    school: SchoolId,
    gateway: GatewayId,
    data_dir: PathBuf,
    started: Instant,
    readers: Vec<(ReaderId, Arc<ReaderCounters>)>,
    lang: Lang,
    told: Option<(Instant, Health)>,
    number: u64,
    out: watch::Sender<Option<Message>>,
}

/// Who waits for entries.
pub(super) struct Consumers<'a> {
    /// How far the ledger is on disk.
    pub(super) durable: u64,
    pub(super) notify: Option<&'a NotifyPart>,
    pub(super) sync: Option<&'a SyncPart>,
}

impl HealthDesk {
    pub(super) fn new(
        (school, gateway): (SchoolId, GatewayId),
        data_dir: PathBuf,
        started: Instant,
        out: watch::Sender<Option<Message>>,
    ) -> Self {
        let (readers, lang) = (Vec::new(), Lang::default());
        Self { school, gateway, data_dir, started, readers, lang, told: None, number: 0, out }
    }

    /// The same desk, looking at these readers and telling what is wrong with them in this language.
    pub(super) fn with_readers(self, readers: Vec<(ReaderId, Arc<ReaderCounters>)>, lang: Lang) -> Self {
        Self { readers, lang, ..self }
    }

    /// Tells it, if it is time or something has changed.
    pub(super) fn look(&mut self, now: Instant, at: &Stamp, school: &School, consumers: &Consumers<'_>) {
        let since = self.told.as_ref().map(|(when, _)| now.saturating_duration_since(*when));
        if since.is_some_and(|since| since < APART) {
            return;
        }
        let mut health = self.health(now, at, school, consumers);
        let is_due = since.is_none_or(|since| since >= HEALTH_EVERY);
        if !is_due && self.told.as_ref().is_some_and(|(_, told)| !health.differs(told)) {
            return;
        }
        health.disk_free_bytes = free_bytes(&self.data_dir);
        self.number += 1;
        self.out.send_replace(health.message(&self.school, &self.gateway, at, self.number));
        self.told = Some((now, health));
    }

    fn health(&self, now: Instant, at: &Stamp, school: &School, consumers: &Consumers<'_>) -> Health {
        let state = school.state();
        let away: Vec<_> = state.readers_away().keys().cloned().collect();
        let waits = |through: u64| consumers.durable.saturating_sub(through);
        Health {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_s: now.saturating_duration_since(self.started).as_secs(),
            readers: ReaderHealth {
                up: school.site().readers.len().saturating_sub(away.len()),
                away,
                each: self
                    .readers
                    .iter()
                    .map(|(reader, counters)| one_reader(now, reader, counters, self.lang))
                    .collect(),
            },
            clock: at.clock,
            backlog: Backlog {
                disk: state.last().0.saturating_sub(consumers.durable),
                notify: consumers.notify.map_or(0, |notify| waits(notify.confirmed())),
                sync: consumers.sync.map_or(0, |sync| waits(sync.acknowledged())),
            },
            disk_free_bytes: None,
            roster: roster(school.roster(), at),
        }
    }
}

fn one_reader(now: Instant, reader: &ReaderId, counters: &ReaderCounters, lang: Lang) -> OneReader {
    let condition = counters.condition();
    let wrong = condition.down.map(|why| why.say(lang)).into_iter();
    let wrong: Vec<String> = wrong.chain(condition.troubles.iter().map(|trouble| trouble.say(lang))).collect();
    OneReader {
        reader: reader.as_str().to_owned(),
        wrong: (!wrong.is_empty()).then(|| wrong.join("; ")),
        heard_s: condition.heard.map(|heard| now.saturating_duration_since(heard).as_secs()),
        presented: counters.presentations(),
        dropped: counters.dropped(),
        reopened: counters.reopenings(),
        faults: counters.faults().iter().map(|(kind, count)| (kind.name(), count)).collect(),
    }
}

fn roster(roster: &Roster, at: &Stamp) -> Option<RosterHealth> {
    let made_at = roster.made_at.filter(|_| at.clock.is_set());
    let age_ms =
        made_at.map(|made| u64::try_from(at.wall.unix_ms().saturating_sub(made.unix_ms())).unwrap_or_default());
    let version = roster.version.clone();
    (!version.is_empty()).then(|| RosterHealth { version, age_h: age_ms.map(|ms| ms / HOUR_MS) })
}

/// What an ordinary user may still write, in bytes.
fn free_bytes(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use schoolgate_core::{
        id::{PlaceId, ReaderId},
        school::Input,
        site::{Place, PlaceRole, Site},
        text::Bilingual,
        time::{BootId, ClockQuality, Mono},
    };
    use serde_json::Value;

    use super::*;

    struct Watched {
        school: School,
        desk: HealthDesk,
        started: Instant,
        told: watch::Receiver<Option<Message>>,
    }

    impl Watched {
        fn with_a_reader() -> Self {
            let mut site = Site::default();
            let place = PlaceId::try_new("gate").unwrap();
            site.places.insert(place.clone(), Place { role: PlaceRole::Gate, name: Bilingual::default() });
            site.readers.insert(reader(), place);
            let (out, told) = watch::channel(None);
            let ids = (SchoolId::try_new("s").unwrap(), GatewayId::try_new("g").unwrap());
            let started = Instant::now();
            Self { school: School::new(site), desk: HealthDesk::new(ids, "/".into(), started, out), started, told }
        }

        /// What is told at that second, if anything is.
        fn look(&mut self, second: u64) -> Option<Value> {
            let at = stamp(second);
            let consumers = Consumers { durable: self.school.state().last().0, notify: None, sync: None };
            self.desk.look(self.started + Duration::from_secs(second), &at, &self.school, &consumers);
            let news = self.told.has_changed().unwrap();
            let message = self.told.borrow_and_update().clone().filter(|_| news)?;
            Some(serde_json::from_slice(&message.payload).unwrap())
        }
    }

    fn stamp(second: u64) -> Stamp {
        let wall = "2026-09-01T08:00:00+08:00".parse().unwrap();
        Stamp { wall, boot: BootId(1), mono: Mono(second * 1_000), clock: ClockQuality::Synchronised }
    }

    fn reader() -> ReaderId {
        ReaderId::try_new("in").unwrap()
    }

    #[test]
    fn a_reader_that_is_gone_is_told_soon_and_an_unchanged_box_every_five_minutes() {
        let mut here = Watched::with_a_reader();
        let first = here.look(0).unwrap();
        assert_eq!((&first["readers"]["up"], &first["uptime_s"]), (&1.into(), &0.into()));
        assert!(first["disk_free_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
        assert_eq!(here.look(299), None);
        assert_eq!(here.look(300).unwrap()["uptime_s"], 300);

        here.school.handle(stamp(301), Input::ReaderDown { reader: reader(), reason: String::new() });
        assert_eq!(here.look(301), None, "not in a flurry");
        assert_eq!(here.look(330).unwrap()["readers"]["away"][0], "in");
    }
}
