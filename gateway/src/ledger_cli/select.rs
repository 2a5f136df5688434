//! Picks out of the ledger what was asked for, in order and in bounded memory.

use std::path::Path;

use schoolgate_core::{
    entry::{Entry, Seq},
    text,
    text::Lang,
    time::Stamp,
    timeline::{Timeline, TrueTime},
};
use serde::Deserialize;
use serde_json::Value;

use super::{LedgerCliError, describe};
use crate::{
    cli::{EXIT_FAULTS, EXIT_FINE, FilterArgs, SeqRange},
    ledger::{self, Hash, ReadError, Record},
};

/// What stands at a number of the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line<'a> {
    /// An entry.
    Entry(&'a Record),
    /// An entry whose body was removed when its time was over.
    Removed {
        /// Its number.
        seq: u64,
        /// Its leaf hash, which stands in for salt and body.
        leaf: &'a Hash,
        /// Its chain hash.
        chain: &'a Hash,
    },
}

/// Every line that the filter lets through. Damaged places and removed entries are told and passed over; of a removed
/// entry only its number is known, so that one is taken only where nothing else was asked for. `progress` is told the
/// number of each line read.
pub(crate) fn each(
    dir: &Path,
    filter: &FilterArgs,
    lang: Lang,
    mut take: impl FnMut(Line<'_>) -> Result<(), LedgerCliError>,
    mut tell: impl FnMut(&str),
    mut progress: impl FnMut(u64),
) -> Result<u8, LedgerCliError> {
    let SeqRange { first, last } = filter.seq.unwrap_or(SeqRange::ALL);
    let wanted = Wanted::new(dir, filter)?;
    let (mut code, mut removed) = (EXIT_FINE, 0);
    for item in ledger::open_records(dir, first)? {
        match item {
            Ok(record) if record.seq > last => break,
            Ok(record) => {
                progress(record.seq);
                if wanted.is(&record) {
                    take(Line::Entry(&record))?;
                }
            }
            Err(ReadError::Damaged(fault)) if fault.seq > last => break,
            Err(ReadError::Damaged(fault)) => {
                tell(&describe(&fault, lang));
                code = EXIT_FAULTS;
            }
            Err(ReadError::Removed(gone)) if gone.seq > last => break,
            Err(ReadError::Removed(gone)) => {
                progress(gone.seq);
                removed += gone.resumes_at.min(last.saturating_add(1)) - gone.seq;
                if let Some((leaf, chain)) = gone.hashes.filter(|_| !filter.looks_inside()) {
                    take(Line::Removed { seq: gone.seq, leaf: &leaf, chain: &chain })?;
                }
            }
            Err(error @ ReadError::Open { .. }) => return Err(error.into()),
        }
    }
    if removed > 0 {
        tell(&removal(removed, filter.looks_inside(), lang));
    }
    Ok(code)
}

fn removal(entries: u64, looks_inside: bool, lang: Lang) -> String {
    if looks_inside {
        return text!(
            lang,
            zh: "有 {entries} 条记录因保存期满已被移除，无从得知其中是否有符合条件的",
            en: "{entries} entries were removed when their time was over; whether some of them were asked for can't be told",
        );
    }
    text!(
        lang,
        zh: "有 {entries} 条记录因保存期满已被移除",
        en: "{entries} entries were removed when their time was over"
    )
}

/// What is looked for inside entries.
struct Wanted<'a> {
    filter: &'a FilterArgs,
    ids: Vec<Mention>,
    kinds: Vec<String>,
    /// When entries without a set clock truly happened; only if times are asked for.
    timeline: Option<Timeline>,
}

impl<'a> Wanted<'a> {
    fn new(dir: &Path, filter: &'a FilterArgs) -> Result<Self, LedgerCliError> {
        let FilterArgs { place, student, guardian, staff, session, subject, .. } = filter;
        let asked = [
            (place, PLACE),
            (student, STUDENT),
            (guardian, GUARDIAN),
            (staff, STAFF),
            (session, SESSION),
            (subject, ANYTHING),
        ];
        let ids = asked.into_iter().filter_map(|(id, fields)| Some(Mention::new(id.as_ref()?, fields))).collect();
        let kinds = filter.kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
        let by_time = filter.from.is_some() || filter.until.is_some();
        let timeline = by_time.then(|| timeline(dir)).transpose()?;
        Ok(Self { filter, ids, kinds, timeline })
    }

    fn is(&self, record: &Record) -> bool {
        self.is_of_kind(record) && self.ids.iter().all(|id| id.is_in(&record.body)) && self.is_in_time(record)
    }

    fn is_of_kind(&self, record: &Record) -> bool {
        self.kinds.is_empty()
            || self.kinds.iter().any(|kind| holds(&record.body, kind.as_bytes()))
                && Entry::decode(&record.body).is_ok_and(|entry| self.filter.kinds.contains(&entry.what.kind()))
    }

