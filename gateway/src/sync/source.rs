//! What sync needs of the ledger.

pub use crate::ledger::Record;

/// The ledger, as sync reads it. Called on the sync thread, so it may block.
pub trait Source: Send + 'static {
    /// Reads consecutive records, the first of them `from_seq`: at most `max_entries`, and at most `max_bytes` of
    /// bodies, but always at least one. Called only for what is durable.
    ///
    /// # Errors
    /// [`SourceError`]; the read is tried again later.
    fn read(&mut self, from_seq: u64, max_entries: usize, max_bytes: usize) -> Result<Vec<Record>, SourceError>;

    /// The platform has stored every entry through this one: keep it as the cursor to start with next time. It goes
    /// back when the platform itself was restored from a backup. To lose it costs repeats and nothing else.
    fn acknowledged(&mut self, _through: u64) {}
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Retention has removed them.
    #[error("entry {from} was removed; the first that is left is {first}")]
    Removed {
        /// The first record asked for.
        from: u64,
        /// The first record left.
        first: u64,
    },
    /// The ledger could not be read.
    #[error("the ledger cannot be read")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}
