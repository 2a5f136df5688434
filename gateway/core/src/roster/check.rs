//! What can be wrong with a roster. All of it is found in one reading and told at once.
//!
//! Whatever is only odd is taken: a roster is refused for what would make the gateway decide wrongly.

mod clash;
mod people;
mod policy;
mod rota;
mod service;

use core::{
    fmt::{self, Arguments, Display},
    hash::Hash,
};

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use hashbrown::HashMap;

use self::{clash::Clashes, people::People, service::Service};
use super::{Document, Validity};
use crate::{
    text::{Bilingual, Lang},
    time::Hours,
};

/// At most this many faults are listed; a roster with more is wrong as a whole.
pub const MAX_FAULTS: usize = 1_000;
/// Longest name of a roster, in bytes: it goes into the ledger.
const MAX_VERSION_BYTES: usize = 200;

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
    check.policy(&document.policy);
    check.dismissal(document);
    let people = People::of(&mut check, document);
    let service = Service::of(&mut check, document);
    check.people(document, &people);
    check.service(document, &people, &service);
    check.rota(&document.rota, &people);
    Clashes::of(document, &people, &service).tell(&mut check);
    check.faults
}

/// The ids of a list, and at which line each stands.
type Known<'a, T> = HashMap<&'a T, usize>;

struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn form(&mut self, document: &Document) {
        if document.v != 1 {
            let v = document.v;
            self.tell(format_args!("v"), |lang| {
                crate::text!(lang, zh: "名册格式版本为 {v}，本机只认识 1", en: "the roster's form is version {v}; this gateway knows 1")
            });
        }
        if document.version.is_empty() || document.version.len() > MAX_VERSION_BYTES {
            self.tell(format_args!("version"), |lang| {
                crate::text!(lang, zh: "应为 1 到 {MAX_VERSION_BYTES} 个字节", en: "has 1 to {MAX_VERSION_BYTES} bytes, or it would do no good as a name")
            });
        }
    }

    /// Every id stands there once. `field` is empty where the line itself is the id.
    fn unique<'a, T: Eq + Hash>(&mut self, list: &str, field: &str, ids: impl Iterator<Item = &'a T>) -> Known<'a, T> {
        let mut known = Known::with_capacity(ids.size_hint().0);
        for (n, id) in ids.enumerate() {
            let first = *known.entry(id).or_insert(n);
            if first != n {
                self.tell(format_args!("{list}[{n}]{field}"), |lang| {
                    crate::text!(lang, zh: "与 {list}[{first}] 重复；应只有一个", en: "stands there already, at {list}[{first}]; once would do")
                });
            }
        }
        known
    }

    /// The id must stand in the list named.
    fn known<T: Eq + Hash + Display>(&mut self, at: Arguments<'_>, id: &T, list: &str, all: &Known<'_, T>) {
        if !all.contains_key(id) {
            self.tell(at, |lang| {
                crate::text!(lang, zh: "名册的 {list} 中没有“{id}”；应为其中之一", en: "\"{id}\" is not on this roster; one of {list} would do")
            });
        }
    }

    /// A range of days must not end before it begins.
    fn days(&mut self, at: Arguments<'_>, valid: &Validity) {
        if let (Some(from), Some(until)) = (valid.from, valid.until)
            && until < from
        {
            self.tell(at, |lang| {
                crate::text!(lang, zh: "结束（{until}）早于开始（{from}）", en: "ends ({until}) before it begins ({from})")
            });
        }
    }

    /// A part of the day must not end before it begins.
    fn hours(&mut self, at: Arguments<'_>, hours: Hours) {
        let Hours { from, until } = hours;
        if until < from {
            self.tell(at, |lang| {
                crate::text!(lang, zh: "结束（{until}）早于开始（{from}）", en: "ends ({until}) before it begins ({from})")
            });
        }
    }

    fn tell(&mut self, at: Arguments<'_>, says: impl Fn(Lang) -> String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { at: at.to_string(), says: Bilingual::say(says) });
        }
    }
}
