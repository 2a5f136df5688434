//! What a person is shown, as commands for a reader's lamp, sounder and display.

use osdp::command::{
    BuzzerControl, BuzzerTone, Command, LedColor, LedControl, LedPermanent, LedTemporary, Text, TextCommand,
    led::LedRecord,
};
use schoolgate_core::picture::{Light, Tone};

use crate::readers::Shown;

/// Longest line of text, in characters: the displays that there are have 16 or 20.
const MAX_LINE: usize = 20;
/// A command's times are in tenths of a second.
const TENTH_MS: u32 = 100;
/// LED control codes (OSDP v2.2 §6.9): leave as it is, and show for a time.
const LEAVE: u8 = 0;
const FOR_A_TIME: u8 = 2;

/// The commands that show this: first the lamp, which is seen from farthest. When the time is over, a reader's lamp is
/// again as it was set up.
pub fn commands(shown: &Shown) -> Vec<Command> {
    let mut commands = vec![lamp(shown), sound(shown.tone)];
    // A display that can show one of the lines but not the other would say half of it.
    let lines = [&shown.lines, &shown.english].into_iter().find(|lines| lines.iter().all(|line| is_printable(line)));
    commands.extend(lines.into_iter().flatten().zip(1..).filter_map(|(line, row)| text(line, row, shown.for_ms)));
    commands
}

/// OSDP knows printable ASCII only.
fn is_printable(line: &str) -> bool {
    line.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn lamp(shown: &Shown) -> Command {
    let color = match shown.light {
        Light::Green => LedColor::Green,
        Light::Amber => LedColor::Amber,
        Light::Red => LedColor::Red,
    };
    let temporary = LedTemporary {
        control: FOR_A_TIME,
        on_time: 1,
        off_time: 0,
        on_color: color,
        off_color: color,
        timer: u16::try_from(shown.for_ms.div_ceil(TENTH_MS)).unwrap_or(u16::MAX),
    };
    let permanent =
        LedPermanent { control: LEAVE, on_time: 0, off_time: 0, on_color: LedColor::Black, off_color: LedColor::Black };
    Command::Led(LedControl::new(vec![LedRecord { reader: 0, led: 0, temporary, permanent }]))
}

/// One short for granted, two for attention, one long for refused.
fn sound(tone: Tone) -> Command {
    let (on_time, off_time, count) = match tone {
        Tone::Ok => (1, 0, 1),
        Tone::Attention => (2, 2, 2),
        Tone::Refused => (8, 0, 1),
    };
    Command::Buzzer(BuzzerControl { reader: 0, tone: BuzzerTone::Default, on_time, off_time, count })
}

fn text(line: &str, row: u8, for_ms: u32) -> Option<Command> {
    (!line.is_empty()).then(|| {
        Command::Text(Text {
            reader: 0,
            command: TextCommand::TemporaryNoWrap,
            temp_time_s: u8::try_from(for_ms.div_ceil(1_000)).unwrap_or(u8::MAX).max(1),
            row,
            column: 1,
            text: line.bytes().take(MAX_LINE).collect(),
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(lines: [&str; 2]) -> Shown {
        let english = ["Welcome".to_owned(), String::new()];
        Shown { light: Light::Green, tone: Tone::Ok, lines: lines.map(str::to_owned), english, for_ms: 2_500 }
    }

    fn data(shown: &Shown) -> Vec<Vec<u8>> {
        commands(shown).iter().map(|command| command.encode_data().unwrap()).collect()
    }

    #[test]
    fn granted_is_a_green_lamp_for_its_time_a_short_tone_and_both_lines() {
        assert_eq!(
            data(&shown(["Welcome", "Class 3-2"])),
            [
                vec![0, 0, 2, 1, 0, 2, 2, 25, 0, 0, 0, 0, 0, 0],
                vec![0, 2, 1, 0, 1],
                b"\0\x03\x03\x01\x01\x07Welcome".to_vec(),
                b"\0\x03\x03\x02\x01\x09Class 3-2".to_vec(),
            ]
        );
    }

    #[test]
    fn what_a_display_has_no_letters_for_it_says_in_english_or_not_at_all() {
        assert_eq!(data(&shown(["欢迎", "Class 3-2"]))[2..], [b"\0\x03\x03\x01\x01\x07Welcome".to_vec()]);
        let english = ["Please go to".to_owned(), "画室".to_owned()];
        assert_eq!(data(&Shown { english, ..shown(["请到", "画室"]) }).len(), 2);
    }

    proptest! {
        #[test]
        fn anything_can_be_shown_without_an_error(lines: [String; 2], english: [String; 2], for_ms: u32) {
            let shown = Shown { lines, english, for_ms, ..shown(["", ""]) };
            prop_assert!(commands(&shown).iter().all(|command| command.encode_data().is_ok()));
        }
    }
}
