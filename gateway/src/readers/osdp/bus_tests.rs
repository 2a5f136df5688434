use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::*;
use crate::readers::osdp::{
    happening::Identity,
    keys::Scbk,
    peer::{MAX_REPEATS, OFFLINE_AFTER, POLL_EVERY, Peer, Security},
    test_reader::{TestReader, Wire},
};

const OURS: [u8; 16] = [0x0A; 16];
const THEIRS: [u8; 16] = [0x0B; 16];
/// Facility 1, card 1.
const CARD: [u8; 4] = [0x80, 0x80, 0x00, 0x80];

fn key(bytes: [u8; 16]) -> Scbk {
    Scbk::parse(HEXLOWER.encode(&bytes).as_bytes()).unwrap()
}

fn secured(enrolled: bool, may_enrol: bool) -> Security {
    Security::Required { own: key(OURS), enrolled, may_enrol }
}

fn wire_of(readers: Vec<TestReader>, security: &Security) -> Wire {
    let now = Instant::now();
    let peers = readers.iter().map(|reader| Peer::new(now, reader.address, security.clone())).collect();
    let mut challenge = 0_u64;
    let random = move || {
        challenge += 1;
        Some(challenge.to_be_bytes())
    };
    Wire::new(now, Bus::new(now, 9_600, peers, random), readers)
}

/// One enrolled reader at address 1.
fn one_reader() -> Wire {
    wire_of(vec![TestReader::new(1, OURS)], &secured(true, true))
}

fn online() -> Wire {
    let mut wire = one_reader();
    assert_eq!(names(&wire.seconds(2)), ["0 up"]);
    wire
}

/// What happened, in words.
fn names(happened: &[(usize, Happening)]) -> Vec<String> {
    let name = |happening: &Happening| match happening {
        Happening::Up(Identity { secure: true, .. }) => "up".to_owned(),
        Happening::Up(_) => "up in the clear".to_owned(),
        Happening::Down(why) => format!("down: {why:?}"),
        Happening::Enrolled(_) => "enrolled".to_owned(),
        Happening::KeyRefused => "key refused".to_owned(),
        Happening::Card(number) => format!("{} {:02x?}", number.kind().name(), number.bytes()),
        Happening::CardRefused(why) => format!("card refused: {why:?}"),
        Happening::Code(digits) => format!("code {digits}"),
        Happening::CodeRefused => "code refused".to_owned(),
        Happening::Tamper(on) => format!("tamper {on}"),
        Happening::PowerFailing(on) => format!("power failing {on}"),
    };
    let happened = happened.iter().filter(|(_, happening)| *happening != Happening::KeyRefused);
    happened.map(|(peer, happening)| format!("{peer} {}", name(happening))).collect()
}

#[test]
fn a_reader_from_the_factory_gets_our_key_and_the_factorys_is_not_taken_again() {
    let mut wire = wire_of(vec![TestReader::from_factory(1)], &secured(false, true));
    assert_eq!(names(&wire.seconds(3)), ["0 enrolled", "0 up"]);
    assert_eq!(wire.readers[0].key, OURS);

    wire.readers[0] = TestReader::from_factory(1);
    wire.readers[0].lay(26, &CARD);
    assert_eq!(names(&wire.seconds(20)), ["0 down: WrongKey"], "somebody put a fresh reader in its place");
    assert_eq!(wire.readers[0].key, [0; 16]);
}

#[test]
fn a_reader_that_is_known_to_be_enrolled_is_never_offered_the_factorys_key() {
    let mut wire = wire_of(vec![TestReader::from_factory(1)], &secured(true, true));
    assert_eq!(names(&wire.seconds(20)), ["0 down: WrongKey"]);
    assert!(wire.readers[0].commands.iter().all(|(code, _)| *code != 0x75));

    wire.bus.set_enrolled(0, false);
    assert_eq!(names(&wire.seconds(20)), ["0 enrolled", "0 up"], "its mark was deleted by hand");
}

