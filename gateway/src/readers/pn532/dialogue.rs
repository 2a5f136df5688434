//! One command to the PN532 and its answer, in spite of a bad line.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout, timeout_at},
};

use super::frame::{ACK, Frame, FrameDecoder, MAX_HELD, NACK, encode};
use crate::readers::{DownReason, Fault, port::lost_because, recognise::Recogniser};

/// How long the module may take to say that it got a command. It does so within 15 ms (UM0701-02, 6.2.2); the rest is for
/// the USB adapter and a machine under load.
pub const ACK_PATIENCE: Duration = Duration::from_millis(100);

/// How long the module may take to answer a command that it got. With the retries that it is told to make, a poll takes
/// less than 40 ms.
pub const ANSWER_PATIENCE: Duration = Duration::from_millis(300);

/// How often a command is sent before the module counts as silent.
pub const ATTEMPTS: u32 = 3;

/// Repetitions of an answer that are asked for, each time a command is sent.
const REPETITIONS: u32 = 2;

/// What wakes the module from its sleep: bytes that it may lose, long enough for its clock to start (UM0701-02, 7.2.11).
const WAKE: [u8; 16] = [0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The line is lost.
    Lost(DownReason),
    /// The module is silent, or makes no sense.
    Silent,
    /// The module can't do what it was told.
    Refused,
}

/// An open line to a PN532.
pub(super) struct Dialogue<'a, S> {
    line: &'a mut S,
    decoder: FrameDecoder,
    /// What was wrong, until somebody counts it.
    faults: Vec<Fault>,
    recogniser: Recogniser,
    sleeps: bool,
}

/// What came, while waiting.
enum Came {
    Frame(Frame),
    Damaged,
    Nothing,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin + Send> Dialogue<'a, S> {
    /// Over a line at whose end a module sleeps.
    pub(super) fn new(line: &'a mut S) -> Self {
        Self { line, decoder: FrameDecoder::new(), faults: Vec::new(), recogniser: Recogniser::default(), sleeps: true }
    }

    /// The module may have lost its power: wakes it with the next command.
    pub(super) fn is_asleep(&mut self) {
        self.sleeps = true;
    }

    /// What was wrong since the last call.
    pub(super) fn faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    /// Why a silent module is silent, as far as one can tell from what came.
    pub(super) fn silence_means(&self) -> DownReason {
        self.recogniser.verdict().map_or(DownReason::NoAnswer, DownReason::Unintelligible)
    }

    /// Sends a command until it is answered, and gives the answer's parameters.
    pub(super) async fn ask(&mut self, code: u8, parameters: &[u8]) -> Result<Vec<u8>, Unanswered> {
        let Some(frame) = encode(code, parameters) else { return Err(Unanswered::Refused) };
        for _attempt in 0..ATTEMPTS {
            self.send_command(&frame).await?;
            if !self.is_acknowledged().await? {
                continue;
            }
            match self.answer(code).await? {
                Some(answer) => {
                    self.sleeps = false;
                    self.recogniser.sound();
                    return answer;
                }
                // It may be at work still: an ACK makes it give up, and be ready for the next command.
                None => self.send(&ACK).await?,
            }
        }
        Err(Unanswered::Silent)
    }

    async fn send_command(&mut self, frame: &[u8]) -> Result<(), Unanswered> {
        let left = self.decoder.clear();
        if left > 0 {
            self.note(Fault::CUT_SHORT);
        }
        match self.sleeps {
            true => self.send(&[&WAKE, frame].concat()).await,
            false => self.send(frame).await,
        }
    }

    async fn is_acknowledged(&mut self) -> Result<bool, Unanswered> {
        let until = Instant::now() + ACK_PATIENCE;
        loop {
            match self.next(until).await? {
                Came::Frame(Frame::Ack) => {
                    self.recogniser.sound();
                    return Ok(true);
                }
                Came::Frame(Frame::Nack) => return Ok(false),
                // Of an earlier command, that came too late.
                Came::Frame(Frame::Answer { .. } | Frame::Error) => self.note(Fault::UNEXPECTED),
                Came::Damaged => {}
                Came::Nothing => {
                    self.note(Fault::NO_ANSWER);
                    return Ok(false);
                }
            }
        }
    }

