//! Who is who: the people, their credentials, and who may fetch whom.
//!
//! [`Document`] is the JSON form that comes from outside; [`Roster`] is what it becomes when nothing in it is wrong. It
//! is taken whole or not at all: [`Roster::try_new`] lists every fault.

mod check;
mod document;
mod service;
mod service_lines;

pub use check::{Fault, MAX_FAULTS};
pub use document::{Authorisation, CredentialLine, Document, GuardianLine, Restriction, StudentLine, Validity};
pub use service::{Course, Duty, Enrolment, Institution, Leave, Session, Staff, Visitor};
pub use service_lines::*;

use alloc::{string::String, vec::Vec};
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use crate::{
    credential::{CredentialId, CredentialStatus},
    id::{GuardianId, GuardianToken, SchoolId, StaffId, StudentId, VisitorId},
    policy::Policy,
    text::Bilingual,
    time::{Hours, Stamp, Wall},
};

/// Whom a credential belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A student.
    Student(StudentId),
    /// A guardian.
    Guardian(GuardianId),
    /// Somebody who works here.
    Staff(StaffId),
    /// Somebody who comes once, for a purpose.
    Visitor(VisitorId),
}

/// A credential that the school has given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whom it belongs to.
    pub holder: Holder,
    /// Whether it may be used.
    pub status: CredentialStatus,
}

/// A student on the roll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Student {
    /// What people call them.
    pub name: String,
    /// The class they belong to.
    pub class: String,
    /// When they may leave alone, if at all.
    pub walks_home: Option<Hours>,
    /// Their guardians.
    pub guardians: Vec<Link>,
    /// Of which kind of school they are.
    pub level: SchoolLevel,
    /// The school they belong to, if it is another one of the district.
    pub home_school: Option<SchoolId>,
}

/// One guardian of a student, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who.
    pub guardian: GuardianId,
    /// What the child calls them: grandmother, father.
    pub relation: Bilingual,
    /// The days on which they may fetch the child.
    pub valid: Validity,
}

/// A guardian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guardian {
    /// What people call them.
    pub name: String,
    /// Under which their messages are published.
    pub token: GuardianToken,
    /// The students whom they may fetch or hear of.
    pub students: Vec<StudentId>,
}

/// A checked roster: every reference in it leads somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// As its maker calls it.
    pub version: String,
    /// When its maker last had it right.
    pub made_at: Option<Wall>,
    /// What the school has decided.
    pub policy: Policy,
    students: HashMap<StudentId, Student>,
    guardians: HashMap<GuardianId, Guardian>,
    credentials: HashMap<CredentialId, Credential>,
    restrictions: HashSet<(StudentId, GuardianId)>,
    dated_restrictions: HashMap<(StudentId, GuardianId), Validity>,
    restricted_from: HashMap<GuardianId, Vec<StudentId>>,
    service: service::Service,
}

impl Roster {
    /// Takes a document that has no fault; else lists every fault, up to [`MAX_FAULTS`].
    pub fn try_new(document: Document) -> Result<Self, Vec<Fault>> {
        let faults = check::faults(&document);
        if faults.is_empty() { Ok(Self::build(document)) } else { Err(faults) }
    }

    /// A credential that the school has given out.
    pub fn credential(&self, id: CredentialId) -> Option<&Credential> {
        self.credentials.get(&id)
    }

    /// A student on the roll.
    pub fn student(&self, id: &StudentId) -> Option<&Student> {
        self.students.get(id)
    }

    /// A guardian.
    pub fn guardian(&self, id: &GuardianId) -> Option<&Guardian> {
        self.guardians.get(id)
    }

    /// The guardian whose messages are published under this token. Walks over all guardians: not for the tap's path.
    pub fn guardian_of_token(&self, token: &str) -> Option<&GuardianId> {
        self.guardians.iter().find(|(_, guardian)| guardian.token.as_str() == token).map(|(id, _)| id)
    }

    /// How many students are on the roll.
    pub fn student_count(&self) -> usize {
        self.students.len()
    }

    /// The link between the two, if the roster has one.
    pub fn link(&self, student: &StudentId, guardian: &GuardianId) -> Option<&Link> {
        self.student(student)?.guardians.iter().find(|link| link.guardian == *guardian)
    }

    /// Whether a restriction keeps this guardian from this student now; it beats every authorisation. One with dates is
    /// in force whenever the clock can't tell otherwise.
    pub fn is_restricted(&self, student: &StudentId, guardian: &GuardianId, now: &Stamp) -> bool {
        let pair = (student.clone(), guardian.clone());
        let in_force = |valid: &Validity| valid.covers(now).unwrap_or(true);
        self.restrictions.contains(&pair) || self.dated_restrictions.get(&pair).is_some_and(in_force)
    }

    /// Whether a restriction keeps this guardian from anybody now, authorised or not.
    pub fn is_restricted_from_anyone(&self, guardian: &GuardianId, now: &Stamp) -> bool {
        let students = self.restricted_from.get(guardian).map(Vec::as_slice).unwrap_or_default();
        students.iter().any(|student| self.is_restricted(student, guardian, now))
    }

    /// Everybody on the roll, in no order.
    pub fn student_ids(&self) -> impl Iterator<Item = &StudentId> {
        self.students.keys()
    }

    /// The guardians who hear of this student: every one linked and not restricted.
    pub fn heard_by<'a>(
        &'a self,
        student: &'a StudentId,
        now: &'a Stamp,
    ) -> impl Iterator<Item = (&'a Link, &'a Guardian)> {
        let links = self.student(student).map(|s| s.guardians.as_slice()).unwrap_or_default();
        links
            .iter()
            .filter(|link| !self.is_restricted(student, &link.guardian, now))
            .filter_map(|link| Some((link, self.guardian(&link.guardian)?)))
    }

    fn build(document: Document) -> Self {
        let mut roster = Self { service: service::Service::build(&document), ..Self::default() };
        (roster.version, roster.made_at, roster.policy) = (document.version, document.made_at, document.policy);
        for StudentLine { id, name, class, walks_home, level, home_school } in document.students {
            let student = Student { name, class, walks_home, guardians: Vec::new(), level, home_school };
            roster.students.insert(id, student);
        }
        for line in document.guardians {
            let guardian = Guardian { name: line.name, token: line.token, students: Vec::new() };
            roster.guardians.insert(line.id, guardian);
        }
        for Authorisation { student, guardian, relation, valid } in document.authorisations {
            if let Some(known) = roster.guardians.get_mut(&guardian) {
                known.students.push(student.clone());
            }
            if let Some(known) = roster.students.get_mut(&student) {
                known.guardians.push(Link { guardian, relation, valid });
            }
        }
        // Most have one or two, and a list that grows takes room for four.
        roster.students.values_mut().for_each(|student| student.guardians.shrink_to_fit());
        roster.guardians.values_mut().for_each(|guardian| guardian.students.shrink_to_fit());
        for Restriction { student, guardian, valid } in document.restrictions {
            roster.restricted_from.entry(guardian.clone()).or_default().push(student.clone());
            if valid == Validity::ALWAYS {
                roster.restrictions.insert((student, guardian));
            } else {
                roster.dated_restrictions.insert((student, guardian), valid);
            }
        }
        for CredentialLine { id, holder, status } in document.credentials {
            roster.credentials.insert(id, Credential { holder, status });
        }
        roster
    }
}