#[test]
fn without_leave_to_enrol_a_fresh_reader_stays_as_it_is() {
    let mut wire = wire_of(vec![TestReader::from_factory(1)], &secured(false, false));
    assert_eq!(names(&wire.seconds(20)), ["0 down: NotEnrolled"]);
    assert_eq!(wire.readers[0].key, [0; 16]);
}

#[test]
fn a_reader_with_another_key_is_down_for_that_reason_and_its_cards_do_not_count() {
    let mut wire = wire_of(vec![TestReader::new(1, THEIRS)], &secured(true, true));
    wire.readers[0].lay(26, &CARD);
    assert_eq!(names(&wire.seconds(60)), ["0 down: WrongKey"]);
    assert_eq!(wire.readers[0].news.len(), 1, "it was never polled");
    wire.readers[0].key = OURS;
    assert_eq!(names(&wire.seconds(10)), ["0 up", "0 wiegand26 [01, 00, 01]"]);
}

#[test]
fn a_reader_without_secure_channel_is_refused_unless_none_is_asked_for() {
    let mut reader = TestReader::new(1, OURS);
    reader.has_channel = false;
    reader.lay(26, &CARD);
    let mut wire = wire_of(vec![reader], &secured(true, true));
    assert_eq!(names(&wire.seconds(20)), ["0 down: NoSecureChannel"]);

    let readers = wire.readers;
    let mut wire = wire_of(readers, &Security::Off);
    assert_eq!(names(&wire.seconds(2)), ["0 up in the clear", "0 wiegand26 [01, 00, 01]"]);
}

#[test]
fn cards_keys_tamper_and_power_are_told() {
    let mut wire = online();
    let reader = &mut wire.readers[0];
    reader.lay(26, &CARD);
    reader.lay(26, &[0x80, 0x80, 0x00, 0xC0]);
    reader.lay(56, &[4, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40]);
    reader.lay(25, &CARD);
    reader.news.extend([(0x53, b"\0\x041234".to_vec()), (0x53, b"\0\x055678\r".to_vec())]);
    reader.news.extend([(0x48, vec![1, 0]), (0x48, vec![1, 1]), (0x48, vec![0, 0])]);
    assert_eq!(
        names(&wire.seconds(2)),
        [
            "0 wiegand26 [01, 00, 01]",
            "0 card refused: Parity",
            "0 iso14443a [04, de, 5f, 1e, ac, c0, 40]",
            "0 card refused: Format { bits: 25 }",
            "0 code 12345678",
            "0 tamper true",
            "0 power failing true",
            "0 tamper false",
            "0 power failing false",
        ]
    );
}

#[test]
fn sequence_numbers_go_0_then_1_2_3_1() {
    let mut wire = online();
    wire.seconds(1);
    let numbers: Vec<u8> = wire.readers[0].commands.iter().map(|(_, sqn)| *sqn).collect();
    assert_eq!(numbers[0], 0);
    assert!(
        numbers[1..].iter().zip([1, 2, 3].into_iter().cycle()).all(|(sqn, expected)| *sqn == expected),
        "{numbers:?}"
    );
}

#[test]
fn an_idle_reader_is_polled_every_50_ms() {
    let mut wire = online();
    let before = wire.readers[0].polls();
    wire.answers_after = Duration::from_millis(1);
    wire.seconds(10);
    let polls = wire.readers[0].polls() - before;
    let expected = 10_000 / (POLL_EVERY.as_millis() as usize + 1);
    assert!((expected - 5..=expected + 5).contains(&polls), "{polls}");
}

