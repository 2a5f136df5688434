//! The header of a segment, versions 1 and 2. `gateway/docs/ledger-format.md` is its specification.

use super::format::{FORMAT_VERSION, HEADER_LEN, Hash, LedgerId, MAX_SEQ, array_at, u32_at, u64_at};
use super::merkle::Frontier;

const MAGIC: &[u8; 8] = b"SGLEDGER";
/// Length of a header copy; the second copy stands behind the first.
const COPY_LEN: usize = HEADER_LEN / 2;
/// Bytes that the first checksum covers. It keeps its place in all versions, so that every
/// software can tell a later version from damage.
const BASE_LEN: usize = 72;
/// Where the hashes of the Merkle frontier start.
const FRONTIER_AT: usize = 80;
/// Where the checksum over all of the copy before it stands, since version 2.
const CHECKSUM_AT: usize = COPY_LEN - 4;
const _: () = assert!(FRONTIER_AT + 32 * MAX_SEQ.count_ones() as usize <= CHECKSUM_AT);

/// What a segment's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Ledger that the segment belongs to.
    pub ledger: LedgerId,
    /// Number of the segment's first record.
    pub first_seq: u64,
    /// Chain hash before that record.
    pub chain_before: Hash,
    /// The Merkle tree over the leaves before that record; none in version 1.
    pub tree_before: Option<Frontier>,
}

/// Why a header block gives no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Neither copy is whole.
    Damaged,
    /// Whole, and written by a later version of this software.
    Newer(u32),
}

/// Writes both copies of a header of version 2 into the header block. `tree_before` holds all
/// leaves before `first_seq`.
pub(super) fn encode_header(
    ledger: LedgerId,
    first_seq: u64,
    chain_before: &Hash,
    tree_before: &Frontier,
    block: &mut [u8],
) {
    block.fill(0);
    let (copy, second) = block.split_at_mut(COPY_LEN);
    copy[0..8].copy_from_slice(MAGIC);
    copy[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    copy[16..32].copy_from_slice(&ledger.0);
    copy[32..40].copy_from_slice(&first_seq.to_le_bytes());
    copy[40..72].copy_from_slice(chain_before);
    let crc = crc32c::crc32c(&copy[..BASE_LEN]);
    copy[BASE_LEN..BASE_LEN + 4].copy_from_slice(&crc.to_le_bytes());
    let roots = tree_before.roots();
    copy[76..80].copy_from_slice(&u32::try_from(roots.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (place, root) in copy[FRONTIER_AT..CHECKSUM_AT].chunks_exact_mut(32).zip(roots) {
        place.copy_from_slice(root);
    }
    let crc = crc32c::crc32c(&copy[..CHECKSUM_AT]);
    copy[CHECKSUM_AT..].copy_from_slice(&crc.to_le_bytes());
    second.copy_from_slice(copy);
}

impl Header {
    /// Reads the header from whichever copy is whole.
    pub(super) fn decode(block: &[u8]) -> Result<Self, BadHeader> {
        let copies = [block.get(..COPY_LEN), block.get(COPY_LEN..HEADER_LEN)];
        let mut verdict = Err(BadHeader::Damaged);
        for copy in copies.into_iter().flatten() {
            match Self::decode_copy(copy) {
                Ok(header) => return Ok(header),
                Err(BadHeader::Damaged) => {}
                newer => verdict = newer,
            }
        }
        verdict
    }

    fn decode_copy(copy: &[u8]) -> Result<Self, BadHeader> {
        let base = copy.get(..BASE_LEN).ok_or(BadHeader::Damaged)?;
        if !base.starts_with(MAGIC) || u32_at(copy, BASE_LEN) != Some(crc32c::crc32c(base)) {
            return Err(BadHeader::Damaged);
        }
        let fields = (u32_at(copy, 8), array_at(copy, 16), u64_at(copy, 32), array_at(copy, 40));
        let (Some(version), Some(ledger), Some(first_seq), Some(chain_before)) = fields else {
            return Err(BadHeader::Damaged);
        };
        let tree_before = match version {
            1 => None,
            FORMAT_VERSION => Some(decode_tree(copy, first_seq).ok_or(BadHeader::Damaged)?),
            0 => return Err(BadHeader::Damaged),
            newer => return Err(BadHeader::Newer(newer)),
        };
        if !(1..=MAX_SEQ).contains(&first_seq) {
            return Err(BadHeader::Damaged);
        }
        Ok(Self { ledger: LedgerId(ledger), first_seq, chain_before, tree_before })
    }
}

fn decode_tree(copy: &[u8], first_seq: u64) -> Option<Frontier> {
    let checked = copy.get(..CHECKSUM_AT)?;
    if u32_at(copy, CHECKSUM_AT) != Some(crc32c::crc32c(checked)) {
        return None;
    }
    let count = usize::try_from(u32_at(copy, 76)?).ok()?;
    let roots = checked.get(FRONTIER_AT..)?.chunks_exact(32).take(count);
    Frontier::from_roots(first_seq.checked_sub(1)?, roots.filter_map(|root| root.try_into().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree_of(size: u64) -> Frontier {
        let mut tree = Frontier::default();
        (0..size).for_each(|leaf| tree.push([u8::try_from(leaf % 256).unwrap(); 32]));
        tree
    }

    fn block() -> Vec<u8> {
        let mut block = vec![0; HEADER_LEN];
        encode_header(LedgerId([9; 16]), 42, &[3; 32], &tree_of(41), &mut block);
        block
    }

    fn header() -> Header {
        let tree_before = Some(tree_of(41));
        Header { ledger: LedgerId([9; 16]), first_seq: 42, chain_before: [3; 32], tree_before }
    }

    #[test]
    fn a_header_survives_the_loss_of_either_copy() {
        for lost in [0..COPY_LEN, COPY_LEN..HEADER_LEN] {
            let mut damaged = block();
            damaged[lost].fill(0xa5);
            assert_eq!(Header::decode(&damaged), Ok(header()));
        }
        assert_eq!(Header::decode(&vec![0; HEADER_LEN]), Err(BadHeader::Damaged));
    }

    #[test]
    fn any_flipped_bit_of_a_copy_spoils_that_copy() {
        for bit in 0..COPY_LEN * 8 {
            let mut damaged = block();
            damaged[COPY_LEN..].fill(0);
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&damaged), Err(BadHeader::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn a_header_of_a_later_version_is_told_from_a_damaged_one() {
        let mut block = block();
        block[8..12].copy_from_slice(&3u32.to_le_bytes());
        let crc = crc32c::crc32c(&block[..BASE_LEN]);
        block[72..76].copy_from_slice(&crc.to_le_bytes());
        block[COPY_LEN..].fill(0);
        assert_eq!(Header::decode(&block), Err(BadHeader::Newer(3)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_judged_without_panic(bytes: Vec<u8>, at in 0..HEADER_LEN) {
            let _ = Header::decode(&bytes);
            let mut block = block();
            for (place, byte) in block[at..].iter_mut().zip(bytes) {
                *place = byte;
            }
            if let Ok(read) = Header::decode(&block) {
                prop_assert_eq!(read, header());
            }
        }
    }
}
