//! What fuzzing and property tests run over arbitrary bytes: nothing here may panic, loop without
//! end or show what is not so. No part of the interface.

use super::format::{Frame, decode_record, encode_stored, leaf};
use super::layout::segment_name;
use super::medium::{Medium, MediumFile};
use super::points::Points;
use super::proof::{verify_consistency, verify_inclusion};
use super::records::ReadError;
use super::recover::recover;
use super::scan::Scan;
use super::tree::Tree;
use super::verify::verify_on;
use super::{Hash, LedgerId, MIN_SEGMENT_BYTES};
use bytes::Bytes;
use std::io;
use std::sync::Arc;

/// A record from outside is taken only as it would be written.
///
/// # Panics
/// If it is not so.
pub fn record(bytes: &[u8]) {
    if let Frame::Whole(record) = decode_record(&Bytes::copy_from_slice(bytes)) {
        let mut written = Vec::new();
        encode_stored(&record, &mut written);
        let read = bytes.len().min(written.len());
        let padding = written.len() - read;
        assert!(
            padding < 8 && written[..read - read.min(7)] == bytes[..read - read.min(7)],
            "read otherwise than written"
        );
    }
}

/// A ledger of one segment with these bytes is opened, read and checked.
///
/// # Panics
/// If its records come out of order, or without the leaf that the tree has.
pub fn segment(bytes: &[u8]) {
    let medium: Arc<dyn Medium> = Arc::new(OneSegment(Bytes::copy_from_slice(bytes)));
    let Ok(found) = recover(&medium, LedgerId([0; 16]), MIN_SEGMENT_BYTES, 0, &Arc::new(Points::default())) else {
        return;
    };
    let mut last = 0;
    for item in Scan::new(Arc::clone(&medium), found.segments.clone(), 1).telling_groups(0) {
        match item {
            Ok(record) => {
                assert!(record.seq > last, "out of order");
                last = record.seq;
            }
            Err(ReadError::Damaged(fault)) => assert!(fault.resumes_at.is_none_or(|next| next >= fault.seq), "back"),
            Err(_) => {}
        }
    }
    assert!(last <= found.recovery.last_seq, "more than was found");
    assert!(found.tree.size() == found.recovery.last_seq, "the tree has another size");
    let tree = Tree::new(Arc::clone(&medium), found.segments, last);
    if last > 0
        && let Ok((hash, path)) = tree.prove_inclusion(last, last)
        && let Ok(root) = tree.root(last)
    {
        assert!(verify_inclusion(&hash, last - 1, last, &path, &root), "a proof that proves nothing");
    }
    let _ = verify_on(medium, |_| {});
}

/// A proof of any bytes is refused: nobody finds two inputs of one hash.
///
/// # Panics
/// If it is accepted.
pub fn proof(bytes: &[u8]) {
    let (numbers, hashes) = bytes.split_at(bytes.len().min(16));
    let number =
        |at: usize| numbers.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    let (index, size) = (number(0), number(8));
    let path: Vec<Hash> = hashes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect();
    let (one, other) = (leaf(&[1; 16], bytes), leaf(&[2; 16], bytes));
    assert!(!verify_inclusion(&one, index, size, &path, &other), "a forged inclusion");
    assert!(!verify_consistency(index, &one, size, &other, &path), "a forged consistency");
}

/// A folder with one segment that can only be read.
struct OneSegment(Bytes);

fn read_only<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl Medium for OneSegment {
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        Ok(Box::new(()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(vec![segment_name(1)])
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn MediumFile>> {
        read_only()
    }

    fn open(&self, name: &str, writable: bool) -> io::Result<Arc<dyn MediumFile>> {
        match (name == segment_name(1), writable) {
            (true, false) => Ok(Arc::new(Self(self.0.clone()))),
            (true, true) => read_only(),
            (false, _) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        read_only()
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        read_only()
    }

    fn sync_dir(&self) -> io::Result<()> {
        read_only()
    }
}

impl MediumFile for OneSegment {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(buf.len());
        buf.copy_from_slice(self.0.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        read_only()
    }

    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        read_only()
    }

    fn sync_data(&self) -> io::Result<()> {
        read_only()
    }
}
