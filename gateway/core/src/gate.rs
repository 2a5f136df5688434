//! One gate as a state machine: what happens to it goes in, what is to be done about it comes out.
//!
//! A [`Machine`] is a pure function of what it knows and an [`Event`]; it has no clock, writes nothing down and moves
//! nothing. Its [`Phase`] is what a person in front of the gate would say of it. The table has, for each phase, where an
//! event leads to and what is done (in italics); an event that is not named changes no phase. What is above in the list of
//! phases goes before what is below: an emergency before all, out of service before a schedule, a schedule before the door.
//!
//! | phase | event | next |
//! |---|---|---|
//! | any | emergency begins | free, *all who wait go* |
//! | any but in an emergency | goes out of service | out of service, *a lamp says so* |
//! | any but those | schedule or order frees it | free, *it stands open* |
//! | free, out of service | that ends | by its door: locked, passing, held or forced |
//! | locked | grant | released, *release*; or locked, *the person waits* while the airlock's other door is not secure |
//! | locked, released | exit button | released, *release* where the button is wired to the gateway only |
//! | released | grant | released, *release*; at a gate of one person a release, *the person waits* |
//! | released | its time is over | locked, *not passed* for each whom nobody saw go, *release* for who waits next |
//! | released | door opens, somebody is in the beams | passing, *opened* |
//! | released, passing | somebody went through | locked, *relock* once all have gone; *release* for who waits next |
//! | released, passing | one more went through than were let | as before, *tailgated* |
//! | locked | door opens | forced, *opened by force* |
//! | passing | door stands open for too long | held, *alarm* |
//! | passing, held, forced | door closes | locked, or released for who has not gone yet, *closed* |
//! | motor: any with the way open | safety beam breaks, clears | as before, *hold open*, *let close* |
//!
//! Inside, a grant belongs to one person and one direction; who goes against it has slipped through. What the gate does is
//! known again after a restart from the ledger's entries; grants not used yet, people who wait their turn and who is in the
//! beams are over within seconds and are not kept.

mod beams;
mod schedule;
mod setup;

use core::time::Duration;

use alloc::collections::VecDeque;

pub use beams::{BEAM_BLOCKED_AFTER, Beam, Beams, Seen};
pub use schedule::{MAX_SCHEDULE_LINES, Mode, NotASpan, Schedule, Span};
pub use setup::{Gate, GateKind, RELEASE};

use crate::{
    entry::{OpenCause, Seq},
    promise::PROMISE_WAIT,
    site::Direction,
    time::Mono,
};

/// Most people who have been granted a gate and not been through, and most who wait their turn.
pub const MAX_GRANTS: usize = 32;
/// A door that opens late by this much is still the grant's: the entry may take as long to be on disk, and the door's
/// contact to settle (activity of 400 ms must be seen).
pub const SETTLING: Duration = Duration::from_millis(PROMISE_WAIT.as_millis() as u64 + 400);
/// Whoever waits for an airlock's other door, or for those before them, waits no longer than this.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Levels of the doors come in within this time of the start; a door that is then open may have been so before.
pub const FIRST_LEVELS: Duration = Duration::from_secs(10);
/// A motor that has not begun to open after so many times the time that it takes to open does not work.
const OPENINGS_WAITED: u32 = 2;

/// What a person in front of the gate would say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It stands open: an emergency, the schedule or an order.
    Free,
    /// It does not work, or staff have closed it.
    OutOfService,
    /// It was opened and nobody was let through.
    Forced,
    /// It has stood open for too long.
    Held,
    /// It is open, or somebody is in it.
    Passing,
    /// It can be opened.
    Released,
    /// It can't.
    Locked,
}

/// What the gate is told to be for longer than one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// A gate: open when released.
    #[default]
    Gate,
    /// Open, with a green lamp.
    Open,
    /// Open, whatever lamp is lit: somebody is in the way of what closes.
    Held,
    /// Shut, with a red lamp: out of service.
    Closed,
}

