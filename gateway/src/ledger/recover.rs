//! What is found when a ledger is opened, and how its end is put in order.

use super::OpenError;
use super::blocks::Blocks;
use super::format::{HEADER_LEN, Hash, LedgerId, MAX_SEQ, chain_start, link};
use super::header::{Header, encode_header};
use super::layout::{LayoutError, SPARE_NAME, Segment, layout_as_marked, read_layout, segment_name};
use super::mark::EndMark;
use super::medium::{Medium, MediumFile, write_zeros};
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
    let names = medium.list().map_err(LayoutError::List)?;
    clear_unfinished(&**medium, &names);
    let mark = EndMark::read(&**medium, &names);
    let marked = mark.as_ref().and_then(|mark| layout_as_marked(&**medium, &names, mark));
    let mut segments = marked.map_or_else(|| read_layout(&**medium), Ok)?;
    let created = segments.is_empty();
    if created {
        segments.push(create_first(&**medium, new_id, segment_bytes).map_err(OpenError::Create)?);
    }
    let header = segments.iter().rev().find_map(|segment| segment.header(&**medium));
    let ledger = header.map_or(new_id, |header| header.ledger);
    let mark = mark.filter(|mark| mark.ledger == ledger && !created);
    let known = if created { 0 } else { known_through.max(mark.as_ref().map_or(0, EndMark::seq)).min(MAX_SEQ - 1) };
    let from_mark = mark.map_or(Ok(None), |mark| scan_from_mark(medium, &segments, known, mark, points))?;
    let mut end = from_mark.map_or_else(|| scan_end(medium, &segments, ledger, known, points), Ok)?;
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
    let file = prepare(medium, None, segment_bytes)?;
    file.write_all_at(&block, 0)?;
    file.sync_data()?;
    medium.rename(SPARE_NAME, &segment_name(1))?;
    medium.sync_dir()?;
    Ok(Segment::new(1, Some(header)))
}

/// The end of the ledger, as it was found.
struct End {
    last_seq: u64,
    chain: Hash,
    /// The tree, if the segment's header told it.
    tree: Option<Frontier>,
    /// Where the next record would go in the last segment.
    offset: u64,
    /// Where the last record starts in it, if it has any.
    last_at: Option<u64>,
    /// From here on, it may have been read from the system's cache only.
    unsure_from: u64,
    /// What lies before this is known to have been written, if with zeros only.
    zeroed: u64,
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
        last_at: None,
        unsure_from: 0,
        zeroed: 0,
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
    let records = Scan::new(Arc::clone(medium), vec![segment.clone()], segment.first_seq)
        .telling_groups(known)
        .with_points(Arc::clone(points));
    let header = segment.header(&**medium);
    let header = header.as_deref();
    let mut faults = Vec::new();
    if header.is_none() {
        let (segment, seq) = (segment.name(), segment.first_seq);
        faults.push(Fault { kind: FaultKind::Header, segment, offset: 0, seq, resumes_at: Some(seq) });
    }
    let before = Before {
        last_seq: segment.first_seq - 1,
        chain: header.map(|header| header.chain_before),
        tree: header.and_then(|header| header.tree_before.clone()),
        unsure_from: 0,
        zeroed: 0,
        last_at: None,
        faults,
    };
    let mut end = follow(records, before, ledger, known)?;
    if header.is_some_and(|header| header.tree_before.is_none()) {
        // Records of version 1 do not tell where their group started.
        end.unsure_from = end.offset.saturating_sub((MAX_GROUP_BYTES + HEADER_LEN) as u64);
    }
    let anchored = header.is_some() || end.last_at.is_some();
    Ok((end, anchored))
}

