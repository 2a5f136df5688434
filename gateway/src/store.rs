//! The local store of what can be derived again from the ledger: cursors of its consumers and an
//! index by subject.
//!
//! It is `sled`, whose flush does not reach the disk on Linux: a power cut may set it back or
//! break it. So nothing here may be the only copy of anything. A store that is broken, ahead of
//! the ledger or of another ledger is removed, and the caller indexes again from
//! [`Store::indexed_through`]. All calls may block on the disk: keep them off the tap's path.

mod block;
#[cfg(test)]
mod tests;

use crate::ledger::{LedgerId, Record};
use block::Block;
use sled::{Batch, Db, IVec};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What sled may cache, in bytes. It takes several times as much memory.
const CACHE_BYTES: u64 = 64 << 10;
/// Unit of sled's log, in bytes; it keeps a few buffers of this size.
const SLED_SEGMENT_BYTES: usize = 128 << 10;
/// Entries indexed between flushes that are waited for: bounds what sled holds in memory.
const FLUSH_EVERY_ENTRIES: u64 = 1_024;
/// A file of this name in the folder says that the store was found broken while in use.
const BROKEN_MARK: &str = "broken";

const LEDGER_KEY: &[u8] = b"ledger";
const INDEXED_KEY: &[u8] = b"indexed";
const CURSOR_PREFIX: u8 = b'c';
const SUBJECT_PREFIX: u8 = b's';

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
        let existed = dir.exists();
        let (reason, cursors) = match Self::try_open(dir, ledger, durable) {
            Ok(Fit::Fits(store)) if existed => return Ok((store, StoreOutcome::Opened)),
            Ok(Fit::Fits(store)) => return Ok((store, StoreOutcome::Created)),
            Ok(Fit::Unfit(reason, cursors)) => (reason, cursors),
            Err(error) if is_circumstance(&error) => return Err(error),
            Err(error) => (RebuildReason::Broken(describe(&error)), BTreeMap::new()),
        };
        remove(dir)?;
        let store = Self::create(dir, ledger)?;
        for (name, through) in cursors {
            store.set_cursor(&name, through.min(durable))?;
        }
        Ok((store, StoreOutcome::Rebuilt(reason)))
    }

    fn create(dir: &Path, ledger: LedgerId) -> Result<Self, StoreError> {
        match Self::try_open(dir, ledger, 0)? {
            Fit::Fits(store) => Ok(store),
            Fit::Unfit(reason, _) => Err(StoreError::Panicked(reason.to_string())),
        }
    }

    fn try_open(dir: &Path, ledger: LedgerId, durable: u64) -> Result<Fit, StoreError> {
        if dir.join(BROKEN_MARK).exists() {
            return Ok(Fit::Unfit(RebuildReason::Broken("it failed while in use".into()), BTreeMap::new()));
        }
        remove_snapshots(dir);
        let db = guard(|| Ok(open_sled(dir)?))?;
        let store = Self { dir: dir.to_owned(), db, unflushed_entries: AtomicU64::new(0) };
        let owner = guard(|| Ok(store.db.get(LEDGER_KEY)?))?;
        match owner {
            None => {
                guard(|| Ok(store.db.insert(LEDGER_KEY, &ledger.0)?))?;
            }
            Some(owner) if owner == ledger.0 => {}
            Some(_) => return Ok(Fit::Unfit(RebuildReason::OtherLedger, BTreeMap::new())),
        }
        let cursors = store.cursors()?;
        let indexed = cursors.values().copied().fold(store.indexed_through()?, u64::max);
        if indexed > durable {
            return Ok(Fit::Unfit(RebuildReason::Ahead { indexed, durable }, cursors));
        }
        Ok(Fit::Fits(store))
    }

    /// Number of the last entry that is indexed; 0 if none is.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn indexed_through(&self) -> Result<u64, StoreError> {
        Ok(self.number(INDEXED_KEY, "the index")?.unwrap_or(0))
    }

    /// Indexes records, which follow on [`Store::indexed_through`] (entries that the ledger cannot
    /// give may be left out; known ones are passed over). `subjects_of` names the subjects of a
    /// body. All of one call is taken, or nothing.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn index(&self, records: &[Record], subjects_of: impl Fn(&[u8]) -> Vec<String>) -> Result<(), StoreError> {
        let indexed = self.indexed_through()?;
        let mut batch = Batch::default();
        let mut blocks = BTreeMap::new();
        let mut entries = 0;
        let mut through = indexed;
        for record in records.iter().filter(|record| record.seq > indexed) {
            for subject in subjects_of(&record.body) {
                let prefix = subject_key(&subject, None);
                let block = match blocks.entry(prefix) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => {
                        let block = self.last_block(unknown.key())?;
                        unknown.insert(block.unwrap_or_else(|| Block::new(&subject, record.seq)))
                    }
                };
                if !block.push(record.seq) {
                    let full = std::mem::replace(block, Block::new(&subject, record.seq));
                    batch.insert(full.key, full.offsets);
                    block.push(record.seq);
                }
            }
            entries += 1;
            through = through.max(record.seq);
        }
        for block in blocks.into_values() {
            batch.insert(block.key, block.offsets);
        }
        if entries == 0 {
            return Ok(());
        }
        batch.insert(INDEXED_KEY, &through.to_be_bytes());
        self.attempt(|| Ok(self.db.apply_batch(batch)?))?;
        let unflushed = self.unflushed_entries.fetch_add(entries, Ordering::Relaxed) + entries;
        if unflushed >= FLUSH_EVERY_ENTRIES {
            self.flush()?;
        }
        Ok(())
    }

    /// Numbers of the entries about a subject, the newest first, at most `limit`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn seqs_of(&self, subject: &str, limit: usize) -> Result<Vec<u64>, StoreError> {
        let prefix = subject_key(subject, None);
        self.attempt(|| {
            let mut seqs = Vec::new();
            for item in self.db.scan_prefix(&prefix).rev() {
                let (key, offsets) = item?;
                let Some(block) = Block::read(&key, &offsets, prefix.len()) else { continue };
                seqs.extend(block.seqs().rev().take(limit - seqs.len()));
                if seqs.len() == limit {
                    break;
                }
            }
            Ok(seqs)
        })
    }

    fn last_block(&self, prefix: &[u8]) -> Result<Option<Block>, StoreError> {
        self.attempt(|| {
            for item in self.db.scan_prefix(prefix).rev() {
                let (key, offsets) = item?;
                if let Some(block) = Block::read(&key, &offsets, prefix.len()) {
                    return Ok(Some(block));
                }
            }
            Ok(None)
        })
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
            Ok(_) | Err(StoreError::Sled(sled::Error::Io(_)) | StoreError::Remove(..)) => false,
            Err(StoreError::Sled(_) | StoreError::Panicked(_) | StoreError::Malformed(_)) => true,
        };
        if broken {
            // Without the mark, the next opening finds out by itself, or the next use does.
            let _ = std::fs::write(self.dir.join(BROKEN_MARK), b"");
        }
        result
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

fn subject_key(subject: &str, seq: Option<u64>) -> Vec<u8> {
    let mut key = Vec::with_capacity(subject.len() + 10);
    key.push(SUBJECT_PREFIX);
    key.extend_from_slice(subject.as_bytes());
    key.push(0);
    key.extend(seq.iter().flat_map(|seq| seq.to_be_bytes()));
    key
}

fn number_of(value: &IVec, what: &'static str) -> Result<u64, StoreError> {
    let bytes = <[u8; 8]>::try_from(&value[..]).map_err(|_| StoreError::Malformed(what))?;
    Ok(u64::from_be_bytes(bytes))
}
