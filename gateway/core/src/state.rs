//! What is so now: the fold of the ledger's entries, and of nothing else.
//!
//! The fold asks neither the roster nor the policy, so that an old ledger means the same under every later roster.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use hashbrown::HashMap;

use crate::{
    alarm::Alarm,
    credential::CredentialId,
    entry::{Consumer, Entry, Reason, Recipient, Seq, Tap, What},
    id::{GuardianId, PlaceId, ReaderId, StudentId},
    picture::Picture,
    roster::Holder,
    time::Stamp,
};

/// How many recent taps are remembered, to tell a repeated tap from a new one. Ten lanes at three taps a second fill a
/// fifth of it within the repeat window.
pub const RECENT_TAPS: usize = 512;

/// Who answers for a student on campus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custodian {
    /// Whoever is on duty at the gates.
    GateDuty,
    /// A guardian, the student having been released to them.
    Guardian(GuardianId),
    /// The student, permitted to walk home alone.
    Alone,
}

/// Whether a student is on campus, and if so, who answers for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Not here.
    OffCampus,
    /// Here; exactly one custodian.
    OnCampus(Custodian),
}

/// What is known of one student now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Whether they are here.
    pub whereabouts: Whereabouts,
    /// Since when.
    pub since: Stamp,
    /// By which entry.
    pub by: Seq,
    /// The open pickup calls that name them, oldest first.
    pub calls: Vec<Seq>,
    /// Whether they have shown up to be fetched.
    pub waiting: Option<Box<Waiting>>,
}

/// A student has shown up to be fetched, and no guardian has come yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Where and by which card.
    pub tap: Tap,
    /// When.
    pub at: Stamp,
    /// By which entry.
    pub by: Seq,
}

/// A guardian's pickup call that is still open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called.
    pub guardian: GuardianId,
    /// Where they wait.
    pub place: PlaceId,
    /// The students who have not been released yet.
    pub students: Vec<StudentId>,
    /// When they called.
    pub at: Stamp,
}

/// An alarm that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmOn {
    /// The entry that raised it.
    pub raised: Seq,
    /// When its cause last recurred.
    pub last: Stamp,
}

/// A tap that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecentTap {
    pub(crate) credential: CredentialId,
    pub(crate) place: PlaceId,
    pub(crate) at: Stamp,
    pub(crate) seq: Seq,
    pub(crate) picture: Picture,
}

/// A reader that can't be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderAway {
    /// Since when.
    pub since: Stamp,
    /// By which entry.
    pub by: Seq,
}

/// An entry came out of order: the fold takes each number once, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder {
    /// The number that was due.
    pub expected: Seq,
    /// The number that came.
    pub found: Seq,
}

impl core::fmt::Display for OutOfOrder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "entry {} came where {} was due", self.found, self.expected)
    }
}

impl core::error::Error for OutOfOrder {}

/// What is so now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    last: Seq,
    /// The last entry that is news: anything but a consumer's own mark.
    last_news: Seq,
    presences: HashMap<StudentId, Presence>,
    calls: BTreeMap<Seq, Call>,
    alarms: BTreeMap<Alarm, AlarmOn>,
    readers_away: BTreeMap<ReaderId, ReaderAway>,
    recent: VecDeque<RecentTap>,
    delivered: BTreeMap<Consumer, Seq>,
    roster_digest: Option<alloc::string::String>,
    on_campus: usize,
}

