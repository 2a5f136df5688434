//! The card as a reader meets it: commands in, answers out (ISO 7816-4).

use aes::{
    Aes128,
    cipher::{Array, BlockCipherEncrypt, KeyInit},
};
use cmac::{Cmac, Mac};

const OK: [u8; 2] = [0x90, 0x00];
const NOT_FOUND: [u8; 2] = [0x6A, 0x82];
const WRONG_LENGTH: [u8; 2] = [0x67, 0x00];
const UNKNOWN_COMMAND: [u8; 2] = [0x6D, 0x00];
const OUT_OF_FILE: [u8; 2] = [0x6A, 0x86];

const NDEF_APP: [u8; 7] = [0xD2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01];
const CC_FILE: [u8; 2] = [0xE1, 0x03];
const NDEF_FILE: [u8; 2] = [0xE1, 0x04];
/// Capability container: version 2.0, reads of 256 bytes, one NDEF file E104 of 256 bytes, free to read.
const CC: [u8; 15] = [0x00, 0x0F, 0x20, 0x01, 0x00, 0x00, 0xFF, 0x04, 0x06, 0xE1, 0x04, 0x01, 0x00, 0x00, 0xFF];
/// The NDEF file's size.
const FILE_BYTES: usize = 256;

/// What can be laid on a reader.
pub trait Card: Send {
    /// Its number, as the reader sees it.
    fn number(&self) -> Vec<u8>;
    /// It came into the field.
    fn power_on(&mut self);
    /// Its answer to a command, with the status bytes.
    fn answer(&mut self, command: &[u8]) -> Vec<u8>;
}

/// How the text on the card is laid out; `{…}` is where the card puts what it mirrors.
#[derive(Clone, Debug)]
pub enum Layout {
    /// Number and counter encrypted: behind this come 32 digits, then the second part, then the code.
    Encrypted(String, String),
    /// In the open: number, second part, counter, third part, code.
    Plain(String, String, String),
}

impl Layout {
    /// With NXP's names.
    pub fn encrypted() -> Self {
        Self::Encrypted("https://card.example/t?picc_data=".into(), "&cmac=".into())
    }

    /// In the open, with NXP's names.
    pub fn plain() -> Self {
        Self::Plain("https://card.example/t?uid=".into(), "&ctr=".into(), "&cmac=".into())
    }
}

/// An NTAG 424 DNA with secure dynamic messaging.
#[derive(Clone, Debug)]
pub struct Ntag424 {
    uid: [u8; 7],
    meta_key: [u8; 16],
    file_key: [u8; 16],
    layout: Layout,
    /// SDMReadCtr: how often it was read.
    counter: u32,
    /// Filling of the encrypted data; a real card takes it from chance.
    padding: [u8; 5],
    session: Session,
}

/// What is selected, and the file as this series of readings sees it.
#[derive(Clone, Debug, Default)]
struct Session {
    app: bool,
    file: Option<[u8; 2]>,
    seen: Option<Vec<u8>>,
}

impl Ntag424 {
    /// A card with this number and these keys (SDMMetaRead and SDMFileRead), never read before.
    pub fn new(uid: [u8; 7], meta_key: [u8; 16], file_key: [u8; 16], layout: Layout) -> Self {
        Self { uid, meta_key, file_key, layout, counter: 0, padding: [0x5A; 5], session: Session::default() }
    }

    /// The same card, read so often before.
    #[must_use]
    pub fn read_before(self, counter: u32) -> Self {
        Self { counter, ..self }
    }

    /// How often it was read.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// Reads it once more and gives the text, as a phone held to it in the street would.
    pub fn read_text(&mut self) -> String {
        self.counter = (self.counter + 1) & 0x00FF_FFFF;
        self.text()
    }

    fn text(&self) -> String {
        let code = hex(&self.code());
        match &self.layout {
            Layout::Encrypted(before, between) => format!("{before}{}{between}{code}", hex(&self.picc())),
            Layout::Plain(before, between, last) => {
                format!("{before}{}{between}{:06X}{last}{code}", hex(&self.uid), self.counter)
            }
        }
    }

    fn counter_bytes(&self) -> [u8; 3] {
        let [a, b, c, _] = self.counter.to_le_bytes();
        [a, b, c]
    }

    /// PICCENCData: E(meta key; C7 ‖ UID ‖ counter ‖ padding), AES-128 CBC with IV 0.
    fn picc(&self) -> [u8; 16] {
        let plain = [&[0xC7][..], &self.uid, &self.counter_bytes(), &self.padding].concat();
        let mut block = Array(std::array::from_fn(|n| plain.get(n).copied().unwrap_or_default()));
        <Aes128 as KeyInit>::new(&Array(self.meta_key)).encrypt_block(&mut block);
        block.0
    }

