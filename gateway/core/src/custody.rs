//! Who answered for a child, and when: read from the ledger, with the entries that prove it.
//!
//! The answer comes from entries alone. Custody of a student may lie with a post (the gate duty, extended care); who had
//! the post at that time is read from the same ledger.

use core::borrow::Borrow;

use alloc::{vec, vec::Vec};

use crate::{
    entry::{Entry, Seq},
    id::{StaffId, StudentId},
    roster::Post,
    state::{Custodian, Presence, Sighting, State},
    time::{Stamp, Wall},
    timeline::{Timeline, TrueTime},
};

/// Who answers for a student.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who, as the ledger has it.
    pub custodian: Custodian,
    /// The member of staff behind it: whoever has the post, if it is one. Nobody if the post is taken by nobody, or if
    /// custody is not the school's.
    pub person: Option<StaffId>,
    /// The entries that prove it: by which custody passed, then by which the person has the post or leads the session.
    pub proof: Vec<Seq>,
}

/// A time during which one and the same person answered for a student.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Since when.
    pub from: Wall,
    /// Until when; still, if none. The next span, if the student stayed on campus, begins at this very moment.
    pub until: Option<Wall>,
    /// The entry that ended it.
    pub ended: Option<Seq>,
    /// Who answered.
    pub answer: Answer,
}

/// One student on campus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here<'a> {
    /// Who.
    pub student: &'a StudentId,
    /// Where they were last seen, and when.
    pub seen: &'a Sighting,
    /// Who answers for them.
    pub custodian: &'a Custodian,
    /// The member of staff behind it, as in [`Answer::person`].
    pub person: Option<&'a StaffId>,
}

/// Who answered for this student at that moment; nobody if they were not on campus by the ledger. The entries are the
/// ledger's, in order and from the first.
pub fn who_answered<E: Borrow<Entry>>(
    entries: impl IntoIterator<Item = E>,
    student: &StudentId,
    at: Wall,
) -> Option<Answer> {
    let mut history = history(entries, student).into_iter().rev();
    let then = |span: &Span| {
        span.from.unix_ms() <= at.unix_ms() && span.until.is_none_or(|until| at.unix_ms() < until.unix_ms())
    };
    history.find(then).map(|span| span.answer)
}

/// Everybody who ever answered for this student, in order. Between two spans there is no gap, unless the student was off
/// campus.
pub fn history<E: Borrow<Entry>>(entries: impl IntoIterator<Item = E>, student: &StudentId) -> Vec<Span> {
    let mut watch = Watch::default();
    for entry in entries {
        watch.follow(entry.borrow(), student);
    }
    watch.spans()
}

/// Every student on campus, in the order of their ids.
pub fn everyone(state: &State) -> Vec<Here<'_>> {
    let mut all: Vec<Here<'_>> = state
        .presences()
        .filter_map(|(student, presence)| {
            let custodian = presence.custodian()?;
            Some(Here { student, seen: &presence.seen, custodian, person: person(state, custodian) })
        })
        .collect();
    all.sort_unstable_by_key(|here| here.student);
    all
}

/// The member of staff who answers for a custodian's students now.
pub fn person<'a>(state: &'a State, custodian: &'a Custodian) -> Option<&'a StaffId> {
    match custodian {
        Custodian::Staff(staff) => Some(staff),
        Custodian::GateDuty => state.posts().get(&Post::Gate).map(|held| &held.staff),
        Custodian::ExtendedCare => state.posts().get(&Post::ExtendedCare).map(|held| &held.staff),
        Custodian::Guardian(_) | Custodian::Delegate(_) | Custodian::Alone => None,
    }
}

/// A span whose times are not known before the whole ledger is read: a later entry may set the clock.
struct Charge {
    from: (Seq, Stamp),
    ended: Option<(Seq, Stamp)>,
    answer: Answer,
}

/// Folds a ledger with an eye on one student.
#[derive(Default)]
struct Watch {
    state: State,
    timeline: Timeline,
    charges: Vec<Charge>,
    /// By which entry custody passed last, and who is behind it.
    now: Option<(Seq, Option<StaffId>)>,
}

impl Watch {
    fn follow(&mut self, entry: &Entry, student: &StudentId) {
        if entry.seq > self.state.last().next() {
            self.state.skip_lost(Seq(entry.seq.0 - 1)); // damage inside the ledger, which is told elsewhere
        }
        if self.state.apply(entry).is_err() {
            return; // it was there before
        }
        self.timeline.fold(entry);
        let at = (entry.seq, entry.at);
        let presence = self.state.presence(student).and_then(|p| Some((p, p.custodian()?)));
        let now = presence.map(|(p, custodian)| (p.by, person(&self.state, custodian).cloned()));
        if now == self.now {
            return;
        }
        if let Some(open) = self.charges.last_mut() {
            open.ended.get_or_insert(at);
        }
        if let Some((presence, custodian)) = presence {
            let person = person(&self.state, custodian).cloned();
            let proof = proof(&self.state, presence, custodian);
            let answer = Answer { custodian: custodian.clone(), person, proof };
            self.charges.push(Charge { from: at, ended: None, answer });
        }
        self.now = now;
    }

    /// The spans in true time, which never goes back: there is no gap where one follows another.
    fn spans(self) -> Vec<Span> {
        let Self { timeline, charges, .. } = self;
        let mut last = Wall::default();
        let mut read = |(seq, at): (Seq, Stamp)| {
            let wall = match timeline.true_time_at(seq, &at) {
                TrueTime::Known { wall, .. } => wall,
                TrueTime::Between { earliest, latest } => earliest.or(latest).unwrap_or(at.wall),
            };
            if wall.unix_ms() >= last.unix_ms() {
                last = wall;
            }
            last
        };
        let span = |Charge { from, ended, answer }| {
            let from = read(from);
            Span { from, until: ended.map(&mut read), ended: ended.map(|(seq, _)| seq), answer }
        };
        charges.into_iter().map(span).collect()
    }
}

fn proof(state: &State, presence: &Presence, custodian: &Custodian) -> Vec<Seq> {
    let charge = match custodian {
        Custodian::GateDuty => state.posts().get(&Post::Gate).map(|held| held.by),
        Custodian::ExtendedCare => state.posts().get(&Post::ExtendedCare).map(|held| held.by),
        Custodian::Staff(staff) => {
            let lesson = presence.session.as_ref().and_then(|session| state.lessons().get(session));
            lesson.and_then(|lesson| lesson.lead()).filter(|lead| lead.staff == *staff).map(|lead| lead.by)
        }
        Custodian::Guardian(_) | Custodian::Delegate(_) | Custodian::Alone => None,
    };
    let mut proof = vec![presence.by];
    proof.extend(charge.filter(|by| *by != presence.by));
    proof
}
