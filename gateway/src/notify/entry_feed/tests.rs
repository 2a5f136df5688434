//! Given these entries, these messages go out, in this order.

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
        Self { school, ledger, feed, clock, _roster: sender }
    }

    /// A card is presented; the moment of the last one is now.
    fn tap(&mut self, time: &str, mono: u64, card: CredentialId) {
        let (reader, at) = (ReaderId::try_new("in").unwrap(), stamp(time, mono));
        self.clock.set(at);
        self.school.handle(at, Input::Tap { reader, credential: card });
        while let Some(entry) = self.school.poll_entry() {
            self.ledger.append(entry.seq.0, entry.encode().unwrap().into()).unwrap();
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
        let mut all = Vec::new();
        loop {
            let letters = self.feed.letters_after(after, at_once).unwrap();
            if letters.is_empty() && !self.feed.behind {
                return all;
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

#[test]
fn an_arrival_tells_every_guardian_but_the_restricted_one_and_the_boards() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    let letters = desk.letters(1);
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
            "v": 1, "id": "07070707-2-arrived-ming", "at": "2026-09-01T07:41:00.000+08:00", "clock": "synchronised", "event": "arrived",
            "student": {"id": "ming", "name": "王小明"}, "place": "east-gate", "gateway": "gate-1", "seq": 2,
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

/// Ming came, waited, was called and fetched; a student's exit was refused meanwhile and an alarm came and went.
fn an_afternoon(desk: &mut Desk) {
    desk.tap("07:41", 1, card(1));
    desk.tap("17:40", 36_000_000, card(1));
    desk.tap("17:50", 36_600_000, card(2));
    desk.tap("17:52", 36_720_000, card(1));
}

#[test]
fn after_three_days_offline_facts_come_as_late_and_what_is_over_does_not_come() {
    for at_once in [1, 2, 100] {
        let mut desk = Desk::open();
        let waited = desk.write(stamp("07:40", 1), What::Arrived { student: ming(), tap: at_gate(1), missed: None });
        assert_eq!(waited, Seq(2));
        desk.write(stamp("17:40", 36_000_000), What::Waiting { student: ming(), tap: at_gate(1) });
        let guardian = GuardianId::try_new("g1").unwrap();
        let students = vec![ming()];
        desk.write(stamp("17:50", 36_600_000), What::Called { guardian: guardian.clone(), students, tap: at_gate(2) });
        let to = Recipient::Guardian(guardian);
        let released =
            What::Released { student: ming(), to, tap: at_gate(1), matched: Some(Seq(4)), confirmed_by: None };
        let released = desk.write(stamp("17:52", 36_720_000), released);
        desk.write(stamp("17:52", 36_720_000), What::Left { student: ming(), tap: at_gate(1), released });

        desk.clock.set(days_later(stamp("17:53", 36_780_000), 3));
        let letters = desk.letters_by(1, at_once);

        let events: Vec<_> = sent(&letters, "-0123456789/event").collect();
        let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["arrived", "arrived", "released", "released"], "{at_once} at once");
        assert!(events.iter().all(|event| event["delayed"] == true));
        assert_eq!(events[2]["text"]["en"], "(Delayed: 2026-09-01 17:52) 王小明 was picked up by grandmother at 17:52");
        let statuses: Vec<_> = sent(&letters, "/status").collect();
        assert_eq!(statuses.len(), 2, "one for each guardian, {at_once} at once");
        assert!(statuses.iter().all(|status| status["children"][0]["state"] == "off_campus"));
        assert_eq!(sent(&letters, "place/east-gate/event").count(), 5, "boards get every entry as it is");
    }
}

#[test]
fn news_in_time_say_nothing_of_late() {
    let mut desk = Desk::open();
    an_afternoon(&mut desk);
    desk.clock.set(stamp("17:56", 36_960_000));
    let letters = desk.letters(3);
    assert!(sent(&letters, "/event").filter(|event| event["event"] == "released").all(|e| e.get("delayed").is_none()));
    assert_eq!(sent(&letters, "/event").filter(|event| event["event"] == "released").count(), 2);
}

#[test]
fn a_child_who_still_waits_is_told_late_within_the_window_and_not_after_it() {
    for (now, told) in [("17:46", 2), ("17:51", 0)] {
        let mut desk = Desk::open();
        desk.write(stamp("07:40", 1), What::Arrived { student: ming(), tap: at_gate(1), missed: None });
        desk.write(stamp("17:40", 36_000_000), What::Waiting { student: ming(), tap: at_gate(1) });
        let minutes = if now == "17:46" { 6 } else { 11 };
        desk.clock.set(stamp(now, 36_000_000 + minutes * 60_000));
        let letters = desk.letters(1);
        let waits: Vec<_> = sent(&letters, "/event").filter(|event| event["event"] == "ready_for_pickup").collect();
        assert_eq!(waits.len(), told, "{now}");
        assert!(waits.iter().all(|event| event["delayed"] == true));
    }
}

#[test]
fn a_wait_ends_at_the_broker_with_the_release_window() {
    let mut desk = Desk::open();
    desk.write(stamp("07:40", 1), What::Arrived { student: ming(), tap: at_gate(1), missed: None });
    desk.write(stamp("17:40", 36_000_000), What::Waiting { student: ming(), tap: at_gate(1) });
    desk.clock.set(stamp("17:41", 36_060_000));
    let now = tokio::time::Instant::now();
    assert_eq!(desk.feed.letters_after(1, 100).unwrap().len(), 0, "the oldest is late: first all the others are read");
    let letters = desk.feed.letters_after(1, 100).unwrap();
    let left = |n: usize| letters[n].messages[0].expires_at.map(|at| at.duration_since(now).as_secs());
    assert_eq!(left(0), None, "that the child came stays so");
    assert!((540..=541).contains(&left(1).unwrap()), "ten minutes less the one that has passed");
}

#[test]
fn what_lay_under_way_while_the_line_was_cut_is_late_when_it_goes_out() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    let letters = desk.feed.letters_after(1, 100).unwrap();
    let arrived = &letters[0].messages[0];
    let text = |after_s| {
        let at = tokio::time::Instant::now() + Duration::from_secs(after_s);
        String::from_utf8(arrived.payload_at(at).to_vec()).unwrap()
    };
    assert!(!text(299).contains("delayed") && text(301).contains("delayed"));
}

#[test]
fn without_a_set_clock_age_is_told_by_the_boots_time_and_across_boots_not_at_all() {
    for (boot, delayed) in [(1, true), (2, false)] {
        let mut desk = Desk::open();
        let unset = Stamp { clock: ClockQuality::Unset, ..stamp("07:41", 1) };
        desk.write(unset, What::Arrived { student: ming(), tap: at_gate(1), missed: None });
        desk.clock.set(Stamp { boot: BootId(boot), mono: Mono(3 * HOUR_MS), ..unset });
        let letters = desk.letters(1);
        let event = sent(&letters, "-0123456789/event").next().unwrap();
        assert_eq!(event.get("delayed").is_some(), delayed, "boot {boot}");
        assert!(!event["text"]["en"].as_str().unwrap().contains("07:41"), "no time that is not so");
    }
}

#[test]
fn of_an_alarm_that_came_and_went_long_ago_only_its_end_is_told() {
    let mut desk = Desk::open();
    let alarm = |place: &str| Alarm::GateHeld { place: PlaceId::try_new(place).unwrap() };
    let at = stamp("09:00", 3 * HOUR_MS);
    let raised = desk.write(at, What::AlarmRaised { alarm: alarm("east-gate"), cause: None });
    desk.write(at, What::AlarmEnded { alarm: alarm("east-gate"), raised });
    let raised = desk.write(at, What::AlarmRaised { alarm: alarm("west-gate"), cause: None });
    let by = StaffId::try_new("chen").unwrap();
    desk.write(at, What::AlarmAcknowledged { alarm: alarm("west-gate"), raised, by });
    let told = |letters: &[(u64, Vec<(String, Value)>)]| -> Vec<(bool, bool)> {
        let standing = |alert: &Value| (alert["on"] == true, alert.get("acknowledged_by").is_some());
        sent(letters, "/alert").map(standing).collect()
    };
    assert_eq!(told(&desk.letters(1)), [(true, false), (false, false), (true, false), (true, true)]);

    let mut desk = {
        // the same, read a day later
        let mut later = Desk::open();
        let raised = later.write(at, What::AlarmRaised { alarm: alarm("east-gate"), cause: None });
        later.write(at, What::AlarmEnded { alarm: alarm("east-gate"), raised });
        let raised = later.write(at, What::AlarmRaised { alarm: alarm("west-gate"), cause: None });
        let by = StaffId::try_new("chen").unwrap();
        later.write(at, What::AlarmAcknowledged { alarm: alarm("west-gate"), raised, by });
        later
    };
    desk.clock.set(days_later(at, 1));
    let letters = desk.letters_by(1, 1);
    assert_eq!(told(&letters), [(false, false), (true, true)]);
    assert!(sent(&letters, "/alert").all(|alert| alert["delayed"] == true));
}

#[test]
fn a_missing_child_who_came_is_not_said_to_be_missing_an_hour_later_and_one_who_did_not_is() {
    for came in [true, false] {
        let mut desk = Desk::open();
        let alarm = Alarm::StudentMissing {
            student: ming(),
            session: SessionId::try_new("chess").unwrap(),
            place: PlaceId::try_new("east-gate").unwrap(),
        };
        let at = stamp("16:40", 10 * HOUR_MS);
        let raised = desk.write(at, What::AlarmRaised { alarm: alarm.clone(), cause: None });
        if came {
            desk.write(at, What::AlarmEnded { alarm, raised });
        }
        desk.clock.set(stamp("17:40", 11 * HOUR_MS));
        let letters = desk.letters_by(1, 1);
        let events: Vec<_> = sent(&letters, "-0123456789/event").map(|e| e["event"].as_str().unwrap()).collect();
        let expected = if came { "no_longer_missed" } else { "not_arrived" };
        assert_eq!(events, [expected; 2]);
    }
}

/// What went out under that id on the first topic with that end.
fn under(letters: &[(u64, Vec<(String, Value)>)], end: &str, id: &str) -> Value {
    sent(letters, end).find(|payload| payload["id"] == id).unwrap_or_else(|| panic!("no {id}: {letters:#?}")).clone()
}

#[test]
fn the_events_of_the_guide_are_what_goes_out() {
    let mut desk = Desk::open();
    desk.tap("07:41", 1, card(1));
    let letters = desk.letters(1);
    assert_eq!(under(&letters, "place/east-gate/event", "07070707-2"), example("07070707-2"));
    desk.clock.set(stamp("08:00", 19 * 60_000));
    let arrived = under(&desk.letters(1), "/event", "07070707-2-arrived-ming");
    assert_eq!(arrived, example("07070707-2-arrived-ming"));
}

#[test]
fn the_release_of_the_guide_is_what_goes_out() {
    let mut desk = Desk::open();
    an_afternoon(&mut desk);
    let letters = desk.letters(1);
    let released = under(&letters, "g1-0123456789/event", "07070707-7-released-ming");
    assert_eq!(released, example("07070707-7-released-ming"));
}

#[test]
fn the_session_of_the_guide_is_what_goes_out() {
    let mut desk = Desk::open();
    let attendance = What::Attendance {
        student: ming(),
        session: SessionId::try_new("homework-0901").unwrap(),
        course: CourseId::try_new("homework").unwrap(),
        day: "2026-09-01".parse().unwrap(),
        status: AttendanceStatus::Late,
        minutes: 40,
    };
    desk.tap("07:41", 1, card(1));
    desk.write(stamp("17:44", 36_000_000), What::Stopped {});
    desk.write(stamp("17:45", 36_060_000), attendance);
    let ended = under(&desk.letters(1), "/event", "07070707-4-session_ended-ming");
    assert_eq!(ended, example("07070707-4-session_ended-ming"));
}

#[test]
fn the_alerts_of_the_guide_are_what_goes_out() {
    let mut desk = Desk::open();
    let at = |time: &str, minute: u64| stamp(time, 36_000_000 + minute * 60_000);
    desk.write(at("17:39", 0), What::Stopped {});
    let alarm = Alarm::ExitRefused { place: PlaceId::try_new("east-gate").unwrap(), student: ming() };
    let raised = desk.write(at("17:40", 1), What::AlarmRaised { alarm: alarm.clone(), cause: None });
    let by = StaffId::try_new("zhao").unwrap();
    desk.write(at("17:41", 2), What::AlarmAcknowledged { alarm, raised, by });
    let letters = desk.letters(1);
    let alert = |id: &str| under(&letters, "duty_leader/alert", id);
    assert_eq!(alert("07070707-3-alert-duty_leader"), example("07070707-3-alert-duty_leader"));
    assert_eq!(alert("07070707-4-alert-duty_leader"), example("07070707-4-alert-duty_leader"));

    let mut desk = Desk::open();
    let muster = What::MusterStarted { cause: MusterCause::FireAlarm, drill: false, people: 412 };
    desk.write(stamp("10:00", 36_000_000), muster);
    let started = under(&desk.letters(1), "security/alert", "07070707-2-alert-security");
    assert_eq!(started, example("07070707-2-alert-security"));
}

#[test]
fn the_status_of_the_guide_is_what_goes_out() {
    let mut desk = Desk::open();
    an_afternoon(&mut desk);
    let status = under(&desk.letters(1), "g1-0123456789/status", "07070707-8-status-g1");
    assert_eq!(status, example("07070707-8-status-g1"));
}
