//! The module itself: bytes in, bytes out, no line and no clock.

use std::fmt;

const ACK: [u8; 6] = [0x00, 0x00, 0xFF, 0x00, 0xFF, 0x00];
const NACK: [u8; 6] = [0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00];
/// "Syntax error detected by the application level" (UM0701-02, 6.2.1.5).
const ERROR: [u8; 8] = [0x00, 0x00, 0xFF, 0x01, 0xFF, 0x7F, 0x81, 0x00];
/// What InDataExchange gives when the card does not answer (UM0701-02, 7.1).
const TIMED_OUT: u8 = 0x01;
const MORE: u8 = 0x40;
/// The most bytes of a card in one answer (UM0701-02, 7.3.8).
const MAX_PART: usize = 262;

/// What a card that speaks ISO/IEC 14443-4 answers to a command APDU.
pub(super) type Answers = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// A card to lay on the module.
pub struct VirtualCard {
    uid: Vec<u8>,
    answers: Option<Answers>,
}

impl VirtualCard {
    /// A card that has nothing but its UID, of 4, 7 or 10 bytes.
    pub fn new(uid: &[u8]) -> Self {
        Self { uid: uid.to_vec(), answers: None }
    }

    /// A card that speaks ISO/IEC 14443-4 and answers like this.
    #[must_use]
    pub fn answering(self, answers: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) -> Self {
        Self { answers: Some(Box::new(answers)), ..self }
    }

    /// SENS_RES, SEL_RES, NFCIDLength, NFCID, and what it answers to select if it does.
    fn listed(&self) -> Vec<u8> {
        let atqa = match self.uid.len() {
            4 => 0x04,
            7 => 0x44,
            _ => 0x84,
        };
        let sak = if self.answers.is_some() { 0x20 } else { 0x08 };
        let mut listed = vec![0x00, atqa, sak, u8::try_from(self.uid.len()).unwrap_or_default()];
        listed.extend_from_slice(&self.uid);
        if self.answers.is_some() {
            listed.extend([0x05, 0x78, 0x80, 0x70, 0x02]);
        }
        listed
    }
}

impl fmt::Debug for VirtualCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "card of {} bytes", self.uid.len())
    }
}

/// A PN532.
#[derive(Debug, Default)]
pub struct Module {
    held: Vec<u8>,
    awake: bool,
    set_up: bool,
    /// Whether a poll ends when no card comes; else it goes on until one does.
    polls_end: bool,
    waits_for_card: Option<u8>,
    cards: Vec<VirtualCard>,
    /// UIDs of the cards that are selected, by their numbers.
    selected: Vec<Vec<u8>>,
    /// What the card has still to say.
    rest: Vec<u8>,
    last: Vec<u8>,
    mute: bool,
    commands: u64,
}

impl Module {
    /// Lays a card down.
    pub fn lay_down(&mut self, card: VirtualCard) {
        self.cards.push(card);
    }

    /// Takes the card with this UID away.
    pub fn take_away(&mut self, uid: &[u8]) {
        self.cards.retain(|card| card.uid != uid);
        self.selected.retain(|selected| selected != uid);
    }

    /// It loses its power for a moment: it sleeps, and has forgotten how it was set up.
    pub fn power_off(&mut self) {
        let (cards, mute) = (std::mem::take(&mut self.cards), self.mute);
        *self = Self { cards, mute, commands: self.commands, ..Self::default() };
    }

    /// Whether it is broken, and says nothing at all.
    pub fn set_mute(&mut self, mute: bool) {
        self.mute = mute;
    }

