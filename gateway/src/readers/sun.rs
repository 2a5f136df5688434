//! NTAG 424 DNA cards on any reader that lets them be talked to: the secure message is read and judged before the card
//! counts as presented. The arithmetic is in `schoolgate-cards`.

use schoolgate_cards::ntag424::{Names, Reading, Shown, Step, SunKeys, Uid};
use schoolgate_core::credential::CredentialId;

use super::{Boxed, CardKind, CardNumber, Examine, Examined, Exchange, card_key::CardKey};

/// Reads cards' messages and judges them by the school's keys.
pub struct SunExaminer {
    keys: SunKeys,
    names: Names,
    card_key: CardKey,
}

impl SunExaminer {
    /// With the school's keys, the names of the parameters on its cards, and the key that numbers are hashed with.
    pub fn new(keys: SunKeys, names: Names, card_key: CardKey) -> Self {
        Self { keys, names, card_key }
    }

    /// Judges a message, or that there is none (empty), of a card with this number.
    pub fn judge(&self, card: &CardNumber, ndef: &[u8]) -> Examined {
        match self.keys.judge(&self.names, card.bytes(), ndef) {
            Shown::Number => Examined::ByNumber,
            Shown::Message { uid, counter } => Examined::Genuine { credential: self.credential(uid), counter },
            Shown::Copied { uid } => Examined::Cloned(self.credential(uid)),
        }
    }

    /// The same as of the card's number at a reader that reads no messages.
    fn credential(&self, Uid(uid): Uid) -> CredentialId {
        self.card_key.credential(CardKind::Iso14443a.name(), &uid)
    }

    /// A card that goes silent half way is unreadable, and not one without a message: else taking it away early would be
    /// a way to count by number alone.
    async fn read(&self, card: &CardNumber, exchange: &mut dyn Exchange) -> Examined {
        let (mut reading, mut command) = Reading::begin();
        loop {
            let Ok(answer) = exchange.transceive(&command).await else { return Examined::Unreadable };
            match reading.answer(&answer) {
                Step::Send(next) => command = next,
                Step::Ndef(ndef) => return self.judge(card, &ndef),
                Step::NoNdef => return Examined::ByNumber,
                Step::Garbled => return Examined::Unreadable,
            }
        }
    }
}

impl Examine for SunExaminer {
    fn examine<'a>(&'a self, card: &'a CardNumber, exchange: &'a mut dyn Exchange) -> Boxed<'a, Examined> {
        Box::pin(self.read(card, exchange))
    }
}

#[cfg(test)]
mod tests {
    use schoolgate_virtual_card::{Card, Layout, Ntag424, Plain, Replay};

    use super::*;
    use crate::readers::ExchangeError;

    const UID: [u8; 7] = [0x04, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40];

    /// A card that lies on a reader, and is taken away after so many commands.
    struct Lying<'a>(&'a mut dyn Card, usize);

    impl Exchange for Lying<'_> {
        fn transceive<'a>(&'a mut self, apdu: &'a [u8]) -> Boxed<'a, Result<Vec<u8>, ExchangeError>> {
            let Some(left) = self.1.checked_sub(1) else { return Box::pin(async { Err(ExchangeError::CardGone) }) };
            self.1 = left;
            let answer = self.0.answer(apdu);
            Box::pin(async { Ok(answer) })
        }
    }

    fn keys() -> SunKeys {
        SunKeys::from_master(b"a school's key..")
    }

    fn examiner() -> SunExaminer {
        SunExaminer::new(keys(), Names::default(), CardKey::new(&[7; 32]))
    }

    fn card() -> Ntag424 {
        Ntag424::new(UID, *keys().meta(), keys().of_card(Uid(UID)), Layout::encrypted())
    }

    fn number(card: &dyn Card) -> CardNumber {
        CardNumber::new(CardKind::Iso14443a, &card.number()).unwrap()
    }

    async fn examined(card: &mut dyn Card, commands: usize) -> Examined {
        card.power_on();
        let number = number(card);
        examiner().examine(&number, &mut Lying(card, commands)).await
    }

    fn credential() -> CredentialId {
        CardKey::new(&[7; 32]).credential("iso14443a", &UID)
    }

    #[tokio::test]
    async fn a_genuine_card_is_the_credential_of_its_number_and_counts() {
        let mut card = card();
        for counter in 1..=2 {
            assert_eq!(examined(&mut card, 99).await, Examined::Genuine { credential: credential(), counter });
        }
    }

    #[tokio::test]
    async fn a_card_without_a_message_is_known_by_its_number() {
        assert_eq!(examined(&mut Plain(UID.into()), 99).await, Examined::ByNumber);
    }

    #[tokio::test]
    async fn a_message_on_another_card_is_a_clone_of_the_one_that_it_names() {
        let text = card().read_text();
        assert_eq!(examined(&mut Replay::new(&[4, 9, 9, 9, 9, 9, 9], text), 99).await, Examined::Cloned(credential()));
    }

    #[tokio::test]
    async fn a_card_that_is_taken_away_early_is_not_taken_for_one_without_a_message() {
        for commands in 0..4 {
            assert_eq!(examined(&mut card(), commands).await, Examined::Unreadable, "after {commands} commands");
        }
    }
}
