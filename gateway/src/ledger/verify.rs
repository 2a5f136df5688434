//! Checks a whole ledger: every checksum, number and hash. Reads only, beside a running gateway.

use super::format::{Hash, LedgerId, chain_start, leaf, link};
use super::layout::{LayoutError, Segment, read_layout};
use super::medium::{Disk, Medium};
use super::records::{Fault, FaultKind, ReadError, Records, TornTail};
use super::recover::MAX_FAULTS;
use std::path::Path;
use std::sync::Arc;

/// What a check of the whole ledger found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Identity of the ledger; none if no header is whole, or there is no ledger.
    pub ledger: Option<LedgerId>,
    /// Segments.
    pub segments: usize,
    /// Whole records.
    pub records: u64,
    /// Number of the first record; 0 if there is none.
    pub first_seq: u64,
    /// Number of the last record; 0 if there is none.
    pub last_seq: u64,
    /// Chain hash of the last record; none if there is no record.
    pub chain: Option<Hash>,
    /// Damaged places in order, at most [`MAX_FAULTS`].
    pub faults: Vec<Fault>,
    /// All damaged places.
    pub fault_count: u64,
    /// A group behind the last record: being written at this moment, or torn.
    pub torn: Option<TornTail>,
}

impl Report {
    /// Whether every record is whole and follows from the one before.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }

    fn note(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }
}

/// Checks the ledger in `dir`. `progress` is told the number of each record that was checked.
///
/// # Errors
/// [`ReadError`] or [`LayoutError`] if segments cannot be opened. Damage is no error.
pub fn verify(dir: &Path, progress: impl FnMut(u64)) -> Result<Report, VerifyError> {
    verify_on(Arc::new(Disk::new(dir)), progress)
}

/// Why a ledger could not be checked to its end.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The segments cannot be made out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A segment cannot be opened.
    #[error(transparent)]
    Read(#[from] ReadError),
}

pub(super) fn verify_on(medium: Arc<dyn Medium>, mut progress: impl FnMut(u64)) -> Result<Report, VerifyError> {
    let segments = read_layout(&*medium)?;
    let first_seq = segments.first().map_or(1, |segment| segment.first_seq);
    let mut report = new_report(&segments);
    let mut chain = None;
    let mut ahead = segments.clone().into_iter().peekable();
    let mut records = Records::new(medium, segments, first_seq);
    while let Some(item) = records.next() {
        let record = match item {
            Ok(record) => record,
            Err(ReadError::Damaged(fault)) => {
                report.note(fault);
                chain = None;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let mut headers_agree = true;
        while let Some(segment) = ahead.next_if(|segment| segment.first_seq <= record.seq) {
            headers_agree &= check_header(&segment, &mut chain, record.seq, &mut report);
        }
        let follows = chain.is_none_or(|before| link(&before, &leaf(&record.salt, &record.body)) == record.chain);
        if !follows || !headers_agree {
            report.note(Fault {
                kind: FaultKind::Chain,
                segment: records.last_segment(),
                offset: records.last_offset(),
                seq: record.seq,
                resumes_at: Some(record.seq),
            });
        }
        if report.records == 0 {
            report.first_seq = record.seq;
        }
        report.records += 1;
        report.last_seq = record.seq;
        report.chain = Some(record.chain);
        chain = Some(record.chain);
        progress(record.seq);
    }
    report.torn = records.torn().cloned();
    Ok(report)
}

fn new_report(segments: &[Segment]) -> Report {
    Report {
        ledger: segments.iter().find_map(|segment| segment.header).map(|header| header.ledger),
        segments: segments.len(),
        records: 0,
        first_seq: 0,
        last_seq: 0,
        chain: None,
        faults: Vec::new(),
        fault_count: 0,
        torn: None,
    }
}

/// Compares a segment's header with what stands before the segment; notes a damaged one.
fn check_header(segment: &Segment, chain: &mut Option<Hash>, seq: u64, report: &mut Report) -> bool {
    let Some(header) = segment.header else {
        let (segment, seq) = (segment.name(), segment.first_seq);
        report.note(Fault { kind: FaultKind::Header, segment, offset: 0, seq, resumes_at: Some(seq) });
        return true;
    };
    if header.first_seq != seq {
        return true;
    }
    // The first record of all follows from the ledger's identity alone.
    let start = (seq == 1).then(|| chain_start(header.ledger));
    let expected = chain.or(start);
    *chain = Some(header.chain_before);
    expected.is_none_or(|expected| expected == header.chain_before)
}
