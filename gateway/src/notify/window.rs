//! The bookkeeping between the ledger's cursor and the broker's acknowledgements, without any I/O.
//!
//! Messages of unconfirmed entries lie in one queue in the order of the ledger. At most `limit` of them are under way.
//! The cursor moves over an entry only when every message of it and of all entries before it has been passed. The
//! calls for one message come in this order:
//!
//! 1. [`take`](Window::take): its letter is read from the ledger.
//! 2. [`next_turn`](Window::next_turn), then [`submitted`](Window::submitted) once the connection's queue has it.
//! 3. [`sent`](Window::sent): the connection gave it a packet identifier. Identifiers are given in the order of
//!    submission.
//! 4. [`acknowledged`](Window::acknowledged) by that identifier, in any order.
//! 5. [`pass`](Window::pass), if the acknowledgement is one that counts.
//!
//! [`rewind`](Window::rewind) after a lost connection, or when the broker holds a message back, forgets 2 to 4.

use std::collections::VecDeque;

/// What was submitted to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticket {
    /// The gateway's own availability, which belongs to no entry.
    Availability,
    /// How the box is, which belongs to no entry either.
    Standing,
    /// A message of an entry.
    Message(Position),
}

/// The place of a message among all messages since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(u64);

/// Why a message need not be sent (again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// The broker has it; sent again nevertheless if one before it must be, so that the latest stays the latest.
    Delivered,
    /// It can never be delivered, or has lost its meaning: never sent again.
    Dropped,
}

#[derive(Debug)]
struct Slot<M> {
    message: M,
    passed: Option<Passed>,
    attempts: u32,
}

/// An entry whose messages are not all passed.
#[derive(Debug)]
struct OpenEntry {
    seq: u64,
    /// The position after its last message.
    end: u64,
}

/// A message whose turn it is.
#[derive(Debug)]
pub(super) struct Turn<'a, M> {
    pub(super) position: Position,
    pub(super) message: &'a M,
    pub(super) is_repeat: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Window<M> {
    entries: VecDeque<OpenEntry>,
    slots: VecDeque<Slot<M>>,
    /// The position of `slots[0]`.
    base: u64,
    /// The position to submit next.
    next: u64,
    /// Submitted, and not yet given a packet identifier; oldest first.
    queued: VecDeque<Ticket>,
    /// By packet identifier.
    under_way: Vec<Option<Ticket>>,
    under_way_count: usize,
    limit: usize,
    read_through: u64,
    confirmed: u64,
}

impl<M> Window<M> {
    /// Nothing after `confirmed` has been acknowledged; at most `limit` messages (at least one) may be under way.
    pub(super) fn new(confirmed: u64, limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            slots: VecDeque::new(),
            base: 0,
            next: 0,
            queued: VecDeque::new(),
            under_way: Vec::new(),
            under_way_count: 0,
            limit: limit.max(1),
            read_through: confirmed,
            confirmed,
        }
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// How many messages may be under way.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// How many letters to read now. None until half of the window's worth of messages is used up, so that the ledger
    /// is read in batches.
    pub(super) fn letters_wanted(&self) -> Option<usize> {
        let waiting = usize::try_from(self.end() - self.next).unwrap_or(usize::MAX);
        // Entries without messages end up here only while an earlier one is open; they are bounded too.
        let room = (2 * self.limit).saturating_sub(self.entries.len());
        (waiting <= self.limit / 2 && room > 0).then_some(room.min(self.limit))
    }

    /// The last entry read.
    pub(super) fn read_through(&self) -> u64 {
        self.read_through
    }

    /// The last entry before the first open one.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Messages submitted or sent, and not yet acknowledged.
    pub(super) fn in_flight(&self) -> usize {
        self.queued.len() + self.under_way_count
    }

    /// Takes the messages of the entry `seq`. An entry that was read already is left out: `false`.
    pub(super) fn take(&mut self, seq: u64, messages: impl IntoIterator<Item = M>) -> bool {
        if seq <= self.read_through {
            return false;
        }
        let fresh = messages.into_iter().map(|message| Slot { message, passed: None, attempts: 0 });
        self.slots.extend(fresh);
        self.entries.push_back(OpenEntry { seq, end: self.end() });
        self.read_through = seq;
        self.advance();
        true
    }

