//! Reads a gateway's ledger from outside: beside it while it runs, or after it has stopped.

use std::path::{Path, PathBuf};

use schoolgate::ledger::{LayoutError, LedgerId, ReadError, Report, VerifyError, open_records, verify};
use schoolgate_core::entry::{Entry, EntryError};

/// A ledger, read as far as it was on disk the last time.
#[derive(Debug)]
pub struct LedgerView {
    folder: PathBuf,
    /// Every entry read so far, in order.
    pub entries: Vec<Entry>,
}

/// Why a ledger could not be read or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum LedgerCheckError {
    /// Its segments can't be made out.
    #[error("the ledger's folder can't be read")]
    Layout(#[from] LayoutError),
    /// A record can't be read.
    #[error("a record of the ledger can't be read")]
    Read(#[from] ReadError),
    /// A record is no entry.
    #[error("record {0} of the ledger is no entry")]
    Entry(u64, #[source] EntryError),
    /// It could not be verified to its end.
    #[error("the ledger can't be verified")]
    Verify(#[from] VerifyError),
    /// It is damaged.
    #[error("the ledger is damaged in {0} places")]
    Unsound(u64),
    /// Its end is torn.
    #[error("the ledger's end is torn")]
    Torn,
    /// There is none.
    #[error("there is no ledger")]
    Missing,
}

impl LedgerView {
    /// Looks at the ledger in this folder, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), entries: Vec::new() }
    }

    /// Reads what has been added. Blocks on the disk. The end of a ledger that is being written may be a record that is
    /// not whole yet; it is read the next time.
    pub fn read_on(&mut self) -> Result<&[Entry], LedgerCheckError> {
        let known = self.entries.len();
        if self.folder.is_dir() {
            let next = self.entries.last().map_or(1, |entry| entry.seq.0 + 1);
            for record in open_records(&self.folder, next)? {
                let record = match record {
                    Err(ReadError::Removed(_)) => continue, // by retention: their time was over
                    record => record?,
                };
                let entry = Entry::decode(&record.body);
                self.entries.push(entry.map_err(|error| LedgerCheckError::Entry(record.seq, error))?);
            }
        }
        Ok(self.entries.get(known..).unwrap_or_default())
    }
}

/// Verifies a ledger that nobody writes to any more: every checksum, number and hash, and that its end is whole.
pub fn verify_stopped(folder: &Path) -> Result<Report, LedgerCheckError> {
    let report = verify(folder, |_| {})?;
    if !report.is_sound() {
        return Err(LedgerCheckError::Unsound(report.fault_count));
    }
    if report.torn.is_some() {
        return Err(LedgerCheckError::Torn);
    }
    if report.ledger.is_none() { Err(LedgerCheckError::Missing) } else { Ok(report) }
}

/// Which ledger it is.
pub fn ledger_id(folder: &Path) -> Result<LedgerId, LedgerCheckError> {
    verify(folder, |_| {})?.ledger.ok_or(LedgerCheckError::Missing)
}
