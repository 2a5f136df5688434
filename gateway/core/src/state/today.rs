//! What is remembered of one day, and forgotten when the next begins.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hashbrown::HashMap;

use crate::{
    entry::{Check, Entry, PassId, Recipient, Seq, What},
    id::{PatrolId, PlaceId, SessionId, StudentId},
    state::State,
    time::{Day, Hours, Stamp},
};

/// What happened on the day that is going on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Today {
    /// Which day; none before the clock was ever set.
    pub day: Option<Day>,
    /// The entry that began it.
    pub began: Seq,
    /// The deadlines that were looked at.
    pub checks: BTreeSet<Check>,
    /// The sessions that are closed.
    pub closed: BTreeSet<SessionId>,
    /// Who had dinner, and when: a day that began with an unset clock is told from the last one by that.
    pub dined: HashMap<StudentId, Stamp>,
    /// Early leaves approved by staff today.
    pub leaves: HashMap<StudentId, Vec<GrantedLeave>>,
    /// The points of each round that were visited.
    pub patrolled: BTreeMap<PatrolId, BTreeSet<PlaceId>>,
    /// The pickup passes that were used.
    pub used_passes: BTreeSet<PassId>,
    /// The pickup passes that were revoked here; kept until their day is over.
    pub revoked_passes: BTreeSet<PassId>,
}

/// An early leave that staff approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedLeave {
    /// From when to when.
    pub hours: Hours,
    /// Whether they may go alone.
    pub alone: bool,
    /// By which entry.
    pub by: Seq,
}

impl State {
    pub(super) fn fold_today(&mut self, entry: &Entry) {
        let today = &mut self.today;
        match &entry.what {
            What::DayBegan { day, .. } => {
                let mut revoked = core::mem::take(&mut today.revoked_passes);
                revoked.retain(|pass| pass.day >= *day);
                *today = Today { day: Some(*day), began: entry.seq, revoked_passes: revoked, ..Today::default() };
            }
            What::Checked { check, .. } => {
                today.checks.insert(check.clone());
            }
            What::SessionClosed { session, .. } => {
                today.closed.insert(session.clone());
            }
            What::Dined { student, .. } => {
                today.dined.insert(student.clone(), entry.at);
            }
            What::LeaveApproved { student, hours, alone, .. } => {
                let leave = GrantedLeave { hours: *hours, alone: *alone, by: entry.seq };
                today.leaves.entry(student.clone()).or_default().push(leave);
            }
            What::Patrolled { patrol: Some(patrol), tap, .. } => {
                today.patrolled.entry(patrol.clone()).or_default().insert(tap.place.clone());
            }
            What::Released { to: Recipient::Delegate(pass), .. } => {
                today.used_passes.insert(pass.clone());
            }
            What::PassRevoked { pass, .. } => {
                today.revoked_passes.insert(pass.clone());
            }
            _ => {}
        }
    }

    /// What happened on the day that is going on.
    pub fn today(&self) -> &Today {
        &self.today
    }
}
