//! Digits typed at a reader, collected into codes.

use std::time::{Duration, Instant};

/// Digits of a code.
pub const CODE_DIGITS: usize = 8;

/// After so long without a key, what was typed is forgotten: somebody else stands there.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);

/// Which key was pressed. OSDP has `0D` for `#` and `7F` for `*`; some readers send the signs themselves.
enum Key {
    Digit(u8),
    End,
    Clear,
    Other,
}

/// What was typed, once `#` ended it. Not printable on purpose.
#[derive(Clone, PartialEq, Eq)]
pub enum Typed {
    /// A code of [`CODE_DIGITS`] digits.
    Code(String),
    /// Digits, but not so many.
    WrongLength,
}

/// The digits typed so far at one reader.
#[derive(Default)]
pub struct Keypad {
    digits: [u8; CODE_DIGITS],
    /// Digits typed since the last end, more than fit in included.
    typed: usize,
    last_key: Option<Instant>,
}

impl Keypad {
    /// Takes a key pressed at `now`, which never goes back.
    pub fn press(&mut self, now: Instant, key: u8) -> Option<Typed> {
        if self.last_key.is_some_and(|last| now >= last + FORGOTTEN_AFTER) {
            self.typed = 0;
        }
        self.last_key = Some(now);
        match Key::from_byte(key) {
            Key::Digit(digit) => {
                if let Some(place) = self.digits.get_mut(self.typed) {
                    *place = digit;
                }
                self.typed = self.typed.saturating_add(1);
                None
            }
            Key::Clear => {
                self.typed = 0;
                None
            }
            Key::End => self.end(),
            Key::Other => None,
        }
    }

    fn end(&mut self) -> Option<Typed> {
        match std::mem::take(&mut self.typed) {
            0 => None,
            CODE_DIGITS => Some(Typed::Code(self.digits.iter().map(|digit| char::from(*digit)).collect())),
            _ => Some(Typed::WrongLength),
        }
    }
}

impl Key {
    fn from_byte(byte: u8) -> Self {
        match byte {
            b'0'..=b'9' => Self::Digit(byte),
            b'#' | 0x0D => Self::End,
            b'*' | 0x7F => Self::Clear,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of keys pressed one a second.
    fn type_in(keypad: &mut Keypad, start: Instant, keys: &[u8]) -> Vec<String> {
        let second = |i: usize| start + Duration::from_secs(i as u64);
        let typed = keys.iter().enumerate().filter_map(|(i, key)| keypad.press(second(i), *key));
        typed.map(|typed| if let Typed::Code(digits) = typed { digits } else { "wrong length".to_owned() }).collect()
    }

    #[test]
    fn eight_digits_and_the_end_are_a_code() {
        for end in [b"12345678#", b"12345678\r"] {
            assert_eq!(type_in(&mut Keypad::default(), Instant::now(), end), ["12345678"]);
        }
    }

    #[test]
    fn clear_begins_anew() {
        let mut keypad = Keypad::default();
        assert_eq!(type_in(&mut keypad, Instant::now(), b"9999*12345678#"), ["12345678"]);
        assert_eq!(type_in(&mut keypad, Instant::now(), b"99\x7f87654321#"), ["87654321"]);
    }

    #[test]
    fn fewer_or_more_digits_are_no_code() {
        let start = Instant::now();
        assert_eq!(type_in(&mut Keypad::default(), start, b"1234567#"), ["wrong length"]);
        assert_eq!(type_in(&mut Keypad::default(), start, b"123456789#"), ["wrong length"]);
        assert_eq!(type_in(&mut Keypad::default(), start, b"##"), [""; 0]);
    }

    #[test]
    fn what_somebody_left_half_typed_is_forgotten() {
        let mut keypad = Keypad::default();
        let start = Instant::now();
        assert_eq!(type_in(&mut keypad, start, b"123"), [""; 0]);
        assert_eq!(type_in(&mut keypad, start + Duration::from_secs(12), b"12345678#"), ["12345678"]);
    }

    proptest! {
        #[test]
        fn any_keys_make_codes_of_eight_digits_only(keys: Vec<(u8, u16)>) {
            let mut keypad = Keypad::default();
            let mut now = Instant::now();
            for (key, pause_ms) in keys {
                now += Duration::from_millis(u64::from(pause_ms));
                if let Some(Typed::Code(code)) = keypad.press(now, key) {
                    prop_assert!(code.len() == CODE_DIGITS && code.bytes().all(|digit| digit.is_ascii_digit()));
                }
            }
        }
    }
}
