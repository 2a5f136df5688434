//! The people of a roster: students, guardians, who may fetch whom, and their cards.
//!
//! Inside, people go by their number in the sorted tables: a school of the size of a district must fit a small machine.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use hashbrown::{HashMap, HashSet};
use smol_str::SmolStr;

use super::{
    Authorisation, CredentialLine, GuardianLine, Holder, Restriction, SchoolLevel, StudentLine, Validity,
    table::{Cards, Groups, Table},
};
use crate::{
    credential::CredentialStatus,
    id::{GuardianId, GuardianToken, SchoolId, StudentId},
    text::Bilingual,
    time::{Hours, Stamp},
};

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
    pub name: SmolStr,
    /// The class they belong to; shared by all of it.
    pub class: Arc<SmolStr>,
    /// When they may leave alone, if at all.
    pub walks_home: Option<Hours>,
    /// Of which kind of school they are.
    pub level: SchoolLevel,
    /// The school they belong to, if it is another one of the district.
    pub home_school: Option<Box<SchoolId>>,
}

/// One guardian of a student, and what they may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Who.
    pub guardian: &'a GuardianId,
    /// What the child calls them: grandmother, father.
    pub relation: &'a Bilingual,
    /// The days on which they may fetch the child.
    pub valid: Validity,
}

/// A guardian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guardian {
    /// What people call them.
    pub name: SmolStr,
    /// Under which their messages are published.
    pub token: GuardianToken,
}

