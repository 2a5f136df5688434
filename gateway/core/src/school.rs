//! The school: single owner of all state.
//!
//! The order of calls:
//!
//! 1. Once: [`School::replay`] every entry of the ledger (or [`School::resume`] with the state at one, and replay those
//!    behind it), then [`Input::Started`] and [`Input::Roster`].
//! 2. For ever: [`School::handle`] each input with its moment; then [`School::poll_entry`] until there is none, handing
//!    each to the ledger; then [`School::poll_action`] until there is none; then sleep no longer than
//!    [`School::poll_timeout`] says, and hand in [`Input::Timeout`] when it has passed.
//!
//! It never waits and never fails: a refusal is a decision, not an error. An [`Action`] that promises something names the
//! entry that must be durable first; [`PromiseBook`](crate::promise::PromiseBook) holds it until then.

use core::time::Duration;

use alloc::{collections::VecDeque, string::String, sync::Arc};

pub use crate::input::{Input, Order};
use crate::{
    action::{Act, Action},
    alarm::Alarm,
    credential::CredentialId,
    entry::{CallEnd, ENTRY_VERSION, Entry, Seq, What},
    id::{PlaceId, ReaderId},
    picture::Picture,
    policy::Policy,
    promise::LedgerPace,
    roster::Roster,
    rules,
    site::Site,
    state::{OutOfOrder, State},
    time::{Mono, Stamp},
    timer::{Timeout, Timer},
};

/// Everything that the school knows and decides.
#[derive(Debug)]
pub struct School {
    pub(crate) site: Site,
    pub(crate) roster: Arc<Roster>,
    pub(crate) state: State,
    pub(crate) now: Stamp,
    pub(crate) marks: rules::marks::Marks,
    pub(crate) sightings: rules::tap::Sightings,
    pub(crate) codes: rules::pass::TypedCodes,
    pub(crate) lanes: rules::gate::Lanes,
    pub(crate) agenda: rules::agenda::Agenda,
    pub(crate) contact: rules::platform::Contact,
    /// The earliest deadline, and at which moment it was looked for; none after a change outside of an input.
    next: Option<(Stamp, Option<Timeout>)>,
    entries: VecDeque<Entry>,
    actions: VecDeque<Action>,
}

impl School {
    /// An empty school at this site.
    pub fn new(site: Site) -> Self {
        Self {
            site,
            roster: Arc::default(),
            state: State::default(),
            now: Stamp::default(),
            marks: rules::marks::Marks::default(),
            sightings: rules::tap::Sightings::default(),
            codes: rules::pass::TypedCodes::default(),
            lanes: rules::gate::Lanes::default(),
            agenda: rules::agenda::Agenda::default(),
            contact: rules::platform::Contact::default(),
            next: None,
            entries: VecDeque::new(),
            actions: VecDeque::new(),
        }
    }

    /// Begins with a state that was folded from the ledger before, in place of a replay of all its entries through
    /// [`State::last`]. Before the first replay.
    pub fn resume(&mut self, state: State) {
        self.state = state;
    }

    /// Folds in one entry of the ledger, before the first input.
    pub fn replay(&mut self, entry: &Entry) -> Result<(), OutOfOrder> {
        self.next = None;
        self.state.apply(entry)
    }

    /// The entries through this number can't be read any more: the replay goes on behind them.
    pub fn replay_lost(&mut self, through: Seq) {
        self.state.skip_lost(through);
    }

    /// Takes one input at its moment. Deadlines that have passed by then are dealt with first.
    pub fn handle(&mut self, now: Stamp, input: Input) {
        let before = self.moment_before();
        self.now = now;
        rules::clock::look(self, &before);
        rules::timeouts::expire(self);
        match input {
            Input::Started { version } => rules::start::begin(self, version),
            Input::Stopping => {
                rules::marks::write_all(self);
                self.record(What::Stopped {});
            }
            Input::Roster { roster, digest } => self.adopt(roster, digest),
            Input::Tap { reader, credential } => rules::tap::decide(self, reader, credential),
            Input::Cloned { reader, credential } => rules::tap::cloned(self, reader, credential),
            Input::Pass { reader, text } => rules::pass::scanned(self, reader, text),
            Input::Code { reader, digits } => rules::pass::typed(self, reader, digits),
            Input::RosterConfirmed => rules::platform::roster_confirmed(self),
            Input::PlatformReached => rules::platform::reached(self),
            Input::Door { place, open } => rules::gate::door(self, place, open),
            Input::Passage { place, direction } => rules::gate::passage(self, place, direction),
            Input::ExitRequest { place } => rules::gate::exit_request(self, place),
            Input::FireAlarm { on } => rules::muster::fire_alarm(self, on),
            Input::Panic { place } => rules::muster::panic(self, place),
            Input::Sensor { place, line, heard } => rules::sensor::heard(self, place, line, heard),
            Input::Order { staff, order } => rules::orders::carry_out(self, staff, order),
            Input::Reply { guardian, reply } => rules::orders::reply(self, guardian, reply),
            Input::ReaderUp { reader } => rules::reader::up(self, reader),
            Input::ReaderDown { reader, reason } => rules::reader::down(self, reader, reason),
            Input::ReaderTrouble { reader, trouble, on } => rules::reader::trouble(self, reader, trouble, on),
            Input::Ledger(LedgerPace::Slow) => self.raise(Alarm::LedgerSlow {}, None),
            Input::Ledger(LedgerPace::CaughtUp) => self.end_alarm(&Alarm::LedgerSlow {}),
            Input::Delivered { consumer, through } => {
                rules::platform::delivered(self, consumer);
                rules::marks::delivered(self, consumer, through);
            }
            Input::Checkpoint { size, root, key, signature } => {
                if rules::marks::is_checkpoint_wanted(self, size) {
                    self.record(What::Checkpoint { size, root, key, signature });
                }
            }
            Input::Timeout => {}
        }
        self.next = Some((now, rules::timeouts::next(self)));
    }

