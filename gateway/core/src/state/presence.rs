//! One student: whether they are here, who answers for them, and where they were last seen.

use alloc::{boxed::Box, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    credential::CredentialId,
    entry::{Entry, PassId, Seq, Tap},
    id::{GuardianId, PlaceId, SessionId, StaffId},
    time::Stamp,
};

/// Who answers for a student on campus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Custodian {
    /// Whoever has the post at the gates.
    GateDuty,
    /// A member of staff.
    Staff(StaffId),
    /// Whoever has the post of extended care.
    ExtendedCare,
    /// A guardian, the student having been released to them.
    Guardian(GuardianId),
    /// Somebody with a pickup pass, the student having been released to them.
    Delegate(Box<PassId>),
    /// The student, permitted to walk home alone.
    Alone,
}

impl Custodian {
    /// Whether it is the school that answers.
    pub fn is_school(&self) -> bool {
        matches!(self, Self::GateDuty | Self::Staff(_) | Self::ExtendedCare)
    }
}

/// Whether a student is on campus, and if so, who answers for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whereabouts {
    /// Not here.
    OffCampus,
    /// Here; exactly one custodian.
    OnCampus(Custodian),
}

/// What is known of one student now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Whether they are here.
    pub whereabouts: Whereabouts,
    /// Since when.
    pub since: Stamp,
    /// By which entry.
    pub by: Seq,
    /// Where they were last seen, and when.
    pub seen: Sighting,
    /// The session that they are in.
    pub session: Option<SessionId>,
    /// The open pickup calls that name them, oldest first.
    pub calls: Vec<Seq>,
    /// Whether they have shown up to be fetched.
    pub waiting: Option<Box<Waiting>>,
    /// By which card they went out of the gate, their own or that of whoever fetched them; none if they did not.
    pub left_by: Option<CredentialId>,
    /// Whether their family has them: handed to a guardian or a delegate, and not come back since.
    pub fetched: bool,
}

impl Presence {
    /// Of one of whom nothing was known; nobody has seen them yet.
    pub(super) fn new(whereabouts: Whereabouts, entry: &Entry) -> Self {
        let seen = Sighting { place: None, at: entry.at, by: entry.seq };
        Self {
            whereabouts,
            since: entry.at,
            by: entry.seq,
            seen,
            session: None,
            calls: Vec::new(),
            waiting: None,
            left_by: None,
            fetched: false,
        }
    }

    /// Who answers for them, if they are here.
    pub fn custodian(&self) -> Option<&Custodian> {
        match &self.whereabouts {
            Whereabouts::OnCampus(custodian) => Some(custodian),
            Whereabouts::OffCampus => None,
        }
    }

    /// Whether they are here and the school answers for them.
    pub fn in_care(&self) -> bool {
        self.custodian().is_some_and(Custodian::is_school)
    }
}

/// Where somebody was seen, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Where; nowhere if staff only said so.
    pub place: Option<PlaceId>,
    /// When.
    pub at: Stamp,
    /// By which entry.
    pub by: Seq,
}

impl Sighting {
    pub(super) fn of(tap: &Tap, entry: &Entry) -> Self {
        Self { place: Some(tap.place.clone()), at: entry.at, by: entry.seq }
    }
}

/// A student has shown up to be fetched, and no guardian has come yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Where and by which card.
    pub tap: Tap,
    /// When.
    pub at: Stamp,
    /// By which entry.
    pub by: Seq,
}
