//! Numbers of the entries that name some ids, many under one key.

use crate::mentions::Sort;

use super::INDEX_PREFIX;

/// Entries that share a key. sled keeps some hundreds of bytes in memory for each key, so a key of its own for each student
/// would take more than all the rest of the store.
const BLOCK_ENTRIES: usize = 32;
/// Bytes that one of them takes: how much its number is above the block's first, its day, and the id's tag.
const ENTRY_BYTES: usize = 10;
/// The day of an entry whose clock was not set, or was so wrong that its day can't be kept.
const UNDATED: u16 = u16::MAX;
/// Prefix, sort, group of ids, number of the block's first entry.
const KEY_BYTES: usize = 11;

/// An id as the index knows it: ids of a group share their blocks, and in them a tag tells them apart, but for one in
/// billions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    sort: Sort,
    group: u8,
    /// Tells it from others of its group.
    pub tag: u32,
}

impl Name {
    pub(super) fn of(sort: Sort, id: &str) -> Self {
        let hash = hash(id.as_bytes());
        let [group, _, _, _, tag @ ..] = hash.to_be_bytes();
        Self { sort, group, tag: u32::from_be_bytes(tag) }
    }

    /// What the keys of its group's blocks begin with.
    pub(super) fn prefix(self) -> [u8; 3] {
        let sort = match self.sort {
            Sort::Student => b's',
            Sort::Session => b'n',
            Sort::Place => b'p',
        };
        [INDEX_PREFIX, sort, self.group]
    }
}

/// FNV-1a, its bits spread.
fn hash<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u64 {
    let hash = bytes
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Some mentions of a group's ids, in the order of their entries: a key with the first entry's number, and for each how
/// much its number is above that, its day, and whom it names.
pub(super) struct Block {
    pub key: Vec<u8>,
    first: u64,
    pub entries: Vec<u8>,
}

/// One entry that names an id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mention {
    pub seq: u64,
    /// Its day, if that is known.
    pub day: Option<u16>,
    /// Of the id that it names.
    pub tag: u32,
}

impl Block {
    /// A block without mentions, for those from entry `first` on.
    pub(super) fn new(prefix: [u8; 3], first: u64) -> Self {
        Self { key: [&prefix[..], &first.to_be_bytes()].concat(), first, entries: Vec::new() }
    }

    /// The block under that key; none if no block has such a key.
    pub(super) fn read(key: &[u8], entries: &[u8]) -> Option<Self> {
        let (_, first) = key.split_last_chunk().filter(|_| key.len() == KEY_BYTES)?;
        Some(Self { key: key.to_vec(), first: u64::from_be_bytes(*first), entries: entries.to_vec() })
    }

    /// Each mention.
    pub(super) fn mentions(&self) -> impl DoubleEndedIterator<Item = Mention> {
        let first = self.first;
        let (entries, _) = self.entries.as_chunks::<ENTRY_BYTES>();
        entries.iter().map(move |&[a, b, c, d, e, f, tag @ ..]| {
            let (offset, day) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]));
            let (seq, day) = (first.saturating_add(u64::from(offset)), Some(day).filter(|&day| day != UNDATED));
            Mention { seq, day, tag: u32::from_be_bytes(tag) }
        })
    }

    /// Adds a mention, unless it is there already; says whether it fits. All of one entry's fit: the next block is another
    /// entry's, as its key says.
    pub(super) fn push(&mut self, seq: u64, day: Option<i64>, tag: u32) -> bool {
        let goes_on = self.mentions().next_back().is_some_and(|last| last.seq == seq);
        if self.mentions().rev().take_while(|mention| mention.seq == seq).any(|mention| mention.tag == tag) {
            return true;
        }
        let Some(offset) = seq.checked_sub(self.first).and_then(|offset| u32::try_from(offset).ok()) else {
            return false;
        };
        if !goes_on && self.entries.len() >= BLOCK_ENTRIES * ENTRY_BYTES {
            return false;
        }
        let day = day.and_then(|day| u16::try_from(day).ok()).unwrap_or(UNDATED);
        self.entries.extend_from_slice(&offset.to_be_bytes());
        self.entries.extend_from_slice(&day.to_be_bytes());
        self.entries.extend_from_slice(&tag.to_be_bytes());
        true
    }

    /// The same without the entries through this one; none if no other is in it.
    pub(super) fn without(&self, through: u64) -> Option<Self> {
        let mut left = self.mentions().filter(|mention| mention.seq > through).peekable();
        let first = left.peek()?.seq;
        let prefix = self.key.first_chunk()?;
        let mut block = Self::new(*prefix, first);
        left.for_each(|Mention { seq, day, tag }| {
            block.push(seq, day.map(i64::from), tag);
        });
        Some(block)
    }

    /// Goes into the index's sum, which shows whether blocks are missing, old or changed.
    pub(super) fn hash(&self) -> u64 {
        hash(self.key.iter().chain(&self.entries))
    }
}