/// What happens to a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody is let through, by this entry, the way that it says.
    Granted(Seq, Option<Direction>),
    /// The exit button was pressed.
    ExitRequest,
    /// The way is open, or closed.
    Door(bool),
    /// A beam was broken, or is clear.
    Beam(Beam, bool),
    /// Somebody went through, by a turnstile's own word; it may not know which way.
    Passed(Option<Direction>),
    /// A motor has opened fully, or is not fully open any more.
    FullyOpen(bool),
    /// Something is in the way of what a motor closes, or is not any more.
    Safety(bool),
    /// The way has stood open for too long.
    StoodTooLong,
    /// An emergency begins, or is over.
    Emergency(bool),
    /// By schedule or order.
    Mode(Mode),
    /// Out of service, or in service again.
    Out(bool),
    /// Whether the airlock's other door is closed and locked.
    OtherSecure(bool),
    /// Time has passed.
    Time,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Release the gate for whom this entry lets through, once it is on disk.
    Release(Seq),
    /// Whom this entry lets through has to wait a moment.
    Wait(Seq),
    /// Release the gate for who pressed the exit button; `again`, if it is released for one already.
    ReleaseExit {
        /// Whether a press before still holds.
        again: bool,
    },
    /// Lock it before the release's time is over; what this entry promised comes first.
    Relock(Option<Seq>),
    /// It is to be this until told otherwise.
    Stand(Standing),
    /// The way opened.
    Opened(OpenCause),
    /// It closed.
    Closed,
    /// One more went through than were let.
    Tailgated(Direction),
    /// Nobody went through by this entry.
    NotPassed(Seq),
    /// A beam is blocked, or clear again.
    Blocked(bool),
    /// The motor does not open the gate.
    DoesNotOpen,
}

/// How many people the gate has seen since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In.
    pub entered: u64,
    /// Out.
    pub left: u64,
    /// Those who came into the lane and went back.
    pub turned_back: u64,
    /// Of those who went through, the ones whom nothing let.
    pub tailgated: u64,
}

/// Somebody who is let through, or waits to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grant {
    seq: Seq,
    direction: Option<Direction>,
    until: Mono,
    /// Whether the door has been open since; for who is not counted.
    opened: bool,
    /// Whether the gate stood open for everybody: nobody was looked for.
    unseen: bool,
}

/// What a machine is told with each event.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The moment.
    pub at: Mono,
    /// What the gate is.
    pub gate: &'a Gate,
    /// How long a grant holds by the school's policy; by the gate's own release, if that is longer.
    pub passage: Duration,
}

impl Now<'_> {
    fn grant_life(&self) -> Duration {
        self.passage.max(self.gate.release) + self.gate.opening + SETTLING
    }

    /// The relay is held so long, counted from the moment at which the promise is kept.
    fn pulse(&self) -> Duration {
        self.gate.pulse() + PROMISE_WAIT
    }
}

/// One gate.
#[derive(Clone, Debug)]
pub struct Machine {
    begun: Mono,
    emergency: bool,
    out: bool,
    mode: Mode,
    /// Why the way is open, if it is.
    open: Option<OpenCause>,
    held: bool,
    /// Whether the contact was heard since the start.
    has_contact: bool,
    /// Whether people are counted here: beams or a turnstile have been heard.
    counts_people: bool,
    /// Oldest first.
    granted: VecDeque<Grant>,
    waiting: VecDeque<Grant>,
    /// The exit button was pressed and the way not closed since.
    exit_until: Option<Mono>,
    /// The relay holds no longer than this.
    released_until: Option<Mono>,
    /// Somebody pressed the exit button and waits for the airlock's other door.
    exit_waits_until: Option<Mono>,
    beams: Beams,
    other_secure: bool,
    fully_open: bool,
    in_the_way: bool,
    /// A motor's release ends.
    relock_at: Option<Mono>,
    /// A motor must have begun to open.
    opens_by: Option<Mono>,
    standing: Standing,
    counts: Counts,
}

