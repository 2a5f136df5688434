//! Messages against the virtual card, which was made from the same papers and not from this code.

use proptest::prelude::*;
use schoolgate_virtual_card::{Card, Layout, Ntag424, Plain, Replay, ndef_of};

use super::*;

const MASTER: [u8; 16] = *b"a school's key..";
const UID: [u8; 7] = [0x04, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40];

fn keys() -> SunKeys {
    SunKeys::from_master(&MASTER)
}

/// A card as it comes from the school's office.
fn card(uid: [u8; 7], layout: Layout) -> Ntag424 {
    Ntag424::new(uid, *keys().meta(), keys().of_card(Uid(uid)), layout)
}

fn read(card: &mut dyn Card) -> Option<Vec<u8>> {
    card.power_on();
    let (mut reading, mut command) = Reading::begin();
    loop {
        match reading.answer(&card.answer(&command)) {
            Step::Send(next) => command = next,
            Step::Ndef(ndef) => return Some(ndef),
            Step::NoNdef | Step::Garbled => return None,
        }
    }
}

/// What the gateway makes of a card on a reader.
fn shown(card: &mut dyn Card) -> Shown {
    let ndef = read(card).unwrap_or_default();
    keys().judge(&Names::default(), &card.number(), &ndef)
}

fn judge(address: &str) -> Shown {
    keys().judge(&Names::default(), &UID, &ndef_of(address))
}

#[test]
fn the_examples_of_an12196_are_messages() {
    let factory = SunKeys::same([0; 16], [0; 16]);
    let short = Names::try_new("e", "c", "u", "n").unwrap();
    let address = "https://choose.url.com/ntag424?e=EF963FF7828658A599F3041510671E88&c=94EED9EE65337086";
    let message = Shown::Message { uid: Uid(UID), counter: 61 };
    assert_eq!(factory.judge(&short, &UID, &ndef_of(address)), message);
    let plain = "https://ntag.nxp.com/424?uid=041E3C8A2D6B80&ctr=000006&cmac=4B00064004B0B3D3";
    let uid = [0x04, 0x1E, 0x3C, 0x8A, 0x2D, 0x6B, 0x80];
    let message = Shown::Message { uid: Uid(uid), counter: 6 };
    assert_eq!(factory.judge(&Names::default(), &uid, &ndef_of(plain)), message);
}

#[test]
fn a_card_counts_with_every_reading_and_proves_itself() {
    for layout in [Layout::encrypted(), Layout::plain()] {
        let mut card = card(UID, layout);
        for counter in 1..=3 {
            assert_eq!(shown(&mut card), Shown::Message { uid: Uid(UID), counter });
        }
    }
}

#[test]
fn a_card_that_hides_its_number_proves_which_one_it_is() {
    let mut text = card(UID, Layout::encrypted());
    let ndef = ndef_of(&text.read_text());
    let random = [0x08, 1, 2, 3];
    assert_eq!(keys().judge(&Names::default(), &random, &ndef), Shown::Message { uid: Uid(UID), counter: 1 });
}

#[test]
fn a_message_on_another_card_is_a_copy() {
    let text = card(UID, Layout::encrypted()).read_text();
    let mut other = Replay::new(&[0x04, 9, 9, 9, 9, 9, 9], text);
    assert_eq!(shown(&mut other), Shown::Copied { uid: Uid(UID) });
}

#[test]
fn a_message_that_was_recorded_is_that_message_for_ever() {
    let text = card(UID, Layout::encrypted()).read_before(41).read_text();
    let mut replay = Replay::new(&UID, text);
    for _ in 0..3 {
        assert_eq!(shown(&mut replay), Shown::Message { uid: Uid(UID), counter: 42 }, "the counter stands still");
    }
}

#[test]
fn a_card_made_with_another_key_of_its_own_is_a_copy() {
    let mut forged = Ntag424::new(UID, *keys().meta(), keys().of_card(Uid([4, 1, 1, 1, 1, 1, 1])), Layout::encrypted());
    assert_eq!(shown(&mut forged), Shown::Copied { uid: Uid(UID) });
}

#[test]
fn a_card_of_somebody_else_is_known_by_its_number_alone() {
    let mut foreign = Ntag424::new(UID, [9; 16], [9; 16], Layout::encrypted());
    assert_eq!(shown(&mut foreign), Shown::Number);
    assert_eq!(shown(&mut Plain(vec![1, 2, 3, 4])), Shown::Number);
    assert_eq!(judge("https://www.example.com/"), Shown::Number);
}

