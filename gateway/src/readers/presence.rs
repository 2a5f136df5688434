//! One card laid on the reader is one presentation, however often the reader repeats its frame.

use std::time::{Duration, Instant};

/// A card of which no frame came for so long has been taken away. An RDM6300 repeats about every 65 ms, so a card at
/// the edge of the field may miss six frames in a row and still be the same presentation; a person needs longer than
/// this to take a card away and lay it down again.
pub const GONE_AFTER: Duration = Duration::from_millis(500);

/// When another card came between, a card that was never gone is reported again, but at most this often: two cards that
/// alternate in the field make two reports in this time, not thirty.
pub const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Cards held in mind at once. More than two can't be read in one field; the longest unseen makes room.
pub const MAX_CARDS: usize = 4;

/// How many frames make a card believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirmation {
    /// The first sound frame: no delay.
    #[default]
    First,
    /// Two equal frames in a row, for a line that is known to be bad: some 65 ms later, and no double damage that fools
    /// the checksum is believed.
    Twice,
}

/// Which cards lie on one reader.
pub struct Presence<C> {
    confirmation: Confirmation,
    /// At most [`MAX_CARDS`], in no particular order.
    cards: Vec<Lying<C>>,
    /// The card of the latest frame, and when it came.
    latest: Option<(C, Instant)>,
}

struct Lying<C> {
    card: C,
    seen: Instant,
    reported: Instant,
    /// Whether another card's frame came since the last report.
    interrupted: bool,
}

impl<C: Copy + Eq> Presence<C> {
    /// An empty field.
    pub fn new(confirmation: Confirmation) -> Self {
        Self { confirmation, cards: Vec::with_capacity(MAX_CARDS), latest: None }
    }

    /// Takes one frame of `card` that came at `now`, which never goes back. True: this is a new presentation.
    pub fn frame(&mut self, now: Instant, card: C) -> bool {
        let repeated = self.latest.is_some_and(|(last, at)| last == card && now < at + GONE_AFTER);
        self.latest = Some((card, now));
        if self.confirmation == Confirmation::Twice && !repeated {
            return false;
        }
        self.cards.retain(|lying| now < lying.seen + GONE_AFTER);
        for other in self.cards.iter_mut().filter(|lying| lying.card != card) {
            other.interrupted = true;
        }
        match self.cards.iter_mut().find(|lying| lying.card == card) {
            Some(lying) => lying.repeat(now),
            None => {
                self.lay_down(now, card);
                true
            }
        }
    }

    fn lay_down(&mut self, now: Instant, card: C) {
        if self.cards.len() >= MAX_CARDS
            && let Some(oldest) = (0..self.cards.len()).min_by_key(|&i| self.cards.get(i).map(|lying| lying.seen))
        {
            self.cards.swap_remove(oldest);
        }
        self.cards.push(Lying { card, seen: now, reported: now, interrupted: false });
    }
}

impl<C> Lying<C> {
    fn repeat(&mut self, now: Instant) -> bool {
        self.seen = now;
        let again = self.interrupted && now >= self.reported + AGAIN_AFTER;
        if again {
            self.reported = now;
            self.interrupted = false;
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME_EVERY_MS: u64 = 65;

    struct Field {
        start: Instant,
        presence: Presence<char>,
    }

    impl Field {
        fn new(confirmation: Confirmation) -> Self {
            Self { start: Instant::now(), presence: Presence::new(confirmation) }
        }

        fn frame(&mut self, at_ms: u64, card: char) -> bool {
            self.presence.frame(self.start + Duration::from_millis(at_ms), card)
        }

        /// How many presentations these frames make, one every 65 ms.
        fn rest(&mut self, from_ms: u64, cards: impl Iterator<Item = char>) -> usize {
            cards.enumerate().filter(|(i, card)| self.frame(from_ms + *i as u64 * FRAME_EVERY_MS, *card)).count()
        }
    }

    #[test]
    fn a_card_left_on_the_reader_for_an_hour_is_one_presentation() {
        let mut field = Field::new(Confirmation::First);
        assert_eq!(field.rest(0, std::iter::repeat_n('A', 55_000)), 1);
    }

    #[test]
    fn a_card_laid_down_again_after_it_was_gone_is_a_new_presentation() {
        let mut field = Field::new(Confirmation::First);
        assert!(field.frame(0, 'A'));
        assert!(!field.frame(499, 'A'));
        assert!(field.frame(999, 'A'));
    }

    #[test]
    fn a_second_card_over_a_resting_one_is_presented_and_so_is_the_first_again() {
        let mut field = Field::new(Confirmation::First);
        assert_eq!(field.rest(0, std::iter::repeat_n('A', 20)), 1);
        assert!(field.frame(1_400, 'B'));
        assert!(field.frame(1_465, 'A'));
        assert!(!field.frame(1_530, 'A'));
    }

    #[test]
    fn two_cards_alternating_in_the_field_do_not_flood() {
        let mut field = Field::new(Confirmation::First);
        let seconds = 60;
        let frames = seconds * 1_000 / FRAME_EVERY_MS as usize;
        let presentations = field.rest(0, "AB".chars().cycle().take(frames));
        assert!((2..=2 * (seconds + 1)).contains(&presentations), "{presentations}");
    }

    #[test]
    fn on_a_bad_line_one_frame_is_not_believed_and_two_equal_ones_are() {
        let mut field = Field::new(Confirmation::Twice);
        assert!(!field.frame(0, 'A'));
        assert!(!field.frame(65, 'X'), "damaged into another card");
        assert!(!field.frame(130, 'A'));
        assert!(field.frame(195, 'A'));
        assert!(!field.frame(260, 'A'));
        assert!(!field.frame(800, 'A'), "gone, so it needs two frames again");
        assert!(field.frame(865, 'A'));
    }

    proptest! {
        #[test]
        fn any_frames_are_held_in_bounds_and_a_card_new_to_the_field_is_presented(
            frames in prop::collection::vec((0..700_u64, prop::char::range('A', 'H')), 0..200)
        ) {
            let mut field = Field::new(Confirmation::First);
            let mut last_seen = std::collections::BTreeMap::new();
            let mut now = 0;
            for (pause, card) in frames {
                now += pause;
                let presented = field.frame(now, card);
                let new = last_seen.insert(card, now).is_none_or(|seen| now - seen >= 500);
                prop_assert!(presented || !new);
                prop_assert!(field.presence.cards.len() <= MAX_CARDS);
            }
        }
    }
}
