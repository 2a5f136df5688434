//! Where one reader's news is taken in and passed on to the shell, whatever the reader speaks.

use std::{sync::Arc, time::Duration};

use schoolgate_core::{credential::CredentialId, id::ReaderId};
use tokio::{sync::mpsc, time::Instant};

use super::{
    CardNumber, DownReason, Examined, Fault, FaultCounts, Proof, ReaderCounters, ReaderEvent, ReaderHappening, Trouble,
    Unsaid,
    card_key::CardKey,
    flood::{Flood, Verdict},
    presence::{Confirmation, Presence},
};

/// Least time between two reports of faults.
pub const FAULT_REPORT_EVERY: Duration = Duration::from_secs(10);

/// A scanner that is held before the same code reads it again and again: only after so long without it is it another
/// presentation. As long as the core takes two taps of a card for one.
pub const SCAN_AGAIN_AFTER: Duration = Duration::from_secs(3);

/// Nobody takes the events any more: the reader's task may end.
#[derive(Debug)]
pub struct NobodyListens;

/// Whether somebody took it.
pub type Told = Result<(), NobodyListens>;

/// One reader's desk: counts what comes over its line, reports a card once however often the reader repeats it, and
/// sends events.
pub struct Desk {
    reader: ReaderId,
    card_key: CardKey,
    counters: Arc<ReaderCounters>,
    events: mpsc::Sender<ReaderEvent>,
    presence: Presence<CardNumber>,
    /// How well a card read here is known.
    proof: Proof,
    /// The latest scan, and when it was read last.
    scanned: Option<(Unsaid, Instant)>,
    flood: Flood,
    /// What the line was said to look like when it was said to be another one's.
    unintelligible: Option<Trouble>,
    /// What was told last about the reader being heard.
    standing: Option<Standing>,
    unreported: FaultCounts,
    next_fault_report: Option<Instant>,
}

#[derive(PartialEq)]
enum Standing {
    Up,
    Down(DownReason),
}

impl Desk {
    /// The desk of a reader whose events go to `events`.
    pub fn new(reader: ReaderId, card_key: CardKey, events: mpsc::Sender<ReaderEvent>) -> Self {
        Self {
            reader,
            card_key,
            counters: Arc::default(),
            events,
            presence: Presence::new(Confirmation::First),
            proof: Proof::Number,
            scanned: None,
            flood: Flood::default(),
            unintelligible: None,
            standing: None,
            unreported: FaultCounts::default(),
            next_fault_report: None,
        }
    }

    /// The same reader, believing a card only after so many frames.
    #[must_use]
    pub fn with_confirmation(self, confirmation: Confirmation) -> Self {
        Self { presence: Presence::new(confirmation), ..self }
    }

    /// The same reader, whose cards are known so well.
    #[must_use]
    pub fn with_proof(self, proof: Proof) -> Self {
        Self { proof, ..self }
    }

    /// The reader's totals, which stay readable while it runs.
    pub fn counters(&self) -> Arc<ReaderCounters> {
        Arc::clone(&self.counters)
    }

    /// The reader.
    pub fn reader(&self) -> &ReaderId {
        &self.reader
    }

    /// The credential of a card with this number.
    pub fn credential(&self, card: &CardNumber) -> CredentialId {
        self.card_key.credential(card.kind().name(), card.bytes())
    }

    pub(super) fn note_opening(&self) {
        self.counters.add_opening();
    }

    /// The reader is heard. Told if it was not before.
    pub async fn up(&mut self, now: Instant) -> Told {
        if self.standing == Some(Standing::Up) {
            return Ok(());
        }
        self.standing = Some(Standing::Up);
        self.counters.note_down(None);
        self.heard(now);
        self.tell(now, ReaderHappening::Up).await
    }

    /// The reader was heard, whatever it said. [`card`](Self::card) and its like note it themselves.
    pub fn heard(&self, now: Instant) {
        self.counters.note_heard(now.into_std());
    }

    /// The reader can't be heard. Told if that is news.
    pub async fn down(&mut self, now: Instant, reason: DownReason) -> Told {
        if !self.is_news(&reason) {
            return Ok(());
        }
        self.standing = Some(Standing::Down(reason.clone()));
        self.counters.note_down(Some(reason.clone()));
        self.tell(now, ReaderHappening::Down(reason)).await
    }

    /// A port that isn't there is what one expects after it was lost; anything else somebody has to put right.
    fn is_news(&self, reason: &DownReason) -> bool {
        match &self.standing {
            None | Some(Standing::Up) => true,
            Some(Standing::Down(told)) => told != reason && *reason != DownReason::NotThere,
        }
    }

    /// A card's number was read, as readers do again and again while it lies there. Told if it is a new presentation.
    pub async fn card(&mut self, now: Instant, card: CardNumber) -> Told {
        self.sound(now);
        if self.presence.frame(now.into_std(), card) {
            let credential = self.credential(&card);
            self.present(now, ReaderHappening::Card { credential, proof: self.proof }).await?;
        }
        Ok(())
    }

    /// A card was looked at closer, once, after it was laid down. Nothing is told of one that can't be read.
    pub async fn examined(&mut self, now: Instant, card: &CardNumber, examined: Examined) -> Told {
        let what = match examined {
            Examined::ByNumber => ReaderHappening::Card { credential: self.credential(card), proof: Proof::Number },
            Examined::Genuine { credential, counter } => {
                ReaderHappening::Card { credential, proof: Proof::SecureMessage { counter } }
            }
            Examined::Cloned(credential) => ReaderHappening::Cloned(credential),
            Examined::Unreadable => return Ok(()),
        };
        self.present(now, what).await
    }

