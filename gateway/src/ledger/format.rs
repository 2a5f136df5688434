//! The bytes of a record, and its hashes. `gateway/docs/ledger-format.md` is their specification.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fmt;

/// Length of a segment's header block; the first record starts here.
pub const HEADER_LEN: usize = 4096;
/// The version that this software writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 2;

/// Length of a record up to its body.
pub const RECORD_HEADER_LEN: usize = 72;
/// Records start at multiples of this, so that a search behind a damaged one is cheap.
pub(super) const RECORD_ALIGN: usize = 8;
/// Bytes before the part that a record's length counts: the length itself and the checksum.
const RECORD_PREFIX_LEN: usize = 8;
/// Longest body of a record, in bytes.
pub const MAX_BODY_LEN: usize = 1 << 20;
/// Highest number of a record: what JSON readers take without loss, and room for any school.
pub(super) const MAX_SEQ: u64 = (1 << 53) - 1;
/// Most records of one group, so that their places in it fit the record's header.
pub(super) const MAX_GROUP_RECORDS: usize = 1 << 14;
/// An entry.
const KIND_ENTRY: u8 = 1;
/// An entry whose body and salt were removed; its leaf hash stands in the body's place. Since version 2.
const KIND_REMOVED: u8 = 3;

/// A SHA-256 hash.
pub type Hash = [u8; 32];
/// The random bytes that keep a leaf hash from giving away a body that could be guessed.
pub type Salt = [u8; 16];

/// Identity of a ledger: 16 random bytes, drawn when it is created and kept in every segment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LedgerId(pub [u8; 16]);

impl fmt::Display for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for LedgerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerId({self})")
    }
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
        HEXLOWER.encode_display(&self.chain[..4]).fmt(f)?;
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

/// Length that a record with a body of `body_len` bytes takes in a segment.
#[must_use]
pub const fn record_len(body_len: usize) -> usize {
    (RECORD_HEADER_LEN + body_len).next_multiple_of(RECORD_ALIGN)
}

/// A record's place among those that were written with it, by one write and one sync.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Records of its group before it.
    pub before: u16,
    /// Records of its group behind it. Both are 0 in a record of version 1.
    pub after: u16,
}

impl Place {
    /// Place `index` of a group of `count`, which is at most [`MAX_GROUP_RECORDS`].
    pub(super) fn of(index: usize, count: usize) -> Self {
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        Self { before: short(index), after: short(count.saturating_sub(index + 1)) }
    }

    /// Numbers of the first and the last record of the group of record `seq`.
    pub(super) fn group(self, seq: u64) -> (u64, u64) {
        (seq.saturating_sub(u64::from(self.before)), seq.saturating_add(u64::from(self.after)))
    }
}

/// What a record holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// The entry, and the salt of its leaf hash.
    Entry { salt: Salt, body: Bytes },
    /// The leaf hash of an entry that was removed.
    Removed { leaf: Hash },
}

/// A record as it stands in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub seq: u64,
    pub place: Place,
    pub chain: Hash,
    pub content: Content,
}

impl Stored {
    /// Its leaf hash, computed or, of a removed entry, stored.
    pub(super) fn leaf(&self) -> Hash {
        match &self.content {
            Content::Entry { salt, body } => leaf(salt, body),
            Content::Removed { leaf } => *leaf,
        }
    }

    /// Length that it takes in its segment.
    pub(super) fn len(&self) -> usize {
        record_len(self.payload().len())
    }

    /// What stands behind the record's header.
    fn payload(&self) -> &[u8] {
        match &self.content {
            Content::Entry { body, .. } => body,
            Content::Removed { leaf } => leaf,
        }
    }
}

/// Like [`Record`], it shows nothing of a body.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry { body, .. } => write!(f, "Entry({} bytes)", body.len()),
            Self::Removed { .. } => f.write_str("Removed"),
        }
    }
}

/// Appends the bytes of an entry's record to `out`.
pub(super) fn encode_record(record: &Record, place: Place, out: &mut Vec<u8>) {
    encode(record.seq, KIND_ENTRY, place, &record.salt, &record.chain, &record.body, out);
}

/// Appends the bytes of any record to `out`.
pub(super) fn encode_stored(record: &Stored, out: &mut Vec<u8>) {
    let (kind, salt) = match &record.content {
        Content::Entry { salt, .. } => (KIND_ENTRY, *salt),
        Content::Removed { .. } => (KIND_REMOVED, [0; 16]),
    };
    encode(record.seq, kind, record.place, &salt, &record.chain, record.payload(), out);
}

