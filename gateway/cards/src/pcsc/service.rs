//! The service itself, pcscd, through its library.

use std::{
    ffi::{CStr, CString},
    ops::ControlFlow,
    thread,
    time::Duration,
};

use pcsc::{
    Context, Disposition, Error, MAX_BUFFER_SIZE, PNP_NOTIFICATION, Protocols, ReaderState, Scope, ShareMode, State,
    Transaction,
};

use super::{Away, Card, Happening, Stop, Wish, choose};
use crate::ntag424::{Reading, Step};

/// How long one call waits for something to happen: so long a stop may take.
const WAIT: Duration = Duration::from_millis(500);
/// How long to wait before the service is asked for again.
const RETRY: Duration = Duration::from_secs(1);
/// How often a card that is there is tried before it is unreadable.
const TRIES: usize = 3;

/// GET DATA: the card's number (PC/SC part 3, 3.2.2.1.3). The reader answers it, not the card.
const GET_NUMBER: [u8; 5] = [0xFF, 0xCA, 0x00, 0x00, 0x00];

/// Nobody listens any more, or it was asked to stop.
struct Over;

pub(super) fn watch(wish: &Wish, stop: &Stop, tell: impl FnMut(Happening) -> ControlFlow<()>) {
    let mut watch = Watch { wish, stop, tell, standing: None };
    let Over = loop {
        match watch.use_service() {
            Ok(away) => {
                if let Err(over) = watch.stand(Happening::Away(away)).and_then(|()| watch.pause()) {
                    break over;
                }
            }
            Err(over) => break over,
        }
    };
}

struct Watch<'a, T> {
    wish: &'a Wish,
    stop: &'a Stop,
    tell: T,
    /// What was told last of the reader being there.
    standing: Option<Happening>,
}

impl<T: FnMut(Happening) -> ControlFlow<()>> Watch<'_, T> {
    /// Watches for as long as the service runs.
    fn use_service(&mut self) -> Result<Away, Over> {
        let context = match Context::establish(Scope::System) {
            Ok(context) => context,
            Err(error) => return Ok(away(error)),
        };
        loop {
            let outcome = match readers(&context).map(|names| find(&self.wish.name, names)) {
                Ok(Ok(reader)) => {
                    self.stand(Happening::There)?;
                    self.watch_reader(&context, &reader)?
                }
                Ok(Err(away)) => {
                    self.stand(Happening::Away(away))?;
                    wait_for_readers(&context)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                return Ok(away(error));
            }
            self.go_on()?;
        }
    }

    /// Watches for as long as the reader is there.
    fn watch_reader(&mut self, context: &Context, reader: &CStr) -> Result<Result<(), Error>, Over> {
        let mut states = [ReaderState::new(reader, State::UNAWARE)];
        // How many cards had come and gone when the last one was looked at: each new one is a presentation.
        let mut looked_at = None;
        loop {
            self.go_on()?;
            match context.get_status_change(WAIT, &mut states) {
                Ok(()) => {}
                Err(Error::Timeout) => continue,
                Err(Error::UnknownReader | Error::ReaderUnavailable) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error)),
            }
            let [state] = &mut states;
            let is = state.event_state();
            if is.intersects(State::UNKNOWN | State::UNAVAILABLE | State::IGNORE) {
                return Ok(Ok(()));
            }
            let comings = state.event_count();
            state.sync_current_state();
            if is.contains(State::PRESENT) && looked_at != Some(comings) {
                looked_at = Some(comings);
                if let Some(happening) = self.look(context, reader) {
                    self.say(happening)?;
                }
            }
        }
    }

    /// Looks at the card; nothing if it was gone at once.
    fn look(&self, context: &Context, reader: &CStr) -> Option<Happening> {
        for _ in 0..TRIES {
            match read_card(context, reader, self.wish.ndef) {
                Ok(Some(card)) => return Some(Happening::Card(card)),
                Ok(None) => {}
                Err(Error::NoSmartcard | Error::RemovedCard) => return None,
                Err(_) => {}
            }
        }
        Some(Happening::Unreadable)
    }

    /// Tells whether the reader is there, if that is news.
    fn stand(&mut self, standing: Happening) -> Result<(), Over> {
        if self.standing.as_ref() == Some(&standing) {
            return Ok(());
        }
        self.standing = Some(standing.clone());
        self.say(standing)
    }

    fn say(&mut self, happening: Happening) -> Result<(), Over> {
        if (self.tell)(happening).is_break() { Err(Over) } else { Ok(()) }
    }

    fn go_on(&self) -> Result<(), Over> {
        if self.stop.is_asked() { Err(Over) } else { Ok(()) }
    }

    fn pause(&self) -> Result<(), Over> {
        self.go_on()?;
        thread::sleep(RETRY);
        self.go_on()
    }
}

fn readers(context: &Context) -> Result<Vec<CString>, Error> {
    match context.list_readers_owned() {
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        other => other,
    }
}

fn find(wish: &str, names: Vec<CString>) -> Result<CString, Away> {
    let texts: Vec<String> = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let chosen = choose(wish, &texts)?;
    let at = texts.iter().position(|text| *text == chosen).unwrap_or_default();
    names.into_iter().nth(at).ok_or(Away::NoReader { others: texts })
}

/// Waits until a reader is plugged in or out, but not for long.
fn wait_for_readers(context: &Context) -> Result<(), Error> {
    let mut plugged = [ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
    match context.get_status_change(WAIT, &mut plugged) {
        Ok(()) | Err(Error::Timeout) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The card's number and message; none if its answers make no sense.
fn read_card(context: &Context, reader: &CStr, wants_ndef: bool) -> Result<Option<Card>, Error> {
    let mut card = context.connect(reader, ShareMode::Shared, Protocols::ANY)?;
    // No other program gets a word in between.
    let talk = card.transaction()?;
    let card = read(&talk, wants_ndef);
    let _ = talk.end(Disposition::LeaveCard);
    card
}

fn read(talk: &Transaction<'_>, wants_ndef: bool) -> Result<Option<Card>, Error> {
    let mut room = [0; MAX_BUFFER_SIZE];
    let Some((number, [0x90, 0x00])) = talk.transmit(&GET_NUMBER, &mut room)?.split_last_chunk() else {
        return Ok(None);
    };
    let mut card = Card { number: number.to_vec(), ndef: None };
    if !wants_ndef || number.is_empty() {
        return Ok(Some(card).filter(|card| !card.number.is_empty()));
    }
    let (mut reading, mut command) = Reading::begin();
    loop {
        match reading.answer(talk.transmit(&command, &mut room)?) {
            Step::Send(next) => command = next,
            Step::Ndef(ndef) => {
                card.ndef = Some(ndef);
                return Ok(Some(card));
            }
            Step::NoNdef => return Ok(Some(card)),
            Step::Garbled => return Ok(None),
        }
    }
}

fn away(error: Error) -> Away {
    match error {
        Error::NoService | Error::ServiceStopped | Error::InvalidHandle | Error::CommError => Away::NoService,
        other => Away::Failed(other.to_string()),
    }
}
