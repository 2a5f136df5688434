//! Two shapes that hold many rows in little memory: a table by id, and rows in groups. Neither is ever changed once made.

use alloc::{boxed::Box, vec::Vec};

/// Rows sorted by their id and found by halving. No room is kept for more, the order can be told, and two tables are equal
/// when their rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table<K, V>(Box<[(K, V)]>);

impl<K: Ord, V> Table<K, V> {
    /// Takes the rows; of two with the same id, either is found.
    pub(super) fn of(rows: impl Iterator<Item = (K, V)>) -> Self {
        let mut rows: Vec<_> = rows.collect();
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Self(rows.into_boxed_slice())
    }

    pub(super) fn get(&self, id: &K) -> Option<&V> {
        self.number(id).and_then(|n| self.row(n)).map(|(_, row)| row)
    }

    /// By which number the row goes inside this roster.
    pub(super) fn number(&self, id: &K) -> Option<u32> {
        self.0.binary_search_by(|(key, _)| key.cmp(id)).ok().and_then(|n| u32::try_from(n).ok())
    }

    pub(super) fn row(&self, number: u32) -> Option<&(K, V)> {
        self.0.get(number as usize)
    }

    /// Every row, by id.
    pub(super) fn rows(&self) -> &[(K, V)] {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Box::default())
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
}
