//! The writer: makes groups of what waits durable, one write and one sync each.

use super::blocks::Blocks;
use super::format::{
    HEADER_LEN, Hash, LedgerId, MAX_GROUP_RECORDS, Place, Record, encode_record, leaf, link, record_len,
};
use super::header::{Header, encode_header};
use super::layout::Segment;
use super::mark::EndMark;
use super::medium::{MediumFile, write_zeros};
use super::queue::{Queue, Waiting};
use super::ring::{Append, Ended, is_refusal};
use super::spare::{BLOCK_LEN, Spare, zeros_ahead};
use super::{SaltSource, Shared, lock};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{io, mem};

/// Most bytes of records written with one sync, unless the first record alone has more.
pub(super) const MAX_GROUP_BYTES: usize = 1 << 20;
/// The buffer gives back what it took beyond this for a large group.
const BUFFER_KEPT_BYTES: usize = 64 << 10;

/// Groups beyond this are written where there were no zeros: what the file system has to note for that weighs less than to
/// write all twice.
const LARGE_GROUP_BYTES: u64 = 64 << 10;
/// Groups of at most so many bytes that lie on zeros go past the page cache, which for more costs less than the memory for
/// them would.
const MAX_APPEND_BYTES: usize = 64 << 10;
/// Zeros are written ahead for so many groups as the last one, and for four times the least at most.
const GROUPS_AHEAD: u64 = 32;
/// Of so many records of a group, the first one's place is offered to the index.
const RECORDS_PER_NOTE: usize = 64;
/// When nothing came for so long, zeros are written although half of them are left.
const IDLE: Duration = Duration::from_millis(5);

/// The segment that is written to.
pub(super) struct Active {
    pub file: Arc<dyn MediumFile>,
    /// Where the next record goes; 0 while even the header is to be written.
    pub end: u64,
    pub size: u64,
    /// What lies before this was written before, if with zeros only.
    pub zeroed: u64,
    /// Where the last record starts; none if it has none.
    pub last_at: Option<u64>,
    /// Whether the system's page cache may have something where records are written next.
    pub is_cached: bool,
    /// What was appended past the page cache last.
    pub blocks: Blocks,
}

impl Active {
    /// How many zeros are to be ahead of groups of that length: a group written upon zeros takes a sync alone, where
    /// otherwise the file system notes that there is something now, and flushes twice.
    fn zeros_wanted(&self, group_bytes: u64) -> u64 {
        let least = zeros_ahead(self.size);
        if group_bytes > LARGE_GROUP_BYTES { 0 } else { (group_bytes * GROUPS_AHEAD).clamp(least, least * 4) }
    }

    /// Writes records behind those that are there; durable with the next sync.
    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        let end = self.end + records.len() as u64;
        if end <= self.zeroed && records.len() <= MAX_APPEND_BYTES {
            // What stands before them is then read, and by the system some more.
            self.is_cached |= !self.blocks.continues_at(self.end);
            self.blocks.lay(&*self.file, records, self.end)?;
            self.file.append_blocks(self.blocks.bytes(), self.blocks.at())?;
            self.blocks.set_written();
            return Ok(());
        }
        self.file.write_all_at(records, self.end)?;
        self.write_zeros(end, self.zeros_wanted(records.len() as u64))
    }

    /// Writes so many zeros behind `end` and all that was written. They are durable with the next sync.
    fn write_zeros(&mut self, end: u64, len: u64) -> io::Result<()> {
        let from = self.zeroed.max(end).next_multiple_of(BLOCK_LEN as u64).min(self.size);
        let to = (from + len).min(self.size);
        let piece = if len > zeros_ahead(self.size) { LARGE_GROUP_BYTES as usize } else { BLOCK_LEN };
        // Behind groups without zeros, nothing is written past the cache.
        self.is_cached |= to > from;
        write_zeros(&*self.file, from, to - from, piece)?;
        self.zeroed = to;
        Ok(())
    }

    /// Makes what was written durable, and has the next appends find nothing of their place in the page cache.
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if mem::take(&mut self.is_cached) {
            self.file.uncache_from(self.end);
        }
        Ok(())
    }
}

/// What the writer starts from.
pub(super) struct Start {
    pub active: Option<Active>,
    pub ledger: LedgerId,
    /// Chain hash of the last record.
    pub chain: Hash,
    pub salts: SaltSource,
    pub retry: (Duration, Duration),
}