impl Machine {
    /// A gate at the start, of which the ledger tells whether its way is open, and why.
    pub fn new(at: Mono, open: Option<OpenCause>, emergency: bool) -> Self {
        Self {
            begun: at,
            emergency,
            out: false,
            mode: Mode::Controlled,
            open,
            held: false,
            has_contact: false,
            counts_people: false,
            granted: VecDeque::new(),
            waiting: VecDeque::new(),
            exit_until: None,
            released_until: None,
            exit_waits_until: None,
            beams: Beams::default(),
            other_secure: true,
            fully_open: false,
            in_the_way: false,
            relock_at: None,
            opens_by: None,
            standing: Standing::Gate,
            counts: Counts::default(),
        }
    }

    /// Whoever was let through before the start may still be on the way.
    pub fn recall(&mut self, seq: Seq, direction: Option<Direction>, until: Mono) {
        push(&mut self.granted, Grant { seq, direction, until, opened: false, unseen: false });
    }

    /// Takes one event; what is to be done is put behind what is in `todo`.
    pub fn handle(&mut self, now: &Now<'_>, event: Event, todo: &mut VecDeque<Effect>) {
        self.lapse(now, todo);
        match event {
            Event::Granted(seq, direction) => self.grant(now, seq, direction, todo),
            Event::ExitRequest => self.exit_request(now, todo),
            Event::Door(open) => self.door(now, open, todo),
            Event::Beam(beam, broken) => {
                self.counts_people = true;
                match self.beams.level(now.at, beam, broken) {
                    Some(Seen::Passed(direction)) => self.passed(now, Some(direction), todo),
                    Some(Seen::TurnedBack) => self.counts.turned_back += 1,
                    None => {}
                }
            }
            Event::Passed(direction) => {
                self.counts_people = true;
                self.passed(now, direction, todo);
            }
            Event::FullyOpen(open) => {
                self.fully_open = open;
                self.relock_at = (open && !self.granted.is_empty()).then(|| now.at.plus(now.gate.release));
            }
            Event::Safety(broken) => self.in_the_way = broken,
            Event::StoodTooLong => self.held = self.open.is_some(),
            Event::Emergency(on) => self.emergency(now, on, todo),
            // Both doors of an airlock must never stand open.
            Event::Mode(Mode::Free) if now.gate.interlock_with.is_some() => self.mode = Mode::Controlled,
            Event::Mode(mode) => self.mode = mode,
            Event::Out(out) => self.out = out,
            Event::OtherSecure(secure) => {
                self.other_secure = secure;
                self.next_in_turn(now, todo);
            }
            Event::Time => {}
        }
        if let Some(blocked) = self.beams.look(now.at) {
            todo.push_back(Effect::Blocked(blocked));
        }
        self.stand(now, todo);
    }

    /// What it is now.
    pub fn phase(&self, at: Mono) -> Phase {
        let live = |until: &Mono| at < *until;
        if self.is_free() {
            Phase::Free
        } else if self.out {
            Phase::OutOfService
        } else if let Some(cause) = &self.open {
            match cause {
                OpenCause::Forced => Phase::Forced,
                _ if self.held => Phase::Held,
                _ => Phase::Passing,
            }
        } else if self.beams.is_busy() {
            Phase::Passing
        } else if self.granted.iter().any(|grant| live(&grant.until))
            || [self.exit_until, self.released_until].iter().flatten().any(live)
        {
            Phase::Released
        } else {
            Phase::Locked
        }
    }

    /// Whether the airlock's other door may be released.
    pub fn is_secure(&self, at: Mono) -> bool {
        let is_released = [self.exit_until, self.released_until].iter().flatten().any(|until| at < *until);
        let is_shut = self.open.is_none() && !self.beams.is_busy() && !self.is_free();
        is_shut && self.granted.is_empty() && !is_released
    }