/// What a document says of people.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    pub(super) students: Vec<StudentLine>,
    pub(super) guardians: Vec<GuardianLine>,
    pub(super) authorisations: Vec<Authorisation>,
    pub(super) restrictions: Vec<Restriction>,
    pub(super) credentials: Vec<CredentialLine>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct People {
    pub(super) students: Table<StudentId, Student>,
    pub(super) guardians: Table<GuardianId, Guardian>,
    /// By student.
    links: Groups<LinkRow>,
    /// The students of each guardian.
    children: Groups<u32>,
    /// What children call their guardians: few words, each stored once.
    relations: Box<[Bilingual]>,
    /// Sorted by guardian and student.
    restrictions: Box<[RestrictionRow]>,
    pub(super) cards: Cards<Owner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LinkRow {
    guardian: u32,
    relation: u32,
    valid: Validity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct RestrictionRow {
    guardian: u32,
    student: u32,
    valid: Validity,
}

/// Whose a card is and whether it may be used, in four bytes: cards are the most numerous rows of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner(u32);

/// Of which kind a card's holder is; the number tells who.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnerKind {
    Student,
    Guardian,
    Staff,
    Visitor,
}

impl Owner {
    /// The holder's number has 28 bits: room for 268 million people.
    const NUMBER_BITS: u32 = 28;

    pub(super) fn new(kind: OwnerKind, number: u32, status: CredentialStatus) -> Self {
        let kind = match kind {
            OwnerKind::Student => 0,
            OwnerKind::Guardian => 1,
            OwnerKind::Staff => 2,
            OwnerKind::Visitor => 3,
        };
        let status = match status {
            CredentialStatus::Active => 0,
            CredentialStatus::Lost => 1,
            CredentialStatus::Blocked => 2,
            CredentialStatus::Expired => 3,
        };
        Self((kind << 2 | status) << Self::NUMBER_BITS | number & ((1 << Self::NUMBER_BITS) - 1))
    }

    pub(super) fn kind(self) -> OwnerKind {
        match self.0 >> (Self::NUMBER_BITS + 2) {
            0 => OwnerKind::Student,
            1 => OwnerKind::Guardian,
            2 => OwnerKind::Staff,
            _ => OwnerKind::Visitor,
        }
    }

    pub(super) fn status(self) -> CredentialStatus {
        match self.0 >> Self::NUMBER_BITS & 3 {
            0 => CredentialStatus::Active,
            1 => CredentialStatus::Lost,
            2 => CredentialStatus::Blocked,
            _ => CredentialStatus::Expired,
        }
    }

    pub(super) fn number(self) -> u32 {
        self.0 & ((1 << Self::NUMBER_BITS) - 1)
    }
}

impl People {
    /// `others` gives the number of a holder who is neither student nor guardian.
    pub(super) fn build(lines: Lines, others: impl Fn(&Holder) -> Option<(OwnerKind, u32)>) -> Self {
        let students = students(lines.students);
        let guardian = |line: GuardianLine| (line.id, Guardian { name: line.name.into(), token: line.token });
        let guardians = Table::of(lines.guardians.into_iter().map(guardian));
        let mut people = Self { students, guardians, ..Self::default() };
        people.link(lines.authorisations);
        people.restrict(lines.restrictions);
        people.cards = Cards::of(lines.credentials.into_iter().filter_map(|line| {
            let (kind, number) = match &line.holder {
                Holder::Student(id) => (OwnerKind::Student, people.students.number(id)?),
                Holder::Guardian(id) => (OwnerKind::Guardian, people.guardians.number(id)?),
                other => others(other)?,
            };
            Some((line.id, Owner::new(kind, number, line.status)))
        }));
        people
    }

    fn link(&mut self, authorisations: Vec<Authorisation>) {
        let mut words: HashMap<Bilingual, u32> = HashMap::new();
        let mut relations = Vec::new();
        let mut links: Vec<(u32, LinkRow)> = Vec::with_capacity(authorisations.len());
        for Authorisation { student, guardian, relation, valid } in authorisations {
            let numbers = self.students.number(&student).zip(self.guardians.number(&guardian));
            let Some((student, guardian)) = numbers else { continue };
            let relation = words.get(&relation).copied().unwrap_or_else(|| {
                let number = u32::try_from(relations.len()).unwrap_or(u32::MAX);
                relations.push(relation.clone());
                words.insert(relation, number);
                number
            });
            links.push((student, LinkRow { guardian, relation, valid }));
        }
        self.relations = relations.into_boxed_slice();
        self.children = Groups::of(self.guardians.len(), links.iter().map(|(student, link)| (link.guardian, *student)));
        self.links = Groups::of(self.students.len(), links.into_iter());
    }

    fn restrict(&mut self, restrictions: Vec<Restriction>) {
        let row = |line: Restriction| {
            let (guardian, student) = (self.guardians.number(&line.guardian)?, self.students.number(&line.student)?);
            Some(RestrictionRow { guardian, student, valid: line.valid })
        };
        let mut rows: Vec<_> = restrictions.into_iter().filter_map(row).collect();
        rows.sort_by_key(|row| (row.guardian, row.student));
        self.restrictions = rows.into_boxed_slice();
    }

    pub(super) fn links(&self, student: &StudentId) -> impl Iterator<Item = Link<'_>> {
        let rows = self.students.number(student).map(|n| self.links.get(n)).unwrap_or_default();
        rows.iter().filter_map(|row| self.view(row))
    }

    pub(super) fn find_link(&self, student: &StudentId, guardian: &GuardianId) -> Option<Link<'_>> {
        let (student, guardian) = self.students.number(student).zip(self.guardians.number(guardian))?;
        let row = self.links.get(student).iter().find(|row| row.guardian == guardian)?;
        self.view(row)
    }

    fn view(&self, row: &LinkRow) -> Option<Link<'_>> {
        let (guardian, _) = self.guardians.row(row.guardian)?;
        Some(Link { guardian, relation: self.relations.get(row.relation as usize)?, valid: row.valid })
    }

    pub(super) fn children(&self, guardian: &GuardianId) -> impl Iterator<Item = &StudentId> {
        let numbers = self.guardians.number(guardian).map(|n| self.children.get(n)).unwrap_or_default();
        numbers.iter().filter_map(|n| self.students.row(*n)).map(|(id, _)| id)
    }

    /// Whether a restriction keeps this guardian from this student now, or from anybody if none is named.
    pub(super) fn is_restricted(&self, student: Option<&StudentId>, guardian: &GuardianId, now: &Stamp) -> bool {
        if self.restrictions.is_empty() {
            return false;
        }
        let Some(guardian) = self.guardians.number(guardian) else { return false };
        let student = match student.map(|id| self.students.number(id)) {
            Some(None) => return false,
            Some(number) => number,
            None => None,
        };
        let first = self.restrictions.partition_point(|row| row.guardian < guardian);
        let rows = self.restrictions.get(first..).unwrap_or_default();
        rows.iter()
            .take_while(|row| row.guardian == guardian)
            .filter(|row| student.is_none_or(|student| row.student == student))
            .any(|row| row.valid.covers(now).unwrap_or(true))
    }

    /// What is known of these students: themselves, all who may fetch them or must not, and the cards of those whom
    /// `stays` does not name.
    pub(super) fn lines_of(&self, leavers: &HashSet<&StudentId>, stays: impl Fn(&GuardianId) -> bool) -> Lines {
        let mut lines = Lines::default();
        let mut guardians = HashSet::new();
        for (number, (id, student)) in (0_u32..).zip(self.students.rows()).filter(|(_, (id, _))| leavers.contains(id)) {
            lines.students.push(student_line(id, student));
            for link in self.links.get(number).iter().filter_map(|row| self.view(row)) {
                guardians.insert(link.guardian);
                let (student, guardian, relation) = (id.clone(), link.guardian.clone(), link.relation.clone());
                lines.authorisations.push(Authorisation { student, guardian, relation, valid: link.valid });
            }
        }
        for row in &self.restrictions {
            let Some(((student, _), (guardian, _))) =
                self.students.row(row.student).zip(self.guardians.row(row.guardian))
            else {
                continue;
            };
            if leavers.contains(student) {
                guardians.insert(guardian);
                let (student, guardian) = (student.clone(), guardian.clone());
                lines.restrictions.push(Restriction { student, guardian, valid: row.valid });
            }
        }
        for (id, guardian) in self.guardians.rows().iter().filter(|(id, _)| guardians.contains(id)) {
            let (name, token) = (guardian.name.as_str().into(), guardian.token.clone());
            lines.guardians.push(GuardianLine { id: id.clone(), name, token });
        }
        for (id, owner) in self.cards.rows() {
            let holder = match owner.kind() {
                OwnerKind::Student => self.students.row(owner.number()).map(|(id, _)| id),
                _ => None,
            };
            let guardian = match owner.kind() {
                OwnerKind::Guardian => self.guardians.row(owner.number()).map(|(id, _)| id),
                _ => None,
            };
            let student = holder.filter(|id| leavers.contains(id)).cloned().map(Holder::Student);
            let guardian = guardian.filter(|id| guardians.contains(id) && !stays(id)).cloned().map(Holder::Guardian);
            let line = student.or(guardian).map(|holder| CredentialLine { id: *id, holder, status: owner.status() });
            lines.credentials.extend(line);
        }
        lines
    }
}

