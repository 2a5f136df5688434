//! The bytes of a segment, version 1. `gateway/docs/ledger-format.md` is their specification.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fmt;

/// Length of a segment's header block; the first record starts here.
pub const HEADER_LEN: usize = 4096;
/// Where in the header block the second copy of the header stands.
const HEADER_COPY_AT: usize = 2048;
/// Bytes of one header copy that its checksum covers.
const HEADER_CHECKED_LEN: usize = 72;
const MAGIC: &[u8; 8] = b"SGLEDGER";
/// The version that this module writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// Length of a record up to its body.
pub const RECORD_HEADER_LEN: usize = 72;
/// Records start at multiples of this, so that a search behind a damaged one is cheap.
pub(super) const RECORD_ALIGN: usize = 8;
/// Bytes before the part that a record's length counts: the length itself and the checksum.
const RECORD_PREFIX_LEN: usize = 8;
/// Longest body of a record, in bytes.
pub const MAX_BODY_LEN: usize = 1 << 20;
/// The only kind of record of version 1.
const KIND_ENTRY: u8 = 1;

/// A SHA-256 hash.
pub type Hash = [u8; 32];
/// The random bytes that keep a leaf hash from giving away a body that could be guessed.
pub type Salt = [u8; 16];

/// Identity of a ledger: 16 random bytes, drawn when it is created and kept in every segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LedgerId(pub [u8; 16]);

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerId({self})")
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// One entry as it stands in the ledger.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Number of the entry, from 1, without gaps.
    pub seq: u64,
    /// Salt of the leaf hash.
    pub salt: Salt,
    /// Hash over this entry and all before it; see [`link`].
    pub chain: Hash,
    /// The entry itself, opaque here.
    pub body: Bytes,
}

/// Bodies are about children: a record shows its number and size only.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({}, {} bytes, chain ", self.seq, self.body.len())?;
        write_hex(f, &self.chain[..4])?;
        f.write_str("…)")
    }
}

/// The hash that stands before the first entry: SHA-256("schoolgate ledger v1\0" ‖ ledger id).
#[must_use]
pub fn chain_start(id: LedgerId) -> Hash {
    Sha256::new().chain_update(b"schoolgate ledger v1\0").chain_update(id.0).finalize().into()
}

/// Leaf hash of an entry: SHA-256(0x00 ‖ salt ‖ body), the leaf form of RFC 9162 §2.1.1 over the
/// salted body.
#[must_use]
pub fn leaf(salt: &Salt, body: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(salt).chain_update(body).finalize().into()
}

/// Chain hash of an entry: SHA-256(0x02 ‖ chain before it ‖ its leaf).
#[must_use]
pub fn link(before: &Hash, leaf: &Hash) -> Hash {
    Sha256::new().chain_update([2]).chain_update(before).chain_update(leaf).finalize().into()
}

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Ledger that the segment belongs to.
    pub ledger: LedgerId,
    /// Number of the segment's first record.
    pub first_seq: u64,
    /// Chain hash before that record.
    pub chain_before: Hash,
}

/// Why a header block gives no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// Neither copy is whole.
    Damaged,
    /// Whole, and written by a later version of this software.
    Newer(u32),
}

