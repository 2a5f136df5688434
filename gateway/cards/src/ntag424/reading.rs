//! The conversation by which a card gives out its NDEF file (ISO 7816-4, NFC Forum Type 4 Tag), without the line that
//! carries it: PN532 and PC/SC bring commands and answers.

use std::fmt;

/// Longest NDEF message that is read, in bytes: the file of an NTAG 424 DNA has 256, its length takes two.
pub const MAX_NDEF_BYTES: usize = 254;
/// Most commands that one reading takes.
pub const MAX_COMMANDS: usize = 6;

/// Selects the NDEF application.
const SELECT_APP: [u8; 13] = [0x00, 0xA4, 0x04, 0x00, 0x07, 0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01, 0x00];
/// Selects its NDEF file, E104.
const SELECT_FILE: [u8; 7] = [0x00, 0xA4, 0x00, 0x0C, 0x02, 0xE1, 0x04];
/// Bytes of the file read at once. A PN532 takes no more than 254 in its frame, and every card gives so many.
const CHUNK: usize = 120;
const OK: [u8; 2] = [0x90, 0x00];

/// A reading under way. Begin with [`Reading::begin`], bring every command to the card and its answer to
/// [`Reading::answer`], until there is no more to send.
///
/// The whole file is read in one go: an NTAG 424 DNA counts once for a series of readings behind a selection, so that all
/// its parts are of one message.
pub struct Reading {
    stage: Stage,
    ndef: Vec<u8>,
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    App,
    File,
    Length,
    Content,
}

/// What comes next.
#[derive(PartialEq, Eq)]
pub enum Step {
    /// Send this to the card.
    Send(Vec<u8>),
    /// The card's NDEF message.
    Ndef(Vec<u8>),
    /// The card has none: no such application or file, or it lets nobody read it.
    NoNdef,
    /// The answer is none that a card gives: the line is bad, or the card was taken away. Ask the card anew.
    Garbled,
}

/// Not what the card said: its number may be in it.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send(_) => "Send(…)",
            Self::Ndef(_) => "Ndef(***)",
            Self::NoNdef => "NoNdef",
            Self::Garbled => "Garbled",
        })
    }
}

impl Reading {
    /// A reading, and the first command.
    pub fn begin() -> (Self, Vec<u8>) {
        (Self { stage: Stage::App, ndef: Vec::new(), length: 0 }, SELECT_APP.to_vec())
    }

    /// Takes the card's answer to the last command, with its status bytes.
    pub fn answer(&mut self, answer: &[u8]) -> Step {
        let Some((data, status)) = answer.split_last_chunk::<2>() else { return Step::Garbled };
        if *status != OK {
            // 6xxx are the refusals of ISO 7816-4, 9xxx those that a card's maker chose; anything else is not from a card.
            return if matches!(status[0] & 0xF0, 0x60 | 0x90) { Step::NoNdef } else { Step::Garbled };
        }
        match self.stage {
            Stage::App => self.go_on(Stage::File, SELECT_FILE.to_vec()),
            Stage::File => self.go_on(Stage::Length, read(0, 2)),
            Stage::Length => {
                let Ok(length) = data.try_into().map(u16::from_be_bytes) else { return Step::Garbled };
                self.length = usize::from(length);
                if !(1..=MAX_NDEF_BYTES).contains(&self.length) {
                    return Step::NoNdef;
                }
                self.go_on_reading()
            }
            Stage::Content => {
                let wanted = (self.length - self.ndef.len()).min(CHUNK);
                if data.len() != wanted {
                    return Step::Garbled;
                }
                self.ndef.extend_from_slice(data);
                if self.ndef.len() == self.length {
                    Step::Ndef(std::mem::take(&mut self.ndef))
                } else {
                    self.go_on_reading()
                }
            }
        }
    }

    fn go_on_reading(&mut self) -> Step {
        let (from, left) = (2 + self.ndef.len(), self.length - self.ndef.len());
        self.go_on(Stage::Content, read(from, left.min(CHUNK)))
    }

    fn go_on(&mut self, stage: Stage, command: Vec<u8>) -> Step {
        self.stage = stage;
        Step::Send(command)
    }
}

/// READ BINARY: both fit in a byte, by [`MAX_NDEF_BYTES`] and [`CHUNK`].
fn read(from: usize, count: usize) -> Vec<u8> {
    let byte = |n: usize| u8::try_from(n).unwrap_or(u8::MAX);
    vec![0x00, 0xB0, 0x00, byte(from), byte(count)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Plays a card that answers so.
    fn play(mut card: impl FnMut(&[u8]) -> Vec<u8>) -> (Step, usize) {
        let (mut reading, mut command) = Reading::begin();
        let mut sent = 0;
        loop {
            sent += 1;
            match reading.answer(&card(&command)) {
                Step::Send(next) => command = next,
                end => return (end, sent),
            }
        }
    }

    fn file(ndef: &[u8]) -> impl FnMut(&[u8]) -> Vec<u8> {
        let bytes = [&u16::try_from(ndef.len()).unwrap().to_be_bytes(), ndef].concat();
        move |command| {
            let from_to = (command[1] == 0xB0)
                .then(|| usize::from(command[3])..usize::from(command[3]) + usize::from(command[4]));
            [from_to.map_or(&[][..], |part| &bytes[part]), &OK].concat()
        }
    }

    #[test]
    fn a_short_and_the_longest_message_are_read_whole() {
        for length in [1, 119, 120, 121, 240, 241, MAX_NDEF_BYTES] {
            let ndef: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let (step, sent) = play(file(&ndef));
            assert_eq!(step, Step::Ndef(ndef));
            assert!(sent <= MAX_COMMANDS, "{sent}");
        }
    }

    #[test]
    fn an_empty_file_and_one_that_is_too_long_to_be_true_have_no_message() {
        assert_eq!(play(file(&[])).0, Step::NoNdef);
        assert_eq!(play(|_| vec![0x01, 0x00, 0x90, 0x00]).0, Step::NoNdef);
    }

    #[test]
    fn a_card_without_the_application_has_no_message() {
        for status in [[0x6A, 0x82], [0x6D, 0x00], [0x69, 0x82], [0x91, 0x7E]] {
            assert_eq!(play(|_| status.to_vec()).0, Step::NoNdef);
        }
    }

    #[test]
    fn an_answer_that_no_card_gives_asks_for_another_try() {
        assert_eq!(play(|_| vec![]).0, Step::Garbled);
        assert_eq!(play(|_| vec![0x90]).0, Step::Garbled);
        assert_eq!(play(|_| vec![0x12, 0x34]).0, Step::Garbled);
        let mut whole = file(&[7; 30]);
        let cut = move |command: &[u8]| {
            let answer = whole(command);
            if answer.len() > 20 { answer[1..].to_vec() } else { answer }
        };
        assert_eq!(play(cut).0, Step::Garbled);
    }

    proptest! {
        #[test]
        fn whatever_a_card_answers_the_reading_ends(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..130), 10)) {
            let mut answers = answers.into_iter();
            let (_, sent) = play(|_| { let mut a = answers.next().unwrap_or_default(); a.extend(OK); a });
            prop_assert!(sent <= MAX_COMMANDS);
        }
    }
}
