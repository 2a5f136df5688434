//! The latest durable records, kept in memory for those who follow the ledger closely.

use super::format::Record;
use std::collections::VecDeque;

/// Memory that the latest records take, in bytes: some ten seconds of a full gate, for those who come by every few seconds.
pub const TAIL_BYTES: usize = 256 << 10;
/// Most memory that they take while the one who follows closely has not had them: a rush is told from memory, where reading
/// it from the disk again would hold it up.
pub const TAIL_MAX_BYTES: usize = 2 << 20;
/// What a record takes beside its body.
const RECORD_MEMORY: usize = size_of::<Record>();

/// Durable records without gaps, the latest last.
#[derive(Default)]
pub(super) struct Tail {
    records: VecDeque<Record>,
    bytes: usize,
    /// The last record that the one who follows closely has had, if there is such a one.
    followed_through: Option<u64>,
}

impl Tail {
    pub(super) fn push(&mut self, record: Record) {
        self.bytes += RECORD_MEMORY + record.body.len();
        self.records.push_back(record);
        let had = self.followed_through.unwrap_or(u64::MAX);
        self.forget_while(|bytes, oldest| bytes > TAIL_MAX_BYTES || bytes > TAIL_BYTES && oldest.seq <= had);
        if self.records.capacity() > 2 * self.records.len().next_power_of_two() {
            self.records.shrink_to(self.records.len().next_power_of_two());
        }
    }

    /// The one who follows closely has had the records through that one.
    pub(super) fn set_followed(&mut self, seq: u64) {
        self.followed_through = Some(seq);
    }

    /// Forgets the records through that one.
    pub(super) fn forget_through(&mut self, seq: u64) {
        self.forget_while(|_, oldest| oldest.seq <= seq);
    }

    fn forget_while(&mut self, may_go: impl Fn(usize, &Record) -> bool) {
        while self.records.front().is_some_and(|oldest| may_go(self.bytes, oldest)) {
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn push(tail: &mut Tail, seqs: std::ops::RangeInclusive<u64>) {
        for seq in seqs {
            tail.push(Record { seq, salt: [0; 16], chain: [0; 32], body: Bytes::from(vec![b'x'; 1_000]) });
        }
    }

    fn oldest(tail: &Tail) -> u64 {
        tail.records.front().unwrap().seq
    }

    #[test]
    fn little_is_kept_unless_the_follower_has_not_had_it() {
        let mut tail = Tail::default();
        push(&mut tail, 1..=1_000);
        assert!(tail.bytes <= TAIL_BYTES && oldest(&tail) > 700, "nobody follows closely: {}", oldest(&tail));
        let begin = oldest(&tail);
        tail.set_followed(begin - 1);
        push(&mut tail, 1_001..=2_000);
        assert_eq!(oldest(&tail), begin);
        tail.set_followed(2_000);
        push(&mut tail, 2_001..=2_001);
        assert!(tail.bytes <= TAIL_BYTES && tail.records.capacity() < 600, "{}", tail.records.capacity());
        // One who comes no further holds no more than this.
        push(&mut tail, 2_002..=10_000);
        assert!(tail.bytes <= TAIL_MAX_BYTES && oldest(&tail) > 7_000);
        assert_eq!(tail.read(oldest(&tail) - 1, 1, 1), None);
        assert_eq!(tail.read(9_999, 9, usize::MAX).unwrap().len(), 2);
    }
}
