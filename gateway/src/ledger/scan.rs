//! Reads records in order across segments, and goes on behind damaged places.

use super::format::{HEADER_LEN, Place, Stored};
use super::layout::Segment;
use super::medium::Medium;
use super::points::Points;
use super::records::{Fault, FaultKind, ReadError, Removed, TornTail};
use super::walk::{Step, Walk};
use std::fmt;
use std::io;
use std::sync::Arc;

/// All records of a ledger in order, in bounded memory. A damaged place yields one error, and then
/// the records behind it.
pub(super) struct Scan {
    medium: Arc<dyn Medium>,
    segments: Vec<Segment>,
    index: usize,
    walk: Option<Walk>,
    /// Where to start in the segment at hand, and the record that must stand there.
    start: Option<(u64, u64)>,
    /// Number and place of the record met last.
    last: Option<(u64, Place)>,
    /// Where the segment that was left last ended.
    left_at: u64,
    /// Whether a torn group is one although whole records stand behind its hole.
    tells_groups: bool,
    /// Records through this one were seen durable: none of them can be a torn tail.
    known: u64,
    /// Number of the record that comes next.
    next: u64,
    /// Number of the last record wanted; without it, all to the torn tail.
    through: Option<u64>,
    /// Records before the wanted one are passed over silently until it has been met.
    seeking: bool,
    /// What is to be told before anything else.
    removed: Option<Removed>,
    damage: Option<Damage>,
    waiting: Option<Stored>,
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

impl Scan {
    /// Records `from` and on of `segments`, which are sorted. What retention has removed before
    /// the first segment is told, unless `from` is behind it.
    pub(super) fn new(medium: Arc<dyn Medium>, segments: Vec<Segment>, from: u64) -> Self {
        let index = segments.partition_point(|segment| segment.first_seq <= from).saturating_sub(1);
        let first = segments.first().map_or(1, |segment| segment.first_seq);
        let anchored = from < first && segments.first().is_some_and(|first| first.is_anchored(&*medium));
        let (from, first_left) = (from.max(1), first);
        let removed =
            (anchored && from < first_left).then_some(Removed { seq: from, resumes_at: first_left, hashes: None });
        Self {
            medium,
            index,
            walk: None,
            start: None,
            last: None,
            left_at: HEADER_LEN as u64,
            tells_groups: false,
            known: 0,
            next: if removed.is_some() { first } else { from },
            through: None,
            seeking: from > first,
            removed,
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

    /// Ends before a torn group, although whole records stand behind its hole: as opening does.
    /// Takes it that records through `known` were seen durable by someone. Others are shown those
    /// records and told of the hole, for nobody can rule out that the group had been durable.
    pub(super) fn telling_groups(mut self, known: u64) -> Self {
        (self.tells_groups, self.known) = (true, known);
        self
    }

    /// Starts from the nearest known point, and remembers new ones.
    pub(super) fn with_points(mut self, points: Arc<Points>) -> Self {
        let first_seq = self.segments.get(self.index).map_or(0, |segment| segment.first_seq);
        self.start = points.nearest(first_seq, self.next);
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

    /// Where the next record starts in the segment that is being read, or was read last.
    pub(super) fn offset(&self) -> u64 {
        self.walk.as_ref().map_or(self.left_at, Walk::offset)
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
        if let Some(walk) = self.walk.take() {
            self.left_at = walk.offset();
        }
        self.start = None;
        self.index += 1;
    }

    /// Opens the segment at hand. A file that is gone is passed over: as removed, if nothing was
    /// read yet, since retention takes the oldest ones beside readers; or else as damage.
    fn enter_segment(&mut self) -> Result<bool, ReadError> {
        let Some(segment) = self.segments.get(self.index) else { return Ok(false) };
        let start = self.start.map_or(HEADER_LEN as u64, |(offset, _)| offset);
        match segment.open(&*self.medium).and_then(|file| Walk::new(file, start)) {
            Ok(walk) => {
                if self.tells_groups {
                    walk.read_exactly();
                }
                self.walk = Some(walk);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bound = self.bound();
                if self.last.is_none() && self.damage.is_none() && bound != u64::MAX {
                    let from = self.removed.as_ref().map_or(self.next, |removed| removed.seq);
                    self.removed = Some(Removed { seq: from, resumes_at: bound, hashes: None });
                    (self.next, self.seeking) = (bound, false);
                    self.leave_segment();
                    return Ok(true);
                }
                let (index, kind) = (self.index, FaultKind::Missing);
                self.damage.get_or_insert(Damage { kind, index, offset: 0 });
                self.leave_segment();
                Ok(true)
            }
            Err(source) => Err(ReadError::Open { segment: segment.name(), source }),
        }
    }

    /// Nothing is left: damage that reached to the end is told, if there must be more.
    fn finish(&mut self) -> Option<Result<Stored, ReadError>> {
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
        let may_be_torn =
            bound == u64::MAX && self.through.is_none() && self.damage.is_none() && self.next > self.known;
        let Some(walk) = self.walk.as_mut() else { return };
        let offset = walk.offset();
        if may_be_torn && walk.is_zero_from(offset) {
            self.done = true;
            return;
        }
        if may_be_torn
            && let Some(whole_behind) = torn_group(walk, self.next, self.last)
            && (whole_behind == 0 || self.tells_groups)
        {
            self.torn = walk.last_written_from(offset).map(|end| TornTail {
                segment: self.segments.get(index).map_or_else(String::new, Segment::name),
                offset,
                len: end - offset,
                after_seq: self.next - 1,
                whole_behind,
            });
            self.unreadable |= walk.met_unreadable();
            self.done = true;
            return;
        }
        let found = walk.seek_whole().filter(|&seq| seq < bound);
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
    fn admit(&mut self, record: Stored, offset: u64) -> Option<Result<Stored, ReadError>> {
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
        self.last = Some((record.seq, record.place));
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

impl Iterator for Scan {
    type Item = Result<Stored, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(removed) = self.removed.take() {
            return Some(Err(ReadError::Removed(removed)));
        }
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
                    Ok(true) => match self.removed.take() {
                        Some(removed) => return Some(Err(ReadError::Removed(removed))),
                        None => continue,
                    },
                    Ok(false) => return self.finish(),
                    Err(error) => {
                        self.done = true;
                        return Some(Err(error));
                    }
                }
            }
            let offset = self.offset();
            let bound = self.bound();
            let step = self.walk.as_mut().map(Walk::step);
            // A segment that was rewritten meanwhile has its records elsewhere: read it all then.
            if let Some((_, expected)) = self.start.take()
                && !matches!(&step, Some(Step::Record(record)) if record.seq == expected)
            {
                self.walk = None;
                continue;
            }
            match step {
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

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Whether what stands behind a hole is left of the group that was being written there: the number
/// of its whole records. None if any of them is of another group, for then the one with the hole
/// had been durable.
fn torn_group(walk: &Walk, next: u64, last: Option<(u64, Place)>) -> Option<u64> {
    let mut probe = walk.clone();
    // The hole is in the group of the record before it, or in one that starts here: behind the
    // last record of a group, or behind what an earlier power cut left of one.
    let unfinished = last.filter(|(_, place)| place.after > 0).map(|(seq, place)| place.group(seq));
    let mut group = None;
    let mut whole_behind = 0;
    // The hole may start with whole records that are out of place.
    while probe.seek_whole().is_some() {
        while let Step::Record(record) = probe.step() {
            let own = record.place.group(record.seq);
            let may_be_torn = own.0 == next || Some(own) == unfinished;
            if record.seq <= next || !may_be_torn || group.is_some_and(|group| group != own) {
                return None;
            }
            group = Some(own);
            whole_behind += 1;
        }
    }
    Some(whole_behind)
}
