//! The local store of what can be derived again from the ledger: cursors of its consumers and an
//! index by student, session and place, and snapshots of what was so.
//!
//! It is `sled`, whose flush does not reach the disk on Linux: a power cut may set it back or
//! break it. So nothing here may be the only copy of anything. A store that is broken, ahead of
//! the ledger or of another ledger is removed, and the caller indexes again from
//! [`Store::indexed`]. All calls may block on the disk: keep them off the tap's path.

mod block;
mod index;
#[cfg(test)]
mod tests;

pub use index::{Days, Indexed};

use crate::ledger::LedgerId;
use sled::{Db, IVec};
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What sled may cache, in bytes. It takes several times as much memory.
const CACHE_BYTES: u64 = 64 << 10;
/// Unit of sled's log, in bytes; it keeps a few buffers of this size.
const SLED_SEGMENT_BYTES: usize = 32 << 10;
/// Entries indexed between flushes that are waited for: bounds what sled holds in memory.
const FLUSH_EVERY_ENTRIES: u64 = 1_024;
/// A snapshot is kept in parts of this length: sled keeps what is longer than its log's unit in files of their own.
const SNAPSHOT_PART_BYTES: usize = 8 << 10;
/// A file of this name in the folder says that the store was found broken while in use.
const BROKEN_MARK: &str = "broken";

const LEDGER_KEY: &[u8] = b"ledger";
const LAYOUT_KEY: &[u8] = b"layout";
/// Version of keys and values.
const LAYOUT: &[u8] = b"3";
const CURSOR_PREFIX: u8 = b'c';
/// No other key begins so.
const INDEX_PREFIX: u8 = 0x01;
const SNAPSHOT_PREFIX: u8 = b'p';

/// How the store was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOutcome {
    /// As it was left.
    Opened,
    /// There was none.
    Created,
    /// It was removed and begun anew, empty but for cursors that could be kept.
    Rebuilt(RebuildReason),
}

/// Why a store was removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildReason {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Broken(String),
    /// It was derived from another ledger.
    #[error("it belongs to another ledger")]
    OtherLedger,
    /// Another version of schoolgate laid it out. Cursors are kept.
    #[error("another version of schoolgate laid it out")]
    OtherLayout,
    /// It knows of entries that the ledger does not have. Cursors are kept, but not beyond the
    /// ledger's end.
    #[error("it is at entry {indexed}, the ledger ends at {durable}")]
    Ahead {
        /// What the store had indexed, or the furthest cursor.
        indexed: u64,
        /// Last entry of the ledger.
        durable: u64,
    },
}

