//! A reader on a pipe, on virtual time.

use std::{collections::VecDeque, sync::Arc};

use proptest::prelude::*;
use schoolgate_core::{credential::CredentialId, id::ReaderId};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
    task::JoinHandle,
    time::{advance, timeout},
};

use super::{
    super::{
        Decode, Fault, FaultCounts, FaultKind, Proof, ReaderCounters, ReaderEvent, ReaderHappening, Talker,
        card_key::CardKey, em18, rdm6300::Decoder,
    },
    *,
};

const CARD_A: [u8; 5] = [0x62, 0xE3, 0x08, 0x6C, 0xED];
const CARD_B: [u8; 5] = [0x0A, 0x00, 0x12, 0x34, 0x56];

/// Gives these lines one after the other, then none.
struct Lines(VecDeque<Result<DuplexStream, DownReason>>);

impl OpenPort for Lines {
    type Stream = DuplexStream;

    async fn open(&mut self) -> Result<DuplexStream, DownReason> {
        self.0.pop_front().unwrap_or(Err(DownReason::NotThere))
    }
}

struct Reader {
    events: mpsc::Receiver<ReaderEvent>,
    counters: Arc<ReaderCounters>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn key() -> CardKey {
    CardKey::new(&[7; 32])
}

fn credential(card: [u8; 5]) -> CredentialId {
    key().credential("rdm6300", &card)
}

fn tapped(card: [u8; 5]) -> ReaderHappening {
    ReaderHappening::Card { credential: credential(card), proof: Proof::Number }
}

fn frame(card: [u8; 5]) -> Vec<u8> {
    let checksum = card.iter().fold(0, |sum, byte| sum ^ byte);
    let digits: String = card.iter().chain([&checksum]).map(|byte| format!("{byte:02X}")).collect();
    format!("\x02{digits}\x03").into_bytes()
}

fn reader(lines: impl IntoIterator<Item = Result<DuplexStream, DownReason>>, queue: usize) -> Reader {
    reader_that_speaks(Decoder::new(), lines, queue)
}

fn reader_that_speaks(
    decoder: impl Decode,
    lines: impl IntoIterator<Item = Result<DuplexStream, DownReason>>,
    queue: usize,
) -> Reader {
    let (sender, events) = mpsc::channel(queue);
    let (stop, stopped) = watch::channel(false);
    let opener = Lines(lines.into_iter().collect());
    let desk = Desk::new(ReaderId::try_new("east-in").unwrap(), key(), sender);
    let counters = desk.counters();
    let port = Port::new(opener, Talker::new(desk, decoder), || u32::MAX);
    Reader { events, counters, stop, task: tokio::spawn(port.run(stopped)) }
}

/// A reader that is up, and the far end of its line.
async fn reader_up() -> (Reader, DuplexStream) {
    let (near, far) = duplex(4_096);
    let mut reader = reader([Ok(near)], 64);
    assert_eq!(reader.next().await, ReaderHappening::Up);
    (reader, far)
}

impl Reader {
    async fn next(&mut self) -> ReaderHappening {
        self.next_event().await.what
    }

    async fn next_event(&mut self) -> ReaderEvent {
        timeout(Duration::from_secs(60), self.events.recv()).await.expect("an event in time").expect("a running reader")
    }

