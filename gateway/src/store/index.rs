//! The index: which entries name a student, a session or a place, and on which day.
//!
//! It holds an unbroken stretch of the ledger's entries; what is before or behind that has to be read in the ledger. A sum
//! over its blocks shows whether all of them are there as they were written: sled may be set back or broken by a power cut,
//! and an index that left something out would not be noticed otherwise.

use std::collections::{BTreeMap, btree_map::Entry};
use std::sync::atomic::Ordering;

use sled::Batch;

use super::block::{Block, Mention, Name};
use super::{FLUSH_EVERY_ENTRIES, INDEX_PREFIX, Store, StoreError};
use crate::ledger::{Hash, Record};
use crate::mentions::{Mentions, Sort};

const INDEXED_KEY: &[u8] = b"index";
/// Blocks changed in one step when entries are forgotten: bounds what sled holds in memory.
const BLOCKS_AT_ONCE: usize = 256;

/// Which entries are indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// The first that is.
    pub from: u64,
    /// The last that is; less than `from` if none is.
    pub through: u64,
}

impl Default for Indexed {
    fn default() -> Self {
        Self { from: 1, through: 0 }
    }
}

/// Days by the school's wall, counted since 1970-01-01, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// The first; without it, all before the last.
    pub from: Option<i64>,
    /// The last; without it, all behind the first.
    pub until: Option<i64>,
}

impl Days {
    /// An entry without a day may be of any.
    fn have(self, day: Option<u16>) -> bool {
        let Some(day) = day.map(i64::from) else { return true };
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// What is indexed.
#[derive(Clone, Copy, Default)]
struct Head {
    indexed: Indexed,
    /// The sum of all blocks.
    sum: u64,
    /// Chain hash of the last entry: that history is indexed and no other. None if that entry could not be had.
    chain: Option<Hash>,
}

/// Three numbers, and the hash or zeros.
const HEAD_BYTES: usize = 3 * 8 + 32;

impl Head {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, chain) = <&[u8; HEAD_BYTES]>::try_from(bytes).ok()?.split_last_chunk::<32>()?;
        let ([from, through, sum], []) = numbers.as_chunks::<8>() else { return None };
        let [from, through, sum] = [from, through, sum].map(|bytes| u64::from_be_bytes(*bytes));
        let chain = Some(*chain).filter(|chain| *chain != [0; 32]);
        Some(Self { indexed: Indexed { from, through }, sum, chain })
    }

    fn encode(self) -> Vec<u8> {
        let numbers = [self.indexed.from, self.indexed.through, self.sum].map(u64::to_be_bytes).concat();
        [numbers.as_slice(), &self.chain.unwrap_or_default()].concat()
    }

    /// The index holds nothing through this entry, which could not be had.
    fn begin_behind(&mut self, through: u64) {
        self.indexed.from = self.indexed.from.max(through + 1);
        if self.indexed.through < through {
            (self.indexed.through, self.chain) = (through, None);
        }
    }

    fn put(&mut self, block: &Block, batch: &mut Batch) {
        self.sum = self.sum.wrapping_add(block.hash());
        batch.insert(block.key.as_slice(), block.entries.as_slice());
    }

    fn take(&mut self, block: &Block, batch: &mut Batch) {
        self.sum = self.sum.wrapping_sub(block.hash());
        batch.remove(block.key.as_slice());
    }
}

