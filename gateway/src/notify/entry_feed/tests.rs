//! Given these entries, these messages go out, in this order.

mod drafts;
mod guide;
mod late;

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use schoolgate_core::{
    alarm::Alarm,
    credential::{CredentialId, CredentialStatus},
    entry::{AttendanceStatus, ENTRY_VERSION, MusterCause, Recipient, Tap},
    id::{CourseId, GatewayId, PlaceId, ReaderId, SchoolId, SessionId, StaffId, StudentId},
    roster::{
        Authorisation, CredentialLine, Document, GuardianLine, Holder, Restriction, SchoolLevel, StudentLine, Validity,
    },
    school::{Input, School},
    site::{Place, PlaceRole},
    text::Bilingual,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    ledger::{Ledger, LedgerId, Options, simdisk::SimDisk},
    notify::docs_tests::example,
};

fn both(zh: &str, en: &str) -> Bilingual {
    Bilingual { zh: zh.into(), en: en.into() }
}

fn card(n: u8) -> CredentialId {
    CredentialId([n; 16])
}

/// Ming, his grandmother and mother, and an uncle who must be kept from him.
fn document() -> Document {
    let ming = StudentId::try_new("ming").unwrap();
    let mut document = Document { v: 1, version: "t".into(), ..Document::default() };
    let student =
        |card| CredentialLine { id: card, holder: Holder::Student(ming.clone()), status: CredentialStatus::Active };
    document.credentials.push(student(card(1)));
    document.students.push(StudentLine {
        id: ming.clone(),
        name: "王小明".into(),
        class: "3-2".into(),
        walks_home: None,
        level: SchoolLevel::Primary,
        home_school: None,
    });
    for (n, (id, zh, en)) in
        [("g1", "外婆", "grandmother"), ("g2", "妈妈", "mother"), ("g3", "叔叔", "uncle")].into_iter().enumerate()
    {
        let guardian = GuardianId::try_new(id).unwrap();
        let token = GuardianToken::try_new(&format!("token-{id}-0123456789")).unwrap();
        document.guardians.push(GuardianLine { id: guardian.clone(), name: id.into(), token });
        let holder = Holder::Guardian(guardian.clone());
        let id = card(u8::try_from(n).unwrap() + 2);
        document.credentials.push(CredentialLine { id, holder, status: CredentialStatus::Active });
        let (student, relation) = (ming.clone(), both(zh, en));
        document.authorisations.push(Authorisation {
            student,
            guardian: guardian.clone(),
            relation,
            valid: Validity::ALWAYS,
        });
        if en == "uncle" {
            document.restrictions.push(Restriction { student: ming.clone(), guardian, valid: Validity::ALWAYS });
        }
    }
    document
}

fn roster() -> Roster {
    Roster::try_new(document()).unwrap()
}

fn site() -> Site {
    let gate = PlaceId::try_new("east-gate").unwrap();
    let mut site = Site::default();
    site.places.insert(gate.clone(), Place { role: PlaceRole::Gate, name: both("东门", "east gate") });
    site.readers.insert(ReaderId::try_new("in").unwrap(), gate);
    site
}

fn stamp(time: &str, mono: u64) -> Stamp {
    let wall: Wall = format!("2026-09-01T{time}:00+08:00").parse().unwrap();
    Stamp { wall, boot: BootId(1), mono: Mono(mono), clock: ClockQuality::Synchronised }
}

/// A clock that stands still until it is set.
#[derive(Clone, Default)]
struct SetClock(Arc<Mutex<Stamp>>);

impl SetClock {
    fn set(&self, stamp: Stamp) {
        *self.0.lock().unwrap() = stamp;
    }
}

impl Clock for SetClock {
    fn stamp(&self, _at: Instant) -> Stamp {
        *self.0.lock().unwrap()
    }

    fn wait_until(&self, now: Instant, deadline: Mono) -> Duration {
        deadline.since(self.stamp(now).mono)
    }
}

struct Desk {
    school: School,
    ledger: Ledger,
    feed: EntryFeed,
    clock: SetClock,
    /// Where entries are left for the feed, if they are.
    fresh: Option<FreshEntries>,
    _roster: watch::Sender<Arc<Roster>>,
}

impl Desk {
    fn open() -> Self {
        let options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
        let (ledger, _) = Ledger::open_on(Arc::new(SimDisk::default()), options).unwrap();
        let roster = Arc::new(roster());
        let mut school = School::new(site());
        school.handle(stamp("06:00", 0), Input::Roster { roster: Arc::clone(&roster), digest: "t".into() });
        let (sender, seen) = watch::channel(roster);
        let ids = (SchoolId::try_new("dongfeng").unwrap(), GatewayId::try_new("gate-1").unwrap());
        let writer = MessageWriter::new(ids.0, ids.1, "07070707".into());
        let (clock, site) = (SetClock::default(), Arc::new(site()));
        let state = State::default();
        let feed =
            EntryFeed::new(ledger.reader(), ledger.durable(), writer, site, seen, state, Arc::new(clock.clone()))
                .with_place_events(true);
        Self { school, ledger, feed, clock, fresh: None, _roster: sender }
    }

