//! What to do next: a state machine without a clock, a socket or a thread.
//!
//! [`Plan::next`] says what to do now; after a [`Step::Send`] the outcome goes to [`Plan::answered`]. Time is the
//! duration since any fixed moment; random numbers are arguments.

use std::time::Duration;

use super::status::Trouble;

/// How long things may take and how often they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The least time between the starts of two requests while there is less than a full batch: the first entry goes
    /// at once, those that follow it gather. Well within the 5 s that GB 50396-2007, 5.1.2, gives an event to the
    /// centre.
    pub gather: Duration,
    /// The longest first wait after a failure; it doubles with each further one.
    pub backoff_first: Duration,
    /// Where the doubling ends.
    pub backoff_longest: Duration,
    /// The longest wait before a refused batch is tried again; the shortest is half of it.
    pub held_retry: Duration,
    /// For finding and reaching the platform, TLS included.
    pub connect: Duration,
    /// For a whole request, from the name's look-up to the answer's last byte.
    pub request: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            gather: Duration::from_millis(200),
            backoff_first: Duration::from_secs(1),
            backoff_longest: Duration::from_secs(300),
            held_retry: Duration::from_secs(300),
            connect: Duration::from_secs(10),
            request: Duration::from_secs(60),
        }
    }
}

/// How much one request may carry; the platform's own limits are higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Entries, at least 1.
    pub entries: usize,
    /// Bytes of their bodies, uncompressed; a single entry may be larger.
    pub bytes: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { entries: 500, bytes: 1 << 20 }
    }
}

/// The longest `Retry-After` that is believed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// How often the platform may move the cursor without taking an entry before it is told to be talking nonsense.
const CORRECTIONS_MAX: u32 = 3;

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send entries from this one.
    Send {
        /// The first entry.
        from: u64,
        /// At most so much.
        limits: BatchLimits,
    },
    /// Wait.
    Wait {
        /// Until then; without it, for entries alone.
        until: Option<Duration>,
        /// Whether a new entry ends the wait.
        for_entries: bool,
    },
}

/// What came of a [`Step::Send`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Stored through this entry.
    Acknowledged(u64),
    /// The platform wants to go on from this entry.
    Gap {
        /// The next entry it will take.
        expected: u64,
    },
    /// Over a limit of the platform's, who may have told it.
    TooLarge {
        /// Entries in a batch at most.
        entries: Option<usize>,
        /// Bytes in a batch at most.
        bytes: Option<usize>,
    },
    /// It did not work.
    Failed {
        /// Why.
        trouble: Trouble,
        /// The wait that the platform asked for.
        retry_after: Option<Duration>,
    },
}

impl From<Trouble> for Answer {
    fn from(trouble: Trouble) -> Self {
        Self::Failed { trouble, retry_after: None }
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The first entry.
    pub from: u64,
    /// Entries in the batch; 0 when it did not come to sending.
    pub entries: usize,
    /// When it began.
    pub at: Duration,
}

/// Where sending stands.
#[derive(Clone, Debug)]
pub struct Plan {
    timing: Timing,
    limits: BatchLimits,
    /// The platform has every entry through this one.
    cursor: u64,
    /// No full batch before this.
    not_before: Duration,
    /// Nothing at all before this; entries that are new do not matter.
    held_until: Option<Duration>,
    trouble: Option<Trouble>,
    failures: u32,
    corrections: u32,
}

impl Plan {
    /// A plan that goes on after `cursor`.
    pub fn new(cursor: u64, timing: Timing, limits: BatchLimits) -> Self {
        Self {
            timing,
            limits: BatchLimits { entries: limits.entries.max(1), ..limits },
            cursor,
            not_before: Duration::ZERO,
            held_until: None,
            trouble: None,
            failures: 0,
            corrections: 0,
        }
    }

    /// The platform has every entry through this one.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    /// What stands in the way.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Tries that failed since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// When the next try is due, while something stands in the way.
    pub fn next_try(&self) -> Option<Duration> {
        self.held_until
    }