impl Store {
    /// Which entries are indexed.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn indexed(&self) -> Result<Indexed, StoreError> {
        Ok(self.head()?.indexed)
    }

    /// Indexes records, which follow on the last one that [`Store::indexed`] tells; known ones are passed over.
    /// `mentions_of` says what a body can be found by. All of one call is taken, or nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn index(&self, records: &[Record], mentions_of: impl Fn(&[u8]) -> Mentions) -> Result<(), StoreError> {
        let mut head = self.head()?;
        let known = head.indexed.through;
        let mut batch = Batch::default();
        let mut open = BTreeMap::new();
        let mut count = 0;
        for record in records.iter().filter(|record| record.seq > known) {
            let Mentions { day, ids } = mentions_of(&record.body);
            for name in ids.iter().map(|(sort, id)| Name::of(*sort, id)) {
                let prefix = name.prefix();
                let block = match open.entry(prefix) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => {
                        let block = self.last_block(prefix)?;
                        block.iter().for_each(|block| head.take(block, &mut batch));
                        unknown.insert(block.unwrap_or_else(|| Block::new(prefix, record.seq)))
                    }
                };
                if !block.push(record.seq, day, name.tag) {
                    let full = std::mem::replace(block, Block::new(prefix, record.seq));
                    head.put(&full, &mut batch);
                    block.push(record.seq, day, name.tag);
                }
            }
            count += 1;
            (head.indexed.through, head.chain) = (record.seq, Some(record.chain));
        }
        if count == 0 {
            return Ok(());
        }
        open.values().for_each(|block| head.put(block, &mut batch));
        self.apply(batch, head)?;
        let unflushed = self.unflushed_entries.fetch_add(count, Ordering::Relaxed) + count;
        if unflushed >= FLUSH_EVERY_ENTRIES {
            self.flush()?;
        }
        Ok(())
    }

    /// Notes that the entries through this one cannot be had: the index begins behind them.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn pass_over(&self, through: u64) -> Result<(), StoreError> {
        let mut head = self.head()?;
        head.begin_behind(through.max(head.indexed.through));
        self.apply(Batch::default(), head)
    }

    /// Forgets whom the entries through this one name, for their time is over: the index begins behind them.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn forget_through(&self, through: u64) -> Result<(), StoreError> {
        let mut head = self.head()?;
        head.begin_behind(through);
        let mut after = vec![INDEX_PREFIX];
        loop {
            let (blocks, next) = self.blocks_behind(&after)?;
            let mut batch = Batch::default();
            for block in blocks.iter().filter(|block| block.mentions().next().is_some_and(|first| first.seq <= through))
            {
                head.take(block, &mut batch);
                block.without(through).iter().for_each(|block| head.put(block, &mut batch));
            }
            self.apply(batch, head)?;
            let Some(next) = next else { return self.flush() };
            after = next;
        }
    }

    /// Numbers of the indexed entries that name this id and are of these days, or may be: in order. Once in billions one
    /// that names another id. None if there are more than `limit`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn seqs_of(&self, sort: Sort, id: &str, days: Days, limit: usize) -> Result<Option<Vec<u64>>, StoreError> {
        let from = self.indexed()?.from;
        let name = Name::of(sort, id);
        self.attempt(|| {
            let mut seqs = Vec::new();
            for item in self.db.scan_prefix(name.prefix()) {
                let (key, entries) = item?;
                let Some(block) = Block::read(&key, &entries) else { continue };
                let is_asked = |of: &Mention| of.tag == name.tag && of.seq >= from && days.have(of.day);
                seqs.extend(block.mentions().filter(is_asked).map(|mention| mention.seq));
                if seqs.len() > limit {
                    return Ok(None);
                }
            }
            Ok(Some(seqs))
        })
    }

    /// Chain hash of the last entry that is indexed: a ledger that has another one there has another history. None if
    /// that can't be told.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn indexed_chain(&self) -> Result<Option<Hash>, StoreError> {
        Ok(self.head()?.chain)
    }

    /// Whether all of the index is there as it was written. Reads all of it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn is_index_whole(&self) -> Result<bool, StoreError> {
        let head = self.head()?;
        self.attempt(|| {
            let mut sum = 0_u64;
            for item in self.db.scan_prefix([INDEX_PREFIX]) {
                let (key, entries) = item?;
                let Some(block) = Block::read(&key, &entries) else { return Ok(false) };
                sum = sum.wrapping_add(block.hash());
            }
            Ok(sum == head.sum)
        })
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.attempt(|| match self.db.get(INDEXED_KEY)? {
            Some(bytes) => Head::decode(&bytes).ok_or(StoreError::Malformed("the index")),
            None => Ok(Head::default()),
        })
    }

    fn apply(&self, mut batch: Batch, head: Head) -> Result<(), StoreError> {
        batch.insert(INDEXED_KEY, head.encode());
        self.attempt(|| Ok(self.db.apply_batch(batch)?))
    }

    fn last_block(&self, prefix: [u8; 3]) -> Result<Option<Block>, StoreError> {
        self.attempt(|| {
            let Some(item) = self.db.scan_prefix(prefix).next_back() else { return Ok(None) };
            let (key, entries) = item?;
            Ok(Block::read(&key, &entries))
        })
    }

    /// Some blocks behind that key, and the key to go on behind; none if there are no more.
    fn blocks_behind(&self, after: &[u8]) -> Result<(Vec<Block>, Option<Vec<u8>>), StoreError> {
        self.attempt(|| {
            let mut blocks = Vec::new();
            let end = vec![INDEX_PREFIX + 1];
            for item in self.db.range(after.to_vec()..end) {
                let (key, entries) = item?;
                if *key == *after {
                    continue;
                }
                blocks.extend(Block::read(&key, &entries));
                if blocks.len() == BLOCKS_AT_ONCE {
                    return Ok((blocks, Some(key.to_vec())));
                }
            }
            Ok((blocks, None))
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::LedgerId;

    /// What one entry names, and its day.
    #[derive(Clone, Debug)]
    struct Told {
        mentions: Mentions,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Index(Vec<Told>),
        /// A part of what there is, in percent.
        Forget(u8),
        PassOver(u8),
        Reopen,
    }

    fn told() -> impl Strategy<Value = Told> {
        let sort = prop::sample::select(Sort::ALL.to_vec());
        let ids = prop::collection::btree_set((sort, "[ab]{1,2}"), 0..4);
        let day = prop::option::weighted(0.9, prop_oneof![9 => 20_000..20_010i64, 1 => any::<i64>()]);
        (day, ids).prop_map(|(day, ids)| Told { mentions: Mentions { day, ids: ids.into_iter().collect() } })
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => prop::collection::vec(told(), 1..150).prop_map(Step::Index),
            1 => (0..=110u8).prop_map(Step::Forget),
            1 => (1..4u8).prop_map(Step::PassOver),
            1 => Just(Step::Reopen),
        ]
    }

    /// All entries so far; none where one could not be had.
    #[derive(Default)]
    struct Naive {
        entries: Vec<Option<Told>>,
        from: u64,
    }

    impl Naive {
        fn seqs_of(&self, sort: Sort, id: &str, days: Days) -> Vec<u64> {
            let names = |told: &Told| told.mentions.ids.iter().any(|(of, name)| (*of, name.as_str()) == (sort, id));
            let is_of = |told: &Told| match told.mentions.day.filter(|day| (0..65_535).contains(day)) {
                None => true,
                Some(day) => days.from.is_none_or(|from| from <= day) && days.until.is_none_or(|until| day <= until),
            };
            let numbered = self.entries.iter().zip(1..).filter(|(_, seq)| *seq >= self.from);
            let asked = numbered.filter(|(told, _)| told.as_ref().is_some_and(|told| names(told) && is_of(told)));
            asked.map(|(_, seq)| seq).collect()
        }
    }

    fn records(first: u64, count: usize) -> Vec<Record> {
        let body = |n: usize| Bytes::from(n.to_string());
        (first..).zip(0..count).map(|(seq, n)| Record { seq, salt: [0; 16], chain: [1; 32], body: body(n) }).collect()
    }

    fn open(dir: &std::path::Path) -> Store {
        Store::open(dir, LedgerId([1; 16]), u64::MAX).unwrap().0
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_reading_everything_finds(
            steps in prop::collection::vec(step(), 1..12),
            asked in prop::collection::vec(
                (prop::sample::select(Sort::ALL.to_vec()), "[ab]{1,2}", prop::option::of(19_999..20_011i64), prop::option::of(19_999..20_011i64)),
                20,
            ),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut store = open(dir.path());
            let mut naive = Naive { from: 1, ..Naive::default() };
            for step in steps {
                let last = naive.entries.len() as u64;
                match step {
                    Step::Index(told) => {
                        let of_body = |body: &[u8]| {
                            let n: usize = String::from_utf8_lossy(body).parse().unwrap();
                            told[n].mentions.clone()
                        };
                        store.index(&records(last + 1, told.len()), of_body).unwrap();
                        naive.entries.extend(told.into_iter().map(Some));
                    }
                    Step::Forget(percent) => {
                        let through = last * u64::from(percent) / 100;
                        store.forget_through(through).unwrap();
                        naive.from = naive.from.max(through + 1);
                        let missing = through.saturating_sub(last);
                        naive.entries.extend((0..missing).map(|_| None));
                    }
                    Step::PassOver(count) => {
                        store.pass_over(last + u64::from(count)).unwrap();
                        naive.entries.extend((0..count).map(|_| None));
                        naive.from = naive.entries.len() as u64 + 1;
                    }
                    Step::Reopen => {
                        drop(store);
                        store = open(dir.path());
                    }
                }
                prop_assert!(store.is_index_whole().unwrap());
            }
            for (sort, id, from, until) in asked {
                let days = Days { from, until };
                let found = store.seqs_of(sort, &id, days, usize::MAX).unwrap().unwrap();
                prop_assert_eq!(found, naive.seqs_of(sort, &id, days), "{:?} {} {:?}", sort, id, days);
            }
            let indexed = Indexed { from: naive.from, through: naive.entries.len() as u64 };
            prop_assert_eq!(store.indexed().unwrap(), indexed);
        }
    }

    #[test]
    fn a_block_that_is_missing_old_or_changed_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let of_place = |_: &[u8]| Mentions { day: Some(20_000), ids: vec![(Sort::Place, "gate".to_owned())] };
        store.index(&records(1, 100), of_place).unwrap();
        let key = Block::new(Name::of(Sort::Place, "gate").prefix(), 97).key;
        let before = store.db.get(&key).unwrap().unwrap();
        store.index(&records(101, 10), of_place).unwrap();
        assert!(store.is_index_whole().unwrap());
        let now = store.db.insert(&key, before).unwrap().unwrap();
        assert!(!store.is_index_whole().unwrap(), "older than the rest");
        store.db.remove(&key).unwrap();
        assert!(!store.is_index_whole().unwrap(), "missing");
        store.db.insert(&key, now).unwrap();
        assert!(store.is_index_whole().unwrap());
    }

    #[test]
    fn all_whom_one_entry_names_are_found_however_many() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let everybody = || (0..20_000).map(|n| (Sort::Student, format!("s{n}"))).collect();
        store.index(&records(1, 3), |_| Mentions { day: None, ids: everybody() }).unwrap();
        drop(store);
        let store = open(dir.path());
        for n in (0..20_000).step_by(997) {
            let found = store.seqs_of(Sort::Student, &format!("s{n}"), Days::default(), usize::MAX).unwrap();
            assert_eq!(found, Some(vec![1, 2, 3]), "s{n}");
        }
        assert!(store.is_index_whole().unwrap());
    }

    #[test]
    fn what_is_forgotten_is_not_in_its_keys_either() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let ids = |body: &[u8]| vec![(Sort::Student, format!("s{}", String::from_utf8_lossy(body)))];
        store.index(&records(1, 1_000), |body| Mentions { day: None, ids: ids(body) }).unwrap();
        store.forget_through(990).unwrap();
        let blocks = store.blocks_behind(&[INDEX_PREFIX]).unwrap().0;
        assert_eq!(blocks.iter().map(|block| block.mentions().count()).sum::<usize>(), 10);
        assert!(blocks.iter().all(|block| block.key.ends_with(&block.mentions().next().unwrap().seq.to_be_bytes())));
        assert!(store.is_index_whole().unwrap());
    }
}
