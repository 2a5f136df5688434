//! What readers show: every outcome has its lamp, its tone and two lines that fit, in both languages.

use schoolgate_core::{
    picture::{COLUMNS, Light, Picture, Tone, columns},
    text::Lang,
};

use crate::gates::fixture::*;

fn all() -> Vec<Picture> {
    let time = "16:40".parse().unwrap();
    let handed = |students, missing| Picture::HandedOver { students, missing };
    let all = vec![
        Picture::Welcome,
        Picture::Goodbye,
        Picture::Released,
        Picture::Wait,
        Picture::Called,
        Picture::GoTo(place("west-gate")),
        Picture::Noted,
        Picture::CardRefused,
        Picture::SeeTeacher,
        Picture::CheckedIn,
        Picture::Late,
        Picture::CheckedOut,
        Picture::Unexpected,
        Picture::TakenUp,
        Picture::HandoverWaits,
        handed(1, 0),
        handed(999, 0),
        handed(u16::MAX, u16::MAX),
        Picture::Dinner,
        Picture::NoDinner,
        Picture::Safe,
        Picture::Degraded,
        Picture::WeakCard,
        Picture::GateBusy,
        Picture::GateClosed,
        Picture::NotYourTurn(time),
    ];
    // Whoever adds an outcome adds it above, too.
    for picture in &all {
        match picture {
            Picture::Welcome | Picture::Goodbye | Picture::Released | Picture::Wait | Picture::Called => {}
            Picture::GoTo(_) | Picture::Noted | Picture::CardRefused | Picture::SeeTeacher | Picture::CheckedIn => {}
            Picture::Late | Picture::CheckedOut | Picture::Unexpected | Picture::TakenUp => {}
            Picture::HandoverWaits | Picture::HandedOver { .. } | Picture::Dinner | Picture::NoDinner => {}
            Picture::Safe | Picture::Degraded | Picture::GateBusy | Picture::GateClosed | Picture::NotYourTurn(_) => {}
            Picture::WeakCard => {}
        }
    }
    all
}

#[test]
fn every_outcome_says_something_that_fits_two_lines_in_both_languages() {
    for picture in all() {
        for lang in Lang::ALL {
            let lines = picture.lines(lang, |_| None);
            assert!(!lines[0].is_empty(), "{picture:?}");
            for line in &lines {
                assert!(columns(line) <= COLUMNS, "{picture:?} {lang:?}: {line:?} has {} columns", columns(line));
            }
            let chinese = !lines[0].is_ascii();
            assert_eq!(chinese, lang == Lang::Zh, "{picture:?} {lines:?}");
        }
    }
}

#[test]
fn no_two_outcomes_of_different_lamps_say_the_same() {
    for lang in Lang::ALL {
        for one in all() {
            for other in all().into_iter().filter(|other| other.light() != one.light()) {
                assert_ne!(one.lines(lang, |_| None), other.lines(lang, |_| None));
            }
        }
    }
}

#[test]
fn lamps_and_tones_go_together_and_red_promises_nothing() {
    for picture in all() {
        let tone = match picture.light() {
            Light::Green => Tone::Ok,
            Light::Amber => Tone::Attention,
            Light::Red => Tone::Refused,
        };
        assert_eq!(picture.tone(), tone);
        assert!(picture.light() != Light::Green || picture.promises(), "{picture:?}: green means that it is on disk");
        assert!(picture.light() != Light::Red || !picture.promises());
    }
}

#[test]
fn a_places_name_is_said_as_people_call_it_and_cut_where_it_is_too_long() {
    let to = |name: &str| Picture::GoTo(place("west-gate")).lines(Lang::Zh, |_| Some(name.to_owned()))[1].clone();
    assert_eq!(to("西门"), "西门");
    assert_eq!(to("西校区第二教学楼一层大厅"), "西校区第二教学楼");
    assert_eq!(to("a西校区第二教学楼"), "a西校区第二教学");
    assert_eq!(to("west\u{1b}[2J\ngate"), "west[2Jgate", "no control characters to a display");
    let id = Picture::GoTo(place("west-gate")).lines(Lang::En, |_| None);
    assert_eq!(id, ["Please go to", "west-gate"]);
}

#[test]
fn a_chinese_character_takes_two_columns() {
    assert_eq!((columns("Welcome"), columns("欢迎"), columns("还没轮到 16:40"), columns("，。")), (7, 4, 14, 4));
}
