//! Whatever a card shows, or answers to the commands of a reading, is judged: never a message that its keys did not make.
#![no_main]

use schoolgate_cards::ntag424::{MAX_COMMANDS, Names, Reading, Shown, Step, SunKeys};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let keys = SunKeys::from_master(&[7; 16]);
    let names = Names::default();
    let judge = |ndef: &[u8]| assert!(!matches!(keys.judge(&names, &[4, 1, 2, 3, 4, 5, 6], ndef), Shown::Message { .. }));
    judge(bytes);

    // The same bytes as a card's answers, each with its length before it.
    let (mut reading, mut answers) = (Reading::begin().0, bytes);
    for _ in 0..=MAX_COMMANDS {
        let Some((&length, rest)) = answers.split_first() else { return };
        let (answer, behind) = rest.split_at(usize::from(length).min(rest.len()));
        answers = behind;
        match reading.answer(answer) {
            Step::Send(_) => {}
            Step::Ndef(ndef) => return judge(&ndef),
            Step::NoNdef | Step::Garbled => return,
        }
    }
    panic!("a reading takes more than {MAX_COMMANDS} commands");
});
