//! Keeps the local store up to date, on a thread of its own: cursors and the index. Nothing here is the only copy of
//! anything, and nothing waits for it.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use schoolgate_core::entry::Consumer;
use tracing::{error, info, warn};

use crate::{
    ledger::{LedgerId, LedgerReader},
    mentions::Mentions,
    snapshot::{Build, Folded},
    store::Store,
};

/// Entries indexed in one go.
const INDEX_BATCH: usize = 512;
/// Batches in one go: a rebuild of the index goes on at the next order, and a stop does not wait for all of it.
const BATCHES_AT_ONCE: usize = 16;
/// Bytes read in one go.
const INDEX_BATCH_BYTES: usize = 256 * 1024;

/// The store is flushed when nothing new was told for so long. Each time it syncs its file (`fsync`), and an entry that
/// comes just then waits behind that: on a card that takes 10 ms, twice a second would be one tap in fifty.
const QUIET: Duration = Duration::from_secs(10);
/// It is flushed after so long at the latest, however busy the gates are. A crash or a power cut sets it back by that much:
/// what follows is repeats, bounded by the marks that the ledger itself has of what was delivered.
const UNFLUSHED_MAX: Duration = Duration::from_secs(60);

/// What the store should know by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How far MQTT has acknowledged.
    pub notify: u64,
    /// How far the platform has acknowledged.
    pub sync: u64,
    /// Retention has taken out entries through this one, or bodies of some of them.
    pub pruned: u64,
}

/// What the store's thread is told: how far all have come, and now and then what was so at some durable entry.
type Order = (Progress, Option<Folded>);

/// The store's thread.
pub struct Keeper {
    orders: SyncSender<Order>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts the thread. Without a store (its disk takes nothing) it only takes orders.
    /// Snapshots are of this ledger, folded by this build.
    pub fn start(store: Option<Store>, reader: LedgerReader, whose: (LedgerId, Build)) -> std::io::Result<Self> {
        let (orders, received) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("store".into())
            .spawn(move || keep(store.as_ref(), &reader, &whose, &received))?;
        Ok(Self { orders, thread })
    }

    /// Has the store brought up to date. While it is still busy with the last time, this is passed over: the next
    /// call brings newer figures anyway. A state is written down as a snapshot for the next start. Returns whether it was
    /// taken.
    pub fn update(&self, progress: Progress, state: Option<Folded>) -> bool {
        match self.orders.try_send((progress, state)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => false,
            Err(TrySendError::Disconnected(_)) => {
                warn!("the store's thread is gone");
                false
            }
        }
    }

    /// Brings the store up to date once more and ends the thread.
    pub fn stop(self, progress: Progress, state: Option<Folded>) {
        if self.orders.send((progress, state)).is_err() {
            return;
        }
        drop(self.orders);
        if self.thread.join().is_err() {
            error!("the store's thread had panicked");
        }
    }
}

fn keep(store: Option<&Store>, reader: &LedgerReader, whose: &(LedgerId, Build), orders: &Receiver<Order>) {
    let mut told = String::new();
    let mut unflushed_since: Option<Instant> = None;
    loop {
        let order = match unflushed_since {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => orders.recv_timeout(QUIET),
        };
        let Some(store) = store else {
            if order.is_err() {
                return;
            }
            continue;
        };
        let ended = order.as_ref().err().copied();
        let kept = match order {
            Ok((progress, state)) => {
                unflushed_since.get_or_insert_with(Instant::now);
                let snapshot =
                    state.map_or(Ok(()), |state| keep_snapshot(store, reader, whose, state, progress.notify));
                snapshot.and_then(|()| bring_up_to_date(store, reader, progress))
            }
            Err(_) => Ok(()),
        };
        let is_due = ended.is_some() || unflushed_since.is_some_and(|since| since.elapsed() >= UNFLUSHED_MAX);
        let kept = kept.and_then(|()| {
            if is_due {
                store.flush()?;
                unflushed_since = None;
            }
            Ok(())
        });
        tell(&mut told, kept.err().map(|cause| cause.to_string()).unwrap_or_default());
        if ended == Some(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

/// Writes a snapshot down, with the chain hash of its entry: so it is known again.
fn keep_snapshot(
    store: &Store,
    reader: &LedgerReader,
    (ledger, build): &(LedgerId, Build),
    state: Folded,
    notified: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let records = reader.read(state.seq, 1, 0)?;
    let Some(record) = records.first() else { return Ok(()) }; // not durable: it may never have been
    let bytes = state.stamped(build, *ledger, record.chain);
    let seq = state.seq;
    drop(state);
    if let Some(bytes) = bytes {
        store.keep_snapshot(seq, &bytes, notified)?;
    }
    Ok(())
}

/// Tells the log when trouble begins, changes or ends.
fn tell(told: &mut String, trouble: String) {
    if trouble != *told {
        if trouble.is_empty() {
            info!("the store is kept up to date again");
        } else {
            warn!(trouble, "the store can't be brought up to date; it is tried again");
        }
        *told = trouble;
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
    if store.indexed()?.from <= progress.pruned {
        store.forget_through(progress.pruned)?;
    }
    for _ in 0..BATCHES_AT_ONCE {
        let indexed = store.indexed()?.through;
        if indexed >= through {
            break;
        }
        match reader.read(indexed + 1, INDEX_BATCH, INDEX_BATCH_BYTES) {
            Ok(records) if records.is_empty() => return Ok(()),
            Ok(records) => store.index(&records, Mentions::of)?,
            Err(cause) => match cause.resumes_at().filter(|&next| next > indexed + 1) {
                Some(next) => store.pass_over(next - 1)?,
                None => return Err(cause.into()),
            },
        }
    }
    Ok(())
}