    /// A poll was answered, with so many cards.
    pub(super) fn polled(&self, now: Instant, cards: usize) {
        self.heard(now);
        (0..cards).for_each(|_| self.counters.add_frame());
    }

    /// A line of text was scanned. Told unless it was just now.
    pub async fn text(&mut self, now: Instant, text: String) -> Told {
        let text = Unsaid::new(text);
        if self.is_new_scan(now, &text) {
            self.present(now, ReaderHappening::Text(text)).await?;
        }
        Ok(())
    }

    /// A code was scanned. Told unless it was just now.
    pub async fn scanned_digits(&mut self, now: Instant, digits: String) -> Told {
        let digits = Unsaid::new(digits);
        if self.is_new_scan(now, &digits) {
            self.present(now, ReaderHappening::Digits(digits)).await?;
        }
        Ok(())
    }

    /// Digits were typed.
    pub async fn digits(&mut self, now: Instant, digits: String) -> Told {
        self.sound(now);
        self.present(now, ReaderHappening::Digits(Unsaid::new(digits))).await
    }

    fn sound(&self, now: Instant) {
        self.heard(now);
        self.counters.add_frame();
    }

    fn is_new_scan(&mut self, now: Instant, text: &Unsaid) -> bool {
        self.sound(now);
        let again = self.scanned.as_ref().is_some_and(|(last, at)| last == text && now < *at + SCAN_AGAIN_AFTER);
        self.scanned = Some((text.clone(), now));
        !again
    }

    /// A presentation that is known to be a new one. Told unless the reader goes on presenting more than people could.
    pub async fn present(&mut self, now: Instant, what: ReaderHappening) -> Told {
        let (verdict, flood_begins) = self.flood.take(now);
        if flood_begins {
            self.trouble(now, Trouble::Flood, true).await?;
        }
        if verdict == Verdict::Drop {
            self.counters.add_dropped();
            return Ok(());
        }
        self.counters.add_presentation();
        self.tell(now, what).await
    }

    /// Something has come of what was said, or it has not: the line is another one's. Told when it changes.
    pub async fn unintelligible(&mut self, now: Instant, trouble: Option<Trouble>) -> Told {
        if self.unintelligible == trouble {
            return Ok(());
        }
        if let Some(trouble) = std::mem::replace(&mut self.unintelligible, trouble) {
            self.trouble(now, trouble, false).await?;
        }
        if let Some(trouble) = trouble {
            self.trouble(now, trouble, true).await?;
        }
        Ok(())
    }

    async fn trouble(&mut self, now: Instant, trouble: Trouble, on: bool) -> Told {
        self.counters.note_trouble(trouble, on);
        self.tell(now, ReaderHappening::Trouble { trouble, on }).await
    }

    /// Something was wrong on the line.
    pub fn fault(&mut self, fault: Fault) {
        self.counters.add_fault(fault);
        self.unreported.add(fault);
    }

    /// When [`on_time`](Self::on_time) has something to do; never if none.
    pub fn wake_at(&self) -> Option<Instant> {
        let report = self.next_fault_report.filter(|_| !self.unreported.is_empty());
        [report, self.flood.over_at()].into_iter().flatten().min()
    }

    /// Does what is due. To be called after faults and at [`wake_at`](Self::wake_at).
    pub fn on_time(&mut self, now: Instant) -> Told {
        if self.flood.is_over(now) {
            let over = self.event(now, ReaderHappening::Trouble { trouble: Trouble::Flood, on: false });
            match self.events.try_send(over) {
                Ok(()) => {
                    self.flood.end();
                    self.counters.note_trouble(Trouble::Flood, false);
                }
                Err(mpsc::error::TrySendError::Full(_)) => self.flood.put_off_end(now),
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(NobodyListens),
            }
        }
        self.report_faults(now)
    }

    fn report_faults(&mut self, now: Instant) -> Told {
        if self.unreported.is_empty() || self.next_fault_report.is_some_and(|at| now < at) {
            return Ok(());
        }
        self.next_fault_report = Some(now + FAULT_REPORT_EVERY);
        // Faults don't wait for a full queue: cards need it more, and the counts keep.
        match self.events.try_send(self.event(now, ReaderHappening::Faults(self.unreported))) {
            Ok(()) => self.unreported = FaultCounts::default(),
            Err(mpsc::error::TrySendError::Full(_)) => self.counters.add_queue_full(),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(NobodyListens),
        }
        Ok(())
    }

    /// Sends an event. While the shell's queue is full the line isn't read, so that bytes wait in the kernel and no
    /// card is dropped; the counter shows it.
    pub async fn tell(&mut self, at: Instant, what: ReaderHappening) -> Told {
        match self.events.try_send(self.event(at, what)) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(NobodyListens),
            Err(mpsc::error::TrySendError::Full(event)) => {
                self.counters.add_queue_full();
                self.events.send(event).await.map_err(|_closed| NobodyListens)
            }
        }
    }

    fn event(&self, at: Instant, what: ReaderHappening) -> ReaderEvent {
        ReaderEvent { reader: self.reader.clone(), at: at.into_std(), what }
    }
}
