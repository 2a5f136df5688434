//! Who is who: the people, their credentials, and who may fetch whom.
//!
//! [`Document`] is the JSON form that comes from outside; [`Roster`] is what it becomes when nothing in it is wrong. It
//! is taken whole or not at all: [`Roster::try_new`] lists every fault.

mod check;
mod document;
mod people;
mod service;
mod service_lines;
mod table;

pub use check::{Fault, MAX_FAULTS};
pub use document::{Authorisation, CredentialLine, Document, GuardianLine, Restriction, StudentLine, Validity};
pub use people::{Credential, Guardian, Link, Student};
pub use service::{Course, Duty, Enrolment, Institution, Leave, Session, Staff, Visitor};
pub use service_lines::*;

use alloc::{boxed::Box, collections::BTreeSet, string::String, vec::Vec};
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use self::people::{Lines, OwnerKind, People};
use crate::{
    credential::CredentialId,
    id::{GuardianId, PlaceId, StaffId, StudentId, VisitorId},
    policy::Policy,
    site::Site,
    time::{Stamp, Wall},
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

/// A checked roster: every reference in it leads somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// As its maker calls it.
    pub version: String,
    /// When its maker last had it right.
    pub made_at: Option<Wall>,
    /// What the school has decided.
    pub policy: Policy,
    people: People,
    /// Students whom this roster dropped while they were on campus, as the one before had them.
    leavers: Option<Box<People>>,
    service: service::Service,
}

impl Roster {
    /// Takes a document that has no fault; else lists every fault, up to [`MAX_FAULTS`].
    pub fn try_new(document: Document) -> Result<Self, Vec<Fault>> {
        let faults = check::faults(&document);
        if faults.is_empty() { Ok(Self::build(document)) } else { Err(faults) }
    }

    /// A credential that the school has given out.
    pub fn credential(&self, id: CredentialId) -> Option<Credential> {
        let (people, owner) = self.people().find_map(|people| Some((people, *people.cards.get(&id)?)))?;
        let number = owner.number();
        let holder = match owner.kind() {
            OwnerKind::Student => Holder::Student(people.students.row(number)?.0.clone()),
            OwnerKind::Guardian => Holder::Guardian(people.guardians.row(number)?.0.clone()),
            OwnerKind::Staff => Holder::Staff(self.service.staff.row(number)?.0.clone()),
            OwnerKind::Visitor => Holder::Visitor(self.service.visitors.row(number)?.0.clone()),
        };
        Some(Credential { holder, status: owner.status() })
    }

    /// A student on the roll, or one who is about to leave it: see [`Roster::is_leaver`].
    pub fn student(&self, id: &StudentId) -> Option<&Student> {
        self.people().find_map(|people| people.students.get(id))
    }

    /// A guardian.
    pub fn guardian(&self, id: &GuardianId) -> Option<&Guardian> {
        self.people().find_map(|people| people.guardians.get(id))
    }

    /// The guardian whose messages are published under this token. Walks over all guardians: not for the tap's path.
    pub fn guardian_of_token(&self, token: &str) -> Option<&GuardianId> {
        let mut guardians = self.people().flat_map(|people| people.guardians.rows());
        guardians.find(|(_, guardian)| guardian.token.as_str() == token).map(|(id, _)| id)
    }

    /// How many students are on the roll.
    pub fn student_count(&self) -> usize {
        self.people.students.len()
    }

    /// Everybody on the roll, by id.
    pub fn student_ids(&self) -> impl Iterator<Item = &StudentId> {
        self.people.students.rows().iter().map(|(id, _)| id)
    }

