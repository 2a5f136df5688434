//! Where the ledger ended when it was closed, so that opening need not read its last segment again.
//!
//! Nothing depends on it: without it, or if it does not fit what is there, the segment is read.

use super::format::{Hash, LedgerId, MAX_SEQ, array_at, u32_at, u64_at};
use super::medium::Medium;
use super::merkle::Frontier;
use sha2::{Digest, Sha256};
use std::io;

const MARK_NAME: &str = "end.mark";
const MAGIC: &[u8; 8] = b"SGLEDEND";
const MARK_VERSION: u32 = 1;
const MARK_LEN: usize = 2048;
/// Where the hashes of the Merkle frontier start.
const FRONTIER_AT: usize = 96;
/// Where the SHA-256 over all before it stands.
const CHECKSUM_AT: usize = MARK_LEN - 32;
const _: () = assert!(FRONTIER_AT + 32 * MAX_SEQ.count_ones() as usize <= CHECKSUM_AT);

/// A record of the last segment that was durable, with all before it, when this was written. There
/// may be more by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EndMark {
    pub ledger: LedgerId,
    /// Number of the segment's first record.
    pub first_seq: u64,
    /// Where the record starts in the segment.
    pub offset: u64,
    /// Its chain hash.
    pub chain: Hash,
    /// What lies before this in the segment was written before, if with zeros only.
    pub zeroed: u64,
    /// The Merkle tree through that record: its size is the record's number.
    pub tree: Frontier,
}

impl EndMark {
    /// Number of the record.
    pub(super) fn seq(&self) -> u64 {
        self.tree.size()
    }

    /// The mark in the ledger's folder, if a whole one is there.
    pub(super) fn read(medium: &dyn Medium, names: &[String]) -> Option<Self> {
        names.iter().find(|name| *name == MARK_NAME)?;
        let mut bytes = [0; MARK_LEN];
        medium.open(MARK_NAME, false).ok()?.read_exact_at(&mut bytes, 0).ok()?;
        Self::decode(&bytes)
    }

    /// Writes it in the place of an older one. It is not synced: what a power cut leaves of it is
    /// told by its checksum.
    pub(super) fn write(&self, medium: &dyn Medium) -> io::Result<()> {
        let file = medium.open(MARK_NAME, true).or_else(|_| medium.create(MARK_NAME))?;
        file.write_all_at(&self.encode(), 0)
    }

    fn encode(&self) -> [u8; MARK_LEN] {
        let mut bytes = [0; MARK_LEN];
        let roots = self.tree.roots();
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&MARK_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&u32::try_from(roots.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.ledger.0);
        bytes[32..40].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.offset.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.seq().to_le_bytes());
        bytes[56..88].copy_from_slice(&self.chain);
        bytes[88..96].copy_from_slice(&self.zeroed.to_le_bytes());
        for (place, root) in bytes[FRONTIER_AT..CHECKSUM_AT].chunks_exact_mut(32).zip(roots) {
            place.copy_from_slice(root);
        }
        let checksum = Sha256::digest(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = (bytes.get(..CHECKSUM_AT)?, bytes.get(CHECKSUM_AT..MARK_LEN)?);
        let known = content.starts_with(MAGIC) && u32_at(content, 8) == Some(MARK_VERSION);
        if !known || Sha256::digest(content)[..] != *checksum {
            return None;
        }
        let count = usize::try_from(u32_at(content, 12)?).ok()?;
        let roots = content[FRONTIER_AT..].chunks_exact(32).take(count);
        let seq = u64_at(content, 48).filter(|seq| (1..=MAX_SEQ).contains(seq))?;
        Some(Self {
            ledger: LedgerId(array_at(content, 16)?),
            first_seq: u64_at(content, 32)?,
            offset: u64_at(content, 40)?,
            chain: array_at(content, 56)?,
            zeroed: u64_at(content, 88)?,
            tree: Frontier::from_roots(seq, roots.filter_map(|root| root.try_into().ok()).collect())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark(size: u64) -> EndMark {
        let mut tree = Frontier::default();
        (0..size).for_each(|leaf| tree.push([u8::try_from(leaf % 256).unwrap(); 32]));
        EndMark { ledger: LedgerId([9; 16]), first_seq: 7, offset: 4096, chain: [3; 32], zeroed: 8192, tree }
    }

    #[test]
    fn any_flipped_bit_spoils_the_mark() {
        for bit in 0..MARK_LEN * 8 {
            let mut bytes = mark(41).encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(EndMark::decode(&bytes), None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn a_mark_reads_back_as_written(size in 1u64..300) {
            prop_assert_eq!(EndMark::decode(&mark(size).encode()), Some(mark(size)));
        }

        #[test]
        fn arbitrary_bytes_are_judged_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..MARK_LEN + 9), whole: bool) {
            if whole && bytes.len() >= MARK_LEN {
                bytes[..8].copy_from_slice(MAGIC);
                bytes[8..12].copy_from_slice(&MARK_VERSION.to_le_bytes());
                let checksum = Sha256::digest(&bytes[..CHECKSUM_AT]);
                bytes[CHECKSUM_AT..MARK_LEN].copy_from_slice(&checksum);
            }
            let _ = EndMark::decode(&bytes);
        }
    }
}