    async fn is_quiet_for(&mut self, time: Duration) -> bool {
        timeout(time, self.events.recv()).await.is_err()
    }
}

#[tokio::test(start_paused = true)]
async fn a_tap_is_told_with_its_moment_and_without_its_number() {
    let (mut reader, mut far) = reader_up().await;
    sleep(Duration::from_secs(3)).await;
    let at = Instant::now();
    far.write_all(&frame(CARD_A)).await.unwrap();

    let event = reader.next_event().await;

    assert_eq!(event.at, at.into_std());
    assert_eq!(event.what, tapped(CARD_A));
    assert!(!format!("{event:?}").to_uppercase().contains("E3086CED"));
}

#[tokio::test(start_paused = true)]
async fn a_resting_card_is_told_once_and_again_after_it_was_gone() {
    let (mut reader, mut far) = reader_up().await;
    for _ in 0..100 {
        far.write_all(&frame(CARD_A)).await.unwrap();
        sleep(Duration::from_millis(65)).await;
    }
    assert_eq!(reader.next().await, tapped(CARD_A));
    assert!(reader.is_quiet_for(Duration::from_secs(1)).await);
    assert_eq!(reader.counters.frames(), 100);

    far.write_all(&frame(CARD_A)).await.unwrap();
    assert_eq!(reader.next().await, tapped(CARD_A));
}

#[tokio::test(start_paused = true)]
async fn an_unplugged_reader_is_down_once_and_up_when_it_is_back() {
    let (first, first_far) = duplex(64);
    let (second, mut second_far) = duplex(64);
    let absent = (0..10).map(|_| Err(DownReason::NotThere));
    let mut reader = reader([Ok(first)].into_iter().chain(absent).chain([Ok(second)]), 64);
    assert_eq!(reader.next().await, ReaderHappening::Up);

    drop(first_far);

    assert_eq!(reader.next().await, ReaderHappening::Down(DownReason::HungUp));
    assert_eq!(reader.next().await, ReaderHappening::Up);
    second_far.write_all(&frame(CARD_B)).await.unwrap();
    assert_eq!(reader.next().await, tapped(CARD_B));
    assert_eq!(reader.counters.reopenings(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_lies_there_while_the_cable_wobbles_is_told_once() {
    let (first, mut first_far) = duplex(64);
    let (second, mut second_far) = duplex(64);
    let mut reader = reader([Ok(first), Ok(second)], 64);
    assert_eq!(reader.next().await, ReaderHappening::Up);
    first_far.write_all(&frame(CARD_A)).await.unwrap();
    assert_eq!(reader.next().await, tapped(CARD_A));

    drop(first_far);
    second_far.write_all(&frame(CARD_A)).await.unwrap();

    assert_eq!(reader.next().await, ReaderHappening::Down(DownReason::HungUp));
    assert_eq!(reader.next().await, ReaderHappening::Up);
    assert!(reader.is_quiet_for(Duration::from_secs(1)).await);
    assert_eq!(reader.counters.frames(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_can_not_be_opened_says_which_reason_and_when_it_changes() {
    let (near, _far) = duplex(64);
    let refusals =
        [DownReason::NotThere, DownReason::NotThere, DownReason::NoPermission, DownReason::Busy, DownReason::Busy];
    let mut reader = reader(refusals.into_iter().map(Err).chain([Ok(near)]), 64);

    for told in [DownReason::NotThere, DownReason::NoPermission, DownReason::Busy] {
        assert_eq!(reader.next().await, ReaderHappening::Down(told));
    }
    assert_eq!(reader.next().await, ReaderHappening::Up);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_hangs_up_at_once_is_tried_more_and_more_rarely() {
    let dead_lines = (0..20).map(|_| Ok(duplex(64).0));
    let mut reader = reader(dead_lines, 64);
    let start = Instant::now();
    for _ in 0..10 {
        assert_eq!(reader.next().await, ReaderHappening::Up);
        assert_eq!(reader.next().await, ReaderHappening::Down(DownReason::HungUp));
    }
    // 0.2 + 0.4 + 0.8 + 1.6 + 3.2 + 5 + 5 + 5 + 5 s between ten openings.
    assert_eq!(start.elapsed().as_millis(), 26_200);
}

#[tokio::test(start_paused = true)]
async fn faults_are_told_at_once_and_then_every_ten_seconds_at_most() {
    let (mut reader, mut far) = reader_up().await;
    let start = Instant::now();
    for _ in 0..250 {
        far.write_all(b"\x0262E3086CED09\x03").await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }

    let mut told = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_secs(20), reader.events.recv()).await {
        let ReaderHappening::Faults(counts) = event.what else { panic!("{event:?}") };
        told.push(((event.at - start.into_std()).as_secs(), counts.of(FaultKind::BadChecksum)));
    }

    assert_eq!(told.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 10, 20, 30]);
    assert_eq!(told.iter().map(|(_, count)| count).sum::<u64>(), 250);
    assert_eq!(reader.counters.faults().of(FaultKind::BadChecksum), 250);
}

#[tokio::test(start_paused = true)]
async fn halves_of_two_frames_are_no_card() {
    let (mut reader, mut far) = reader_up().await;
    let bytes = frame(CARD_A);
    far.write_all(&bytes[..7]).await.unwrap();
    assert_eq!(reader.next().await, ReaderHappening::Faults(FaultCounts::from_iter([Fault::CUT_SHORT])));
    far.write_all(&bytes[7..]).await.unwrap();
    assert_eq!(reader.next().await, ReaderHappening::Faults(FaultCounts::from_iter([Fault::garbage(7)])));
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_outlasts_a_time_in_which_nobody_could_read() {
    let (mut reader, mut far) = reader_up().await;
    let bytes = frame(CARD_A);
    far.write_all(&bytes[..7]).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    far.write_all(&bytes[7..]).await.unwrap();
    advance(Duration::from_secs(1)).await;
    assert_eq!(reader.next().await, tapped(CARD_A));
    assert!(reader.is_quiet_for(Duration::from_secs(100)).await, "no fault");
}

#[tokio::test(start_paused = true)]
async fn a_whole_burst_has_ended_when_nobody_could_read_meanwhile() {
    let (near, mut far) = duplex(64);
    let mut reader = reader_that_speaks(em18::Decoder::default(), [Ok(near)], 64);
    assert_eq!(reader.next().await, ReaderHappening::Up);
    let digits = frame(CARD_A)[1..13].to_vec();
    far.write_all(&digits).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    far.write_all(b"noise").await.unwrap();
    advance(Duration::from_secs(1)).await;
    let at = reader.next_event().await;
    assert_eq!(at.what, ReaderHappening::Card { credential: credential(CARD_A), proof: Proof::Number });
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_holds_back_half_a_frame_too() {
    let (near, mut far) = duplex(64);
    let mut reader = reader([Ok(near)], 1);
    let (first, second) = (frame(CARD_A), frame(CARD_B));
    far.write_all(&[&first[..], &second[..7]].concat()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    far.write_all(&second[7..]).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    assert_eq!(reader.next().await, ReaderHappening::Up);
    assert_eq!(reader.next().await, tapped(CARD_A));
    assert_eq!(reader.next().await, tapped(CARD_B));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_holds_cards_back_and_loses_none() {
    let (near, mut far) = duplex(64);
    let mut reader = reader([Ok(near)], 1);
    let cards: Vec<[u8; 5]> = (0..10).map(|i| [1, 2, 3, 4, i]).collect();
    let writer = {
        let bytes: Vec<u8> = cards.iter().flat_map(|&card| frame(card)).collect();
        tokio::spawn(async move { far.write_all(&bytes).await.map(|()| far) })
    };
    assert!(
        timeout(Duration::from_secs(60), async {
            while reader.counters.queue_full() == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .is_ok()
    );

    assert_eq!(reader.next().await, ReaderHappening::Up);
    for card in cards {
        assert_eq!(reader.next().await, tapped(card));
    }
    writer.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_the_port_and_ends_the_task() {
    let (reader, mut far) = reader_up().await;
    reader.stop.send(true).unwrap();
    reader.task.await.unwrap();
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_nobody_listens_to_ends() {
    let (reader, mut far) = reader_up().await;
    drop(reader.events);
    far.write_all(&frame(CARD_A)).await.unwrap();
    reader.task.await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_the_bytes_come_the_cards_are_the_same(
        cards in prop::collection::btree_set(any::<[u8; 5]>(), 1..8),
        noise in prop::collection::vec(prop::collection::vec(3..=255_u8, 0..5), 8),
        cuts in prop::collection::vec(1..20_usize, 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let presented = runtime.block_on(async {
            let (mut reader, mut far) = reader_up().await;
            let bytes: Vec<u8> = cards.iter().zip(&noise).flat_map(|(&card, noise)| [&noise[..], &frame(card)].concat()).collect();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at(*cut.min(&rest.len()));
                far.write_all(now).await.unwrap();
                tokio::task::yield_now().await;
                rest = later;
                if rest.is_empty() { break }
            }
            let mut presented = Vec::new();
            while presented.len() < cards.len() {
                if let ReaderHappening::Card { credential, .. } = reader.next().await { presented.push(credential) }
            }
            presented
        });
        prop_assert_eq!(presented, cards.into_iter().map(credential).collect::<Vec<_>>());
    }
}
