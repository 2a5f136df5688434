//! The records of a ledger as readers get them, and the words for what is not there.

use super::format::{Content, Hash, Record, Stored};
use super::scan::Scan;
use std::fmt;
use std::io;

/// What is wrong at a damaged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Both copies of a segment's header are damaged. Its records may all be whole.
    Header,
    /// Bytes that are no whole record where one must be.
    Record,
    /// A whole record, but not the one that must be here.
    Sequence,
    /// A whole record whose chain hash does not follow from what stands before it.
    Chain,
    /// Nothing where records must be: a segment is not there, or its end is blank.
    Missing,
    /// A segment's header whose Merkle tree does not follow from the records before it.
    Tree,
}

/// A damaged place in the ledger. Records before and behind it stay readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// File name of the segment.
    pub segment: String,
    /// Offset in the segment, in bytes.
    pub offset: u64,
    /// Number of the first record that does not fit.
    pub seq: u64,
    /// Number of the next record that can be read, if there is one.
    pub resumes_at: Option<u64>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, seq, .. } = self;
        match self.kind {
            FaultKind::Header => write!(f, "damaged header")?,
            FaultKind::Record => write!(f, "damaged record {seq}")?,
            FaultKind::Sequence => write!(f, "wrong record in place of {seq}")?,
            FaultKind::Chain => write!(f, "record {seq} does not follow from what is before it")?,
            FaultKind::Missing => write!(f, "no record {seq} although there are later ones")?,
            FaultKind::Tree => write!(f, "the tree before record {seq} does not follow from the records")?,
        }
        write!(f, " (segment {segment}, offset {offset})")?;
        match self.resumes_at {
            Some(next) => write!(f, ", readable again from {next}"),
            None => write!(f, ", nothing readable behind it"),
        }
    }
}

/// What is left of a group that was being written when the power went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// File name of the segment.
    pub segment: String,
    /// Where it starts in the segment, in bytes.
    pub offset: u64,
    /// Length in bytes, up to the last one that is not zero.
    pub len: u64,
    /// Number of the last whole record before it; 0 if there is none.
    pub after_seq: u64,
    /// Whole records of that group behind the hole. With any, the place is left as it is, and
    /// recording goes on in a new segment.
    pub whole_behind: u64,
}

/// Entries that retention took out of the ledger. They are not damage: whoever folds the ledger
/// passes over them as over lost ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Number of the first.
    pub seq: u64,
    /// Number of the next record that may be there.
    pub resumes_at: u64,
    /// Leaf and chain hash that stand in for a single removed body; none if whole segments are
    /// gone.
    pub hashes: Option<(Hash, Hash)>,
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The record is damaged; `resumes_at` says where to go on.
    #[error("{0}")]
    Damaged(Fault),
    /// Entries were removed when their time was over.
    #[error("entries {} to {} were removed by retention", .0.seq, .0.resumes_at - 1)]
    Removed(Removed),
    /// The segment's file cannot be opened.
    #[error("cannot open the ledger segment {segment}")]
    Open {
        /// Name of the segment's file.
        segment: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl ReadError {
    /// Number of the next record that can be read, where the one asked for is damaged or was removed and others are behind
    /// it.
    #[must_use]
    pub fn resumes_at(&self) -> Option<u64> {
        match self {
            Self::Damaged(fault) => fault.resumes_at,
            Self::Removed(removed) => Some(removed.resumes_at),
            Self::Open { .. } => None,
        }
    }
}

/// The entries of a ledger in order, in bounded memory: a chunk of 64 KiB, or the longest record.
///
/// A damaged place yields one [`ReadError::Damaged`], a removed entry one [`ReadError::Removed`],
/// and then the records behind it. After a [`ReadError::Open`] nothing more comes.
#[derive(Debug)]
pub struct Records(pub(super) Scan);

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.and_then(entry))
    }
}

/// The entry of a record, unless it was removed.
fn entry(stored: Stored) -> Result<Record, ReadError> {
    let Stored { seq, chain, .. } = stored;
    match stored.content {
        Content::Entry { salt, body } => Ok(Record { seq, salt, chain, body }),
        Content::Removed { leaf } => {
            Err(ReadError::Removed(Removed { seq, resumes_at: seq + 1, hashes: Some((leaf, chain)) }))
        }
    }
}