impl Header {
    /// Writes both copies into the header block.
    pub(super) fn encode_into(&self, block: &mut [u8]) {
        let mut copy = [0; HEADER_CHECKED_LEN + 4];
        copy[0..8].copy_from_slice(MAGIC);
        copy[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        copy[16..32].copy_from_slice(&self.ledger.0);
        copy[32..40].copy_from_slice(&self.first_seq.to_le_bytes());
        copy[40..72].copy_from_slice(&self.chain_before);
        let crc = crc32c::crc32c(&copy[..HEADER_CHECKED_LEN]);
        copy[HEADER_CHECKED_LEN..].copy_from_slice(&crc.to_le_bytes());
        block.fill(0);
        block[..copy.len()].copy_from_slice(&copy);
        block[HEADER_COPY_AT..HEADER_COPY_AT + copy.len()].copy_from_slice(&copy);
    }

    /// Reads the header from whichever copy is whole.
    pub(super) fn decode(block: &[u8]) -> Result<Self, BadHeader> {
        Self::decode_copy(block).or_else(|bad| match bad {
            BadHeader::Newer(_) => Err(bad),
            BadHeader::Damaged => Self::decode_copy(block.get(HEADER_COPY_AT..).unwrap_or(&[])),
        })
    }

    fn decode_copy(bytes: &[u8]) -> Result<Self, BadHeader> {
        let whole = bytes.get(..8) == Some(MAGIC)
            && bytes.get(..HEADER_CHECKED_LEN).map(crc32c::crc32c) == u32_at(bytes, HEADER_CHECKED_LEN);
        if !whole {
            return Err(BadHeader::Damaged);
        }
        match u32_at(bytes, 8) {
            Some(FORMAT_VERSION) => {}
            Some(version) => return Err(BadHeader::Newer(version)),
            None => return Err(BadHeader::Damaged),
        }
        let fields = (array_at(bytes, 16), u64_at(bytes, 32), array_at(bytes, 40));
        let (Some(ledger), Some(first_seq), Some(chain_before)) = fields else {
            return Err(BadHeader::Damaged);
        };
        Ok(Self { ledger: LedgerId(ledger), first_seq, chain_before })
    }
}

/// Length that a record with a body of `body_len` bytes takes in a segment.
#[must_use]
pub const fn record_len(body_len: usize) -> usize {
    (RECORD_HEADER_LEN + body_len).next_multiple_of(RECORD_ALIGN)
}

/// Appends the record's bytes to `out`.
pub(super) fn encode_record(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    let counted = RECORD_HEADER_LEN - RECORD_PREFIX_LEN + record.body.len();
    out.extend_from_slice(&u32::try_from(counted).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.seq.to_le_bytes());
    out.extend_from_slice(&[KIND_ENTRY, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&record.salt);
    out.extend_from_slice(&record.chain);
    out.extend_from_slice(&record.body);
    let crc = record_crc(&out[start..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    out.resize(start + record_len(record.body.len()), 0);
}

/// CRC-32C over a record's length and everything after the checksum.
fn record_crc(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[RECORD_PREFIX_LEN..])
}

/// What stands at a place where a record may start.
#[derive(Debug)]
pub(super) enum Frame {
    /// A whole record that passes its checksum.
    Whole(Record),
    /// Zeros: nothing was written here.
    Empty,
    /// Could be a record; `needed` bytes from its start would tell.
    NeedsMore { needed: usize },
    /// Neither a record nor nothing.
    Bad,
}

/// Judges the bytes at a place where a record may start. The record's body shares `bytes`.
pub(super) fn decode_record(bytes: &Bytes) -> Frame {
    let Some(head) = bytes.get(..RECORD_HEADER_LEN) else {
        return Frame::NeedsMore { needed: RECORD_HEADER_LEN };
    };
    if head[..16].iter().all(|&byte| byte == 0) {
        return Frame::Empty;
    }
    let fields = (u32_at(head, 0), u32_at(head, 4), u64_at(head, 8), array_at(head, 24), array_at(head, 40));
    let (Some(counted), Some(crc), Some(seq), Some(salt), Some(chain)) = fields else {
        return Frame::Bad;
    };
    let end = RECORD_PREFIX_LEN + counted as usize;
    let plausible = (RECORD_HEADER_LEN..=RECORD_HEADER_LEN + MAX_BODY_LEN).contains(&end)
        && seq > 0
        && head[16..24] == [KIND_ENTRY, 0, 0, 0, 0, 0, 0, 0];
    if !plausible {
        return Frame::Bad;
    }
    let Some(whole) = bytes.get(..end) else {
        return Frame::NeedsMore { needed: end };
    };
    if record_crc(whole) != crc {
        return Frame::Bad;
    }
    Frame::Whole(Record { seq, salt, chain, body: bytes.slice(RECORD_HEADER_LEN..end) })
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(body: &[u8]) -> Record {
        Record { seq: 7, salt: [1; 16], chain: [2; 32], body: Bytes::copy_from_slice(body) }
    }

    proptest! {
        #[test]
        fn any_record_reads_back_as_written(seq in 1u64.., salt: [u8; 16], chain: [u8; 32], body: Vec<u8>) {
            let record = Record { seq, salt, chain, body: body.into() };
            let mut bytes = Vec::new();
            encode_record(&record, &mut bytes);
            prop_assert_eq!(bytes.len(), record_len(record.body.len()));
            match decode_record(&bytes.into()) {
                Frame::Whole(read) => prop_assert_eq!(read, record),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn arbitrary_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = Header::decode(&bytes);
            let _ = decode_record(&bytes.into());
        }

        #[test]
        fn one_flipped_bit_is_noticed(bit in 0usize..(72 + 5) * 8) {
            let mut bytes = Vec::new();
            encode_record(&record(b"{a:1}"), &mut bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches!(decode_record(&bytes.into()), Frame::Whole(_)));
        }
    }

    #[test]
    fn a_header_survives_the_loss_of_either_copy() {
        let header = Header { ledger: LedgerId([9; 16]), first_seq: 42, chain_before: [3; 32] };
        let mut block = vec![0; HEADER_LEN];
        header.encode_into(&mut block);
        for lost in [0..HEADER_COPY_AT, HEADER_COPY_AT..HEADER_LEN] {
            let mut damaged = block.clone();
            damaged[lost].fill(0xa5);
            assert_eq!(Header::decode(&damaged), Ok(header));
        }
        block.fill(0);
        assert_eq!(Header::decode(&block), Err(BadHeader::Damaged));
    }

    #[test]
    fn a_header_of_a_later_version_is_told_from_a_damaged_one() {
        let mut block = vec![0; HEADER_LEN];
        Header { ledger: LedgerId([9; 16]), first_seq: 1, chain_before: [3; 32] }.encode_into(&mut block);
        block[8..12].copy_from_slice(&2u32.to_le_bytes());
        let crc = crc32c::crc32c(&block[..HEADER_CHECKED_LEN]);
        block[72..76].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::decode(&block), Err(BadHeader::Newer(2)));
    }
}
