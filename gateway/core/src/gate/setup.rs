//! What a gate is: its kind and its times, as the configuration tells.

use core::time::Duration;

use super::Schedule;
use crate::id::PlaceId;

/// What closes the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GateKind {
    /// A door with a lock that a relay releases, and a contact that says whether it is open.
    #[default]
    Door,
    /// Arms or wings that turn once for each person, and a contact that says that they have.
    Turnstile,
    /// A leaf or bar that a motor opens for as long as its relay holds, and closes.
    Motor,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// What closes the way.
    pub kind: GateKind,
    /// How long a release lasts once the way can be open (at least 3 s by IEC 60839-11-1).
    pub release: Duration,
    /// How long a motor takes to open; nothing for others.
    pub opening: Duration,
    /// How long the door may stand open; as the school's policy says, if left out.
    pub held_after: Option<Duration>,
    /// Whether the gate is released anew for each person: who taps next waits until the one before has gone through.
    pub one_person_per_release: bool,
    /// Whether a release ends when everybody for whom it was given has gone through.
    pub shorten_on_passage: bool,
    /// Whether the exit button releases the gate by way of the gateway, beside its own wire or in place of it.
    pub exit_button_releases: bool,
    /// The other door of an airlock: it must be closed and locked before this one is released.
    pub interlock_with: Option<PlaceId>,
    /// When it stands open, and when it is locked.
    pub schedule: Schedule,
}

/// The usual length of a release.
pub const RELEASE: Duration = Duration::from_secs(5);

impl Gate {
    /// A gate of that kind with the usual times.
    pub const fn of(kind: GateKind) -> Self {
        Self {
            kind,
            release: RELEASE,
            opening: Duration::ZERO,
            held_after: None,
            one_person_per_release: matches!(kind, GateKind::Turnstile),
            shorten_on_passage: true,
            exit_button_releases: false,
            interlock_with: None,
            schedule: Schedule(alloc::vec::Vec::new()),
        }
    }

    /// For how long its relay is held at a release, at most.
    pub fn pulse(&self) -> Duration {
        self.opening + self.release
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::of(GateKind::Door)
    }
}
