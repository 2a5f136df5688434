//! The shell around the core: brings inputs in with their moments, takes entries to the ledger and acts to the world.
//!
//! It decides nothing. It must never wait for the network, and for the disk only through the promise book. The moment
//! comes with every call; `now` never goes back.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use schoolgate_core::{
    action::Act,
    alarm::ReaderTrouble,
    credential::CredentialId,
    entry::{Consumer, Entry, GuardianReply, Seq},
    id::{GuardianId, PlaceId, ReaderId},
    input::Tampered,
    picture::Picture,
    promise::PromiseBook,
    proof::Proof,
    school::{Input, School},
    text::Lang,
    time::{Mono, Stamp},
};
use tracing::{debug, error, info, warn};

use crate::{
    clock::Clock,
    config::InputKind,
    evidence::Checkpointer,
    gates::{GateAction, GateCommand, GateDriver, LineState, Output, SensorEvent},
    ledger::{AppendError, CloseError, Ledger},
    notify::FreshEntries,
    readers::{Displays, ReaderEvent, ReaderHappening, Shown, Trouble},
};

use late::Late;
use sensors::Sensors;

/// The core reckons that the wall clock runs evenly, so it looks at the clock at least so often.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);
/// A clock that moves by more than this against the time since boot, in milliseconds, is looked at at once: the deadlines
/// of the day move with it.
const CLOCK_MOVED_MS: u64 = 1_000;

/// Entries that may wait for the ledger's queue, besides those in it. Taps stop being recorded at the first of them, doors
/// and readers when there are so many; a fire alarm and whoever presses a button never do.
const WAITING_MAX_ENTRIES: usize = 16_384;

/// How long a reader shows a decision at a place without lamps of its own, in milliseconds.
const SHOW_MS: u32 = 2_000;

/// How long the lamp and the relay of a place stay on.
#[derive(Clone, Copy, Debug)]
pub struct GateTimes {
    /// How long the gate stays released, in milliseconds.
    pub release_ms: u32,
    /// How long a lamp shows a decision, in milliseconds.
    pub show_ms: u32,
}

/// The core and everything that it acts on.
pub struct Shell {
    clock: Arc<dyn Clock>,
    school: School,
    book: PromiseBook,
    ledger: Ledger,
    /// Where entries are left for the notifications, if there are any.
    fresh: Option<FreshEntries>,
    /// Entries that the ledger's queue has no room for. Taps are not recorded until it is empty again, and doors and readers
    /// only up to [`WAITING_MAX_ENTRIES`].
    waiting: VecDeque<(u64, Bytes)>,
    unrecorded_taps: u64,
    /// Those of them that no entry tells of yet, and when the first of them was.
    untold: Option<(u64, Stamp)>,
    broken: Option<String>,
    gates: GateDriver,
    gate_times: HashMap<PlaceId, GateTimes>,
    /// Readers that can show something.
    displays: Displays,
    sensors: Sensors,
    late: Late,
    lang: Lang,
    started: Instant,
    last: Stamp,
    /// The moment of the last input, as the core was told it.
    told: Stamp,
    /// When the core was given its last input.
    given: Instant,
}

impl Shell {
    /// A shell around a school that the ledger has been replayed into.
    pub fn new(
        clock: Arc<dyn Clock>,
        school: School,
        ledger: Ledger,
        gates: GateDriver,
        gate_times: HashMap<PlaceId, GateTimes>,
        lang: Lang,
        started: Instant,
    ) -> Self {
        let mut book = PromiseBook::default();
        book.handle_durable(school.state().last());
        let stamp = clock.stamp(started);
        Self {
            last: stamp,
            told: stamp,
            given: started,
            clock,
            school,
            book,
            ledger,
            fresh: None,
            waiting: VecDeque::new(),
            unrecorded_taps: 0,
            untold: None,
            broken: None,
            gates,
            gate_times,
            displays: Displays::default(),
            sensors: Sensors::default(),
            late: Late::default(),
            lang,
            started,
        }
    }

    /// The same shell, with readers that can show something.
    #[must_use]
    pub fn with_displays(self, displays: Displays) -> Self {
        Self { displays, ..self }
    }

    /// The same shell, leaving its entries there.
    #[must_use]
    pub fn with_fresh_entries(self, fresh: Option<FreshEntries>) -> Self {
        Self { fresh, ..self }
    }

    /// The core, to look at.
    pub fn school(&self) -> &School {
        &self.school
    }

    /// Taps that people were let through with while no entry could be kept, since the start.
    pub fn unrecorded_taps(&self) -> u64 {
        self.unrecorded_taps
    }