#[test]
fn a_lost_answer_is_asked_for_with_the_same_bytes_and_the_card_comes_once() {
    let mut wire = online();
    wire.readers[0].lay(26, &CARD);
    let mut left = 2;
    wire.tamper = Box::new(move |bytes| {
        if left == 0 {
            return bytes;
        }
        left -= 1;
        Vec::new()
    });
    wire.readers[0].frames.clear();
    assert_eq!(names(&wire.seconds(3)), ["0 wiegand26 [01, 00, 01]"]);
    let frames = &wire.readers[0].frames;
    assert!(frames[0] == frames[1] && frames[1] == frames[2] && frames[2] != frames[3]);
}

#[test]
fn a_replayed_answer_is_not_believed() {
    let mut wire = online();
    wire.readers[0].lay(26, &CARD);
    wire.answers.clear();
    assert_eq!(names(&wire.seconds(1)), ["0 wiegand26 [01, 00, 01]"]);
    // The card's answer, and each other of that second, in place of every answer to come: all sequence numbers.
    let recorded = std::mem::take(&mut wire.answers);
    let mut replay = recorded.into_iter().cycle();
    wire.tamper = Box::new(move |_| replay.next().unwrap());
    assert_eq!(names(&wire.seconds(OFFLINE_AFTER.as_secs() + 2)), ["0 down: Silent"]);
    let counts = wire.bus.take_counts(0);
    assert!(counts.forged > 0 && counts.stray > 0, "{counts:?}");
}

#[test]
fn an_old_answer_put_before_the_right_one_changes_nothing() {
    let mut wire = online();
    // Three answers ago the sequence number was the same.
    let mut recent = VecDeque::new();
    wire.tamper = Box::new(move |bytes| {
        recent.push_back(bytes.clone());
        let old = if recent.len() > 3 { recent.pop_front() } else { None };
        [old.unwrap_or_default(), bytes].concat()
    });
    for _ in 0..5 {
        wire.readers[0].lay(26, &CARD);
        assert_eq!(names(&wire.seconds(1)), ["0 wiegand26 [01, 00, 01]"]);
    }
    assert!(wire.bus.take_counts(0).forged > 0);
}

#[test]
fn a_session_recorded_whole_is_worth_nothing_to_the_next() {
    let mut wire = one_reader();
    wire.readers[0].lay(26, &CARD);
    assert_eq!(names(&wire.seconds(2)), ["0 up", "0 wiegand26 [01, 00, 01]"]);
    let recorded = std::mem::take(&mut wire.answers);
    // The gateway starts anew. Its challenges are others; a random generator without a seed would repeat them.
    wire.bus.restart(wire.now);
    let mut replay = recorded.into_iter();
    wire.tamper = Box::new(move |_| replay.next().unwrap_or_default());
    assert_eq!(names(&wire.seconds(20)), ["0 down: WrongKey", "0 down: Silent"], "the recorder has no key");
}

#[test]
fn what_comes_in_the_clear_through_an_open_channel_is_ignored() {
    let mut wire = online();
    let card = [&[0, 1, 26, 0][..], &CARD].concat();
    for code_and_data in [(0x50, card), (0x48, vec![1, 1]), (0x53, b"\0\x0912345678\r".to_vec()), (0x40, Vec::new())] {
        wire.readers[0].instead = Some(code_and_data);
        assert_eq!(names(&wire.seconds(5)), [""; 0]);
    }
    let counts = wire.bus.take_counts(0);
    assert!(counts.in_the_clear >= 4, "{counts:?}");
}

#[test]
fn a_reader_that_dropped_its_channel_gets_a_new_one_without_being_down() {
    let mut wire = online();
    wire.readers[0].instead = Some((0x41, vec![6]));
    wire.seconds(1);
    wire.readers[0].lay(26, &CARD);
    assert_eq!(names(&wire.seconds(2)), ["0 wiegand26 [01, 00, 01]"]);
}

