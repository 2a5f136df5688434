//! A virtual reader and the gateway's own reader task, on a real pseudo-terminal.

use std::sync::Arc;

use proptest::prelude::*;
use schoolgate::readers::{
    Decode, Desk, DownReason, Fault, FaultCounts, LooksLike, Proof, ReaderCounters, ReaderEvent, ReaderHappening,
    SerialPort, Talker, Trouble, Unsaid,
    card_key::CardKey,
    em18,
    flood::{FLOOD_DROPPED_BEYOND, FLOOD_TOLD_BEYOND},
    port::Port,
    rdm6300::Decoder,
    scanner,
};
use schoolgate_core::id::ReaderId;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::*;

const CARD_A: CardNumber = [0x62, 0xE3, 0x08, 0x6C, 0xED];
const CARD_B: CardNumber = [0x0A, 0x00, 0x12, 0x34, 0x56];
const CARD_C: CardNumber = [0x0A, 0x00, 0x12, 0x34, 0x57];
const PATIENCE: Duration = Duration::from_secs(30);

struct Gateway {
    events: mpsc::Receiver<ReaderEvent>,
    counters: Arc<ReaderCounters>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Gateway {
    fn start(path: &Path) -> Self {
        Self::with(path, Decoder::new())
    }

    fn with(path: &Path, decoder: impl Decode) -> Self {
        let (sender, events) = mpsc::channel(256);
        let (stop, stopped) = watch::channel(false);
        let serial = SerialPort::new(path.to_str().unwrap(), 9_600);
        let desk = Desk::new(ReaderId::try_new("east-in").unwrap(), CardKey::new(&[7; 32]), sender);
        let counters = desk.counters();
        let port = Port::new(serial, Talker::new(desk, decoder), || 0);
        Self { events, counters, stop, task: tokio::spawn(port.run(stopped)) }
    }

    async fn next(&mut self) -> ReaderHappening {
        timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("a running reader").what
    }

    /// The next event that isn't about faults.
    async fn next_but_faults(&mut self) -> ReaderHappening {
        loop {
            let what = self.next().await;
            if !matches!(what, ReaderHappening::Faults(_)) {
                return what;
            }
        }
    }

    async fn stop(self) {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

fn presented(card: CardNumber) -> ReaderHappening {
    ReaderHappening::Card { credential: CardKey::new(&[7; 32]).credential("rdm6300", &card), proof: Proof::Number }
}

fn plugged_in() -> (tempfile::TempDir, VirtualReader) {
    let folder = tempfile::tempdir().unwrap();
    let reader = VirtualReader::plug_in(folder.path().join("east-in")).unwrap();
    (folder, reader)
}

#[test]
fn the_frame_is_the_data_sheets() {
    assert_eq!(&frame(CARD_A), b"\x0262E3086CED08\x03");
}

#[tokio::test]
async fn a_tap_is_presented() {
    let (_folder, reader) = plugged_in();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    for card in [CARD_A, CARD_B, CARD_C] {
        reader.tap(card).unwrap();
        assert_eq!(gateway.next().await, presented(card));
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_frame_repeated_many_times_is_presented_once() {
    let (_folder, reader) = plugged_in();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);

    for _ in 0..100 {
        reader.tap(CARD_A).unwrap();
    }
    reader.tap(CARD_B).unwrap();

    assert_eq!(gateway.next().await, presented(CARD_A));
    assert_eq!(gateway.next().await, presented(CARD_B));
    assert_eq!(gateway.counters.frames(), 101);
}

#[tokio::test]
async fn a_card_that_rests_is_read_no_more_often_than_a_real_reader_reads_it() {
    let (_folder, reader) = plugged_in();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);

    reader.rest(CARD_A, Duration::from_millis(650)).await.unwrap();
    reader.tap(CARD_B).unwrap();

    while gateway.next().await != presented(CARD_B) {}
    assert!((2..=11 + 1).contains(&gateway.counters.frames()), "{}", gateway.counters.frames());
}

#[tokio::test]
async fn damage_is_counted_and_the_next_card_is_read() {
    let (_folder, reader) = plugged_in();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);

    reader.send(b"noise").unwrap();
    reader.tap(CARD_A).unwrap();
    reader.half_tap(CARD_B).unwrap();
    reader.tap_with_wrong_checksum(CARD_B).unwrap();
    reader.tap(CARD_C).unwrap();

    assert_eq!(gateway.next_but_faults().await, presented(CARD_A));
    assert_eq!(gateway.next_but_faults().await, presented(CARD_C));
    let expected = FaultCounts::from_iter([Fault::garbage(5), Fault::CUT_SHORT, Fault::BAD_CHECKSUM]);
    assert_eq!(gateway.counters.faults(), expected);
}

#[tokio::test]
async fn every_byte_value_comes_through_unchanged() {
    let (_folder, reader) = plugged_in();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);

    let garbage: Vec<u8> = (0..=u8::MAX).filter(|byte| *byte != 0x02).collect();
    reader.send(&garbage).unwrap();
    reader.tap(CARD_A).unwrap();

    // So much that makes no sense may be told as such.
    while gateway.next().await != presented(CARD_A) {}
    assert_eq!(gateway.counters.faults(), FaultCounts::from_iter([Fault::garbage(255)]));
}

#[tokio::test]
async fn an_unplugged_reader_is_down_and_comes_back_under_its_path() {
    let (_folder, mut reader) = plugged_in();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    for card in [CARD_A, CARD_B, CARD_C] {
        reader.unplug();
        assert_eq!(gateway.next().await, ReaderHappening::Down(DownReason::HungUp));
        assert!(matches!(reader.tap(CARD_A), Err(VirtualReaderError::Unplugged)));

        reader.replug().unwrap();
        assert_eq!(gateway.next().await, ReaderHappening::Up);
        reader.tap(card).unwrap();
        assert_eq!(gateway.next().await, presented(card));
    }
    assert_eq!(gateway.counters.reopenings(), 3);
}

#[tokio::test]
async fn a_second_gateway_is_told_that_the_port_is_taken_and_gets_it_when_it_is_free() {
    let (_folder, reader) = plugged_in();
    let mut first = Gateway::start(reader.path());
    assert_eq!(first.next().await, ReaderHappening::Up);
    let mut second = Gateway::start(reader.path());
    assert_eq!(second.next().await, ReaderHappening::Down(DownReason::Busy));

    first.stop().await;
    reader.forget_exclusive_use();

    assert_eq!(second.next().await, ReaderHappening::Up);
    reader.tap(CARD_B).unwrap();
    assert_eq!(second.next().await, presented(CARD_B));
}

#[tokio::test]
async fn a_port_that_is_not_there_and_one_that_is_no_port_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::start(&folder.path().join("absent"));
    assert_eq!(gateway.next().await, ReaderHappening::Down(DownReason::NotThere));

