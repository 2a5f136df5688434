//! The latest durable records, kept in memory for those who follow the ledger closely.

use super::format::Record;
use std::collections::VecDeque;

/// Most memory that the latest records take, in bytes.
pub const TAIL_MAX_BYTES: usize = 512 << 10;
/// What a record takes beside its body.
const RECORD_MEMORY: usize = size_of::<Record>();

/// Durable records without gaps, the latest last.
#[derive(Default)]
pub(super) struct Tail {
    records: VecDeque<Record>,
    bytes: usize,
}

impl Tail {
    pub(super) fn push(&mut self, record: Record) {
        self.bytes += RECORD_MEMORY + record.body.len();
        self.records.push_back(record);
        while self.bytes > TAIL_MAX_BYTES {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= RECORD_MEMORY + oldest.body.len();
        }
    }

    /// Forgets the records through that one.
    pub(super) fn forget_through(&mut self, seq: u64) {
        while self.records.front().is_some_and(|oldest| oldest.seq <= seq) {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= RECORD_MEMORY + oldest.body.len();
        }
    }

    /// Records `from` and on, unless `from` is older than what is kept.
    pub(super) fn read(&self, from: u64, max_records: usize, max_bytes: usize) -> Option<Vec<Record>> {
        let skip = from.checked_sub(self.records.front()?.seq)?;
        let skip = usize::try_from(skip).ok()?;
        let mut budget = super::reader::Budget::new(max_records, max_bytes);
        Some(self.records.iter().skip(skip).take_while(|record| budget.admits(record)).cloned().collect())
    }
}