    /// The answer, or that it was refused; none if it doesn't come whole.
    async fn answer(&mut self, asked: u8) -> Result<Option<Result<Vec<u8>, Unanswered>>, Unanswered> {
        let mut until = Instant::now() + ANSWER_PATIENCE;
        let mut repetitions = 0;
        loop {
            match self.next(until).await? {
                Came::Frame(Frame::Answer { code, data }) if code == asked.wrapping_add(1) => {
                    return Ok(Some(Ok(data)));
                }
                Came::Frame(Frame::Error) => {
                    self.note(Fault::REFUSED);
                    return Ok(Some(Err(Unanswered::Refused)));
                }
                Came::Frame(_) => self.note(Fault::UNEXPECTED),
                Came::Damaged if repetitions < REPETITIONS => {
                    repetitions += 1;
                    self.send(&NACK).await?;
                    until = Instant::now() + ANSWER_PATIENCE;
                }
                Came::Damaged => {}
                Came::Nothing => {
                    self.note(Fault::NO_ANSWER);
                    return Ok(None);
                }
            }
        }
    }

    /// The next frame that comes, at the latest then.
    async fn next(&mut self, until: Instant) -> Result<Came, Unanswered> {
        let mut is_late = Instant::now() >= until;
        loop {
            match self.decoder.poll() {
                Some(Ok(frame)) => return Ok(Came::Frame(frame)),
                Some(Err(fault)) => {
                    let is_noise = fault.kind == Fault::GARBAGE_BYTE.kind;
                    self.note(fault);
                    if !is_noise {
                        return Ok(Came::Damaged);
                    }
                }
                // A line that never falls silent must not hold the command for ever.
                None if is_late => return Ok(Came::Nothing),
                None => {
                    let mut bytes = [0; MAX_HELD];
                    let read = match timeout_at(until, self.line.read(&mut bytes)).await {
                        Err(_elapsed) => return Ok(Came::Nothing),
                        Ok(Ok(0)) => return Err(Unanswered::Lost(DownReason::HungUp)),
                        Ok(Ok(count)) => bytes.get(..count).unwrap_or_default(),
                        Ok(Err(error)) => return Err(lost(&error)),
                    };
                    self.recogniser.unsound(Instant::now(), read);
                    self.decoder.push(read);
                    // What is read late may have come in time, so it is looked at.
                    is_late = Instant::now() >= until;
                }
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Unanswered> {
        let written = async {
            self.line.write_all(bytes).await?;
            self.line.flush().await
        };
        match timeout(ANSWER_PATIENCE, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(lost(&error)),
            // Nobody takes the bytes: as good as nobody there.
            Err(_elapsed) => Err(Unanswered::Silent),
        }
    }

    fn note(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
}

fn lost(error: &io::Error) -> Unanswered {
    Unanswered::Lost(lost_because(error))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::duplex,
        time::{advance, sleep},
    };

    use super::*;

    /// UM0701-02, 7.2.14: SAMConfiguration, and its answer.
    const SAM: (u8, [u8; 3]) = (0x14, [0x01, 0x14, 0x01]);
    const SAM_ANSWER: [u8; 9] = [0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x15, 0x16, 0x00];

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_late_counts() {
        let (mut near, mut far) = duplex(256);
        let asking = tokio::spawn(async move {
            let mut dialogue = Dialogue::new(&mut near);
            let answer = dialogue.ask(SAM.0, &SAM.1).await;
            (answer.is_ok_and(|answer| answer.is_empty()), dialogue.faults().len())
        });
        sleep(Duration::from_millis(10)).await;
        far.write_all(&[&ACK[..], &SAM_ANSWER].concat()).await.unwrap();
        advance(Duration::from_secs(1)).await;
        assert_eq!(asking.await.unwrap(), (true, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_never_falls_silent_does_not_hold_a_command_for_ever() {
        let (mut near, mut far) = duplex(256);
        tokio::spawn(async move {
            let damaged = [0x00, 0x00, 0xFF, 0x02, 0xFE, 0xD5, 0x15, 0x00, 0x00];
            while far.write_all(&damaged).await.is_ok() {
                sleep(Duration::from_millis(1)).await;
            }
        });
        let mut dialogue = Dialogue::new(&mut near);
        let asked = timeout(Duration::from_secs(10), dialogue.ask(SAM.0, &SAM.1)).await;
        assert!(matches!(asked, Ok(Err(Unanswered::Silent))), "{asked:?}");
    }
}