    std::fs::write(folder.path().join("file"), "").unwrap();
    let mut gateway = Gateway::start(&folder.path().join("file"));
    assert!(matches!(gateway.next().await, ReaderHappening::Down(DownReason::Failed(_))));
}

#[tokio::test]
async fn a_line_that_nobody_reads_holds_nobody_up() {
    let (_folder, reader) = plugged_in();
    let full = (0..100_000).find_map(|_| reader.tap(CARD_A).err());
    assert!(matches!(full, Some(VirtualReaderError::NobodyReads { .. })), "{full:?}");

    // What came before the gateway listened is not taken for a tap now.
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    reader.tap(CARD_B).unwrap();
    assert_eq!(gateway.next_but_faults().await, presented(CARD_B));
    assert_eq!(gateway.counters.frames(), 1);
}

#[test]
fn a_reader_that_is_dropped_leaves_no_path_behind() {
    let (folder, reader) = plugged_in();
    drop(reader);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn em18() -> (tempfile::TempDir, VirtualReader) {
    let folder = tempfile::tempdir().unwrap();
    let reader = VirtualReader::plug_in_as(Speaks::Em18, folder.path().join("room-1")).unwrap();
    (folder, reader)
}

fn unintelligible(looks_like: Option<LooksLike>, on: bool) -> ReaderHappening {
    ReaderHappening::Trouble { trouble: Trouble::Unintelligible(looks_like), on }
}

#[test]
fn an_em18_says_the_digits_alone() {
    assert_eq!(&em18_frame(CARD_A), b"62E3086CED08");
}

#[tokio::test]
async fn a_tap_at_an_em18_is_the_same_card_and_damage_and_an_unplugged_cable_are_survived() {
    let (_folder, mut reader) = em18();
    let mut gateway = Gateway::with(reader.path(), em18::Decoder::new());
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    for card in [CARD_A, CARD_B, CARD_C] {
        reader.tap(card).unwrap();
        assert_eq!(gateway.next().await, presented(card));
    }
    reader.tap_with_wrong_checksum(CARD_A).unwrap();
    assert!(
        matches!(gateway.next().await, ReaderHappening::Faults(counts) if counts == FaultCounts::from_iter([Fault::BAD_CHECKSUM]))
    );

    reader.unplug();
    assert_eq!(gateway.next_but_faults().await, ReaderHappening::Down(DownReason::HungUp));
    reader.replug().unwrap();
    assert_eq!(gateway.next_but_faults().await, ReaderHappening::Up);
    let other = [9, 9, 9, 9, 9];
    reader.tap(other).unwrap();
    assert_eq!(gateway.next_but_faults().await, presented(other));
    gateway.stop().await;
}

#[tokio::test]
async fn a_scanned_pass_and_a_code_are_told_once_and_half_a_line_is_not() {
    let (_folder, reader) = plugged_in();
    let mut gateway = Gateway::with(reader.path(), scanner::Decoder::new());
    assert_eq!(gateway.next().await, ReaderHappening::Up);

    reader.send(b"SGP1:k1:half a line").unwrap();
    assert!(
        matches!(gateway.next().await, ReaderHappening::Faults(counts) if counts == FaultCounts::from_iter([Fault::CUT_SHORT]))
    );
    (0..3).for_each(|_| reader.scan("SGP1:k1:dongfeng:s:g:2026-09-01:1630-1830:0:x").unwrap());
    reader.scan("01234567").unwrap();

    let pass = Unsaid::new("SGP1:k1:dongfeng:s:g:2026-09-01:1630-1830:0:x");
    assert_eq!(gateway.next_but_faults().await, ReaderHappening::Text(pass));
    assert_eq!(gateway.next_but_faults().await, ReaderHappening::Digits(Unsaid::new("01234567")));
    assert_eq!((gateway.counters.frames(), gateway.counters.presentations()), (4, 2));
}

#[tokio::test]
async fn another_kind_of_reader_than_configured_is_named_until_the_right_one_is_heard() {
    let (_folder, reader) = em18();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);

    for _ in 0..12 {
        reader.tap(CARD_A).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let told = gateway.next_but_faults().await;
    assert_eq!(told, unintelligible(Some(LooksLike::Em18), true), "{told:?}");

    reader.send(&frame(CARD_A)).unwrap();
    let mut rest = [gateway.next_but_faults().await, gateway.next_but_faults().await];
    rest.sort_by_key(|what| *what == presented(CARD_A));
    assert_eq!(rest, [unintelligible(Some(LooksLike::Em18), false), presented(CARD_A)]);
    assert!(gateway.counters.condition().troubles.is_empty());
}

#[tokio::test]
async fn bytes_at_another_baud_rate_are_told_as_such() {
    let (_folder, reader) = plugged_in();
    let mut gateway = Gateway::start(reader.path());
    assert_eq!(gateway.next().await, ReaderHappening::Up);
    // What 9600 baud looks like at 19200: each bit twice.
    for _ in 0..20 {
        reader.send(&[0x00, 0x98, 0xE6, 0x78, 0x1E, 0xF8, 0x66]).unwrap();
    }
    assert_eq!(gateway.next_but_faults().await, unintelligible(None, true));
}

#[tokio::test]
async fn a_broken_reader_that_floods_is_told_of_and_held_back_and_its_neighbour_is_not() {
    const PRESENTED: u32 = 2 * FLOOD_DROPPED_BEYOND;
    const FLOOD: ReaderHappening = ReaderHappening::Trouble { trouble: Trouble::Flood, on: true };
    let (_folder, broken) = plugged_in();
    let (_other_folder, sound) = plugged_in();
    let (mut floods, mut taps) = (Gateway::start(broken.path()), Gateway::start(sound.path()));
    assert_eq!((floods.next().await, taps.next().await), (ReaderHappening::Up, ReaderHappening::Up));
    let counters = Arc::clone(&floods.counters);
    let seen = tokio::spawn(async move {
        let (mut before_flood, mut presentations) = (None, 0);
        while presentations + counters.dropped() < PRESENTED.into() {
            match floods.next().await {
                FLOOD => before_flood = Some(presentations),
                ReaderHappening::Card { .. } => presentations += 1,
                _ => {}
            }
        }
        (before_flood, presentations, counters.condition().troubles)
    });

    let card = |kind, n: u32| {
        let [_, a, b, c] = n.to_be_bytes();
        [kind, 0, a, b, c]
    };
    // The last one is dropped like those before it, so something that is told must follow.
    let frames: Vec<u8> = (0..PRESENTED).flat_map(|n| frame(card(1, n))).chain(*b"xx").collect();
    let mut left = &frames[..];
    for n in 0.. {
        match broken.send(left) {
            Ok(()) => break,
            Err(VirtualReaderError::NobodyReads { taken, .. }) => left = &left[taken..],
            Err(error) => panic!("{error}"),
        }
        if n < FLOOD_TOLD_BEYOND {
            sound.tap(card(2, n)).unwrap();
            assert_eq!(taps.next().await, presented(card(2, n)));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    let (before_flood, presentations, troubles) = seen.await.unwrap();
    assert_eq!(before_flood, Some(FLOOD_TOLD_BEYOND.into()), "told long before anything is dropped");
    let half = u64::from(FLOOD_DROPPED_BEYOND);
    assert!((half..=half * 3 / 2).contains(&presentations), "{presentations}");
    assert_eq!((troubles, taps.counters.dropped()), (vec![Trouble::Flood], 0));
}

/// What comes over a bad line: a sound piece, one with a damaged byte, one cut off, noise.
#[derive(Clone, Debug)]
enum Piece {
    Sound(u8),
    Damaged(u8, usize, u8),
    Cut(u8, usize),
    Noise(Vec<u8>),
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => (0..4_u8).prop_map(Piece::Sound),
        2 => (0..4_u8, 0..64_usize, 1..=u8::MAX).prop_map(|(card, at, flip)| Piece::Damaged(card, at, flip)),
        1 => (0..4_u8, 0..12_usize).prop_map(|(card, at)| Piece::Cut(card, at)),
        1 => prop::collection::vec(0x80..=u8::MAX, 1..30).prop_map(Piece::Noise),
    ]
}

impl Piece {
    fn bytes(&self, frame: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
        match self {
            Self::Sound(card) => frame(*card),
            Self::Damaged(card, at, flip) => {
                let mut bytes = frame(*card);
                let at = at % bytes.len();
                bytes[at] ^= flip;
                bytes
            }
            Self::Cut(card, at) => frame(*card)[..*at].to_vec(),
            Self::Noise(bytes) => bytes.clone(),
        }
    }
}

/// The pieces, merged and split again wherever it may be, with the reader's task let in between.
async fn send_in_bits(reader: &VirtualReader, pieces: &[Piece], frame: impl Fn(u8) -> Vec<u8>, bits: &[usize]) {
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes(&frame)).collect();
    let (mut rest, mut bits) = (&bytes[..], bits.iter().cycle());
    while !rest.is_empty() {
        let bit = bits.next().copied().unwrap_or(1).min(rest.len());
        reader.send(&rest[..bit]).unwrap();
        rest = &rest[bit..];
        tokio::task::yield_now().await;
    }
}

/// Cards that were told until the last one was, which is sent again until it is.
async fn cards_until(
    gateway: &mut Gateway,
    reader: &VirtualReader,
    last: &ReaderHappening,
    sound: &[u8],
) -> Vec<ReaderHappening> {
    let mut cards = Vec::new();
    loop {
        reader.send(sound).unwrap();
        while let Ok(event) = timeout(Duration::from_millis(100), gateway.events.recv()).await {
            let what = event.expect("a running reader").what;
            if what == *last {
                return cards;
            }
            if matches!(what, ReaderHappening::Card { .. } | ReaderHappening::Digits(_)) {
                cards.push(what);
            }
        }
    }
}

fn block_on<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}