    /// Why nothing can be recorded any more until the process starts anew, if that is so.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Something happened at a reader.
    pub fn on_reader(&mut self, now: Instant, event: ReaderEvent) {
        if self.tells_later() && !event.what.is_presentation() {
            return self.late.keep_reader(event);
        }
        let ReaderEvent { reader, at, what } = event;
        match what {
            ReaderHappening::Card { credential, proof } if self.waiting.is_empty() => {
                self.give(now, at, Input::Tap { reader, credential, proof });
            }
            ReaderHappening::Card { credential, proof } => self.pass_unrecorded(now, &reader, credential, proof),
            ReaderHappening::Cloned(_) | ReaderHappening::Text(_) | ReaderHappening::Digits(_)
                if !self.waiting.is_empty() =>
            {
                self.refuse_unrecorded(now, reader);
            }
            ReaderHappening::Cloned(credential) => self.give(now, at, Input::Cloned { reader, credential }),
            ReaderHappening::Text(text) => self.give(now, at, Input::Pass { reader, text: text.into_text() }),
            ReaderHappening::Digits(digits) => self.give(now, at, Input::Code { reader, digits: digits.into_text() }),
            ReaderHappening::Up => {
                info!(%reader, "reader up");
                self.give(now, at, Input::ReaderUp { reader });
            }
            ReaderHappening::Down(reason) => {
                let reason = reason.say(self.lang);
                warn!(%reader, reason, "reader down");
                self.give(now, at, Input::ReaderDown { reader, reason });
            }
            ReaderHappening::Tamper(on) => {
                warn!(%reader, on, "the reader's tamper contact");
                self.give(now, at, Input::Tamper { at: Tampered::Reader(reader), on });
            }
            ReaderHappening::Power(right) => {
                warn!(%reader, right, "the reader's power");
                self.give(now, at, Input::ReaderTrouble { reader, trouble: ReaderTrouble::Power, on: !right });
            }
            ReaderHappening::Trouble { trouble, on } => {
                let what = trouble.say(self.lang);
                warn!(%reader, on, what, "trouble with the reader");
                let trouble = match trouble {
                    Trouble::Flood => ReaderTrouble::Flood,
                    Trouble::Unintelligible(_) => ReaderTrouble::Unintelligible,
                };
                self.give(now, at, Input::ReaderTrouble { reader, trouble, on });
            }
            ReaderHappening::Faults(counts) => warn!(%reader, ?counts, "faults on the reader's line"),
        }
    }

    /// Something is to be known about an input of a gate.
    pub fn on_sensor(&mut self, now: Instant, event: SensorEvent) {
        if self.tells_later() && !must_act(event.sensor.kind) {
            return self.late.keep_sensor(event);
        }
        let at = event.at;
        if let Some(input) = self.sensors.read(event) {
            self.give(now, at, input);
        }
    }

    /// More of the ledger is on disk.
    pub fn on_durable(&mut self, now: Instant, through: u64) {
        self.book.handle_durable(Seq(through));
        self.hand_over_waiting();
        self.settle(now);
        self.record_unrecorded(now);
        self.tell_late(now);
        // After the tap's own lamp: the ends of other lanes' lamps seldom need a wake-up of their own then.
        self.gates.on_timeout(now);
    }

    /// The moment of [`next_wakeup`](Self::next_wakeup) has come, or it is time to look at the clock.
    pub fn on_time(&mut self, now: Instant) {
        self.gates.on_timeout(now);
        if self.waiting.is_empty() && self.is_time(now) {
            self.give(now, now, Input::Timeout);
        }
        self.settle(now);
    }

    /// Whether a deadline has come, or the clock is not what the core takes it to be.
    fn is_time(&mut self, now: Instant) -> bool {
        let stamp = self.stamp(now);
        let is_due = self.school.poll_timeout().is_some_and(|timeout| timeout.at <= stamp.mono);
        let set_anew = self.told.clock.is_set() != stamp.clock.is_set();
        let moved = self.told.clock_moved(&stamp).unsigned_abs() > CLOCK_MOVED_MS;
        is_due || set_anew || moved || now >= self.given + LOOK_AT_CLOCK
    }

    /// Any other input, now.
    pub fn input(&mut self, now: Instant, input: Input) {
        self.give(now, now, input);
    }

    /// A consumer's receiver has acknowledged everything up to here.
    pub fn on_delivered(&mut self, now: Instant, consumer: Consumer, through: u64) {
        self.input(now, Input::Delivered { consumer, through: Seq(through) });
    }

    /// A guardian answered. While the disk takes nothing, answers are dropped: memory is kept for those who stand at the
    /// gate, and the guardian can still call.
    pub fn on_answer(&mut self, now: Instant, (guardian, reply): (GuardianId, GuardianReply)) {
        if self.waiting.is_empty() {
            self.input(now, Input::Reply { guardian, reply });
        } else {
            warn!("a guardian's answer is lost: the disk does not answer and memory is full");
        }
    }