/// Has the ledger's end in hand. Whoever has the writer writes: the thread, or the express lane.
pub(super) struct Writer {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    spare: Arc<Spare>,
    start: Start,
    /// Room for a segment's header, then the records of the group.
    buffer: Vec<u8>,
    group: Vec<Record>,
    /// Leaf hashes of the group.
    leaves: Vec<Hash>,
    /// Chain hash of the record before the group.
    chain_before: Hash,
    /// The express lane has the group in hand.
    lent: bool,
    /// What came of a group that the express lane had and that is not on the disk.
    returned: Option<Returned>,
    last_group_bytes: u64,
}

enum Returned {
    /// Nothing of it was written.
    Unwritten,
    Failed(io::Error),
}

/// Runs until the queue is closed and empty, or closed while the disk fails.
pub(super) fn run(writer: &Mutex<Writer>, queue: &Queue) {
    // Whatever ends the thread, nobody shall believe that entries are still being taken.
    let _closed = CloseOnDrop(queue);
    while let Some(waiting) = queue.take() {
        // Who panicked while holding it has left it in no state to go on from.
        let Ok(mut writer) = writer.lock() else { return };
        if writer.write_all(waiting).is_err() {
            return;
        }
    }
    let Ok(writer) = writer.lock() else { return };
    if !writer.lent {
        *lock(&writer.shared.end) = writer.end_mark();
    }
}

struct CloseOnDrop<'a>(&'a Queue);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The ledger was closed while the disk failed, or can't be gone on with.
struct GaveUp;

impl Writer {
    pub(super) fn new(start: Start, shared: Arc<Shared>, queue: Arc<Queue>, spare: Arc<Spare>) -> Self {
        Self {
            shared,
            queue,
            spare,
            chain_before: start.chain,
            start,
            buffer: Vec::new(),
            group: Vec::new(),
            leaves: Vec::new(),
            lent: false,
            returned: None,
            last_group_bytes: 0,
        }
    }

    /// Makes all that waits durable, and sees to zeros ahead.
    fn write_all(&mut self, mut waiting: VecDeque<Waiting>) -> Result<(), GaveUp> {
        if self.lent {
            // The lane has ended by a panic: nobody knows what became of its group, and nothing may stand behind a gap.
            return Err(GaveUp);
        }
        if let Some(returned) = self.returned.take() {
            let written = match returned {
                Returned::Unwritten => self.try_write(),
                Returned::Failed(error) => Err(error),
            };
            self.write_until_durable(written)?;
            self.publish();
        }
        while !waiting.is_empty() {
            self.write_group(&mut waiting)?;
        }
        self.zero_ahead_if_idle();
        Ok(())
    }

    /// How many bytes of records the express lane can write, if it writes to files of that kind: upon zeros, behind what
    /// is known here.
    pub(super) fn express_room(&self, takes: impl Fn(&dyn MediumFile) -> bool) -> usize {
        match &self.start.active {
            Some(active)
                if self.returned.is_none() && active.blocks.continues_at(active.end) && takes(&*active.file) =>
            {
                usize::try_from(active.zeroed.saturating_sub(active.end)).unwrap_or(usize::MAX).min(MAX_APPEND_BYTES)
            }
            _ => 0,
        }
    }

    /// Makes one group of entries for which there is [room](Self::express_room), to be written elsewhere; then
    /// [`end`](Self::end) must be called. None if they are left to the thread.
    pub(super) fn begin(&mut self, mut waiting: VecDeque<Waiting>) -> Option<Append> {
        self.fill_group(&mut waiting, MAX_APPEND_BYTES);
        debug_assert!(waiting.is_empty(), "there is room for all");
        let laid = self.start.active.as_mut().and_then(|active| {
            let mut blocks = mem::take(&mut active.blocks);
            blocks.lay(&*active.file, &self.buffer[HEADER_LEN..], active.end).ok()?;
            Some(Append { file: Arc::clone(&active.file), blocks })
        });
        match &laid {
            Some(_) => self.lent = true,
            None => self.returned = Some(Returned::Unwritten),
        }
        laid
    }

