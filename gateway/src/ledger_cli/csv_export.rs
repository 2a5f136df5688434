//! Entries as a table: one row each, with whom and what it is about in columns of their own.

use std::io::Write;

use schoolgate_core::{entry::Entry, text::Lang};

use super::{LedgerCliError, sentence};
use crate::{ledger::Record, spreadsheet::Sheet};

const COLUMNS: [&str; 15] = [
    "seq", "wall", "clock", "boot", "mono_ms", "kind", "students", "guardian", "staff", "session", "place", "reader",
    "sentence", "what", "chain",
];

/// A table in the making.
pub(super) struct Table<W: Write> {
    sheet: Sheet<W>,
    lang: Lang,
}

impl<W: Write> Table<W> {
    pub(super) fn begin(out: W, lang: Lang) -> Result<Self, LedgerCliError> {
        Ok(Self { sheet: Sheet::begin(out, COLUMNS)?, lang })
    }

    pub(super) fn row(&mut self, record: &Record) -> Result<(), LedgerCliError> {
        let chain = super::hex(&record.chain);
        let seq = record.seq.to_string();
        let Ok(entry) = Entry::decode(&record.body) else {
            let body = String::from_utf8_lossy(&record.body);
            let row = [&seq, "", "", "", "", "unknown", "", "", "", "", "", "", "", &body, &chain];
            return Ok(self.sheet.row(row)?);
        };
        let what = &entry.what;
        let clock = serde_json::to_string(&entry.at.clock).unwrap_or_default();
        let students: Vec<&str> = what.students().iter().map(|student| student.as_str()).collect();
        self.sheet.row([
            seq.as_str(),
            &entry.at.wall.to_string(),
            clock.trim_matches('"'),
            &entry.at.boot.to_string(),
            &entry.at.mono.0.to_string(),
            what.kind(),
            &students.join(" "),
            what.guardian().map_or("", |guardian| guardian.as_str()),
            what.staff().map_or("", |staff| staff.as_str()),
            what.session().map_or("", |session| session.as_str()),
            what.place().map_or("", |place| place.as_str()),
            what.tap().map_or("", |tap| tap.reader.as_str()),
            &sentence::sentence(what, self.lang),
            &serde_json::to_string(what).unwrap_or_default(),
            &chain,
        ])?;
        Ok(())
    }

    pub(super) fn end(self) -> Result<(), LedgerCliError> {
        Ok(self.sheet.end()?)
    }
}
