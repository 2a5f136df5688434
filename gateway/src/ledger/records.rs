//! Reads records in order across segments, and goes on behind damaged places.

use super::format::{HEADER_LEN, Record};
use super::layout::Segment;
use super::medium::Medium;
use super::points::Points;
use super::walk::{Step, Walk};
use std::fmt;
use std::io;
use std::sync::Arc;

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
}

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The record is damaged; `resumes_at` says where to go on.
    #[error("{0}")]
    Damaged(Fault),
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

/// The records of a ledger in order, in bounded memory: a chunk of 64 KiB, or the longest record.
///
/// A damaged place yields one [`ReadError::Damaged`], and then the records behind it. After a
/// [`ReadError::Open`] nothing more comes.
pub struct Records {
    medium: Arc<dyn Medium>,
    segments: Vec<Segment>,
    index: usize,
    walk: Option<Walk>,
    start_offset: u64,
    /// Number of the record that comes next.
    next: u64,
    /// Number of the last record wanted; without it, all to the torn tail.
    through: Option<u64>,
    /// Records before the wanted one are passed over silently until it has been met.
    seeking: bool,
    damage: Option<Damage>,
    waiting: Option<Record>,
    last_place: (usize, u64),
    torn: Option<TornTail>,
    unreadable: bool,
    points: Option<Arc<Points>>,
    done: bool,
}

struct Damage {
    kind: FaultKind,
    index: usize,
    offset: u64,
}

impl Records {
    /// Records `from` and on of `segments`, which are sorted.
    pub(super) fn new(medium: Arc<dyn Medium>, segments: Vec<Segment>, from: u64) -> Self {
        let index = segments.partition_point(|segment| segment.first_seq <= from).saturating_sub(1);
        let first = segments.first().map_or(1, |segment| segment.first_seq);
        Self {
            medium,
            index,
            walk: None,
            start_offset: HEADER_LEN as u64,
            next: from.max(1),
            through: None,
            seeking: from > first,
            damage: None,
            waiting: None,
            last_place: (index, 0),
            torn: None,
            unreadable: false,
            points: None,
            done: segments.is_empty(),
            segments,
        }
    }

    /// Ends with record `through`, which is known to exist.
    pub(super) fn through(mut self, through: u64) -> Self {
        self.through = Some(through);
        self
    }

    /// Starts from the nearest known point, and remembers new ones.
    pub(super) fn with_points(mut self, points: Arc<Points>) -> Self {
        let first_seq = self.segments.get(self.index).map_or(0, |segment| segment.first_seq);
        if let Some(offset) = points.nearest(first_seq, self.next) {
            self.start_offset = offset;
        }
        self.points = Some(points);
        self
    }

    /// What stood behind the last record, once all have been read without an end given.
    pub(super) fn torn(&self) -> Option<&TornTail> {
        self.torn.as_ref()
    }

    /// Whether the medium refused to give some part.
    pub(super) fn met_unreadable(&self) -> bool {
        self.unreadable || self.walk.as_ref().is_some_and(Walk::met_unreadable)
    }

    /// File name of the segment that held the record read last.
    pub(super) fn last_segment(&self) -> String {
        self.segments.get(self.last_place.0).map_or_else(String::new, Segment::name)
    }

    /// Offset of the record read last.
    pub(super) fn last_offset(&self) -> u64 {
        self.last_place.1
    }

    /// Where the next record starts in the segment that is being read.
    pub(super) fn offset(&self) -> u64 {
        self.walk.as_ref().map_or(self.start_offset, Walk::offset)
    }

    /// Number of the first record of the segment behind the one that is being read.
    fn bound(&self) -> u64 {
        self.segments.get(self.index + 1).map_or(u64::MAX, |segment| segment.first_seq)
    }

    fn fault(&self, damage: &Damage, resumes_at: Option<u64>) -> ReadError {
        let segment = self.segments.get(damage.index).map_or_else(String::new, Segment::name);
        let (kind, offset, seq) = (damage.kind, damage.offset, self.next);
        ReadError::Damaged(Fault { kind, segment, offset, seq, resumes_at })
    }

    fn leave_segment(&mut self) {
        self.unreadable = self.met_unreadable();
        self.walk = None;
        self.start_offset = HEADER_LEN as u64;
        self.index += 1;
    }

