//! One reader on a bus, from its first answer to its cards. Without I/O; time is an argument and never goes back.
//!
//! ```text
//! AskId ─▶ AskCaps ─▶ Challenge ─▶ Cryptogram ─▶ SecureId ─▶ SecureCaps ─▶ Status ─▶ Online (POLL, LED, TEXT …)
//!              │           ▲             │ with the factory's key                         ▲
//!              │           └── anew ◀─ SetKey                                             │
//!              └────────── where no security is asked for ────────────────────────────────┘
//! ```
//!
//! What it says of itself before the channel is open is a hint; it is asked again afterwards. Cards, codes and tamper
//! switches count only online. Anything unexpected begins anew at `AskId`, with a wait that grows.

mod news;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use osdp::{
    Error,
    caps::FunctionCode,
    command::{Cap, Command, Id, LocalStatus, Poll},
    reply::{CCrypt, PdCap, RMacI, ReplyCode},
};

use super::{
    happening::{Counts, Happening, Identity, Unusable},
    keypad::Keypad,
    keys::Scbk,
    link::{Heard, Ignored, Link, Reply, Which},
};

/// How often a reader is asked for news.
pub const POLL_EVERY: Duration = Duration::from_millis(50);
/// How often it is asked for tamper and power, which it should tell by itself.
pub const STATUS_EVERY: Duration = Duration::from_secs(30);
/// A reader from which nothing sound came for so long is down (OSDP v2.2 §5.7).
pub const OFFLINE_AFTER: Duration = Duration::from_secs(8);
/// How often a reader that is down is tried.
pub const LOST_RETRY: Duration = Duration::from_secs(5);
/// The wait before a command is repeated that was not answered; it doubles up to [`RETRY_LAST`].
pub const RETRY_FIRST: Duration = Duration::from_millis(50);
/// The longest such wait.
pub const RETRY_LAST: Duration = Duration::from_millis(1_600);
/// After so many unanswered repeats the reader is asked who it is, from the start.
pub const MAX_REPEATS: u32 = 3;
/// The wait after a reader said that it is busy.
pub const BUSY_WAIT: Duration = Duration::from_millis(200);
/// So many handshakes in a row must fail until a key is called wrong: a damaged one is no alarm.
pub const WRONG_KEY_AFTER: u32 = 2;
/// A reader that acknowledged its key so often and still doesn't have it does not take it.
pub const MAX_KEYS_GIVEN: u32 = 2;
/// Most commands that wait for one reader; those of a newer picture take the place of an older one's.
pub const MAX_WAITING: usize = 8;

/// How a reader's channel is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// In the clear, for a test bench: anybody on the wire can read and forge cards.
    Off,
    /// Encrypted and authenticated.
    Required {
        /// The reader's key.
        own: Scbk,
        /// Whether the reader has it already, so that the factory's key is never used.
        enrolled: bool,
        /// Whether a reader that still has the factory's key may be given its own.
        may_enrol: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    AskId,
    AskCaps,
    Challenge,
    Cryptogram,
    SetKey,
    SecureId,
    SecureCaps,
    Status,
    Online,
}

/// What was last told of whether it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Up,
    Down(Unusable),
}

/// What it can show.
#[derive(Clone, Copy, Default)]
struct Shows {
    lamp: bool,
    buzzer: bool,
    text: bool,
}

/// One reader.
pub struct Peer {
    pub(super) address: u8,
    security: Security,
    link: Link,
    stage: Stage,
    key: Which,
    /// When it is to be asked next.
    due: Instant,
    /// Whether it is down and tried only now and then.
    lost: bool,
    /// When it last said something that can be believed.
    alive_at: Instant,
    told: Told,
    /// Why it would be down.
    blame: Unusable,
    /// Commands without an answer since the last one with it.
    misses: u32,
    /// How often it had to begin anew since it was last asked for news with success.
    setbacks: u32,
    failed_handshakes: u32,
    /// Keys that it acknowledged since it was last online.
    keys_given: u32,
    identity: Identity,
    shows: Shows,
    tamper: bool,
    power_failing: bool,
    status_at: Instant,
    keypad: Keypad,
    waiting: VecDeque<Command>,
    counts: Counts,
}

