//! PC/SC readers: a blocking thread for each watches it, and a task takes to the desk what it tells.

use std::{ops::ControlFlow, sync::Arc, thread};

use schoolgate_cards::pcsc::{Away, Card, Happening, Stop, Wish, watch};
use schoolgate_core::{text, text::Lang};
use tokio::{
    sync::{mpsc, watch as signal},
    time::{Instant, sleep_until},
};

use super::{
    CardKind, CardNumber, Desk, DownReason, Examined, Fault,
    desk::{NobodyListens, Told},
    sun::SunExaminer,
};

/// What the thread has told and the task has not taken yet: a person lays down one card at a time.
const UNTAKEN: usize = 8;

/// A PC/SC reader, ready to [`run`](Self::run).
pub struct PcscReader {
    desk: Desk,
    wish: Wish,
    sun: Option<Arc<SunExaminer>>,
}

impl PcscReader {
    /// The reader whose name has `name` in it. With `sun`, cards are asked for their messages.
    pub fn new(desk: Desk, name: &str, sun: Option<Arc<SunExaminer>>) -> Self {
        Self { desk, wish: Wish { name: name.to_owned(), ndef: sun.is_some() }, sun }
    }

    /// Reads until `stop` turns true (or its sender is gone), or nobody takes the events.
    pub async fn run(mut self, mut stop: signal::Receiver<bool>) {
        let thread_stop = Stop::default();
        let (tell, told) = mpsc::channel(UNTAKEN);
        let (wish, asked) = (self.wish.clone(), thread_stop.clone());
        let name = format!("pcsc {}", self.desk.reader());
        let watching = thread::Builder::new().name(name).spawn(move || {
            watch(&wish, &asked, |what| match tell.blocking_send((Instant::now(), what)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            });
        });
        if let Err(error) = watching {
            let _ = self.desk.down(Instant::now(), DownReason::Failed(error.to_string())).await;
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => {}
            NobodyListens = self.take(told) => {}
        }
        thread_stop.stop();
    }

    async fn take(&mut self, mut told: mpsc::Receiver<(Instant, Happening)>) -> NobodyListens {
        loop {
            let wake_at = self.desk.wake_at();
            let taken = tokio::select! {
                biased;
                Some((at, what)) = told.recv() => self.happened(at, what).await,
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => Ok(()),
                else => std::future::pending().await,
            };
            if let Err(nobody) = taken {
                return nobody;
            }
            if let Err(nobody) = self.desk.on_time(Instant::now()) {
                return nobody;
            }
        }
    }

    async fn happened(&mut self, at: Instant, what: Happening) -> Told {
        match what {
            Happening::There => self.desk.up(at).await,
            Happening::Away(away) => self.desk.down(at, DownReason::Pcsc(away)).await,
            Happening::Unreadable => {
                self.desk.fault(Fault::CUT_SHORT);
                Ok(())
            }
            Happening::Card(card) => self.card(at, &card).await,
        }
    }

    async fn card(&mut self, at: Instant, card: &Card) -> Told {
        let Some(number) = CardNumber::new(CardKind::Iso14443a, &card.number) else {
            self.desk.fault(Fault::CUT_SHORT);
            return Ok(());
        };
        let examined = match (&self.sun, &card.ndef) {
            (Some(sun), Some(ndef)) => sun.judge(&number, ndef),
            _ => Examined::ByNumber,
        };
        self.desk.examined(at, &number, examined).await
    }
}

