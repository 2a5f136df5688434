//! Takes the proof of one entry out of a ledger.

use std::path::Path;

use schoolgate_core::entry::Entry;

use super::checkpoint::SignedCheckpoint;
use super::proof::Proof;
use crate::ledger::{LayoutError, LedgerId, ReadError, Record, Tree, TreeError, open_records, open_tree};

/// So many entries are looked through in one go for a checkpoint, from the end back.
const WINDOW: u64 = 4_096;

/// Why there is no proof of an entry.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The segments can't be made out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// There is no ledger, or all its headers are damaged.
    #[error("the ledger's id can't be read; is this the folder?")]
    NoLedger,
    /// There is no such entry.
    #[error("there is no entry {seq}; the last one is {last}")]
    NoEntry {
        /// The number asked for.
        seq: u64,
        /// The last one.
        last: u64,
    },
    /// The entry can't be read.
    #[error("entry {seq} can't be shown")]
    Unreadable {
        /// Its number.
        seq: u64,
        /// Why.
        #[source]
        cause: ReadError,
    },
    /// The entry is not text, which no version of the gateway writes.
    #[error("entry {0} is not text")]
    NotText(u64),
    /// No checkpoint covers the entry yet.
    #[error(
        "no signed checkpoint covers entry {0} yet; the running gateway makes one within 10 minutes, and at every stop"
    )]
    NotCovered(u64),
    /// The hashes can't be had.
    #[error("the way from entry {seq} to the checkpoint of {size} entries can't be computed")]
    Tree {
        /// Number of the entry.
        seq: u64,
        /// Size of the checkpoint.
        size: u64,
        /// Why.
        #[source]
        cause: TreeError,
    },
    /// The proof would not hold.
    #[error("the checkpoint of {size} entries does not fit the ledger any more: {why}; check the ledger with `verify`")]
    DoesNotHold {
        /// Size of the checkpoint.
        size: u64,
        /// What does not fit.
        why: super::ProofFault,
    },
}

/// The proof of entry `seq` of the ledger in this folder, by the newest checkpoint in it that covers the entry. Reads only,
/// beside a running gateway or from a copy. The proof holds under the key that the checkpoint names.
///
/// # Errors
/// [`ProveError`].
pub fn proof_of(dir: &Path, seq: u64) -> Result<Proof, ProveError> {
    let tree = open_tree(dir)?;
    let ledger = tree.ledger_id().ok_or(ProveError::NoLedger)?;
    if seq == 0 || seq > tree.size() {
        return Err(ProveError::NoEntry { seq, last: tree.size() });
    }
    let record = record(dir, seq, tree.size())?;
    let signed = newest_checkpoint(dir, ledger, &tree, seq)?.ok_or(ProveError::NotCovered(seq))?;
    let size = signed.checkpoint.size;
    let (_, path) = tree.prove_inclusion(seq, size).map_err(|cause| ProveError::Tree { seq, size, cause })?;
    let body = String::from_utf8(record.body.to_vec()).map_err(|_| ProveError::NotText(seq))?;
    let proof = Proof { seq, salt: record.salt, body, path, signed };
    // What would be refused is not handed out.
    proof.check(&signed.key).map_err(|why| ProveError::DoesNotHold { size, why })?;
    Ok(proof)
}

fn record(dir: &Path, seq: u64, last: u64) -> Result<Record, ProveError> {
    match open_records(dir, seq)?.next() {
        Some(Ok(record)) if record.seq == seq => Ok(record),
        Some(Err(cause)) => Err(ProveError::Unreadable { seq, cause }),
        _ => Err(ProveError::NoEntry { seq, last }),
    }
}

/// Looks from the end back: there is one in every thousand entries.
fn newest_checkpoint(
    dir: &Path,
    ledger: LedgerId,
    tree: &Tree,
    seq: u64,
) -> Result<Option<SignedCheckpoint>, ProveError> {
    let mut through = tree.size();
    while through > seq {
        let from = through.saturating_sub(WINDOW - 1).max(seq + 1);
        let mut newest = None;
        for record in open_records(dir, from)?.map_while(|item| match item {
            Ok(record) if record.seq > through => None,
            item => Some(item),
        }) {
            let Ok(record) = record else { continue }; // what is damaged is no checkpoint
            if let Some(Ok(signed)) = checkpoint_in(ledger, &record.body)
                && (seq..record.seq).contains(&signed.checkpoint.size)
            {
                newest = Some(signed);
            }
        }
        if newest.is_some() {
            return Ok(newest);
        }
        through = from - 1;
    }
    Ok(None)
}

/// The checkpoint that these bytes are the entry of. Most entries are not, and are not parsed.
pub(super) fn checkpoint_in(
    ledger: LedgerId,
    body: &[u8],
) -> Option<Result<SignedCheckpoint, super::checkpoint::NotHex>> {
    const KIND: &[u8] = br#"{"checkpoint":"#;
    if !body.windows(KIND.len()).any(|part| part == KIND) {
        return None;
    }
    let entry = Entry::decode(body).ok()?;
    SignedCheckpoint::of_entry(ledger, &entry.what)
}