#[test]
fn what_is_said_twice_or_cut_short_is_no_message() {
    let text = card(UID, Layout::encrypted()).read_text();
    let (_, code) = text.rsplit_once('=').unwrap();
    for changed in [format!("{text}&cmac={code}"), text[..text.len() - 1].to_owned(), text.replace('?', "/")] {
        assert_eq!(judge(&changed), Shown::Number, "{changed}");
    }
}

#[test]
fn keys_differ_by_card_and_by_use() {
    let (keys, other) = (keys(), SunKeys::from_master(&[1; 16]));
    let (one, two) = (keys.of_card(Uid(UID)), keys.of_card(Uid([4, 0, 0, 0, 0, 0, 1])));
    assert!(one != two && one != *keys.meta() && one != other.of_card(Uid(UID)) && one != MASTER);
}

#[test]
fn neither_keys_nor_numbers_are_printed() {
    let printed = format!("{:?} {:?}", keys(), shown(&mut card(UID, Layout::encrypted())));
    assert_eq!(printed, "*** Message { uid: ***, counter: 1 }");
    let mirrored = Mirrored::find(&card(UID, Layout::plain()).read_text(), &Names::default()).unwrap();
    assert_eq!(format!("{mirrored:?}"), "Plain(***)");
}

#[test]
fn names_of_parameters_are_plain_and_differ() {
    assert!(Names::try_new("e", "c", "u", "n").is_ok());
    for bad in [["", "c", "u", "n"], ["e", "e", "u", "n"], ["e", "c", "u", "a=b"], ["e", "c", "u&", "n"]] {
        assert_eq!(Names::try_new(bad[0], bad[1], bad[2], bad[3]), Err(BadNames));
    }
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::encrypted()), Just(Layout::plain())]
}

proptest! {
    #[test]
    fn every_card_of_the_school_is_told_by_its_messages(uid: [u8; 7], before in 0..0x00FF_FFFF_u32, layout in layouts()) {
        let mut card = card(uid, layout).read_before(before);
        prop_assert_eq!(shown(&mut card), Shown::Message { uid: Uid(uid), counter: before + 1 });
    }

    #[test]
    fn a_message_with_any_bit_changed_is_no_message(
        uid: [u8; 7], before in 0..0x00FF_FFFF_u32, layout in layouts(), at in any::<prop::sample::Index>(), bit in 0..4_u32
    ) {
        let text = card(uid, layout).read_before(before).read_text();
        let query = text.find('?').unwrap();
        let is_value = |at: &usize| text.as_bytes()[*at].is_ascii_digit() || text.as_bytes()[*at].is_ascii_uppercase();
        let digits: Vec<usize> = (query..text.len()).filter(is_value).collect();
        let at = digits[at.index(digits.len())];
        let digit = u32::from_str_radix(&text[at..=at], 16).unwrap() ^ 1 << bit;
        let changed = format!("{}{digit:X}{}", &text[..at], &text[at + 1..]);

        let shown = keys().judge(&Names::default(), &uid, &ndef_of(&changed));

        let is_message = matches!(shown, Shown::Message { .. });
        prop_assert!(!is_message, "{changed}");
    }

    #[test]
    fn bytes_damaged_on_the_way_never_make_another_message(
        before in 0..0x00FF_FFFF_u32, layout in layouts(), at in any::<prop::sample::Index>(), byte: u8
    ) {
        let mut bytes = ndef_of(&card(UID, layout).read_before(before).read_text());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Shown::Message { uid, counter } = keys().judge(&Names::default(), &UID, &bytes) {
            prop_assert_eq!((uid, counter), (Uid(UID), before + 1));
        }
    }

    #[test]
    fn no_text_that_was_not_made_with_the_keys_is_a_message(picc in "[0-9A-F]{32}", code in "[0-9A-F]{16}") {
        let shown = judge(&format!("https://card.example/t?picc_data={picc}&cmac={code}"));
        let is_message = matches!(shown, Shown::Message { .. });
        prop_assert!(!is_message);
    }

    #[test]
    fn any_bytes_are_judged(number in prop::collection::vec(any::<u8>(), 0..11), bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = keys().judge(&Names::default(), &number, &bytes);
    }

    #[test]
    fn any_text_is_judged(text in "(https://)?[a-z.]{0,9}[?](picc_data|cmac|uid|ctr|[&=?#%0-9A-F]){0,60}") {
        let _ = judge(&text);
    }
}