    /// When [`on_time`](Self::on_time) must be called, at the latest.
    pub fn next_wakeup(&self, now: Instant) -> Option<Instant> {
        let takes_more = self.waiting.is_empty();
        let school = self.school.poll_timeout().filter(|_| takes_more);
        let school = school.map(|timeout| now + self.clock.wait_until(now, timeout.at).max(Duration::from_millis(1)));
        let clock = takes_more.then_some(self.given + LOOK_AT_CLOCK);
        let promise = self.book.poll_timeout().map(|due| self.started + Duration::from_millis(due.0));
        [school, clock, promise, self.gates.next_timeout()].into_iter().flatten().min()
    }

    /// Signs what is durable, if that is due, or if anything is new and `at_the_end`.
    pub fn checkpoint(&mut self, now: Instant, checkpointer: &mut Checkpointer, at_the_end: bool) {
        if !self.waiting.is_empty() {
            return;
        }
        let (tree, state) = (self.ledger.tree(), self.school.state());
        let due = if at_the_end { checkpointer.last(tree, state) } else { checkpointer.due(now, tree, state) };
        if let Some(checkpoint) = due {
            self.input(now, checkpoint);
        }
    }

    /// The end: every output in its safe state, every entry on disk.
    pub fn close(mut self, now: Instant) -> Result<(), CloseError> {
        self.hand_over_waiting();
        self.gates.safe(now);
        self.ledger.close()
    }

    fn give(&mut self, now: Instant, at: Instant, input: Input) {
        let stamp = self.stamp(at);
        (self.told, self.given) = (stamp, now);
        self.school.handle(stamp, input);
        self.settle(now);
    }

    /// This moment, by the school's clock.
    pub fn moment(&mut self, now: Instant) -> Stamp {
        self.stamp(now)
    }

    /// Events of several readers may come a little out of order; the core's time never goes back.
    fn stamp(&mut self, at: Instant) -> Stamp {
        let stamp = self.clock.stamp(at);
        if stamp.boot != self.last.boot || stamp.mono >= self.last.mono {
            self.last = stamp;
        }
        self.last
    }

    /// Carries out all that the core wants, until it wants nothing more.
    fn settle(&mut self, now: Instant) {
        let promise_time = self.promise_time(now);
        loop {
            while let Some(entry) = self.school.poll_entry() {
                self.keep(entry);
            }
            // All at once: what one tap gives becomes durable with one sync.
            self.hand_over_waiting();
            while let Some(action) = self.school.poll_action() {
                self.book.hold(promise_time, action);
            }
            while let Some(act) = self.book.poll_act(promise_time) {
                self.carry_out(now, act);
            }
            let Some(news) = self.ledgers_pace().or_else(|| self.gate_lines()) else { break };
            let stamp = self.stamp(now);
            self.school.handle(stamp, news);
        }
    }

    fn ledgers_pace(&mut self) -> Option<Input> {
        let pace = self.book.poll_pace()?;
        warn!(?pace, "the ledger's pace changed");
        Some(Input::Ledger(pace))
    }

    /// Lines that fail or work again. A gate whose release can't be driven lets nobody through, and its people must know.
    fn gate_lines(&mut self) -> Option<Input> {
        while let Some(event) = self.gates.poll_event() {
            let works = match event.state {
                LineState::Failed(why) => {
                    error!(place = %event.place, output = ?event.output, %why, "a gate line fails");
                    false
                }
                LineState::Works => {
                    info!(place = %event.place, output = ?event.output, "a gate line works again");
                    true
                }
            };
            if event.output == Output::Release {
                return Some(Input::Actuator { place: event.place, works });
            }
        }
        None
    }

