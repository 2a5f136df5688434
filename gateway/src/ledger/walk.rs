//! Walks through the records of one segment, and finds the next whole one behind a damaged one.

use super::format::{Frame, HEADER_LEN, RECORD_ALIGN, RECORD_HEADER_LEN, Stored, decode_record};
use super::medium::MediumFile;
use bytes::{Bytes, BytesMut};
use std::io;
use std::sync::Arc;

/// Bytes read at a time. Records that fit share the memory of their chunk.
const CHUNK_LEN: usize = 64 << 10;
const ALIGN: u64 = RECORD_ALIGN as u64;
/// Unit in which a chunk is read again after a read error, to lose no more than the bad part.
const PAGE_LEN: usize = 4096;

/// What stands at the walk's place.
pub(super) enum Step {
    /// A whole record; the walk now stands behind it.
    Record(Stored),
    /// Nothing was written here, or the segment ends.
    End,
    /// Something that is no whole record.
    Bad,
}

/// A place in a segment, moving forward.
#[derive(Clone)]
pub(super) struct Walk {
    file: Arc<dyn MediumFile>,
    size: u64,
    offset: u64,
    chunk: Bytes,
    chunk_at: u64,
    unreadable: bool,
}

impl Walk {
    /// A walk that stands at `offset`, where a record starts.
    pub(super) fn new(file: Arc<dyn MediumFile>, offset: u64) -> io::Result<Self> {
        let size = file.size()?;
        let offset = offset.max(HEADER_LEN as u64);
        Ok(Self { file, size, offset, chunk: Bytes::new(), chunk_at: 0, unreadable: false })
    }

    /// Has the zeros that were never written, behind the last record, left unread.
    pub(super) fn read_exactly(&self) {
        self.file.read_exactly();
    }

    /// Where the next record starts, in bytes from the segment's start.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the medium refused to give some part of what was walked through.
    pub(super) fn met_unreadable(&self) -> bool {
        self.unreadable
    }

    /// Takes the record at the walk's place, if there is one.
    pub(super) fn step(&mut self) -> Step {
        match self.frame(self.offset) {
            Frame::Whole(record) => {
                self.offset += record.len() as u64;
                Step::Record(record)
            }
            Frame::Empty => Step::End,
            Frame::NeedsMore { needed } if self.offset + needed as u64 > self.size => {
                let left = self.size.saturating_sub(self.offset);
                if left < RECORD_HEADER_LEN as u64 && self.is_zero_from(self.offset) { Step::End } else { Step::Bad }
            }
            Frame::NeedsMore { .. } | Frame::Bad => Step::Bad,
        }
    }

    /// Moves to the next whole record behind this place; says its number. Without one, the walk
    /// stays where it is.
    pub(super) fn seek_whole(&mut self) -> Option<u64> {
        let mut offset = self.offset + RECORD_ALIGN as u64;
        while offset + RECORD_HEADER_LEN as u64 <= self.size {
            match self.frame(offset) {
                Frame::Whole(record) => {
                    self.offset = offset;
                    return Some(record.seq);
                }
                // A record starts with its length, which is not zero.
                Frame::Empty => offset = (self.first_written_from(offset)? / ALIGN * ALIGN).max(offset + ALIGN),
                _ => offset += ALIGN,
            }
        }
        None
    }

    /// Where the last byte behind `offset` that is not zero ends; none if all are zero.
    pub(super) fn last_written_from(&mut self, offset: u64) -> Option<u64> {
        let mut last = None;
        let mut at = offset;
        while let Some(first) = self.first_written_from(at) {
            let bytes = self.bytes_at(first, 1);
            last = bytes.iter().rposition(|&byte| byte != 0).map(|index| first + index as u64 + 1);
            at = first + bytes.len() as u64;
        }
        last
    }

    /// Where the first byte from `offset` on stands that is not zero; none if all are zero.
    pub(super) fn first_written_from(&mut self, offset: u64) -> Option<u64> {
        let mut at = offset;
        while at < self.size {
            // Zeros that were never written need not be read. Whether the file tells or not.
            at = self.file.next_data(at).unwrap_or(at);
            let bytes = self.bytes_at(at, 1);
            if let Some(index) = first_nonzero(&bytes) {
                return Some(at + index as u64);
            }
            at += bytes.len() as u64;
        }
        None
    }

    /// Whether nothing but zeros stands from `offset` on.
    pub(super) fn is_zero_from(&mut self, offset: u64) -> bool {
        self.first_written_from(offset).is_none()
    }

    fn frame(&mut self, offset: u64) -> Frame {
        match decode_record(&self.bytes_at(offset, RECORD_HEADER_LEN)) {
            Frame::NeedsMore { needed } if offset + needed as u64 <= self.size => {
                decode_record(&self.bytes_at(offset, needed))
            }
            frame => frame,
        }
    }

    /// Bytes from `offset`: at least `wanted` of them, unless the segment ends before.
    fn bytes_at(&mut self, offset: u64, wanted: usize) -> Bytes {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        let skip = offset.checked_sub(self.chunk_at).and_then(|skip| usize::try_from(skip).ok());
        match skip {
            Some(skip) if skip + wanted <= self.chunk.len() => self.chunk.slice(skip..),
            _ => {
                self.chunk = self.read(offset, wanted.max(CHUNK_LEN).min(left));
                self.chunk_at = offset;
                self.chunk.clone()
            }
        }
    }

    /// Reads a chunk. Parts that the medium does not give read as 0xff, which is neither a record
    /// nor empty.
    fn read(&mut self, offset: u64, len: usize) -> Bytes {
        let mut chunk = BytesMut::zeroed(len);
        if self.file.read_exact_at(&mut chunk, offset).is_err() {
            let mut at = offset;
            for page in chunk.chunks_mut(PAGE_LEN) {
                if self.file.read_exact_at(page, at).is_err() {
                    page.fill(0xff);
                    self.unreadable = true;
                }
                at += page.len() as u64;
            }
        }
        chunk.freeze()
    }
}

/// Looks at many bytes at a time: most are zeros.
fn first_nonzero(bytes: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 256;
    let is_zero = |part: &[u8]| part.iter().fold(0, |all, &byte| all | byte) == 0;
    let part = bytes.chunks(AT_ONCE).position(|part| !is_zero(part))?;
    let start = part * AT_ONCE;
    bytes[start..].iter().position(|&byte| byte != 0).map(|index| start + index)
}
