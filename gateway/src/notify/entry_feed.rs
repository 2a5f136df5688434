//! The ledger as the publisher sees it: entries turned into letters.
//!
//! A guardian's status is the latest one, not a history: of all the entries looked at, only the last that concerns a
//! guardian carries their status. The cursor stays before that entry until the status is acknowledged too, so none is
//! lost.
//!
//! What could not be told in time is told as late (domain rule 5). When the next entry to be told is older than the
//! policy's `late_news`, the feed first folds everything that is on disk, a part at a time, and tells nothing meanwhile;
//! then it tells the entries one after the other, knowing how each thing ended:
//!
//! - facts and alerts go out and, from the moment on at which they are late, say so ([`Message::late_at`]);
//! - an event of something that is over by then (a wait, a call, a child who had not come or was not fetched), and an alert
//!   of an alarm that is over or was acknowledged since, is left out: the status, or the later alert, stands for it;
//! - a wait and a call are left out, too, once the release window has passed, and a child who had not come once the
//!   session is over, whatever came of it.
//!
//! While an entry is on its way to the disk, its letter is drafted already (`drafts`).
//!
//! How old an entry is, is told by the boot's own time, else by wall time if the clock was set then and is set now; an
//! entry whose age can't be told is not late.

mod drafts;
mod later;
mod moment;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use schoolgate_core::{
    entry::{Entry, EntryError, Seq, What},
    id::{GuardianId, GuardianToken},
    notice::{self, Notice, late},
    roster::Roster,
    site::Site,
    state::State,
    time::Stamp,
};
use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle, spawn_blocking, yield_now},
};

use super::{Feed, FeedError, FreshEntries, Letter, Message, SameState, payload::MessageWriter};
use crate::{
    clock::Clock,
    ledger::{Durable, LedgerReader, ReadError, Record},
};
use drafts::Drafts;
use later::Later;
use moment::Moment;

/// At most this many bytes of entries are looked at in one go.
const READ_BYTES: usize = 256 * 1024;
/// At most so many entries are made into letters, or folded ahead, in one go: a tap may wait for that long.
const AT_ONCE: usize = 48;

/// Reads the ledger, folds it, and says who is told what.
pub struct EntryFeed {
    reader: LedgerReader,
    durable: watch::Receiver<Durable>,
    writer: MessageWriter,
    site: Arc<Site>,
    roster: watch::Receiver<Arc<Roster>>,
    clock: Arc<dyn Clock>,
    /// What was so at the last entry looked at.
    state: State,
    same: SameState,
    fresh: FreshEntries,
    drafts: Drafts,
    /// What is known of entries that were looked at and not told yet.
    later: Later,
    /// Whether there is more to look at before anything is told.
    behind: bool,
    place_events: bool,
    older: Option<OlderRead>,
    /// The last entry read.
    read_through: u64,
}

/// Entries that memory does not hold any more, read on a thread where the disk may take its time.
struct OlderRead {
    from: u64,
    reading: JoinHandle<Result<Vec<Record>, ReadError>>,
    read: Option<Result<Result<Vec<Record>, ReadError>, JoinError>>,
}

/// What the disk gave, or did not give yet.
enum Read {
    Records(Vec<Record>),
    /// These can't be read any more; the next that can is this one.
    Lost {
        next: u64,
    },
    /// They are being read.
    Soon,
}

impl EntryFeed {
    /// A feed that goes on after `state`'s last entry. What is late is told by `clock`.
    pub fn new(
        reader: LedgerReader,
        durable: watch::Receiver<Durable>,
        writer: MessageWriter,
        site: Arc<Site>,
        roster: watch::Receiver<Arc<Roster>>,
        state: State,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (later, behind, place_events) = (Later::default(), false, false);
        let (older, read_through) = (None, 0);
        let (same, fresh, drafts) = (SameState::default(), FreshEntries::default(), Drafts::default());
        Self {
            reader,
            durable,
            writer,
            site,
            roster,
            clock,
            state,
            same,
            fresh,
            drafts,
            later,
            behind,
            place_events,
            older,
            read_through,
        }
    }

    /// Shares memory with the state that is left there.
    #[must_use]
    pub fn with_same_state(self, same: SameState) -> Self {
        Self { same, ..self }
    }

    /// Does not read again what is left there, and makes letters of it while it is on its way to the disk.
    #[must_use]
    pub fn with_fresh_entries(self, fresh: FreshEntries) -> Self {
        Self { fresh, ..self }
    }

    /// Publishes every place's entries, too.
    #[must_use]
    pub fn with_place_events(self, place_events: bool) -> Self {
        Self { place_events, ..self }
    }

