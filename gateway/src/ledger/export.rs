//! Writes records out as text, in bounded memory.

use super::format::{Hash, Record};
use super::layout::LayoutError;
use super::reader::open_records;
use super::records::{Fault, ReadError, Removed};
use super::recover::MAX_FAULTS;
use data_encoding::HEXLOWER;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::Path;

/// What was written out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Records written.
    pub records: u64,
    /// Number of the first; 0 if none.
    pub first_seq: u64,
    /// Number of the last; 0 if none.
    pub last_seq: u64,
    /// Entries within the range that retention removed.
    pub removed: u64,
    /// Damaged places within the range, at most [`MAX_FAULTS`]: their records are missing.
    pub faults: Vec<Fault>,
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The segments cannot be made out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A segment cannot be opened.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The output takes no more.
    #[error("cannot write the export")]
    Write(#[from] io::Error),
}

/// Writes the records of the ledger in `dir` whose numbers are in `range`, one line each, to
/// `out`; `progress` is told the number of each one written. Reads only, beside a running gateway.
///
/// # Errors
/// See [`ExportError`]. Damaged records are left out and listed.
pub fn export_ndjson(
    dir: &Path,
    range: RangeInclusive<u64>,
    out: &mut impl Write,
    mut progress: impl FnMut(u64),
) -> Result<Exported, ExportError> {
    let mut exported = Exported::default();
    let mut line = Vec::new();
    for item in open_records(dir, *range.start())? {
        let record = match item {
            Ok(record) if record.seq > *range.end() => break,
            Ok(record) => record,
            Err(ReadError::Damaged(fault)) if fault.seq > *range.end() => break,
            Err(ReadError::Damaged(fault)) => {
                if exported.faults.len() < MAX_FAULTS {
                    exported.faults.push(fault);
                }
                continue;
            }
            Err(ReadError::Removed(removed)) if removed.seq > *range.end() => break,
            Err(ReadError::Removed(Removed { seq, resumes_at, hashes })) => {
                exported.removed += resumes_at.min(range.end().saturating_add(1)) - seq;
                if let Some((leaf, chain)) = hashes {
                    line.clear();
                    write_removed_line(seq, &leaf, &chain, &mut line)?;
                    out.write_all(&line)?;
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        line.clear();
        write_ndjson_line(&record, &mut line)?;
        out.write_all(&line)?;
        if exported.records == 0 {
            exported.first_seq = record.seq;
        }
        exported.records += 1;
        exported.last_seq = record.seq;
        progress(record.seq);
    }
    out.flush()?;
    Ok(exported)
}

/// Writes one record as `{"seq":1,"chain":"<hex>","salt":"<hex>","entry":<body verbatim>}` and a
/// line feed. Whoever has the line and the line before it can check the chain hash.
///
/// # Errors
/// What `out` says.
pub fn write_ndjson_line(record: &Record, out: &mut impl Write) -> io::Result<()> {
    write!(out, r#"{{"seq":{},"chain":""#, record.seq)?;
    write!(out, "{}", HEXLOWER.encode_display(&record.chain))?;
    out.write_all(br#"","salt":""#)?;
    write!(out, "{}", HEXLOWER.encode_display(&record.salt))?;
    out.write_all(br#"","entry":"#)?;
    out.write_all(&record.body)?;
    out.write_all(b"}\n")
}

/// Writes a removed entry as `{"seq":1,"chain":"<hex>","removed":true,"leaf":"<hex>"}` and a line
/// feed: the chain hash can still be checked.
///
/// # Errors
/// What `out` says.
pub fn write_removed_line(seq: u64, leaf: &Hash, chain: &Hash, out: &mut impl Write) -> io::Result<()> {
    write!(out, r#"{{"seq":{seq},"chain":""#)?;
    write!(out, "{}", HEXLOWER.encode_display(chain))?;
    out.write_all(br#"","removed":true,"leaf":""#)?;
    write!(out, "{}", HEXLOWER.encode_display(leaf))?;
    out.write_all(b"\"}\n")
}
