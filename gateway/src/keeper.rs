//! Keeps the local store up to date, on a thread of its own: cursors and the index. Nothing here is the only copy of
//! anything, and nothing waits for it.

use std::{
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
};

use schoolgate_core::entry::{Consumer, Entry};
use tracing::{error, info, warn};

use crate::{ledger::LedgerReader, store::Store};

/// Entries indexed in one go.
const INDEX_BATCH: usize = 512;
/// Batches in one go: a rebuild of the index goes on at the next order, and a stop does not wait for all of it.
const BATCHES_AT_ONCE: usize = 16;
/// Bytes read in one go.
const INDEX_BATCH_BYTES: usize = 256 * 1024;

/// What the store should know by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How far MQTT has acknowledged.
    pub notify: u64,
    /// How far the platform has acknowledged.
    pub sync: u64,
}

/// The store's thread.
pub struct Keeper {
    orders: SyncSender<Progress>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts the thread. Without a store (its disk takes nothing) it only takes orders.
    pub fn start(store: Option<Store>, reader: LedgerReader) -> std::io::Result<Self> {
        let (orders, received) = sync_channel(1);
        let thread =
            thread::Builder::new().name("store".into()).spawn(move || keep(store.as_ref(), &reader, &received))?;
        Ok(Self { orders, thread })
    }

    /// Has the store brought up to date. While it is still busy with the last time, this is passed over: the next
    /// call brings newer figures anyway.
    pub fn update(&self, progress: Progress) {
        if let Err(TrySendError::Disconnected(_)) = self.orders.try_send(progress) {
            warn!("the store's thread is gone");
        }
    }

    /// Brings the store up to date once more and ends the thread.
    pub fn stop(self, progress: Progress) {
        if self.orders.send(progress).is_err() {
            return;
        }
        drop(self.orders);
        if self.thread.join().is_err() {
            error!("the store's thread had panicked");
        }
    }
}

fn keep(store: Option<&Store>, reader: &LedgerReader, orders: &Receiver<Progress>) {
    let mut told = String::new();
    while let Ok(progress) = orders.recv() {
        let Some(store) = store else { continue };
        let trouble =
            bring_up_to_date(store, reader, progress).err().map(|cause| cause.to_string()).unwrap_or_default();
        if trouble != told {
            if trouble.is_empty() {
                info!("the store is kept up to date again");
            } else {
                warn!(trouble, "the store can't be brought up to date; it is tried again");
            }
            told = trouble;
        }
    }
}

fn bring_up_to_date(
    store: &Store,
    reader: &LedgerReader,
    progress: Progress,
) -> Result<(), Box<dyn std::error::Error>> {
    store.set_cursor(Consumer::Notify.name(), progress.notify)?;
    store.set_cursor(Consumer::Sync.name(), progress.sync)?;
    let through = reader.durable().through;
    for _ in 0..BATCHES_AT_ONCE {
        let indexed = store.indexed_through()?;
        if indexed >= through {
            break;
        }
        let records = reader.read(indexed + 1, INDEX_BATCH, INDEX_BATCH_BYTES)?;
        if records.is_empty() {
            return Ok(());
        }
        store.index(&records, subjects)?;
    }
    Ok(())
}

/// The people whom an entry concerns.
pub fn subjects(body: &[u8]) -> Vec<String> {
    let Ok(entry) = Entry::decode(body) else { return Vec::new() };
    let students = entry.what.students().iter().map(|student| student.as_str().to_owned());
    students.chain(entry.what.guardian().map(|guardian| guardian.as_str().to_owned())).collect()
}