    /// Commands it has got, repeated ones included.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// Takes what the host sends, and gives what it answers.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.mute {
            return Vec::new();
        }
        self.held.extend_from_slice(bytes);
        if !self.awake {
            let Some(woken_by) = self.held.iter().position(|byte| *byte == 0x55) else {
                self.held.clear();
                return Vec::new();
            };
            self.held.drain(..=woken_by);
            self.awake = true;
        }
        let mut out = self.card_has_come();
        while let Some(heard) = self.next() {
            match heard {
                Heard::Ack => self.waits_for_card = None,
                Heard::Nack => out.extend_from_slice(&self.last),
                Heard::Command(command) => out.extend(self.command(&command)),
            }
        }
        out
    }

    /// What it says by itself: that a card has come for which a poll was waiting.
    pub fn card_has_come(&mut self) -> Vec<u8> {
        match self.waits_for_card {
            Some(most) if !self.cards.is_empty() => {
                self.waits_for_card = None;
                self.list(most)
            }
            _ => Vec::new(),
        }
    }

    fn command(&mut self, command: &[u8]) -> Vec<u8> {
        self.commands += 1;
        let [code, parameters @ ..] = command else { return Vec::new() };
        // Asleep in all but name: it hears nothing but how it is to be set up.
        if !self.set_up && *code != 0x14 {
            return Vec::new();
        }
        self.waits_for_card = None;
        let answer = match (code, parameters) {
            (0x14, [0x01, ..]) => {
                self.set_up = true;
                self.answer(0x15, &[])
            }
            (0x02, []) => self.answer(0x03, &[0x32, 0x01, 0x06, 0x07]),
            (0x32, [0x05, _, _, activation]) => {
                self.polls_end = *activation != 0xFF;
                self.answer(0x33, &[])
            }
            (0x4A, [most @ 1..=2, 0x00]) => self.poll(*most),
            (0x52, [_]) => {
                self.selected.clear();
                self.answer(0x53, &[0x00])
            }
            (0x40, [number, data @ ..]) => self.exchange(*number, data),
            _ => {
                self.last = ERROR.to_vec();
                self.last.clone()
            }
        };
        [&ACK[..], &answer].concat()
    }

    fn poll(&mut self, most: u8) -> Vec<u8> {
        let anybody = self.cards.iter().any(|card| self.would_answer(card));
        if !anybody && !self.polls_end {
            self.waits_for_card = Some(most);
            return Vec::new();
        }
        self.list(most)
    }

    /// A card that was selected and not released does not answer a poll if it speaks part 4.
    fn would_answer(&self, card: &VirtualCard) -> bool {
        card.answers.is_none() || !self.selected.contains(&card.uid)
    }

    fn list(&mut self, most: u8) -> Vec<u8> {
        let found: Vec<&VirtualCard> =
            self.cards.iter().filter(|card| self.would_answer(card)).take(most.into()).collect();
        let mut data = vec![u8::try_from(found.len()).unwrap_or_default()];
        for (number, card) in (1..).zip(&found) {
            data.push(number);
            data.extend(card.listed());
        }
        self.selected = found.iter().map(|card| card.uid.clone()).collect();
        self.rest.clear();
        self.answer(0x4B, &data)
    }

    fn exchange(&mut self, number: u8, apdu: &[u8]) -> Vec<u8> {
        if !apdu.is_empty() {
            let selected = self.selected.get(usize::from(number).wrapping_sub(1));
            let card = self.cards.iter_mut().find(|card| Some(&card.uid) == selected);
            match card.and_then(|card| card.answers.as_mut()) {
                Some(answers) => self.rest = answers(apdu),
                None => return self.answer(0x41, &[TIMED_OUT]),
            }
        }
        let later = self.rest.split_off(self.rest.len().min(MAX_PART));
        let now = std::mem::replace(&mut self.rest, later);
        let status = if self.rest.is_empty() { 0 } else { MORE };
        self.answer(0x41, &[&[status], &now[..]].concat())
    }

    fn answer(&mut self, code: u8, data: &[u8]) -> Vec<u8> {
        self.last = frame(&[&[0xD5, code], data].concat());
        self.last.clone()
    }

    /// The next thing that the host has said. What is damaged is not heard.
    fn next(&mut self) -> Option<Heard> {
        loop {
            let start = self.held.windows(2).position(|pair| pair == [0x00, 0xFF])?;
            self.held.drain(..start);
            let behind = self.held.get(2..)?;
            let (header, length) = match *behind {
                [0x00, 0xFF, ..] => {
                    self.held.drain(..4);
                    return Some(Heard::Ack);
                }
                [0xFF, 0x00, ..] => {
                    self.held.drain(..4);
                    return Some(Heard::Nack);
                }
                [0xFF, 0xFF, high, low, check, ..] if high.wrapping_add(low).wrapping_add(check) == 0 => {
                    (5, usize::from(u16::from_be_bytes([high, low])))
                }
                [0xFF, 0xFF] | [0xFF, 0xFF, _] | [0xFF, 0xFF, _, _] | [_] | [] => return None,
                [length, check, ..] if length.wrapping_add(check) == 0 => (2, usize::from(length)),
                _ => {
                    self.held.drain(..2);
                    continue;
                }
            };
            let whole = behind.get(header..header + length + 1)?;
            let sound = whole.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0;
            let command = match whole {
                [0xD4, command @ .., _check] if sound => Some(command.to_vec()),
                _ => None,
            };
            self.held.drain(..if command.is_some() { 2 + header + length + 1 } else { 2 });
            if let Some(command) = command {
                return Some(Heard::Command(command));
            }
        }
    }
}

enum Heard {
    Ack,
    Nack,
    Command(Vec<u8>),
}

fn frame(data: &[u8]) -> Vec<u8> {
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg();
    let header = match u8::try_from(data.len()) {
        Ok(length) if length < 0xFF => vec![length, length.wrapping_neg()],
        _ => {
            let [high, low] = u16::try_from(data.len()).unwrap_or_default().to_be_bytes();
            vec![0xFF, 0xFF, high, low, high.wrapping_add(low).wrapping_neg()]
        }
    };
    [&[0x00, 0x00, 0xFF], &header[..], data, &[sum, 0x00]].concat()
}

/// The host's acknowledgement and its wish for a repetition are heard by what stands behind their start.
const _: () = assert!(ACK[3] == 0x00 && NACK[3] == 0xFF);