    /// The group was written elsewhere, or not. Says whether all is done; otherwise the thread must come.
    pub(super) fn end(&mut self, (append, written): Ended) -> bool {
        self.lent = false;
        if let Some(active) = &mut self.start.active {
            active.blocks = append.blocks;
        }
        match written {
            Ok(()) => {
                if let Some(active) = &mut self.start.active {
                    active.blocks.set_written();
                }
                self.publish();
                return !self.wants_zeros();
            }
            Err(error) if is_refusal(&error) => self.returned = Some(Returned::Unwritten),
            Err(error) => self.returned = Some(Returned::Failed(error)),
        }
        false
    }

    /// Makes as many entries durable as one write takes.
    fn write_group(&mut self, waiting: &mut VecDeque<Waiting>) -> Result<(), GaveUp> {
        let Some(first) = waiting.front() else { return Ok(()) };
        let room = self.room_for(record_len(first.body.len()))?;
        self.fill_group(waiting, room);
        let written = self.try_write();
        self.write_until_durable(written)?;
        self.publish();
        Ok(())
    }

    /// Bytes that the group may take in the active segment; a new segment if the first record
    /// does not fit.
    fn room_for(&mut self, first: usize) -> Result<usize, GaveUp> {
        let left = |active: &Active| active.size.saturating_sub(active.end.max(HEADER_LEN as u64));
        let fits = self.start.active.as_ref().is_some_and(|active| left(active) >= first as u64);
        if !fits {
            self.start.active = None;
        }
        if self.start.active.is_none() {
            self.roll()?;
        }
        let left = self.start.active.as_ref().map_or(0, left);
        Ok(usize::try_from(left).unwrap_or(usize::MAX).min(MAX_GROUP_BYTES).max(first))
    }

    fn roll(&mut self) -> Result<(), GaveUp> {
        let file = self.spare.take(|why| self.stall(why)).map_err(|_| GaveUp)?;
        let size = self.spare.segment_bytes();
        self.start.active = Some(Active {
            file,
            end: 0,
            size,
            zeroed: zeros_ahead(size),
            last_at: None,
            is_cached: true,
            blocks: Blocks::default(),
        });
        Ok(())
    }

