//! What is found when a ledger is opened, and how its end is put in order.

use super::OpenError;
use super::format::{HEADER_LEN, Hash, LedgerId, MAX_SEQ, chain_start, link};
use super::header::{Header, encode_header};
use super::layout::{SPARE_NAME, Segment, read_layout, segment_name};
use super::medium::{Medium, MediumFile};
use super::merkle::Frontier;
use super::points::Points;
use super::records::{Fault, FaultKind, ReadError, TornTail};
use super::retention::clear_unfinished;
use super::scan::Scan;
use super::spare::prepare;
use super::tree::{Tree, TreeError};
use super::writer::{Active, MAX_GROUP_BYTES};
use std::io;
use std::sync::Arc;

/// Most damaged places that are listed; more are counted.
pub const MAX_FAULTS: usize = 100;

/// What was found when the ledger was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Identity of the ledger.
    pub ledger: LedgerId,
    /// Whether there was none before.
    pub created: bool,
    /// Segments of the ledger.
    pub segments: usize,
    /// Number of the first record, also if it is yet to be written.
    pub first_seq: u64,
    /// Number of the last record; 0 if there is none.
    pub last_seq: u64,
    /// Chain hash of the last record.
    pub chain: Hash,
    /// Root of the Merkle tree of all records.
    pub root: Hash,
    /// What was behind it of a group that was never acknowledged. It was overwritten with zeros,
    /// unless whole records of that group stood behind the hole: then it is left, and does not
    /// count.
    pub torn: Option<TornTail>,
    /// Damaged places in the last segment, at most [`MAX_FAULTS`]: records are lost that had been
    /// durable. Recording goes on in a new segment.
    pub faults: Vec<Fault>,
    /// Why the end of the ledger could not be put in order: the disk takes no writes at present.
    /// Its records can be read; new entries wait in memory.
    pub unsettled: Option<String>,
}

pub(super) struct Found {
    pub recovery: Recovery,
    pub segments: Vec<Segment>,
    pub active: Option<Active>,
    /// The Merkle tree of all records.
    pub tree: Frontier,
}

