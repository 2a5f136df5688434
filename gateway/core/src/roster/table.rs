//! Three shapes that hold many rows in little memory: a table by id, a table by card, and rows in groups. None is ever
//! changed once made.

use core::hash::{BuildHasher, Hash};

use alloc::{boxed::Box, vec::Vec};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::credential::CredentialId;

/// Rows sorted by their id and found by its hash: a big table does not fit the processor's cache, and halving it costs a
/// miss a step. No room is kept for more, the order can be told, and two tables are equal when their rows are.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    rows: Box<[(K, V)]>,
    /// The numbers of the rows, by the hash of their id.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<K: Ord + Hash, V> Table<K, V> {
    /// Takes the rows; of two with the same id, either is found.
    pub(super) fn of(rows: impl Iterator<Item = (K, V)>) -> Self {
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let hasher = DefaultHashBuilder::default();
        let mut index = HashTable::with_capacity(rows.len());
        let hash = |n: &u32| rows.get(*n as usize).map_or(0, |(id, _)| hasher.hash_one(id));
        for (number, (id, _)) in (0..).zip(&rows) {
            index.insert_unique(hasher.hash_one(id), number, hash);
        }
        Self { rows: rows.into_boxed_slice(), index, hasher }
    }

    pub(super) fn get(&self, id: &K) -> Option<&V> {
        self.number(id).and_then(|n| self.row(n)).map(|(_, row)| row)
    }

    /// By which number the row goes inside this roster.
    pub(super) fn number(&self, id: &K) -> Option<u32> {
        let is_it = |n: &u32| self.row(*n).is_some_and(|(key, _)| key == id);
        self.index.find(self.hasher.hash_one(id), is_it).copied()
    }

    pub(super) fn row(&self, number: u32) -> Option<&(K, V)> {
        self.rows.get(number as usize)
    }

    /// Every row, by id.
    pub(super) fn rows(&self) -> &[(K, V)] {
        &self.rows
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: Box::default(), index: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<K: Eq, V: Eq> Eq for Table<K, V> {}

/// Rows by card. A card's id is a hash already: its first bytes tell where it stands among the others, to within a few
/// rows. Ids that are not spread so are found as well, by halving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cards<V> {
    rows: Box<[(CredentialId, V)]>,
    /// Where each part of the ids' range begins; one more than there are parts.
    starts: Box<[u32]>,
}

/// A cache line or two of them.
const CARDS_IN_A_PART: usize = 4;

impl<V> Cards<V> {
    /// Takes the rows; of two with the same id, either is found.
    pub(super) fn of(rows: impl Iterator<Item = (CredentialId, V)>) -> Self {
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        let parts = rows.len().div_ceil(CARDS_IN_A_PART);
        let first_of = |part: usize| rows.partition_point(|(id, _)| Self::part(id, parts) < part);
        let starts = (0..=parts).map(|part| u32::try_from(first_of(part)).unwrap_or(u32::MAX)).collect();
        Self { rows: rows.into_boxed_slice(), starts }
    }

    pub(super) fn get(&self, id: &CredentialId) -> Option<&V> {
        let part = Self::part(id, self.starts.len().checked_sub(1)?);
        let (from, until) = self.starts.get(part).zip(self.starts.get(part + 1))?;
        let rows = self.rows.get(*from as usize..*until as usize)?;
        let found = rows.binary_search_by_key(id, |(id, _)| *id).ok()?;
        rows.get(found).map(|(_, row)| row)
    }

    /// Every row, by id.
    pub(super) fn rows(&self) -> &[(CredentialId, V)] {
        &self.rows
    }

    /// In which of so many equal parts of the range an id lies; the order of ids is kept.
    fn part(id: &CredentialId, parts: usize) -> usize {
        let [a, b, c, d, ..] = id.0;
        let scaled = u64::from(u32::from_be_bytes([a, b, c, d])) * parts as u64;
        (scaled >> u32::BITS) as usize
    }
}

impl<V> Default for Cards<V> {
    fn default() -> Self {
        Self { rows: Box::default(), starts: Box::default() }
    }
}

/// Rows in groups that go by number: one array of rows, and where each group begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Groups<T> {
    /// One more than there are groups.
    starts: Box<[u32]>,
    rows: Box<[T]>,
}

impl<T> Groups<T> {
    /// Puts each row into its group, out of `count`; within a group they keep their order.
    pub(super) fn of(count: usize, rows: impl Iterator<Item = (u32, T)>) -> Self {
        let mut rows: Vec<(u32, T)> = rows.collect();
        rows.sort_by_key(|(group, _)| *group);
        let mut starts = Vec::with_capacity(count + 1);
        let mut n = 0;
        for group in 0..=count {
            n += rows.get(n..).unwrap_or_default().iter().take_while(|(of, _)| (*of as usize) < group).count();
            starts.push(u32::try_from(n).unwrap_or(u32::MAX));
        }
        Self { starts: starts.into_boxed_slice(), rows: rows.into_iter().map(|(_, row)| row).collect() }
    }

    pub(super) fn get(&self, group: u32) -> &[T] {
        let at = |n: usize| self.starts.get(n).map(|start| *start as usize);
        let range = at(group as usize).zip(at(group as usize + 1));
        range.and_then(|(from, until)| self.rows.get(from..until)).unwrap_or_default()
    }
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Self { starts: Box::default(), rows: Box::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_its_rows_in_their_order() {
        let groups = Groups::of(4, [(2, 'a'), (0, 'b'), (2, 'c'), (3, 'd')].into_iter());
        let all: Vec<&[char]> = (0..6).map(|n| groups.get(n)).collect();
        assert_eq!(all, [&['b'][..], &[], &['a', 'c'], &['d'], &[], &[]]);
        assert_eq!(Groups::<u8>::default().get(0), &[] as &[u8]);
    }

    #[test]
    fn a_table_finds_each_row_by_its_id_and_by_its_number() {
        let table = Table::of([("b", 2), ("a", 1), ("c", 3)].into_iter());
        assert_eq!((table.get(&"c"), table.get(&"d"), table.len()), (Some(&3), None, 3));
        assert_eq!(table.number(&"b").and_then(|n| table.row(n)), Some(&("b", 2)));
    }

    #[test]
    fn every_card_is_found_however_the_ids_are_spread() {
        let spread = |n: u8| CredentialId([n.wrapping_mul(37); 16]);
        let alike = |n: u8| CredentialId([7, 7, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n]);
        for id in [spread as fn(u8) -> CredentialId, alike] {
            let cards = Cards::of((0..200).map(|n| (id(n), n)));
            assert!((0..200).all(|n| cards.get(&id(n)) == Some(&n)));
            assert!((200..=255).all(|n| cards.get(&id(n)).is_none()));
        }
        assert_eq!(Cards::of([(spread(255), 1)].into_iter()).get(&spread(255)), Some(&1));
        assert_eq!(Cards::<u8>::default().get(&spread(1)), None);
    }
}