    /// Hashes and encodes entries while they fit in `room`.
    fn fill_group(&mut self, waiting: &mut VecDeque<Waiting>, room: usize) {
        self.chain_before = self.start.chain;
        self.group.clear();
        self.leaves.clear();
        self.buffer.clear();
        self.buffer.resize(HEADER_LEN, 0);
        let mut left = room;
        let fits = |next: &&Waiting| {
            let rest = left.checked_sub(record_len(next.body.len()));
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let count = waiting.iter().take(MAX_GROUP_RECORDS).take_while(fits).count();
        for (index, Waiting { seq, body }) in waiting.drain(..count).enumerate() {
            let salt = (self.start.salts)();
            let leaf = leaf(&salt, &body);
            let chain = link(&self.start.chain, &leaf);
            let record = Record { seq, salt, chain, body };
            encode_record(&record, Place::of(index, count), &mut self.buffer);
            self.start.chain = chain;
            self.group.push(record);
            self.leaves.push(leaf);
        }
    }

    /// Goes on from how it went to write the group: writes it again in a new segment for as long as it takes. After a
    /// failed sync, nobody knows what of it the disk has, and a second sync would not tell.
    fn write_until_durable(&mut self, mut written: io::Result<()>) -> Result<(), GaveUp> {
        let (mut wait, retry_max) = self.start.retry;
        let mut failures = 0u32;
        while let Err(error) = written {
            let fresh = self.start.active.take().is_some_and(|active| active.end == 0);
            if fresh {
                self.spare.spoiled();
            }
            self.stall(&Arc::from(error.to_string()));
            failures = failures.saturating_add(1);
            if failures > 1 {
                if !self.queue.pause(wait) {
                    return Err(GaveUp);
                }
                wait = (wait * 2).min(retry_max);
            }
            self.roll()?;
            written = self.try_write();
        }
        Ok(())
    }

    fn try_write(&mut self) -> io::Result<()> {
        let first_seq = self.group.first().map_or(0, |record| record.seq);
        let Some(active) = self.start.active.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        if active.end == 0 {
            // Header and records go with one sync; the file gets its name later. Recovery and
            // readers of the folder know it by its header.
            let tree = lock(&self.shared.tree).clone();
            encode_header(self.start.ledger, first_seq, &self.chain_before, &tree, &mut self.buffer[..HEADER_LEN]);
            active.file.write_all_at(&self.buffer, 0)?;
        } else {
            active.write(&self.buffer[HEADER_LEN..])?;
        }
        active.sync()?;
        if active.end == 0 {
            active.end = HEADER_LEN as u64;
            let file = Some(Arc::clone(&active.file));
            let tree_before = Some(lock(&self.shared.tree).clone());
            let (ledger, chain_before) = (self.start.ledger, self.chain_before);
            let header = Header { ledger, first_seq, chain_before, tree_before };
            let mut segment = Segment::new(first_seq, Some(header));
            segment.file = file;
            self.shared.add_segment(segment);
            self.spare.started(first_seq);
        }
        Ok(())
    }

    /// The group is on disk: tells everybody.
    fn publish(&mut self) {
        let records = self.group.len();
        let bytes = self.buffer.len() - HEADER_LEN;
        self.last_group_bytes = bytes as u64;
        let through = self.group.last().map_or(0, |record| record.seq);
        if let Some(active) = self.start.active.as_mut() {
            let segment = self.shared.newest_segment();
            let mut offset = active.end;
            let mut tail = lock(&self.shared.tail);
            for (index, record) in self.group.drain(..).enumerate() {
                if index % RECORDS_PER_NOTE == 0 {
                    self.shared.points.note(segment, record.seq, offset);
                }
                active.last_at = Some(offset);
                offset += record_len(record.body.len()) as u64;
                tail.push(record);
            }
            active.end = offset;
        }
        let mut tree = lock(&self.shared.tree);
        self.leaves.drain(..).for_each(|leaf| tree.push(leaf));
        drop(tree);
        self.queue.release(records, bytes);
        self.shared.durable.send_modify(|durable| {
            durable.through = through;
            durable.stalled = None;
        });
        if self.buffer.capacity() > BUFFER_KEPT_BYTES {
            self.buffer = Vec::new();
        }
        self.group.shrink_to(BUFFER_KEPT_BYTES / size_of::<Record>());
        self.leaves.shrink_to(BUFFER_KEPT_BYTES / size_of::<Hash>());
    }

    /// Whether it is time to write zeros ahead.
    fn wants_zeros(&self) -> bool {
        self.start.active.as_ref().is_some_and(|active| {
            let wanted = active.zeros_wanted(self.last_group_bytes);
            let left = active.zeroed.saturating_sub(active.end);
            left <= wanted / 2 && active.zeroed < active.size && wanted > 0
        })
    }

    /// Writes zeros ahead while nothing waits, so that the next groups find them.
    fn zero_ahead_if_idle(&mut self) {
        if !self.wants_zeros() || !self.queue.is_idle_for(IDLE) {
            return;
        }
        let Some(active) = self.start.active.as_mut() else { return };
        let wanted = active.zeros_wanted(self.last_group_bytes);
        let written = active.write_zeros(active.end, wanted).and_then(|()| active.sync());
        if written.is_err() {
            // A failing disk is noticed by the next group. Nothing is lost by going without zeros.
            active.zeroed = active.size;
        }
    }

    /// Where the ledger ends, if all is on the disk.
    fn end_mark(&self) -> Option<EndMark> {
        let active = self.start.active.as_ref()?;
        let (ledger, first_seq, chain) = (self.start.ledger, self.shared.newest_segment(), self.start.chain);
        let tree = lock(&self.shared.tree).clone();
        Some(EndMark { ledger, first_seq, offset: active.last_at?, chain, zeroed: active.zeroed, tree })
    }

    fn stall(&self, why: &Arc<str>) {
        self.shared.durable.send_if_modified(|durable| {
            let changed = durable.stalled.as_ref() != Some(why);
            durable.stalled = Some(Arc::clone(why));
            changed
        });
    }
}

impl Shared {
    fn newest_segment(&self) -> u64 {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.last().map_or(0, |segment| segment.first_seq)
    }

    /// Adds the segment that is written to from now on. The one before has its name by now, since
    /// a spare is prepared only after the renaming, and need not be held open.
    fn add_segment(&self, segment: Segment) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        segments.retain(|older| older.first_seq < segment.first_seq);
        if let Some(previous) = segments.last_mut() {
            (previous.file, previous.spare) = (None, false);
        }
        segments.push(segment);
    }
}
