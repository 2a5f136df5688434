//! Entries as a table: one row each, with whom and what it is about in columns of their own.

use std::io::Write;

use data_encoding::HEXLOWER;
use schoolgate_core::{entry::Entry, text::Lang};

use super::{LedgerCliError, Line, in_words, sentence};
use crate::{
    ledger::{Hash, Record},
    spreadsheet::Sheet,
};

/// The last three are what the ledger hashes, and its hash: `entry` is the very bytes.
const COLUMNS: [&str; 16] = [
    "seq", "wall", "clock", "boot", "mono_ms", "kind", "students", "guardian", "staff", "session", "place", "reader",
    "sentence", "entry", "salt", "chain",
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

    pub(super) fn row(&mut self, line: Line<'_>) -> Result<(), LedgerCliError> {
        match line {
            Line::Entry(record) => self.entry(record),
            Line::Removed { seq, chain, .. } => self.removed(seq, chain, &in_words(line, self.lang)),
        }
    }

    fn removed(&mut self, seq: u64, chain: &Hash, sentence: &str) -> Result<(), LedgerCliError> {
        let (seq, chain) = (seq.to_string(), HEXLOWER.encode(chain));
        let row = [&seq, "", "", "", "", "removed", "", "", "", "", "", "", sentence.trim(), "", "", &chain];
        Ok(self.sheet.row(row)?)
    }

    fn entry(&mut self, record: &Record) -> Result<(), LedgerCliError> {
        let (salt, chain) = (HEXLOWER.encode(&record.salt), HEXLOWER.encode(&record.chain));
        let seq = record.seq.to_string();
        let body = String::from_utf8_lossy(&record.body);
        let Ok(entry) = Entry::decode(&record.body) else {
            let row = [&seq, "", "", "", "", "unknown", "", "", "", "", "", "", "", &body, &salt, &chain];
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
            &body,
            &salt,
            &chain,
        ])?;
        Ok(())
    }

    pub(super) fn end(self) -> Result<(), LedgerCliError> {
        Ok(self.sheet.end()?)
    }
}
