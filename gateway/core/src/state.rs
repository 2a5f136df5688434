//! What is so now: the fold of the ledger's entries, and of nothing else.
//!
//! The fold asks neither the roster nor the policy, so that an old ledger means the same under every later roster.

mod alarms;
mod clock;
mod codes;
mod counters;
mod custody;
mod gates;
mod lessons;
mod muster;
mod posts;
mod presence;
mod recent;
mod today;
mod unwatched;

pub use alarms::AlarmOn;
pub use clock::{CLOCK_JUMP, Clockwork, MAX_RUNS, SHORT_GAP, UnsetSpan, Watch};
pub use gates::{Door, GateRun, SensorAway};
pub use lessons::{Charge, Lesson, MAX_BREAKS, Stay};
pub use muster::Muster;
pub use posts::{Offer, PostHeld};
pub use presence::{Custodian, Presence, Sighting, Waiting, Whereabouts};
pub use recent::RECENT_TAPS;
pub(crate) use recent::RecentTap;
pub use today::{GrantedLeave, MAX_DAYS, MAX_OTHER_DAYS, Today};
pub use unwatched::{MAX_UNWATCHED, Unwatched};

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use self::{alarms::Alarms, recent::RecentTaps};
use crate::{
    alarm::Alarm,
    credential::CredentialId,
    entry::{Consumer, Entry, PassId, Reason, Recipient, Seq, Tap, What},
    id::{GuardianId, PlaceId, ReaderId, SessionId, StaffId, StudentId},
    picture::Picture,
    roster::{Holder, Post},
    site::Direction,
    time::{Day, Stamp},
};

/// Who has come for students.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A guardian.
    Guardian(GuardianId),
    /// Somebody with a pickup pass.
    Delegate(Box<PassId>),
}

impl Caller {
    /// The guardian by whose right the student is fetched: who called, or who gave the pass.
    pub fn guardian(&self) -> &GuardianId {
        match self {
            Self::Guardian(guardian) => guardian,
            Self::Delegate(pass) => &pass.guardian,
        }
    }

    /// Into whose care a student goes whom they fetch.
    pub fn recipient(&self) -> Recipient {
        match self {
            Self::Guardian(guardian) => Recipient::Guardian(guardian.clone()),
            Self::Delegate(pass) => Recipient::Delegate((**pass).clone()),
        }
    }
}

/// A pickup call that is still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Who called.
    pub caller: Caller,
    /// Where they wait, and by which card they called.
    pub tap: Tap,
    /// The students who have not been released yet.
    pub students: Vec<StudentId>,
    /// When they called.
    pub at: Stamp,
}

/// A reader that can't be heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    last: Seq,
    /// The last entry that is news: anything but a consumer's own mark or a checkpoint.
    last_news: Seq,
    /// How many entries the last checkpoint covers.
    checkpointed: Seq,
    /// Apart from the map, which doubles its room to grow; and shared by copies of the state as long as they agree.
    presences: HashMap<StudentId, Arc<Presence>>,
    calls: BTreeMap<Seq, Call>,
    alarms: Alarms,
    readers_away: BTreeMap<ReaderId, ReaderAway>,
    recent: RecentTaps,
    delivered: BTreeMap<Consumer, Seq>,
    roster_digest: Option<alloc::string::String>,
    roster_adopted: Option<Stamp>,
    on_campus: usize,
    /// Whom each member of staff answers for; kept beside `presences` so that a handover needs no look at every student.
    groups: BTreeMap<StaffId, BTreeSet<StudentId>>,
    /// The sessions that were taken up or entered and are not closed.
    lessons: BTreeMap<SessionId, Lesson>,
    posts: BTreeMap<Post, PostHeld>,
    /// Handovers that wait for their other side, one a reader at most.
    offers: BTreeMap<ReaderId, Offer>,
    /// Everybody else on campus: staff, visitors.
    others: HashMap<Holder, Sighting>,
    today: Today,
    /// The days that went on before the clock turned to today's; one of them goes on if the clock turns back.
    other_days: Vec<Today>,
    /// The days that have begun, the latest [`MAX_DAYS`] of them.
    days: BTreeSet<Day>,
    unwatched: BTreeMap<SessionId, Unwatched>,
    clockwork: Clockwork,
    muster: Option<Muster>,
    /// The gates whose doors are open.
    doors: BTreeMap<PlaceId, Door>,
    /// The gates that are free, locked or out of service.
    gates: BTreeMap<PlaceId, GateRun>,
    sensors_away: BTreeMap<(PlaceId, alloc::string::String), SensorAway>,
    /// When the gates, having stood open in an emergency, last became gates again.
    freed_until: Option<Stamp>,
    /// When wrong pickup codes were tried, by place.
    wrong_codes: BTreeMap<PlaceId, VecDeque<Stamp>>,
    /// The highest counter that each card has shown in a secure message.
    counters: HashMap<CredentialId, u32>,
}

