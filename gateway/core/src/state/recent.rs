//! The recent taps, to tell a repeated tap from a new one.

use core::hash::BuildHasher;

use alloc::collections::VecDeque;
use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};

use crate::{credential::CredentialId, entry::Seq, id::PlaceId, picture::Picture, time::Stamp};

/// How many recent taps are remembered, to tell a repeated tap from a new one. Ten lanes at three taps a second fill a
/// fifth of it within the repeat window.
pub const RECENT_TAPS: usize = 512;

/// A tap that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecentTap {
    pub(crate) credential: CredentialId,
    pub(crate) place: PlaceId,
    pub(crate) at: Stamp,
    pub(crate) seq: Seq,
    pub(crate) picture: Picture,
}

impl RecentTap {
    fn is_of(&self, credential: CredentialId, place: &PlaceId) -> bool {
        self.credential == credential && self.place == *place
    }
}

/// The latest [`RECENT_TAPS`] of them, oldest first; every tap asks whether it is among them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "VecDeque<RecentTap>", into = "VecDeque<RecentTap>")]
pub(super) struct RecentTaps {
    taps: VecDeque<RecentTap>,
    /// How many went before them.
    forgotten: u64,
    /// The latest tap of each card at each place, counted from the first that ever was; by the card's hash.
    latest: HashTable<u64>,
    hasher: DefaultHashBuilder,
}

impl RecentTaps {
    pub(super) fn push(&mut self, tap: RecentTap) {
        if self.taps.len() == RECENT_TAPS {
            self.forget_first();
        }
        let (hash, number) = (self.hasher.hash_one(tap.credential), self.forgotten + self.taps.len() as u64);
        let Self { taps, forgotten, latest, hasher } = self;
        let at = |number: &u64| taps.get(usize::try_from(number - *forgotten).ok()?);
        let same = |number: &u64| at(number).is_some_and(|other| other.is_of(tap.credential, &tap.place));
        if let Some(latest) = latest.find_mut(hash, same) {
            *latest = number;
        } else {
            latest.insert_unique(hash, number, |number| at(number).map_or(0, |tap| hasher.hash_one(tap.credential)));
        }
        taps.push_back(tap);
    }

    fn forget_first(&mut self) {
        let Some(first) = self.taps.pop_front() else { return };
        let hash = self.hasher.hash_one(first.credential);
        if let Ok(latest) = self.latest.find_entry(hash, |number| *number == self.forgotten) {
            latest.remove();
        }
        self.forgotten += 1;
    }

    /// The latest tap of this card at this place.
    pub(super) fn find(&self, credential: CredentialId, place: &PlaceId) -> Option<&RecentTap> {
        let at = |number: &u64| self.taps.get(usize::try_from(number - self.forgotten).ok()?);
        let same = |number: &u64| at(number).is_some_and(|tap| tap.is_of(credential, place));
        self.latest.find(self.hasher.hash_one(credential), same).and_then(at)
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut RecentTap> {
        self.taps.back_mut()
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &RecentTap> {
        self.taps.iter()
    }

    pub(super) fn stamps_mut(&mut self) -> impl Iterator<Item = &mut Stamp> {
        self.taps.iter_mut().map(|tap| &mut tap.at)
    }
}

impl From<RecentTaps> for VecDeque<RecentTap> {
    fn from(recent: RecentTaps) -> Self {
        recent.taps
    }
}

impl From<VecDeque<RecentTap>> for RecentTaps {
    fn from(taps: VecDeque<RecentTap>) -> Self {
        let mut recent = Self::default();
        taps.into_iter().for_each(|tap| recent.push(tap));
        recent
    }
}

impl PartialEq for RecentTaps {
    fn eq(&self, other: &Self) -> bool {
        self.taps == other.taps
    }
}

impl Eq for RecentTaps {}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn tap(card: u8, place: &str, seq: u64) -> RecentTap {
        let (credential, place) = (CredentialId([card; 16]), PlaceId::try_new(place).unwrap());
        RecentTap { credential, place, at: Stamp::default(), seq: Seq(seq), picture: Picture::Noted }
    }

    #[test]
    fn the_latest_tap_of_a_card_at_a_place_is_found_as_a_look_at_all_would_find_it() {
        let mut recent = RecentTaps::default();
        let places = ["gate", "desk", "room"];
        for seq in 0..5_000_u64 {
            // Some cards come at every turn, others so seldom that they have been forgotten by then.
            let card = if seq % 3 == 0 { 1 } else { (seq * seq % 251) as u8 };
            recent.push(tap(card, places[(seq % 7 % 3) as usize], seq));
            for card in 0..=255 {
                let place = PlaceId::try_new(places[usize::from(card) % 3]).unwrap();
                let card = CredentialId([card; 16]);
                let walked = recent.iter().rev().find(|tap| tap.is_of(card, &place));
                assert_eq!(recent.find(card, &place), walked);
            }
        }
        assert_eq!(recent.iter().count(), RECENT_TAPS);
        assert!(recent.latest.len() <= RECENT_TAPS);
    }
}