    /// Whether it takes the airlock's other door for closed and locked.
    pub fn takes_other_for_secure(&self) -> bool {
        self.other_secure
    }

    /// How many people it has seen since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether its way is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How it is run by schedule or order.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// When [`Event::Time`] is due. A gate that counts nobody and shares nothing needs no time: its grants are looked at
    /// when something happens.
    pub fn next(&self, gate: &Gate) -> Option<Mono> {
        let asks =
            self.has_contact || self.counts_people || gate.one_person_per_release || gate.interlock_with.is_some();
        let grant = self.granted.front().filter(|_| asks && !self.stands_open_for_grants()).map(|grant| grant.until);
        let waiting = self.waiting.front().map(|grant| grant.until);
        let shares = gate.interlock_with.is_some();
        let exit = self.exit_until.filter(|_| shares && self.open.is_none());
        let released = self.released_until.filter(|_| shares);
        let others = [self.exit_waits_until, self.relock_at, self.opens_by, self.beams.blocked_at()];
        [grant, waiting, exit, released].into_iter().chain(others).flatten().min()
    }

    fn is_free(&self) -> bool {
        self.emergency || self.mode == Mode::Free && !self.out
    }

    fn stands_open_for_grants(&self) -> bool {
        matches!(self.open, Some(OpenCause::Granted(_)))
    }

    /// What has run out by now.
    fn lapse(&mut self, now: &Now<'_>, todo: &mut VecDeque<Effect>) {
        let over = |until: &Mono| *until <= now.at;
        // First, so that nobody's turn comes after their time when this is called late.
        while let Some(grant) = pop_lapsed(&mut self.waiting, now.at) {
            todo.push_back(Effect::NotPassed(grant.seq));
        }
        self.exit_waits_until.take_if(|until| over(until));
        // While the door stands open for a grant, people may take theirs.
        if !self.stands_open_for_grants() {
            let mut any = false;
            while let Some(grant) = pop_lapsed(&mut self.granted, now.at) {
                any = true;
                let counts = self.counts_people || now.gate.kind == GateKind::Turnstile;
                let missed = counts || self.has_contact && !grant.opened;
                if missed && !grant.unseen && !self.is_free() {
                    todo.push_back(Effect::NotPassed(grant.seq));
                }
            }
            if any {
                self.next_in_turn(now, todo);
            }
        }
        if self.open.is_none() {
            self.exit_until.take_if(|until| over(until));
        }
        self.released_until.take_if(|until| over(until));
        if self.relock_at.take_if(|until| over(until)).is_some() {
            self.released_until = None;
            todo.push_back(Effect::Relock(None));
        }
        if self.opens_by.take_if(|until| over(until)).is_some() && self.open.is_none() && self.has_contact {
            todo.push_back(Effect::DoesNotOpen);
        }
    }

    fn grant(&mut self, now: &Now<'_>, seq: Seq, direction: Option<Direction>, todo: &mut VecDeque<Effect>) {
        if self.out && !self.emergency {
            return;
        }
        let (opened, unseen) = (self.open.is_some(), self.is_free());
        let grant = Grant { seq, direction, until: now.at.plus(now.grant_life()), opened, unseen };
        if self.may_release(now) || self.granted.iter().any(|live| live.seq == seq) {
            self.release(now, grant, todo);
            return;
        }
        self.waiting.retain(|waiting| waiting.seq != seq);
        let grant = Grant { until: now.at.plus(LONGEST_WAIT), ..grant };
        if let Some(dropped) = push(&mut self.waiting, grant) {
            todo.push_back(Effect::NotPassed(dropped.seq));
        }
        todo.push_back(Effect::Wait(seq));
    }

    fn may_release(&self, now: &Now<'_>) -> bool {
        let alone = !now.gate.one_person_per_release || self.granted.is_empty();
        self.is_free() || self.other_secure && alone && !(now.gate.one_person_per_release && self.beams.is_busy())
    }