    /// Promises are kept in true time, whatever clock the school lives by.
    fn promise_time(&self, now: Instant) -> Mono {
        let since_start = now.saturating_duration_since(self.started);
        Mono(u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX))
    }

    fn keep(&mut self, entry: Entry) {
        match entry.encode() {
            Ok(body) => {
                self.waiting.push_back((entry.seq.0, Bytes::from(body)));
                if let Some(fresh) = &self.fresh {
                    fresh.leave(entry);
                }
            }
            Err(cause) => error!(seq = entry.seq.0, %cause, "an entry can't be written as JSON"),
        }
    }

    fn hand_over_waiting(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match self.ledger.append_all(&mut self.waiting) {
            Ok(()) | Err(AppendError::Full { .. }) => {}
            Err(cause) => {
                let seq = self.waiting.front().map_or(0, |(seq, _)| *seq);
                self.broken.get_or_insert_with(|| format!("the ledger refuses entry {seq}: {cause}"));
            }
        }
        if let Some(fresh) = &self.fresh {
            fresh.call();
        }
    }

    /// The disk has not answered for so long that memory is full: a pass that can't be recorded could be used twice.
    fn refuse_unrecorded(&mut self, now: Instant, reader: ReaderId) {
        warn!(%reader, "a pass or a cloned card is refused: the disk does not answer and memory is full");
        let Some((place, _)) = self.school.site().place_of(&reader) else { return };
        let place = place.clone();
        self.carry_out(now, Act::Show { place, reader, picture: Picture::SeeTeacher });
    }

    /// The disk has not answered for so long that memory is full. Those whom the gate would let through pass (safety
    /// first), and every tap is counted.
    fn pass_unrecorded(&mut self, now: Instant, reader: &ReaderId, credential: CredentialId, proof: Proof) {
        self.unrecorded_taps += 1;
        let stamp = self.stamp(now);
        self.untold.get_or_insert((0, stamp)).0 += 1;
        if self.unrecorded_taps.is_power_of_two() {
            error!(taps = self.unrecorded_taps, "the disk does not answer and memory is full: taps pass unrecorded");
        }
        let Some((place, _)) = self.school.site().place_of(reader) else { return };
        let place = place.clone();
        let picture = self.school.without_record(stamp, reader, credential, proof);
        let passes = picture == Picture::Degraded;
        self.carry_out(now, Act::Show { place: place.clone(), reader: reader.clone(), picture });
        if passes {
            self.carry_out(now, Act::Release { place });
        }
    }

    /// Also while something is still to be told: what is older must not be told after what is newer.
    fn tells_later(&self) -> bool {
        self.waiting.len() >= WAITING_MAX_ENTRIES || !self.late.is_empty()
    }

    /// Once there is room again, the core hears how doors and readers are by now.
    fn tell_late(&mut self, now: Instant) {
        if !self.waiting.is_empty() {
            return;
        }
        let (sensors, readers) = self.late.take();
        sensors.into_iter().for_each(|event| self.on_sensor(now, event));
        readers.into_iter().for_each(|event| self.on_reader(now, event));
    }

    /// Once there is room again, an entry tells how many taps have none.
    fn record_unrecorded(&mut self, now: Instant) {
        if self.waiting.is_empty()
            && let Some((taps, since)) = self.untold.take()
        {
            self.input(now, Input::TapsUnrecorded { taps, since });
        }
    }

    fn carry_out(&mut self, now: Instant, act: Act) {
        if let Act::Show { place, reader, picture } = &act {
            self.show_at_reader(place, reader, picture);
        }
        let (Act::Show { place, .. } | Act::Release { place } | Act::EndRelease { place } | Act::Stand { place, .. }) =
            &act
        else {
            let Act::Free { on } = act else { return };
            return self.free(now, on);
        };
        let Some(times) = self.gate_times.get(place).copied() else { return }; // a place without outputs shows nothing
        let what = match &act {
            Act::Show { picture, .. } => {
                GateAction::Show { light: picture.light(), tone: Some(picture.tone()), for_ms: times.show_ms }
            }
            Act::Release { .. } => GateAction::Release { for_ms: times.release_ms },
            Act::EndRelease { .. } => GateAction::EndRelease,
            Act::Stand { standing, .. } => GateAction::Stand(*standing),
            Act::Free { on } => GateAction::Free(*on),
        };
        let command = GateCommand { place: place.clone(), what };
        if let Err(unknown) = self.gates.apply(now, &command) {
            debug!(%unknown, ?what, "no such gate");
        }
    }

    /// Shows it at the reader, if the reader can.
    fn show_at_reader(&self, place: &PlaceId, reader: &ReaderId, picture: &Picture) {
        if self.displays.has(reader) {
            let for_ms = self.gate_times.get(place).map_or(SHOW_MS, |times| times.show_ms);
            let places = &self.school.site().places;
            let place_name = |place: &PlaceId, lang| Some(places.get(place)?.name.get(lang).to_owned());
            self.displays.show(reader, Shown::new(picture, self.lang, place_name, for_ms));
        }
    }

    /// Every gate stands open, or is a gate again.
    fn free(&mut self, now: Instant, on: bool) {
        let what = GateAction::Free(on);
        let places: Vec<PlaceId> = self.gate_times.keys().cloned().collect();
        for place in places {
            if let Err(unknown) = self.gates.apply(now, &GateCommand { place, what }) {
                debug!(%unknown, on, "no such gate");
            }
        }
    }
}

/// What a person or a fire asks for is done though no entry of it can be kept yet, and a closing gate stops.
fn must_act(kind: InputKind) -> bool {
    use InputKind::{ExitRequest, FireAlarm, Panic, SafetyBeam};
    matches!(kind, ExitRequest | FireAlarm | Panic | SafetyBeam)
}

mod late;
mod sensors;
#[cfg(test)]
mod tests;