    /// The message whose turn it is, if there is one and the window has room.
    pub(super) fn next_turn(&mut self) -> Option<Turn<'_, M>> {
        if self.in_flight() >= self.limit {
            return None;
        }
        while self.slot(Position(self.next))?.passed.is_some() {
            self.next += 1;
        }
        let position = Position(self.next);
        let slot = self.slot(position)?;
        Some(Turn { position, message: &slot.message, is_repeat: slot.attempts > 0 })
    }

    /// The connection's queue has taken the message whose turn it was, or the availability.
    pub(super) fn submitted(&mut self, ticket: Ticket) {
        if let Ticket::Message(position) = ticket {
            self.next = position.0 + 1;
            if let Some(slot) = self.slot_mut(position) {
                slot.attempts = slot.attempts.saturating_add(1);
            }
        }
        self.queued.push_back(ticket);
    }

    /// The oldest submitted message went out under this packet identifier. `false` when nothing was submitted, or the
    /// identifier is under way already: the connection can no longer be trusted.
    #[must_use]
    pub(super) fn sent(&mut self, packet_id: u16) -> bool {
        let index = usize::from(packet_id);
        if self.under_way.len() <= index {
            self.under_way.resize(index + 1, None);
        }
        if self.under_way[index].is_some() {
            return false;
        }
        let Some(ticket) = self.queued.pop_front() else {
            return false;
        };
        self.under_way[index] = Some(ticket);
        self.under_way_count += 1;
        true
    }

    /// The broker answered for this packet identifier; `None` when nothing is under way with it.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Option<Ticket> {
        let ticket = self.under_way.get_mut(usize::from(packet_id))?.take()?;
        self.under_way_count -= 1;
        Some(ticket)
    }

    /// This message need not be sent again. Moves the cursor as far as it goes; whether the oldest message that waits is
    /// another one now.
    pub(super) fn pass(&mut self, position: Position, how: Passed) -> bool {
        let oldest = self.base;
        if let Some(slot) = self.slot_mut(position) {
            slot.passed = Some(how);
        }
        self.advance();
        self.base > oldest
    }

    /// Forgets what is under way: everything from the oldest message that was not passed is to be sent (again), also
    /// delivered ones behind it, so that the order at the receiver ends as it should.
    pub(super) fn rewind(&mut self) {
        self.queued.clear();
        self.under_way.clear();
        self.under_way_count = 0;
        self.next = self.base;
        for slot in &mut self.slots {
            if slot.passed == Some(Passed::Delivered) {
                slot.passed = None;
            }
        }
    }

    /// The one message in flight, if it is alone.
    pub(super) fn alone_in_flight(&self) -> Option<Position> {
        if self.in_flight() != 1 {
            return None;
        }
        let ticket = self.queued.front().or_else(|| self.under_way.iter().flatten().next())?;
        match ticket {
            Ticket::Message(position) => Some(*position),
            Ticket::Availability | Ticket::Standing => None,
        }
    }

    /// The highest position submitted so far, as the first one that was not.
    pub(super) fn submitted_end(&self) -> Position {
        Position(self.next)
    }

    /// Whether every message before `position` has been passed.
    pub(super) fn is_passed_through(&self, position: Position) -> bool {
        self.base >= position.0
    }

    /// The entry of a message that was not passed together with all before it, and the message.
    pub(super) fn entry_of(&self, position: Position) -> Option<(u64, &M)> {
        let slot = self.slot(position)?;
        let entry = self.entries.partition_point(|entry| entry.end <= position.0);
        Some((self.entries.get(entry)?.seq, &slot.message))
    }

    fn advance(&mut self) {
        while self.slots.front().is_some_and(|slot| slot.passed.is_some()) {
            self.slots.pop_front();
            self.base += 1;
        }
        self.next = self.next.max(self.base);
        while let Some(entry) = self.entries.front().filter(|entry| entry.end <= self.base) {
            self.confirmed = entry.seq;
            self.entries.pop_front();
        }
    }

    /// The position after the last message read.
    fn end(&self) -> u64 {
        self.base + self.slots.len() as u64
    }

    fn slot(&self, position: Position) -> Option<&Slot<M>> {
        self.slots.get(self.index(position)?)
    }

    fn slot_mut(&mut self, position: Position) -> Option<&mut Slot<M>> {
        let index = self.index(position)?;
        self.slots.get_mut(index)
    }

    fn index(&self, position: Position) -> Option<usize> {
        usize::try_from(position.0.checked_sub(self.base)?).ok()
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