    /// The guardians of a student, in the order of their lines.
    pub fn links(&self, student: &StudentId) -> impl Iterator<Item = Link<'_>> {
        self.people().flat_map(move |people| people.links(student))
    }

    /// The students whom a guardian may fetch or hear of.
    pub fn children_of(&self, guardian: &GuardianId) -> impl Iterator<Item = &StudentId> {
        self.people().flat_map(move |people| people.children(guardian))
    }

    /// The link between the two, if the roster has one.
    pub fn link(&self, student: &StudentId, guardian: &GuardianId) -> Option<Link<'_>> {
        self.people().find_map(|people| people.find_link(student, guardian))
    }

    /// Whether a restriction keeps this guardian from this student now; it beats every authorisation. One with dates is
    /// in force whenever the clock can't tell otherwise.
    pub fn is_restricted(&self, student: &StudentId, guardian: &GuardianId, now: &Stamp) -> bool {
        self.people().any(|people| people.is_restricted(Some(student), guardian, now))
    }

    /// Whether a restriction keeps this guardian from anybody now, authorised or not.
    pub fn is_restricted_from_anyone(&self, guardian: &GuardianId, now: &Stamp) -> bool {
        self.people().any(|people| people.is_restricted(None, guardian, now))
    }

    /// The guardians who hear of this student: every one linked and not restricted.
    pub fn heard_by<'a>(
        &'a self,
        student: &'a StudentId,
        now: &'a Stamp,
    ) -> impl Iterator<Item = (Link<'a>, &'a Guardian)> {
        self.links(student)
            .filter(move |link| !self.is_restricted(student, link.guardian, now))
            .filter_map(|link| Some((link, self.guardian(link.guardian)?)))
    }

    /// Whether this student is not on the roll any more, and known only because they were on campus when the roster
    /// changed. They may leave as the roster before said, and not come again.
    pub fn is_leaver(&self, student: &StudentId) -> bool {
        self.leavers.as_ref().is_some_and(|people| people.students.get(student).is_some())
    }

    /// The places of sessions and patrols that this gateway does not have. On a campus with several gateways they may be
    /// another one's; else nobody can tap there.
    pub fn places_unknown_to(&self, site: &Site) -> BTreeSet<&PlaceId> {
        self.service.places().filter(|place| !site.places.contains_key(*place)).collect()
    }

    /// Whether one of these students was known to the roster before and is missing in this one.
    pub(crate) fn drops_any<'a>(&self, before: &Roster, mut on_campus: impl Iterator<Item = &'a StudentId>) -> bool {
        on_campus.any(|id| self.people.students.get(id).is_none() && before.student(id).is_some())
    }

    /// Takes those of these students whom it drops over from the roster before, with all who may fetch them or must not. A
    /// card that this roster gives to somebody else is that one's; one that it took from a guardian who stays is not
    /// given back.
    pub(crate) fn carry_over<'a>(&mut self, before: &Roster, on_campus: impl Iterator<Item = &'a StudentId>) {
        let leavers: HashSet<_> = on_campus.filter(|id| self.people.students.get(id).is_none()).collect();
        let mut lines = Lines::default();
        for people in before.people() {
            let more = people.lines_of(&leavers, |guardian| self.people.guardians.get(guardian).is_some());
            lines.students.extend(more.students);
            lines.guardians.extend(more.guardians);
            lines.authorisations.extend(more.authorisations);
            lines.restrictions.extend(more.restrictions);
            lines.credentials.extend(more.credentials);
        }
        self.leavers = (!lines.students.is_empty()).then(|| Box::new(People::build(lines, |_| None)));
    }

    /// Those on the roll first.
    fn people(&self) -> impl Iterator<Item = &People> {
        core::iter::once(&self.people).chain(self.leavers.as_deref())
    }

    fn build(mut document: Document) -> Self {
        let lines = Lines {
            students: core::mem::take(&mut document.students),
            guardians: core::mem::take(&mut document.guardians),
            authorisations: core::mem::take(&mut document.authorisations),
            restrictions: core::mem::take(&mut document.restrictions),
            credentials: core::mem::take(&mut document.credentials),
        };
        let (staff, visitors) = service::staff_and_visitors(&mut document);
        let people = People::build(lines, |holder| match holder {
            Holder::Staff(id) => Some((OwnerKind::Staff, staff.number(id)?)),
            Holder::Visitor(id) => Some((OwnerKind::Visitor, visitors.number(id)?)),
            Holder::Student(_) | Holder::Guardian(_) => None,
        });
        let (version, made_at, policy) =
            (core::mem::take(&mut document.version), document.made_at, document.policy.clone());
        let service = service::Service::build(document, staff, visitors, &people.students);
        Self { version, made_at, policy, people, leavers: None, service }
    }
}