impl Peer {
    /// A reader of which nothing is known at `now`.
    pub fn new(now: Instant, address: u8, security: Security) -> Self {
        Self {
            address,
            security,
            link: Link::new(address),
            stage: Stage::AskId,
            key: Which::Own,
            due: now,
            lost: false,
            alive_at: now,
            told: Told::Nothing,
            blame: Unusable::Silent,
            misses: 0,
            setbacks: 0,
            failed_handshakes: 0,
            keys_given: 0,
            identity: Identity::default(),
            shows: Shows::default(),
            tamper: false,
            power_failing: false,
            status_at: now,
            keypad: Keypad::default(),
            waiting: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// The port was opened again: everything but what is known of its tamper switch begins anew, and is told anew.
    pub fn restart(&mut self, now: Instant) {
        self.begin(now);
        self.key = Which::Own;
        self.setbacks = 0;
        (self.lost, self.alive_at, self.told) = (false, now, Told::Nothing);
        (self.blame, self.misses, self.failed_handshakes, self.keys_given) = (Unusable::Silent, 0, 0, 0);
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// When [`Self::watch`] next has something to tell.
    pub(super) fn watch_at(&self) -> Option<Instant> {
        (!matches!(self.told, Told::Down(_))).then(|| self.alive_at + OFFLINE_AFTER)
    }

    pub(super) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    pub(super) fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }

    /// Whether the reader is known, elsewhere, to have its own key.
    pub fn set_enrolled(&mut self, known: bool) {
        if let Security::Required { enrolled, .. } = &mut self.security {
            *enrolled = known;
        }
    }

    /// Has the reader show these, instead of what waits to be shown. What it can't show is left out.
    pub fn show(&mut self, now: Instant, commands: Vec<Command>) {
        self.waiting.clear();
        if self.stage != Stage::Online {
            return;
        }
        let shows = self.shows;
        let can = |command: &Command| match command {
            Command::Led(_) => shows.lamp,
            Command::Buzzer(_) => shows.buzzer,
            Command::Text(_) => shows.text,
            _ => true,
        };
        self.waiting.extend(commands.into_iter().filter(can).take(MAX_WAITING));
        if !self.waiting.is_empty() && self.misses == 0 {
            self.due = self.due.min(now);
        }
    }

    /// The bytes to send now.
    pub(super) fn transmit(&mut self, now: Instant, random: &mut dyn FnMut() -> Option<[u8; 8]>) -> Option<Vec<u8>> {
        self.due = now + POLL_EVERY;
        if let Some(bytes) = self.link.repeat() {
            return Some(bytes);
        }
        let sent = self.next_command(now, random);
        if sent.is_err() {
            self.begin(now + RETRY_LAST);
        }
        sent.ok()
    }

    fn next_command(&mut self, now: Instant, random: &mut dyn FnMut() -> Option<[u8; 8]>) -> Result<Vec<u8>, Error> {
        let own = match &self.security {
            Security::Required { own, .. } => *own,
            Security::Off => Scbk::FACTORY,
        };
        match self.stage {
            Stage::AskId | Stage::SecureId => self.link.send(&Command::Id(Id::standard())),
            Stage::AskCaps | Stage::SecureCaps => self.link.send(&Command::Cap(Cap::standard())),
            Stage::Challenge => {
                let key = if self.key == Which::Own { own } else { Scbk::FACTORY };
                self.link.challenge(key, self.key, random().ok_or(Error::BadMac)?)
            }
            Stage::Cryptogram => self.link.prove(self.key),
            Stage::SetKey => self.link.set_key(own),
            Stage::Status => self.ask_status(now),
            Stage::Online => match self.waiting.pop_front() {
                Some(command) => self.link.send(&command),
                None if now >= self.status_at + STATUS_EVERY => self.ask_status(now),
                None => self.link.send(&Command::Poll(Poll)),
            },
        }
    }

    fn ask_status(&mut self, now: Instant) -> Result<Vec<u8>, Error> {
        self.status_at = now;
        self.link.send(&Command::LocalStatus(LocalStatus))
    }

    /// Takes a frame from its address. True: the command under way is answered.
    pub(super) fn hear(&mut self, now: Instant, frame: &[u8], tell: &mut dyn FnMut(Happening)) -> bool {
        match self.link.hear(frame) {
            Heard::Reply(reply) => {
                self.counts.answered += 1;
                (self.lost, self.misses) = (false, 0);
                self.take(now, &reply, tell);
                true
            }
            Heard::Busy => {
                self.due = now + BUSY_WAIT;
                true
            }
            Heard::ChannelLost => {
                self.counts.refused += 1;
                self.misses = 0;
                self.begin_after_failure(now);
                true
            }
            Heard::Ignored(why) => {
                let count = match why {
                    Ignored::Stray => &mut self.counts.stray,
                    Ignored::InTheClear => &mut self.counts.in_the_clear,
                    Ignored::Forged => &mut self.counts.forged,
                    Ignored::Unfit => &mut self.counts.unfit,
                };
                *count += 1;
                false
            }
        }
    }

    /// The command under way was not answered in time.
    pub(super) fn unanswered(&mut self, now: Instant, tell: &mut dyn FnMut(Happening)) {
        // What is known to be down is not news.
        self.counts.unanswered += u64::from(self.told == Told::Up);
        self.misses = self.misses.saturating_add(1);
        let may_repeat = !matches!(self.stage, Stage::Challenge | Stage::Cryptogram | Stage::SetKey);
        if self.lost {
            self.begin(now + LOST_RETRY);
            if self.misses >= MAX_REPEATS {
                self.blame = Unusable::Silent;
                self.tell_down(tell);
            }
        } else if may_repeat && self.misses <= MAX_REPEATS {
            self.due = now + wait(self.misses);
        } else {
            self.begin_after_failure(now);
            self.lost = self.misses > MAX_REPEATS && matches!(self.told, Told::Down(_));
        }
    }

    /// Tells if nothing sound has come from it for too long.
    pub(super) fn watch(&mut self, now: Instant, tell: &mut dyn FnMut(Happening)) {
        if self.watch_at().is_some_and(|at| now >= at) {
            self.tell_down(tell);
            self.begin(now + LOST_RETRY);
            self.lost = true;
        }
    }

    fn take(&mut self, now: Instant, reply: &Reply, tell: &mut dyn FnMut(Happening)) {
        self.due = now;
        if reply.code == NAK {
            return self.refused(now, reply, tell);
        }
        match (self.stage, ReplyCode::from_byte(reply.code)) {
            (Stage::AskId, Ok(ReplyCode::PdId)) => self.stage = Stage::AskCaps,
            (Stage::AskCaps, Ok(ReplyCode::PdCap)) => self.take_hint(now, &reply.data, tell),
            (Stage::Challenge, Ok(ReplyCode::CCrypt)) => match CCrypt::decode(&reply.data) {
                Ok(answer) if self.link.take_cryptogram(&answer) => self.stage = Stage::Cryptogram,
                _ => self.handshake_failed(now, tell),
            },
            (Stage::Cryptogram, Ok(ReplyCode::RMacI)) => match RMacI::decode(&reply.data) {
                Ok(answer) if self.link.take_first_mac(&answer) => self.channel_open(),
                _ => self.handshake_failed(now, tell),
            },
            (Stage::SetKey, Ok(ReplyCode::Ack)) => {
                self.key = Which::Own;
                self.keys_given += 1;
                self.begin(now + RETRY_FIRST);
            }
            (Stage::SecureId, _) => {
                self.alive(now);
                self.take_identity(reply);
                self.stage = Stage::SecureCaps;
            }
            (Stage::SecureCaps, _) => {
                self.alive(now);
                self.take_shows(reply);
                self.stage = Stage::Status;
            }
            (Stage::Status, code) => {
                self.alive(now);
                self.online(tell);
                if code == Ok(ReplyCode::LStatR) {
                    self.take_status(&reply.data, tell);
                }
            }
            (Stage::Online, code) => {
                self.alive(now);
                self.take_news(now, code, &reply.data, tell);
                self.due = if self.waiting.is_empty() { now + POLL_EVERY } else { now };
            }
            _ => {
                self.counts.unfit += 1;
                self.begin_after_failure(now);
            }
        }
    }

    /// The reader answered that it will not do what it was asked.
    fn refused(&mut self, now: Instant, reply: &Reply, tell: &mut dyn FnMut(Happening)) {
        self.counts.refused += 1;
        match (self.stage, reply.data.first()) {
            // Our command was damaged on its way, or came out of order.
            (_, Some(&(NAK_DAMAGED | NAK_SEQUENCE))) => self.begin_after_failure(now),
            (Stage::AskId | Stage::AskCaps, _) => self.stage = self.after_caps(),
            (Stage::Challenge | Stage::Cryptogram, _) => self.handshake_failed(now, tell),
            (Stage::SetKey, _) => {
                self.key = Which::Own;
                self.blame = Unusable::KeyNotTaken;
                self.unusable(now, tell);
            }
            (Stage::SecureId, _) => self.stage = Stage::SecureCaps,
            (Stage::SecureCaps, _) => self.stage = Stage::Status,
            (Stage::Status, _) => {
                self.alive(now);
                self.online(tell);
            }
            (Stage::Online, _) => {
                self.alive(now);
                self.due = now + POLL_EVERY;
            }
        }
    }

    /// What it says it can do, before it can be believed.
    fn take_hint(&mut self, now: Instant, data: &[u8], tell: &mut dyn FnMut(Happening)) {
        let caps = PdCap::decode(data).unwrap_or_else(|_| PdCap::new(Vec::new()));
        let security = caps.capability(FunctionCode::CommunicationSecurity);
        let has_none = security.is_some_and(|capability| capability.compliance & 1 == 0);
        if self.security != Security::Off && has_none {
            self.blame = Unusable::NoSecureChannel;
            return self.unusable(now, tell);
        }
        self.stage = self.after_caps();
    }

    fn after_caps(&self) -> Stage {
        if self.security == Security::Off { Stage::SecureId } else { Stage::Challenge }
    }

    fn channel_open(&mut self) {
        self.stage = if self.key == Which::Own { Stage::SecureId } else { Stage::SetKey };
    }

    /// It does not have the key that was tried.
    fn handshake_failed(&mut self, now: Instant, tell: &mut dyn FnMut(Happening)) {
        let (enrolled, may_enrol) = match self.security {
            Security::Required { enrolled, may_enrol, .. } => (enrolled, may_enrol),
            Security::Off => (false, false),
        };
        if self.key == Which::Own && !enrolled && may_enrol && self.keys_given < MAX_KEYS_GIVEN {
            self.key = Which::Factory;
            return self.begin(now + RETRY_FIRST);
        }
        self.key = Which::Own;
        self.blame = match self.keys_given {
            0 if !(enrolled || may_enrol) => Unusable::NotEnrolled,
            0 => Unusable::WrongKey,
            _ => Unusable::KeyNotTaken,
        };
        self.keys_given = 0;
        if enrolled {
            tell(Happening::KeyRefused);
        }
        self.failed_handshakes += 1;
        if self.failed_handshakes >= WRONG_KEY_AFTER {
            self.unusable(now, tell);
        } else {
            self.begin_after_failure(now);
        }
    }

    /// It answers and can't be used: tried again now and then.
    fn unusable(&mut self, now: Instant, tell: &mut dyn FnMut(Happening)) {
        self.tell_down(tell);
        self.begin(now + LOST_RETRY);
        self.lost = true;
    }

    fn online(&mut self, tell: &mut dyn FnMut(Happening)) {
        self.stage = Stage::Online;
        (self.failed_handshakes, self.keys_given) = (0, 0);
        self.blame = Unusable::Silent;
        if let Security::Required { enrolled, .. } = &mut self.security
            && !std::mem::replace(enrolled, true)
        {
            tell(Happening::Enrolled(self.identity));
        }
        if self.told != Told::Up {
            self.told = Told::Up;
            tell(Happening::Up(self.identity));
        }
    }

    fn alive(&mut self, now: Instant) {
        self.alive_at = now;
        // Not before: a reader that drops its channel again and again is not to take the whole bus.
        if self.stage == Stage::Online {
            self.setbacks = 0;
        }
    }

    fn tell_down(&mut self, tell: &mut dyn FnMut(Happening)) {
        let down = Told::Down(self.blame);
        if self.told != down {
            self.told = down;
            tell(Happening::Down(self.blame));
        }
    }

    fn begin_after_failure(&mut self, now: Instant) {
        self.setbacks = self.setbacks.saturating_add(1);
        self.begin(now + wait(self.misses.max(self.setbacks)));
    }

    fn begin(&mut self, due: Instant) {
        self.link.reset();
        self.stage = Stage::AskId;
        self.due = due;
        self.waiting.clear();
    }
}

/// The wait after so many failures.
fn wait(failures: u32) -> Duration {
    RETRY_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(RETRY_LAST)
}

/// The code of the reply that refuses, and the reasons that are about the line.
const NAK: u8 = 0x41;
const NAK_DAMAGED: u8 = 1;
const NAK_SEQUENCE: u8 = 4;
