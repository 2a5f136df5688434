//! The virtual module and the gateway's own conversation with it: on a pipe with virtual time, and on a real
//! pseudo-terminal.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use proptest::prelude::*;
use schoolgate::readers::{
    Boxed, CardKind, CardNumber, Desk, DownReason, Examine, Examined, Exchange, LooksLike, Proof, ReaderCounters,
    ReaderEvent, ReaderHappening, SerialPort,
    card_key::CardKey,
    pn532::Pn532,
    port::{OpenPort, Port},
};
use schoolgate_core::{credential::CredentialId, id::ReaderId};
use tokio::{
    io::AsyncWriteExt,
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};

use super::*;

const FOUR: [u8; 4] = [0xDE, 0xAD, 0xBE, 0xEF];
const SEVEN: [u8; 7] = [0x04, 0xDE, 0x5F, 0x1E, 0xAC, 0xC0, 0x40];
const TEN: [u8; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const PATIENCE: Duration = Duration::from_secs(30);

fn credential(uid: &[u8]) -> CredentialId {
    CardKey::new(&[7; 32]).credential("iso14443a", uid)
}

fn tapped(uid: &[u8]) -> ReaderHappening {
    ReaderHappening::Card { credential: credential(uid), proof: Proof::Number }
}

/// Gives these lines one after the other, then none.
struct Lines(VecDeque<DuplexStream>);

impl OpenPort for Lines {
    type Stream = DuplexStream;

    async fn open(&mut self) -> Result<DuplexStream, DownReason> {
        self.0.pop_front().ok_or(DownReason::NotThere)
    }
}

struct Gateway {
    events: mpsc::Receiver<ReaderEvent>,
    counters: Arc<ReaderCounters>,
    _stop: watch::Sender<bool>,
}

impl Gateway {
    fn start<O: OpenPort>(opener: O, examiner: Option<Arc<dyn Examine>>) -> Self
    where
        O::Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite,
    {
        let (sender, events) = mpsc::channel(256);
        let (stop, stopped) = watch::channel(false);
        let desk = Desk::new(ReaderId::try_new("east-in").unwrap(), CardKey::new(&[7; 32]), sender);
        let counters = desk.counters();
        let reader = match examiner {
            Some(examiner) => Pn532::new(desk).with_examiner(examiner),
            None => Pn532::new(desk),
        };
        tokio::spawn(Port::new(opener, reader, || 0).run(stopped));
        Self { events, counters, _stop: stop }
    }

    async fn next(&mut self) -> ReaderHappening {
        self.next_within(PATIENCE).await.expect("an event in time")
    }

    /// The next event that isn't about faults.
    async fn next_within(&mut self, time: Duration) -> Option<ReaderHappening> {
        let next = async {
            loop {
                let event = self.events.recv().await.expect("a reader");
                if !matches!(event.what, ReaderHappening::Faults(_)) {
                    return event.what;
                }
            }
        };
        timeout(time, next).await.ok()
    }

    async fn is_quiet_for(&mut self, time: Duration) -> bool {
        self.next_within(time).await.is_none()
    }
}

/// A module and a gateway on a pipe.
fn on_a_pipe(bad: BadLine, examiner: Option<Arc<dyn Examine>>) -> (SharedModule, Gateway) {
    let (near, far) = duplex(4_096);
    let module = SharedModule::default();
    tokio::spawn(serve(module.clone(), far, bad));
    (module, Gateway::start(Lines([near].into()), examiner))
}

async fn up() -> (SharedModule, Gateway) {
    let (module, mut gateway) = on_a_pipe(BadLine::default(), None);
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    (module, gateway)
}

#[tokio::test(start_paused = true)]
async fn uids_of_four_seven_and_ten_bytes_are_presented_within_a_poll() {
    let (module, mut gateway) = up().await;
    for uid in [&FOUR[..], &SEVEN, &TEN] {
        sleep(Duration::from_secs(1)).await;
        let laid_down = Instant::now();
        module.lock().lay_down(VirtualCard::new(uid));
        assert_eq!(gateway.next().await, tapped(uid));
        assert!(laid_down.elapsed() <= Duration::from_millis(100), "{:?}", laid_down.elapsed());
        module.lock().take_away(uid);
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_rests_is_presented_once_and_again_after_it_was_taken_away() {
    let (module, mut gateway) = up().await;
    module.lock().lay_down(VirtualCard::new(&SEVEN));
    assert_eq!(gateway.next().await, tapped(&SEVEN));
    assert!(gateway.is_quiet_for(Duration::from_secs(600)).await);

    module.lock().take_away(&SEVEN);
    sleep(Duration::from_millis(700)).await;
    module.lock().lay_down(VirtualCard::new(&SEVEN));
    assert_eq!(gateway.next().await, tapped(&SEVEN));
}

#[tokio::test(start_paused = true)]
async fn two_cards_at_once_are_both_presented_once() {
    let (module, mut gateway) = up().await;
    module.lock().lay_down(VirtualCard::new(&SEVEN).answering(|_| vec![0x6A, 0x82]));
    module.lock().lay_down(VirtualCard::new(&FOUR));
    assert_eq!([gateway.next().await, gateway.next().await], [tapped(&SEVEN), tapped(&FOUR)]);
    assert!(gateway.is_quiet_for(Duration::from_secs(60)).await);
}

#[tokio::test(start_paused = true)]
async fn a_module_that_lost_its_power_for_a_moment_is_set_up_again_and_nothing_is_told() {
    let (module, mut gateway) = up().await;
    for _ in 0..3 {
        sleep(Duration::from_secs(2)).await;
        module.lock().power_off();
        assert!(gateway.is_quiet_for(Duration::from_secs(2)).await);
        module.lock().lay_down(VirtualCard::new(&FOUR));
        assert_eq!(gateway.next().await, tapped(&FOUR));
        module.lock().take_away(&FOUR);
    }
}

#[tokio::test(start_paused = true)]
async fn a_module_that_falls_silent_is_away_within_two_seconds_and_up_when_it_answers() {
    let (module, mut gateway) = up().await;
    module.lock().set_mute(true);
    let silent = Instant::now();
    assert_eq!(gateway.next().await, ReaderHappening::Down(DownReason::NoAnswer));
    assert!(silent.elapsed() <= Duration::from_secs(2), "{:?}", silent.elapsed());
    assert!(gateway.is_quiet_for(Duration::from_secs(60)).await, "told once");
    assert!(gateway.counters.faults().iter().any(|(kind, count)| kind.name() == "no_answer" && count > 10));

    module.lock().set_mute(false);
    module.lock().power_off();
    assert_eq!(gateway.next().await, ReaderHappening::Up);
}

#[tokio::test(start_paused = true)]
async fn another_kind_of_reader_on_its_line_is_told_as_such() {
    let (near, mut far) = duplex(4_096);
    let mut gateway = Gateway::start(Lines([near].into()), None);
    tokio::spawn(async move {
        while far.write_all(b"\x0262E3086CED08\x03").await.is_ok() {
            sleep(Duration::from_millis(65)).await;
        }
    });
    let looks_like = Some(LooksLike::Rdm6300);
    let told = gateway.next().await;
    assert!(
        told == ReaderHappening::Down(DownReason::Unintelligible(looks_like))
            || gateway.next().await == ReaderHappening::Down(DownReason::Unintelligible(looks_like)),
        "{told:?}"
    );
}

/// Reads a file from the card as a test would: select, then read; what it says decides.
struct AsksItsName;

impl Examine for AsksItsName {
    fn examine<'a>(&'a self, _card: &'a CardNumber, exchange: &'a mut dyn Exchange) -> Boxed<'a, Examined> {
        Box::pin(async move {
            let Ok(answer) = exchange.transceive(&[0x00, 0xA4, 0x04, 0x00]).await else { return Examined::Unreadable };
            match answer.as_slice() {
                [0x90, 0x00] => match exchange.transceive(&[0x00, 0xB0, 0x00, 0x00, 0x00]).await {
                    Ok(said) if said == [&[0xAB; 254][..], &[0x90, 0x00]].concat() => {
                        Examined::Genuine(CredentialId([1; 16]))
                    }
                    Ok(_) => Examined::Cloned(CredentialId([1; 16])),
                    Err(_) => Examined::Unreadable,
                },
                _ => Examined::ByNumber,
            }
        })
    }
}

fn genuine(apdu: &[u8]) -> Vec<u8> {
    match apdu {
        [0x00, 0xA4, ..] => vec![0x90, 0x00],
        _ => [&[0xAB; 254][..], &[0x90, 0x00]].concat(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_answers_is_looked_at_before_it_counts() {
    let (module, mut gateway) = on_a_pipe(BadLine::default(), Some(Arc::new(AsksItsName)));
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    let lay = |card| module.lock().lay_down(card);
    let swap = async |uid: &[u8]| {
        module.lock().take_away(uid);
        sleep(Duration::from_secs(1)).await;
    };

    lay(VirtualCard::new(&SEVEN).answering(genuine));
    let card = ReaderHappening::Card { credential: CredentialId([1; 16]), proof: Proof::Message };
    assert_eq!(gateway.next().await, card);
    swap(&SEVEN).await;

    let mut forged = genuine(&[0x00, 0xB0]);
    forged[7] ^= 1;
    lay(VirtualCard::new(&SEVEN).answering(move |apdu| if apdu[1] == 0xA4 { vec![0x90, 0x00] } else { forged.clone() }));
    assert_eq!(gateway.next().await, ReaderHappening::Cloned(CredentialId([1; 16])));
    swap(&SEVEN).await;

    lay(VirtualCard::new(&SEVEN).answering(|_| vec![0x6A, 0x82]));
    assert_eq!(gateway.next().await, tapped(&SEVEN), "has no such file");
    swap(&SEVEN).await;

    lay(VirtualCard::new(&FOUR));
    assert_eq!(gateway.next().await, tapped(&FOUR), "speaks no such protocol");
    assert!(gateway.is_quiet_for(Duration::from_secs(60)).await);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_come_one_by_one_and_late_are_the_same_bytes() {
    let bad = BadLine { piece: 1, delay: Duration::from_millis(4), ..BadLine::default() };
    let (module, mut gateway) = on_a_pipe(bad, None);
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    module.lock().lay_down(VirtualCard::new(&TEN));
    assert_eq!(gateway.next().await, tapped(&TEN));
    assert!(gateway.counters.faults().is_empty(), "{:?}", gateway.counters.faults());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However bad the line is, no card is presented that does not lie there; and when the line is sound again, the
    /// cards that do are.
    #[test]
    fn a_bad_line_presents_no_wrong_card_and_recovers(
        seed: u64,
        damage_one_in in 8..200_u32,
        piece in 0..9_usize,
        uids in prop::collection::btree_map(any::<u8>(), prop::sample::select(vec![4_usize, 7, 10]), 1..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bad_for = Some(Duration::from_secs(60));
            let (module, mut gateway) = on_a_pipe(
                BadLine { seed, damage_one_in, piece, delay: Duration::from_millis(1), bad_for }, None);
            let cards: BTreeMap<Vec<u8>, CredentialId> = uids.iter().map(|(n, length)| {
                let uid: Vec<u8> = (0..*length).map(|i| n.wrapping_mul(3).wrapping_add(i as u8) & 0x7F).collect();
                (uid.clone(), credential(&uid))
            }).collect();
            let mut presented = 0;
            for round in 0..80 {
                let laid = round % 2 == 0;
                for uid in cards.keys() {
                    match laid {
                        true => module.lock().lay_down(VirtualCard::new(uid)),
                        false => module.lock().take_away(uid),
                    }
                }
                sleep(Duration::from_secs(1)).await;
                let mut now = 0;
                while let Ok(event) = gateway.events.try_recv() {
                    if let ReaderHappening::Card { credential, .. } = event.what {
                        assert!(cards.values().any(|card| *card == credential), "a wrong card");
                        now += 1;
                    }
                }
                presented += now;
                if round >= 70 && laid {
                    assert_eq!(now, cards.len(), "in round {round}");
                }
            }
            assert!(presented >= 5 * cards.len());
        });
    }
}

#[tokio::test]
async fn through_a_real_port_cards_are_presented_and_a_pulled_cable_is_noticed_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let bad = BadLine { piece: 3, ..BadLine::default() };
    let mut reader = VirtualPn532::plug_in(folder.path().join("east-in"), bad).unwrap();
    let mut gateway = Gateway::start(SerialPort::new(reader.path().to_str().unwrap(), 115_200), None);
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    for uid in [&FOUR[..], &SEVEN, &TEN] {
        reader.module().lay_down(VirtualCard::new(uid));
        assert_eq!(gateway.next().await, tapped(uid));
        reader.module().take_away(uid);
    }

    reader.unplug().await;
    assert_eq!(gateway.next().await, ReaderHappening::Down(DownReason::HungUp));
    reader.replug().await.unwrap();
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    reader.module().lay_down(VirtualCard::new(&[9, 8, 7, 6]));
    assert_eq!(gateway.next().await, tapped(&[9, 8, 7, 6]));
}

#[test]
fn a_uid_is_hashed_as_any_reader_of_such_cards_gives_it() {
    assert_eq!(CardNumber::new(CardKind::Iso14443a, &SEVEN).unwrap().kind().name(), "iso14443a");
}
