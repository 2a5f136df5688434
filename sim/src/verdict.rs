//! What came of an afternoon: whether anything was lost, or was there twice.
//!
//! Held against each other: the script, the ledger, what the families received, and what the platform stored. The ledger
//! is asked by the gateway's own rule of who is told what ([`notices`]), and by the script, which knows nothing of it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use schoolgate::ledger::LedgerId;
use schoolgate_core::{
    entry::{Entry, What},
    id::{ReaderId, SchoolId},
    notice::{Notice, notices},
    roster::Roster,
    site::Site,
    time::Stamp,
};

use crate::{
    afternoon::{self, Afternoon, Fate},
    campus::Campus,
    inbox::{Inbox, MessageKey},
    school::School,
};

/// So many things that are wrong are told one by one; the rest is counted only.
const MAX_TOLD: usize = 20;

/// Says which messages an entry must lead to.
#[derive(Debug)]
pub struct Due {
    school: SchoolId,
    /// The ledger's short name, with which the ids of its messages begin.
    ledger: String,
    roster: Roster,
    site: Site,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Cards presented.
    pub taps: u64,
    /// Entries in the ledger.
    pub entries: u64,
    /// Different messages that arrived.
    pub notified: u64,
    /// Entries that the platform stored.
    pub synced: u64,
    /// Taps without entry, entries not at the platform, messages that did not come, children of whom something else
    /// became than was due.
    pub lost: u64,
    /// Taps with too many entries, entries stored twice, things said twice or without ground.
    pub duplicated: u64,
    /// Messages that came again under the same id, which is allowed.
    pub repeats: u64,
    /// The first things that are wrong, in words. Ids, not names.
    pub told: Vec<String>,
}

/// What the verdict is found from.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Who is who.
    pub school: &'a School,
    /// What stands where.
    pub campus: &'a Campus,
    /// The script.
    pub afternoon: &'a Afternoon,
    /// The whole ledger.
    pub entries: &'a [Entry],
    /// What the families, boards and staff received.
    pub inbox: &'a Inbox,
    /// The numbers of the entries that the platform stored, in its order.
    pub stored: &'a [u64],
    /// Cards presented.
    pub taps: u64,
}

impl Due {
    /// For the people and places of this school; the ledger must be named next.
    pub fn new(school: &School, campus: &Campus) -> Self {
        let roster = Roster::try_new(school.document()).unwrap_or_default(); // proven valid for every seed and size
        Self { school: campus.school.clone(), ledger: String::new(), roster, site: campus.site() }
    }

    /// Names the ledger: ids of messages begin with the first eight digits of its own id.
    pub fn set_ledger(&mut self, ledger: LedgerId) {
        self.ledger = ledger.to_string().chars().take(8).collect();
    }

    /// The messages that must come of this entry.
    pub fn of(&self, entry: &Entry) -> Vec<MessageKey> {
        let mut keys = self.notices(entry, |notice| !loses_its_meaning(notice));
        if let Some(place) = entry.what.place() {
            keys.push(key(&self.school, &format!("place/{place}/event"), format!("{}-{}", self.ledger, entry.seq)));
        }
        keys
    }

    /// The messages of this entry that come unless the line was down for so long that they have lost their meaning.
    pub fn unless_late(&self, entry: &Entry) -> Vec<MessageKey> {
        self.notices(entry, loses_its_meaning)
    }

    fn notices(&self, entry: &Entry, wanted: impl Fn(&Notice) -> bool) -> Vec<MessageKey> {
        let Self { school, ledger, .. } = self;
        let seq = entry.seq;
        let mut keys = Vec::new();
        for notice in notices(entry, &self.roster, &self.site).into_iter().filter(wanted) {
            let (topic, id) = match notice {
                Notice::Event { token, event, student, .. } => {
                    (format!("guardian/{token}/event"), format!("{ledger}-{seq}-{}-{student}", event.name()))
                }
                Notice::Alert { role, .. } => {
                    (format!("staff/{}/alert", role.name()), format!("{ledger}-{seq}-alert-{}", role.name()))
                }
                Notice::Status { .. } => continue, // only the latest is due, and it is replaced all the time
            };
            keys.push(key(school, &topic, id));
        }
        keys
    }
}

/// Whether it tells how things are rather than what happened, and so is left out when it is late and no longer so.
fn loses_its_meaning(notice: &Notice) -> bool {
    match notice {
        Notice::Event { event, .. } => !event.is_fact(),
        Notice::Alert { on, .. } => *on,
        Notice::Status { .. } => false,
    }
}

fn key(school: &SchoolId, topic: &str, id: String) -> MessageKey {
    MessageKey { topic: format!("schoolgate/{school}/{topic}").into(), id: id.into() }
}

impl Verdict {
    /// Holds all the evidence against each other.
    pub fn find(evidence: &Evidence<'_>, due: &Due) -> Self {
        let mut verdict = Self {
            taps: evidence.taps,
            entries: evidence.entries.len() as u64,
            notified: evidence.inbox.distinct(),
            synced: evidence.stored.iter().collect::<HashSet<_>>().len() as u64,
            repeats: evidence.inbox.repeats(),
            ..Self::default()
        };
        verdict.hold_taps(evidence);
        verdict.hold_fates(evidence);
        verdict.hold_platform(evidence);
        verdict.hold_messages(evidence, due);
        verdict.hold_families(evidence);
        verdict
    }