    /// Whether it happened, or may have happened, in the time asked for.
    fn is_in_time(&self, record: &Record) -> bool {
        let Some(timeline) = &self.timeline else { return true };
        // What has no time at all may have happened then: better shown than missed.
        let Ok(Timed { at }) = serde_json::from_slice(&record.body) else { return true };
        let (earliest, latest) = match timeline.true_time_at(Seq(record.seq), &at) {
            TrueTime::Known { wall, .. } => (Some(wall), Some(wall)),
            TrueTime::Between { earliest, latest } => (earliest, latest),
        };
        let FilterArgs { from, until, .. } = self.filter;
        from.is_none_or(|from| latest.is_none_or(|latest| from.is_reached_by(latest)))
            && until.is_none_or(|until| earliest.is_none_or(|earliest| !until.is_passed_by(earliest)))
    }
}

/// As much of an entry as tells its time; newer kinds have it, too.
#[derive(Deserialize)]
struct Timed {
    at: Stamp,
}

/// A first pass: a clock that was set later tells when earlier entries happened.
fn timeline(dir: &Path) -> Result<Timeline, LedgerCliError> {
    let mut timeline = Timeline::default();
    for item in ledger::open_records(dir, 1)? {
        match item {
            Ok(record) => {
                if let Ok(entry) = Entry::decode(&record.body) {
                    timeline.fold(&entry);
                }
            }
            Err(error @ ReadError::Open { .. }) => return Err(error.into()),
            Err(_) => {} // told by the second pass
        }
    }
    Ok(timeline)
}

/// Fields of entries, of newer kinds as well, in which ids of one sort stand; see `gateway/docs/entries.md`.
type Fields = &'static [&'static str];
const PLACE: Fields = &["place", "called_elsewhere", "session_elsewhere", "panic"];
const STUDENT: Fields = &["student", "students", "missing"];
const GUARDIAN: Fields = &["guardian"];
const STAFF: Fields = &["staff", "by", "confirmed_by", "instead_of", "from", "to", "lifted_by"];
const SESSION: Fields = &["session", "sessions", "absence"];
/// Every field.
const ANYTHING: Fields = &[];

/// An id in certain fields.
struct Mention {
    id: String,
    /// As it stands in JSON. Most entries lack it, and need not be taken apart.
    quoted: String,
    fields: Fields,
}

impl Mention {
    fn new(id: &str, fields: Fields) -> Self {
        Self { id: id.to_owned(), quoted: Value::from(id).to_string(), fields }
    }

    fn is_in(&self, body: &[u8]) -> bool {
        holds(body, self.quoted.as_bytes())
            && serde_json::from_slice(body)
                .is_ok_and(|entry: Value| entry.get("what").is_some_and(|what| self.is_below(what, "")))
    }

    /// Recursion is bounded: serde_json takes no deeper nesting than 128.
    fn is_below(&self, value: &Value, field: &str) -> bool {
        match value {
            Value::String(text) => *text == self.id && (self.fields.is_empty() || self.fields.contains(&field)),
            Value::Array(values) => values.iter().any(|value| self.is_below(value, field)),
            Value::Object(fields) => fields.iter().any(|(field, value)| self.is_below(value, field)),
            _ => false,
        }
    }
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger_cli::tests::every_kind;

    #[test]
    fn whomever_an_entry_concerns_is_found_in_it() {
        let mut found = 0;
        for entry in every_kind() {
            let (body, what) = (entry.encode().unwrap(), &entry.what);
            let students = what.students().iter().map(|id| (id.as_str(), STUDENT));
            let others = [
                what.guardian().map(|id| (id.as_str(), GUARDIAN)),
                what.staff().map(|id| (id.as_str(), STAFF)),
                what.session().map(|id| (id.as_str(), SESSION)),
                what.place().map(|id| (id.as_str(), PLACE)),
                what.tap().map(|tap| (tap.reader.as_str(), ANYTHING)),
            ];
            for (id, fields) in students.chain(others.into_iter().flatten()) {
                assert!(Mention::new(id, fields).is_in(&body), "{id} in {entry:?}");
                assert!(Mention::new(id, ANYTHING).is_in(&body), "{id} in {entry:?}");
                found += 1;
            }
        }
        assert!(found > 100, "{found}");
    }

    #[test]
    fn an_id_of_another_sort_is_not_taken_for_it() {
        let body = br#"{"v":1,"what":{"new_kind":{"student":"a","staff":"b","by":"c"}}}"#;
        assert!(Mention::new("a", STUDENT).is_in(body) && !Mention::new("a", STAFF).is_in(body));
        assert!(Mention::new("c", STAFF).is_in(body) && !Mention::new("student", ANYTHING).is_in(body));
    }
}