    /// Entries come again after a lost connection; these are in the state already.
    fn look_at(&mut self, entry: &Entry, roster: &Roster) {
        if entry.seq > self.state.last() {
            self.fold(entry);
            self.later.note(entry, roster);
        }
    }

    fn fold(&mut self, entry: &Entry) {
        self.state.skip_lost(Seq(entry.seq.0 - 1)); // nothing, unless entries before it can't be read any more
        if let Err(cause) = self.state.apply(entry) {
            tracing::error!(%cause, "an entry came out of order");
        }
    }

    /// Folds the next part of what is on disk, and finds out whether that was all.
    fn look_ahead(&mut self, roster: &Roster) -> Result<(), FeedError> {
        match self.read(self.state.last().0 + 1, AT_ONCE)? {
            Read::Soon => return Ok(()),
            Read::Lost { next } => self.state.skip_lost(Seq(next - 1)),
            Read::Records(records) => {
                for record in &records {
                    match Entry::decode(&record.body) {
                        Ok(entry) => self.look_at(&entry, roster),
                        Err(_) => self.state.skip_lost(Seq(record.seq)), // said when its turn has come
                    }
                }
                self.behind = !records.is_empty() && self.state.last().0 < self.durable.borrow().through;
            }
        }
        Ok(())
    }

    /// Entries from that one on, at most so many. Never waits for the disk.
    fn read(&mut self, from: u64, most: usize) -> Result<Read, FeedError> {
        let older = self.older.take_if(|older| older.from != from || older.read.is_some());
        let read = match older.filter(|older| older.from == from).and_then(|older| older.read) {
            Some(read) => {
                self.read_through = 0; // whatever it gave, there may be more
                read.map_err(|cut_off| FeedError(Box::new(cut_off)))?
            }
            None if self.older.is_some() => return Ok(Read::Soon),
            None => match self.reader.read_recent(from, most, READ_BYTES) {
                Some(records) => {
                    self.reader.set_followed(records.last().map_or(from - 1, |record| record.seq));
                    self.read_through = records.last().map_or(u64::MAX, |record| record.seq);
                    Ok(records)
                }
                None => {
                    let reader = self.reader.clone();
                    let reading = spawn_blocking(move || reader.read(from, most, READ_BYTES));
                    self.older = Some(OlderRead { from, reading, read: None });
                    return Ok(Read::Soon);
                }
            },
        };
        match read {
            Ok(records) => Ok(Read::Records(records)),
            Err(cause) => match cause.resumes_at().filter(|&next| next > from) {
                Some(next) => Ok(Read::Lost { next }),
                None => Err(FeedError(Box::new(cause))),
            },
        }
    }

    /// Whether there may be more than was given, without anything new on disk.
    fn may_have_more(&self) -> bool {
        self.behind || self.older.is_some() || self.read_through < self.durable.borrow().through
    }

    fn entry_of(&self, record: &Record) -> Result<Entry, EntryError> {
        self.fresh.take(record.seq).map_or_else(|| Entry::decode(&record.body), Ok)
    }

    fn letters(&mut self, records: &[Record], roster: &Roster, now: &Moment) -> Vec<Letter> {
        let entries: Vec<_> = records.iter().map(|record| (record, self.entry_of(record))).collect();
        for entry in entries.iter().filter_map(|(_, entry)| entry.as_ref().ok()) {
            self.look_at(entry, roster);
        }
        let mut overtaken = 0;
        let letter = |(record, entry): (&Record, Result<Entry, _>)| {
            let messages = match entry {
                Ok(entry) => self.tell(&entry, &record.body, roster, now, &mut overtaken),
                Err(error) => {
                    tracing::error!(seq = record.seq, %error, "an entry can't be understood; nobody is told of it");
                    Vec::new()
                }
            };
            Letter { seq: record.seq, messages }
        };
        let letters: Vec<_> = entries.into_iter().map(letter).collect();
        say_overtaken(overtaken);
        if letters.last().is_some_and(|letter| letter.seq >= self.state.last().0) {
            self.later = Later::default();
        }
        letters
    }

    fn tell(&self, entry: &Entry, body: &Bytes, roster: &Roster, now: &Moment, overtaken: &mut u64) -> Vec<Message> {
        let mut messages = self.tell_people(entry, roster, now, overtaken);
        messages.extend(self.tell_place(entry, body));
        messages
    }

    fn tell_people(&self, entry: &Entry, roster: &Roster, now: &Moment, overtaken: &mut u64) -> Vec<Message> {
        let mut messages = Vec::new();
        for notice in notice::notices(entry, roster, &self.site) {
            match &notice {
                Notice::Status { guardian, token } => messages.extend(self.status(entry, guardian, token, roster)),
                _ if self.is_overtaken(&notice, entry, roster, now) => *overtaken += 1,
                _ => messages.extend(self.message(&notice, entry, roster, now)),
            }
        }
        messages
    }

