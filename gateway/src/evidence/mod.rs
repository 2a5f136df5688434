//! Evidence: what the ledger says can be shown to others, who need to trust neither the gateway's owner nor its disk.
//!
//! The gateway signs the root of the ledger's Merkle tree now and then ([`Checkpointer`]); each signed checkpoint is an
//! entry of the ledger and goes to the platform like any other. With one of them, a single entry can be shown and proven
//! ([`proof_of`], [`Proof::check`]) without showing any other. `gateway/docs/evidence.md` says how, also without this
//! program.

mod audit;
mod checkpoint;
mod checkpointer;
#[doc(hidden)]
pub mod harness;
mod key;
mod proof;
mod prove;

pub use audit::{Audit, AuditError, CheckpointFault, Misfit, audit};
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use checkpointer::{Checkpointer, Pace};
pub use key::{KEY_FILE, KeyError, PublicKey, SigningKey};
pub use proof::{MAX_PROOF_BYTES, Proof, ProofFault, Proven};
pub use prove::{ProveError, proof_of};
