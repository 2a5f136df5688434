//! What is remembered of one day, and forgotten when the next begins.

use core::time::Duration;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use hashbrown::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Check, Entry, PassId, Recipient, Seq, What},
    id::{PatrolId, PlaceId, SessionId, StaffId, StudentId},
    roster::Post,
    state::{Lesson, State},
    time::{Day, Hours, Stamp},
};

/// So many days are remembered as having begun: more than a year of them.
pub const MAX_DAYS: usize = 400;
/// So many days before this one are remembered as they were, in case the clock turns back.
pub const MAX_OTHER_DAYS: usize = 3;
/// A session that nothing has closed for so long is forgotten: the roster does not know it any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(48 * 3600);

/// What happened on the day that is going on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Today {
    /// Which day; none before the clock was ever set.
    pub day: Option<Day>,
    /// The entry that began it.
    pub began: Seq,
    /// The deadlines that were looked at.
    pub checks: BTreeSet<Check>,
    /// The sessions that were closed, and of which day they are: not always this one.
    pub closed: BTreeMap<SessionId, Day>,
    /// Who had dinner, and when: a day that began with an unset clock is told from the last one by that.
    pub dined: HashMap<StudentId, Stamp>,
    /// Early leaves approved by staff today.
    pub leaves: HashMap<StudentId, Vec<GrantedLeave>>,
    /// The points of each round that were visited.
    pub patrolled: BTreeMap<PatrolId, BTreeSet<PlaceId>>,
    /// Those who took a post by their card in place of another: the rota does not take it from them.
    pub stand_ins: BTreeMap<Post, StaffId>,
    /// The pickup passes that were used.
    pub used_passes: BTreeSet<PassId>,
    /// The pickup passes that were revoked here; kept until their day is over.
    pub revoked_passes: BTreeSet<PassId>,
}

/// An early leave that staff approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
        if let What::DayBegan { day, .. } = &entry.what {
            self.turn_to(*day, entry);
        }
        let today = &mut self.today;
        match &entry.what {
            What::Checked { check, .. } => {
                today.checks.insert(check.clone());
            }
            What::SessionClosed { session, day, .. } => {
                today.closed.insert(session.clone(), *day);
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
            What::PostTaken { post, instead_of: Some(whom), tap: Some(_), .. } => {
                today.stand_ins.insert(*post, whom.clone());
            }
            What::PostTaken { post, .. } | What::PostLeft { post, .. } => {
                today.stand_ins.remove(post);
            }
            What::HandedOver { posts, .. } => {
                today.stand_ins.retain(|post, _| !posts.contains(post));
            }
            _ => {}
        }
    }

    /// Another day, or the one before again. Whoever else was here on an earlier day and never tapped out is taken to have
    /// gone: nobody answers for them, and a muster must not look for them.
    fn turn_to(&mut self, day: Day, entry: &Entry) {
        if self.today.day != Some(day) {
            let back = self.other_days.iter().position(|other| other.day == Some(day));
            let fresh = || Today { day: Some(day), began: entry.seq, ..Today::default() };
            let next = back.map_or_else(fresh, |n| self.other_days.remove(n));
            let before = core::mem::replace(&mut self.today, next);
            self.today.revoked_passes.extend(before.revoked_passes.iter().cloned());
            self.today.revoked_passes.retain(|pass| pass.day >= day);
            self.other_days.extend(before.day.is_some().then_some(before));
            if self.other_days.len() > MAX_OTHER_DAYS {
                self.other_days.remove(0);
            }
        }
        self.days.insert(day);
        if self.days.len() > MAX_DAYS {
            self.days.pop_first();
        }
        self.others.retain(|_, seen| !seen.at.is_of_an_earlier_day(&entry.at));
        self.lessons.retain(|_, lesson| {
            lesson.began().and_then(|began| began.elapsed(&entry.at)).is_some_and(|gone| gone < FORGOTTEN_AFTER)
        });
        for presence in self.presences.values_mut() {
            if presence.session.as_ref().is_some_and(|session| !self.lessons.contains_key(session)) {
                Arc::make_mut(presence).session = None;
            }
        }
    }

    /// Whether that day has begun, as far as is remembered.
    pub fn has_begun(&self, day: Day) -> bool {
        self.days.contains(&day)
    }

    /// Whether any day before that one has begun, as far as is remembered.
    pub fn has_begun_before(&self, day: Day) -> bool {
        self.days.first().is_some_and(|first| *first < day)
    }

    /// Whether a session of that day is closed, as far as is remembered; also if it was on another day, which the clock had
    /// turned to.
    pub fn is_closed(&self, session: &SessionId, of: Day) -> bool {
        let mut days = core::iter::once(&self.today).chain(&self.other_days);
        days.any(|day| day.closed.get(session) == Some(&of))
    }

    /// The days that went on before the clock turned to today's, the latest last: the clock may turn back.
    pub fn other_days(&self) -> &[Today] {
        &self.other_days
    }

    /// What happened on the day that is going on.
    pub fn today(&self) -> &Today {
        &self.today
    }
}

impl Lesson {
    /// The first moment of it that is known.
    fn began(&self) -> Option<&Stamp> {
        let first_charge = self.staff.iter().map(|charge| (charge.by, &charge.from)).min_by_key(|(by, _)| *by);
        let first_stay = self.students.values().map(|stay| (stay.by, &stay.from)).min_by_key(|(by, _)| *by);
        first_charge.into_iter().chain(first_stay).min_by_key(|(by, _)| *by).map(|(_, at)| at)
    }
}
