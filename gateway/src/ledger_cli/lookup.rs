//! Looks entries up in the local store's index, in place of reading all of the ledger.
//!
//! The index is not evidence: it is derived, and sled may lose of it what it likes. So it is used only if it is asked for,
//! whole by its own sum, and of this very history; and what it finds is read in the ledger and looked at as ever. The store
//! is copied first: a running gateway's is not touched, and no file of it changes its owner.

use std::{fs, io, path::Path};

use schoolgate_core::{text, text::Lang};

use crate::{
    cli::{Edge, FilterArgs},
    ledger::{self, Record},
    mentions::Sort,
    store::{Days, Store, StoreError},
};

/// Most numbers taken from the index; to read the ledger is as quick for more, and takes no memory.
const MAX_FOUND: usize = 100_000;
/// Longest store that is copied, in bytes.
const MAX_STORE_BYTES: u64 = 256 << 20;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The index begins with this entry,
    pub(super) from: u64,
    /// and ends with this one.
    pub(super) through: u64,
    /// Numbers in between of the entries to look at.
    pub(super) seqs: Vec<u64>,
}

/// Why the index is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoIndex {
    #[error("it holds students, sessions and places, and none is asked for")]
    NothingToLookUp,
    #[error("there is none")]
    None,
    #[error("it can't be copied: {0}")]
    Copy(#[from] io::Error),
    #[error("it has more than {MAX_STORE_BYTES} bytes")]
    TooLong,
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("it is damaged")]
    Damaged,
    #[error("it is of another history of this ledger, or of none")]
    OtherHistory,
    #[error("it finds more than {MAX_FOUND} entries")]
    TooMany,
}

/// The entries that the filter may let through, by the store beside the ledger in `dir`.
pub(super) fn look_up(dir: &Path, filter: &FilterArgs) -> Result<Found, NoIndex> {
    let FilterArgs { student, session, place, .. } = filter;
    // Who asks for several has all of them in one entry: the rarest is looked up.
    let asked = [(Sort::Student, student), (Sort::Session, session), (Sort::Place, place)];
    let (sort, id) =
        asked.into_iter().find_map(|(sort, id)| Some((sort, id.as_deref()?))).ok_or(NoIndex::NothingToLookUp)?;
    let folder = dir.parent().map(|data| data.join("store")).filter(|folder| folder.is_dir()).ok_or(NoIndex::None)?;
    let ledger = ledger::ledger_id(dir).ok().flatten().ok_or(NoIndex::OtherHistory)?;
    let copy = tempfile::Builder::new().prefix("schoolgate-index-").tempdir()?;
    copy_folder(&folder, copy.path(), &mut 0)?;
    in_store(&Store::open_as_it_is(copy.path(), ledger)?, dir, (sort, id), days(filter))
}

fn in_store(store: &Store, dir: &Path, (sort, id): (Sort, &str), days: Days) -> Result<Found, NoIndex> {
    let indexed = store.indexed()?;
    if !store.is_index_whole()? {
        return Err(NoIndex::Damaged);
    }
    let here = ledger::pick_records(dir, vec![indexed.through]).ok().and_then(|mut picked| picked.next()?.ok());
    let is_its = |record: &Record, chain| record.seq == indexed.through && record.chain == chain;
    let chain = store.indexed_chain()?;
    if !here.zip(chain).is_some_and(|(record, chain)| is_its(&record, chain)) {
        return Err(NoIndex::OtherHistory);
    }
    let seqs = store.seqs_of(sort, id, days, MAX_FOUND)?.ok_or(NoIndex::TooMany)?;
    Ok(Found { from: indexed.from, through: indexed.through, seqs })
}

/// The days on which entries of the time asked for may have been written, by the clocks that wrote them.
fn days(filter: &FilterArgs) -> Days {
    let day = |edge: Edge, beyond: i64| match edge {
        Edge::Day(day) => day.number(),
        Edge::Moment(moment) => moment.day().saturating_add(beyond), // it has an offset of its own
    };
    Days { from: filter.from.map(|edge| day(edge, -1)), until: filter.until.map(|edge| day(edge, 1)) }
}

/// Copies files and folders. One that is gone meanwhile, or changes, is the reader's to notice.
fn copy_folder(from: &Path, to: &Path, copied: &mut u64) -> Result<(), NoIndex> {
    for item in fs::read_dir(from)? {
        let item = item?;
        let target = to.join(item.file_name());
        if item.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy_folder(&item.path(), &target, copied)?;
            continue;
        }
        *copied += item.metadata()?.len();
        if *copied > MAX_STORE_BYTES {
            return Err(NoIndex::TooLong);
        }
        fs::copy(item.path(), target)?;
    }
    Ok(())
}

/// What is told beside the answer.
pub(super) fn say(found: &Result<Found, NoIndex>, lang: Lang) -> String {
    match found {
        Ok(Found { from, through, .. }) => text!(
            lang,
            zh: "第 {from} 至 {through} 条由本机索引查出；如需作为凭证，请不用 --indexed 重查",
            en: "entries {from} to {through} were looked up in the local index; for evidence, ask without --indexed",
        ),
        Err(why) => text!(lang, zh: "未用索引，已通读账本（{why}）", en: "the index is not used, all is read: {why}"),
    }
}

#[cfg(test)]
mod tests;
