//! Which entries stay because they are among the latest of their entrance.

use std::collections::{BTreeMap, VecDeque};

use schoolgate_core::{entry::Entry, id::PlaceId};

use super::ENTRIES_PER_ENTRANCE;
use crate::ledger::{LedgerReader, ReadError};

/// The numbers of each entrance's latest entries, in order.
pub(super) struct Latest(BTreeMap<PlaceId, VecDeque<u64>>);

impl Latest {
    /// Reads all of the ledger, in memory for [`ENTRIES_PER_ENTRANCE`] numbers of each entrance.
    pub(super) fn of(reader: &LedgerReader, entrances: &[PlaceId]) -> Result<Self, ReadError> {
        let mut latest = Self(entrances.iter().map(|place| (place.clone(), VecDeque::new())).collect());
        if entrances.is_empty() {
            return Ok(latest);
        }
        for record in reader.iter(1) {
            match record {
                Ok(record) => latest.take(record.seq, &record.body),
                Err(error @ ReadError::Open { .. }) => return Err(error),
                Err(_) => {} // what can't be read can't be kept either
            }
        }
        Ok(latest)
    }

    fn take(&mut self, seq: u64, body: &[u8]) {
        let Ok(entry) = Entry::decode(body) else { return };
        let Some(seqs) = entry.what.place().and_then(|place| self.0.get_mut(place)) else { return };
        if seqs.len() >= ENTRIES_PER_ENTRANCE {
            seqs.pop_front();
        }
        seqs.push_back(seq);
    }

    /// The first entry of all that stays.
    pub(super) fn first(&self) -> u64 {
        self.0.values().filter_map(|seqs| seqs.front().copied()).min().unwrap_or(u64::MAX)
    }

    /// Whether this entry stays.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        let seqs = entry.what.place().and_then(|place| self.0.get(place));
        seqs.and_then(VecDeque::front).is_some_and(|first| *first <= entry.seq.0)
    }
}
