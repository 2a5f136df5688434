//! What can be wrong with a roster. All of it is found in one pass over the document and told at once.

use core::fmt::{self, Display};

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use hashbrown::HashSet;

use super::{Document, Holder, Validity};
use crate::text::{Bilingual, Lang};

/// At most this many faults are listed; a roster with more is wrong as a whole.
pub const MAX_FAULTS: usize = 1_000;
/// Longest name of a roster, in bytes: it goes into the ledger.
const MAX_VERSION_BYTES: usize = 200;
/// Shortest guardian token, in characters; shorter ones can be guessed.
const MIN_TOKEN_CHARS: usize = 16;

/// One thing that is wrong with a roster. Names the line by its number, never a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: `authorisations[3].student`, counted from 0 as JSON does.
    pub at: String,
    /// What is wrong there and what would do.
    pub says: Bilingual,
}

impl Fault {
    /// The fault in one line.
    pub fn render(&self, lang: Lang) -> String {
        let Self { at, says } = self;
        let says = says.get(lang);
        crate::text!(lang, zh: "{at}：{says}", en: "{at}: {says}")
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Lang::En))
    }
}

pub(super) fn faults(document: &Document) -> Vec<Fault> {
    let mut check = Check { faults: Vec::new() };
    check.form(document);
    let students = check.unique("students", "id", document.students.iter().map(|s| &s.id));
    let guardians = check.unique("guardians", "id", document.guardians.iter().map(|g| &g.id));
    let staff = check.unique("staff", "id", document.staff.iter().map(|s| &s.id));
    let visitors = check.unique("visitors", "id", document.visitors.iter().map(|v| &v.id));
    check.unique("guardians", "token", document.guardians.iter().map(|g| &g.token));
    check.unique("credentials", "id", document.credentials.iter().map(|c| &c.id));
    check.tokens(document);

    let authorised = document.authorisations.iter().map(|a| (&a.student, &a.guardian, &a.valid));
    check.pairs("authorisations", authorised, &students, &guardians);
    let restricted = document.restrictions.iter().map(|r| (&r.student, &r.guardian, &r.valid));
    check.pairs("restrictions", restricted, &students, &guardians);

    for (n, line) in document.credentials.iter().enumerate() {
        match &line.holder {
            Holder::Student(id) => check.known("credentials", n, "holder.student", id, &students),
            Holder::Guardian(id) => check.known("credentials", n, "holder.guardian", id, &guardians),
            Holder::Staff(id) => check.known("credentials", n, "holder.staff", id, &staff),
            Holder::Visitor(id) => check.known("credentials", n, "holder.visitor", id, &visitors),
        }
    }
    check.faults
}

struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn form(&mut self, document: &Document) {
        if document.v != 1 {
            let v = document.v;
            self.tell("v".to_string(), |lang| {
                crate::text!(lang, zh: "名册格式版本为 {v}，本机只认识 1", en: "the roster's form is version {v}; this gateway knows 1")
            });
        }
        if document.version.is_empty() || document.version.len() > MAX_VERSION_BYTES {
            self.tell("version".to_string(), |lang| {
                crate::text!(lang, zh: "应为 1 到 {MAX_VERSION_BYTES} 个字节", en: "has 1 to {MAX_VERSION_BYTES} bytes, or it would do no good as a name")
            });
        }
        for (name, found, range) in document.policy.figures() {
            if !range.contains(&found) {
                let (least, most) = (range.start(), range.end());
                self.tell(alloc::format!("policy.{name}"), |lang| {
                    crate::text!(lang, zh: "是 {found}，应在 {least} 到 {most} 之间", en: "is {found}; {least} to {most} would do")
                });
            }
        }
        let hours = document
            .students
            .iter()
            .enumerate()
            .filter_map(|(n, s)| Some((alloc::format!("students[{n}].walks_home"), s.walks_home?)));
        let release = document.policy.release_hours.map(|hours| ("policy.release_hours".to_string(), hours));
        for (at, hours) in hours.chain(release) {
            if hours.until < hours.from {
                let (from, until) = (hours.from, hours.until);
                self.tell(at, |lang| {
                    crate::text!(lang, zh: "结束（{until}）早于开始（{from}）", en: "ends ({until}) before it begins ({from})")
                });
            }
        }
    }

    fn tokens(&mut self, document: &Document) {
        for (n, line) in document.guardians.iter().enumerate() {
            if line.token.as_str().len() < MIN_TOKEN_CHARS {
                self.tell(alloc::format!("guardians[{n}].token"), |lang| {
                    crate::text!(lang, zh: "太短，容易被猜到；至少 {MIN_TOKEN_CHARS} 个字符", en: "is short enough to be guessed; at least {MIN_TOKEN_CHARS} characters would do")
                });
            }
        }
    }

    fn unique<'a, T: Eq + core::hash::Hash>(
        &mut self,
        list: &str,
        field: &str,
        ids: impl Iterator<Item = &'a T>,
    ) -> HashSet<&'a T> {
        let mut seen = HashSet::new();
        for (n, id) in ids.enumerate() {
            if !seen.insert(id) {
                self.tell(
                    alloc::format!("{list}[{n}].{field}"),
                    |lang| crate::text!(lang, zh: "与前面的重复", en: "stands there twice"),
                );
            }
        }
        seen
    }

    fn pairs<'a, S: Eq + core::hash::Hash + Display + 'a, G: Eq + core::hash::Hash + Display + 'a>(
        &mut self,
        list: &str,
        pairs: impl Iterator<Item = (&'a S, &'a G, &'a Validity)>,
        students: &HashSet<&S>,
        guardians: &HashSet<&G>,
    ) {
        let mut seen = HashSet::new();
        for (n, (student, guardian, valid)) in pairs.enumerate() {
            self.known(list, n, "student", student, students);
            self.known(list, n, "guardian", guardian, guardians);
            if !seen.insert((student, guardian)) {
                self.tell(
                    alloc::format!("{list}[{n}]"),
                    |lang| crate::text!(lang, zh: "与前面的重复", en: "stands there twice"),
                );
            }
            if let (Some(from), Some(until)) = (valid.from, valid.until)
                && until < from
            {
                self.tell(alloc::format!("{list}[{n}].valid"), |lang| {
                    crate::text!(lang, zh: "结束（{until}）早于开始（{from}）", en: "ends ({until}) before it begins ({from})")
                });
            }
        }
    }

    fn known<T: Eq + core::hash::Hash + Display>(
        &mut self,
        list: &str,
        n: usize,
        field: &str,
        id: &T,
        all: &HashSet<&T>,
    ) {
        if !all.contains(id) {
            self.tell(
                alloc::format!("{list}[{n}].{field}"),
                |lang| crate::text!(lang, zh: "名册里没有“{id}”", en: "\"{id}\" is nobody on this roster"),
            );
        }
    }

    fn tell(&mut self, at: String, says: impl Fn(Lang) -> String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { at, says: Bilingual::say(says) });
        }
    }
}