fn students(lines: Vec<StudentLine>) -> Table<StudentId, Student> {
    let mut classes: HashSet<Arc<SmolStr>> = HashSet::new();
    Table::of(lines.into_iter().map(|StudentLine { id, name, class, walks_home, level, home_school }| {
        let class = SmolStr::from(class);
        let class = classes.get(&class).cloned().unwrap_or_else(|| {
            let class = Arc::new(class);
            classes.insert(Arc::clone(&class));
            class
        });
        (id, Student { name: name.into(), class, walks_home, level, home_school: home_school.map(Box::new) })
    }))
}

fn student_line(id: &StudentId, student: &Student) -> StudentLine {
    StudentLine {
        id: id.clone(),
        name: student.name.as_str().into(),
        class: student.class.as_str().into(),
        walks_home: student.walks_home,
        level: student.level,
        home_school: student.home_school.as_deref().cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cards_owner_fits_four_bytes_whole() {
        use CredentialStatus::{Active, Blocked, Expired, Lost};
        use OwnerKind::{Guardian, Staff, Student, Visitor};
        for kind in [Student, Guardian, Staff, Visitor] {
            for status in [Active, Lost, Blocked, Expired] {
                for number in [0, 1, 249_999, (1 << Owner::NUMBER_BITS) - 1] {
                    let owner = Owner::new(kind, number, status);
                    assert_eq!((owner.kind(), owner.status(), owner.number()), (kind, status, number));
                }
            }
        }
    }
}
