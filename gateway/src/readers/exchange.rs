//! Cards that answer: what lies on a reader can be asked for more than its number.

use std::{future::Future, pin::Pin};

use schoolgate_core::credential::CredentialId;

use super::CardNumber;

/// A future of a trait that is used as an object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The longest command or answer of a card, in bytes: what a short APDU of ISO/IEC 7816-4 can be (5 + 255 + 1, and
/// 256 + 2).
pub const MAX_APDU_BYTES: usize = 261;

/// Talks to the card that lies on a reader now, which speaks ISO/IEC 14443-4.
pub trait Exchange: Send {
    /// Sends a command APDU (ISO/IEC 7816-4, at most [`MAX_APDU_BYTES`]) and gives the answer with its two status bytes.
    /// How long it may take is the reader's own limit.
    fn transceive<'a>(&'a mut self, apdu: &'a [u8]) -> Boxed<'a, Result<Vec<u8>, ExchangeError>>;
}

/// Why a card did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The card was taken away, or does not speak this protocol.
    #[error("the card does not answer")]
    CardGone,
    /// The reader does not answer, or its line is lost.
    #[error("the reader does not answer")]
    ReaderGone,
    /// The command is longer than the reader can pass on.
    #[error("the command is too long for the reader")]
    TooLong,
}

/// Looks closer at a card before it counts as presented.
pub trait Examine: Send + Sync {
    /// Looks at a card that has just been laid on a reader and can be talked to through `exchange`.
    fn examine<'a>(&'a self, card: &'a CardNumber, exchange: &'a mut dyn Exchange) -> Boxed<'a, Examined>;
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Examined {
    /// The card has no more to say than its number.
    ByNumber,
    /// The card's message can only have been made by this one. Whether it was shown before, the core knows.
    Genuine {
        /// Which.
        credential: CredentialId,
        /// The counter in its message.
        counter: u32,
    },
    /// The card claims to be this one, with a message that this card did not make.
    Cloned(CredentialId),
    /// The card was taken away too early, or answered no sense: it is asked again if it still lies there.
    Unreadable,
}