    /// SDMMAC over nothing, with the session key of this counter.
    fn code(&self) -> [u8; 8] {
        let vector = [&[0x3C, 0xC3, 0x00, 0x01, 0x00, 0x80][..], &self.uid, &self.counter_bytes()].concat();
        let whole = cmac(&cmac(&self.file_key, &vector), &[]);
        std::array::from_fn(|n| whole.get(2 * n + 1).copied().unwrap_or_default())
    }

    fn select(&mut self, command: &[u8]) -> [u8; 2] {
        let data = command.get(5..).and_then(|rest| rest.get(..usize::from(command.get(4).copied()?)));
        self.session.seen = None;
        match (command.get(2), data) {
            (Some(0x04), Some(name)) if *name == NDEF_APP => {
                self.session = Session { app: true, ..Session::default() };
                OK
            }
            (Some(0x00), Some(id)) if self.session.app && (*id == CC_FILE || *id == NDEF_FILE) => {
                self.session.file = id.try_into().ok();
                OK
            }
            _ => NOT_FOUND,
        }
    }

    fn read(&mut self, command: &[u8]) -> Vec<u8> {
        let &[_, _, high, low, wanted] = command else { return WRONG_LENGTH.to_vec() };
        let from = usize::from(u16::from_be_bytes([high, low]));
        let wanted = if wanted == 0 { FILE_BYTES } else { usize::from(wanted) };
        let file = match self.session.file {
            Some(CC_FILE) => CC.to_vec(),
            Some(NDEF_FILE) => self.message(),
            _ => return NOT_FOUND.to_vec(),
        };
        match file.get(from..(from + wanted).min(file.len())) {
            Some(part) => [part, &OK].concat(),
            None => OUT_OF_FILE.to_vec(),
        }
    }

    /// The file in this series of readings: the first one counts, those that follow it see the same.
    fn message(&mut self) -> Vec<u8> {
        if self.session.seen.is_none() {
            self.counter = (self.counter + 1) & 0x00FF_FFFF;
        }
        let file = self.session.seen.take().unwrap_or_else(|| file_of(&self.text()));
        self.session.seen = Some(file.clone());
        file
    }
}

impl Card for Ntag424 {
    fn number(&self) -> Vec<u8> {
        self.uid.to_vec()
    }

    fn power_on(&mut self) {
        self.session = Session::default();
    }

    fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        match command {
            [0x00, 0xA4, ..] => self.select(command).to_vec(),
            [0x00, 0xB0, ..] => self.read(command),
            _ => UNKNOWN_COMMAND.to_vec(),
        }
    }
}

/// A card that has nothing but its number.
#[derive(Clone, Debug)]
pub struct Plain(pub Vec<u8>);

impl Card for Plain {
    fn number(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn power_on(&mut self) {}

    fn answer(&mut self, _command: &[u8]) -> Vec<u8> {
        UNKNOWN_COMMAND.to_vec()
    }
}

/// A copy: any number, and a text that was read from a real card and is shown for ever.
#[derive(Clone, Debug)]
pub struct Replay {
    number: Vec<u8>,
    text: String,
    session: Session,
}

impl Replay {
    /// A copy with this number that shows this text.
    pub fn new(number: &[u8], text: impl Into<String>) -> Self {
        Self { number: number.to_vec(), text: text.into(), session: Session::default() }
    }
}

impl Card for Replay {
    fn number(&self) -> Vec<u8> {
        self.number.clone()
    }

    fn power_on(&mut self) {
        self.session = Session::default();
    }

    fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        // It selects and reads as the real one does; only the text is dead.
        let mut dead = Ntag424::new([0; 7], [0; 16], [0; 16], Layout::plain());
        dead.session = Session { seen: Some(file_of(&self.text)), ..self.session.clone() };
        let answer = dead.answer(command);
        self.session = dead.session;
        answer
    }
}

/// An NDEF message of one web address.
pub fn ndef_of(address: &str) -> Vec<u8> {
    let (code, rest) = match address.strip_prefix("https://") {
        Some(rest) => (0x04, rest),
        None => (0x00, address),
    };
    let payload = [&[code][..], rest.as_bytes()].concat();
    let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
    [&[0xD1, 0x01, length, b'U'][..], &payload].concat()
}

fn file_of(address: &str) -> Vec<u8> {
    let ndef = ndef_of(address);
    let length = u16::try_from(ndef.len()).unwrap_or_default();
    let mut file = [&length.to_be_bytes()[..], &ndef].concat();
    file.resize(FILE_BYTES, 0);
    file
}

fn cmac(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    let mut mac = <Cmac<Aes128> as KeyInit>::new(&Array(*key));
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
