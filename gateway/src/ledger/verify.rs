//! Checks a whole ledger: every checksum, number and hash. Reads only, beside a running gateway.

use super::format::{Content, Hash, LedgerId, Stored, chain_start, link};
use super::layout::{LayoutError, Segment, read_layout};
use super::medium::{Disk, Medium};
use super::merkle::Frontier;
use super::records::{Fault, FaultKind, ReadError, TornTail};
use super::recover::MAX_FAULTS;
use super::scan::Scan;
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
    /// Root of the Merkle tree of all through the last record; none if damage keeps it unknown.
    pub root: Option<Hash>,
    /// Whether what stands before the first record was taken on trust from its segment's header,
    /// since retention removed it.
    pub anchored: bool,
    /// Records whose bodies retention removed; their leaf hashes stand in for them.
    pub removed: u64,
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
    let mut check = Check { report: new_report(&*medium, &segments), chain: None, tree: None };
    if first_seq == 1 {
        check.tree = Some(Frontier::default());
    }
    let mut ahead = segments.clone().into_iter().peekable();
    let mut records = Scan::new(Arc::clone(&medium), segments, first_seq);
    while let Some(item) = records.next() {
        let record = match item {
            Ok(record) => record,
            Err(ReadError::Damaged(fault)) => {
                check.report.note(fault);
                check.lose_track();
                continue;
            }
            Err(ReadError::Removed(_)) => {
                check.lose_track();
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let (segment, offset) = (records.last_segment(), records.last_offset());
        let mut wrong = None;
        while let Some(segment) = ahead.next_if(|segment| segment.first_seq <= record.seq) {
            wrong = wrong.or(check.enter(&*medium, &segment, record.seq));
        }
        let follows = check.take(&record);
        if let Some(kind) = wrong.or((!follows).then_some(FaultKind::Chain)) {
            let seq = record.seq;
            check.report.note(Fault { kind, segment, offset, seq, resumes_at: Some(seq) });
        }
        progress(record.seq);
    }
    let mut report = check.report;
    report.torn = records.torn().cloned();
    report.root = check.tree.map(|tree| tree.root());
    Ok(report)
}

/// What a check knows at the place it has come to.
struct Check {
    report: Report,
    /// Chain hash of the record before; none behind damage.
    chain: Option<Hash>,
    /// The tree of all records before; none behind damage.
    tree: Option<Frontier>,
}

impl Check {
    fn lose_track(&mut self) {
        (self.chain, self.tree) = (None, None);
    }

    /// Compares a segment's header with what stands before the segment; notes a damaged one.
    fn enter(&mut self, medium: &dyn Medium, segment: &Segment, seq: u64) -> Option<FaultKind> {
        let Some(header) = segment.header(medium) else {
            let (segment, seq) = (segment.name(), segment.first_seq);
            self.report.note(Fault { kind: FaultKind::Header, segment, offset: 0, seq, resumes_at: Some(seq) });
            return None;
        };
        if header.first_seq != seq {
            return None;
        }
        // The first record of all follows from the ledger's identity alone.
        let start = (seq == 1).then(|| chain_start(header.ledger));
        let chain_differs = self.chain.or(start).is_some_and(|expected| expected != header.chain_before);
        self.chain = Some(header.chain_before);
        let mut tree_differs = false;
        if let Some(told) = &header.tree_before {
            tree_differs = self.tree.as_ref().is_some_and(|tree| tree != told);
            self.tree = Some(told.clone());
        }
        match (chain_differs, tree_differs) {
            (true, _) => Some(FaultKind::Chain),
            (false, true) => Some(FaultKind::Tree),
            (false, false) => None,
        }
    }

    /// Counts a record; says whether its chain hash follows.
    fn take(&mut self, record: &Stored) -> bool {
        let leaf = record.leaf();
        let follows = self.chain.is_none_or(|before| link(&before, &leaf) == record.chain);
        match &mut self.tree {
            Some(tree) if follows => tree.push(leaf),
            tree => *tree = None,
        }
        let report = &mut self.report;
        if report.records == 0 {
            report.first_seq = record.seq;
        }
        report.records += 1;
        report.removed += u64::from(matches!(record.content, Content::Removed { .. }));
        report.last_seq = record.seq;
        report.chain = Some(record.chain);
        self.chain = Some(record.chain);
        follows
    }
}

fn new_report(medium: &dyn Medium, segments: &[Segment]) -> Report {
    Report {
        ledger: segments.iter().find_map(|segment| segment.header(medium)).map(|header| header.ledger),
        segments: segments.len(),
        records: 0,
        first_seq: 0,
        last_seq: 0,
        chain: None,
        root: None,
        anchored: segments.first().is_some_and(|first| first.first_seq > 1 && first.is_anchored(medium)),
        removed: 0,
        faults: Vec::new(),
        fault_count: 0,
        torn: None,
    }
}
