//! What fuzzing and property tests run over arbitrary bytes: nothing here may panic, loop without end or believe what
//! has not been proved. No part of the interface.

use std::time::{Duration, Instant};

use super::{
    bus::Bus,
    happening::Happening,
    keypad::{CODE_DIGITS, Keypad, Typed},
    keys::Scbk,
    peer::{Peer, Security},
    wiegand,
};
use crate::readers::MAX_NUMBER_BYTES;

/// The bytes are what two readers say, in pieces whose lengths they hold themselves: first without a secure channel
/// asked for, then with one.
///
/// # Panics
/// If anything but being down comes of it where a secure channel is required.
pub fn bus(bytes: &[u8]) {
    converse(bytes, &Security::Off);
    // Not the factory's key, which a fuzzer could be taught.
    if let Ok(own) = Scbk::parse(b"5f1d2c3b4a5968778695a4b3c2d1e0ff") {
        converse(bytes, &Security::Required { own, enrolled: false, may_enrol: true });
    }
}

fn converse(mut bytes: &[u8], security: &Security) {
    let mut now = Instant::now();
    let peers = [0, 1].map(|address| Peer::new(now, address, security.clone()));
    let mut challenge = 0_u64;
    let mut bus = Bus::new(now, 9_600, peers.into(), move || {
        challenge += 1;
        Some(challenge.to_be_bytes())
    });
    while let [length, rest @ ..] = bytes {
        bus.handle_timeout(now);
        bus.poll_transmit(now);
        let (piece, later) = rest.split_at(rest.len().min(usize::from(*length)));
        bus.handle_bytes(now, piece);
        bytes = later;
        now = bus.poll_timeout().unwrap_or(now).max(now + Duration::from_millis(1));
        while let Some((_, happening)) = bus.poll_event() {
            let is_down = matches!(happening, Happening::Down(_));
            assert!(*security == Security::Off || is_down, "believed without proof");
        }
    }
}

/// The bytes are a card's bits, keys pressed, and a key file.
///
/// # Panics
/// If a number is longer than any can be, or a code has not eight digits.
pub fn values(bytes: &[u8]) {
    let _judged = Scbk::parse(bytes);
    if let [low, high, data @ ..] = bytes
        && let Ok(number) = wiegand::number(u16::from_le_bytes([*low, *high]), data)
    {
        assert!((1..=MAX_NUMBER_BYTES).contains(&number.bytes().len()), "a number of no or too many bytes");
    }
    let (mut keypad, now) = (Keypad::default(), Instant::now());
    for key in bytes {
        if let Some(Typed::Code(code)) = keypad.press(now, *key) {
            assert!(code.len() == CODE_DIGITS && code.bytes().all(|digit| digit.is_ascii_digit()), "no code");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_prove_nothing(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            super::bus(&bytes);
            super::values(&bytes);
        }
    }
}