    /// What to do at `now`, when the ledger is durable through `durable`.
    pub fn next(&self, now: Duration, durable: u64) -> Step {
        if let Some(until) = self.held_until.filter(|until| now < *until) {
            return Step::Wait { until: Some(until), for_entries: false };
        }
        let waiting = durable.saturating_sub(self.cursor);
        if waiting == 0 {
            return Step::Wait { until: None, for_entries: true };
        }
        if waiting < self.limits.entries as u64 && now < self.not_before {
            // Not to be woken by every entry is the point of gathering.
            return Step::Wait { until: Some(self.not_before), for_entries: false };
        }
        Step::Send { from: self.cursor + 1, limits: self.limits }
    }

    /// Ends whatever wait is on.
    pub fn retry_now(&mut self) {
        self.held_until = None;
        self.not_before = Duration::ZERO;
    }

    /// Takes what came of sending. `dice` is uniformly random.
    pub fn answered(&mut self, now: Duration, durable: u64, sent: Sent, answer: Answer, dice: u64) {
        self.not_before = sent.at.saturating_add(self.timing.gather);
        match answer {
            Answer::Acknowledged(through) => self.acknowledged(now, durable, sent, through, dice),
            Answer::Gap { expected } => {
                self.go_on_after(now, durable, expected.saturating_sub(1), dice);
            }
            Answer::TooLarge { entries, bytes } => self.too_large(now, sent, entries, bytes, dice),
            Answer::Failed { trouble, retry_after } => self.failed(now, trouble, retry_after, dice),
        }
    }

    fn acknowledged(&mut self, now: Duration, durable: u64, sent: Sent, through: u64, dice: u64) {
        if through < sent.from || through > durable {
            return self.go_on_after(now, durable, through, dice);
        }
        self.cursor = through;
        self.corrections = 0;
        self.succeeded();
    }

    /// The platform says where it is, and it is not where we thought.
    fn go_on_after(&mut self, now: Duration, durable: u64, through: u64, dice: u64) {
        if through > durable {
            return self.failed(now, Trouble::Ahead { platform: through, ledger: durable }, None, dice);
        }
        let moved = through != self.cursor;
        self.cursor = through;
        self.corrections += 1;
        if !moved || self.corrections > CORRECTIONS_MAX {
            self.corrections = 0;
            let why = format!("it wants entry {} again and again and takes nothing", through + 1);
            return self.failed(now, Trouble::Nonsense(why), None, dice);
        }
        self.succeeded();
    }

    fn too_large(&mut self, now: Duration, sent: Sent, entries: Option<usize>, bytes: Option<usize>, dice: u64) {
        if sent.entries <= 1 {
            let detail = format!("entry {} alone is over the platform's limits", sent.from);
            let trouble = Trouble::Refused { code: "too_large".to_owned(), detail };
            return self.failed(now, trouble, None, dice);
        }
        // Halving what was sent comes to an end at one entry, whatever the platform says of its limits.
        let half = sent.entries / 2;
        self.limits.entries = half.min(entries.unwrap_or(half)).max(1);
        self.limits.bytes = (self.limits.bytes / 2).min(bytes.unwrap_or(usize::MAX)).max(1);
        self.succeeded();
    }

    fn succeeded(&mut self) {
        self.trouble = None;
        self.failures = 0;
        self.held_until = None;
    }

    fn failed(&mut self, now: Duration, trouble: Trouble, retry_after: Option<Duration>, dice: u64) {
        self.failures = self.failures.saturating_add(1);
        let wait = match trouble.needs_a_person() {
            true => self.timing.held_retry / 2 + share(self.timing.held_retry / 2, dice),
            // Full jitter: gateways that lost the platform together come back spread over the whole wait.
            false => share(self.backoff(), dice),
        };
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        self.held_until = Some(now.saturating_add(asked).saturating_add(wait));
        self.trouble = Some(trouble);
    }

    fn backoff(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(31);
        self.timing.backoff_first.saturating_mul(1 << doublings).min(self.timing.backoff_longest)
    }
}

/// A part of the duration: none of it for 0, all of it for the largest number.
fn share(whole: Duration, dice: u64) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
    let part = u128::from(nanos) * u128::from(dice) / u128::from(u64::MAX);
    Duration::from_nanos(u64::try_from(part).unwrap_or(nanos))
}

#[cfg(test)]
mod tests;