    /// The same person twice is one.
    fn release(&mut self, now: &Now<'_>, grant: Grant, todo: &mut VecDeque<Effect>) {
        self.granted.retain(|live| live.seq != grant.seq);
        push(&mut self.granted, grant);
        self.relock_at = self.fully_open.then(|| now.at.plus(now.gate.release));
        if now.gate.kind == GateKind::Motor && self.open.is_none() && !now.gate.opening.is_zero() {
            self.opens_by.get_or_insert(now.at.plus(now.gate.opening * OPENINGS_WAITED + SETTLING));
        }
        self.released_until = Some(now.at.plus(now.pulse()));
        todo.push_back(Effect::Release(grant.seq));
    }

    fn release_exit(&mut self, now: &Now<'_>, again: bool, todo: &mut VecDeque<Effect>) {
        self.exit_until = Some(now.at.plus(now.grant_life()));
        self.released_until = Some(now.at.plus(now.pulse()));
        self.relock_at = self.fully_open.then(|| now.at.plus(now.gate.release));
        todo.push_back(Effect::ReleaseExit { again });
    }

    /// Whoever waits, and may be let through now.
    fn next_in_turn(&mut self, now: &Now<'_>, todo: &mut VecDeque<Effect>) {
        if self.exit_waits_until.is_some() && self.other_secure {
            self.exit_waits_until = None;
            self.release_exit(now, false, todo);
        }
        while self.may_release(now) && (self.emergency || !self.out) {
            let Some(grant) = self.waiting.pop_front() else { return };
            let until = now.at.plus(now.grant_life());
            self.release(now, Grant { until, opened: self.open.is_some(), unseen: self.is_free(), ..grant }, todo);
        }
    }

    fn exit_request(&mut self, now: &Now<'_>, todo: &mut VecDeque<Effect>) {
        let again = self.exit_until.is_some();
        let releases = now.gate.exit_button_releases && !self.is_free();
        if releases && !self.other_secure {
            self.exit_waits_until = Some(now.at.plus(LONGEST_WAIT));
            return;
        }
        if releases {
            self.release_exit(now, again, todo);
        } else {
            self.exit_until = Some(now.at.plus(now.grant_life()));
        }
    }

    /// Its level at the start comes in, too; a level that is known already is no news.
    fn door(&mut self, now: &Now<'_>, open: bool, todo: &mut VecDeque<Effect>) {
        match (open, self.open.is_some()) {
            (true, false) => {
                let cause = self.why_it_opens(now);
                self.open = Some(cause.clone());
                self.granted.iter_mut().for_each(|grant| grant.opened = true);
                self.opens_by = None;
                todo.push_back(Effect::Opened(cause));
            }
            (false, true) => self.closed(now, todo),
            (true, true) | (false, false) => {}
        }
        self.has_contact = true;
    }

    fn why_it_opens(&self, now: &Now<'_>) -> OpenCause {
        let just_begun = now.at.since(self.begun) < FIRST_LEVELS && !self.has_contact;
        if self.emergency {
            OpenCause::Free
        } else if self.is_free() {
            OpenCause::Scheduled
        } else if let Some(grant) = self.granted.front() {
            OpenCause::Granted(grant.seq)
        } else if self.exit_until.is_some() {
            OpenCause::ExitRequest
        } else if just_begun {
            OpenCause::Unwatched
        } else {
            OpenCause::Forced
        }
    }

    fn closed(&mut self, now: &Now<'_>, todo: &mut VecDeque<Effect>) {
        let cause = self.open.take();
        (self.held, self.exit_until, self.fully_open, self.relock_at) = (false, None, false, None);
        todo.push_back(Effect::Closed);
        // Nobody counts who went: the one for whom the door opened has, and who tapped after them may be still to come.
        if !self.counts_people && matches!(cause, Some(OpenCause::Granted(_))) {
            let used = self.granted.pop_front().map(|grant| grant.seq);
            self.all_have_gone(now, used, todo);
        }
        self.lapse(now, todo);
        self.next_in_turn(now, todo);
    }

