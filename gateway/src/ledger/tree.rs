//! The Merkle tree of a ledger on disk: leaves, roots and proofs, in bounded memory.

use super::format::{Hash, LedgerId};
use super::layout::{LayoutError, Segment, read_layout};
use super::medium::{Disk, Medium};
use super::merkle::Frontier;
use super::proof::{consistency_ranges, inclusion_ranges, verify_consistency, verify_inclusion};
use super::records::{ReadError, Removed};
use super::scan::Scan;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;

/// Why the tree gives no root or proof.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Asked for more than there is, or for an entry outside the tree of that size.
    #[error("there is no entry {wanted} in a tree of {size} entries, which are all or those asked for")]
    Beyond {
        /// Number of the entry asked for.
        wanted: u64,
        /// Number of entries that it must be among.
        size: u64,
    },
    /// The leaves before the first segment are gone with it, and the answer needs some of them.
    #[error("the leaf hashes before entry {first_seq} were removed with their segments; use the archived ones")]
    Removed {
        /// Number of the first record that is left.
        first_seq: u64,
    },
    /// A leaf is lost that was still there when it was counted.
    #[error("the leaf hash of entry {seq} is lost, and the answer needs it")]
    Lost {
        /// Number of the first lost entry.
        seq: u64,
    },
    /// The segments cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The tree of all entries that were durable when it was taken. Blocks on the disk.
#[derive(Clone)]
pub struct Tree {
    medium: Arc<dyn Medium>,
    segments: Vec<Segment>,
    size: u64,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("size", &self.size).finish_non_exhaustive()
    }
}

/// The tree of the ledger in `dir`, without opening that for writing: beside a running gateway, or
/// of a copy of the folder. It ends with the last whole record.
///
/// # Errors
/// [`LayoutError`] if the segments cannot be made out.
pub fn open_tree(dir: &Path) -> Result<Tree, LayoutError> {
    let medium: Arc<dyn Medium> = Arc::new(Disk::new(dir));
    let segments = read_layout(&*medium)?;
    let mut size = 0;
    if let Some(last) = segments.last() {
        let records = Scan::new(Arc::clone(&medium), segments.clone(), last.first_seq).telling_groups(0);
        size = records.filter_map(Result::ok).map(|record| record.seq).last().unwrap_or(last.first_seq - 1);
    }
    Ok(Tree::new(medium, segments, size))
}

/// What goes by while leaves are read.
enum Leaves {
    /// The leaf of the next entry.
    One(Hash),
    /// So many lost ones.
    Lost(u64),
}

