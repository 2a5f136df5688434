//! What is spoken with a PN532: it is woken, set up, and polled for cards.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep, sleep_until},
};

use super::{
    dialogue::{Dialogue, Unanswered},
    field::Field,
    target::{Target, targets},
};
use crate::readers::{
    Boxed, CardNumber, Conversation, Desk, DownReason, Examine, Examined, Exchange, ExchangeError, Fault,
    MAX_APDU_BYTES, Proof, ReaderHappening,
    desk::{NobodyListens, Told},
};

/// How often a field without new cards is polled.
pub const POLL_EVERY: Duration = Duration::from_millis(80);

/// How often a module that does not answer is woken. With [`super::ATTEMPTS`] it is told to be away within 2 s.
pub const WAKE_EVERY: Duration = Duration::from_millis(500);

/// How often a card that answers no sense is asked again before it counts by its number.
const EXAMINATIONS: u8 = 3;

/// Commands (UM0701-02, 7).
const GET_FIRMWARE_VERSION: u8 = 0x02;
const SAM_CONFIGURATION: u8 = 0x14;
const RF_CONFIGURATION: u8 = 0x32;
const IN_LIST_PASSIVE_TARGET: u8 = 0x4A;
const IN_DATA_EXCHANGE: u8 = 0x40;
const IN_RELEASE: u8 = 0x52;

/// Normal mode, without a secure module: time-out 1 s (unused), IRQ pin as ever.
const NORMAL_MODE: [u8; 3] = [0x01, 0x14, 0x01];
/// Retries: of ATR_REQ for ever, of PSL_REQ 1, of activation 2. By default the last is for ever, and a poll would end only
/// when a card comes.
const FEW_RETRIES: [u8; 4] = [0x05, 0xFF, 0x01, 0x02];
/// Up to two cards at 106 kbit/s type A.
const TWO_TYPE_A: [u8; 2] = [0x02, 0x00];
const ALL_TARGETS: [u8; 1] = [0x00];

/// InDataExchange: the answer goes on.
const MORE: u8 = 0x40;
/// InDataExchange: what went wrong.
const ERROR_BITS: u8 = 0x3F;

/// A PN532 and its conversation.
pub struct Pn532 {
    desk: Desk,
    examiner: Option<Arc<dyn Examine>>,
    field: Field,
    /// The card that is being examined, and how often that came to nothing.
    unreadable: Option<(CardNumber, u8)>,
    /// Whether the module has answered all that sets it up.
    is_set_up: bool,
}

/// The conversation has to be begun anew.
enum End {
    Unanswered(Unanswered),
    Nobody(NobodyListens),
}

impl From<Unanswered> for End {
    fn from(why: Unanswered) -> Self {
        Self::Unanswered(why)
    }
}

impl From<NobodyListens> for End {
    fn from(nobody: NobodyListens) -> Self {
        Self::Nobody(nobody)
    }
}

impl Pn532 {
    /// The reader of this desk.
    pub fn new(desk: Desk) -> Self {
        Self { desk, examiner: None, field: Field::default(), unreadable: None, is_set_up: false }
    }

    /// The same reader, looking closer at cards that can be talked to.
    #[must_use]
    pub fn with_examiner(self, examiner: Arc<dyn Examine>) -> Self {
        Self { examiner: Some(examiner), ..self }
    }

    /// Sets the module up, and polls it until it is silent.
    async fn attend<S>(&mut self, module: &mut Dialogue<'_, S>) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        self.is_set_up = false;
        module.is_asleep();
        module.ask(SAM_CONFIGURATION, &NORMAL_MODE).await?;
        module.ask(GET_FIRMWARE_VERSION, &[]).await?;
        module.ask(RF_CONFIGURATION, &FEW_RETRIES).await?;
        self.is_set_up = true;
        self.desk.up(Instant::now()).await?;
        loop {
            let next = Instant::now() + POLL_EVERY;
            self.poll(module).await?;
            self.settle(module)?;
            if !self.field.is_curious() {
                sleep_until(next).await;
            }
        }
    }

    async fn poll<S>(&mut self, module: &mut Dialogue<'_, S>) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let answer = module.ask(IN_LIST_PASSIVE_TARGET, &TWO_TYPE_A).await?;
        let now = Instant::now();
        let Some(found) = targets(&answer) else {
            self.desk.fault(Fault::UNEXPECTED);
            return Ok(());
        };
        self.desk.polled(now, found.len());
        let cards: Vec<CardNumber> = found.iter().map(|target| target.card).collect();
        let due = self.field.poll(now, &cards);
        for target in found.iter().filter(|target| due.contains(&target.card)) {
            self.present(module, now, target).await?;
        }
        if !found.is_empty() {
            // Else a card that speaks part 4 would not answer the next poll.
            module.ask(IN_RELEASE, &ALL_TARGETS).await?;
        }
        Ok(())
    }

