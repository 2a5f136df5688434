//! What a line says that does not say what it should: another kind of reader, or another baud rate.

use std::time::Duration;

use tokio::time::Instant;

use super::{Decode, Decoded, em18, rdm6300, scanner};

/// So many bytes without a sound frame are no accident: three taps and more, at any kind of reader.
pub const WRONG_LINE_BYTES: u32 = 48;

/// They must have come within this time, so that a line that catches a stray byte now and then is not suspected.
pub const WRONG_LINE_WITHIN: Duration = Duration::from_secs(600);

/// Readers that are known by what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LooksLike {
    /// `kind = "rdm6300"`.
    Rdm6300,
    /// `kind = "em18"`.
    Em18,
    /// `kind = "scanner"`.
    Scanner,
}

impl LooksLike {
    /// As the configuration calls it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Rdm6300 => "rdm6300",
            Self::Em18 => "em18",
            Self::Scanner => "scanner",
        }
    }
}

/// Listens along for other kinds of readers for as long as nothing sound comes.
#[derive(Default)]
pub(super) struct Recogniser {
    rdm6300: rdm6300::Decoder,
    em18: em18::Decoder,
    scanner: scanner::Decoder,
    found: Option<LooksLike>,
    since: Option<Instant>,
    last: Option<Instant>,
    bytes: u32,
}

impl Recogniser {
    /// Bytes came in which nothing sound was found.
    pub(super) fn unsound(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.since.is_some_and(|since| now > since + WRONG_LINE_WITHIN) {
            *self = Self::default();
        }
        if self.last.replace(now).is_some_and(|last| now >= last + em18::END_SILENCE) {
            self.silence();
        }
        self.since.get_or_insert(now);
        self.bytes = self.bytes.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        for &byte in bytes {
            let told = [
                (self.rdm6300.push(byte), LooksLike::Rdm6300),
                (self.em18.push(byte), LooksLike::Em18),
                (self.scanner.push(byte), LooksLike::Scanner),
            ];
            told.into_iter().for_each(|(told, kind)| self.note(told, kind));
        }
    }

    /// Something sound came: all is well.
    pub(super) fn sound(&mut self) {
        if self.bytes > 0 {
            *self = Self::default();
        }
    }

    /// What the line looks like, if enough has come that is not what it should be.
    pub(super) fn verdict(&self) -> Option<Option<LooksLike>> {
        (self.bytes >= WRONG_LINE_BYTES).then_some(self.found)
    }

    fn silence(&mut self) {
        while let Some(told) = self.em18.silence() {
            self.note(Some(told), LooksLike::Em18);
        }
    }

    /// The first kind in order wins: an EM-18's line is a line of text, too.
    fn note(&mut self, told: Option<Decoded>, kind: LooksLike) {
        if matches!(told, Some(Decoded::Card(_) | Decoded::Text(_) | Decoded::Digits(_))) {
            self.found = Some(self.found.map_or(kind, |found| found.min(kind)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_on<const N: usize>(pieces: &[&[u8; N]]) -> Option<Option<LooksLike>> {
        let (mut recogniser, mut now) = (Recogniser::default(), Instant::now());
        for piece in pieces {
            recogniser.unsound(now, piece.as_slice());
            now += Duration::from_secs(1);
        }
        recogniser.verdict()
    }

    #[test]
    fn each_kind_is_known_by_what_it_says() {
        assert_eq!(verdict_on(&[b"\x0262E3086CED08\x03"; 4]), Some(Some(LooksLike::Rdm6300)));
        assert_eq!(verdict_on(&[b"62E3086CED08"; 5]), Some(Some(LooksLike::Em18)));
        assert_eq!(verdict_on(&[b"62E3086CED08\r\n"; 5]), Some(Some(LooksLike::Em18)));
        assert_eq!(verdict_on(&[b"SGP1:k1:dongfeng\r\n"; 3]), Some(Some(LooksLike::Scanner)));
        assert_eq!(verdict_on(&[&[0xF8, 0x00, 0x66, 0x9E]; 12]), Some(None));
    }

    #[test]
    fn a_tap_or_two_and_a_stray_byte_a_minute_are_no_reason() {
        assert_eq!(verdict_on(&[b"62E3086CED08"; 3]), None);
        let (mut recogniser, start) = (Recogniser::default(), Instant::now());
        for minute in 0..1_000 {
            recogniser.unsound(start + Duration::from_secs(60 * minute), b"x");
        }
        assert_eq!(recogniser.verdict(), None);
    }
}
