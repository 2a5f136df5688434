//! Two light beams across a lane: which way somebody went, and whether they went at all.
//!
//! Beam A is on the side of the street, beam B on the side of the campus, so close together that a body breaks both.
//! *Near* is the beam that was broken first, *far* the other one:
//!
//! | what is in the lane | near clears | far breaks | far clears | near breaks |
//! |---|---|---|---|---|
//! | nobody | | far becomes near: **entering** | | **entering** |
//! | entering: near alone | nobody, *turned back* | **across** | | |
//! | across: both | **leaving** | | **entering** | |
//! | leaving: far alone | | | nobody, *passed* | **followed** |
//! | followed: both again | **leaving** | | **entering**, *passed* | |
//!
//! Somebody who breaks near while another still breaks far follows close behind, so the first is counted when far clears.
//! One body that steps back as far as that looks the same; it is counted too, for a gate must rather see one person too many
//! than one too few. Two bodies that touch are one to any beam. Whatever is taken for what, nobody is in a lane whose beams
//! are both clear.

use core::time::Duration;

use crate::{site::Direction, time::Mono};

/// A beam that stays broken for so long is blocked, or out of order: nobody is counted meanwhile.
pub const BEAM_BLOCKED_AFTER: Duration = Duration::from_secs(60);

/// One of a lane's two beams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beam {
    /// On the side of the street.
    A,
    /// On the side of the campus.
    B,
}

impl Beam {
    /// Which way somebody goes who breaks this one first.
    fn leads(self) -> Direction {
        match self {
            Self::A => Direction::In,
            Self::B => Direction::Out,
        }
    }
}

/// What the beams have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Somebody went through.
    Passed(Direction),
    /// Somebody came into the lane and went back.
    TurnedBack,
}

/// Who is in the lane; with each, the near beam.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lane {
    #[default]
    Nobody,
    Entering(Beam),
    Across(Beam),
    Leaving(Beam),
    Followed(Beam),
}

/// The beams of one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beams {
    /// Since when A and B are broken.
    broken: [Option<Mono>; 2],
    lane: Lane,
    blocked: bool,
}

impl Beams {
    /// A beam's level: at the start, and whenever it changes. A level that is known already is no news.
    pub fn level(&mut self, now: Mono, beam: Beam, broken: bool) -> Option<Seen> {
        let slot = &mut self.broken[beam as usize];
        if slot.is_some() == broken {
            return None;
        }
        *slot = broken.then_some(now);
        let (lane, seen) = self.lane.step(beam, broken);
        self.lane = if self.broken == [None, None] { Lane::Nobody } else { lane };
        seen
    }

    /// Whether anything is in the lane.
    pub fn is_busy(&self) -> bool {
        self.broken != [None, None]
    }

    /// When a broken beam will have been broken for too long, unless that is known already.
    pub fn blocked_at(&self) -> Option<Mono> {
        let first = self.broken.iter().flatten().min().filter(|_| !self.blocked)?;
        Some(first.plus(BEAM_BLOCKED_AFTER))
    }

    /// What is new: blocked, or free again.
    pub fn look(&mut self, now: Mono) -> Option<bool> {
        let since = self.broken.iter().flatten().min();
        let blocked = since.is_some_and(|since| since.plus(BEAM_BLOCKED_AFTER) <= now);
        (core::mem::replace(&mut self.blocked, blocked) != blocked).then_some(blocked)
    }
}

impl Lane {
    fn step(self, beam: Beam, broken: bool) -> (Self, Option<Seen>) {
        let is_near = |near: Beam| beam == near;
        match self {
            Self::Nobody => (if broken { Self::Entering(beam) } else { Self::Nobody }, None),
            Self::Entering(near) if is_near(near) => (Self::Nobody, Some(Seen::TurnedBack)),
            Self::Entering(near) => (Self::Across(near), None),
            Self::Across(near) if is_near(near) => (Self::Leaving(near), None),
            Self::Across(near) => (Self::Entering(near), None),
            Self::Leaving(near) if is_near(near) => (Self::Followed(near), None),
            Self::Leaving(near) => (Self::Nobody, Some(Seen::Passed(near.leads()))),
            Self::Followed(near) if is_near(near) => (Self::Leaving(near), None),
            Self::Followed(near) => (Self::Entering(near), Some(Seen::Passed(near.leads()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// `A` breaks A, `a` clears it.
    fn seen(edges: &str) -> Vec<Seen> {
        let mut beams = Beams::default();
        let level = |(n, edge): (usize, char)| {
            let beam = if edge.eq_ignore_ascii_case(&'a') { Beam::A } else { Beam::B };
            beams.level(Mono(n as u64), beam, edge.is_ascii_uppercase())
        };
        edges.chars().enumerate().filter_map(level).collect()
    }

    const IN: Seen = Seen::Passed(Direction::In);
    const OUT: Seen = Seen::Passed(Direction::Out);

    #[test]
    fn the_order_of_the_beams_is_the_direction() {
        assert_eq!(seen("ABab"), [IN]);
        assert_eq!(seen("BAba"), [OUT]);
        assert_eq!(seen("ABabBAba"), [IN, OUT]);
    }

    #[test]
    fn whoever_turns_back_has_not_passed() {
        assert_eq!(seen("Aa"), [Seen::TurnedBack]);
        assert_eq!(seen("ABba"), [Seen::TurnedBack]);
        assert_eq!(seen("BAab"), [Seen::TurnedBack]);
        assert_eq!(seen("ABbBab"), [IN], "one who wavers is one");
    }

    #[test]
    fn two_close_together_are_two() {
        assert_eq!(seen("ABaAbBab"), [IN, IN]);
        assert_eq!(seen("BAbBaAba"), [OUT, OUT]);
        assert_eq!(seen("ABaAba"), [IN, Seen::TurnedBack], "the second thinks better of it");
    }

    #[test]
    fn a_level_that_is_known_is_no_news_and_clear_beams_mean_nobody() {
        assert_eq!(seen("AABBaabb"), [IN]);
        assert_eq!(seen("ab"), []);
        let mut beams = Beams::default();
        beams.level(Mono(0), Beam::B, true);
        assert!(beams.is_busy());
        beams.level(Mono(1), Beam::B, false);
        assert_eq!(beams, Beams::default());
    }

    #[test]
    fn a_beam_that_stays_broken_is_blocked_until_it_clears() {
        let mut beams = Beams::default();
        beams.level(Mono(5), Beam::A, true);
        assert_eq!(beams.blocked_at(), Some(Mono(60_005)));
        assert_eq!(beams.look(Mono(60_004)), None);
        assert_eq!(beams.look(Mono(60_005)), Some(true));
        assert_eq!((beams.look(Mono(70_000)), beams.blocked_at()), (None, None), "told once");
        beams.level(Mono(80_000), Beam::A, false);
        assert_eq!(beams.look(Mono(80_000)), Some(false));
    }
}
