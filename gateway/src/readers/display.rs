//! What readers that have a lamp, a sounder or a display show to the person in front of them.

use std::collections::HashMap;

use schoolgate_core::{
    id::{PlaceId, ReaderId},
    picture::{Light, Picture, Tone},
    text::Lang,
};
use tokio::sync::watch;

/// What a reader is to show now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The one lamp that is lit.
    pub light: Light,
    /// What is heard.
    pub tone: Tone,
    /// Up to two lines of text in the gateway's language; empty where there is nothing to say.
    pub lines: [String; 2],
    /// The same in English, for displays that know no Chinese.
    pub english: [String; 2],
    /// For how long, in milliseconds; then the reader shows that it is ready.
    pub for_ms: u32,
}

impl Shown {
    /// What `picture` looks, sounds and reads like; `place_name` gives what people call a place in a language.
    pub fn new(
        picture: &Picture,
        lang: Lang,
        place_name: impl Fn(&PlaceId, Lang) -> Option<String>,
        for_ms: u32,
    ) -> Self {
        let lines = |lang| picture.lines(lang, |place| place_name(place, lang));
        let (light, tone) = (picture.light(), picture.tone());
        Self { light, tone, lines: lines(lang), english: lines(Lang::En), for_ms }
    }
}

/// The reader's side: the latest wins, and what was not shown in time is never shown.
pub type ReaderDisplay = watch::Receiver<Option<Shown>>;

/// The shell's side: every reader that can show something. Showing never waits.
#[derive(Debug, Default)]
pub struct Displays(HashMap<ReaderId, watch::Sender<Option<Shown>>>);

impl Displays {
    /// A reader that can show something.
    pub fn add(&mut self, reader: ReaderId) -> ReaderDisplay {
        let (shows, display) = watch::channel(None);
        self.0.insert(reader, shows);
        display
    }

    /// Whether this reader can show something.
    pub fn has(&self, reader: &ReaderId) -> bool {
        self.0.contains_key(reader)
    }

    /// Shows it, if the reader can.
    pub fn show(&self, reader: &ReaderId, shown: Shown) {
        if let Some(display) = self.0.get(reader) {
            display.send_replace(Some(shown));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wins_and_the_same_twice_is_shown_twice() {
        let mut displays = Displays::default();
        let reader = ReaderId::try_new("east-in").unwrap();
        let mut display = displays.add(reader.clone());
        let shown = |picture| Shown::new(&picture, Lang::Zh, |_, _| None, 2_000);

        displays.show(&reader, shown(Picture::CardRefused));
        displays.show(&reader, shown(Picture::Welcome));
        assert_eq!(display.borrow_and_update().as_ref().map(|shown| shown.light), Some(Light::Green));
        assert!(!display.has_changed().unwrap());

        displays.show(&reader, shown(Picture::Welcome));
        assert!(display.has_changed().unwrap());
        displays.show(&ReaderId::try_new("mute").unwrap(), shown(Picture::Welcome));
    }
}