    fn passed(&mut self, now: &Now<'_>, direction: Option<Direction>, todo: &mut VecDeque<Effect>) {
        match direction {
            Some(Direction::In) => self.counts.entered += 1,
            Some(Direction::Out) => self.counts.left += 1,
            None => {}
        }
        let opened_otherwise = self.open.is_some() && !self.stands_open_for_grants();
        // Whom the exit button lets through, whoever pressed it sees, and a forced door has its own alarm.
        let seen_to = opened_otherwise || self.exit_until.is_some() && !now.gate.one_person_per_release;
        if self.is_free() || seen_to {
            return;
        }
        let fits = |grant: &Grant| direction.is_none() || grant.direction.is_none() || grant.direction == direction;
        let grant = self.granted.iter().position(fits).and_then(|at| self.granted.remove(at));
        if let Some(grant) = grant {
            match grant.direction.filter(|_| direction.is_none()) {
                Some(Direction::In) => self.counts.entered += 1,
                Some(Direction::Out) => self.counts.left += 1,
                None => {}
            }
            self.all_have_gone(now, Some(grant.seq), todo);
        } else if self.exit_until.take().is_some() {
            self.all_have_gone(now, None, todo);
        } else if let Some(direction) = direction {
            self.counts.tailgated += 1;
            todo.push_back(Effect::Tailgated(direction));
        } else {
            // Arms that turn for nobody were forced.
            self.counts.tailgated += 1;
            todo.push_back(Effect::Opened(OpenCause::Forced));
            todo.push_back(Effect::Closed);
        }
        self.next_in_turn(now, todo);
    }

    /// Somebody has gone: if nobody else is on the way, the release is over.
    fn all_have_gone(&mut self, now: &Now<'_>, used: Option<Seq>, todo: &mut VecDeque<Effect>) {
        let over = now.gate.shorten_on_passage && self.granted.is_empty() && self.exit_until.is_none();
        if over && self.released_until.take().is_some() {
            self.relock_at = None;
            todo.push_back(Effect::Relock(used));
        }
    }

    /// Nobody is kept waiting in an emergency. When it is over, an airlock begins anew.
    fn emergency(&mut self, now: &Now<'_>, on: bool, todo: &mut VecDeque<Effect>) {
        let was_on = core::mem::replace(&mut self.emergency, on);
        if on {
            self.next_in_turn(now, todo);
        } else if was_on && now.gate.interlock_with.is_some() {
            self.granted.clear();
            (self.exit_until, self.exit_waits_until, self.released_until) = (None, None, None);
            todo.push_back(Effect::Relock(None));
        }
    }

    /// What is in the way of a motor must not be crushed, whatever else is so.
    fn stand(&mut self, now: &Now<'_>, todo: &mut VecDeque<Effect>) {
        let in_the_way = now.gate.kind == GateKind::Motor && self.in_the_way && self.open.is_some();
        let standing = if in_the_way {
            Standing::Held
        } else if self.out {
            Standing::Closed
        } else if self.mode == Mode::Free {
            Standing::Open
        } else {
            Standing::Gate
        };
        if core::mem::replace(&mut self.standing, standing) != standing {
            todo.push_back(Effect::Stand(standing));
        }
    }
}

/// The oldest makes room.
fn push(grants: &mut VecDeque<Grant>, grant: Grant) -> Option<Grant> {
    let dropped = if grants.len() == MAX_GRANTS { grants.pop_front() } else { None };
    grants.push_back(grant);
    dropped
}

fn pop_lapsed(grants: &mut VecDeque<Grant>, at: Mono) -> Option<Grant> {
    let lapsed = grants.front().is_some_and(|grant| grant.until <= at);
    if lapsed { grants.pop_front() } else { None }
}
