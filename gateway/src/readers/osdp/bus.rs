//! One RS-485 bus: who is asked next, and whose answer that was. Without I/O; time is an argument and never goes back.
//!
//! One command is under way at a time. A reader answers within 200 ms; one that does not costs the others that time once,
//! then more and more rarely: repeats wait, and all readers that are down together get at most one try every
//! [`LOST_TRY_EVERY`], a tenth of the bus's time.
//!
//! Call order: [`Bus::handle_bytes`] with what was read; [`Bus::handle_timeout`] when [`Bus::poll_timeout`] has passed;
//! then [`Bus::poll_transmit`], and [`Bus::poll_event`] until it has no more.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use osdp::command::Command;

use super::{
    frame::{Found, Framer, MAX_FRAME_BYTES, parse},
    happening::{Counts, Happening},
    peer::Peer,
};

/// How long a reader may take to begin its answer (OSDP v2.2 §5.7).
pub const REPLY_WITHIN: Duration = Duration::from_millis(200);
/// How long an answer that has begun may pause: USB adapters hold bytes back for 16 ms, the rest is for a machine under
/// load.
pub const PAUSE_WITHIN: Duration = Duration::from_millis(100);
/// The pause between an answer and the next command, in which the line changes its direction.
pub const TURNAROUND: Duration = Duration::from_millis(2);
/// Readers that are down are tried this often, all of them together.
pub const LOST_TRY_EVERY: Duration = Duration::from_secs(2);
/// The highest address a reader can have; 127 is everybody's.
pub const MAX_ADDRESS: u8 = 126;

/// Bits on the wire for a byte: 8N1.
const BITS_PER_BYTE: u32 = 10;

/// The readers on one bus, in the order in which they were given.
pub struct Bus {
    baud: u32,
    peers: Vec<Seat>,
    framer: Framer,
    under_way: Option<UnderWay>,
    /// Nothing is sent before.
    quiet_until: Instant,
    /// No lost reader is tried before.
    next_lost_try: Instant,
    random: Box<dyn FnMut() -> Option<[u8; 8]> + Send>,
    events: VecDeque<(usize, Happening)>,
}

struct Seat {
    peer: Peer,
    /// Number of the command that it last got: of two that are due at once, the one that waited longer comes first.
    turn: u64,
}

struct UnderWay {
    peer: usize,
    until: Instant,
    /// No byte moves [`Self::until`] beyond this.
    at_most_until: Instant,
}

impl Bus {
    /// A bus at so many bits per second; `random` makes the challenges of the secure channel, and must be fit for keys; none if
    /// there are none.
    pub fn new(
        now: Instant,
        baud: u32,
        peers: Vec<Peer>,
        random: impl FnMut() -> Option<[u8; 8]> + Send + 'static,
    ) -> Self {
        Self {
            baud: baud.max(1),
            peers: peers.into_iter().map(|peer| Seat { peer, turn: 0 }).collect(),
            framer: Framer::default(),
            under_way: None,
            quiet_until: now,
            next_lost_try: now,
            random: Box::new(random),
            events: VecDeque::new(),
        }
    }

    /// The port was opened, again perhaps: everything begins anew.
    pub fn restart(&mut self, now: Instant) {
        self.framer.clear();
        self.under_way = None;
        (self.quiet_until, self.next_lost_try) = (now, now);
        self.peers.iter_mut().for_each(|seat| seat.peer.restart(now));
    }

    /// Has the reader of this index show these, instead of what waits to be shown.
    pub fn show(&mut self, now: Instant, peer: usize, commands: Vec<Command>) {
        if let Some(seat) = self.peers.get_mut(peer) {
            seat.peer.show(now, commands);
        }
    }

    /// Whether the reader of this index is known, elsewhere, to have its own key.
    pub fn set_enrolled(&mut self, peer: usize, known: bool) {
        if let Some(seat) = self.peers.get_mut(peer) {
            seat.peer.set_enrolled(known);
        }
    }

    /// What was counted for the reader of this index since this was last asked.
    pub fn take_counts(&mut self, peer: usize) -> Counts {
        self.peers.get_mut(peer).map(|seat| seat.peer.take_counts()).unwrap_or_default()
    }

