//! Takes out of the ledger what its keepers need no longer: whole segments into an archive or away,
//! and single bodies. Chain and tree go on to hold what was there, so that what is left can be
//! checked for ever.
//!
//! What may go, and when, is the caller's to say. It works on sealed segments only, beside the
//! writer and the readers. A power cut at any moment leaves a ledger that opens.

use super::format::{Content, HEADER_LEN, Record, Stored, encode_stored};
use super::header::encode_header;
use super::layout::{Segment, segment_name};
use super::medium::{Disk, Medium, MediumFile};
use super::reader::LedgerReader;
use super::records::{Fault, FaultKind, ReadError};
use super::scan::Scan;
use super::tree::{Tree, TreeError};
use super::{Ledger, Shared, lock};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What the name of a file ends with while it is being written.
pub(super) const UNFINISHED: &str = ".new";
/// Bytes copied at a time.
const CHUNK_LEN: usize = 64 << 10;

/// A segment that may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Number of its first record.
    pub first_seq: u64,
    /// Number of its last record.
    pub last_seq: u64,
    /// The last entry in it that has its body; none if all were removed.
    pub last_entry: Option<Record>,
}

/// What keeps records from being taken out, whatever their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// This record and later ones stay: the lowest of what the platform, and whoever else reads
    /// the ledger, is yet to take.
    pub from: u64,
    /// So many of the latest records stay.
    pub entries: u64,
}

/// What becomes of a segment that goes.
#[derive(Clone)]
pub enum Fate {
    /// It is gone.
    Delete,
    /// It is kept, compressed, in this folder, as `<number>.seg.gz`.
    Archive(Arc<dyn Medium>),
}

impl Fate {
    /// An archive in the folder `dir`, which is made if need be.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn archive_in(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        std::fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(Self::Archive(Arc::new(Disk::new(dir))))
    }
}

/// What went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retired {
    /// Segments taken out.
    pub segments: usize,
    /// Number of the first record that is left; 0 if nothing went.
    pub first_seq: u64,
}