    /// A card is presented; the moment of the last one is now.
    fn tap(&mut self, time: &str, mono: u64, card: CredentialId) {
        let (reader, at) = (ReaderId::try_new("in").unwrap(), stamp(time, mono));
        self.clock.set(at);
        self.school.handle(at, Input::Tap { reader, credential: card, proof: Default::default() });
        while let Some(entry) = self.school.poll_entry() {
            self.ledger.append(entry.seq.0, entry.encode().unwrap().into()).unwrap();
            if let Some(fresh) = &self.fresh {
                fresh.leave(entry);
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let last = self.school.state().last().0;
        runtime.block_on(self.ledger.durable().wait_for(|durable| durable.through >= last)).unwrap();
    }

    /// An entry, whatever the rules would make of it.
    fn write(&mut self, at: Stamp, what: What) -> Seq {
        self.clock.set(at);
        let seq = self.school.state().last().next();
        let entry = Entry { v: ENTRY_VERSION, seq, at, what };
        self.school.replay(&entry).unwrap();
        while self.school.poll_entry().is_some_and(|earlier| {
            self.ledger.append(earlier.seq.0, earlier.encode().unwrap().into()).unwrap();
            true
        }) {}
        self.ledger.append(seq.0, entry.encode().unwrap().into()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.ledger.durable().wait_for(|durable| durable.through >= seq.0)).unwrap();
        seq
    }

    /// All that goes out after that entry, as it goes out now.
    fn letters(&mut self, after: u64) -> Vec<(u64, Vec<(String, Value)>)> {
        self.letters_by(after, 100)
    }

    /// The same, so many letters at a time.
    fn letters_by(&mut self, mut after: u64, at_once: usize) -> Vec<(u64, Vec<(String, Value)>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _inside = runtime.enter();
        let mut all = Vec::new();
        loop {
            let letters = self.feed.letters_after(after, at_once).unwrap();
            if letters.is_empty() {
                if !self.feed.may_have_more() {
                    return all;
                }
                runtime.block_on(self.feed.changed());
            }
            let message = |m: &Message| {
                (m.topic.clone(), serde_json::from_slice(&m.payload_at(tokio::time::Instant::now())).unwrap())
            };
            for letter in letters {
                after = letter.seq;
                all.push((letter.seq, letter.messages.iter().map(message).collect()));
            }
        }
    }
}

/// The payloads that went out on topics with that end, in order.
fn sent<'l>(letters: &'l [(u64, Vec<(String, Value)>)], end: &'l str) -> impl Iterator<Item = &'l Value> {
    letters.iter().flat_map(|(_, messages)| messages).filter(move |(topic, _)| topic.ends_with(end)).map(|(_, m)| m)
}

fn ming() -> StudentId {
    StudentId::try_new("ming").unwrap()
}

fn at_gate(card_of: u8) -> Tap {
    Tap {
        place: PlaceId::try_new("east-gate").unwrap(),
        reader: ReaderId::try_new("in").unwrap(),
        credential: card(card_of),
        proof: Default::default(),
    }
}

const HOUR_MS: u64 = 3_600_000;

/// The same time of day, that many days later.
fn days_later(at: Stamp, days: u64) -> Stamp {
    let ms = days * 24 * HOUR_MS;
    let wall = Wall::new(at.wall.unix_ms() + i64::try_from(ms).unwrap(), 480);
    Stamp { wall, mono: Mono(at.mono.0 + ms), ..at }
}

fn topics(letter: &(u64, Vec<(String, Value)>)) -> Vec<&str> {
    letter.1.iter().map(|(topic, _)| topic.strip_prefix("schoolgate/dongfeng/").unwrap()).collect()
}

/// Ming came, wanted to leave and might not, was called, and was fetched.
fn an_afternoon(desk: &mut Desk) {
    desk.tap("07:41", 1, card(1));
    desk.tap("17:40", 36_000_000, card(1));
    desk.tap("17:50", 36_600_000, card(2));
    desk.tap("17:52", 36_720_000, card(1));
}

#[test]
fn an_arrival_tells_every_guardian_but_the_restricted_one_and_the_boards() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    let letters = desk.letters(2);
    let mut told = topics(&letters[0]);
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "guardian/token-g1-0123456789/event",
            "guardian/token-g1-0123456789/status",
            "guardian/token-g2-0123456789/event",
            "guardian/token-g2-0123456789/status",
            "place/east-gate/event",
        ]
    );
    let (_, event) = &letters[0].1[0];
    assert_eq!(
        *event,
        json!({
            "v": 1, "id": "07070707-3-arrived-ming", "at": "2026-09-01T07:41:00.000+08:00", "clock": "synchronised", "event": "arrived",
            "student": {"id": "ming", "name": "王小明"}, "place": "east-gate", "gateway": "gate-1", "seq": 3,
            "text": {"zh": "王小明07:41已到校（东门）", "en": "王小明 arrived at 07:41 (east gate)"},
        })
    );
}