impl State {
    /// Folds one entry in. The only way in which state changes.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), OutOfOrder> {
        let expected = self.last.next();
        if entry.seq != expected {
            return Err(OutOfOrder { expected, found: entry.seq });
        }
        self.last = entry.seq;
        if !matches!(entry.what, What::Delivered { .. } | What::Checkpoint { .. }) {
            self.last_news = entry.seq;
        }
        self.fold_clock(entry);
        // Custody is folded before the lessons: who takes a session up first is told by who has it so far.
        self.fold_custody(entry);
        self.fold_lesson(entry);
        self.fold_posts(entry);
        self.fold_today(entry);
        self.fold_unwatched(entry);
        self.fold_muster(entry);
        self.fold_gates(entry);
        self.fold_codes(entry);
        self.fold_counters(entry);
        self.fold(entry);
        self.see(entry);
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
            What::Waiting { student, tap } => self.wait(student, tap, entry),
            What::Left { student, tap, .. } => {
                if let Some(presence) = self.presence_mut(student) {
                    presence.left_by = Some(tap.credential);
                }
            }
            What::Called { guardian, students, tap } => {
                self.open_call(Caller::Guardian(guardian.clone()), students, tap, entry);
            }
            What::PassShown { pass, tap } => {
                let students = core::slice::from_ref(&pass.student);
                self.open_call(Caller::Delegate(Box::new(pass.clone())), students, tap, entry);
            }
            What::CallEnded { call, .. } => self.drop_call(*call),
            What::Refused { holder, tap, reason } => {
                if let Some(alarm) = Alarm::of_refusal(holder.as_ref(), tap, reason) {
                    self.alarms.recur(&alarm, entry);
                }
                if let Some(student) = wants_to_leave(holder.as_ref(), reason) {
                    self.wait(student, tap, entry);
                }
            }
            What::AlarmRaised { alarm, .. } => self.alarms.raise(alarm, entry),
            What::AlarmEnded { alarm, .. } => self.alarms.end(alarm),
            What::ReaderDown { reader, .. } => {
                self.readers_away.insert(reader.clone(), ReaderAway { since: entry.at, by: entry.seq });
            }
            What::ReaderUp { reader } => {
                self.readers_away.remove(reader);
            }
            What::Delivered { consumer, through } => {
                self.delivered.insert(*consumer, *through);
            }
            What::Checkpoint { size, .. } => self.checkpointed = *size,
            What::RosterAdopted { digest, .. } => {
                self.roster_digest = Some(digest.clone());
                self.roster_adopted = Some(entry.at);
            }
            What::Came { holder, tap, .. } => {
                self.others.insert(holder.clone(), Sighting::of(tap, entry));
            }
            What::Went { holder, .. } => {
                self.others.remove(holder);
            }
            _ => {}
        }
    }

    fn wait(&mut self, student: &StudentId, tap: &Tap, entry: &Entry) {
        if let Some(presence) = self.presence_mut(student) {
            presence.waiting = Some(Box::new(Waiting { tap: tap.clone(), at: entry.at, by: entry.seq }));
        }
    }

    /// Every tap tells where its holder is.
    fn see(&mut self, entry: &Entry) {
        let Some(tap) = entry.what.tap() else { return };
        let own = matches!(
            entry.what,
            What::Arrived { .. }
                | What::Waiting { .. }
                | What::Left { .. }
                | What::Refused { .. }
                | What::Seen { .. }
                | What::CheckedIn { .. }
                | What::CheckedOut { .. }
                | What::Unexpected { .. }
                | What::Dined { .. }
                | What::Safe { .. }
        );
        if own && let [student] = entry.what.students() {
            if let Some(presence) = self.presence_mut(student) {
                presence.seen = Sighting::of(tap, entry);
            }
        } else if let Some(staff) = who_tapped(&entry.what)
            && let Some(sighting) = self.others.get_mut(&Holder::Staff(staff.clone()))
        {
            *sighting = Sighting::of(tap, entry);
        } else if let Some(visitor) = entry.what.visitor()
            && let Some(sighting) = self.others.get_mut(&Holder::Visitor(visitor.clone()))
        {
            *sighting = Sighting::of(tap, entry);
        }
    }

    fn open_call(&mut self, caller: Caller, students: &[StudentId], tap: &Tap, entry: &Entry) {
        for student in students {
            if let Some(presence) = self.presence_mut(student) {
                presence.calls.push(entry.seq);
            }
        }
        let (tap, students) = (tap.clone(), students.to_vec());
        self.calls.insert(entry.seq, Call { caller, tap, students, at: entry.at });
    }

    fn drop_call(&mut self, seq: Seq) {
        for student in self.calls.remove(&seq).into_iter().flat_map(|call| call.students) {
            if let Some(presence) = self.presence_mut(&student) {
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
        if let Some(tapped) = self.recent.last_mut().filter(|t| same(t)) {
            (tapped.seq, tapped.picture) = (entry.seq, picture); // one tap may make several entries
            return;
        }
        let (credential, place) = (tap.credential, tap.place.clone());
        self.recent.push(RecentTap { credential, place, at: entry.at, seq: entry.seq, picture });
    }

    fn presence_mut(&mut self, student: &StudentId) -> Option<&mut Presence> {
        self.presences.get_mut(student).map(Arc::make_mut)
    }

    /// Number of the last entry; 0 before the first.
    pub fn last(&self) -> Seq {
        self.last
    }

    /// Number of the last entry that is more than a consumer's own mark or a checkpoint.
    pub fn last_news(&self) -> Seq {
        self.last_news
    }

    /// What is known of a student; nothing before their first tap.
    pub fn presence(&self, student: &StudentId) -> Option<&Presence> {
        self.presences.get(student).map(|presence| &**presence)
    }

    /// How many students are on campus.
    pub fn on_campus(&self) -> usize {
        self.on_campus
    }

    /// Every open pickup call, oldest first.
    pub fn calls(&self) -> &BTreeMap<Seq, Call> {
        &self.calls
    }

    /// Every reader that can't be heard.
    pub fn readers_away(&self) -> &BTreeMap<ReaderId, ReaderAway> {
        &self.readers_away
    }

    /// How far a consumer had come when it last left a mark in the ledger.
    pub fn delivered(&self, consumer: Consumer) -> Seq {
        self.delivered.get(&consumer).copied().unwrap_or_default()
    }

    /// How many entries the last checkpoint covers; 0 before the first.
    pub fn checkpointed(&self) -> Seq {
        self.checkpointed
    }

    /// Every student of whom anything is known, in no order.
    pub fn presences(&self) -> impl Iterator<Item = (&StudentId, &Presence)> {
        self.presences.iter().map(|(student, presence)| (student, &**presence))
    }

    /// Every student on campus, in no order.
    pub(crate) fn students_on_campus(&self) -> impl Iterator<Item = &StudentId> {
        self.presences.iter().filter(|(_, presence)| presence.custodian().is_some()).map(|(student, _)| student)
    }

    /// Everybody else on campus, staff and visitors, and where they were last seen.
    pub fn others(&self) -> &HashMap<Holder, Sighting> {
        &self.others
    }

    /// When the roster was last adopted.
    pub fn roster_adopted(&self) -> Option<&Stamp> {
        self.roster_adopted.as_ref()
    }

    /// SHA-256 of the roster that was last adopted, in hex.
    pub fn roster_digest(&self) -> Option<&str> {
        self.roster_digest.as_deref()
    }

    /// The taps at this place, latest first.
    pub(crate) fn recent_taps_at<'a>(&'a self, place: &'a PlaceId) -> impl Iterator<Item = &'a RecentTap> {
        self.recent.iter().rev().filter(move |tap| tap.place == *place)
    }

    /// The recent taps that let somebody through a gate: where, by which entry, when and which way, oldest first.
    pub(crate) fn recent_grants(&self) -> impl Iterator<Item = (&PlaceId, Seq, &Stamp, Direction)> {
        let granted = |tap: &RecentTap| match tap.picture {
            Picture::Welcome => Some(Direction::In),
            Picture::Goodbye => Some(Direction::Out),
            _ => None,
        };
        self.recent.iter().filter_map(move |tap| Some((&tap.place, tap.seq, &tap.at, granted(tap)?)))
    }

    pub(crate) fn recent_tap(&self, credential: CredentialId, place: &PlaceId) -> Option<&RecentTap> {
        self.recent.find(credential, place)
    }
}

/// The member of staff whose own tap it was.
fn who_tapped(what: &What) -> Option<&StaffId> {
    match what {
        What::HandoverOffered { to: Some(to), .. } => Some(to),
        other => other.staff(),
    }
}

/// A student who wanted to leave and may not is at the gate now: a guardian who comes within the release window completes
/// the release.
fn wants_to_leave<'a>(holder: Option<&'a Holder>, reason: &Reason) -> Option<&'a StudentId> {
    match (holder, reason) {
        (Some(Holder::Student(student)), Reason::NotReleased | Reason::NotYourTurn(_) | Reason::GateLocked) => {
            Some(student)
        }
        _ => None,
    }
}