    /// Whether nothing was lost and nothing is there twice.
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.duplicated == 0
    }

    /// Every card presented has its entries, once.
    fn hold_taps(&mut self, evidence: &Evidence<'_>) {
        let mut found: HashMap<(&ReaderId, [u8; 16]), Vec<&Stamp>> = HashMap::new();
        for entry in evidence.entries {
            if let Some(tap) = entry.what.tap() {
                let moments = found.entry((&tap.reader, tap.credential.0)).or_default();
                if moments.last() != Some(&&entry.at) {
                    moments.push(&entry.at); // one tap may leave several entries, all of the same moment
                }
            }
        }
        for ((reader, card), due) in evidence.afternoon.recorded_taps() {
            let Some(reader) = evidence.campus.readers.get(reader).map(|reader| &reader.id) else { continue };
            let tapped =
                found.remove(&(reader, evidence.school.credential(card).0)).map_or(0, |taps| taps.len() as u64);
            self.compare(due, tapped, || {
                format!("a card was presented {due} times at {reader}, {tapped} are recorded")
            });
        }
        for ((reader, _), moments) in found {
            self.compare(0, moments.len() as u64, || format!("a tap at {reader} is recorded that never was"));
        }
    }

    /// Of every child has become what was due.
    fn hold_fates(&mut self, evidence: &Evidence<'_>) {
        let became = afternoon::fates(evidence.entries);
        for (student, due) in &evidence.afternoon.fates {
            let found = became.get(student).unwrap_or(&Fate::NeverIn);
            if found != due {
                self.lose(1, || format!("{student}: {due:?} was due, {found:?} it is by the ledger"));
            }
        }
    }

    /// The platform has every entry, once. What the gateway writes down of its own stop may wait for its next start.
    fn hold_platform(&mut self, evidence: &Evidence<'_>) {
        let mut times: BTreeMap<u64, u64> = BTreeMap::new();
        for &seq in evidence.stored {
            *times.entry(seq).or_default() += 1;
        }
        let of_the_stop =
            |entry: &&Entry| matches!(entry.what, What::Stopped {} | What::Delivered { .. } | What::Checkpoint { .. });
        let stopping = evidence.entries.iter().rev().take_while(of_the_stop).count();
        for (n, entry) in evidence.entries.iter().enumerate() {
            let seq = entry.seq.0;
            let stored = times.remove(&seq).unwrap_or(0);
            let may_wait = n + stopping >= evidence.entries.len();
            self.compare(u64::from(!may_wait || stored > 0), stored, || {
                format!("entry {seq} is at the platform {stored} times")
            });
        }
        for (seq, stored) in times {
            self.compare(0, stored, || format!("entry {seq} is at the platform and not in the ledger"));
        }
    }

    /// Every message due has come, and no other.
    fn hold_messages(&mut self, evidence: &Evidence<'_>, rule: &Due) {
        let due: HashSet<MessageKey> = evidence.entries.iter().flat_map(|entry| rule.of(entry)).collect();
        for key in due.iter().filter(|key| !evidence.inbox.has(key)) {
            self.lose(1, || format!("message {} did not come", key.id));
        }
        let may_come: HashSet<MessageKey> = evidence.entries.iter().flat_map(|entry| rule.unless_late(entry)).collect();
        for key in evidence.inbox.keys().filter(|key| !due.contains(key) && !may_come.contains(key)) {
            self.double(1, || format!("message {} came without ground", key.id));
        }
        let (twice, strange) = (evidence.inbox.said_twice(), evidence.inbox.not_understood());
        self.double(twice, || format!("{twice} messages said again what was said, under another id"));
        self.lose(strange, || format!("{strange} messages could not be read"));
    }

    /// By the script alone: every guardian who may hear of a child heard that it came, and that it was let go.
    fn hold_families(&mut self, evidence: &Evidence<'_>) {
        let mut heard: HashSet<(&str, &str, &str)> = HashSet::new();
        for key in evidence.inbox.keys() {
            let token = key.topic.strip_suffix("/event").and_then(|topic| topic.rsplit('/').next());
            let mut parts = key.id.splitn(4, '-').skip(2);
            if let (Some(token), Some(event), Some(student)) = (token, parts.next(), parts.next()) {
                heard.insert((token, event, student));
            }
        }
        for family in &evidence.school.families {
            for student in family.students.iter().filter_map(|&n| evidence.school.students.get(n)) {
                let events: &[&str] = match evidence.afternoon.fates.get(&student.id) {
                    Some(Fate::Fetched(_) | Fate::WentAlone) => &["arrived", "released"],
                    Some(Fate::StillHere) => &["arrived"],
                    Some(Fate::NeverIn) | None => &[],
                };
                for guardian in family.guardians.iter().filter(|guardian| !guardian.restricted) {
                    let token = guardian.token.as_str();
                    let missing = events.iter().filter(|event| !heard.contains(&(token, event, student.id.as_str())));
                    let missing: Vec<_> = missing.collect();
                    let (who, whose) = (&guardian.id, &student.id);
                    self.lose(missing.len() as u64, || format!("{who} did not hear of {whose}: {missing:?}"));
                }
            }
        }
    }

    fn compare(&mut self, due: u64, found: u64, say: impl Fn() -> String) {
        self.lose(due.saturating_sub(found), &say);
        self.double(found.saturating_sub(due), &say);
    }

    /// Counts something as lost, and tells of it. `times` may be none.
    pub fn lose(&mut self, times: u64, say: impl FnOnce() -> String) {
        self.lost += times;
        self.tell(times, say);
    }

    fn double(&mut self, times: u64, say: impl FnOnce() -> String) {
        self.duplicated += times;
        self.tell(times, say);
    }

    fn tell(&mut self, times: u64, say: impl FnOnce() -> String) {
        if times > 0 && self.told.len() < MAX_TOLD {
            self.told.push(say());
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taps, entries, notified, synced, lost, duplicated, repeats, .. } = self;
        write!(
            f,
            "taps={taps} entries={entries} notified={notified} synced={synced} lost={lost} duplicated={duplicated} \
             repeats={repeats}"
        )
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