/// Looks through the folder and puts its end in order.
pub(super) fn recover(
    medium: &Arc<dyn Medium>,
    new_id: LedgerId,
    segment_bytes: u64,
    known_through: u64,
    points: &Arc<Points>,
) -> Result<Found, OpenError> {
    clear_unfinished(&**medium);
    let mut segments = read_layout(&**medium)?;
    let created = segments.is_empty();
    if created {
        segments.push(create_first(&**medium, new_id, segment_bytes).map_err(OpenError::Create)?);
    }
    let ledger = segments.iter().find_map(|segment| segment.header.as_ref()).map_or(new_id, |header| header.ledger);
    let known = if created { 0 } else { known_through.min(MAX_SEQ - 1) };
    let mut end = scan_end(medium, &segments, ledger, known, points)?;
    let tree = end.tree.take().map_or_else(|| tree_through(medium, &segments, end.last_seq), Ok)?;
    let settled = settle(&**medium, &mut segments, &end);
    let (active, unsettled) = match settled {
        Ok(active) => (active, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let recovery = Recovery {
        ledger,
        created,
        segments: segments.len(),
        first_seq: segments.first().map_or(1, |segment| segment.first_seq),
        last_seq: end.last_seq,
        chain: end.chain,
        root: tree.root(),
        torn: end.torn,
        faults: end.faults,
        unsettled,
    };
    Ok(Found { recovery, segments, active, tree })
}

fn create_first(medium: &dyn Medium, ledger: LedgerId, segment_bytes: u64) -> io::Result<Segment> {
    let (chain_before, tree_before) = (chain_start(ledger), Frontier::default());
    let mut block = [0; HEADER_LEN];
    encode_header(ledger, 1, &chain_before, &tree_before, &mut block);
    let header = Header { ledger, first_seq: 1, chain_before, tree_before: Some(tree_before) };
    let file = prepare(medium, segment_bytes)?;
    file.write_all_at(&block, 0)?;
    file.sync_data()?;
    medium.rename(SPARE_NAME, &segment_name(1))?;
    medium.sync_dir()?;
    Ok(Segment { first_seq: 1, header: Some(Arc::new(header)), file: None, spare: false })
}

/// The end of the ledger, as it was found.
struct End {
    last_seq: u64,
    chain: Hash,
    /// The tree, if the segment's header told it.
    tree: Option<Frontier>,
    /// Where the next record would go in the last segment.
    offset: u64,
    torn: Option<TornTail>,
    faults: Vec<Fault>,
    unreadable: bool,
}

/// Reads the last segment; goes further back while neither a header nor a record is whole.
fn scan_end(
    medium: &Arc<dyn Medium>,
    segments: &[Segment],
    ledger: LedgerId,
    known: u64,
    points: &Arc<Points>,
) -> Result<End, ReadError> {
    let mut end: Option<End> = None;
    for segment in segments.iter().rev() {
        let (scanned, anchored) = scan_segment(medium, segment, ledger, known, points)?;
        match end.as_mut() {
            None => end = Some(scanned),
            Some(end) => {
                end.last_seq = end.last_seq.max(scanned.last_seq);
                end.chain = scanned.chain;
                end.faults.extend(scanned.faults);
                end.faults.truncate(MAX_FAULTS);
            }
        }
        if anchored {
            break;
        }
    }
    Ok(end.unwrap_or(End {
        last_seq: 0,
        chain: chain_start(ledger),
        tree: None,
        offset: HEADER_LEN as u64,
        torn: None,
        faults: Vec::new(),
        unreadable: false,
    }))
}

/// Reads one segment; says whether its last number and chain hash are certain.
fn scan_segment(
    medium: &Arc<dyn Medium>,
    segment: &Segment,
    ledger: LedgerId,
    known: u64,
    points: &Arc<Points>,
) -> Result<(End, bool), ReadError> {
    let mut faults = Vec::new();
    let mut chain = segment.header.as_ref().map(|header| header.chain_before);
    let mut tree = segment.header.as_ref().and_then(|header| header.tree_before.clone());
    if segment.header.is_none() {
        let (segment, seq) = (segment.name(), segment.first_seq);
        faults.push(Fault { kind: FaultKind::Header, segment, offset: 0, seq, resumes_at: Some(seq) });
    }
    let mut last_seq = segment.first_seq - 1;
    let mut last_chain = chain.unwrap_or_else(|| chain_start(ledger));
    let mut anchored = segment.header.is_some();
    let mut records = Scan::new(Arc::clone(medium), vec![segment.clone()], segment.first_seq)
        .telling_groups(known)
        .with_points(Arc::clone(points));
    while let Some(item) = records.next() {
        match item {
            Ok(record) => {
                let leaf = record.leaf();
                if let Some(tree) = &mut tree {
                    tree.push_lost((record.seq - 1).saturating_sub(tree.size()));
                    tree.push(leaf);
                }
                let follows = chain.is_none_or(|before| link(&before, &leaf) == record.chain);
                if !follows && faults.len() < MAX_FAULTS {
                    faults.push(Fault {
                        kind: FaultKind::Chain,
                        segment: records.last_segment(),
                        offset: records.last_offset(),
                        seq: record.seq,
                        resumes_at: Some(record.seq),
                    });
                }
                (last_seq, last_chain, anchored) = (record.seq, record.chain, true);
                chain = Some(record.chain);
            }
            Err(ReadError::Damaged(fault)) => {
                chain = None;
                if faults.len() < MAX_FAULTS {
                    faults.push(fault);
                }
            }
            Err(error) => return Err(error),
        }
    }
    // What someone saw durable, and is not there, is lost: its numbers must not be given again.
    last_seq = last_seq.max(known);
    if let Some(tree) = &mut tree {
        tree.push_lost(last_seq.saturating_sub(tree.size()));
    }
    let end = End {
        last_seq,
        chain: last_chain,
        tree,
        offset: records.offset(),
        torn: records.torn().cloned(),
        faults,
        unreadable: records.met_unreadable(),
    };
    Ok((end, anchored))
}

/// The tree of the first `size` records, with stand-ins for lost ones: for a ledger of version 1,
/// and for one whose last header is lost.
fn tree_through(medium: &Arc<dyn Medium>, segments: &[Segment], size: u64) -> Result<Frontier, ReadError> {
    match Tree::new(Arc::clone(medium), segments.to_vec(), size).frontier(size) {
        Ok((tree, _)) => Ok(tree),
        Err(TreeError::Read(error)) => Err(error),
        Err(_) => {
            let mut tree = Frontier::default();
            tree.push_lost(size);
            Ok(tree)
        }
    }
}

/// Names the last segment rightly, cuts its torn tail and makes it durable. Gives the segment to
/// go on in, or none if it is better left as it is.
fn settle(medium: &dyn Medium, segments: &mut [Segment], end: &End) -> io::Result<Option<Active>> {
    let Some(last) = segments.last_mut() else { return Ok(None) };
    if last.spare {
        medium.rename(SPARE_NAME, &segment_name(last.first_seq))?;
        last.spare = false;
    }
    last.file = None;
    medium.sync_dir()?;
    let file = medium.open(&last.name(), true)?;
    if end.unreadable {
        file.sync_data()?;
        return Ok(None);
    }
    if let Some(torn) = &end.torn
        && end.faults.is_empty()
        && torn.whole_behind == 0
    {
        write_zeros(&*file, torn.offset, torn.len)?;
    }
    rewrite_end(&*file, end.offset)?;
    file.sync_data()?;
    let size = file.size()?;
    // A segment of version 1 gets no records of version 2; one with a hole is left as it is.
    let goes_on = last.header.as_ref().is_some_and(|header| header.tree_before.is_some())
        && end.faults.is_empty()
        && end.torn.as_ref().is_none_or(|torn| torn.whole_behind == 0);
    Ok(goes_on.then_some(Active { file, end: end.offset, size }))
}

fn write_zeros(file: &dyn MediumFile, offset: u64, len: u64) -> io::Result<()> {
    let zeros = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(64 << 10)];
    let mut done = 0;
    while done < len {
        let part = zeros.len().min(usize::try_from(len - done).unwrap_or(usize::MAX));
        file.write_all_at(&zeros[..part], offset + done)?;
        done += part as u64;
    }
    Ok(())
}

/// Writes the last group's worth of bytes once more. They may have been read from the system's
/// cache only: a process whose sync failed leaves pages there that are not on disk but no longer
/// count as unwritten.
fn rewrite_end(file: &dyn MediumFile, end: u64) -> io::Result<()> {
    let start = end.saturating_sub((MAX_GROUP_BYTES + HEADER_LEN) as u64);
    let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0)];
    file.read_exact_at(&mut bytes, start)?;
    file.write_all_at(&bytes, start)
}
