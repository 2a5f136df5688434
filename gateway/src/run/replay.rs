//! From the ledger to what is so now: all its entries folded, or a snapshot and those behind it.

use schoolgate_core::{
    entry::{Consumer, Entry, Seq},
    state::{OutOfOrder, State},
};
use tracing::{error, info};

use crate::{
    chain::chain,
    ledger::{LedgerId, LedgerReader, ReadError},
    snapshot::{Build, Snapshot, Unusable},
    store::Store,
};

/// Why the ledger could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A record could not be read.
    #[error("the ledger can't be read")]
    Read(#[source] ReadError),
    /// The entries are out of order.
    #[error("the ledger's entries are out of order")]
    Order(#[source] OutOfOrder),
}

/// What the ledger tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replayed {
    /// The entry of the snapshot that was gone on from; 0 if all were folded.
    pub(super) snapshot: u64,
    /// What is so now.
    pub(super) now: State,
    /// What was so where notifications go on: at their cursor, or at their mark in the ledger if the store was lost.
    pub(super) notified: State,
}

/// Folds the ledger. `notify_cursor` is the store's, or 0. The snapshots may be of any age and in any state: they are
/// looked at, the newest first.
pub(super) fn replay(
    reader: &LedgerReader,
    notify_cursor: u64,
    mut snapshots: impl Iterator<Item = Snapshot>,
) -> Result<Replayed, ReplayError> {
    let mut now = snapshots.next().map(|snapshot| snapshot.state).unwrap_or_default();
    let mut notified = None;
    let (snapshot, begin) = (now.last().0, now.clone());
    fold(reader, u64::MAX, &mut now)?;
    let through = now.delivered(Consumer::Notify).0.max(notify_cursor);
    if through >= now.last().0 {
        notified = Some(now.clone()); // everything was delivered: no need to fold twice
    } else if begin.last().0 <= through {
        notified = Some(begin);
    }
    let notified =
        notified.or_else(|| snapshots.map(|snapshot| snapshot.state).find(|state| state.last().0 <= through));
    let mut notified = notified.unwrap_or_default();
    fold(reader, through, &mut notified)?;
    Ok(Replayed { snapshot, now, notified })
}

/// The store's snapshots that are of this build and of an entry that the ledger has, the newest first.
pub(super) fn snapshots<'a>(
    store: Option<&'a Store>,
    build: &'a Build,
    ledger: LedgerId,
    reader: &'a LedgerReader,
) -> impl Iterator<Item = Snapshot> + 'a {
    let seqs = store.map(Store::snapshots).and_then(Result::ok).unwrap_or_default();
    seqs.into_iter().rev().filter_map(move |seq| {
        let bytes = match store?.snapshot(seq) {
            Ok(bytes) => bytes?,
            Err(cause) => {
                info!(seq, cause = %chain(&cause), "a snapshot can't be read");
                return None;
            }
        };
        let snapshot = Snapshot::decode(&bytes, build, ledger).and_then(|snapshot| has_entry(reader, snapshot));
        match snapshot {
            Ok(snapshot) => {
                info!(seq, bytes = bytes.len(), "going on from a snapshot");
                Some(snapshot)
            }
            Err(cause) => {
                info!(seq, %cause, "a snapshot is not used");
                None
            }
        }
    })
}

/// The snapshot, if the ledger has the very entry that it was made at.
fn has_entry(reader: &LedgerReader, snapshot: Snapshot) -> Result<Snapshot, Unusable> {
    let chain = match reader.read(snapshot.state.last().0, 1, 0) {
        Ok(records) => records.first().map(|record| record.chain),
        Err(ReadError::Removed(removed)) => removed.hashes.map(|(_, chain)| chain),
        Err(_) => None,
    };
    if chain == Some(snapshot.chain) { Ok(snapshot) } else { Err(Unusable::OtherEntry) }
}

/// Folds in every entry behind the state's last one through that number, in order. What is damaged or was removed is
/// passed over: a gateway that knows almost everything is worth more than one that does not start.
fn fold(reader: &LedgerReader, through: u64, state: &mut State) -> Result<(), ReplayError> {
    let lost = |state: &mut State, next: u64| state.skip_lost(Seq((next - 1).min(through)));
    if state.last().0 >= through {
        return Ok(());
    }
    for record in reader.iter(state.last().0 + 1) {
        match record {
            Ok(record) if record.seq > through => break,
            Ok(record) => match Entry::decode(&record.body) {
                Ok(entry) => state.apply(&entry).map_err(ReplayError::Order)?,
                Err(cause) => {
                    // A newer version wrote it, and this one was put back: people must be able to pass all the same.
                    error!(seq = record.seq, %cause, "an entry that this version does not understand");
                    state.skip_lost(Seq(record.seq));
                }
            },
            Err(ReadError::Removed(removed)) if removed.seq > through => break,
            Err(ReadError::Removed(removed)) => lost(state, removed.resumes_at),
            Err(ReadError::Damaged(fault)) => {
                error!(?fault, "the ledger is damaged: these entries can't be read");
                let Some(next) = fault.resumes_at else { break };
                lost(state, next);
            }
            Err(cause) => return Err(ReplayError::Read(cause)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
