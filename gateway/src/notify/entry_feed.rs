//! The ledger as the publisher sees it: entries turned into letters.
//!
//! A guardian's status is the latest one, not a history: of all the entries read at once, only the last that concerns a
//! guardian carries their status. The cursor stays before that entry until the status is acknowledged too, so none is
//! lost.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use schoolgate_core::{
    entry::{Entry, Seq, What},
    id::{GuardianId, GuardianToken},
    notice::{self, Notice},
    roster::Roster,
    site::Site,
    state::State,
    time::Stamp,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, spawn_blocking, yield_now},
};

use super::{Feed, FeedError, Letter, Message, payload::MessageWriter};
use crate::ledger::{Durable, Fault, LedgerReader, ReadError, Record};

/// At most this many bytes of entries are looked at in one go.
const READ_BYTES: usize = 256 * 1024;
/// At most so many entries are made into letters in one go: a tap may wait for that long.
const LETTERS_AT_ONCE: usize = 16;

/// Reads the ledger, folds it, and says who is told what.
pub struct EntryFeed {
    reader: LedgerReader,
    durable: watch::Receiver<Durable>,
    writer: MessageWriter,
    site: Arc<Site>,
    roster: watch::Receiver<Arc<Roster>>,
    /// What was so at the last entry read.
    state: State,
    place_events: bool,
    older: Option<OlderRead>,
    /// The last entry read.
    read_through: u64,
}

/// Entries that memory does not hold any more, read on a thread where the disk may take its time.
struct OlderRead {
    from: u64,
    reading: JoinHandle<Result<Vec<Record>, ReadError>>,
    read: Option<Result<Result<Vec<Record>, ReadError>, FeedError>>,
}

impl EntryFeed {
    /// A feed that goes on after `state`'s last entry. `place_events`: whether every place's entries are published.
    pub fn new(
        reader: LedgerReader,
        durable: watch::Receiver<Durable>,
        writer: MessageWriter,
        site: Arc<Site>,
        roster: watch::Receiver<Arc<Roster>>,
        state: State,
        place_events: bool,
    ) -> Self {
        Self { reader, durable, writer, site, roster, state, place_events, older: None, read_through: 0 }
    }

    fn letters_of(&mut self, read: Result<Vec<Record>, ReadError>, after: u64) -> Result<Vec<Letter>, FeedError> {
        match read {
            Ok(records) => Ok(self.letters(&records)),
            // What can't be read any more can't be told; the entries behind it can.
            Err(ReadError::Damaged(Fault { resumes_at: Some(next), .. })) if next > after + 1 => {
                self.state.skip_lost(Seq(next - 1));
                Ok(vec![Letter { seq: next - 1, messages: Vec::new() }])
            }
            Err(cause) => Err(FeedError(Box::new(cause))),
        }
    }

    fn letters(&mut self, records: &[Record]) -> Vec<Letter> {
        let roster = Arc::clone(&self.roster.borrow());
        let mut batch = Batch::default();
        for record in records {
            let messages = match Entry::decode(&record.body) {
                Ok(entry) => self.tell(&entry, &record.body, &roster, &mut batch),
                Err(error) => {
                    tracing::error!(seq = record.seq, %error, "an entry can't be understood; nobody is told of it");
                    Vec::new()
                }
            };
            batch.letters.push(Letter { seq: record.seq, messages });
        }
        self.add_statuses(&mut batch, &roster);
        batch.letters
    }

    fn tell(&mut self, entry: &Entry, body: &Bytes, roster: &Roster, batch: &mut Batch) -> Vec<Message> {
        self.fold(entry);
        let mut messages = Vec::new();
        for notice in notice::notices(entry, roster, &self.site) {
            if let Notice::Status { guardian, token } = notice {
                let due = StatusDue { letter: batch.letters.len(), seq: entry.seq, at: entry.at, token };
                batch.statuses.insert(guardian, due);
            } else {
                messages.extend(self.writer.notice(entry, &notice));
            }
        }
        // Marks of the consumers themselves have no place, so telling an entry never makes another one.
        let place = entry.what.place().filter(|_| self.place_events && !matches!(entry.what, What::Delivered { .. }));
        messages.extend(place.and_then(|place| self.writer.place_event(entry, place, body)));
        messages
    }

    /// Entries come again after a lost connection; these are in the state already.
    fn fold(&mut self, entry: &Entry) {
        if entry.seq > self.state.last() {
            self.state.skip_lost(Seq(entry.seq.0 - 1)); // nothing, unless entries before it can't be read any more
            if let Err(cause) = self.state.apply(entry) {
                tracing::error!(%cause, "an entry came out of order");
            }
        }
    }

    fn add_statuses(&self, batch: &mut Batch, roster: &Roster) {
        for (guardian, due) in batch.statuses.drain() {
            let children = notice::statuses(&guardian, &self.state, roster, &due.at);
            let status = self.writer.status(due.seq, due.at.wall, (&guardian, &due.token), &children);
            if let (Some(letter), Some(status)) = (batch.letters.get_mut(due.letter), status) {
                letter.messages.push(status);
            }
        }
    }
}

/// The letters of one read, and for each guardian the last of them that concerns them.
#[derive(Default)]
struct Batch {
    letters: Vec<Letter>,
    statuses: HashMap<GuardianId, StatusDue>,
}

/// A guardian's status, due with that letter.
struct StatusDue {
    letter: usize,
    seq: Seq,
    at: Stamp,
    token: GuardianToken,
}

impl Feed for EntryFeed {
    fn letters_after(&mut self, after: u64, max_letters: usize) -> Result<Vec<Letter>, FeedError> {
        self.durable.mark_unchanged();
        let (from, max_letters) = (after + 1, max_letters.min(LETTERS_AT_ONCE));
        let older = self.older.take_if(|older| older.from != from || older.read.is_some());
        if let Some(OlderRead { read: Some(read), .. }) = older.filter(|older| older.from == from) {
            self.read_through = 0; // whatever it gave, there may be more
            return self.letters_of(read?, after);
        }
        if self.older.is_some() {
            return Ok(Vec::new());
        }
        if let Some(records) = self.reader.read_recent(from, max_letters, READ_BYTES) {
            self.read_through = records.last().map_or(u64::MAX, |record| record.seq);
            return Ok(self.letters(&records));
        }
        let reader = self.reader.clone();
        let reading = spawn_blocking(move || reader.read(from, max_letters, READ_BYTES));
        self.older = Some(OlderRead { from, reading, read: None });
        Ok(Vec::new())
    }

    async fn changed(&mut self) {
        if let Some(older) = &mut self.older {
            if older.read.is_none() {
                let read = (&mut older.reading).await;
                older.read = Some(read.map_err(|cut_off| FeedError(Box::new(cut_off))));
            }
        } else if self.read_through < self.durable.borrow().through {
            yield_now().await;
        } else if self.durable.changed().await.is_err() {
            std::future::pending::<()>().await; // the ledger is closed: there will be no more
        }
    }
}

#[cfg(test)]
mod tests;
