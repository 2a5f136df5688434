//! Which cards lie on a reader that is polled.

use std::time::Duration;

use tokio::time::Instant;

use crate::readers::{
    CardNumber,
    presence::{GONE_AFTER, MAX_CARDS},
};

/// So many polls in a row must find a card before it is believed: no damage that fools the frame's checks does so twice
/// alike. The second poll follows at once, so that it costs a tap some 15 ms.
pub(super) const BELIEVED_AFTER: u8 = 2;

/// When no poll was answered for so long, nobody knows whether the card that lies there was taken away in between. Longer
/// than it takes to wake a module; as long as the core takes two taps of a card for one.
const UNKNOWN_AFTER: Duration = Duration::from_secs(3);

/// The cards that lie there: at most [`MAX_CARDS`].
#[derive(Default)]
pub(super) struct Field {
    cards: Vec<Lying>,
}

struct Lying {
    card: CardNumber,
    seen: Instant,
    /// Polls in a row that found it, up to [`BELIEVED_AFTER`].
    polls: u8,
    presented: bool,
}

impl Field {
    /// A poll found these cards. Gives those that are to be presented now, which stay so until [`Self::presented`].
    pub(super) fn poll(&mut self, now: Instant, found: &[CardNumber]) -> Vec<CardNumber> {
        self.cards.retain(|lying| match found.contains(&lying.card) {
            true => now < lying.seen + UNKNOWN_AFTER,
            // What was seen once and not again was never there.
            false => lying.polls >= BELIEVED_AFTER && now < lying.seen + GONE_AFTER,
        });
        for card in found {
            if let Some(lying) = self.cards.iter_mut().find(|lying| lying.card == *card) {
                lying.seen = now;
                lying.polls = lying.polls.saturating_add(1).min(BELIEVED_AFTER);
            } else if self.cards.len() < MAX_CARDS {
                self.cards.push(Lying { card: *card, seen: now, polls: 1, presented: false });
            }
        }
        let due = |lying: &&Lying| found.contains(&lying.card) && lying.polls >= BELIEVED_AFTER && !lying.presented;
        self.cards.iter().filter(due).map(|lying| lying.card).collect()
    }

    /// The card has been presented, and is not again until it was gone.
    pub(super) fn presented(&mut self, card: &CardNumber) {
        if let Some(lying) = self.cards.iter_mut().find(|lying| lying.card == *card) {
            lying.presented = true;
        }
    }

    /// Whether a card is to be looked at again at once.
    pub(super) fn is_curious(&self) -> bool {
        self.cards.iter().any(|lying| !lying.presented)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::CardKind;

    fn card(n: u8) -> CardNumber {
        CardNumber::new(CardKind::Iso14443a, &[n, 1, 2, 3]).unwrap()
    }

    /// Presents what is due after each poll, which come every 80 ms; gives how many that were.
    fn rest(field: &mut Field, start: Instant, polls: impl IntoIterator<Item = Vec<CardNumber>>) -> usize {
        let mut presented = 0;
        for (n, found) in polls.into_iter().enumerate() {
            for card in field.poll(start + Duration::from_millis(80) * n as u32, &found) {
                field.presented(&card);
                presented += 1;
            }
        }
        presented
    }

    #[test]
    fn a_card_is_presented_at_the_second_poll_and_once_for_as_long_as_it_lies_there() {
        let (mut field, start) = (Field::default(), Instant::now());
        assert_eq!(field.poll(start, &[card(1)]), []);
        assert!(field.is_curious());
        assert_eq!(rest(&mut field, start, vec![vec![card(1)]; 10_000]), 1);
        assert!(!field.is_curious());
    }

    #[test]
    fn two_cards_side_by_side_are_presented_once_each() {
        assert_eq!(rest(&mut Field::default(), Instant::now(), vec![vec![card(1), card(2)]; 1_000]), 2);
    }

    #[test]
    fn a_poll_that_misses_the_card_is_no_removal_and_half_a_second_is() {
        let (mut field, start) = (Field::default(), Instant::now());
        let missing = |polls: usize| [vec![vec![card(1)]; 3], vec![vec![]; polls], vec![vec![card(1)]; 3]].concat();
        assert_eq!(rest(&mut field, start, missing(5)), 1);
        assert_eq!(rest(&mut field, start + Duration::from_secs(9), missing(7)), 2);
    }

    #[test]
    fn while_the_module_is_woken_a_card_stays_and_after_a_long_silence_it_is_new() {
        let (mut field, start) = (Field::default(), Instant::now());
        let lies = vec![vec![card(1)]; 3];
        assert_eq!(rest(&mut field, start, lies.clone()), 1);
        assert_eq!(rest(&mut field, start + Duration::from_millis(2_500), lies.clone()), 0);
        assert_eq!(rest(&mut field, start + Duration::from_secs(9), lies), 1);
    }

    #[test]
    fn a_card_that_only_one_poll_found_is_not_believed() {
        let polls = (0..200).map(|n| vec![card(n as u8)]);
        assert_eq!(rest(&mut Field::default(), Instant::now(), polls), 0);
    }
}
