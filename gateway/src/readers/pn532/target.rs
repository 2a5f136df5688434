//! Cards in the answer to InListPassiveTarget at 106 kbit/s type A (UM0701-02, 7.3.5).

use crate::readers::{CardKind, CardNumber};

/// SAK: the card speaks ISO/IEC 14443-4 (ISO/IEC 14443-3, 6.4.3.4).
const SPEAKS_PART_4: u8 = 0x20;
/// First byte of a UID of four that is none: the cascade tag of a longer one.
const CASCADE_TAG: u8 = 0x88;

/// A card in the field.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Target {
    /// What the module calls it until the next poll, 1 or 2.
    pub number: u8,
    /// Its UID.
    pub card: CardNumber,
    /// Whether it can be talked to.
    pub answers: bool,
}

/// The cards that the answer lists, at most two; none if the answer makes no sense.
///
/// Everything that says the same twice has to agree: the number of cards, each card's number, and the UID's length with
/// what ATQA says of it.
pub fn targets(answer: &[u8]) -> Option<Vec<Target>> {
    let (&count, mut rest) = answer.split_first()?;
    if count > 2 {
        return None;
    }
    let mut targets = Vec::with_capacity(usize::from(count));
    for number in 1..=count {
        let target;
        (target, rest) = take_target(number, rest)?;
        targets.push(target);
    }
    let distinct = !matches!(targets.as_slice(), [first, second] if first.card == second.card);
    (rest.is_empty() && distinct).then_some(targets)
}

fn take_target(number: u8, bytes: &[u8]) -> Option<(Target, &[u8])> {
    let [listed, _atqa_high, atqa, sak, length, rest @ ..] = bytes else { return None };
    let (uid, rest) = rest.split_at_checked(usize::from(*length))?;
    let length_by_atqa = match atqa >> 6 {
        0 => 4,
        1 => 7,
        2 => 10,
        _ => return None,
    };
    if *listed != number || uid.len() != length_by_atqa || (uid.len() == 4 && uid.first() == Some(&CASCADE_TAG)) {
        return None;
    }
    let answers = sak & SPEAKS_PART_4 != 0;
    let rest = match (answers, rest) {
        // The module has asked for the answer to select; its first byte is its own length.
        (true, [length, ..]) => rest.get(usize::from(*length).max(1)..)?,
        (true, []) | (false, _) => rest,
    };
    Some((Target { number, card: CardNumber::new(CardKind::Iso14443a, uid)?, answers }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uid(bytes: &[u8]) -> CardNumber {
        CardNumber::new(CardKind::Iso14443a, bytes).unwrap()
    }

    #[test]
    fn uids_of_four_seven_and_ten_bytes_are_read() {
        let classic = targets(&[1, 1, 0x00, 0x04, 0x08, 4, 0xDE, 0xAD, 0xBE, 0xEF]).unwrap();
        assert_eq!(classic, [Target { number: 1, card: uid(&[0xDE, 0xAD, 0xBE, 0xEF]), answers: false }]);
        let ntag = targets(&[1, 1, 0x00, 0x44, 0x00, 7, 4, 1, 2, 3, 4, 5, 6]).unwrap();
        assert_eq!(ntag[0].card, uid(&[4, 1, 2, 3, 4, 5, 6]));
        let ten = targets(&[1, 1, 0x00, 0x84, 0x00, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).unwrap();
        assert_eq!(ten[0].card, uid(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    }

    #[test]
    fn two_cards_one_of_which_answers_are_read() {
        let answer = [
            2, 1, 0x03, 0x44, 0x20, 7, 4, 1, 2, 3, 4, 5, 6, 5, 0x78, 0x80, 0x70, 0x02, 2, 0x00, 0x04, 0x08, 4, 9, 8, 7,
            6,
        ];
        let both = targets(&answer).unwrap();
        assert_eq!((both[0].answers, both[0].card), (true, uid(&[4, 1, 2, 3, 4, 5, 6])));
        assert_eq!((both[1].number, both[1].answers, both[1].card), (2, false, uid(&[9, 8, 7, 6])));
        assert_eq!(targets(&[0]), Some(vec![]));
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_none() {
        for wrong in [
            &[][..],
            &[3],
            &[1],
            &[0, 0],
            &[1, 2, 0x00, 0x04, 0x08, 4, 1, 2, 3, 4],
            &[1, 1, 0x00, 0x44, 0x08, 4, 1, 2, 3, 4],
            &[1, 1, 0x00, 0x04, 0x08, 4, 1, 2, 3],
            &[1, 1, 0x00, 0x04, 0x08, 4, 1, 2, 3, 4, 5],
            &[1, 1, 0x00, 0x04, 0x08, 4, 0x88, 2, 3, 4],
            &[2, 1, 0, 4, 8, 4, 1, 2, 3, 4, 2, 0, 4, 8, 4, 1, 2, 3, 4],
        ] {
            assert_eq!(targets(wrong), None, "{wrong:02x?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_taken_or_not(answer: Vec<u8>) {
            if let Some(targets) = targets(&answer) {
                prop_assert!(targets.len() == usize::from(answer[0]));
            }
        }
    }
}
