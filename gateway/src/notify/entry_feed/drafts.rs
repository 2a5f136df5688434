//! Letters that are made while the disk is busy with their entries, so that they can go the moment it is done.
//!
//! At a gate where one child comes after the other, the disk takes longer for an entry than it takes to say what the entry
//! tells: done meanwhile, that costs the parents no time. What is on disk, and so may be told, is the ledger's word alone,
//! as ever: a draft is told once its entry is durable, and the state that was folded ahead of the disk for it is asked
//! nothing else until the disk has caught up.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use schoolgate_core::{entry::Entry, roster::Roster};

use super::{AT_ONCE, EntryFeed, FeedError, Letter, Message, Moment, Read, Record, say_overtaken};

/// A draft is told for so long; after that, when the disk did not answer, its entry is told by what is so then.
const DRAFT_LASTS: Duration = Duration::from_secs(1);

/// At most [`AT_ONCE`] of them, one entry after the other; the last is the last one folded.
#[derive(Default)]
pub(super) struct Drafts {
    waiting: VecDeque<Draft>,
    /// They will not be told: nothing is drafted, and nothing told, until the disk has all that was folded.
    discarded: bool,
}

struct Draft {
    entry: Entry,
    roster: Arc<Roster>,
    messages: Vec<Message>,
}

impl Drafts {
    /// Whether there may be one more.
    pub(super) fn have_room(&self) -> bool {
        !self.discarded && self.waiting.len() < AT_ONCE
    }

    /// Whether they are what is to be told after that entry.
    fn hold_after(&self, after: u64, roster: &Arc<Roster>, now: &Moment) -> bool {
        let is_next = self.waiting.front().is_some_and(|first| first.entry.seq.0 == after + 1);
        let holds = |draft: &Draft| {
            let is_young = draft.entry.at.elapsed(&now.stamp).is_some_and(|age| age < DRAFT_LASTS);
            is_young && Arc::ptr_eq(&draft.roster, roster)
        };
        is_next && !self.discarded && self.waiting.iter().all(holds)
    }

    /// How many of them the disk has, if it has all entries to that one.
    pub(super) fn durable(&self, through: u64) -> usize {
        self.waiting.iter().take_while(|draft| draft.entry.seq.0 <= through).count()
    }
}

impl EntryFeed {
    /// Makes letters of what is on its way to the disk. Only when all that is on disk has been told.
    pub(super) fn draft(&mut self) {
        // Before the next entry makes a difference: on a busy day this is the only moment in which they are alike.
        self.same.take_over(&mut self.state);
        let roster = Arc::clone(&self.roster.borrow());
        let now = Moment::now(&*self.clock);
        let mut overtaken = 0;
        while self.drafts.have_room()
            && let Some(entry) = self.fresh.take(self.state.last().0 + 1)
        {
            self.fold(&entry);
            let messages = self.tell_people(&entry, &roster, &now, &mut overtaken);
            self.drafts.waiting.push_back(Draft { entry, roster: Arc::clone(&roster), messages });
        }
        say_overtaken(overtaken);
    }

    /// What was drafted and has become durable, perhaps nothing yet; none if all is to be told from the disk.
    pub(super) fn drafted(
        &mut self,
        after: u64,
        max_letters: usize,
        roster: &Arc<Roster>,
        now: &Moment,
    ) -> Result<Option<Vec<Letter>>, FeedError> {
        if self.drafts.waiting.is_empty() {
            return Ok(None);
        }
        let through = self.durable.borrow().through;
        if self.drafts.hold_after(after, roster, now) {
            let durable = self.drafts.durable(through).min(max_letters);
            if durable == 0 {
                return Ok(Some(self.wait_for_disk()));
            }
            match self.read(after + 1, durable)? {
                Read::Soon => return Ok(Some(Vec::new())),
                Read::Records(records) => {
                    let drafts: Vec<_> = self.drafts.waiting.drain(..records.len().min(durable)).collect();
                    return Ok(Some(
                        records.iter().zip(drafts).map(|(record, draft)| self.finish(draft, record)).collect(),
                    ));
                }
                Read::Lost { .. } => {}
            }
        }
        self.drafts.discarded = true;
        if self.state.last().0 > through {
            return Ok(Some(self.wait_for_disk()));
        }
        self.drafts = Drafts::default();
        Ok(None)
    }

    /// Nothing, until more is on disk.
    fn wait_for_disk(&mut self) -> Vec<Letter> {
        self.read_through = u64::MAX;
        Vec::new()
    }

    fn finish(&self, Draft { entry, mut messages, .. }: Draft, record: &Record) -> Letter {
        debug_assert_eq!(entry.seq.0, record.seq, "one entry after the other");
        messages.extend(self.tell_place(&entry, &record.body));
        Letter { seq: record.seq, messages }
    }
}
