//! Given these entries, these messages go out, in this order.

use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    id::{GatewayId, PlaceId, ReaderId, SchoolId, StudentId},
    roster::{
        Authorisation, CredentialLine, Document, GuardianLine, Holder, Restriction, SchoolLevel, StudentLine, Validity,
    },
    school::{Input, School},
    site::{Place, PlaceRole},
    text::Bilingual,
    time::{BootId, ClockQuality, Mono, Wall},
};
use serde_json::{Value, json};

use super::*;
use crate::ledger::{Ledger, LedgerId, Options, simdisk::SimDisk};

fn both(zh: &str, en: &str) -> Bilingual {
    Bilingual { zh: zh.into(), en: en.into() }
}

fn card(n: u8) -> CredentialId {
    CredentialId([n; 16])
}

/// Ming, his grandmother and mother, and an uncle who must be kept from him.
fn roster() -> Roster {
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
    Roster::try_new(document).unwrap()
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

struct Desk {
    school: School,
    ledger: Ledger,
    feed: EntryFeed,
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
        let feed =
            EntryFeed::new(ledger.reader(), ledger.durable(), writer, Arc::new(site()), seen, State::default(), true);
        Self { school, ledger, feed, _roster: sender }
    }

    fn tap(&mut self, time: &str, mono: u64, card: CredentialId) {
        let reader = ReaderId::try_new("in").unwrap();
        self.school.handle(stamp(time, mono), Input::Tap { reader, credential: card });
        while let Some(entry) = self.school.poll_entry() {
            self.ledger.append(entry.seq.0, entry.encode().unwrap().into()).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let last = self.school.state().last().0;
        runtime.block_on(self.ledger.durable().wait_for(|durable| durable.through >= last)).unwrap();
    }

    fn letters(&mut self, after: u64) -> Vec<(u64, Vec<(String, Value)>)> {
        let letters = self.feed.letters_after(after, 100).unwrap();
        let message = |m: &Message| (m.topic.clone(), serde_json::from_slice(&m.payload).unwrap());
        letters.iter().map(|letter| (letter.seq, letter.messages.iter().map(message).collect())).collect()
    }
}

fn topics(letter: &(u64, Vec<(String, Value)>)) -> Vec<&str> {
    letter.1.iter().map(|(topic, _)| topic.strip_prefix("schoolgate/dongfeng/").unwrap()).collect()
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
