//! Cards on PC/SC readers: what any reader is that pcscd has a driver for.
//!
//! One blocking thread for each reader calls [`watch`]. The reader may come and go, and so may the service. Real readers
//! need the feature `pcsc`; without it a reader is away, and says why.

#[cfg(feature = "pcsc")]
mod service;

use std::{
    fmt,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether PC/SC readers are built in.
pub const BUILT_IN: bool = cfg!(feature = "pcsc");

/// Which reader is meant, and what is asked of its cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// A part of the reader's name, as `pcsc_scan` shows it; upper and lower case are the same.
    pub name: String,
    /// Whether a card is asked for its NDEF message, and not for its number alone.
    pub ndef: bool,
}

/// What happens at a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The reader is there.
    There,
    /// It is not.
    Away(Away),
    /// A card was laid on it.
    Card(Card),
    /// A card was laid on it and could not be read, though it was tried again.
    Unreadable,
}

/// A card that was laid on a reader.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    /// Its number.
    pub number: Vec<u8>,
    /// Its NDEF message, if it was asked for one and has one.
    pub ndef: Option<Vec<u8>>,
}

/// Not the number: it must not come into a log.
impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card(***, {})", if self.ndef.is_some() { "with a message" } else { "without a message" })
    }
}

/// Why a reader can't be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Away {
    /// This program was built without PC/SC readers.
    NotBuiltIn,
    /// The service, pcscd, does not run.
    NoService,
    /// No reader has such a name.
    NoReader {
        /// The readers that are there.
        others: Vec<String>,
    },
    /// More than one reader has such a name.
    Several(Vec<String>),
    /// Something else, as PC/SC says it.
    Failed(String),
}

/// Ends a [`watch`], from another thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends it within half a second, and half a second longer while a card is being read.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Watches a reader until `stop`, or until `tell` breaks off. Tells whether the reader is there each time that this
/// changes, and every card once, however long it lies.
pub fn watch(wish: &Wish, stop: &Stop, tell: impl FnMut(Happening) -> ControlFlow<()>) {
    #[cfg(feature = "pcsc")]
    service::watch(wish, stop, tell);
    #[cfg(not(feature = "pcsc"))]
    {
        let (mut tell, _) = (tell, (wish, stop));
        let _ = tell(Happening::Away(Away::NotBuiltIn));
    }
}

/// Which of these readers is meant.
#[cfg_attr(not(feature = "pcsc"), allow(dead_code, reason = "it is tested everywhere"))]
fn choose(wish: &str, names: &[String]) -> Result<String, Away> {
    let wanted = wish.to_lowercase();
    let mut fit: Vec<&String> = names.iter().filter(|name| name.to_lowercase().contains(&wanted)).collect();
    match (fit.pop(), fit.is_empty()) {
        (Some(only), true) => Ok(only.clone()),
        (Some(last), false) => Err(Away::Several(fit.into_iter().chain([last]).cloned().collect())),
        (None, _) => Err(Away::NoReader { others: names.to_vec() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_reader_is_known_by_a_part_of_its_name() {
        let there = names(&["ACS ACR122U PICC Interface 00 00", "HID OMNIKEY 5022 CL 01 00"]);
        assert_eq!(choose("omnikey", &there), Ok(there[1].clone()));
    }

    #[test]
    fn of_two_that_fit_none_is_taken() {
        let there = names(&["ACS ACR122U 00 00", "Other", "ACS ACR122U 01 00"]);
        assert_eq!(choose("ACR122U", &there), Err(Away::Several(names(&["ACS ACR122U 00 00", "ACS ACR122U 01 00"]))));
        assert_eq!(choose("ACR122U 01", &there), Ok(there[2].clone()));
    }

    #[test]
    fn if_none_fits_those_that_are_there_are_named() {
        let there = names(&["Other"]);
        assert_eq!(choose("ACR122U", &there), Err(Away::NoReader { others: there.clone() }));
        assert_eq!(choose("ACR122U", &[]), Err(Away::NoReader { others: Vec::new() }));
    }

    #[test]
    fn a_card_is_printed_without_its_number() {
        let card = Card { number: vec![0xAB, 0xCD], ndef: None };
        assert_eq!(format!("{:?}", Happening::Card(card)), "Card(Card(***, without a message))");
    }

    #[cfg(not(feature = "pcsc"))]
    #[test]
    fn without_the_feature_a_reader_is_away_and_says_why() {
        let mut told = Vec::new();
        watch(&Wish { name: "any".into(), ndef: true }, &Stop::default(), |what| {
            told.push(what);
            ControlFlow::Continue(())
        });
        assert_eq!(told, [Happening::Away(Away::NotBuiltIn)]);
    }
}