    fn tell_place(&self, entry: &Entry, body: &Bytes) -> Option<Message> {
        // Marks of the consumers themselves have no place, so telling an entry never makes another one.
        let place = entry.what.place().filter(|_| self.place_events && !matches!(entry.what, What::Delivered { .. }));
        self.writer.place_event(entry, place?, body)
    }

    fn is_overtaken(&self, notice: &Notice, entry: &Entry, roster: &Roster, now: &Moment) -> bool {
        let Some(age) = entry.at.elapsed(&now.stamp) else { return false };
        let is_over = meaning_lasts(notice, entry, roster).is_some_and(|lasts| age >= lasts);
        let is_late = age > roster.policy.late_news();
        is_over || is_late && !(late::is_still_so(notice, entry, &self.state) && self.later.is_newest(notice, entry))
    }

    fn message(&self, notice: &Notice, entry: &Entry, roster: &Roster, now: &Moment) -> Option<Message> {
        let age = entry.at.elapsed(&now.stamp).unwrap_or_default();
        let when = |after: Duration| now.in_a_while(&*self.clock, after.saturating_sub(age));
        let mut message = self.writer.notice(entry, notice)?;
        message.late_at = Some(when(roster.policy.late_news().saturating_add(Duration::from_millis(1))));
        message.expires_at = meaning_lasts(notice, entry, roster).map(when);
        Some(message)
    }

    fn status(&self, entry: &Entry, who: &GuardianId, token: &GuardianToken, roster: &Roster) -> Option<Message> {
        if self.later.concerns_again(who, entry.seq) {
            return None;
        }
        let children = notice::statuses(who, &self.state, roster, &entry.at);
        self.writer.status(entry.seq, entry.at.wall, (who, token), &children)
    }
}

fn say_overtaken(overtaken: u64) {
    if overtaken > 0 {
        tracing::info!(overtaken, "late notices have lost their meaning; the latest status stands for them");
    }
}

fn meaning_lasts(notice: &Notice, entry: &Entry, roster: &Roster) -> Option<Duration> {
    match notice {
        Notice::Event { event, .. } => late::lasts(*event, entry, roster),
        _ => None,
    }
}

impl Feed for EntryFeed {
    fn letters_after(&mut self, after: u64, max_letters: usize) -> Result<Vec<Letter>, FeedError> {
        self.durable.mark_unchanged();
        self.same.take_over(&mut self.state);
        let roster = Arc::clone(&self.roster.borrow());
        let now = Moment::now(&*self.clock);
        if self.behind {
            self.look_ahead(&roster)?;
            if self.behind {
                return Ok(Vec::new());
            }
        }
        if let Some(letters) = self.drafted(after, max_letters, &roster, &now)? {
            return Ok(letters);
        }
        match self.read(after + 1, max_letters.min(AT_ONCE))? {
            Read::Soon => Ok(Vec::new()),
            Read::Records(records) => {
                if self.should_look_ahead(records.first(), &roster, &now) {
                    self.behind = true;
                    return Ok(Vec::new());
                }
                Ok(self.letters(&records, &roster, &now))
            }
            // What can't be read any more can't be told; the entries behind it can.
            Read::Lost { next } => {
                self.state.skip_lost(Seq(next - 1));
                Ok(vec![Letter { seq: next - 1, messages: Vec::new() }])
            }
        }
    }

    async fn changed(&mut self) {
        if let Some(older) = &mut self.older {
            if older.read.is_none() {
                older.read = Some((&mut older.reading).await);
            }
        } else if self.may_have_more() {
            yield_now().await;
        } else {
            self.more_durable().await;
        }
    }
}

impl EntryFeed {
    /// Waits for more on disk, and drafts meanwhile what is on its way there.
    async fn more_durable(&mut self) {
        let fresh = self.fresh.clone();
        loop {
            tokio::select! {
                biased;
                changed = self.durable.changed() => match changed {
                    Ok(()) => return,
                    Err(_) => std::future::pending().await, // the ledger is closed: there will be no more
                },
                () = fresh.called(), if self.drafts.have_room() => self.draft(),
            }
        }
    }

    /// What is late is told only by one who knows how it ended.
    fn should_look_ahead(&self, next: Option<&Record>, roster: &Roster, now: &Moment) -> bool {
        let made =
            |record: &Record| self.fresh.moment_of(record.seq).or_else(|| Some(Entry::decode(&record.body).ok()?.at));
        let is_late = |made: Stamp| made.elapsed(&now.stamp).is_some_and(|age| age > roster.policy.late_news());
        self.state.last().0 < self.durable.borrow().through && next.and_then(made).is_some_and(is_late)
    }
}

#[cfg(test)]
mod tests;