/// Why the store could not do what was asked. Opening it again puts it right.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// sled failed.
    #[error("the local store failed")]
    Sled(#[from] sled::Error),
    /// sled panicked.
    #[error("the local store panicked: {0}")]
    Panicked(String),
    /// A value has not the form it was written in.
    #[error("the local store holds a malformed value for {0}")]
    Malformed(&'static str),
    /// It was marked as broken when it was last used.
    #[error("it failed while in use")]
    Marked,
    /// It is whole, but of no use.
    #[error(transparent)]
    Unfit(RebuildReason),
    /// The folder of a broken store cannot be removed.
    #[error("cannot remove the broken local store {0}; remove it by hand")]
    Remove(String, #[source] io::Error),
}

/// The open store.
pub struct Store {
    dir: PathBuf,
    db: Db,
    unflushed_entries: AtomicU64,
}

impl Store {
    /// Opens the store in `dir`, which belongs to `ledger` whose last durable entry is `durable`.
    /// One that does not fit is removed and begun anew.
    ///
    /// # Errors
    /// [`StoreError`] if not even an empty store can be made there.
    pub fn open(dir: &Path, ledger: LedgerId, durable: u64) -> Result<(Self, StoreOutcome), StoreError> {
        Found::look(dir).settle(ledger, durable)
    }

    /// Opens the store of that ledger in `dir` as it is, or says why it is of no use.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be read, or is another ledger's or another version's.
    pub fn open_as_it_is(dir: &Path, ledger: LedgerId) -> Result<Self, StoreError> {
        let store = Self::look(dir)?;
        if store.owner()? != Some(ledger) {
            return Err(StoreError::Unfit(RebuildReason::OtherLedger));
        }
        if store.is_laid_out_otherwise()? {
            return Err(StoreError::Unfit(RebuildReason::OtherLayout));
        }
        Ok(store)
    }

    /// Whatever store is there, or an empty one.
    fn look(dir: &Path) -> Result<Self, StoreError> {
        if dir.join(BROKEN_MARK).exists() {
            return Err(StoreError::Marked);
        }
        remove_snapshots(dir);
        let db = guard(|| Ok(open_sled(dir)?))?;
        Ok(Self { dir: dir.to_owned(), db, unflushed_entries: AtomicU64::new(0) })
    }

    fn owner(&self) -> Result<Option<LedgerId>, StoreError> {
        let owner = guard(|| Ok(self.db.get(LEDGER_KEY)?))?;
        let id = |owner: IVec| owner.as_ref().try_into().map(LedgerId).map_err(|_| StoreError::Malformed("its ledger"));
        owner.map(id).transpose()
    }

    fn is_laid_out_otherwise(&self) -> Result<bool, StoreError> {
        guard(|| Ok(self.db.get(LAYOUT_KEY)?.is_none_or(|layout| layout != LAYOUT)))
    }

    fn own(self, ledger: LedgerId, durable: u64) -> Result<Fit, StoreError> {
        match self.owner()? {
            None => {
                guard(|| {
                    self.db.insert(LAYOUT_KEY, LAYOUT)?;
                    Ok(self.db.insert(LEDGER_KEY, &ledger.0)?)
                })?;
            }
            Some(owner) if owner == ledger => {}
            Some(_) => return Ok(Fit::Unfit(RebuildReason::OtherLedger, BTreeMap::new())),
        }
        let cursors = self.cursors()?;
        if self.is_laid_out_otherwise()? {
            return Ok(Fit::Unfit(RebuildReason::OtherLayout, cursors));
        }
        let indexed = cursors.values().copied().fold(self.indexed()?.through, u64::max);
        if indexed > durable {
            return Ok(Fit::Unfit(RebuildReason::Ahead { indexed, durable }, cursors));
        }
        Ok(Fit::Fits(self))
    }

    /// How far a consumer has come; none if it has not begun, or its cursor was lost.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn cursor(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.number(&cursor_key(name), "a cursor")
    }

    /// Notes how far a consumer has come. A crash or a power cut may set it back to the last
    /// [`flush`](Self::flush) that reached the disk: consumers repeat, they do not skip.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn set_cursor(&self, name: &str, through: u64) -> Result<(), StoreError> {
        let key = cursor_key(name);
        self.attempt(|| Ok(self.db.insert(key, &through.to_be_bytes())?)).map(drop)
    }

    /// Hands everything to the operating system, and waits for it.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn flush(&self) -> Result<(), StoreError> {
        self.attempt(|| Ok(self.db.flush()?))?;
        self.unflushed_entries.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Keeps the snapshot of entry `seq`. Of the others, only the latest through `needed` stays: a consumer that has come
    /// no further goes on from there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn keep_snapshot(&self, seq: u64, bytes: &[u8], needed: u64) -> Result<(), StoreError> {
        for (part, chunk) in (1u32..).zip(bytes.chunks(SNAPSHOT_PART_BYTES)) {
            self.attempt(|| Ok(self.db.insert(snapshot_key(seq, part), chunk)?))?;
        }
        // Whether all parts belong together is for their reader to see: a checksum is in the bytes.
        self.attempt(|| Ok(self.db.insert(snapshot_key(seq, 0), &(bytes.len() as u64).to_be_bytes())?))?;
        let older: Vec<u64> = self.snapshots()?.into_iter().filter(|&known| known != seq).collect();
        let back = older.iter().copied().filter(|&known| known <= needed).max();
        for known in older.into_iter().filter(|&known| Some(known) != back) {
            self.attempt(|| {
                for item in self.db.scan_prefix(&snapshot_key(known, 0)[..9]) {
                    self.db.remove(item?.0)?;
                }
                Ok(())
            })?;
        }
        self.flush()
    }

    /// The entries of which there are snapshots, in order.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn snapshots(&self) -> Result<Vec<u64>, StoreError> {
        self.attempt(|| {
            let mut seqs = Vec::new();
            for item in self.db.scan_prefix([SNAPSHOT_PREFIX]).keys() {
                let key = item?;
                let seq = key.get(1..9).and_then(|seq| seq.try_into().ok()).map(u64::from_be_bytes);
                seqs.extend(seq.filter(|seq| key.ends_with(&[0; 4]) && seqs.last() != Some(seq)));
            }
            Ok(seqs)
        })
    }

    /// The snapshot of entry `seq`, if it is there whole.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn snapshot(&self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(len) = self.number(&snapshot_key(seq, 0), "a snapshot")? else { return Ok(None) };
        self.attempt(|| {
            let mut bytes = Vec::new();
            for item in self.db.range(snapshot_key(seq, 1)..=snapshot_key(seq, u32::MAX)) {
                bytes.extend_from_slice(&item?.1);
            }
            Ok(Some(bytes).filter(|bytes| bytes.len() as u64 == len))
        })
    }

    fn cursors(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        self.attempt(|| {
            let mut cursors = BTreeMap::new();
            for item in self.db.scan_prefix([CURSOR_PREFIX]) {
                let (key, value) = item?;
                let name = String::from_utf8_lossy(&key[1..]).into_owned();
                cursors.insert(name, number_of(&value, "a cursor")?);
            }
            Ok(cursors)
        })
    }

    fn number(&self, key: &[u8], what: &'static str) -> Result<Option<u64>, StoreError> {
        self.attempt(|| match self.db.get(key)? {
            Some(value) => number_of(&value, what).map(Some),
            None => Ok(None),
        })
    }

    /// Runs an operation; one that shows the store to be broken marks it for removal.
    fn attempt<T>(&self, operation: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let result = guard(operation);
        let broken = match &result {
            Ok(_)
            | Err(
                StoreError::Sled(sled::Error::Io(_))
                | StoreError::Remove(..)
                | StoreError::Marked
                | StoreError::Unfit(_),
            ) => false,
            Err(StoreError::Sled(_) | StoreError::Panicked(_) | StoreError::Malformed(_)) => true,
        };
        if broken {
            // Without the mark, the next opening finds out by itself, or the next use does.
            let _ = std::fs::write(self.dir.join(BROKEN_MARK), b"");
        }
        result
    }
}