/// Why something could not be taken out. It is there as before.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The disk failed.
    #[error("cannot take the ledger segment {segment} out")]
    Disk {
        /// Name of the segment's file.
        segment: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The segment is damaged: what can be read of it stays until it goes as a whole.
    #[error("bodies cannot be removed from a damaged segment: {0}")]
    Damaged(Fault),
    /// There is no sealed segment that starts with this record.
    #[error("no sealed segment starts with entry {0}")]
    NotSealed(u64),
    /// The segment has records that must stay.
    #[error("the segment holds entry {last_seq}, and entries from {kept} on must stay")]
    Kept {
        /// Number of the segment's last record.
        last_seq: u64,
        /// Number of the first record that must stay.
        kept: u64,
    },
    /// The segment cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tree before a segment of version 1 cannot be told.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Takes out of an open ledger what is needed no longer, on any thread. While it is there, the ledger's folder stays locked.
#[derive(Clone)]
pub struct Pruner {
    shared: Arc<Shared>,
    only: Arc<Mutex<()>>,
    _folder: Arc<dyn Send + Sync>,
}

impl Ledger {
    /// Who takes out of it what is needed no longer.
    #[must_use]
    pub fn pruner(&self) -> Pruner {
        Pruner {
            shared: Arc::clone(&self.shared),
            only: Arc::clone(&self.retention),
            _folder: Arc::clone(&self.folder),
        }
    }

    /// See [`Pruner::sealed`].
    ///
    /// # Errors
    /// As there.
    pub fn sealed(&self) -> Result<Vec<Sealed>, ReadError> {
        self.pruner().sealed()
    }

    /// See [`Pruner::retire`].
    ///
    /// # Errors
    /// As there.
    pub fn retire(
        &self,
        keep: Keep,
        fate: &Fate,
        may_go: impl FnMut(&Sealed) -> bool,
    ) -> Result<Retired, RetentionError> {
        self.pruner().retire(keep, fate, may_go)
    }

    /// See [`Pruner::redact`].
    ///
    /// # Errors
    /// As there.
    pub fn redact(
        &self,
        first_seq: u64,
        keep: Keep,
        remove: impl FnMut(&Record) -> bool,
    ) -> Result<usize, RetentionError> {
        self.pruner().redact(first_seq, keep, remove)
    }
}

impl Pruner {
    /// A reader of the same ledger.
    #[must_use]
    pub fn reader(&self) -> LedgerReader {
        LedgerReader::new(Arc::clone(&self.shared))
    }

    /// Sealed segments, the oldest first. Reads each one's last records.
    ///
    /// # Errors
    /// [`ReadError`] if a segment cannot be opened.
    pub fn sealed(&self) -> Result<Vec<Sealed>, ReadError> {
        let segments = self.shared.segments();
        let ends = segments.iter().skip(1).map(|segment| segment.first_seq);
        segments.iter().zip(ends).map(|(segment, end)| describe(&self.shared.medium, segment, end)).collect()
    }

    /// Takes out the oldest segments for as long as `may_go` says so of each. Stops before the
    /// first that has a record to keep. Blocks on the disk.
    ///
    /// # Errors
    /// See [`RetentionError`]. Segments that went before the error are out.
    pub fn retire(
        &self,
        keep: Keep,
        fate: &Fate,
        mut may_go: impl FnMut(&Sealed) -> bool,
    ) -> Result<Retired, RetentionError> {
        let _only = lock(&self.only);
        let kept = self.first_kept(keep);
        let segments = self.shared.segments();
        let mut going = 0;
        // What is left must start with a segment whose header tells all of what was before.
        let mut last_clean_cut = 0;
        for (segment, next) in segments.iter().zip(segments.iter().skip(1)) {
            let goes = next.first_seq <= kept && may_go(&describe(&self.shared.medium, segment, next.first_seq)?);
            if !goes {
                break;
            }
            going += 1;
            if next.is_anchored(&*self.shared.medium) {
                last_clean_cut = going;
            }
        }
        let mut retired = Retired::default();
        for (segment, next) in segments.iter().zip(segments.iter().skip(1)).take(last_clean_cut) {
            let failed = |source| RetentionError::Disk { segment: segment.name(), source };
            take_out(&*self.shared.medium, &segment.name(), fate).map_err(failed)?;
            self.shared.forget_before(next.first_seq);
            retired.segments += 1;
            retired.first_seq = next.first_seq;
        }
        Ok(retired)
    }

    /// Removes the bodies that `remove` names from the sealed segment that starts with record
    /// `first_seq`: their leaf hashes take their place. Says how many. Blocks on the disk.
    ///
    /// # Errors
    /// See [`RetentionError`].
    pub fn redact(
        &self,
        first_seq: u64,
        keep: Keep,
        remove: impl FnMut(&Record) -> bool,
    ) -> Result<usize, RetentionError> {
        let _only = lock(&self.only);
        let segments = self.shared.segments();
        let sealed = segments.iter().zip(segments.iter().skip(1)).find(|(segment, _)| segment.first_seq == first_seq);
        let (segment, next) = sealed.ok_or(RetentionError::NotSealed(first_seq))?;
        let (kept, last_seq) = (self.first_kept(keep), next.first_seq - 1);
        if last_seq >= kept {
            return Err(RetentionError::Kept { last_seq, kept });
        }
        let (bytes, removed) = self.rewrite(&segments, segment, last_seq, remove)?;
        if removed == 0 {
            return Ok(0);
        }
        let failed = |source| RetentionError::Disk { segment: segment.name(), source };
        replace(&*self.shared.medium, &segment_name(first_seq), &bytes).map_err(failed)?;
        self.shared.points.forget(first_seq, last_seq);
        lock(&self.shared.tail).forget_through(last_seq);
        Ok(removed)
    }

    /// The first record that must stay.
    fn first_kept(&self, keep: Keep) -> u64 {
        let durable = self.shared.durable.borrow().through;
        keep.from.min((durable + 1).saturating_sub(keep.entries))
    }

    /// The bytes of a segment without the bodies to remove, and how many these are.
    fn rewrite(
        &self,
        segments: &[Segment],
        segment: &Segment,
        last_seq: u64,
        mut remove: impl FnMut(&Record) -> bool,
    ) -> Result<(Vec<u8>, usize), RetentionError> {
        let medium = &self.shared.medium;
        let Some(header) = segment.header(&**medium) else { return Err(RetentionError::Damaged(lost_header(segment))) };
        let before = segment.first_seq - 1;
        let tree = match &header.tree_before {
            Some(tree) => tree.clone(),
            None => match Tree::new(Arc::clone(medium), segments.to_vec(), before).frontier(before)? {
                (tree, None) => tree,
                (_, Some(seq)) => return Err(TreeError::Lost { seq }.into()),
            },
        };
        let mut bytes = vec![0; HEADER_LEN];
        encode_header(header.ledger, header.first_seq, &header.chain_before, &tree, &mut bytes);
        let mut removed = 0;
        let segments = vec![segment.clone()];
        for item in Scan::new(Arc::clone(medium), segments, segment.first_seq).through(last_seq) {
            let mut stored = match item {
                Ok(stored) => stored,
                Err(ReadError::Damaged(fault)) => return Err(RetentionError::Damaged(fault)),
                Err(error) => return Err(error.into()),
            };
            if let Some(record) = as_entry(&stored)
                && remove(&record)
            {
                stored.content = Content::Removed { leaf: stored.leaf() };
                removed += 1;
            }
            encode_stored(&stored, &mut bytes);
        }
        bytes.resize(bytes.len().next_multiple_of(HEADER_LEN), 0);
        Ok((bytes, removed))
    }
}

impl Shared {
    pub(super) fn segments(&self) -> Vec<Segment> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget_before(&self, first_seq: u64) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.retain(|segment| segment.first_seq >= first_seq);
        drop(segments);
        self.points.forget(0, first_seq - 1);
        lock(&self.tail).forget_through(first_seq - 1);
    }
}