    /// The next thing that happened, and to the reader of which index.
    pub fn poll_event(&mut self) -> Option<(usize, Happening)> {
        self.events.pop_front()
    }

    /// When something is to be done without any byte having come.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let wake_at = match &self.under_way {
            Some(under_way) => Some(under_way.until),
            None => self.peers.iter().map(|seat| self.can_be_asked_at(&seat.peer)).min(),
        };
        self.peers.iter().filter_map(|seat| seat.peer.watch_at()).chain(wake_at).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(under_way) = self.under_way.take_if(|under_way| now >= under_way.until) {
            self.framer.clear();
            self.quiet_until = now;
            self.with(under_way.peer, |peer, tell| peer.unanswered(now, tell));
        }
        for index in 0..self.peers.len() {
            self.with(index, |peer, tell| peer.watch(now, tell));
        }
    }

    /// The bytes to send now. They are under way from then on.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.under_way.is_some() {
            return None;
        }
        let due = |seat: &Seat| (seat.peer.due(), seat.turn);
        let ready = self.peers.iter().enumerate().filter(|(_, seat)| self.can_be_asked_at(&seat.peer) <= now);
        let (index, _) = ready.min_by_key(|(_, seat)| due(seat))?;
        let turn = self.peers.iter().map(|seat| seat.turn).max().unwrap_or(0) + 1;
        let seat = self.peers.get_mut(index)?;
        seat.turn = turn;
        if seat.peer.is_lost() {
            self.next_lost_try = now + LOST_TRY_EVERY;
        }
        let bytes = seat.peer.transmit(now, &mut *self.random)?;
        self.framer.clear();
        let until = now + self.on_the_wire(bytes.len()) + REPLY_WITHIN;
        let at_most_until = until + self.on_the_wire(MAX_FRAME_BYTES);
        self.under_way = Some(UnderWay { peer: index, until, at_most_until });
        Some(bytes)
    }

    /// Takes what was read. Nobody speaks unasked on a bus: what comes while nothing is under way is late, or noise.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if let Some(under_way) = &mut self.under_way {
            under_way.until = under_way.until.max(now + PAUSE_WITHIN).min(under_way.at_most_until);
        }
        self.framer.push(bytes);
        while let Some(found) = self.framer.next() {
            self.take(now, found);
        }
    }

    fn take(&mut self, now: Instant, found: Found) {
        let Some(under_way) = &self.under_way else { return };
        let index = under_way.peer;
        let Some(peer) = self.peers.get_mut(index).map(|seat| &mut seat.peer) else { return };
        let frame = match found {
            Found::Frame(frame) => frame,
            Found::Broken => return peer.counts().broken += 1,
            Found::Garbage(bytes) => return peer.counts().broken += bytes as u64,
        };
        let Ok(address) = parse(&frame).map(|packet| packet.addr) else { return };
        if !address.is_reply() {
            // An adapter that hears what it sends itself.
            return;
        }
        if address.pd_addr() != peer.address {
            return peer.counts().stray += 1;
        }
        let was_lost = peer.is_lost();
        let mut answered = false;
        self.with(index, |peer, tell| answered = peer.hear(now, &frame, tell));
        if answered {
            self.under_way = None;
            self.quiet_until = now + TURNAROUND;
            if was_lost {
                // What brought this one back may have brought others.
                self.next_lost_try = now;
            }
        }
    }

    /// What a silence does, for tests that have none.
    #[cfg(test)]
    fn forget_half_a_frame(&mut self) {
        self.framer.clear();
    }

    fn can_be_asked_at(&self, peer: &Peer) -> Instant {
        let at = peer.due().max(self.quiet_until);
        if peer.is_lost() { at.max(self.next_lost_try) } else { at }
    }

    fn with(&mut self, index: usize, act: impl FnOnce(&mut Peer, &mut dyn FnMut(Happening))) {
        let Some(seat) = self.peers.get_mut(index) else { return };
        let events = &mut self.events;
        act(&mut seat.peer, &mut |happening| events.push_back((index, happening)));
    }

    fn on_the_wire(&self, bytes: usize) -> Duration {
        Duration::from_secs(1) * (bytes as u32 * BITS_PER_BYTE) / self.baud
    }
}

#[cfg(test)]
#[path = "bus_tests.rs"]
mod tests;