/// A store as it was found, before it is known which ledger it must fit.
pub struct Found {
    dir: PathBuf,
    existed: bool,
    store: Result<Store, StoreError>,
}

impl Found {
    /// Opens what is in `dir`, or makes an empty store there.
    pub fn look(dir: &Path) -> Self {
        Self { existed: dir.exists(), store: Store::look(dir), dir: dir.to_owned() }
    }

    /// How far the furthest consumer of that ledger has come; 0 if the store can't tell.
    pub fn furthest_cursor(&self, ledger: LedgerId) -> u64 {
        let Ok(store) = &self.store else { return 0 };
        match (store.owner(), store.cursors()) {
            (Ok(Some(owner)), Ok(cursors)) if owner == ledger => cursors.into_values().max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The store of `ledger`, whose last durable entry is `durable`. What does not fit is removed and begun anew.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn settle(self, ledger: LedgerId, durable: u64) -> Result<(Store, StoreOutcome), StoreError> {
        let Self { dir, existed, store } = self;
        let (reason, cursors) = match store.and_then(|store| store.own(ledger, durable)) {
            Ok(Fit::Fits(store)) if existed => return Ok((store, StoreOutcome::Opened)),
            Ok(Fit::Fits(store)) => return Ok((store, StoreOutcome::Created)),
            Ok(Fit::Unfit(reason, cursors)) => (reason, cursors),
            Err(error) if is_circumstance(&error) => return Err(error),
            Err(error) => (RebuildReason::Broken(describe(&error)), BTreeMap::new()),
        };
        remove(&dir)?;
        let store = match Store::look(&dir)?.own(ledger, 0)? {
            Fit::Fits(store) => store,
            Fit::Unfit(reason, _) => return Err(StoreError::Panicked(reason.to_string())),
        };
        for (name, through) in cursors {
            store.set_cursor(&name, through.min(durable))?;
        }
        Ok((store, StoreOutcome::Rebuilt(reason)))
    }
}

/// Whether a store can be used.
enum Fit {
    Fits(Store),
    Unfit(RebuildReason, BTreeMap<String, u64>),
}

fn open_sled(dir: &Path) -> Result<Db, sled::Error> {
    sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        .segment_size(SLED_SEGMENT_BYTES)
        .flush_every_ms(None) // the keeper chooses the moment
        .mode(sled::Mode::LowSpace)
        .open()
}

/// An interrupted `snap.*.generating` makes the database unreadable (sled #1527); without
/// snapshots it opens with all its data.
fn remove_snapshots(dir: &Path) {
    let Ok(files) = std::fs::read_dir(dir) else { return };
    for file in files.flatten().filter(|file| file.file_name().as_encoded_bytes().starts_with(b"snap.")) {
        // If it cannot be removed, opening fails and says so.
        let _ = std::fs::remove_file(file.path());
    }
}

fn remove(dir: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::Remove(dir.display().to_string(), error))
        }
        _ => Ok(()),
    }
}

/// sled panics on some damage. The store is given up then, so no half-changed state is seen.
fn guard<T>(operation: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(StoreError::Panicked(message.unwrap_or("no message").to_owned()))
    })
}

/// Whether the disk's state is to blame, not the store's: removing the store would not help.
fn is_circumstance(error: &StoreError) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let StoreError::Sled(sled::Error::Io(error)) = error else { return false };
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | StorageFull)
}

fn describe(error: &StoreError) -> String {
    match error {
        StoreError::Sled(cause) => cause.to_string(),
        other => other.to_string(),
    }
}

fn cursor_key(name: &str) -> Vec<u8> {
    [&[CURSOR_PREFIX], name.as_bytes()].concat()
}

/// Part 0 tells the length of all parts.
fn snapshot_key(seq: u64, part: u32) -> Vec<u8> {
    [&[SNAPSHOT_PREFIX][..], &seq.to_be_bytes(), &part.to_be_bytes()].concat()
}

fn number_of(value: &IVec, what: &'static str) -> Result<u64, StoreError> {
    let bytes = <[u8; 8]>::try_from(&value[..]).map_err(|_| StoreError::Malformed(what))?;
    Ok(u64::from_be_bytes(bytes))
}
