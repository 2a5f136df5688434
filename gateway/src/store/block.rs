//! Numbers of a subject's entries, many under one key.

use super::subject_key;

/// Entries of one subject that share a key. sled keeps some 100 bytes in memory for each key.
const BLOCK_SEQS: usize = 64;
/// Bytes that one of them takes: how much it is above the block's first number.
const BLOCK_SEQ_BYTES: usize = 4;

/// Some entries of a subject, in order: a key with the first one's number, and for each how much
/// its number is above that.
pub(super) struct Block {
    pub key: Vec<u8>,
    first: u64,
    pub offsets: Vec<u8>,
}

impl Block {
    pub(super) fn new(subject: &str, first: u64) -> Self {
        Self { key: subject_key(subject, Some(first)), first, offsets: Vec::new() }
    }

    /// The block under that key; none if it is another subject's, whose key is longer: it goes on
    /// behind a zero of its own.
    pub(super) fn read(key: &[u8], offsets: &[u8], prefix_len: usize) -> Option<Self> {
        let first = key.get(prefix_len..)?.try_into().ok().map(u64::from_be_bytes)?;
        Some(Self { key: key.to_vec(), first, offsets: offsets.to_vec() })
    }

    pub(super) fn seqs(&self) -> impl DoubleEndedIterator<Item = u64> {
        let first = self.first;
        let (offsets, _) = self.offsets.as_chunks::<BLOCK_SEQ_BYTES>();
        offsets.iter().map(move |offset| first.saturating_add(u64::from(u32::from_be_bytes(*offset))))
    }

    /// Adds an entry, unless it is there already; says whether it fits.
    pub(super) fn push(&mut self, seq: u64) -> bool {
        if self.seqs().next_back() == Some(seq) {
            return true;
        }
        let Some(offset) = seq.checked_sub(self.first).and_then(|offset| u32::try_from(offset).ok()) else {
            return false;
        };
        if self.offsets.len() >= BLOCK_SEQS * BLOCK_SEQ_BYTES {
            return false;
        }
        self.offsets.extend_from_slice(&offset.to_be_bytes());
        true
    }
}