#[test]
fn a_silent_reader_is_down_after_8_s_and_comes_back() {
    let mut wire = online();
    wire.readers[0].silent = true;
    assert_eq!(names(&wire.run(OFFLINE_AFTER - Duration::from_secs(1))), [""; 0]);
    assert_eq!(names(&wire.seconds(2)), ["0 down: Silent"]);
    assert_eq!(names(&wire.seconds(600)), [""; 0]);
    wire.readers[0].silent = false;
    assert_eq!(names(&wire.seconds(8)), ["0 up"]);
}

/// Polls that four readers get in ten minutes.
fn polls_of_four(silent: Option<usize>) -> Vec<usize> {
    let readers = (0..4).map(|address| TestReader::new(address, OURS)).collect();
    let mut wire = wire_of(readers, &secured(true, true));
    if let Some(silent) = silent {
        wire.readers[silent].silent = true;
    }
    wire.seconds(600);
    wire.readers.iter().map(TestReader::polls).collect()
}

#[test]
fn one_silent_reader_of_four_takes_less_than_a_tenth_from_the_others() {
    let all = polls_of_four(None);
    let three = polls_of_four(Some(2));
    assert_eq!(three[2], 0);
    for reader in [0, 1, 3] {
        assert!(three[reader] * 10 >= all[reader] * 9, "{all:?} {three:?}");
    }
}

#[test]
fn readers_that_are_down_are_tried_one_at_a_time_and_rarely() {
    let readers = (0..10).map(|address| TestReader { silent: address > 0, ..TestReader::new(address, OURS) }).collect();
    let mut wire = wire_of(readers, &secured(true, true));
    wire.seconds(60);
    let (polls, tries) = (wire.readers[0].polls(), wire.tries_at_the_silent);
    wire.seconds(60);
    let tries = wire.tries_at_the_silent - tries;
    assert!((20..=60 / LOST_TRY_EVERY.as_secs() + 1).contains(&tries), "{tries}");
    assert!(wire.readers[0].polls() - polls > 800, "nine dead readers leave nine tenths to the living one");

    wire.readers.iter_mut().for_each(|reader| reader.silent = false);
    let up = names(&wire.seconds(10));
    assert_eq!(up.iter().filter(|name| name.ends_with(" up")).count(), 9, "power is back for all at once: {up:?}");
}

#[test]
fn a_busy_reader_is_asked_again_and_loses_nothing() {
    let mut wire = online();
    wire.readers[0].lay(26, &CARD);
    let crc_of_busy = osdp::packet::crc16(&[0x53, 0x81, 0x08, 0x00, 0x04, 0x79]).to_le_bytes();
    let mut left = 3;
    wire.tamper = Box::new(move |bytes| {
        if left == 0 {
            return bytes;
        }
        left -= 1;
        [&[0x53, 0x81, 0x08, 0x00, 0x04, 0x79][..], &crc_of_busy].concat()
    });
    assert_eq!(names(&wire.seconds(2)), ["0 wiegand26 [01, 00, 01]"]);
}

#[test]
fn an_answer_from_another_address_or_in_our_own_echo_is_not_the_readers() {
    let mut wire = online();
    wire.tamper = Box::new(|mut bytes| {
        bytes[1] ^= 0x02;
        let end = bytes.len() - 2;
        let crc = osdp::packet::crc16(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&crc);
        bytes
    });
    assert_eq!(names(&wire.seconds(OFFLINE_AFTER.as_secs() + 1)), ["0 down: Silent"]);
    assert!(wire.bus.take_counts(0).stray > u64::from(MAX_REPEATS));
}

#[test]
fn a_checksum_is_not_enough() {
    let mut wire = wire_of(vec![TestReader { has_channel: false, ..TestReader::new(1, OURS) }], &Security::Off);
    wire.tamper = Box::new(|mut bytes| {
        bytes.truncate(bytes.len() - 2);
        bytes[2] -= 1;
        bytes[4] &= !4;
        let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.push(sum.wrapping_neg());
        bytes
    });
    assert_eq!(names(&wire.seconds(10)), ["0 down: Silent"]);
    assert!(wire.bus.take_counts(0).unfit > 0);
}