fn numbered(card: u8) -> CardNumber {
    [0x0A, 0x00, 0x12, 0x34, card]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_bad_line_gives_no_wrong_card_and_the_next_sound_one_is_read(
        speaks in prop::sample::select(vec![Speaks::Rdm6300, Speaks::Em18]),
        pieces in prop::collection::vec(piece(), 0..8),
        bits in prop::collection::vec(1..40_usize, 1..20),
    ) {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let reader = VirtualReader::plug_in_as(speaks, folder.path().join("reader")).unwrap();
            let bytes_of = |card: u8| match speaks {
                Speaks::Rdm6300 => frame(numbered(card)).to_vec(),
                Speaks::Em18 => em18_frame(numbered(card)).to_vec(),
            };
            let mut gateway = match speaks {
                Speaks::Em18 => Gateway::with(reader.path(), em18::Decoder::new()),
                _ => Gateway::start(reader.path()),
            };
            assert_eq!(gateway.next().await, ReaderHappening::Up);

            send_in_bits(&reader, &pieces, bytes_of, &bits).await;
            let told = cards_until(&mut gateway, &reader, &presented(numbered(9)), &bytes_of(9)).await;

            let sent: Vec<_> = (0..4).map(|card| presented(numbered(card))).collect();
            assert!(told.iter().all(|card| sent.contains(card)), "{told:?}");
            gateway.stop().await;
        });
    }

    #[test]
    fn a_scanner_on_a_bad_line_gives_no_code_that_was_not_scanned(
        pieces in prop::collection::vec(piece(), 0..8),
        bits in prop::collection::vec(1..40_usize, 1..20),
    ) {
        block_on(async {
            let (_folder, reader) = plugged_in();
            let code = |n: u8| format!("1234567{n}");
            let line = |n: u8| format!("{}\r\n", code(n)).into_bytes();
            let mut gateway = Gateway::with(reader.path(), scanner::Decoder::new());
            assert_eq!(gateway.next().await, ReaderHappening::Up);
            // A code has no checksum: what is damaged may be another one.
            let pieces: Vec<Piece> =
                pieces.into_iter().filter(|piece| matches!(piece, Piece::Sound(_) | Piece::Noise(_))).collect();

            send_in_bits(&reader, &pieces, line, &bits).await;
            let digits = |n: u8| ReaderHappening::Digits(Unsaid::new(code(n)));
            let told = cards_until(&mut gateway, &reader, &digits(9), &[b"\r", &line(9)[..]].concat()).await;

            let sent: Vec<_> = (0..4).map(digits).collect();
            assert!(told.iter().all(|code| sent.contains(code)), "{told:?}");
            gateway.stop().await;
        });
    }
}