    /// Opens the segment at hand; a file that is gone is passed over as damage.
    fn enter_segment(&mut self) -> Result<bool, ReadError> {
        let Some(segment) = self.segments.get(self.index) else { return Ok(false) };
        match segment.open(&*self.medium).and_then(|file| Walk::new(file, self.start_offset)) {
            Ok(walk) => {
                self.walk = Some(walk);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (index, kind) = (self.index, FaultKind::Missing);
                self.damage.get_or_insert(Damage { kind, index, offset: 0 });
                self.leave_segment();
                Ok(true)
            }
            Err(source) => Err(ReadError::Open { segment: segment.name(), source }),
        }
    }

    /// Nothing is left: damage that reached to the end is told, if there must be more.
    fn finish(&mut self) -> Option<Result<Record, ReadError>> {
        self.done = true;
        let index = self.segments.len().saturating_sub(1);
        let damage = self.damage.take();
        let through = self.through.filter(|&through| self.next <= through);
        match (damage, through) {
            (Some(damage), _) => Some(Err(self.fault(&damage, None))),
            (None, Some(_)) => {
                let (offset, kind) = (self.offset(), FaultKind::Record);
                Some(Err(self.fault(&Damage { kind, index, offset }, None)))
            }
            (None, None) => None,
        }
    }

    /// Passes a place where no whole record stands: to the next whole one of this segment, or to
    /// the next segment, or to the end.
    fn pass_gap(&mut self, written: bool) {
        let bound = self.bound();
        let index = self.index;
        let last_segment = bound == u64::MAX;
        let Some(walk) = self.walk.as_mut() else { return };
        let offset = walk.offset();
        let found = walk.seek_whole().filter(|&seq| seq < bound);
        if found.is_none() && last_segment && self.through.is_none() && self.damage.is_none() {
            self.torn = walk.last_written_from(offset).map(|end| TornTail {
                segment: self.segments.get(index).map_or_else(String::new, Segment::name),
                offset,
                len: end - offset,
                after_seq: self.next - 1,
            });
            self.unreadable |= walk.met_unreadable();
            self.done = true;
            return;
        }
        let superseded = found.is_none() && !written && self.next >= bound;
        if !superseded {
            let blank = found.is_none() && walk.last_written_from(offset).is_none();
            let kind = if blank { FaultKind::Missing } else { FaultKind::Record };
            self.damage.get_or_insert(Damage { kind, index, offset });
        }
        if found.is_none() {
            self.leave_segment();
        }
    }

    /// Judges a whole record by its number.
    fn admit(&mut self, record: Record, offset: u64) -> Option<Result<Record, ReadError>> {
        if record.seq < self.next && self.seeking {
            self.damage = None;
            return None;
        }
        let opens_segment = self.segments.get(self.index).is_some_and(|at| at.first_seq == record.seq);
        let kind = if opens_segment { FaultKind::Missing } else { FaultKind::Sequence };
        let place = Damage { kind, index: self.index, offset };
        if record.seq < self.next {
            self.damage.get_or_insert(place);
            return None;
        }
        self.seeking = false;
        self.last_place = (self.index, offset);
        let misplaced = (record.seq > self.next).then_some(place);
        if let Some(damage) = self.damage.take().or(misplaced) {
            let fault = self.fault(&damage, Some(record.seq));
            self.next = record.seq;
            self.waiting = Some(record);
            return Some(Err(fault));
        }
        self.next = record.seq + 1;
        if let Some(points) = &self.points
            && let Some(segment) = self.segments.get(self.index)
        {
            points.note(segment.first_seq, record.seq, offset);
        }
        Some(Ok(record))
    }
}

impl Iterator for Records {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            if self.through.is_some_and(|through| self.next > through) {
                return None;
            }
            if let Some(record) = self.waiting.take() {
                self.next = record.seq + 1;
                return Some(Ok(record));
            }
            if self.next >= self.bound() {
                self.leave_segment();
            }
            if self.walk.is_none() {
                match self.enter_segment() {
                    Ok(true) => continue,
                    Ok(false) => return self.finish(),
                    Err(error) => {
                        self.done = true;
                        return Some(Err(error));
                    }
                }
            }
            let offset = self.offset();
            let bound = self.bound();
            match self.walk.as_mut().map(Walk::step) {
                Some(Step::Record(record)) if record.seq >= bound => self.leave_segment(),
                Some(Step::Record(record)) => {
                    if let Some(item) = self.admit(record, offset) {
                        return Some(item);
                    }
                }
                Some(Step::Bad) => self.pass_gap(true),
                Some(Step::End) => self.pass_gap(false),
                None => {}
            }
        }
        None
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("next", &self.next).finish_non_exhaustive()
    }
}