#[test]
fn a_million_damaged_answers_make_no_wrong_card() {
    let mut wire = online();
    wire.readers[0].lay(26, &CARD);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let command = loop {
        match wire.bus.poll_transmit(wire.now) {
            Some(command) => break command,
            None => {
                wire.now = wire.bus.poll_timeout().unwrap();
                wire.bus.handle_timeout(wire.now);
            }
        }
    };
    let answer = wire.readers[0].hear(&command).unwrap();
    for _ in 0..1_000_000 {
        let mut damaged = answer.clone();
        for _ in 0..=next() % 4 {
            let at = next() as usize % damaged.len();
            damaged[at] ^= (next() % 255) as u8 + 1;
        }
        if damaged == answer {
            continue;
        }
        wire.bus.handle_bytes(wire.now, &damaged);
        wire.bus.forget_half_a_frame();
        assert!(wire.bus.poll_event().is_none());
    }
    wire.bus.handle_bytes(wire.now, &answer);
    assert_eq!(names(&Vec::from_iter(wire.bus.poll_event())), ["0 wiegand26 [01, 00, 01]"], "and the sound one counts");
}

/// What a bad wire does to one answer.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Lost,
    Flip(usize, u8),
    Cut(usize),
    Insert(usize, u8),
    Twice,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        6 => Just(Damage::None),
        1 => Just(Damage::Lost),
        2 => (any::<usize>(), 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => any::<usize>().prop_map(Damage::Cut),
        1 => (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => Just(Damage::Twice),
    ]
}

impl Damage {
    fn apply(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let length = bytes.len();
        match *self {
            Self::None => {}
            Self::Lost => bytes.clear(),
            Self::Flip(at, bits) => bytes[at % length] ^= bits,
            Self::Cut(at) => bytes.truncate(at % length),
            Self::Insert(at, byte) => bytes.insert(at % length, byte),
            Self::Twice => bytes.extend(bytes.clone()),
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn on_a_bad_wire_each_card_comes_once_at_most_and_no_other_does(
        damages in prop::collection::vec(damage(), 1..60),
        cards in prop::collection::vec(1..0xFFFF_FFFF_u32, 1..10),
    ) {
        let mut wire = online();
        let mut at = damages.into_iter();
        wire.tamper = Box::new(move |bytes| at.next().unwrap_or(Damage::None).apply(bytes));
        let laid: Vec<String> = cards.iter().map(|card| format!("0 iso14443a {:02x?}", card.to_be_bytes())).collect();
        for card in &cards {
            wire.readers[0].lay(32, &card.to_be_bytes());
        }
        let happened = names(&wire.seconds(120));
        let read: Vec<_> = happened.iter().filter(|name| name.contains("iso14443a")).collect();
        // This reader repeats what was not acknowledged, so that all come, in order, unless the channel was lost between.
        let mut laid = laid.iter();
        for card in &read {
            prop_assert!(laid.any(|laid| laid == *card), "{happened:?}");
        }
        let uncertain = wire.readers[0].commands.iter().filter(|(code, _)| *code == 0x76).count();
        prop_assert!(read.len() + uncertain > cards.len(), "{} of {} cards, {uncertain} channels", read.len(), cards.len());
        prop_assert!(!happened.iter().any(|name| name.contains("WrongKey")), "{happened:?}");
    }

    #[test]
    fn any_bytes_at_any_time_make_nothing_happen_but_being_down(noise in prop::collection::vec(any::<Vec<u8>>(), 1..100)) {
        let mut wire = one_reader();
        wire.readers[0].silent = false;
        let mut at = noise.into_iter().cycle();
        wire.tamper = Box::new(move |_| at.next().unwrap());
        let happened = names(&wire.seconds(30));
        prop_assert_eq!(happened, ["0 down: Silent"]);
    }
}
