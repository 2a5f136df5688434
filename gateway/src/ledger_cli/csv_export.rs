//! Entries as a table that spreadsheets open rightly: UTF-8 with its mark, for those that would else take it for GBK,
//! and no cell that a spreadsheet would take for a formula.

use std::io::Write;

use csv::{Terminator, Writer, WriterBuilder};
use schoolgate_core::entry::Entry;

use super::LedgerCliError;
use crate::ledger::Record;

const COLUMNS: [&str; 12] =
    ["seq", "wall", "clock", "boot", "mono_ms", "kind", "students", "guardian", "place", "reader", "what", "chain"];

/// A table in the making.
pub(super) struct Table<W: Write>(Writer<W>);

impl<W: Write> Table<W> {
    pub(super) fn begin(mut out: W) -> Result<Self, LedgerCliError> {
        out.write_all(b"\xEF\xBB\xBF")?;
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }

    pub(super) fn row(&mut self, record: &Record) -> Result<(), LedgerCliError> {
        let chain = super::hex(&record.chain);
        let seq = record.seq.to_string();
        let Ok(entry) = Entry::decode(&record.body) else {
            let body = String::from_utf8_lossy(&record.body);
            let row = [&seq, "", "", "", "", "unknown", "", "", "", "", &body, &chain];
            return Ok(self.0.write_record(row)?);
        };
        let what = &entry.what;
        let clock = serde_json::to_string(&entry.at.clock).unwrap_or_default();
        let students: Vec<&str> = what.students().iter().map(|student| student.as_str()).collect();
        let facts = serde_json::to_string(what).unwrap_or_default();
        self.0.write_record([
            seq.as_str(),
            &entry.at.wall.to_string(),
            clock.trim_matches('"'),
            &entry.at.boot.to_string(),
            &entry.at.mono.0.to_string(),
            what.kind(),
            &harmless(&students.join(" ")),
            &harmless(what.guardian().map_or("", |guardian| guardian.as_str())),
            &harmless(what.place().map_or("", |place| place.as_str())),
            &harmless(what.tap().map_or("", |tap| tap.reader.as_str())),
            &facts,
            &chain,
        ])?;
        Ok(())
    }

    pub(super) fn end(mut self) -> Result<(), LedgerCliError> {
        Ok(self.0.flush()?)
    }
}

/// Ids may begin with `-`, which spreadsheets take for the start of a formula.
fn harmless(cell: &str) -> String {
    let risky = cell.starts_with(['=', '+', '-', '@']);
    if risky { format!("'{cell}") } else { cell.to_owned() }
}
