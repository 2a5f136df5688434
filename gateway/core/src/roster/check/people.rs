//! Students, guardians, staff and visitors, who may fetch whom, and their credentials.

use core::fmt::Display;

use super::{Check, Known};
use crate::{
    id::{GuardianId, StaffId, StudentId, VisitorId},
    roster::{Document, Holder, Validity},
};

/// Shortest guardian token, in characters; shorter ones can be guessed.
const MIN_TOKEN_CHARS: usize = 16;

/// Everybody whom a line may name.
pub(super) struct People<'a> {
    pub(super) students: Known<'a, StudentId>,
    pub(super) guardians: Known<'a, GuardianId>,
    pub(super) staff: Known<'a, StaffId>,
    pub(super) visitors: Known<'a, VisitorId>,
}

impl<'a> People<'a> {
    pub(super) fn of(check: &mut Check, document: &'a Document) -> Self {
        Self {
            students: check.unique("students", ".id", document.students.iter().map(|s| &s.id)),
            guardians: check.unique("guardians", ".id", document.guardians.iter().map(|g| &g.id)),
            staff: check.unique("staff", ".id", document.staff.iter().map(|s| &s.id)),
            visitors: check.unique("visitors", ".id", document.visitors.iter().map(|v| &v.id)),
        }
    }
}

impl Check {
    pub(super) fn people(&mut self, document: &Document, people: &People<'_>) {
        for (n, line) in document.students.iter().enumerate() {
            if let Some(hours) = line.walks_home {
                self.hours(format_args!("students[{n}].walks_home"), hours);
            }
        }
        self.unique("guardians", ".token", document.guardians.iter().map(|g| &g.token));
        for (n, line) in document.guardians.iter().enumerate() {
            if line.token.as_str().len() < MIN_TOKEN_CHARS {
                self.tell(format_args!("guardians[{n}].token"), |lang| {
                    crate::text!(lang, zh: "太短，容易被猜到；至少 {MIN_TOKEN_CHARS} 个字符", en: "is short enough to be guessed; at least {MIN_TOKEN_CHARS} characters would do")
                });
            }
        }
        let authorised = document.authorisations.iter().map(|a| (&a.student, &a.guardian, &a.valid));
        self.pairs("authorisations", authorised, people);
        let restricted = document.restrictions.iter().map(|r| (&r.student, &r.guardian, &r.valid));
        self.pairs("restrictions", restricted, people);
        for (n, line) in document.visitors.iter().enumerate() {
            self.days(format_args!("visitors[{n}].valid"), &line.valid);
            if let Some(hours) = line.hours {
                self.hours(format_args!("visitors[{n}].hours"), hours);
            }
        }
        self.credentials(document, people);
    }

    fn pairs<'a>(
        &mut self,
        list: &str,
        pairs: impl Iterator<Item = (&'a StudentId, &'a GuardianId, &'a Validity)> + Clone,
        people: &People<'_>,
    ) {
        for (n, (student, guardian, valid)) in pairs.clone().enumerate() {
            self.known(format_args!("{list}[{n}].student"), student, "students", &people.students);
            self.known(format_args!("{list}[{n}].guardian"), guardian, "guardians", &people.guardians);
            self.days(format_args!("{list}[{n}].valid"), valid);
        }
        self.once(list, pairs.map(|(student, guardian, _)| (student, guardian)));
    }

    fn credentials(&mut self, document: &Document, people: &People<'_>) {
        self.unique("credentials", ".id", document.credentials.iter().map(|c| &c.id));
        for (n, line) in document.credentials.iter().enumerate() {
            match &line.holder {
                Holder::Student(id) => self.holder(n, "student", id, "students", &people.students),
                Holder::Guardian(id) => self.holder(n, "guardian", id, "guardians", &people.guardians),
                Holder::Staff(id) => self.holder(n, "staff", id, "staff", &people.staff),
                Holder::Visitor(id) => self.holder(n, "visitor", id, "visitors", &people.visitors),
            }
        }
    }

    fn holder<T: Eq + core::hash::Hash + Display>(
        &mut self,
        n: usize,
        kind: &str,
        id: &T,
        list: &str,
        all: &Known<'_, T>,
    ) {
        self.known(format_args!("credentials[{n}].holder.{kind}"), id, list, all);
    }

    /// Of lines that are told apart by two ids together, each stands there once.
    fn once<T: Eq + core::hash::Hash>(&mut self, list: &str, pairs: impl Iterator<Item = T>) {
        let mut seen = hashbrown::HashMap::new();
        for (n, pair) in pairs.enumerate() {
            let first = *seen.entry(pair).or_insert(n);
            if first != n {
                self.tell(format_args!("{list}[{n}]"), |lang| {
                    crate::text!(lang, zh: "与 {list}[{first}] 重复；应只有一个", en: "stands there already, at {list}[{first}]; once would do")
                });
            }
        }
    }
}