    async fn present<S>(&mut self, module: &mut Dialogue<'_, S>, now: Instant, target: &Target) -> Result<(), End>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let by_number = ReaderHappening::Card { credential: self.desk.credential(&target.card), proof: Proof::Number };
        let what = match self.examine(module, target).await {
            Examined::ByNumber => by_number,
            Examined::Genuine(credential) => ReaderHappening::Card { credential, proof: Proof::Message },
            Examined::Cloned(credential) => ReaderHappening::Cloned(credential),
            Examined::Unreadable if self.may_try_again(&target.card) => return Ok(()),
            Examined::Unreadable => by_number,
        };
        self.unreadable = None;
        self.field.presented(&target.card);
        self.desk.present(now, what).await?;
        Ok(())
    }

    async fn examine<S>(&self, module: &mut Dialogue<'_, S>, target: &Target) -> Examined
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match &self.examiner {
            Some(examiner) if target.answers => {
                examiner.examine(&target.card, &mut Card { module, number: target.number }).await
            }
            _ => Examined::ByNumber,
        }
    }

    fn may_try_again(&mut self, card: &CardNumber) -> bool {
        let tried = match self.unreadable {
            Some((last, tried)) if last == *card => tried + 1,
            _ => 1,
        };
        self.unreadable = Some((*card, tried));
        tried < EXAMINATIONS
    }

    /// Counts what was wrong, and tells what is due.
    fn settle<S>(&mut self, module: &mut Dialogue<'_, S>) -> Told
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        for fault in module.faults() {
            self.desk.fault(fault);
        }
        self.desk.on_time(Instant::now())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<S> for Pn532 {
    fn desks(&mut self) -> &mut [Desk] {
        std::slice::from_mut(&mut self.desk)
    }

    async fn converse(&mut self, line: &mut S) -> Result<DownReason, NobodyListens> {
        let mut module = Dialogue::new(line);
        loop {
            let end = self.attend(&mut module).await;
            self.settle(&mut module)?;
            match end {
                Err(End::Nobody(nobody)) => return Err(nobody),
                Err(End::Unanswered(Unanswered::Lost(reason))) => return Ok(reason),
                // It may have lost its power for a moment, and works again once it is woken and set up.
                Ok(()) | Err(End::Unanswered(Unanswered::Silent | Unanswered::Refused)) if self.is_set_up => {
                    sleep(POLL_EVERY).await;
                }
                Ok(()) | Err(End::Unanswered(Unanswered::Silent | Unanswered::Refused)) => {
                    self.desk.down(Instant::now(), module.silence_means()).await?;
                    sleep(WAKE_EVERY).await;
                }
            }
        }
    }
}

/// A card that lies there, to be talked to.
struct Card<'a, 'b, S> {
    module: &'a mut Dialogue<'b, S>,
    number: u8,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Exchange for Card<'_, '_, S> {
    fn transceive<'a>(&'a mut self, apdu: &'a [u8]) -> Boxed<'a, Result<Vec<u8>, ExchangeError>> {
        Box::pin(self.exchange(apdu))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Card<'_, '_, S> {
    async fn exchange(&mut self, apdu: &[u8]) -> Result<Vec<u8>, ExchangeError> {
        if apdu.len() > MAX_APDU_BYTES {
            return Err(ExchangeError::TooLong);
        }
        let mut answer = Vec::new();
        let mut command = [&[self.number], apdu].concat();
        loop {
            let part = self.module.ask(IN_DATA_EXCHANGE, &command).await.map_err(|why| match why {
                Unanswered::Refused => ExchangeError::TooLong,
                Unanswered::Lost(_) | Unanswered::Silent => ExchangeError::ReaderGone,
            })?;
            let Some((status, part)) = part.split_first() else { return Err(ExchangeError::CardGone) };
            if status & ERROR_BITS != 0 || answer.len() + part.len() > MAX_APDU_BYTES {
                return Err(ExchangeError::CardGone);
            }
            answer.extend_from_slice(part);
            if status & MORE == 0 {
                return Ok(answer);
            }
            command.truncate(1);
        }
    }
}
