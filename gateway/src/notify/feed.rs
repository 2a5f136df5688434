//! What the publisher reads and what it reports: the two sides of its durable cursor.

use std::error::Error;

use super::Message;

/// All messages of one ledger entry, in the order in which they are to be sent; empty when the entry tells nobody
/// anything.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The entry's sequence number in the ledger.
    pub seq: u64,
    /// What the entry tells, and to whom.
    pub messages: Vec<Message>,
}

/// The ledger as the publisher sees it: entries turned into letters.
pub trait Feed: Send {
    /// Letters with a sequence number above `after`, ascending, at most `max_letters`; fewer when there are no more now,
    /// or when more would take too long.
    ///
    /// Runs beside the shell, so it must not block; it is asked again when there is room, and, if it gave fewer than
    /// wanted, after [`changed`](Self::changed).
    ///
    /// # Errors
    ///
    /// [`FeedError`] when the ledger cannot be read; it is asked again after [`FEED_PAUSE`](super::FEED_PAUSE).
    fn letters_after(&mut self, after: u64, max_letters: usize) -> Result<Vec<Letter>, FeedError>;

    /// Resolves when there may be more than the last [`letters_after`](Self::letters_after) gave, also when it came
    /// between that call and this one. Must be cancel safe, and give others their turn.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;
}

/// Where the durable cursor is kept.
pub trait Progress: Send {
    /// Every message of every entry up to and including `through` was acknowledged by the broker, or counted as
    /// refused or expired. Calls come with ascending numbers.
    fn confirmed(&mut self, through: u64);
}

/// The ledger could not be read for notification.
#[derive(Debug, thiserror::Error)]
#[error("the ledger cannot be read for notification: {0}")]
pub struct FeedError(#[source] pub Box<dyn Error + Send + Sync>);