/// Reads what is behind the marked end of the last segment. None if that is not the last segment,
/// or its record is not there as it was: then there is no telling without reading all.
fn scan_from_mark(
    medium: &Arc<dyn Medium>,
    segments: &[Segment],
    known: u64,
    mark: EndMark,
    points: &Arc<Points>,
) -> Result<Option<End>, ReadError> {
    let last =
        segments.last().filter(|last| last.first_seq == mark.first_seq && last.is_anchored(&**medium) && !last.spare);
    let Some(last) = last else { return Ok(None) };
    points.note(last.first_seq, mark.seq(), mark.offset);
    let mut records = Scan::new(Arc::clone(medium), vec![last.clone()], mark.seq())
        .telling_groups(known)
        .with_points(Arc::clone(points));
    let found = matches!(records.next(), Some(Ok(record)) if record.seq == mark.seq() && record.chain == mark.chain);
    if !found || records.last_offset() != mark.offset {
        points.forget(mark.seq(), mark.seq());
        return Ok(None);
    }
    let before = Before {
        last_seq: mark.seq(),
        chain: Some(mark.chain),
        unsure_from: records.offset(),
        last_at: Some(mark.offset),
        zeroed: mark.zeroed,
        tree: Some(mark.tree),
        faults: Vec::new(),
    };
    follow(records, before, mark.ledger, known).map(Some)
}

/// What is known before the first record that is read.
struct Before {
    last_seq: u64,
    chain: Option<Hash>,
    tree: Option<Frontier>,
    last_at: Option<u64>,
    unsure_from: u64,
    zeroed: u64,
    faults: Vec<Fault>,
}

fn follow(mut records: Scan, before: Before, ledger: LedgerId, known: u64) -> Result<End, ReadError> {
    let Before { mut last_seq, mut chain, mut tree, mut last_at, mut unsure_from, zeroed, mut faults } = before;
    let mut last_chain = chain.unwrap_or_else(|| chain_start(ledger));
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
                if record.place.before == 0 && last_at.is_some() {
                    unsure_from = records.last_offset(); // a first group is unsure with the header
                }
                (last_seq, last_chain, last_at) = (record.seq, record.chain, Some(records.last_offset()));
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
    Ok(End {
        last_seq,
        chain: last_chain,
        tree,
        offset: records.offset(),
        last_at,
        unsure_from,
        zeroed,
        torn: records.torn().cloned(),
        faults,
        unreadable: records.met_unreadable(),
    })
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
    let file = medium.open(&last.name(), true)?;
    let blank_behind = end.torn.is_none() && end.faults.is_empty() && !end.unreadable;
    if !(blank_behind && end.unsure_from == end.offset) {
        medium.sync_dir()?;
        make_sure(&*file, end)?;
    }
    let size = file.size()?;
    // A segment of version 1 gets no records of version 2; one with a hole is left as it is.
    let goes_on = last.is_anchored(medium)
        && !end.unreadable
        && end.faults.is_empty()
        && end.torn.as_ref().is_none_or(|torn| torn.whole_behind == 0);
    let (blocks, zeroed, last_at) = (Blocks::default(), end.zeroed, end.last_at);
    Ok(goes_on.then_some(Active { file, end: end.offset, size, zeroed, last_at, is_cached: true, blocks }))
}

/// Cuts the torn tail and makes what is before it durable.
fn make_sure(file: &dyn MediumFile, end: &End) -> io::Result<()> {
    if end.unreadable {
        return file.sync_data();
    }
    if let Some(torn) = &end.torn
        && end.faults.is_empty()
        && torn.whole_behind == 0
    {
        write_zeros(file, torn.offset, torn.len, 64 << 10)?;
    }
    rewrite(file, end.unsure_from, end.offset)?;
    file.sync_data()
}

/// Writes the last group once more. It may have been read from the system's cache only: a process
/// whose sync failed leaves pages there that are not on disk but no longer count as unwritten.
fn rewrite(file: &dyn MediumFile, start: u64, end: u64) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or(0)];
    file.read_exact_at(&mut bytes, start)?;
    file.write_all_at(&bytes, start)
}
