//! Numbers of the entries that name an id, many under one key.

use super::index_key;
use crate::mentions::Sort;

/// Entries of one id that share a key. sled keeps some 100 bytes in memory for each key.
const BLOCK_ENTRIES: usize = 64;
/// Bytes that one of them takes: how much its number is above the block's first, and its day.
const ENTRY_BYTES: usize = 6;
/// The day of an entry whose clock was not set, or was so wrong that its day can't be kept.
const UNDATED: u16 = u16::MAX;

/// Some entries of an id, in order: a key with the first one's number, and for each how much its number is above that,
/// and its day.
pub(super) struct Block {
    pub key: Vec<u8>,
    first: u64,
    pub entries: Vec<u8>,
}

impl Block {
    pub(super) fn new(sort: Sort, id: &str, first: u64) -> Self {
        Self { key: index_key(sort, id, Some(first)), first, entries: Vec::new() }
    }

    /// The block under that key, whose first `prefix_len` bytes name an id; none if it is another id's, whose key is
    /// longer: it goes on behind a zero of its own.
    pub(super) fn read(key: &[u8], entries: &[u8], prefix_len: usize) -> Option<Self> {
        let first = key.get(prefix_len..)?.try_into().ok().map(u64::from_be_bytes)?;
        Some(Self { key: key.to_vec(), first, entries: entries.to_vec() })
    }

    /// The block under that key, whosever it is.
    pub(super) fn read_any(key: &[u8], entries: &[u8]) -> Option<Self> {
        Self::read(key, entries, key.len().checked_sub(8)?)
    }

    /// Each entry's number and day.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = (u64, Option<u16>)> {
        let first = self.first;
        let (entries, _) = self.entries.as_chunks::<ENTRY_BYTES>();
        entries.iter().map(move |&[a, b, c, d, e, f]| {
            let (offset, day) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]));
            (first.saturating_add(u64::from(offset)), Some(day).filter(|&day| day != UNDATED))
        })
    }

    /// Adds an entry, unless it is there already; says whether it fits.
    pub(super) fn push(&mut self, seq: u64, day: Option<i64>) -> bool {
        if self.entries().next_back().is_some_and(|(last, _)| last == seq) {
            return true;
        }
        let Some(offset) = seq.checked_sub(self.first).and_then(|offset| u32::try_from(offset).ok()) else {
            return false;
        };
        if self.entries.len() >= BLOCK_ENTRIES * ENTRY_BYTES {
            return false;
        }
        let day = day.and_then(|day| u16::try_from(day).ok()).unwrap_or(UNDATED);
        self.entries.extend_from_slice(&offset.to_be_bytes());
        self.entries.extend_from_slice(&day.to_be_bytes());
        true
    }

    /// The same without the entries through this one; none if no other is in it.
    pub(super) fn without(&self, through: u64) -> Option<Self> {
        let mut left = self.entries().filter(|(seq, _)| *seq > through).peekable();
        let (first, _) = *left.peek()?;
        let prefix = self.key.get(..self.key.len().checked_sub(8)?)?;
        let key = [prefix, &first.to_be_bytes()].concat();
        let mut block = Self { key, first, entries: Vec::new() };
        left.for_each(|(seq, day)| {
            block.push(seq, day.map(i64::from));
        });
        Some(block)
    }

    /// Goes into the index's sum, which shows whether blocks are missing, old or changed (FNV-1a, its bits spread).
    pub(super) fn hash(&self) -> u64 {
        let bytes = self.key.iter().chain(&self.entries);
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}