impl Tree {
    pub(super) fn new(medium: Arc<dyn Medium>, segments: Vec<Segment>, size: u64) -> Self {
        Self { medium, segments, size }
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Which ledger's; none if no segment's header is whole.
    #[must_use]
    pub fn ledger_id(&self) -> Option<LedgerId> {
        self.segments.iter().rev().find_map(|segment| segment.header(&*self.medium)).map(|header| header.ledger)
    }

    /// Leaf hashes of the entries with these numbers, in order. A damaged place yields one error,
    /// and then the leaves behind it. Removed bodies have their leaves.
    pub fn leaf_hashes(&self, entries: RangeInclusive<u64>) -> impl Iterator<Item = Result<(u64, Hash), ReadError>> {
        let through = (*entries.end()).min(self.size);
        let scan = Scan::new(Arc::clone(&self.medium), self.segments.clone(), *entries.start()).through(through);
        scan.map(|item| item.map(|record| (record.seq, record.leaf())))
    }

    /// Root of the tree of the first `size` entries, RFC 9162 §2.1.1. Reads one segment.
    ///
    /// # Errors
    /// See [`TreeError`].
    pub fn root(&self, size: u64) -> Result<Hash, TreeError> {
        check(size, self.size)?;
        let (tree, lost) = self.frontier(size)?;
        lost.map_or(Ok(tree.root()), |seq| Err(TreeError::Lost { seq }))
    }

    /// Proof that entry `seq` is among the first `size`, RFC 9162 §2.1.3.1: leaf hash and path.
    /// Reads a segment for each hash at most, less than 30.
    ///
    /// # Errors
    /// See [`TreeError`].
    pub fn prove_inclusion(&self, seq: u64, size: u64) -> Result<(Hash, Vec<Hash>), TreeError> {
        check(size, self.size)?;
        check(seq, size)?;
        let index = seq.checked_sub(1).ok_or(TreeError::Beyond { wanted: 0, size })?;
        let mut leaf = None;
        self.each_leaf(seq, seq, |leaves| match leaves {
            Leaves::One(hash) => leaf = Some(hash),
            Leaves::Lost(_) => {}
        })?;
        let leaf = leaf.ok_or(TreeError::Lost { seq })?;
        let (path, lost) = self.roots(inclusion_ranges(index, size))?;
        let root = self.frontier(size)?.0.root();
        if !verify_inclusion(&leaf, index, size, &path, &root) {
            return Err(TreeError::Lost { seq: lost.unwrap_or(seq) });
        }
        Ok((leaf, path))
    }

    /// Proof that the tree of the first `old` entries is the beginning of that of the first `new`,
    /// RFC 9162 §2.1.4.1. Reads a segment for each hash at most, less than 60.
    ///
    /// # Errors
    /// See [`TreeError`].
    pub fn prove_consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, TreeError> {
        check(new, self.size)?;
        check(old, new)?;
        let (proof, lost) = self.roots(consistency_ranges(old, new))?;
        let (from, to) = (self.frontier(old)?.0.root(), self.frontier(new)?.0.root());
        if !verify_consistency(old, &from, new, &to, &proof) {
            return Err(TreeError::Lost { seq: lost.unwrap_or(old) });
        }
        Ok(proof)
    }

    /// The tree of the first `size` entries; and the first of them that is lost, of those behind
    /// the last header that tells a tree.
    pub(super) fn frontier(&self, size: u64) -> Result<(Frontier, Option<u64>), TreeError> {
        let mut tree = self.anchor(size)?;
        let lost = self.each_leaf(tree.size() + 1, size, |leaves| match leaves {
            Leaves::One(leaf) => tree.push(leaf),
            Leaves::Lost(count) => tree.push_lost(count),
        })?;
        Ok((tree, lost))
    }

    /// The nearest tree that a header tells, of at most `size` leaves.
    fn anchor(&self, size: u64) -> Result<Frontier, TreeError> {
        let before = self.segments.iter().rev().filter(|segment| segment.first_seq <= size.saturating_add(1));
        let nearest = before.filter_map(|segment| segment.header(&*self.medium)?.tree_before.clone()).next();
        let first_seq = self.segments.first().map_or(1, |segment| segment.first_seq);
        match nearest {
            Some(tree) => Ok(tree),
            // Without a tree in the header, segments before the first are lost, not removed.
            None if size + 1 < first_seq
                && self.segments.first().is_some_and(|first| first.is_anchored(&*self.medium)) =>
            {
                Err(TreeError::Removed { first_seq })
            }
            None => Ok(Frontier::default()),
        }
    }

    /// Roots of the subtrees of these leaves; and the first entry of them that is lost.
    fn roots(&self, ranges: Vec<Range<u64>>) -> Result<(Vec<Hash>, Option<u64>), TreeError> {
        let mut lost = None;
        let mut roots = Vec::with_capacity(ranges.len());
        for range in ranges {
            let mut tree = self.known_part(&range);
            let first = range.start + tree.size() + 1;
            let missing = self.each_leaf(first, range.end, |leaves| match leaves {
                Leaves::One(leaf) => tree.push(leaf),
                Leaves::Lost(count) => tree.push_lost(count),
            })?;
            lost = lost.or(missing);
            roots.push(tree.root());
        }
        Ok((roots, lost))
    }

    /// What the headers tell of the subtree of these leaves: as much of its beginning as any does.
    /// So no more than a segment's leaves are left to be read.
    fn known_part(&self, range: &Range<u64>) -> Frontier {
        let behind = self.segments.iter().filter(|segment| segment.first_seq > range.start + 1);
        let headers = behind.filter_map(|segment| segment.header(&*self.medium));
        let parts = headers.filter_map(|header| header.tree_before.as_ref()?.part(range.start, range.end));
        parts.max_by_key(Frontier::size).unwrap_or_default()
    }

    /// Gives the leaves of entries `from` to `through`; says which is the first lost one.
    fn each_leaf(&self, from: u64, through: u64, mut take: impl FnMut(Leaves)) -> Result<Option<u64>, TreeError> {
        let mut next = from;
        let mut lost = None;
        if from > through {
            return Ok(None);
        }
        for item in Scan::new(Arc::clone(&self.medium), self.segments.clone(), from).through(through) {
            let record = match item {
                Ok(record) => record,
                Err(ReadError::Damaged(_)) => continue,
                Err(ReadError::Removed(Removed { resumes_at, .. })) => {
                    return Err(TreeError::Removed { first_seq: resumes_at });
                }
                Err(error) => return Err(error.into()),
            };
            if record.seq > next {
                lost = lost.or(Some(next));
                take(Leaves::Lost(record.seq - next));
            }
            take(Leaves::One(record.leaf()));
            next = record.seq + 1;
        }
        if next <= through {
            lost = lost.or(Some(next));
            take(Leaves::Lost(through + 1 - next));
        }
        Ok(lost)
    }
}

fn check(wanted: u64, size: u64) -> Result<(), TreeError> {
    if wanted > size { Err(TreeError::Beyond { wanted, size }) } else { Ok(()) }
}
