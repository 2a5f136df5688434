//! Reading what is durable, beside the writer and without it.

use super::format::{LedgerId, Record};
use super::layout::{LayoutError, Segment, read_layout};
use super::medium::{Disk, Medium};
use super::records::{ReadError, Records};
use super::scan::Scan;
use super::tree::Tree;
use super::{Durable, Shared, lock};
use std::iter::Peekable;
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// Reads durable records; cheap to clone, for any thread.
#[derive(Clone)]
pub struct LedgerReader {
    shared: Arc<Shared>,
}

impl LedgerReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// How far the ledger is on disk.
    #[must_use]
    pub fn durable(&self) -> Durable {
        self.shared.durable.borrow().clone()
    }

    /// Records `from` and on: at most `max_records`, and at most `max_bytes` of bodies unless the
    /// first alone has more. Empty if record `from` is not durable yet.
    ///
    /// Recent records come from memory; older ones block on the disk for about 64 KiB, so call
    /// it off the tap's path.
    ///
    /// # Errors
    /// [`ReadError`] if record `from` itself cannot be read or was removed; records before such a
    /// one are given without error.
    pub fn read(&self, from: u64, max_records: usize, max_bytes: usize) -> Result<Vec<Record>, ReadError> {
        if let Some(records) = self.read_recent(from, max_records, max_bytes) {
            return Ok(records);
        }
        let mut budget = Budget::new(max_records, max_bytes);
        let mut records = Vec::new();
        for record in self.iter(from) {
            match record {
                Ok(record) if budget.admits(&record) => records.push(record),
                Err(error) if records.is_empty() => return Err(error),
                _ => break,
            }
        }
        Ok(records)
    }

    /// The same without the disk: nothing if `from` is older than what memory holds. Never blocks.
    #[must_use]
    pub fn read_recent(&self, from: u64, max_records: usize, max_bytes: usize) -> Option<Vec<Record>> {
        let through = self.shared.durable.borrow().through;
        if from == 0 || from > through {
            return Some(Vec::new());
        }
        lock(&self.shared.tail).read(from, max_records, max_bytes)
    }

    /// Says how far the one has come who follows closely: what they have not had stays in memory, within
    /// [`TAIL_MAX_BYTES`](super::TAIL_MAX_BYTES). There is one such follower.
    pub fn set_followed(&self, seq: u64) {
        lock(&self.shared.tail).set_followed(seq);
    }

    /// All records from `from` to the last one that is durable now, in bounded memory. Blocks on
    /// the disk.
    #[must_use]
    pub fn iter(&self, from: u64) -> Records {
        // The end is taken first: what is durable by then is in the segments taken after.
        let through = self.shared.durable.borrow().through;
        let segments = self.shared.segments.read().unwrap_or_else(PoisonError::into_inner).clone();
        let scan = Scan::new(Arc::clone(&self.shared.medium), segments, from);
        Records(scan.with_points(Arc::clone(&self.shared.points)).through(through))
    }

    /// The Merkle tree of all that is durable now: for roots and proofs.
    #[must_use]
    pub fn tree(&self) -> Tree {
        let through = self.shared.durable.borrow().through;
        let segments = self.shared.segments.read().unwrap_or_else(PoisonError::into_inner).clone();
        Tree::new(Arc::clone(&self.shared.medium), segments, through)
    }
}

/// Counts what a read may still give. The first record is always admitted.
pub(super) struct Budget {
    records: usize,
    bytes: usize,
    first: bool,
}

impl Budget {
    pub(super) fn new(records: usize, bytes: usize) -> Self {
        Self { records, bytes, first: true }
    }

    pub(super) fn admits(&mut self, record: &Record) -> bool {
        let fits = self.records > 0 && (self.first || record.body.len() <= self.bytes);
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(record.body.len());
        self.first = false;
        fits
    }
}

/// Which ledger is in `dir`; none if there is none yet, or no header tells.
///
/// # Errors
/// [`LayoutError`] if the segments cannot be made out.
pub fn ledger_id(dir: &Path) -> Result<Option<LedgerId>, LayoutError> {
    if !dir.is_dir() {
        return Ok(None);
    }
    let disk = Disk::new(dir);
    let segments = read_layout(&disk)?;
    Ok(segments.iter().find_map(|segment| segment.header(&disk)).map(|header| header.ledger))
}

/// The records of the ledger in `dir` from `from` on, without opening it for writing: beside a
/// running gateway, or from a copy of the folder. What retention took out before the first segment
/// is told first. The end may be a group that is being written.
///
/// # Errors
/// [`LayoutError`] if the segments cannot be made out.
pub fn open_records(dir: &Path, from: u64) -> Result<Records, LayoutError> {
    let medium = Arc::new(Disk::new(dir));
    let segments = read_layout(&*medium)?;
    Ok(Records(Scan::new(medium, segments, from)))
}

/// The records of the ledger in `dir` that have these numbers, which are in order; otherwise as [`open_records`]. Reads only
/// the segments that they are in. Damage elsewhere is not met.
///
/// # Errors
/// [`LayoutError`] if the segments cannot be made out.
pub fn pick_records(dir: &Path, seqs: Vec<u64>) -> Result<Picked, LayoutError> {
    let medium = Arc::new(Disk::new(dir));
    let segments = read_layout(&*medium)?;
    Ok(Picked { medium, segments, wanted: seqs.into_iter().peekable(), scan: None })
}

/// Some records of a ledger in order; see [`pick_records`].
pub struct Picked {
    medium: Arc<Disk>,
    segments: Vec<Segment>,
    wanted: Peekable<std::vec::IntoIter<u64>>,
    /// The segment that is being read, by its place among the others.
    scan: Option<(usize, Scan)>,
}

impl Picked {
    /// A place where no record can be had stands for all wanted ones in it.
    fn pass(&mut self, error: ReadError) -> Option<Result<Record, ReadError>> {
        self.scan = None;
        let next = error.resumes_at().unwrap_or(u64::MAX);
        while self.wanted.next_if(|seq| *seq < next).is_some() {}
        Some(Err(error))
    }
}

impl Iterator for Picked {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let seq = self.wanted.next()?;
        let index = self.segments.partition_point(|segment| segment.first_seq <= seq).saturating_sub(1);
        let mut records = match self.scan.take() {
            Some((of, scan)) if of == index => Records(scan),
            _ => Records(Scan::new(Arc::clone(&self.medium) as Arc<dyn Medium>, self.segments.clone(), seq)),
        };
        loop {
            match records.next()? {
                Ok(record) if record.seq < seq => {}
                Ok(record) => {
                    self.scan = Some((index, records.0));
                    return Some(Ok(record));
                }
                Err(error) if error.resumes_at().is_some_and(|next| next <= seq) => {}
                Err(error) => return self.pass(error),
            }
        }
    }
}