fn lost_header(segment: &Segment) -> Fault {
    let (segment, seq) = (segment.name(), segment.first_seq);
    Fault { kind: FaultKind::Header, segment, offset: 0, seq, resumes_at: Some(seq) }
}

fn as_entry(stored: &Stored) -> Option<Record> {
    match &stored.content {
        Content::Entry { salt, body } => {
            Some(Record { seq: stored.seq, salt: *salt, chain: stored.chain, body: body.clone() })
        }
        Content::Removed { .. } => None,
    }
}

/// Reads what must be known of a segment that ends before record `end`.
fn describe(medium: &Arc<dyn Medium>, segment: &Segment, end: u64) -> Result<Sealed, ReadError> {
    let (first_seq, last_seq) = (segment.first_seq, end - 1);
    let mut last_entry = None;
    for item in Scan::new(Arc::clone(medium), vec![segment.clone()], first_seq).through(last_seq) {
        match item {
            Ok(stored) => last_entry = as_entry(&stored).or(last_entry),
            Err(ReadError::Open { segment, source }) => return Err(ReadError::Open { segment, source }),
            Err(_) => {}
        }
    }
    // A copy of its own: the record's body shares the memory of a chunk.
    let own = |record: Record| Record { body: bytes::Bytes::copy_from_slice(&record.body), ..record };
    Ok(Sealed { first_seq, last_seq, last_entry: last_entry.map(own) })
}

/// Archives a segment, if it is to be, and unlinks it. Its copy is durable before it goes.
fn take_out(medium: &dyn Medium, name: &str, fate: &Fate) -> io::Result<()> {
    if let Fate::Archive(archive) = fate {
        let unfinished = format!("{name}.gz{UNFINISHED}");
        let file = archive.create(&unfinished)?;
        compress(&*medium.open(name, false)?, &*file)?;
        file.sync_data()?;
        archive.rename(&unfinished, &format!("{name}.gz"))?;
        archive.sync_dir()?;
    }
    medium.remove(name)?;
    medium.sync_dir()
}

fn compress(from: &dyn MediumFile, to: &dyn MediumFile) -> io::Result<()> {
    let mut encoder = GzEncoder::new(Appender { file: to, at: 0 }, Compression::default());
    let (size, mut at) = (from.size()?, 0);
    let mut chunk = vec![0; CHUNK_LEN];
    while at < size {
        let len = CHUNK_LEN.min(usize::try_from(size - at).unwrap_or(CHUNK_LEN));
        from.read_exact_at(&mut chunk[..len], at)?;
        encoder.write_all(&chunk[..len])?;
        at += len as u64;
    }
    encoder.finish()?;
    Ok(())
}

struct Appender<'a> {
    file: &'a dyn MediumFile,
    at: u64,
}

impl Write for Appender<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(buf, self.at)?;
        self.at += buf.len() as u64;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Puts a file with these bytes in the place of another, in one durable step.
fn replace(medium: &dyn Medium, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = format!("{name}{UNFINISHED}");
    let file = medium.create(&unfinished)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()?;
    medium.rename(&unfinished, name)?;
    medium.sync_dir()
}

/// Clears away what a power cut left of files that were being written: they may hold bodies.
pub(super) fn clear_unfinished(medium: &dyn Medium, names: &[String]) {
    for name in names.iter().filter(|name| name.ends_with(UNFINISHED)) {
        // It is not needed, and is cleared away another time if not now.
        let _ = medium.remove(name);
    }
}
