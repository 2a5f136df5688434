//! The roll-call of an emergency: who is on campus by the ledger, and who of them is accounted for.
//!
//! Everything here is asked of the [`State`], so the list of a muster that is over can be had as well: replay the ledger up
//! to the entry before its `muster_ended`.

use alloc::vec::Vec;

use crate::{
    entry::{MusterCause, Seq},
    id::PlaceId,
    roster::Holder,
    state::{State, Whereabouts},
    time::Stamp,
};

/// Somebody who is on campus by the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub holder: Holder,
    /// Where they were last seen, if that is known.
    pub place: Option<PlaceId>,
    /// When.
    pub at: Stamp,
    /// Whether a student has been released and not been seen to leave: their family has them, and they may be gone.
    pub released: bool,
}

/// How a muster stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The entry that started it.
    pub muster: Seq,
    /// When.
    pub at: Stamp,
    /// Why.
    pub cause: MusterCause,
    /// Whether it is an exercise.
    pub drill: bool,
    /// Who is accounted for, and by which entry; in the order of their ids.
    pub safe: Vec<(Holder, Seq)>,
    /// Who is not.
    pub unaccounted: Vec<Person>,
}

/// How the muster that is on stands; nothing if none is.
pub fn report(state: &State) -> Option<Report> {
    let muster = state.muster()?;
    Some(Report {
        muster: muster.by,
        at: muster.at,
        cause: muster.cause.clone(),
        drill: muster.drill,
        safe: muster.safe.iter().map(|(holder, by)| (holder.clone(), *by)).collect(),
        unaccounted: unaccounted(state),
    })
}

/// Everybody on campus who is not accounted for: by the place where they were last seen, so that one can go and look, and
/// within it by id; last those whose families have them. Without a muster, everybody on campus.
pub fn unaccounted(state: &State) -> Vec<Person> {
    let safe = |person: &Person| state.muster().is_some_and(|muster| muster.safe.contains_key(&person.holder));
    let mut missing: Vec<Person> = people(state).filter(|person| !safe(person)).collect();
    missing.sort_unstable_by(|a, b| (a.released, &a.place, &a.holder).cmp(&(b.released, &b.place, &b.holder)));
    missing
}

/// Everybody on campus by the ledger, in no order.
pub(crate) fn people(state: &State) -> impl Iterator<Item = Person> {
    let students = state.presences().filter_map(|(student, presence)| {
        let Whereabouts::OnCampus(custodian) = &presence.whereabouts else { return None };
        let holder = Holder::Student(student.clone());
        let seen = &presence.seen;
        Some(Person { holder, place: seen.place.clone(), at: seen.at, released: !custodian.is_school() })
    });
    let others = state.others().iter().map(|(holder, seen)| Person {
        holder: holder.clone(),
        place: seen.place.clone(),
        at: seen.at,
        released: false,
    });
    students.chain(others)
}
