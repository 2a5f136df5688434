//! What came of it: lamps, ledger, platform and messages held against each other.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use schoolgate_core::{
    entry::{Entry, What},
    id::StudentId,
};
use schoolgate_sim::{
    inbox::MessageKey,
    ledger_check::{LedgerView, ledger_id},
    verdict::Due,
};
use schoolgate_tests::{Heard, Rig};

use super::stream::Stream;

/// Knows what must have come of every entry.
pub(super) struct Verdict {
    due: Due,
    ledger: LedgerView,
    /// Every message due so far.
    keys: BTreeSet<MessageKey>,
    /// Those that come unless they are late.
    may_come: BTreeSet<MessageKey>,
    heard: BTreeSet<MessageKey>,
    looked_at: usize,
}

/// How much there was of what.
pub(super) struct Counts {
    entries: usize,
    messages: usize,
    repeats: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, messages, repeats } = self;
        write!(f, "{entries} entries, {messages} messages, {repeats} repeats")
    }
}

impl Verdict {
    /// On the ledger as it is by now; a gateway has begun it.
    pub(super) fn new(rig: &Rig) -> Self {
        let mut due = Due::new(&rig.scene.school, &rig.scene.campus);
        due.set_ledger(ledger_id(&rig.scene.ledger()).unwrap());
        let ledger = LedgerView::new(rig.scene.ledger());
        Self { due, ledger, keys: BTreeSet::new(), may_come: BTreeSet::new(), heard: BTreeSet::new(), looked_at: 0 }
    }

    /// Whether every message due by now has been heard.
    pub(super) fn is_everybody_told(&mut self, heard: &[Heard]) -> bool {
        self.take_in(heard);
        self.keys.is_subset(&self.heard)
    }

    fn take_in(&mut self, heard: &[Heard]) {
        let new = self.ledger.read_on().unwrap();
        self.keys.extend(new.iter().flat_map(|entry| self.due.of(entry)));
        self.may_come.extend(new.iter().flat_map(|entry| self.due.unless_late(entry)));
        self.heard.extend(heard[self.looked_at..].iter().map(key));
        self.looked_at = heard.len();
    }

    /// Fails at the first thing that is not as it must be.
    pub(super) fn hold(&mut self, rig: &Rig, heard: &[Heard], stream: &Stream) -> Counts {
        self.take_in(heard);
        let missing: Vec<_> = self.keys.difference(&self.heard).collect();
        assert!(missing.is_empty(), "{} messages did not come: {:?}", missing.len(), missing.first());
        let unfounded: Vec<_> = self.heard.difference(&self.keys).filter(|key| !self.may_come.contains(key)).collect();
        assert!(unfounded.is_empty(), "{} messages without ground: {:?}", unfounded.len(), unfounded.first());

        let arrivals = self.arrivals();
        hold_platform(rig, &self.ledger.entries);
        for student in stream.acknowledged() {
            let seq = arrivals.get(student).unwrap_or_else(|| panic!("{student} saw green and is not in the ledger"));
            assert!(
                rig.stored().len() as u64 >= *seq,
                "{student} saw green, and the platform does not have entry {seq}"
            );
        }
        hold_families(rig, heard, stream);
        hold_order(heard);
        let repeats = hold_ids(heard);
        Counts { entries: self.ledger.entries.len(), messages: self.heard.len(), repeats }
    }

    /// The entry of each child's arrival: nobody taps twice, so nobody arrives twice.
    fn arrivals(&self) -> BTreeMap<StudentId, u64> {
        let mut arrivals = BTreeMap::new();
        for entry in &self.ledger.entries {
            if let What::Arrived { student, .. } = &entry.what {
                let earlier = arrivals.insert(student.clone(), entry.seq.0);
                assert_eq!(earlier, None, "{student} arrived twice");
            }
        }
        arrivals
    }
}

fn key(heard: &Heard) -> MessageKey {
    let id = heard.json()["id"].as_str().expect("every message has an id").into();
    MessageKey { topic: heard.topic.as_str().into(), id }
}

/// Each entry once, in order, the same as on disk.
fn hold_platform(rig: &Rig, entries: &[Entry]) {
    let stored = rig.stored();
    let count = stored.len();
    assert!(count <= entries.len(), "the platform has {count} entries, the ledger {}", entries.len());
    for (there, here) in stored.iter().zip(entries) {
        assert_eq!(there, here);
    }
}

/// By the roster alone: whoever may hear of a child has been told that it has arrived.
fn hold_families(rig: &Rig, heard: &[Heard], stream: &Stream) {
    let arrived = heard.iter().map(|heard| (heard, heard.json())).filter(|(_, json)| json["event"] == "arrived");
    let told: BTreeSet<(String, String)> = arrived
        .map(|(heard, json)| (heard.topic.clone(), json["student"]["id"].as_str().unwrap().to_owned()))
        .collect();
    let school = &rig.scene.school;
    for family in &school.families {
        let children = family.students.iter().map(|&n| &school.students[n].id);
        for child in children.filter(|child| stream.acknowledged().contains(child)) {
            for guardian in family.guardians.iter().filter(|guardian| !guardian.restricted) {
                let topic = rig.topic(&format!("guardian/{}/event", guardian.token));
                let word = (topic, child.to_string());
                assert!(told.contains(&word), "{child} saw green, and guardian {} was not told", guardian.id);
            }
        }
    }
}

/// Within guardians', places' and staff's messages, what came first is in the order in which it happened.
fn hold_order(heard: &[Heard]) {
    let mut seen = BTreeSet::new();
    let mut latest: HashMap<String, (u64, MessageKey)> = HashMap::new();
    for key in heard.iter().map(key).filter(|key| seen.insert(key.clone())) {
        let seq: u64 = key.id.split('-').nth(1).unwrap().parse().unwrap();
        let class = key.topic.split('/').nth(2).unwrap().to_owned();
        if let Some((before, earlier)) = latest.insert(class, (seq, key.clone())) {
            assert!(before <= seq, "{key:?} came for the first time behind {earlier:?}");
        }
    }
}

/// The same id says the same, wherever and however often it comes. How often one came again on its topic.
fn hold_ids(heard: &[Heard]) -> usize {
    let mut said: HashMap<String, &str> = HashMap::new();
    let mut seen = BTreeSet::new();
    let mut repeats = 0;
    for heard in heard {
        let key = key(heard);
        let first = *said.entry(key.id.to_string()).or_insert(&heard.text);
        assert_eq!(first, heard.text, "two different messages have one id");
        repeats += usize::from(!seen.insert(key));
    }
    repeats
}