fn encode(seq: u64, kind: u8, place: Place, salt: &Salt, chain: &Hash, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let counted = RECORD_HEADER_LEN - RECORD_PREFIX_LEN + payload.len();
    out.extend_from_slice(&u32::try_from(counted).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&[kind, 0, 0, 0]);
    out.extend_from_slice(&place.before.to_le_bytes());
    out.extend_from_slice(&place.after.to_le_bytes());
    out.extend_from_slice(salt);
    out.extend_from_slice(chain);
    out.extend_from_slice(payload);
    let crc = record_crc(&out[start..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    out.resize(start + record_len(payload.len()), 0);
}

/// CRC-32C over a record's length and everything after the checksum.
fn record_crc(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[RECORD_PREFIX_LEN..])
}

/// What stands at a place where a record may start.
#[derive(Debug)]
pub(super) enum Frame {
    /// A whole record that passes its checksum.
    Whole(Stored),
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
    let numbers = (u32_at(head, 0), u32_at(head, 4), u64_at(head, 8), u16_at(head, 20), u16_at(head, 22));
    let (Some(counted), Some(crc), Some(seq), Some(before), Some(after)) = numbers else {
        return Frame::Bad;
    };
    let end = RECORD_PREFIX_LEN + counted as usize;
    let plausible = (RECORD_HEADER_LEN..=RECORD_HEADER_LEN + MAX_BODY_LEN).contains(&end)
        && (1..=MAX_SEQ).contains(&seq)
        && u64::from(before) < seq
        && head[17..20] == [0; 3];
    if !plausible {
        return Frame::Bad;
    }
    let Some(whole) = bytes.get(..end) else {
        return Frame::NeedsMore { needed: end };
    };
    if record_crc(whole) != crc {
        return Frame::Bad;
    }
    let (Some(salt), Some(chain)) = (array_at(head, 24), array_at(head, 40)) else {
        return Frame::Bad;
    };
    let content = match head[16] {
        KIND_ENTRY => Content::Entry { salt, body: bytes.slice(RECORD_HEADER_LEN..end) },
        KIND_REMOVED if salt == [0; 16] && end == RECORD_HEADER_LEN + size_of::<Hash>() => {
            let Some(leaf) = array_at(whole, RECORD_HEADER_LEN) else { return Frame::Bad };
            Content::Removed { leaf }
        }
        _ => return Frame::Bad,
    };
    Frame::Whole(Stored { seq, place: Place { before, after }, chain, content })
}

pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_content() -> impl Strategy<Value = Content> {
        let entry = |(salt, body): (Salt, Vec<u8>)| Content::Entry { salt, body: body.into() };
        prop_oneof![any::<(Salt, Vec<u8>)>().prop_map(entry), any::<Hash>().prop_map(|leaf| Content::Removed { leaf })]
    }

    proptest! {
        #[test]
        fn any_record_reads_back_as_written(
            seq in 1 << 16..=MAX_SEQ,
            (before, after) in any::<(u16, u16)>(),
            chain: [u8; 32],
            content in any_content(),
        ) {
            let record = Stored { seq, place: Place { before, after }, chain, content };
            let mut bytes = Vec::new();
            encode_stored(&record, &mut bytes);
            prop_assert_eq!(bytes.len(), record.len());
            match decode_record(&bytes.into()) {
                Frame::Whole(read) => prop_assert_eq!(read, record),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn arbitrary_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = decode_record(&bytes.into());
        }

        #[test]
        fn one_flipped_bit_is_noticed(bit in 0usize..(72 + 5) * 8) {
            let record = Record { seq: 7, salt: [1; 16], chain: [2; 32], body: Bytes::from_static(b"{a:1}") };
            let mut bytes = Vec::new();
            encode_record(&record, Place::of(2, 5), &mut bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches!(decode_record(&bytes.into()), Frame::Whole(_)));
        }
    }

    #[test]
    fn a_removed_record_with_a_salt_or_another_length_is_none() {
        let mut bytes = Vec::new();
        encode(7, KIND_REMOVED, Place::default(), &[1; 16], &[2; 32], &[3; 32], &mut bytes);
        assert!(matches!(decode_record(&bytes.into()), Frame::Bad));
        let mut bytes = Vec::new();
        encode(7, KIND_REMOVED, Place::default(), &[0; 16], &[2; 32], &[3; 31], &mut bytes);
        assert!(matches!(decode_record(&bytes.into()), Frame::Bad));
    }
}