    /// The next entry for the ledger.
    pub fn poll_entry(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }

    /// The next action for the world.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Input::Timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<Timeout> {
        self.next.as_ref().map_or_else(|| rules::timeouts::next(self), |(_, next)| next.clone())
    }

    /// What a tap would show if it could not be recorded at all: the disk does not answer and memory is full. Nothing is
    /// decided and nothing changes; people who would be let through are, and nobody else.
    pub fn without_record(&mut self, now: Stamp, reader: &ReaderId, credential: CredentialId) -> Picture {
        let before = core::mem::replace(&mut self.now, now);
        let picture = rules::tap::without_record(self, reader, credential);
        self.now = before; // by which the next input finds out whether the clock has jumped
        self.next = None;
        picture
    }

    /// What is so now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Who is who now.
    pub fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    /// The places and readers.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// The last input's; before the first, the last entry's.
    fn moment_before(&self) -> Stamp {
        let last = || self.state.clockwork().last().copied().unwrap_or_default();
        if self.now == Stamp::default() { last() } else { self.now }
    }

    /// Who is on campus and not on the new roll stays known until they have left, as the roster before had them: a child
    /// must be able to go home. A restart forgets that; staff can release whoever is on campus by the state alone.
    fn adopt(&mut self, mut roster: Arc<Roster>, digest: String) {
        if roster.drops_any(&self.roster, self.state.students_on_campus()) {
            Arc::make_mut(&mut roster).carry_over(&self.roster, self.state.students_on_campus());
        }
        rules::closing::close_dropped(self, &roster);
        let students = u32::try_from(roster.student_count()).unwrap_or(u32::MAX);
        let version = roster.version.clone();
        self.roster = roster;
        if self.state.roster_digest() != Some(digest.as_str()) {
            self.record(What::RosterAdopted { version, digest, students });
        }
        self.agenda.roster_came();
        rules::platform::roster_adopted(self);
        rules::agenda::rebuild(self);
        rules::day::look(self);
        // What has passed since the box last ran is dealt with now that it is known what was due.
        rules::timeouts::expire(self);
    }
}

/// What the rules do: record and act.
impl School {
    pub(crate) fn policy(&self) -> &Policy {
        &self.roster.policy
    }

    /// Writes an entry down and folds it in.
    pub(crate) fn record(&mut self, what: What) -> Seq {
        let entry = Entry { v: ENTRY_VERSION, seq: self.state.last().next(), at: self.now, what };
        let seq = entry.seq;
        let settles = rules::settled::Settles::of(&entry.what);
        // The number is the next one by construction, so the fold takes it.
        if self.state.apply(&entry).is_ok() {
            self.entries.push_back(entry);
        }
        if let Some(settles) = settles {
            rules::settled::end_alarms(self, settles);
        }
        seq
    }

    pub(crate) fn act(&mut self, after: Option<Seq>, act: Act) {
        self.actions.push_back(Action { after, act });
    }

    pub(crate) fn let_through(&mut self, after: Seq, place: &PlaceId) {
        rules::gate::granted(self, after, place);
        self.act(Some(after), Act::Release { place: place.clone() });
    }

    pub(crate) fn raise(&mut self, alarm: Alarm, cause: Option<Seq>) {
        if !self.state.alarms().contains_key(&alarm) {
            self.record(What::AlarmRaised { alarm, cause });
        }
    }

    pub(crate) fn end_alarm(&mut self, alarm: &Alarm) {
        if let Some(on) = self.state.alarms().get(alarm) {
            let raised = on.raised;
            self.record(What::AlarmEnded { alarm: alarm.clone(), raised });
        }
    }

    pub(crate) fn end_call(&mut self, call: Seq, why: CallEnd) {
        if let Some(open) = self.state.calls().get(&call) {
            let students = open.students.clone();
            self.record(What::CallEnded { call, students, why });
        }
    }

    /// When `after` will have passed since `from`, on this boot's time; at once if that can't be known.
    pub(crate) fn deadline(&self, from: &Stamp, after: Duration) -> Mono {
        let gone = from.elapsed(&self.now).unwrap_or(after);
        self.now.mono.plus(after.saturating_sub(gone))
    }

    /// Whether less than `window` has passed since `from`; no if that can't be known.
    pub(crate) fn within(&self, from: &Stamp, window: Duration) -> bool {
        from.elapsed(&self.now).is_some_and(|gone| gone < window)
    }

    pub(crate) fn timeout(&self, from: &Stamp, after: Duration, why: Timer) -> Timeout {
        Timeout { at: self.deadline(from, after), why }
    }
}