impl State {
    /// Folds one entry in. The only way in which state changes.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), OutOfOrder> {
        let expected = self.last.next();
        if entry.seq != expected {
            return Err(OutOfOrder { expected, found: entry.seq });
        }
        self.last = entry.seq;
        if !matches!(entry.what, What::Delivered { .. }) {
            self.last_news = entry.seq;
        }
        self.fold(entry);
        self.remember_tap(entry);
        Ok(())
    }

    /// The entries through this number can't be read any more: goes on behind them, knowing what it knew. For a ledger
    /// with damage inside, which is told elsewhere.
    pub fn skip_lost(&mut self, through: Seq) {
        self.last = self.last.max(through);
    }

    fn fold(&mut self, entry: &Entry) {
        match &entry.what {
            What::Arrived { student, .. } => self.move_to(student, Whereabouts::OnCampus(Custodian::GateDuty), entry),
            What::Released { student, to, .. } => {
                let custodian = match to {
                    Recipient::Guardian(guardian) => Custodian::Guardian(guardian.clone()),
                    Recipient::Alone => Custodian::Alone,
                };
                self.move_to(student, Whereabouts::OnCampus(custodian), entry);
            }
            What::Left { student, .. } => self.move_to(student, Whereabouts::OffCampus, entry),
            What::Waiting { student, tap } => self.wait(student, tap, entry),
            What::Called { guardian, students, tap } => self.open_call(guardian, students, tap, entry),
            What::CallEnded { call, .. } => self.drop_call(*call),
            What::Refused { holder, tap, reason } => {
                if let Some(alarm) = Alarm::of_refusal(holder.as_ref(), tap, reason)
                    && let Some(on) = self.alarms.get_mut(&alarm)
                {
                    on.last = entry.at;
                }
                if let Some(student) = wants_to_leave(holder.as_ref(), reason) {
                    self.wait(student, tap, entry);
                }
            }
            What::AlarmRaised { alarm, .. } => {
                self.alarms.insert(alarm.clone(), AlarmOn { raised: entry.seq, last: entry.at });
            }
            What::AlarmEnded { alarm, .. } => {
                self.alarms.remove(alarm);
            }
            What::ReaderDown { reader, .. } => {
                self.readers_away.insert(reader.clone(), ReaderAway { since: entry.at, by: entry.seq });
            }
            What::ReaderUp { reader } => {
                self.readers_away.remove(reader);
            }
            What::Delivered { consumer, through } => {
                self.delivered.insert(*consumer, *through);
            }
            What::RosterAdopted { digest, .. } => self.roster_digest = Some(digest.clone()),
            What::Started { .. } | What::Stopped {} | What::Seen { .. } => {}
        }
    }

    fn move_to(&mut self, student: &StudentId, whereabouts: Whereabouts, entry: &Entry) {
        let here = |w: &Whereabouts| matches!(w, Whereabouts::OnCampus(_));
        let now_here = here(&whereabouts);
        let presence = Presence { whereabouts, since: entry.at, by: entry.seq, calls: Vec::new(), waiting: None };
        let before = self.presences.insert(student.clone(), presence);
        let was_here = before.as_ref().is_some_and(|p| here(&p.whereabouts));
        self.on_campus = self.on_campus + usize::from(now_here) - usize::from(was_here);
        for call in before.into_iter().flat_map(|p| p.calls) {
            self.drop_from_call(call, student);
        }
    }

    fn wait(&mut self, student: &StudentId, tap: &Tap, entry: &Entry) {
        if let Some(presence) = self.presences.get_mut(student) {
            presence.waiting = Some(Box::new(Waiting { tap: tap.clone(), at: entry.at, by: entry.seq }));
        }
    }

    fn open_call(&mut self, guardian: &GuardianId, students: &[StudentId], tap: &Tap, entry: &Entry) {
        for student in students {
            if let Some(presence) = self.presences.get_mut(student) {
                presence.calls.push(entry.seq);
            }
        }
        let (guardian, place, students) = (guardian.clone(), tap.place.clone(), students.to_vec());
        self.calls.insert(entry.seq, Call { guardian, place, students, at: entry.at });
    }

    fn drop_call(&mut self, seq: Seq) {
        for student in self.calls.remove(&seq).into_iter().flat_map(|call| call.students) {
            if let Some(presence) = self.presences.get_mut(&student) {
                presence.calls.retain(|&open| open != seq);
            }
        }
    }

    fn drop_from_call(&mut self, seq: Seq, student: &StudentId) {
        if let Some(call) = self.calls.get_mut(&seq) {
            call.students.retain(|called| called != student);
            if call.students.is_empty() {
                self.calls.remove(&seq);
            }
        }
    }

    fn remember_tap(&mut self, entry: &Entry) {
        let (Some(tap), Some(picture)) = (entry.what.tap(), Picture::of(&entry.what)) else { return };
        let same = |t: &RecentTap| t.credential == tap.credential && t.place == tap.place && t.at == entry.at;
        if let Some(tapped) = self.recent.back_mut().filter(|t| same(t)) {
            (tapped.seq, tapped.picture) = (entry.seq, picture); // one tap may make several entries
            return;
        }
        if self.recent.len() == RECENT_TAPS {
            self.recent.pop_front();
        }
        let (credential, place) = (tap.credential, tap.place.clone());
        self.recent.push_back(RecentTap { credential, place, at: entry.at, seq: entry.seq, picture });
    }

    /// Number of the last entry; 0 before the first.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Number of the last entry that is more than a consumer's own mark.
    pub fn last_news(&self) -> Seq {
        self.last_news
    }

    /// What is known of a student; nothing before their first tap.
    pub fn presence(&self, student: &StudentId) -> Option<&Presence> {
        self.presences.get(student)
    }

    /// How many students are on campus.
    pub fn on_campus(&self) -> usize {
        self.on_campus
    }

    /// Every open pickup call, oldest first.
    pub fn calls(&self) -> &BTreeMap<Seq, Call> {
        &self.calls
    }

    /// Every alarm that is on.
    pub fn alarms(&self) -> &BTreeMap<Alarm, AlarmOn> {
        &self.alarms
    }

    /// Every reader that can't be heard.
    pub fn readers_away(&self) -> &BTreeMap<ReaderId, ReaderAway> {
        &self.readers_away
    }

    /// How far a consumer had come when it last left a mark in the ledger.
    pub fn delivered(&self, consumer: Consumer) -> Seq {
        self.delivered.get(&consumer).copied().unwrap_or_default()
    }

    /// SHA-256 of the roster that was last adopted, in hex.
    pub fn roster_digest(&self) -> Option<&str> {
        self.roster_digest.as_deref()
    }

    pub(crate) fn recent_tap(&self, credential: CredentialId, place: &PlaceId) -> Option<&RecentTap> {
        self.recent.iter().rev().find(|tap| tap.credential == credential && tap.place == *place)
    }
}

/// A student who wanted to leave and may not is at the gate now: a guardian who comes within the release window completes
/// the release.
fn wants_to_leave<'a>(holder: Option<&'a Holder>, reason: &Reason) -> Option<&'a StudentId> {
    match (holder, reason) {
        (Some(Holder::Student(student)), Reason::NotReleased) => Some(student),
        _ => None,
    }
}