#[test]
fn a_release_says_by_whom() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    desk.tap("17:50", 36_000_000, card(2));
    desk.tap("17:52", 36_100_000, card(1));
    let letters = desk.letters(3);
    let released =
        letters.iter().find(|letter| letter.1.iter().any(|(_, payload)| payload["event"] == "released")).unwrap();
    let (_, event) = &released.1[0];
    assert_eq!(
        event["text"],
        json!({"zh": "王小明17:52由外婆接走", "en": "王小明 was picked up by grandmother at 17:52"})
    );
}

#[test]
fn of_the_entries_read_at_once_only_the_last_carries_a_guardians_status() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    desk.tap("17:50", 36_000_000, card(2));
    desk.tap("17:52", 36_100_000, card(1));
    let letters = desk.letters(1);
    let statuses: Vec<_> = letters
        .iter()
        .flat_map(|(seq, messages)| messages.iter().map(move |(topic, payload)| (*seq, topic, payload)))
        .filter(|(_, topic, _)| topic.ends_with("/status"))
        .collect();
    assert_eq!(statuses.len(), 2, "one for each guardian");
    for (seq, _, payload) in statuses {
        assert_eq!(seq, letters.last().unwrap().0, "with the last entry that concerns them");
        assert_eq!(payload["children"][0]["state"], "off_campus");
    }
}

#[test]
fn reading_again_gives_the_same_events_under_the_same_ids() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    desk.tap("17:50", 36_000_000, card(2));
    let events = |letters: Vec<(u64, Vec<(String, Value)>)>| -> Vec<(String, Value)> {
        letters.into_iter().flat_map(|letter| letter.1).filter(|(topic, _)| topic.ends_with("/event")).collect()
    };
    let first = events(desk.letters(1));
    assert_eq!(first, events(desk.letters(1)));
    assert!(!first.is_empty());
}

#[test]
fn a_restricted_guardian_who_comes_is_an_alert_without_names() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    desk.tap("17:50", 36_000_000, card(4));
    let letters = desk.letters(2);
    let alerts: Vec<_> = letters.iter().flat_map(|l| &l.1).filter(|(topic, _)| topic.ends_with("/alert")).collect();
    let topics: Vec<_> = alerts.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["schoolgate/dongfeng/staff/duty_leader/alert", "schoolgate/dongfeng/staff/security/alert"]);
    assert!(!alerts[0].1.to_string().contains("王小明"));
}

/// The shell's state is left for the feed after every tap: the same is told, and what is known of a child is held once.
#[test]
fn with_the_shells_state_in_place_of_its_own_it_tells_the_same() {
    let taps = [("07:41", 1, 1), ("17:40", 36_000_000, 1), ("17:50", 36_600_000, 2), ("17:51", 36_660_000, 1)];
    let told = |leaves: bool| {
        let same = SameState::default();
        let mut desk = Desk::open();
        desk.feed = desk.feed.with_same_state(same.clone());
        let mut told = Vec::new();
        for (time, mono, of) in taps {
            desk.tap(time, mono, card(of));
            told.extend(desk.letters(desk.feed.state.last().0));
            if leaves {
                same.leave(desk.school.state().clone());
                assert!(desk.letters(desk.feed.state.last().0).is_empty());
            }
            let [shells, feeds] = [desk.school.state(), &desk.feed.state].map(|state| state.presence(&ming()).unwrap());
            assert_eq!((shells == feeds, std::ptr::eq(shells, feeds)), (true, leaves));
        }
        told
    };
    assert_eq!(told(true), told(false));
}

#[test]
fn what_is_left_for_it_it_tells_as_if_it_had_read_it_and_only_once_it_is_on_disk() {
    let taps = [("07:41", 1, 1), ("17:40", 36_000_000, 1), ("17:50", 36_600_000, 2), ("17:51", 36_660_000, 1)];
    let told = |fresh: Option<FreshEntries>| {
        let mut desk = Desk::open();
        desk.feed = desk.feed.with_fresh_entries(fresh.clone().unwrap_or_default());
        desk.fresh = fresh;
        taps.iter().for_each(|&(time, mono, of)| desk.tap(time, mono, card(of)));
        let told = desk.letters(0);
        (told, desk)
    };
    let fresh = FreshEntries::default();
    let (by_what_was_left, mut desk) = told(Some(fresh.clone()));
    assert_eq!(by_what_was_left, told(None).0);
    let last = desk.school.state().last();
    assert!((1..=last.0).all(|seq| fresh.take(seq).is_none()), "all were taken");

    let at = stamp("17:52", 36_720_000);
    fresh.leave(Entry { v: ENTRY_VERSION, seq: last.next(), at, what: What::Stopped {} });
    assert!(desk.letters(last.0).is_empty(), "the ledger does not have it");
}