/// Why the reader is away and what would help, for people.
pub(super) fn say(away: &Away, lang: Lang) -> String {
    match away {
        Away::NotBuiltIn => text!(lang,
            zh: "本程序编译时未包含 PC/SC 读卡器，请安装以 --features pcsc 编译的程序",
            en: "this program was built without PC/SC readers: install one that was built with --features pcsc"),
        Away::NoService => text!(lang,
            zh: "PC/SC 服务未运行，请安装并启动 pcscd",
            en: "the PC/SC service does not run: install and start pcscd"),
        Away::NoReader { others } if others.is_empty() => text!(lang,
            zh: "没有 PC/SC 读卡器，请检查接线和驱动",
            en: "there is no PC/SC reader: check its cable and its driver"),
        Away::NoReader { others } => {
            let others = others.join(", ");
            text!(lang,
                zh: "没有此名称的 PC/SC 读卡器，现有：{others}",
                en: "no PC/SC reader has such a name; there are: {others}")
        }
        Away::Several(names) => {
            let names = names.join(", ");
            text!(lang,
                zh: "多台 PC/SC 读卡器符合此名称，请写得更具体：{names}",
                en: "several PC/SC readers have such a name, give more of it: {names}")
        }
        Away::Failed(why) => text!(lang, zh: "PC/SC 出错：{why}", en: "PC/SC fails: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use schoolgate_cards::{
        ntag424::{Names, SunKeys, Uid},
        pcsc::BUILT_IN,
    };
    use schoolgate_core::{credential::CredentialId, id::ReaderId, proof::Proof};
    use schoolgate_virtual_card::{Layout, Ntag424, ndef_of};

    use super::*;
    use crate::readers::{ReaderEvent, ReaderHappening, card_key::CardKey};

    const UID: [u8; 7] = [0x04, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40];

    fn keys() -> SunKeys {
        SunKeys::from_master(b"a school's key..")
    }

    fn reader() -> (PcscReader, mpsc::Receiver<ReaderEvent>) {
        let (events, told) = mpsc::channel(16);
        let card_key = CardKey::new(&[7; 32]);
        let desk = Desk::new(ReaderId::try_new("office").unwrap(), card_key.clone(), events);
        let sun = SunExaminer::new(keys(), Names::default(), card_key);
        (PcscReader::new(desk, "ACR122U", Some(Arc::new(sun))), told)
    }

    fn credential() -> CredentialId {
        CardKey::new(&[7; 32]).credential("iso14443a", &UID)
    }

    async fn told(happenings: impl IntoIterator<Item = Happening>) -> Vec<ReaderHappening> {
        let (mut reader, mut told) = reader();
        for what in happenings {
            reader.happened(Instant::now(), what).await.unwrap();
        }
        std::iter::from_fn(|| told.try_recv().ok()).map(|event| event.what).collect()
    }

    fn card(number: &[u8], ndef: Option<Vec<u8>>) -> Happening {
        Happening::Card(Card { number: number.into(), ndef })
    }

    #[tokio::test]
    async fn a_reader_comes_goes_and_says_why() {
        let away = Away::NoService;
        let events = told([Happening::There, Happening::Away(away.clone()), Happening::There]).await;
        assert_eq!(events, [ReaderHappening::Up, ReaderHappening::Down(DownReason::Pcsc(away)), ReaderHappening::Up]);
    }

    #[tokio::test]
    async fn every_card_that_is_laid_down_is_told_with_what_it_proves() {
        let mut genuine = Ntag424::new(UID, *keys().meta(), keys().of_card(Uid(UID)), Layout::encrypted());
        let mut message = || Some(ndef_of(&genuine.read_text()));
        let events = told([
            card(&UID, message()),
            card(&UID, message()),
            card(&UID, None),
            card(&[4, 9, 9, 9, 9, 9, 9], message()),
            Happening::Unreadable,
            card(&[], None),
        ])
        .await;
        let shown = |proof| ReaderHappening::Card { credential: credential(), proof };
        let message = |counter| shown(Proof::SecureMessage { counter });
        let cloned = ReaderHappening::Cloned(credential());
        assert_eq!(events, [message(1), message(2), shown(Proof::Number), cloned]);
    }

    #[tokio::test]
    async fn a_program_without_pcsc_readers_says_so_and_stops_when_told() {
        if BUILT_IN {
            return; // then the service is asked: see the tests of schoolgate-cards
        }
        let (reader, mut told) = reader();
        let (stop, stopped) = signal::channel(false);
        let running = tokio::spawn(reader.run(stopped));
        let event = told.recv().await.unwrap();
        assert_eq!(event.what, ReaderHappening::Down(DownReason::Pcsc(Away::NotBuiltIn)));
        stop.send_replace(true);
        running.await.unwrap();
    }

    #[test]
    fn every_reason_says_what_would_help() {
        let names = vec!["A 00".to_owned(), "A 01".to_owned()];
        let reasons = [
            Away::NotBuiltIn,
            Away::NoService,
            Away::NoReader { others: Vec::new() },
            Away::NoReader { others: names.clone() },
            Away::Several(names),
            Away::Failed("x".into()),
        ];
        let said: std::collections::BTreeSet<_> = reasons.iter().map(|away| say(away, Lang::En)).collect();
        assert_eq!(said.len(), reasons.len());
        assert!(say(&reasons[3], Lang::Zh).contains("A 00, A 01"));
    }
}
