//! A sparse, bounded index: where in a segment a record starts.

use super::lock;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// One point is kept for so many bytes of a segment: what a read may have to pass over.
const SPACING_BYTES: u64 = 64 << 10;
/// Most points kept, 24 bytes each; the oldest records' points go first.
const MAX_POINTS: usize = 4096;

/// Known places of records: number of the record → first number of its segment, and offset.
#[derive(Debug, Default)]
pub(super) struct Points(Mutex<BTreeMap<u64, (u64, u64)>>);

impl Points {
    /// Remembers where a record stands, if no point is near before it.
    pub(super) fn note(&self, segment: u64, seq: u64, offset: u64) {
        let mut points = lock(&self.0);
        let near =
            points.range(..=seq).next_back().is_some_and(|(_, &(of, at))| of == segment && offset < at + SPACING_BYTES);
        if near {
            return;
        }
        points.insert(seq, (segment, offset));
        if points.len() > MAX_POINTS {
            points.pop_first();
        }
    }

    /// Offset and number of the nearest known record of that segment at or before `seq`. It may be
    /// elsewhere by now, if the segment was rewritten: look whether it is there.
    pub(super) fn nearest(&self, segment: u64, seq: u64) -> Option<(u64, u64)> {
        let points = lock(&self.0);
        let (&seq, &(of, offset)) = points.range(..=seq).next_back()?;
        (of == segment).then_some((offset, seq))
    }

    /// Forgets all of a segment whose records have the numbers from `first_seq` to `last_seq`.
    pub(super) fn forget(&self, first_seq: u64, last_seq: u64) {
        lock(&self.0).retain(|seq, _| !(first_seq..=last_seq).contains(seq));
    }
}
